"""Training of the auxiliary stem inside the loop: exact on resume, harmless to automatic drawing, and of use."""

import numpy as np
import pytest
import torch

from ml.checkpoint import load_model, load_tensors
from ml.data import normalise, read_manifest
from ml.hints import encode_aux, error_clicks
from ml.tests.synthetic import LABELS, SMALL_MODEL, speckle_frame, write_manifest
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
def test_hints_help_and_automatic_drawing_does_not_collapse(tmp_path):
    """MODEL.md 6.2 P2, on simulated speckle at a small scale: its 0.005 needs real data and full runs."""
    dice = {}
    config = {"epochs": 40, "batch_size": 8, "learning_rate": 4e-3, "warmup_epochs": 4, "model": {"variant": "T"}}
    subjects = [(f"s{n}", "train") for n in range(8)] + [(f"v{n}", "val") for n in range(4)] + [("t", "test")]
    for hinted in (False, True):
        path = write_manifest(tmp_path / f"data{hinted}", subjects, frames=4, config={**config, "aux_training": hinted})
        dice[hinted] = train(read_manifest(path), tmp_path / f"out{hinted}").best_val_dice
    assert dice[False] > 0.7 and dice[True] > dice[False] - 0.03

    model, info = load_model(tmp_path / "outTrue" / "model.safetensors")
    assert info.training["aux_trained"]
    automatic, clicked = [], []
    for seed in range(5000, 5012):
        image, mask = speckle_frame(seed)
        truth, x = LABELS.to_channels(mask), torch.from_numpy(normalise(image))[None, None]
        with torch.no_grad():
            probabilities = model(x).softmax(1)[0].numpy()
            drawn = probabilities.argmax(0).astype(np.uint8)
            clicks = error_clicks(truth, drawn, 3)
            hint = torch.from_numpy(encode_aux(probabilities[1:], clicks, 2, (128, 128)))[None]
            better = model(x, hint).argmax(1)[0].numpy()
        for found, scores in ((drawn, automatic), (better, clicked)):
            scores += [
                2 * ((found == c) & (truth == c)).sum() / ((found == c).sum() + (truth == c).sum()) for c in (1, 2)
            ]
    assert np.mean(clicked) > np.mean(automatic)
