"""What the shipped champion is worth on simulated people nobody had looked at when it was made: drafts, propagation,
clicks.

Clips as dense in time as a scanner's, subjects from seed 4000 on: the test subjects of its card, from 3000, were looked
at while its last stage was settled. Dice of a frame is the mean over the structures its exact mask shows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np

from benchmarks._report import commit, machine
from benchmarks.models.cells import FOLDER
from ml.checkpoint import write_atomically
from ml.interact import noc
from ml.labels import LabelSchema
from ml.make_demo_champion import VIEW, WEIGHTS
from ml.metrics import score_frame
from ml.phantom import ClipSpec, PhantomClip, simulate_clip
from ml.predict import Predictor
from ml.propagate import Propagation, copy_mask, draft_only, draft_smoothed, warp_only

SUBJECTS = range(4000, 4012)
SPREAD = (0, 8, 16, 24)
DISTANCES = (1, 5, 10, 20)
METHODS = ("copy", "warp", "draft", "smoothed", "ours")
GOOD_DICE, MOST_CLICKS = 0.90, 10


def drafts() -> dict[str, Any]:
    """Four frames of each person, a third of a second apart, drafted as the app drafts them."""
    network = Predictor.load(WEIGHTS)
    rows = []
    for clip in _clips(max(SPREAD) + 1):
        for index, mask in zip(SPREAD, draft_only([clip.frames[n] for n in SPREAD], network), strict=True):
            scores = score_frame(clip.label_maps[index], mask, network.labels, quick=True)
            dice = {str(label): round(s.overlap.dice, 4) for label, s in scores.items() if s.in_reference}
            rows.append({"subject": clip.spec.subject_seed, "frame": index, "dice": dice})
    names = {str(index): name for index, name in network.labels.labels}
    return {**_made("drafts"), "backend": network.backend.name, "labels": names, "rows": rows}


def propagation() -> dict[str, Any]:
    """The first frame's exact mask carried to the frames after it, by each method.

    "ours" stops where it sees drift; there the app shows the draft, and so does its row here.
    """
    network = Predictor.load(WEIGHTS)
    rows = []
    for clip in _clips(max(DISTANCES) + 1):
        frames, key = list(clip.frames), clip.label_maps[0]
        draft = draft_only(frames, network)
        carried = {each.index: each.labelmap for each in Propagation(frames, {0: key}, network=network, reach=20)}
        masks = {"copy": copy_mask(frames, key), "warp": warp_only(frames, key), "draft": draft}
        masks["smoothed"] = draft_smoothed(frames, network)
        masks["ours"] = [carried.get(index, draft[index]) for index in range(len(frames))]
        for distance in DISTANCES:
            truth = clip.label_maps[distance]
            dice = {method: round(frame_dice(truth, masks[method][distance], network.labels), 4) for method in METHODS}
            rows.append(
                {"subject": clip.spec.subject_seed, "distance": distance, "stopped": distance not in carried, **dice}
            )
    return {**_made("propagation"), "rows": rows}


def clicks() -> dict[str, Any]:
    """How many clicks bring each structure of a frame to a Dice of 0.90, from an empty mask and from the draft."""
    network = Predictor.load(WEIGHTS)
    rows = []
    for clip in _clips(1):
        image, truth = clip.frames[0], clip.label_maps[0]
        [draft] = draft_only([image], network)
        for label in np.intersect1d(network.labels.indices, truth):
            for start, mask in (("scratch", None), ("draft", draft)):
                done = noc(network, image, truth, mask, int(label), target=GOOD_DICE, cap=MOST_CLICKS)
                found = {"clicks": done.clicks, "reached": done.reached, "dice": [round(d, 4) for d in done.dice]}
                rows.append({"subject": clip.spec.subject_seed, "label": int(label), "start": start, **found})
    names = {str(index): name for index, name in network.labels.labels}
    return {**_made("clicks"), "labels": names, "rows": rows}


def frame_dice(truth: np.ndarray, drawn: np.ndarray, labels: LabelSchema) -> float:
    """Mean Dice over the labels that the truth shows; both uint8 [H, W] label indices."""
    scores = score_frame(truth, drawn, labels, quick=True).values()
    return float(np.mean([score.overlap.dice for score in scores if score.in_reference]))


def keep(result: dict[str, Any]) -> None:
    """Write a result where the tables look for it."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    rows = ",\n".join("  " + json.dumps(row) for row in result["rows"])
    head = json.dumps({key: value for key, value in result.items() if key != "rows"}, indent=1)
    write_atomically(FOLDER / f"{result['study']}.json", f'{head[:-2]},\n "rows": [\n{rows}\n ]\n}}\n'.encode())


def _clips(frames: int) -> Iterator[PhantomClip]:
    for seed in SUBJECTS:
        yield simulate_clip(ClipSpec(VIEW, seed, clip_seed=1, frames=frames))


def _made(study: str) -> dict[str, Any]:
    return {
        "study": study,
        "command": f"python -m benchmarks.models --study {study}",
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "commit": commit(),
        "device": machine()["processor"],
        "weights_sha256": hashlib.sha256(WEIGHTS.read_bytes()).hexdigest(),
        "view": VIEW,
    }


STUDIES: dict[str, Callable[[], dict[str, Any]]] = {"drafts": drafts, "propagation": propagation, "clicks": clicks}
