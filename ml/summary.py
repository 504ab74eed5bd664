"""Scores of a model from the scores of its frames, and how sure we may be of them (MODEL.md 4.6).

frame → clip → subject → mean over subjects, per label, and the mean over labels. The headline counts the frames
whose reference shows the label; nothing is left out without being counted.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.labels import LabelSchema
from ml.metrics import PRESENT_PIXELS, FrameScore, calibration_error

OVERLAP = ("dice", "iou", "precision", "recall")
DISTANCES = ("hd95", "assd", "nsd_1", "nsd_2")
PRESENCE = ("presence_sensitivity", "presence_specificity", "presence_f1")
MEASURES = (*OVERLAP, *DISTANCES, *PRESENCE, "ece")
RESAMPLES = 2000
WORST = 5


@dataclass(frozen=True)
class ScoredFrame:
    """One frame's scores and where it belongs."""

    subject: str
    clip: str
    scores: Mapping[int, FrameScore]


# --- from frames to subjects ---


def subject_means(frames: Sequence[ScoredFrame], index: int, measure: str) -> dict[str, float]:
    """A measure per subject: the mean over its clips. NaN for a subject of whom nothing can be said.

    Of a clip, the mean over its frames that show the label; calibration, over the pixels of these frames together;
    presence, from how often the label was there and was drawn, over all frames of the subject's clips.
    """
    clips: dict[str, dict[str, list[FrameScore]]] = defaultdict(lambda: defaultdict(list))
    for frame in frames:
        clips[frame.subject][frame.clip].append(frame.scores[index])
    if measure in PRESENCE:
        return {subject: _presence(measure, of.values()) for subject, of in sorted(clips.items())}
    return {
        subject: _mean(_of_clip(scores, measure) for scores in of.values()) for subject, of in sorted(clips.items())
    }


def _of_clip(scores: Sequence[FrameScore], measure: str) -> float:
    shown = [score for score in scores if score.in_reference]
    if measure == "ece":
        bins = [score.bins for score in shown if score.bins is not None]
        return calibration_error(np.sum(bins, 0)) if bins else math.nan
    return _mean(getattr(score.overlap if measure in OVERLAP else score.distances, measure) for score in shown)


def _presence(measure: str, clips: Iterable[Sequence[FrameScore]]) -> float:
    """One of PRESENCE for a subject, each of whose clips counts the same."""
    shares = []
    for scores in clips:
        there = np.array([score.reference >= PRESENT_PIXELS for score in scores])
        drawn = np.array([score.prediction >= PRESENT_PIXELS for score in scores])
        shares.append(
            [(there & drawn).mean(), (~there & drawn).mean(), (there & ~drawn).mean(), (~there & ~drawn).mean()]
        )
    hit, invented, missed, rightly_none = np.mean(shares, 0)
    part, whole = {
        "presence_sensitivity": (hit, hit + missed),
        "presence_specificity": (rightly_none, rightly_none + invented),
        "presence_f1": (2 * hit, 2 * hit + invented + missed),
    }[measure]
    return float(part / whole) if whole else math.nan


def _mean(values: Iterable[float]) -> float:
    values = [value for value in values if not math.isnan(value)]
    return sum(values) / len(values) if values else math.nan


# --- how sure ---


def _column_means(table: np.ndarray) -> np.ndarray:
    """Mean over the last axis but one, leaving NaN out; NaN where all are."""
    counts = (~np.isnan(table)).sum(-2)
    return np.divide(np.nansum(table, -2), counts, out=np.full(counts.shape, np.nan), where=counts > 0)


def _drawn_again(table: np.ndarray, seed: int) -> np.ndarray:
    """[subjects, labels] → [RESAMPLES, labels]: the means over subjects when these are drawn again."""
    draws = np.random.default_rng(seed).integers(0, len(table), (RESAMPLES, len(table)))
    # A hundred at a time: all at once would hold RESAMPLES tables.
    return np.concatenate([_column_means(table[part]) for part in np.array_split(draws, RESAMPLES // 100)])


def _interval(values: np.ndarray) -> tuple[float, float] | None:
    if np.isnan(values).all():
        return None
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)


def bootstrap_interval(table: np.ndarray, seed: int = 0) -> tuple[float, float] | None:
    """95 % interval of the macro mean when subjects are drawn again, 2000 times.

    table    [subjects, labels], NaN where a subject does not show a label
    returns  (low, high), or None with fewer than two subjects: one subject says nothing about the next
    """
    table = table[~np.isnan(table).all(1)]
    if len(table) < 2:
        return None
    # A label that no drawn subject shows is left out of that resample.
    return _interval(_column_means(_drawn_again(table, seed).T))


@dataclass(frozen=True)
class Difference:
    """Ours minus theirs: the mean, and its 95 % interval (None with fewer than two subjects)."""

    mean: float
    interval: tuple[float, float] | None


def paired_differences(
    ours: dict[str, Any], theirs: dict[str, Any], measure: str = "dice", seed: int = 0
) -> tuple[dict[int, Difference], Difference | None]:
    """What two models differ by on the subjects and labels both were scored on: per label, and the mean over labels.

    ours, theirs  of `summarise`, on the same frames
    Each subject is paired with itself and drawn again with both its scores. Labels that no subject shows are left out.
    """
    subjects = sorted(set(ours["subjects"]) & set(theirs["subjects"]))
    indices = [index for index in ours["labels"] if index in theirs["labels"]]
    if not subjects or not indices:
        return {}, None
    tables = [
        np.array([[side["subjects"][s]["measures"][measure].get(i) for i in indices] for s in subjects], float)
        for side in (ours, theirs)
    ]
    table = tables[0] - tables[1]
    shown = ~np.isnan(table).all(0)
    if not shown.any():
        return {}, None
    table = table[:, shown]
    means = _column_means(table)
    spread = _drawn_again(table, seed) if len(subjects) > 1 else None
    kept = [int(index) for index, is_shown in zip(indices, shown, strict=True) if is_shown]
    rows = {
        index: Difference(float(means[column]), None if spread is None else _interval(spread[:, column]))
        for column, index in enumerate(kept)
    }
    return rows, Difference(float(means.mean()), None if spread is None else _interval(_column_means(spread.T)))


# --- the whole as JSON ---


def _plain(value: float) -> float | None:
    """JSON has no NaN."""
    return None if math.isnan(value) else round(float(value), 6)


def _spread(values: np.ndarray, measure: str, table: np.ndarray) -> dict[str, Any]:
    """Interval and quartiles of a measure. values: one per subject; table: [subjects, labels] they come from."""
    interval, known = bootstrap_interval(table), values[~np.isnan(values)]
    quartiles = [_plain(value) for value in np.percentile(known, [25, 50, 75])] if len(known) else None
    return {
        f"{measure}_ci": None if interval is None else [round(side, 6) for side in interval],
        f"{measure}_quartiles": quartiles,
    }


def _worst(subjects: Sequence[str], dice: np.ndarray) -> list[dict[str, Any]]:
    order = [row for row in np.argsort(dice, kind="stable") if not math.isnan(dice[row])]
    return [{"subject": subjects[row], "dice": _plain(dice[row])} for row in order[:WORST]]


def summarise(frames: Sequence[ScoredFrame], labels: LabelSchema, measures: Sequence[str] = MEASURES) -> dict[str, Any]:
    """Scores of a set of frames as a dict that JSON can hold; null where nothing can be said.

    macro      each of `measures` as the mean over labels; its `_ci` (95 %, subjects drawn again); its `_quartiles`
               over subjects; "worst": the five subjects of least Dice
    labels     per label index (as text): name; the same; n_used (frames that show it), n_total, subjects_used,
               subjects_total; false_positive_rate (of the frames that do not show it, the share where it was drawn);
               n_no_boundary (frames that show it, all round which nobody annotated: their distances are left out)
    subjects   per subject: dice (macro), frames, labels {index: dice}, measures {measure: {index: value}}
    n_used, n_total   frames showing any label; all frames
    """
    subjects = sorted({frame.subject for frame in frames})
    tables = {}
    for measure in measures:
        columns = [subject_means(frames, index, measure) for index in labels.indices]
        table = np.array([[column[subject] for column in columns] for subject in subjects], float)
        tables[measure] = table.reshape(len(subjects), labels.count)
    macro: dict[str, Any] = {}
    label_rows: dict[str, dict[str, Any]] = {
        str(index): {"name": name, **_counts(frames, index, "hd95" in measures)} for index, name in labels.labels
    }
    for measure, table in tables.items():
        means = _column_means(table)
        macro |= {measure: _plain(_mean(means)), **_spread(_column_means(table.T), measure, table)}
        for column, row in enumerate(label_rows.values()):
            row |= {measure: _plain(means[column]), **_spread(table[:, column], measure, table[:, [column]])}
    dice = tables["dice"]
    macro["worst"] = _worst(subjects, _column_means(dice.T))
    for column, row in enumerate(label_rows.values()):
        row["subjects_used"], row["subjects_total"] = int((~np.isnan(dice[:, column])).sum()), len(subjects)
        row["worst"] = _worst(subjects, dice[:, column])
    return {
        "macro": macro,
        "labels": label_rows,
        "subjects": dict(_subject_rows(frames, subjects, labels, tables)),
        "n_used": sum(any(s.in_reference for s in frame.scores.values()) for frame in frames),
        "n_total": len(frames),
    }


def _counts(frames: Sequence[ScoredFrame], index: int, with_distances: bool) -> dict[str, Any]:
    scores = [frame.scores[index] for frame in frames]
    absent = [score for score in scores if not score.in_reference]
    counts = {
        "n_used": len(scores) - len(absent),
        "n_total": len(scores),
        "false_positive_rate": _plain(_mean(float(score.in_prediction) for score in absent)),
    }
    if with_distances:
        counts["n_no_boundary"] = sum(score.in_reference and math.isnan(score.distances.hd95) for score in scores)
    return counts


def _subject_rows(
    frames: Sequence[ScoredFrame], subjects: Sequence[str], labels: LabelSchema, tables: Mapping[str, np.ndarray]
) -> Iterator[tuple[str, dict[str, Any]]]:
    for row, subject in enumerate(subjects):
        values = {
            measure: {str(index): _plain(value) for index, value in zip(labels.indices, table[row], strict=True)}
            for measure, table in tables.items()
        }
        yield (
            subject,
            {
                "dice": _plain(_mean(tables["dice"][row])),
                "frames": sum(frame.subject == subject for frame in frames),
                "labels": values["dice"],
                "measures": values,
            },
        )
