"""What goes wrong in a training run: put right, or told with its cause."""

import errno
import json
import os
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from ml.checkpoint import load_tensors
from ml.config import ModelConfig, TrainConfig
from ml.data import read_manifest
from ml.distributed import World
from ml.errors import BadConfig, BadData, TrainingFailed
from ml.model import AAUNet
from ml.precision import Precision
from ml.tests.synthetic import SMALL_MODEL, png, speckle_frame, write_manifest
from ml.train import Trainer, train

SUBJECTS = [("A", "train"), ("B", "train"), ("C", "val"), ("D", "test")]


def events(out, kind):
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if line["event"] == kind]


class Troubled(torch.nn.Module):
    """A small network that meets trouble in training, when `trouble` says so."""

    def __init__(self, config, trouble):
        super().__init__()
        self.layer, self.norm = torch.nn.Conv2d(1, config.num_labels + 1, 3, padding=1), torch.nn.BatchNorm2d(1)
        self.trouble, self.calls = trouble, 0

    def forward(self, x):
        logits = self.layer(self.norm(x))
        if self.training:
            self.calls += 1
            logits = self.trouble(self.calls, logits)
        return logits


def run(tmp_path, trouble, **config):
    manifest = read_manifest(write_manifest(tmp_path / "data", SUBJECTS, config={"epochs": 2, **config}))
    return train(manifest, tmp_path / "out", build_model=lambda model: Troubled(model, trouble))


def test_a_loss_that_is_no_number_once_is_rolled_back_with_half_the_rate(tmp_path):
    result = run(tmp_path, lambda call, logits: logits * (np.nan if call == 3 else 1))
    [notice] = events(tmp_path / "out", "notice")
    assert result.finished and "no longer a number (epoch 2, step 1" in notice["text"]
    first, second = events(tmp_path / "out", "epoch")
    usual = tmp_path / "usual"
    run(usual, lambda _call, logits: logits)
    assert second["learning_rate"] == pytest.approx(events(usual / "out", "epoch")[1]["learning_rate"] / 2)
    assert first["loss"] == events(usual / "out", "epoch")[0]["loss"]


def test_a_loss_that_stays_no_number_ends_the_run_after_three_tries(tmp_path):
    with pytest.raises(TrainingFailed, match=r"no longer a number \(epoch 1, step 2.*3 times"):
        run(tmp_path, lambda call, logits: logits * (np.nan if call % 2 == 0 else 1))
    assert len(events(tmp_path / "out", "notice")) == 3
    assert "3 times" in events(tmp_path / "out", "failed")[0]["reason"]


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate memory: 8 GB")],
)
def test_too_little_memory_halves_the_batch_and_the_run_finishes(tmp_path, error):
    def trouble(_call, logits):
        if len(logits) > 2:
            raise error
        return logits

    result = run(tmp_path, trouble, batch_size=4)
    [notice] = events(tmp_path / "out", "notice")
    assert result.finished and notice["text"] == "Out of memory with 4 frames per step: going on with 2."
    assert events(tmp_path / "out", "start")[0]["steps_per_epoch"] == 1 and notice["steps_per_epoch"] == 2
    assert len(events(tmp_path / "out", "epoch")) == 2


def test_too_little_memory_for_one_frame_ends_the_run_and_other_errors_are_not_taken_for_it(tmp_path):
    def trouble(_call, _logits):
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(TrainingFailed, match="one frame per step: choose a smaller image_size"):
        run(tmp_path, trouble)

    def fault(_call, _logits):
        raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else"):
        run(tmp_path / "other", fault)
    assert "RuntimeError: something else" in events(tmp_path / "other" / "out", "failed")[0]["reason"]


def test_a_full_disk_ends_the_run_with_the_cause_and_leaves_no_half_file(tmp_path, monkeypatch):
    real = os.fsync

    def fsync(handle):
        # The disk fills up once the run has begun.
        if (tmp_path / "out" / "model.safetensors").exists():
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(TrainingFailed, match=r"The disk is full: free some space, then resume\."):
        run(tmp_path, lambda _call, logits: logits)
    assert "disk is full" in events(tmp_path / "out", "failed")[0]["reason"]
    assert list((tmp_path / "out").rglob("*.tmp")) == []
    monkeypatch.undo()
    manifest = read_manifest(tmp_path / "data" / "manifest.json")
    build = {"build_model": lambda model: Troubled(model, lambda _call, logits: logits)}
    assert train(manifest, tmp_path / "out", resume=True, **build).finished


def test_a_run_whose_best_weights_were_removed_is_not_resumed(tmp_path):
    run(tmp_path, lambda _call, logits: logits)
    (tmp_path / "out" / "model.safetensors").unlink()
    manifest = read_manifest(tmp_path / "data" / "manifest.json")
    build = {"build_model": lambda model: Troubled(model, lambda _call, logits: logits)}
    with pytest.raises(TrainingFailed, match=r"model\.safetensors is missing.*start a new run in an empty folder"):
        train(manifest, tmp_path / "out", resume=True, **build)


def test_odd_pictures_are_trained_on_all_the_same(tmp_path):
    """Of different sizes, all black, with one label nowhere, all unknown: in one dataset."""
    path = write_manifest(tmp_path / "data", SUBJECTS, config={"epochs": 1})
    data = tmp_path / "data"
    image, mask = speckle_frame(9, 90, 200)
    mask[mask == 7] = 0
    changes = {
        "0-0": (image, mask),
        "0-1": (np.zeros((64, 64), np.uint8), np.zeros((64, 64), np.uint8)),
        "1-0": (np.full((1, 1), 80, np.uint8), np.full((1, 1), 3, np.uint8)),
        "1-1": (image[:, ::-1], np.full_like(mask, 255)),
    }
    for name, (picture, labels) in changes.items():
        (data / f"{name}.png").write_bytes(png(picture))
        (data / f"{name}-mask.png").write_bytes(png(labels))
    trainer = Trainer(read_manifest(path), tmp_path / "out")
    assert trainer.frequencies[1] == 0 and trainer.channel_weights.tolist()[2] == 1
    assert train(read_manifest(path), tmp_path / "out").finished
    [epoch] = events(tmp_path / "out", "epoch")
    assert np.isfinite(epoch["loss"])


def _rewrite(data, change):
    """Every picture and mask of the folder as `change` (name, pixels) makes it."""
    for path in data.glob("*.png"):
        path.write_bytes(png(change(path.name, cv2.imread(str(path), cv2.IMREAD_UNCHANGED))))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda name, pixels: (pixels > 0) * np.uint8(255) if "mask" in name else pixels,
            "in a mask of 0 and 255, write",
        ),
        (lambda name, pixels: pixels * 0 if "mask" in name else pixels, "No training frame shows a label"),
        (lambda name, pixels: pixels if "mask" in name else pixels * 0, "one grey value: there is nothing to learn"),
    ],
)
def test_frames_that_teach_nothing_are_refused(tmp_path, change, words):
    path = write_manifest(tmp_path / "data", SUBJECTS)
    _rewrite(tmp_path / "data", change)
    with pytest.raises(BadData, match=words):
        Trainer(read_manifest(path), tmp_path / "out")


def test_frames_that_all_weigh_nothing_are_refused(tmp_path):
    manifest = read_manifest(write_manifest(tmp_path / "data", SUBJECTS))
    samples = tuple(replace(sample, weight=0.0) for sample in manifest.samples)
    with pytest.raises(BadData, match="weight 0"):
        Trainer(replace(manifest, samples=samples), tmp_path / "out")


def test_labels_that_training_or_validation_never_shows_are_named(tmp_path):
    path = write_manifest(tmp_path / "data", SUBJECTS, config={"epochs": 2})
    _rewrite(tmp_path / "data", lambda name, p: np.where(p == 7, 0, p).astype(np.uint8) if "mask" in name else p)
    for mask in (tmp_path / "data").glob("2-*-mask.png"):
        mask.write_bytes(png(np.zeros((128, 128), np.uint8)))
    build = {"build_model": lambda model: Troubled(model, lambda _call, logits: logits)}
    assert train(path, tmp_path / "out", **build).finished
    assert [notice["text"] for notice in events(tmp_path / "out", "notice")] == [
        "No training frame shows canal: the model will not draw it.",
        "No frame of the validation shows a label: nothing to choose by, the last epoch is kept.",
    ]


def test_a_folder_belongs_to_one_training_at_a_time(tmp_path):
    path = write_manifest(tmp_path / "data", SUBJECTS, config={"epochs": 1})
    build = {"build_model": lambda model: Troubled(model, lambda _call, logits: logits)}
    refused = []

    def second():
        with pytest.raises(TrainingFailed, match="Another training is writing into") as told:
            train(path, tmp_path / "out", resume=True, **build)
        refused.append(told)
        return False

    assert train(path, tmp_path / "out", should_stop=second, **build).finished
    assert refused
    assert len(events(tmp_path / "out", "start")) == 1


def test_a_model_without_a_checkpoint_is_not_overwritten(tmp_path):
    path = write_manifest(tmp_path / "data", SUBJECTS)
    (tmp_path / "model.safetensors").write_bytes(b"somebody's")
    for resume in (False, True):
        with pytest.raises(TrainingFailed, match="holds a model but no checkpoint"):
            train(path, tmp_path, resume=resume)
    assert (tmp_path / "model.safetensors").read_bytes() == b"somebody's"


def test_a_checkpoint_of_another_configuration_is_refused_by_name(tmp_path):
    run(tmp_path, lambda _call, logits: logits)
    manifest = read_manifest(tmp_path / "data" / "manifest.json")
    other = replace(manifest, config={**manifest.config, "learning_rate": 0.5, "seed": 3})
    build = {"build_model": lambda model: Troubled(model, lambda _call, logits: logits)}
    with pytest.raises(TrainingFailed, match=r"another config \(learning_rate 0.001, now 0.5, seed 0, now 3\); start"):
        train(other, tmp_path / "out", resume=True, **build)


def test_one_subject_alone_is_trained_on_and_the_run_says_what_its_scores_are_worth(tmp_path):
    manifest = read_manifest(write_manifest(tmp_path / "data", [("A", "train")], config={"epochs": 1}))
    build = {"build_model": lambda model: Troubled(model, lambda _call, logits: logits)}
    assert train(manifest, tmp_path / "out", **build).finished
    assert "one subject only" in events(tmp_path / "out", "start")[0]["validation"]


def test_more_processes_than_frames_are_refused(tmp_path):
    manifest = read_manifest(write_manifest(tmp_path / "data", SUBJECTS))
    with pytest.raises(BadData, match="2 frames at times, too few for 3 processes"):
        Trainer(manifest, tmp_path / "out", world=World(0, 3))


def test_precision_is_chosen_by_device():
    cpu = torch.device("cpu")
    assert Precision("auto", cpu).name == "fp32" and Precision("bf16", cpu).dtype is torch.bfloat16
    with pytest.raises(BadConfig, match="needs a CUDA device"):
        Precision("fp16", cpu)
    with pytest.raises(BadConfig, match="auto, fp32, bf16 or fp16"):
        TrainConfig(precision="fp64")


@pytest.mark.slow
def test_a_run_in_bf16_is_resumed_to_the_same_weights(tmp_path):
    manifest = read_manifest(write_manifest(tmp_path / "d", SUBJECTS, config={"epochs": 1, "precision": "bf16"}))
    train(manifest, tmp_path / "whole")
    count = iter(range(100))
    assert not train(manifest, tmp_path / "parts", should_stop=lambda: next(count) >= 1).finished
    train(manifest, tmp_path / "parts", resume=True)
    whole, parts = (load_tensors(tmp_path / name / "model.safetensors")[0] for name in ("whole", "parts"))
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    assert events(tmp_path / "whole", "start")[0]["precision"] == "bf16"


@pytest.mark.parametrize("norm", ["batch", "group"])
def test_a_black_picture_gives_numbers_in_bf16(norm):
    model = AAUNet(ModelConfig.from_plain({**SMALL_MODEL, "num_labels": 2, "norm": norm}))
    x = torch.zeros(2, 1, 384, 384)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert model.eval()(x).isfinite().all()
        assert all(level.isfinite().all() for level in model.train()(x))


def test_small_batches_from_scratch_get_a_norm_over_groups(tmp_path):
    model = {"widths": SMALL_MODEL["widths"]}
    manifest = read_manifest(write_manifest(tmp_path / "d", SUBJECTS, config={"epochs": 1, "model": model}))
    trainer = Trainer(manifest, tmp_path / "out")
    assert trainer.model_config.norm == "group"
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in trainer.model.modules())
    assert train(manifest, tmp_path / "out").finished
    enough = read_manifest(write_manifest(tmp_path / "e", SUBJECTS, config={"batch_size": 8, "model": model}))
    assert Trainer(enough, tmp_path / "other").model_config.norm == "batch"
