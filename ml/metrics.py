"""How good a mask is, and how sure we may be of it (MODEL.md 4.6).

Per frame and label, then frame → clip → subject → mean over subjects, per label and macro over labels. The headline
counts only frames whose reference shows the label; nothing undefined is dropped without being counted.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.labels import IGNORE, LabelSchema

MEASURES = ("dice", "iou", "precision", "recall")
_RESAMPLES = 2000


@dataclass(frozen=True)
class FrameScore:
    """Agreement on one label of one frame, from pixel counts. NaN where the table of MODEL.md 4.6 says so."""

    dice: float
    iou: float
    precision: float
    recall: float
    in_reference: bool
    in_prediction: bool


def score_counts(both: int, reference: int, prediction: int) -> FrameScore:
    """Score from pixel counts: in both masks, in the reference, in the prediction.

    reference / prediction   Dice  IoU  precision  recall
    empty / empty             1    NaN     NaN      NaN     left out of the headline
    empty / not empty         0     0       0       NaN     left out of the headline, counted as false positive
    not empty / empty         0     0       0        0      counted
    """
    union = reference + prediction - both
    return FrameScore(
        dice=2 * both / (reference + prediction) if union else 1.0,
        iou=both / union if union else math.nan,
        precision=both / prediction if prediction else (0.0 if reference else math.nan),
        recall=both / reference if reference else math.nan,
        in_reference=reference > 0,
        in_prediction=prediction > 0,
    )


def score_frame(reference: np.ndarray, prediction: np.ndarray, labels: LabelSchema) -> dict[int, FrameScore]:
    """Score every label of one frame; pixels that are 255 in the reference count nowhere.

    reference, prediction   uint8 [H, W] label indices, of one shape
    """
    if reference.shape != prediction.shape:
        raise ValueError(f"Reference is {reference.shape}, prediction {prediction.shape}; they must be one shape.")
    known = reference != IGNORE
    # One pass over the picture: how often each pair (reference, prediction) occurs.
    pairs = np.bincount(reference[known].astype(np.intp) * 256 + prediction[known], minlength=65536).reshape(256, 256)
    return {
        index: score_counts(int(pairs[index, index]), int(pairs[index].sum()), int(pairs[:, index].sum()))
        for index in labels.indices
    }


@dataclass(frozen=True)
class ScoredFrame:
    """One frame's scores and where it belongs."""

    subject: str
    clip: str
    scores: Mapping[int, FrameScore]


def _mean(values: Iterable[float]) -> float:
    values = [value for value in values if not math.isnan(value)]
    return sum(values) / len(values) if values else math.nan


def subject_means(frames: Sequence[ScoredFrame], index: int, measure: str) -> dict[str, float]:
    """Mean of a measure per subject: over its clips, each the mean over its frames that show the label.

    NaN for a subject none of whose frames shows it.
    """
    clips: dict[tuple[str, str], list[float]] = defaultdict(list)
    for frame in frames:
        score = frame.scores[index]
        clips[frame.subject, frame.clip].append(getattr(score, measure) if score.in_reference else math.nan)
    subjects: dict[str, list[float]] = defaultdict(list)
    for (subject, _), values in clips.items():
        subjects[subject].append(_mean(values))
    return {subject: _mean(values) for subject, values in sorted(subjects.items())}


def bootstrap_interval(table: np.ndarray, seed: int = 0) -> tuple[float, float] | None:
    """95 % interval of the macro mean when subjects are drawn again, 2000 times.

    table    [subjects, labels], NaN where a subject does not show a label
    returns  (low, high), or None with fewer than two subjects: one subject says nothing about the next
    """
    table = table[~np.isnan(table).all(1)]
    if len(table) < 2:
        return None
    draws = np.random.default_rng(seed).integers(0, len(table), (_RESAMPLES, len(table)))
    drawn = table[draws]  # (resamples, subjects, labels)
    counts = (~np.isnan(drawn)).sum(1)
    sums = np.nansum(drawn, 1)
    # A label that no drawn subject shows is left out of that resample.
    per_label = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
    low, high = np.nanpercentile(np.nanmean(per_label, 1), [2.5, 97.5])
    return float(low), float(high)


def _plain(value: float) -> float | None:
    """JSON has no NaN."""
    return None if math.isnan(value) else round(float(value), 6)


def _plain_interval(interval: tuple[float, float] | None) -> list[float] | None:
    return None if interval is None else [round(side, 6) for side in interval]


def summarise(frames: Sequence[ScoredFrame], labels: LabelSchema) -> dict[str, Any]:
    """Scores of a set of frames as a dict that JSON can hold; null where nothing can be said.

    macro      dice, dice_ci (95 %, subjects drawn again), iou, precision, recall: mean over labels
    labels     per label index (as text): name, the same five, n_used (frames that show it), n_total,
               false_positive_rate (of the frames that do not show it, the share where the model drew it)
    subjects   per subject: dice (macro), frames, labels {index: dice}
    n_used, n_total   frames showing any label; all frames
    """
    subjects = sorted({frame.subject for frame in frames})
    means = {m: {index: subject_means(frames, index, m) for index in labels.indices} for m in MEASURES}
    per_label = {m: {index: _mean(means[m][index].values()) for index in labels.indices} for m in MEASURES}
    table = np.array([[means["dice"][index][s] for index in labels.indices] for s in subjects], float)
    table = table.reshape(len(subjects), labels.count)

    label_rows = {}
    for column, (index, name) in enumerate(labels.labels):
        shown = [frame.scores[index] for frame in frames if frame.scores[index].in_reference]
        absent = [frame.scores[index] for frame in frames if not frame.scores[index].in_reference]
        label_rows[str(index)] = {
            "name": name,
            **{m: _plain(per_label[m][index]) for m in MEASURES},
            "dice_ci": _plain_interval(bootstrap_interval(table[:, column : column + 1])),
            "n_used": len(shown),
            "n_total": len(frames),
            "false_positive_rate": _plain(_mean(float(score.in_prediction) for score in absent)),
        }
    subject_rows = {
        subject: {
            "dice": _plain(_mean(table[row])),
            "frames": sum(frame.subject == subject for frame in frames),
            "labels": {str(index): _plain(means["dice"][index][subject]) for index in labels.indices},
        }
        for row, subject in enumerate(subjects)
    }
    return {
        "macro": {
            **{m: _plain(_mean(per_label[m].values())) for m in MEASURES},
            "dice_ci": _plain_interval(bootstrap_interval(table)),
        },
        "labels": label_rows,
        "subjects": subject_rows,
        "n_used": sum(any(s.in_reference for s in frame.scores.values()) for frame in frames),
        "n_total": len(frames),
    }
