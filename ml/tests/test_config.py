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
        (TrainConfig, {"image_size": 320_000}, "from 128 to 4096"),
        (TrainConfig, {"learning_rate": float("nan")}, "learning_rate must be a finite number; got nan"),
        (TrainConfig, {"learning_rate": 10**400}, "learning_rate must be a finite number"),
        (TrainConfig, {"learning_rate": 0}, "above 0"),
        (TrainConfig, {"gradient_clip": float("inf")}, "gradient_clip must be a finite number; got inf"),
        (TrainConfig, {"weight_decay": float("nan")}, "weight_decay must be a finite number"),
        (TrainConfig, {"seed": 2**45}, "seed must be a whole number of at most 2147483647"),
        (TrainConfig, {"epochs": 10**400}, "epochs must be a whole number of at most"),
        (TrainConfig, {"batch_size": 0}, "at least 1"),
        (ModelConfig, {"widths": [16, 32]}, "five entries"),
        (ModelConfig, {"widths": [8, 8, 8, 8, 8_000_000]}, "8 to 1024"),
        (ModelConfig, {"depths": [1, 1, 1, 1, 10**7]}, "1 to 16"),
        (ModelConfig, {"kernels": [2]}, "odd"),
        (ModelConfig, {"kernels": [1_000_001]}, "from 1 to 31"),
        (ModelConfig, {"kernels": [1] * 9}, "one to eight"),
        (ModelConfig, {"num_labels": 0}, "1 to 254"),
        (ModelConfig, {"variant": "X"}, "choose T, B or L"),
        (ModelConfig, {"variant": ["B"]}, "choose T, B or L"),
    ],
)
def test_a_wrong_value_is_refused_in_words(cls, plain, words):
    with pytest.raises(BadConfig, match=words):
        cls.from_plain(plain)
