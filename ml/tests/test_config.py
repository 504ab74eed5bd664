import json

import pytest

from ml.config import ModelConfig, TrainConfig
from ml.errors import BadConfig


@pytest.mark.parametrize("config", [ModelConfig.variant("B", 4), ModelConfig(), TrainConfig(epochs=3)])
def test_a_config_survives_json(config):
    assert type(config).from_plain(json.loads(json.dumps(config.to_plain()))) == config


def test_a_variant_can_be_named_and_adjusted():
    config = ModelConfig.from_plain({"variant": "B", "num_labels": 3, "alca": False})
    assert (config.widths[0], config.num_labels, config.alca) == (32, 3, False)


@pytest.mark.parametrize(
    ("cls", "plain", "words"),
    [
        (TrainConfig, {"epoch": 3}, "does not know epoch"),
        (TrainConfig, {"epochs": "3"}, "epochs must be"),
        (TrainConfig, {"epochs": True}, "epochs must be"),
        (TrainConfig, {"image_size": 250}, "multiple of 64"),
        (TrainConfig, {"learning_rate": float("nan")}, "above 0"),
        (TrainConfig, {"batch_size": 0}, "at least 1"),
        (ModelConfig, {"widths": [16, 32]}, "five entries"),
        (ModelConfig, {"kernels": [2]}, "odd"),
        (ModelConfig, {"num_labels": 0}, "1 to 254"),
        (ModelConfig, {"variant": "X"}, "choose T, B or L"),
    ],
)
def test_a_wrong_value_is_refused_in_words(cls, plain, words):
    with pytest.raises(BadConfig, match=words):
        cls.from_plain(plain)
