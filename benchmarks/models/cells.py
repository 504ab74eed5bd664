"""One cell of a table: a network trained on one fold with one seed, and its scores on the fold's held-out pictures."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from benchmarks._report import RESULTS, commit, machine
from benchmarks.models.datasets import ImageSet
from benchmarks.models.networks import NETWORKS
from ml.checkpoint import load_tensors, write_atomically
from ml.evaluate import score_samples
from ml.journal import Journal
from ml.metrics import FrameScore
from ml.model import count_parameters
from ml.predict import Predictor
from ml.train import Trainer

FOLDER = RESULTS / "models"

BUDGETS: dict[str, dict[str, Any]] = {
    "full": {"image_size": 256, "epochs": 200, "batch_size": 16, "learning_rate": 1e-3, "warmup_epochs": 5},
    "cpu": {
        "image_size": 128,
        "epochs": 20,
        "batch_size": 4,
        "learning_rate": 1e-3,
        "warmup_epochs": 2,
        "precision": "bf16",
        "batch_norm_batches": 25,
    },
}
BUDGETS["cpu-long"] = BUDGETS["cpu"] | {"epochs": 60}
"""What every network of a table gets alike. "full" is MODEL.md 4.5; "cpu" is what two shared cores allow, in bf16,
which is fast where the processor multiplies in it (AMX); "cpu-long" asks which network was only not done learning."""


@dataclass(frozen=True)
class Cell:
    """Which training this is. `budget` is a key of BUDGETS, `network` one of NETWORKS."""

    study: str
    budget: str
    network: str
    fold: int = 0
    seed: int = 0

    @property
    def name(self) -> str:
        """Of its result and of its work folder."""
        return f"{self.study}-{self.budget}-{self.network}-fold{self.fold}-seed{self.seed}"

    @property
    def result(self) -> Path:
        """The file that holds its scores once it is done."""
        return FOLDER / f"{self.name}.json"


class Stopped(Exception):
    """Asked to stop; the same command goes on from the checkpoint."""


def run(
    cell: Cell,
    images: ImageSet,
    work: Path,
    *,
    settings: dict[str, Any] | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Train and score one cell, going on from an interrupted run; returns what its result file should hold.

    work      folder for runs under way
    settings  instead of BUDGETS[cell.budget]
    Raises Stopped when asked to.
    """
    network = NETWORKS[cell.network]
    model_config = network.config(len(images.labels))
    settings = BUDGETS[cell.budget] if settings is None else settings
    config = {**settings, "seed": cell.seed, "model": model_config.to_plain()}
    del config["model"]["num_labels"]
    manifest, tested, first = images.manifest(cell.fold, config)
    out = work / cell.name
    out.mkdir(parents=True, exist_ok=True)
    began = out / "commit"
    if not began.exists():  # what starts under one version of the code is told as such, whenever it ends
        began.write_text(commit())

    trainer = Trainer(manifest, out, build_model=network.build, should_stop=should_stop)
    journal = Journal(out / "metrics.jsonl")
    try:
        result = trainer.run(journal)
    finally:
        journal.close()
    if not result.finished:
        raise Stopped(cell.name)

    best = network.build(trainer.model_config)
    best.load_state_dict(load_tensors(out / "model.safetensors")[0])
    predictor = Predictor(best, trainer._info(), trainer.device)
    scored = score_samples(predictor, manifest.split("test"))
    epochs = _epochs(out / "metrics.jsonl")
    return {
        **asdict(cell),
        "title": network.title,
        "command": f"python -m benchmarks.models --study {cell.study} --budget {cell.budget} --net {cell.network} "
        f"--fold {cell.fold} --seed {cell.seed}",
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "commit": began.read_text(),
        "device": torch.cuda.get_device_name() if trainer.device.type == "cuda" else machine()["processor"],
        "threads": torch.get_num_threads(),
        "parameters": count_parameters(best),
        "settings": {**settings, "augmentation": trainer.config.augment},
        "pictures": {side: len(manifest.split(side)) for side in ("train", "val", "test")},
        "dataset_hash": manifest.dataset_hash,
        "best_epoch": result.best_epoch,
        "validation_dice": result.best_val_dice,
        "validation_by_epoch": [round(epoch["val_dice"], 4) for epoch in epochs],
        "seconds_per_epoch": round(sum(epoch["seconds"] for epoch in epochs) / len(epochs), 1),
        "scores": [
            {
                "picture": picture.name,
                "class": picture.group,
                "first_of_cluster": alone,
                "labels": {str(index): _plain(score) for index, score in frame.scores.items() if score.in_reference},
            }
            for picture, alone, frame in zip(tested, first, scored, strict=True)
        ],
    }


def keep(cell: Cell, result: dict[str, Any]) -> None:
    """Write a result where the tables look for it."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    scores = ",\n".join("  " + json.dumps(row) for row in result["scores"])
    head = json.dumps({key: value for key, value in result.items() if key != "scores"}, indent=1)
    write_atomically(cell.result, f'{head[:-2]},\n "scores": [\n{scores}\n ]\n}}\n'.encode())


def _plain(score: FrameScore) -> dict[str, float]:
    """The measures of one label in one picture that say something, rounded."""
    values = {"dice": score.overlap.dice, "iou": score.overlap.iou, "hd95": score.distances.hd95}
    return {name: round(float(value), 4) for name, value in values.items() if not math.isnan(value)}


def _epochs(journal: Path) -> list[dict[str, Any]]:
    """The epoch lines of a run; of an epoch told twice, the later."""
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    found = {line["epoch"]: line for line in lines if line["event"] == "epoch"}
    return [found[number] for number in sorted(found)]
