"""Scores of a model as its row keeps them, from what `ml.evaluate` writes.

{"split": "test", "subjects": n, "frames": n, "dice": {"mean", "low", "high"},
 "labels": {"<index>": {"name", "dice": {"mean", "low", "high"}, "n"}},       what the API shows
 "test_set": hash, "per_subject": {subject: {"<index>": dice or null}},       what comparing needs
 "others": {test set: the same again}}       scored later, on another run's test set, to be compared there
"""

from typing import Any

SHOWN = ("split", "subjects", "frames", "dice", "labels")


def from_evaluation(evaluation: dict[str, Any], test_set: str | None) -> dict[str, Any]:
    """See above; {} when there were no test frames."""
    if not evaluation.get("n_total"):
        return {}
    return {
        "split": evaluation["split"],
        "subjects": len(evaluation["subjects"]),
        "frames": evaluation["n_total"],
        "dice": _interval(evaluation["macro"]),
        "labels": {
            index: {"name": row["name"], "dice": _interval(row), "n": row["n_used"]}
            for index, row in evaluation["labels"].items()
        },
        "test_set": test_set,
        "per_subject": {subject: row["labels"] for subject, row in evaluation["subjects"].items()},
    }


def shown(scores: dict[str, Any]) -> dict[str, Any]:
    """The part the API shows; {} when the model was not scored."""
    return {key: scores[key] for key in SHOWN if key in scores}


def by_test_set(scores: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every set of scores of a model, by the test set it was scored on; its own first."""
    own = {scores["test_set"]: scores} if scores.get("test_set") else {}
    return {**own, **scores.get("others", {})}


def _interval(row: dict[str, Any]) -> dict[str, Any]:
    low, high = row["dice_ci"] or (None, None)
    return {"mean": row["dice"], "low": low, "high": high}
