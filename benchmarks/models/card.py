"""The card of the shipped champion as docs/model.md shows it, from the card that lies beside the weights."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ml.make_demo_champion import WEIGHTS

_MEASURES = ("iou", "precision", "recall", "hd95", "assd", "nsd_1")
_HEAD = ("label", "Dice", "95 %", "IoU", "precision", "recall", "HD95", "ASSD", "NSD 1 mm", "frames used")


def card() -> str:
    """Two tables in Markdown: what the champion is, and its scores on people it has not met."""
    told = json.loads(WEIGHTS.with_suffix(".json").read_text("utf-8"))
    scores = told["scores_on_unseen_phantom_subjects"]
    rows = [_scores(f"{index} {row['name']}", row) for index, row in scores["labels"].items()]
    mean = _scores("**mean over the labels shown**", {**scores["macro"], **_frames(scores)})
    return "\n".join(
        [
            *_table(("", ""), _made(told)),
            "\nScores on the unseen simulated subjects (native size, distances in mm):\n",
            *_table(_HEAD, [*rows, mean]),
        ]
    )


def _made(told: Mapping[str, Any]) -> list[Sequence[str]]:
    seeds, clips, frames = told["subject_seeds"], told["clips_per_subject"], told["frames_per_clip"]
    data = "; ".join(
        f"{name} {seeds[side][0]}–{seeds[side][1]} ({clips[side]} × {frames[side]})"
        for side, name in (("train", "training"), ("val", "validation"), ("test", "test"))
    )
    stages = "; ".join(
        f"{number}: {stage['config']['image_size']} px, {stage['subjects'] * stage['clips']} frames, "
        f"{stage['epochs_done']} epochs, {'with masks and clicks, ' if _is_asked(stage) else ''}"
        f"validation Dice {stage['validation_dice']:.3f}"
        for number, stage in enumerate(told["stages"], start=1)
    )
    return [
        ("file", f"`ml/weights/{WEIGHTS.name}` ({told['bytes'] / 1e6:.1f} MB), card beside it in `.json`"),
        ("made by", f"`{told['command']}`"),
        ("for", "the demonstration project only. **Trained on simulated pictures, not fit for real ones**"),
        (
            "network",
            f"{told['form']}; {len(told['labels'])} labels of `{told['view']}`, "
            f"{told['parameters'] / 1e6:.2f} million parameters, input {told['image_size']} px",
        ),
        (
            "data",
            f"`ml.phantom`, view `{told['view']}`. Subjects by seed (clips × frames of each): {data}. The "
            "demonstration shows seeds 101–107: people it has never met",
        ),
        ("stages", stages),
        ("date", f"{told['date']}, commit {(told['training'].get('commit') or 'unknown')[:7]}, one CPU thread"),
        ("SHA-256", f"`{told['sha256']}`"),
    ]


def _is_asked(stage: Mapping[str, Any]) -> bool:
    return bool(stage["config"].get("aux_training", True))


def _frames(scores: Mapping[str, Any]) -> dict[str, int]:
    return {"n_used": scores["n_used"], "n_total": scores["n_total"]}


def _scores(name: str, row: Mapping[str, Any]) -> list[str]:
    of = f"{row['n_used']} of {row['n_total']}"
    if row["n_used"] == 0:
        return [name, *["–"] * 8, of]
    low, high = row["dice_ci"]
    return [name, f"{row['dice']:.3f}", f"{low:.3f} to {high:.3f}", *(_measure(row, each) for each in _MEASURES), of]


def _measure(row: Mapping[str, Any], name: str) -> str:
    return f"{row[name]:.2f}" if name in ("hd95", "assd") else f"{row[name]:.3f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]
