"""Every network fits the harness: same input, same output, one list of logits in training."""

import pytest
import torch

from benchmarks.models.networks import NETWORKS
from ml.model import count_parameters


@pytest.mark.parametrize("name", [name for name in NETWORKS if not name.endswith("-64")])
def test_logits_have_the_size_of_the_picture(name):
    network = NETWORKS[name]
    model = network.build(network.config(2))
    with torch.inference_mode():
        assert model.eval()(torch.zeros(1, 1, 128, 128)).shape == (1, 3, 128, 128)
        assert model.train()(torch.zeros(2, 1, 128, 128))[0].shape == (2, 3, 128, 128)


def test_parameters_are_those_of_the_published_sizes():
    count = {name: count_parameters(network.build(network.config(1))) / 1e6 for name, network in NETWORKS.items()}

    assert count["unet-64"] == pytest.approx(31.0, abs=0.1)  # U-Net with transposed convolutions
    assert count["attention-64"] > count["unet-64"]
    assert count["light"] == pytest.approx(3.14, abs=0.05)  # CMUNeXt
    assert count["aau-b"] < count["unet-64"] / 10


def test_the_ablation_adds_one_thing_a_row():
    rows = [NETWORKS[name].config(1) for name in ("plain-t", "plain-t-mdck", "plain-t-alca", "plain-t-gag")]
    switched = [(row.mdck, row.alca, row.gag, row.madm) for row in rows]

    assert [sum(each) for each in switched] == [0, 1, 2, 3]
