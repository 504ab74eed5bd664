"""Scores of a model on frames it has not seen.

python -m ml.evaluate --weights W.safetensors --manifest M.json --split test --json out.json
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ml.checkpoint import write_atomically
from ml.data import SPLITS, Sample, check_split, read_manifest
from ml.errors import BadData, MlError
from ml.metrics import ScoredFrame, score_frame, summarise
from ml.predict import Predictor


def score_samples(
    predictor: Predictor, samples: Sequence[Sample], each: Callable[[], None] | None = None
) -> list[ScoredFrame]:
    """Draft every frame and compare with its gold mask, at native size.

    each  called after every frame; it may raise to stop
    """
    frames = []
    for sample in samples:
        image, mask = sample.load()
        predictor.labels.to_channels(mask)  # refuses an index the model does not know, rather than scoring it as missed
        [prediction] = predictor.predict_batch([image])
        frames.append(
            ScoredFrame(sample.subject, sample.clip, score_frame(mask, prediction.labelmap, predictor.labels))
        )
        if each:
            each()
    return frames


def evaluate(predictor: Predictor, samples: Sequence[Sample], each: Callable[[], None] | None = None) -> dict[str, Any]:
    """Score a model; see `ml.metrics.summarise` for what the dict holds. No frames give null scores and n_total 0."""
    return summarise(score_samples(predictor, samples, each), predictor.labels)


def _table(scores: dict[str, Any]) -> str:
    """The scores as lines of text."""

    def row(name: str, part: dict[str, Any], used: str) -> str:
        values = [part["dice"], *(part["dice_ci"] or [None, None]), part["iou"], part["precision"], part["recall"]]
        cells = " ".join("     –" if value is None else f"{value:6.3f}" for value in values)
        return f"{name[:32]:32} {cells} {used:>9}"

    lines = [f"{'label':32} {'Dice':>6} {'low':>6} {'high':>6} {'IoU':>6} {'prec.':>6} {'recall':>6} {'frames':>9}"]
    lines += [row(part["name"], part, f"{part['n_used']}/{part['n_total']}") for part in scores["labels"].values()]
    lines.append(row("mean over labels", scores["macro"], f"{scores['n_used']}/{scores['n_total']}"))
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ml.evaluate", description="Score a model on one split.")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--split", choices=SPLITS, default="test")
    parser.add_argument("--json", type=Path, required=True, help="file for the scores")
    options = parser.parse_args(arguments)
    try:
        manifest = read_manifest(options.manifest)
        check_split(manifest.samples)
        samples = manifest.split(options.split)
        if not samples:
            raise BadData(f"The manifest has no frames in the split {options.split!r}.")
        predictor = Predictor.load(options.weights, labels=manifest.labels)
        scores = {"split": options.split, "dataset_hash": manifest.dataset_hash, **evaluate(predictor, samples)}
    except MlError as error:
        print(error, file=sys.stderr)
        return 1
    write_atomically(options.json, (json.dumps(scores, indent=2) + "\n").encode())
    print(_table(scores))
    return 0


if __name__ == "__main__":
    sys.exit(main())
