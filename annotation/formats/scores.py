"""Scores of a model as its row keeps them, from what `ml.evaluate` writes.

{"split": "test", "subjects": n, "frames": n, "dice": {"mean", "low", "high"},
 "unit": "mm", "px" or null, "measures": {measure: {"mean", "low", "high"}},
 "labels": {"<index>": {"name", "dice", "n", "measures"}},                    what the API shows
 "test_set": hash, "scale": hash, "per_subject": {subject: {"<index>": dice or null}},
 "per_subject_measures": {measure: {subject: {"<index>": value or null}}},    what comparing needs
 "others": {test set: the same again}}       scored later, on another run's test set, to be compared there

Models scored before distances, presence and calibration were measured have no "unit" and no "measures".
"""

from typing import Any

SHOWN = ("split", "subjects", "frames", "unit", "dice", "measures", "labels")
MEASURES = ("hd95", "nsd_2", "presence_f1", "ece")
"""What is kept beside Dice, by the names `ml.summary` gives them."""


def from_evaluation(evaluation: dict[str, Any], test_set: str | None) -> dict[str, Any]:
    """See above; {} when there were no test frames."""
    if not evaluation.get("n_total"):
        return {}
    kept = [measure for measure in MEASURES if measure in evaluation["macro"]]
    subjects = evaluation["subjects"]
    return {
        "split": evaluation["split"],
        "subjects": len(subjects),
        "frames": evaluation["n_total"],
        "unit": evaluation.get("unit"),
        "scale": evaluation.get("scale"),
        "dice": _interval(evaluation["macro"], "dice"),
        "measures": {measure: _interval(evaluation["macro"], measure) for measure in kept},
        "labels": {
            index: {
                "name": row["name"],
                "dice": _interval(row, "dice"),
                "n": row["n_used"],
                "measures": {measure: _interval(row, measure) for measure in kept},
            }
            for index, row in evaluation["labels"].items()
        },
        "test_set": test_set,
        "per_subject": {subject: row["labels"] for subject, row in subjects.items()},
        "per_subject_measures": {
            measure: {subject: row["measures"][measure] for subject, row in subjects.items()} for measure in kept
        },
    }


def shown(scores: dict[str, Any]) -> dict[str, Any]:
    """The part the API shows; {} when the model was not scored."""
    if not scores:
        return {}
    labels = {index: {"measures": {}, **row} for index, row in scores["labels"].items()}
    return {"unit": None, "measures": {}, **{key: scores[key] for key in SHOWN if key in scores}, "labels": labels}


def by_test_set(scores: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every set of scores of a model, by the test set it was scored on; its own first."""
    own = {scores["test_set"]: scores} if scores.get("test_set") else {}
    return {**own, **scores.get("others", {})}


def measured_alike(scores: dict[str, Any], evaluation: dict[str, Any]) -> bool:
    """Whether a model's scores on a test set have all that a fresh evaluation on it has, at the same scales."""
    wanted = {measure for measure in MEASURES if measure in evaluation.get("macro", {})}
    return wanted <= set(scores.get("measures", {})) and scores.get("scale") == evaluation.get("scale")


def with_more(scores: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """A model's scores with those on one more test set; on one it was scored on, the new ones count."""
    others = {key: each for key, each in scores.get("others", {}).items() if key != more["test_set"]}
    if not scores or scores.get("test_set") == more["test_set"]:
        return {**more, "others": others} if others else more
    return {**scores, "others": {**others, more["test_set"]: more}}


def _interval(row: dict[str, Any], measure: str) -> dict[str, Any]:
    low, high = row[f"{measure}_ci"] or (None, None)
    return {"mean": row[measure], "low": low, "high": high}
