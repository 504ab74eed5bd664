import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch

from ml.checkpoint import WeightsInfo, load_model, load_tensors, save_model, save_tensors
from ml.config import ModelConfig
from ml.errors import BadWeights
from ml.labels import LabelSchema
from ml.model import AAUNet
from ml.tests.synthetic import LABELS

INFO = WeightsInfo(ModelConfig(num_labels=2, widths=(8, 8, 16, 16, 16)), LABELS, 128, "d" * 64, training={"epoch": 3})


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "model.safetensors"
    save_model(path, AAUNet(INFO.config), INFO)
    return path


def reheaded(path, change):
    """Rewrite a file's story by `change`, sealed anew: what another program, or another version, could have written."""
    tensors, story = load_tensors(path)
    change(story)
    save_tensors(path, tensors, story)


def test_saved_and_loaded_gives_the_same_output_and_the_same_story(weights):
    torch.manual_seed(0)
    model = AAUNet(INFO.config).eval()
    loaded, info = load_model(weights, labels=LABELS)
    x = torch.randn(1, 1, 128, 128)
    with torch.no_grad():
        assert torch.equal(loaded(x), model(x))
    assert info == INFO


def test_the_registered_hash_is_checked(weights):
    right = hashlib.sha256(weights.read_bytes()).hexdigest()
    load_model(weights, sha256=right)
    with pytest.raises(BadWeights, match="SHA-256"):
        load_model(weights, sha256="0" * 64)


@pytest.mark.parametrize("keep", [0, 5, 100, 0.5, 0.999])
def test_a_truncated_file_is_refused(weights, keep):
    data = weights.read_bytes()
    weights.write_bytes(data[: keep if isinstance(keep, int) else int(keep * len(data))])
    with pytest.raises(BadWeights, match="truncated"):
        load_model(weights)


@pytest.mark.parametrize("place", [0, 3, 20, 2000, 0.3, 0.7, -1])
def test_a_flipped_byte_is_refused_wherever_it_is(weights, place):
    data = bytearray(weights.read_bytes())
    data[int(place * len(data)) if isinstance(place, float) else place] ^= 0x10
    weights.write_bytes(data)
    with pytest.raises(BadWeights):
        load_model(weights)


@pytest.mark.parametrize("start", [b"PK\x03\x04", b"\x80\x04\x95"])
def test_a_pickle_is_refused_by_name(weights, start):
    weights.write_bytes(start + b"\x00" * 200)
    with pytest.raises(BadWeights, match="pickle"):
        load_model(weights)


def test_a_header_whose_length_begins_like_a_pickle_is_read(tmp_path):
    """One header length in 32 does: such weights, good in every way, were refused."""
    path = tmp_path / "w.safetensors"
    tensors = {"a": torch.arange(4.0)}
    for padding in range(300):
        save_tensors(path, tensors, {"padding": "x" * padding})
        if path.read_bytes()[:1] == b"\x80":
            break
    assert path.read_bytes()[:1] == b"\x80"
    assert torch.equal(load_tensors(path)[0]["a"], tensors["a"])


def test_other_labels_are_refused_with_both_lists(weights):
    with pytest.raises(BadWeights, match=r"3 bone, 7 canal.*1 dura"):
        load_model(weights, labels=LabelSchema(((1, "dura"),)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"architecture": "unet"}, "architecture 'unet'"),
        ({"normalisation": "none"}, "normalisation 'none'"),
        ({"config": {"widths": [1]}}, "cannot be used"),
        ({"config": {**INFO.config.to_plain(), "widths": [8, 8, 8, 8, 8_000_000]}}, "8 to 1024"),
        ({"image_size": -128}, "image_size must be a multiple of 64 from 128 to 4096; got -128"),
        ({"image_size": 6_400_000}, "got 6400000"),
        ({"image_size": float("inf")}, "image_size must be a whole number"),
        ({"training": [1]}, "cannot be used"),
        ({"labels": [{"index": 1, "name": "x"}]}, "1 labels for 2 channels"),
        ({"config": replace(INFO.config, alca=False).to_plain()}, "do not fit"),
    ],
)
def test_a_model_of_another_kind_is_refused(weights, change, words):
    reheaded(weights, lambda story: story.update(change))
    with pytest.raises(BadWeights, match=words):
        load_model(weights)


def test_sealed_metadata_that_is_no_object_is_refused(weights):
    save_tensors(weights, load_tensors(weights)[0], [1])
    with pytest.raises(BadWeights, match=r"must be a JSON object; it is of type list\."):
        load_model(weights)


@pytest.mark.parametrize("number", [float("nan"), float("-inf")])
def test_weights_that_hold_no_numbers_are_refused_by_name(weights, number):
    tensors, story = load_tensors(weights)
    tensors["heads.0.0.bias"][0] = number
    save_tensors(weights, tensors, story)
    with pytest.raises(
        BadWeights, match=r"model\.safetensors holds .*NaN or infinite \(in heads\.0\.0\.bias and 0 other"
    ):
        load_model(weights)


def test_a_stranger_s_safetensors_file_is_refused(weights):
    data = safetensors.torch.save({"a": torch.zeros(3)})
    header = b'{"__metadata__":null,' + data[9 : 8 + int.from_bytes(data[:8], "little")]
    for stranger in (data, len(header).to_bytes(8, "little") + header + bytes(12)):
        weights.write_bytes(stranger)
        with pytest.raises(BadWeights, match="not made by this program"):
            load_model(weights)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(BadWeights, match="Cannot read"):
        load_model(tmp_path / "none.safetensors")


def test_the_header_can_be_read_without_our_code(weights):
    with safetensors.safe_open(weights, "pt") as file:
        story = json.loads(file.metadata()["story"])
    assert (story["architecture"], story["labels_hash"], story["image_size"]) == ("aaunet_spine", LABELS.hash, 128)


def test_weights_from_before_the_auxiliary_stem_load_as_they_were(tmp_path):
    path = tmp_path / "old.safetensors"
    old = replace(INFO, config=replace(INFO.config, aux=False))
    model = AAUNet(old.config).eval()
    save_model(path, model, old)
    reheaded(path, lambda story: story["config"].pop("aux"))
    loaded, info = load_model(path)
    x = torch.randn(1, 1, 128, 128)
    with torch.no_grad():
        assert info.config == old.config and torch.equal(loaded(x), model(x))


def test_the_shipped_champion_loads():
    shipped = Path(__file__).parents[1] / "weights" / "phantom_champion.safetensors"
    _, info = load_model(shipped)
    assert info.labels.count == 9 and info.config.widths == (16, 32, 64, 96, 160)
