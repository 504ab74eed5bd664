"""Two models on the same test frames: what they differ by, in one sentence, and whether the gate lets one pass.

Takes scores as `formats.scores` keeps them, knows no rows. The paired bootstrap is that of `ml.summary`, written here
again because web processes do not load `ml`; a test holds the two together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

RESAMPLES = 2000
SAME = 0.005  # a difference that rounds to .00 is none
WORST_NAMED = 3

# The gate of MODEL.md 4.5.
MEAN_DICE_MAY_LOSE = 0.005  # by the lower end of the 95 % interval
LABEL_DICE_MAY_LOSE = 0.02
HD95_MAY_GROW = 0.10  # as a share
ECE_MAY_GROW = 0.02
SLACK = 1e-9  # a loss of exactly the limit is no more than it, whatever its binary form

NAMES = {"dice": "Dice", "hd95": "HD95", "nsd_2": "surface Dice", "presence_f1": "presence", "ece": "calibration"}


def differences(
    ours: dict[str, Any], theirs: dict[str, Any], measure: str = "dice"
) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """([{index, name, difference, low, high}] for labels both were scored on, {mean, low, high} over them).

    ours, theirs  scores on one test set
    The 95 % interval is of drawing the subjects again, each with both its scores; null with one subject only.
    """
    found = _pair(ours, theirs, measure)
    if found is None:
        return [], None
    indices, one, other = found
    table = one - other
    means = _column_means(table)
    spread: np.ndarray | None = None
    if len(table) > 1:
        draws = np.random.default_rng(0).integers(0, len(table), (RESAMPLES, len(table)))
        spread = _column_means(table[draws])  # [resamples, labels]
    rows = []
    for column, index in enumerate(indices):
        if np.isnan(means[column]):
            continue  # no test frame shows it
        low, high = _interval(None if spread is None else spread[:, column])
        rows.append(
            {
                "index": int(index),
                "name": ours["labels"][index]["name"],
                "difference": round(float(means[column]), 6),
                "low": low,
                "high": high,
            }
        )
    if not rows:
        return [], None
    low, high = _interval(None if spread is None else _column_means(spread.T))
    return rows, {"mean": round(float(_column_means(means[:, None])[0]), 6), "low": low, "high": high}


def _values(scores: dict[str, Any], measure: str) -> dict[str, dict[str, float | None]] | None:
    """Per subject and label index; None when it was not measured."""
    values = scores["per_subject"] if measure == "dice" else scores.get("per_subject_measures", {}).get(measure)
    return dict(values) if values is not None else None


def _pair(
    ours: dict[str, Any], theirs: dict[str, Any], measure: str
) -> tuple[list[str], np.ndarray, np.ndarray] | None:
    """(label indices, ours, theirs): float [subjects, labels] of what both have, NaN where a subject lacks a label."""
    one, other = _values(ours, measure), _values(theirs, measure)
    if one is None or other is None:
        return None
    subjects = sorted(set(one) & set(other))
    indices = [index for index in ours["labels"] if index in theirs["labels"]]
    if not subjects or not indices:
        return None
    tables = [np.array([[side[s].get(index) for index in indices] for s in subjects], float) for side in (one, other)]
    return indices, tables[0], tables[1]


def _column_means(table: np.ndarray) -> np.ndarray:
    """Mean over the last axis but one, leaving NaN out; NaN where all are."""
    counts = (~np.isnan(table)).sum(-2)
    sums = np.nansum(table, -2)
    return np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)


def _interval(values: np.ndarray | None) -> tuple[float | None, float | None]:
    if values is None or np.isnan(values).all():
        return None, None
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return round(float(low), 6), round(float(high), 6)


def _macro_means(ours: dict[str, Any], theirs: dict[str, Any], measure: str) -> tuple[float, float] | None:
    """Both models' mean over labels, on the subjects and labels both have."""
    found = _pair(ours, theirs, measure)
    if found is None:
        return None
    _, one, other = found
    either = np.isnan(one) | np.isnan(other)
    if either.all():
        return None
    means = [_column_means(np.where(either, np.nan, table)) for table in (one, other)]
    return float(np.nanmean(means[0])), float(np.nanmean(means[1]))


def why_not(ours: dict[str, Any], theirs: dict[str, Any], measure: str) -> str:
    """Why a measure cannot be compared, as part of a sentence; "" when it can."""
    missing = [
        name for name, scores in (("this model", ours), ("the champion", theirs)) if not _values(scores, measure)
    ]
    if missing:
        return f"{NAMES[measure]} was not measured for {' and '.join(missing)}"
    if measure in ("hd95", "nsd_2") and ours.get("scale") != theirs.get("scale"):
        return f"{NAMES[measure]} was measured before the millimetres per pixel of the test frames changed"
    return ""


# --- the gate ---


@dataclass
class Gate:
    """Whether a candidate may take the champion's place without a person overriding.

    passed   None: not all could be checked
    reasons  what speaks against it, or could not be checked; parts of a sentence
    """

    passed: bool | None
    reasons: list[str] = field(default_factory=list)

    def sentence(self, champion: int) -> str:
        """The gate's verdict for people; `champion` is the number of the model that would be replaced."""
        if self.passed:
            return f"Passes the gate: it may replace model {champion}."
        if self.passed is None:
            return f"The gate cannot decide: {'; '.join(self.reasons)}."
        return f"Keep model {champion}: {'; '.join(self.reasons)}."


def gate(ours: dict[str, Any], theirs: dict[str, Any]) -> Gate:
    """MODEL.md 4.5: on the same test subjects, mean Dice not worse by more than 0.005 (lower end of the 95 % interval
    of the paired difference), no label by more than 0.02, HD95 not larger by more than 10 %, calibration error not
    larger by more than 0.02.

    ours, theirs  candidate's and champion's scores on one test set
    """
    against, unchecked = _dice_rules(*differences(ours, theirs))
    for measure, rule in (("hd95", _hd95_rule), ("ece", _ece_rule)):
        reason = why_not(ours, theirs, measure)
        means = None if reason else _macro_means(ours, theirs, measure)
        if reason:
            unchecked.append(reason)
        elif means:
            against += rule(*means, ours.get("unit") or "px")
    if against:
        return Gate(False, against)
    return Gate(None, unchecked) if unchecked else Gate(True)


def _dice_rules(labels: Sequence[dict[str, Any]], difference: dict[str, Any] | None) -> tuple[list[str], list[str]]:
    """(what speaks against, what cannot be checked)."""
    if difference is None:
        return [], ["the test frames show none of the labels"]
    against, unchecked = [], []
    if difference["low"] is None:
        unchecked.append("there is one test subject only, so nobody can tell a difference from chance")
        if difference["mean"] < -MEAN_DICE_MAY_LOSE - SLACK:
            against.append(f"mean Dice is lower by {-difference['mean']:.3f}")
    elif difference["low"] < -MEAN_DICE_MAY_LOSE - SLACK:
        against.append(
            f"mean Dice may be lower by up to {-difference['low']:.3f} (95 %), where {MEAN_DICE_MAY_LOSE} is accepted"
        )
    worse = sorted(
        (row for row in labels if row["difference"] < -LABEL_DICE_MAY_LOSE - SLACK), key=lambda row: row["difference"]
    )
    if worse:
        named = ", ".join(f"{row['name']} by {-row['difference']:.3f}" for row in worse[:WORST_NAMED])
        more = f" and {len(worse) - WORST_NAMED} more" if len(worse) > WORST_NAMED else ""
        against.append(f"worse on {named}{more}, where {LABEL_DICE_MAY_LOSE} is accepted")
    return against, unchecked


def _hd95_rule(ours: float, theirs: float, unit: str) -> list[str]:
    if ours <= theirs * (1 + HD95_MAY_GROW) + SLACK:
        return []
    grown = f"larger by {100 * (ours / theirs - 1):.0f} %" if theirs else "larger"
    return [f"HD95 is {grown} ({ours:.2f} {unit}, was {theirs:.2f}), where {100 * HD95_MAY_GROW:.0f} % is accepted"]


def _ece_rule(ours: float, theirs: float, _unit: str) -> list[str]:
    if ours - theirs <= ECE_MAY_GROW + SLACK:
        return []
    return [f"its probabilities are off by {ours:.3f}, were by {theirs:.3f}, where {ECE_MAY_GROW} more is accepted"]


# --- in one sentence ---


def verdict(labels: list[dict[str, Any]], difference: dict[str, Any] | None, unshared: list[str] | None = None) -> str:
    """What the comparison says, in one sentence.

    unshared  names of labels only one of the two models draws
    """
    if difference is None:
        return "The test frames show none of the labels, so nothing can be said."
    better = sum(row["difference"] > SAME for row in labels)
    worse = sorted((row for row in labels if row["difference"] < -SAME), key=lambda row: row["difference"])
    said = f"Better on {better} of {len(labels)} {'structure' if len(labels) == 1 else 'structures'}"
    if worse:
        named = [f"{row['name']} by {-row['difference']:.2f}{_noise(row)}" for row in worse[:WORST_NAMED]]
        more = f" and {len(worse) - WORST_NAMED} more" if len(worse) > WORST_NAMED else ""
        said += f"; worse on {', '.join(named)}{more}"
    elif better < len(labels):
        said += ", worse on none"
    if unshared:
        said += f"; not compared, for only one of the two draws it: {', '.join(unshared)}"
    said += f"; mean Dice {difference['mean']:+.3f}"
    if difference["low"] is None:
        return f"{said}, with one test subject only, so it may be chance."
    sure = "" if difference["low"] > 0 or difference["high"] < 0 else ", within noise"
    return f"{said} (95 %: {difference['low']:+.3f} to {difference['high']:+.3f}){sure}."


def _noise(row: dict[str, Any]) -> str:
    return " (within noise)" if row["low"] is not None and row["high"] >= 0 else ""
