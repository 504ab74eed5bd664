"""What a user can hand to the command lines by mistake: refused in words, and nothing of theirs is lost."""

import contextlib
import json
import resource
from dataclasses import replace

import numpy as np
import pytest
import torch

from ml import evaluate, predict, train
from ml.checkpoint import WeightsInfo, load_tensors, save_model, save_tensors
from ml.config import ModelConfig
from ml.data import read_manifest
from ml.errors import BadConfig, BadData, BadLabels, BadWeights
from ml.labels import LabelSchema
from ml.model import AAUNet
from ml.preparation import plan
from ml.tests.synthetic import LABELS, png, speckle_frame, write_manifest

INFO = WeightsInfo(ModelConfig(num_labels=2, widths=(8, 8, 16, 16, 16)), LABELS, 128, "d" * 64)
SUBJECTS = [("A", "train"), ("B", "train"), ("C", "val"), ("D", "test")]


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "w.safetensors"
    save_model(path, AAUNet(INFO.config), INFO)
    return path


@pytest.fixture
def manifest(tmp_path):
    return write_manifest(tmp_path / "data", SUBJECTS, frames=1)


@contextlib.contextmanager
def files_of_at_most(size):
    """Writing more fails halfway, as on a full disk."""
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))


def run(command, *arguments):
    return command.main([str(each) for each in arguments])


def evaluate_with(weights, manifest, *more):
    return run(evaluate, "--weights", weights, "--manifest", manifest, *more)


def test_a_mask_never_overwrites_the_picture_it_is_of(weights, tmp_path, capsys):
    picture, link = tmp_path / "a.png", tmp_path / "link"
    picture.write_bytes(png(speckle_frame(0)[0]))
    link.symlink_to(tmp_path, target_is_directory=True)
    before = picture.read_bytes()
    for out in (tmp_path, link):
        assert run(predict, "--weights", weights, "--out", out, picture) == 1
        assert "A mask would overwrite the picture a.png; choose another folder for --out." in capsys.readouterr().err
    assert picture.read_bytes() == before and not (tmp_path / "predictions.json").exists()


def test_weights_that_give_no_numbers_draft_nothing(weights, tmp_path, capsys):
    """Every weight is a number, what they compute is none."""
    tensors, story = load_tensors(weights)
    largest = {name: torch.full_like(t, 3e38) if t.is_floating_point() else t for name, t in tensors.items()}
    save_tensors(weights, largest, story)
    (tmp_path / "a.png").write_bytes(png(speckle_frame(0)[0]))
    assert run(predict, "--weights", weights, "--out", tmp_path / "out", tmp_path / "a.png") == 1
    said = capsys.readouterr().err
    assert "of the weights where it is nan" in said or "gives no numbers" in said
    assert not (tmp_path / "out" / "predictions.json").exists()


def test_where_drafts_cannot_be_written_the_cause_is_told_and_no_half_file_is_left(weights, tmp_path, capsys):
    (tmp_path / "a.png").write_bytes(png(speckle_frame(0)[0]))
    out = tmp_path / "out"
    with files_of_at_most(50):
        assert run(predict, "--weights", weights, "--out", out, tmp_path / "a.png") == 1
    assert "--out must be a folder that can be written to, on a disk with room" in capsys.readouterr().err
    assert list(out.iterdir()) == []


def test_scores_are_told_before_they_are_written(weights, manifest, tmp_path, capsys):
    with files_of_at_most(50):
        assert evaluate_with(weights, manifest, "--json", tmp_path / "s.json") == 1
    said = capsys.readouterr()
    assert "mean over labels" in said.out and "on a disk with room: [Errno" in said.err
    assert not list(tmp_path.glob("*s.json*"))
    assert evaluate_with(weights, manifest, "--json", tmp_path / "new" / "s.json") == 0
    assert json.loads((tmp_path / "new" / "s.json").read_text())["n_total"] == 1


def test_places_that_cannot_hold_scores_are_refused_before_the_scoring(weights, manifest, tmp_path, capsys):
    for more in (["--json", weights / "s.json"], ["--json", tmp_path / "s.json", "--report", weights]):
        assert evaluate_with(weights, manifest, *more) == 1
        said = capsys.readouterr()
        assert "--json must name a file and --report a folder" in said.err and said.out == ""


@pytest.mark.parametrize("subject", ["C", "D"])
@pytest.mark.parametrize(
    ("file", "content", "error", "words"),
    [
        ("{}-0.png", b"text", BadData, "An image cannot be decoded"),
        ("{}-0-mask.png", png(np.zeros((64, 64), np.uint8)), BadData, "A mask is 64×64, its image 128×128 pixels"),
        ("{}-0-mask.png", png(np.full((128, 128), 9, np.uint8)), BadLabels, r"The mask holds label indices \[9\]"),
    ],
)
def test_a_bad_frame_that_is_not_trained_on_is_named_too(
    weights, manifest, tmp_path, capsys, subject, file, content, error, words
):
    (manifest.parent / file.format("ABCD".index(subject))).write_bytes(content)
    split = dict(SUBJECTS)[subject]
    named = rf"Frame 1 of 1 \(subject {subject}, split {split}\): {words}"
    with pytest.raises(error, match=named):
        train.train(manifest, tmp_path / "out")
    assert evaluate_with(weights, manifest, "--split", split, "--json", tmp_path / "s.json") == 1
    assert f"Frame 1 of 1 (subject {subject}, split {split}): " in capsys.readouterr().err


@pytest.mark.parametrize("model", ["B", [1], None])
def test_a_model_that_is_no_object_is_refused(tmp_path, model):
    manifest = read_manifest(write_manifest(tmp_path, SUBJECTS, config={"model": model}))
    with pytest.raises(BadConfig, match='"model" must be a JSON object'):
        plan(manifest, None, None)


def test_training_starts_from_weights_that_share_a_label_only(weights, manifest):
    def started_from(*indices):
        schema = LabelSchema(tuple((index, "x") for index in indices))
        save_model(weights, AAUNet(INFO.config), replace(INFO, labels=schema))
        return plan(read_manifest(manifest), None, weights)[1]

    assert started_from(1, 7).num_labels == 2
    with pytest.raises(BadWeights, match=r"know the labels \[1, 2\], the manifest has \[3, 7\]: no index is in both"):
        started_from(1, 2)
