"""Scores of a model on frames it has not seen.

python -m ml.evaluate --weights W.safetensors --manifest M.json --split test --json out.json [--report DIR]

An index means one structure for ever, whatever it is called: a model made before a label was renamed, added or
removed is scored on the indices it shares with the manifest.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ml.checkpoint import load_model, write_atomically
from ml.data import SPLITS, Sample, check_split, load_frames, read_manifest
from ml.errors import BadData, MlError
from ml.labels import LabelSchema
from ml.metrics import score_frame
from ml.predict import Prediction, Predictor
from ml.report import ErrorMap, write_report
from ml.summary import MEASURES, OVERLAP, ScoredFrame, summarise

Watch = Callable[[Sample, np.ndarray, Prediction], None]
"""Takes a frame, its mask (uint8 [H, W]) and what the model drew."""


def score_samples(
    predictor: Predictor,
    samples: Sequence[Sample],
    each: Callable[[], None] | None = None,
    *,
    labels: LabelSchema | None = None,
    quick: bool = False,
    watch: Watch | None = None,
) -> list[ScoredFrame]:
    """Draft every frame and compare with its gold mask, at native size, holding one frame in memory at a time.

    each    called after every frame; it may raise to stop
    labels  of the masks; None when they are the model's own. Scored are the indices both know: elsewhere in a mask
            a label the model does not know is no fault of it, and one it draws there all the same is.
    quick   overlap only
    watch   sees every frame after it was scored
    Raises BadData for a frame that cannot be read, BadLabels when a mask holds an index that `labels` does not, both
    naming the frame; BadLabels when the two share no label.
    """
    labels = labels or predictor.labels
    shared = labels.shared_with(predictor.labels)
    in_millimetres = unit_of(samples) == "mm"
    frames = []
    for sample, image, mask, _ in load_frames(samples, labels):
        [drawn] = predictor.predict_batch([image])
        spacing = sample.spacing if in_millimetres else None
        scores = score_frame(mask, drawn.labelmap, shared, probability=drawn.probability, spacing=spacing, quick=quick)
        frames.append(ScoredFrame(sample.subject, sample.clip, scores))
        if watch:
            watch(sample, mask, drawn)
        if each:
            each()
    return frames


def unit_of(samples: Sequence[Sample]) -> str:
    """Of the distances: "mm" when the scale of every frame is known, else "px", for a mean over both means nothing."""
    return "mm" if samples and all(sample.spacing for sample in samples) else "px"


def scale_hash(samples: Sequence[Sample]) -> str:
    """Names the scales of the frames: distances are compared only under the same ones."""
    return hashlib.sha256(json.dumps([sample.spacing for sample in samples]).encode()).hexdigest()[:16]


def evaluate(
    predictor: Predictor,
    samples: Sequence[Sample],
    each: Callable[[], None] | None = None,
    *,
    labels: LabelSchema | None = None,
    quick: bool = False,
    watch: Watch | None = None,
) -> dict[str, Any]:
    """Score a model: what `ml.summary.summarise` gives over the labels both know, and

    unit, scale   of the distances, see `unit_of` and `scale_hash`
    only_in_masks, only_in_model   [{"index", "name"}] labels that are not scored, for one side only knows them
    renamed                        [{"index", "name", "name_in_model"}] scored, under the masks' name

    Arguments as for `score_samples`; quick leaves all but Dice, IoU, precision and recall out, for the validation
    between epochs. No frames give null scores and n_total 0.
    """
    labels = labels or predictor.labels
    frames = score_samples(predictor, samples, each, labels=labels, quick=quick, watch=watch)
    scores = summarise(frames, labels.shared_with(predictor.labels), OVERLAP if quick else MEASURES)
    scale = {"unit": unit_of(samples), "scale": scale_hash(samples)}
    return scale | scores | _differences(labels, predictor.labels)


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
    unit = scores["unit"]

    def row(name: str, part: dict[str, Any], used: str) -> str:
        values = [part["dice"], *(part["dice_ci"] or [None, None]), part["iou"], part["precision"], part["recall"]]
        cells = [f"{name[:32]:32}", *("     –" if value is None else f"{value:6.3f}" for value in values)]
        for measure in ("hd95", "assd"):
            cells.append("       –" if part[measure] is None else f"{part[measure]:5.2f} {unit}")
        for measure in ("nsd_2", "presence_f1", "ece"):
            cells.append("     –" if part[measure] is None else f"{part[measure]:6.3f}")
        return " ".join([*cells, f"{used:>9}"])

    heads = [f"{'label':32}", *(f"{name:>6}" for name in ("Dice", "low", "high", "IoU", "prec.", "recall"))]
    heads += [f"{'HD95':>8}", f"{'ASSD':>8}", f"NSD2{unit}", f"{'pres.':>6}", f"{'ECE':>6}", f"{'frames':>9}"]
    lines = [" ".join(heads)]
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
    parser.add_argument(
        "--report", type=Path, help="folder for report.html, a page with pictures; holds patient frames"
    )
    options = parser.parse_args(arguments)
    try:
        manifest = read_manifest(options.manifest)
        check_split(manifest.samples)
        samples = manifest.split(options.split)
        if not samples:
            raise BadData(f"The manifest has no frames in the split {options.split!r}.")
        # Computed as training computes its test scores, not as drafts are: a score must not depend on the processor.
        predictor = Predictor(*load_model(options.weights))
        # Before the frames are scored, which takes long.
        for folder in (options.json.parent, options.report):
            if folder:
                folder.mkdir(parents=True, exist_ok=True)
        errors = ErrorMap(manifest.labels.shared_with(predictor.labels)) if options.report else None
        found = evaluate(predictor, samples, labels=manifest.labels, watch=errors.see if errors else None)
        scores = {"split": options.split, "dataset_hash": manifest.dataset_hash, **found}
        print(_table(scores))  # first: a full disk must not take them along
        write_atomically(options.json, (json.dumps(scores, indent=2) + "\n").encode())
        if errors:
            page = write_report(scores, errors, samples, predictor, f"Evaluation of {options.weights.name}")
            write_atomically(options.report / "report.html", page.encode())
    except MlError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"--json must name a file and --report a folder, on a disk with room: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
