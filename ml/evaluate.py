"""Scores of a model on frames it has not seen.

python -m ml.evaluate --weights W.safetensors --manifest M.json --split test --json out.json

An index means one structure for ever, whatever it is called: a model made before a label was renamed, added or
removed is scored on the indices it shares with the manifest.
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
from ml.labels import LabelSchema
from ml.metrics import ScoredFrame, score_frame, summarise
from ml.predict import Predictor


def score_samples(
    predictor: Predictor,
    samples: Sequence[Sample],
    each: Callable[[], None] | None = None,
    *,
    labels: LabelSchema | None = None,
) -> list[ScoredFrame]:
    """Draft every frame and compare with its gold mask, at native size.

    each    called after every frame; it may raise to stop
    labels  of the masks; None when they are the model's own. Scored are the indices both know: elsewhere in a mask
            a label the model does not know is no fault of it, and one it draws there all the same is.
    Raises BadLabels when a mask holds an index that `labels` does not, or the two share none.
    """
    labels = labels or predictor.labels
    shared = labels.shared_with(predictor.labels)
    frames = []
    for sample in samples:
        image, mask = sample.load()
        labels.to_channels(mask)  # refuses an index nobody named
        [prediction] = predictor.predict_batch([image])
        frames.append(ScoredFrame(sample.subject, sample.clip, score_frame(mask, prediction.labelmap, shared)))
        if each:
            each()
    return frames


def evaluate(
    predictor: Predictor,
    samples: Sequence[Sample],
    each: Callable[[], None] | None = None,
    *,
    labels: LabelSchema | None = None,
) -> dict[str, Any]:
    """Score a model: what `ml.metrics.summarise` gives over the labels both know, and

    only_in_masks, only_in_model   [{"index", "name"}] labels that are not scored, for one side only knows them
    renamed                        [{"index", "name", "name_in_model"}] scored, under the masks' name

    Arguments as for `score_samples`. No frames give null scores and n_total 0.
    """
    labels = labels or predictor.labels
    scores = summarise(score_samples(predictor, samples, each, labels=labels), labels.shared_with(predictor.labels))
    return scores | _differences(labels, predictor.labels)


def _differences(masks: LabelSchema, model: LabelSchema) -> dict[str, Any]:
    return {
        "only_in_masks": [row for row in masks.to_plain() if row["index"] not in model.indices],
        "only_in_model": [row for row in model.to_plain() if row["index"] not in masks.indices],
        "renamed": [
            {"index": index, "name": name, "name_in_model": model.name(index)}
            for index, name in masks.labels
            if index in model.indices and model.name(index) != name
        ],
    }


def _table(scores: dict[str, Any]) -> str:
    """The scores as lines of text."""

    def row(name: str, part: dict[str, Any], used: str) -> str:
        values = [part["dice"], *(part["dice_ci"] or [None, None]), part["iou"], part["precision"], part["recall"]]
        cells = " ".join("     –" if value is None else f"{value:6.3f}" for value in values)
        return f"{name[:32]:32} {cells} {used:>9}"

    lines = [f"{'label':32} {'Dice':>6} {'low':>6} {'high':>6} {'IoU':>6} {'prec.':>6} {'recall':>6} {'frames':>9}"]
    lines += [row(part["name"], part, f"{part['n_used']}/{part['n_total']}") for part in scores["labels"].values()]
    lines.append(row("mean over labels", scores["macro"], f"{scores['n_used']}/{scores['n_total']}"))
    for key, words in (("only_in_masks", "the model does not know"), ("only_in_model", "the masks do not know")):
        lines += [f"not scored, for {words} it: {part['index']} {part['name']}" for part in scores[key]]
    lines += [f"{part['index']} {part['name']} is {part['name_in_model']} to the model" for part in scores["renamed"]]
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
        predictor = Predictor.load(options.weights)
        found = evaluate(predictor, samples, labels=manifest.labels)
        scores = {"split": options.split, "dataset_hash": manifest.dataset_hash, **found}
    except MlError as error:
        print(error, file=sys.stderr)
        return 1
    write_atomically(options.json, (json.dumps(scores, indent=2) + "\n").encode())
    print(_table(scores))
    return 0


if __name__ == "__main__":
    sys.exit(main())
