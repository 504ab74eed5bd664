"""The command that makes the demonstration's champion, from pictures to card, with little to learn from."""

import json

import pytest

from ml import make_demo_champion
from ml.checkpoint import load_model
from ml.make_demo_champion import Stage, main

HOW = {"epochs": 1, "learning_rate": 1e-3, "seed": 1}
STAGES = (
    Stage(2, 1, {**HOW, "image_size": 128, "aux_training": False}),
    Stage(1, 1, {**HOW, "image_size": 192, "epochs": 10}),
)


@pytest.mark.slow
def test_every_stage_goes_on_from_the_one_before_and_a_second_start_trains_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(make_demo_champion, "STAGES", STAGES)
    monkeypatch.setattr(make_demo_champion, "SUBJECTS", {"train": 2, "val": 1, "test": 1})
    monkeypatch.setattr(make_demo_champion, "FRAMES_PER_CLIP", {"train": 1, "val": 1, "test": 1})
    weights = tmp_path / "weights" / "champion.safetensors"
    monkeypatch.setattr(make_demo_champion, "WEIGHTS", weights)

    assert main(["--work", str(tmp_path / "work")]) == 0

    model, info = load_model(weights)
    assert info.image_size == 192
    assert info.training["aux_trained"]
    assert model.config.norm == "batch"  # folds away; drafts of the demonstration must be fast
    card = json.loads(weights.with_suffix(".json").read_text())
    assert [stage["epochs_done"] for stage in card["stages"]] == [1, 10]
    assert card["dataset_hash"] == info.dataset_hash
    assert 0 <= card["scores_on_unseen_phantom_subjects"]["macro"]["dice"] <= 1

    before = weights.read_bytes()
    trained = {run: (run / "metrics.jsonl").read_bytes() for run in (tmp_path / "work").glob("stage-*")}
    assert len(trained) == len(STAGES)
    assert main(["--work", str(tmp_path / "work")]) == 0
    assert weights.read_bytes() == before
    assert {run: (run / "metrics.jsonl").read_bytes() for run in trained} == trained
