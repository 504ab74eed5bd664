"""Training of the auxiliary stem inside the loop: exact on resume, harmless to automatic drawing, and of use."""

import pytest
import torch

from ml.checkpoint import load_model, load_tensors
from ml.data import read_manifest
from ml.tests.synthetic import SMALL_MODEL, write_manifest
from ml.train import Trainer, train

SUBJECTS = [("A", "train"), ("B", "train"), ("C", "val"), ("D", "test")]
HINTED = {"epochs": 10, "warmup_epochs": 0, "batch_size": 4}


def stop_after(calls):
    count = iter(range(10**6))
    return lambda: next(count) >= calls


def test_a_stopped_run_with_hints_goes_on_exactly(tmp_path):
    manifest = read_manifest(write_manifest(tmp_path / "data", SUBJECTS, frames=4, config=HINTED))
    # Two steps, two batches for the norms and four validation frames: an epoch asks 8 times.
    train(manifest, tmp_path / "whole", should_stop=stop_after(9))
    train(manifest, tmp_path / "parts", should_stop=stop_after(1))
    train(manifest, tmp_path / "parts", resume=True, should_stop=stop_after(8))
    whole, parts = (load_tensors(tmp_path / name / "checkpoint" / "last.safetensors") for name in ("whole", "parts"))
    assert whole[1]["progress"] == parts[1]["progress"] and whole[1]["progress"]["step"] == 1
    assert all(torch.equal(whole[0][name], parts[0][name]) for name in whole[0])
    assert whole[0]["model.aux_stem.weight"].abs().max() > 0  # it has begun to learn


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"epochs": 9}, "too short"),
        ({"aux_training": False}, "switched off"),
        ({"model": {**SMALL_MODEL, "aux": False}}, "no stem"),
    ],
)
def test_the_stem_is_left_alone_when_nobody_trains_it(tmp_path, config, why):
    manifest = read_manifest(write_manifest(tmp_path / "data", SUBJECTS, config={**HINTED, **config}))
    trainer = Trainer(manifest, tmp_path / "out", should_stop=stop_after(1))
    assert not trainer.hints, why
    assert not any(parameter.requires_grad for name, parameter in trainer.model.named_parameters() if "aux" in name)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_automatic_drawing_does_not_collapse_beside_hints(tmp_path):
    """What hints are worth is asked of the champion (test_interact.py) and measured in docs/model.md."""
    config = {"epochs": 30, "batch_size": 8, "learning_rate": 4e-3, "warmup_epochs": 4, "model": {"variant": "T"}}
    subjects = [(f"s{n}", "train") for n in range(4)] + [(f"v{n}", "val") for n in range(2)] + [("t", "test")]
    path = write_manifest(tmp_path / "data", subjects, frames=4, config=config)
    assert train(read_manifest(path), tmp_path / "out").best_val_dice > 0.85  # 0.946 when written
    model, info = load_model(tmp_path / "out" / "model.safetensors")
    assert info.training["aux_trained"]
    assert model.aux_stem.weight.abs().max() > 0
