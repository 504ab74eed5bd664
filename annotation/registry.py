"""The registry: candidate against champion on the same locked test subjects → promote, roll back (promise 10)."""

import shutil
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from annotation import audit, events, files
from annotation.errors import Conflict
from annotation.formats import scores
from annotation.formats.weights import architecture_of, read_story, refuse_foreign_labels
from annotation.models import ModelVersion, Project, User

RESAMPLES = 2000
SAME = 0.005  # a difference that rounds to .00 is none
WORST_NAMED = 3
Stage = ModelVersion.Stage


@transaction.atomic
def promote(model: ModelVersion, user: User | None) -> ModelVersion:
    """Make the model its project's champion; the one before retires and can come back by `rollback`.

    Raises Conflict when it is champion already, or draws labels the project does not have.
    """
    project = Project.objects.select_for_update().get(pk=model.project_id)
    model = ModelVersion.objects.select_for_update().get(pk=model.pk)
    if model.stage == Stage.CHAMPION:
        raise Conflict(f"Model {model.number} is the champion already.", code="already_champion")
    refuse_foreign_labels(project, model.labels)
    before = ModelVersion.objects.filter(project=project, stage=Stage.CHAMPION).first()
    model.replaced = before
    _crown(project, model, before, user)
    audit.record(user, "promoted", model, replaced=before and before.pk)
    return model


@transaction.atomic
def rollback(model: ModelVersion, user: User) -> ModelVersion:
    """Undo the champion's promotion: the one it replaced is champion again, and is returned.

    Raises Conflict when the model is not champion, or replaced nothing.
    """
    project = Project.objects.select_for_update().get(pk=model.project_id)
    model = ModelVersion.objects.select_for_update().get(pk=model.pk)
    if model.stage != Stage.CHAMPION:
        raise Conflict(f"Model {model.number} is not the champion ({model.stage}).", code="not_champion")
    if model.replaced is None:
        raise Conflict(
            f"Model {model.number} replaced no champion, so there is none to go back to.", code="nothing_replaced"
        )
    _crown(project, model.replaced, model, user)
    audit.record(user, "rolled back", model, again=model.replaced.pk)
    return model.replaced


def _crown(project: Project, model: ModelVersion, before: ModelVersion | None, user: User | None) -> None:
    if before:  # first, for a project cannot have two champions even for a moment
        ModelVersion.objects.filter(pk=before.pk).update(stage=Stage.RETIRED)
        events.changed(before)
    model.stage, model.promoted_at, model.promoted_by = Stage.CHAMPION, timezone.now(), user
    model.save(update_fields=["stage", "promoted_at", "promoted_by", "replaced"])
    Project.objects.filter(pk=project.pk).update(champion=model)
    events.changed(model)
    events.changed(project)


def import_champion(project: Project, weights: Path, card: Mapping[str, Any], user: User | None = None) -> ModelVersion:
    """Install weights made elsewhere by `ml.train` as the project's champion. `weights` stays where it is.

    card  {"note": text, "scores": what `ml.evaluate` wrote}, both optional
    Raises BadRequest when the file is not sound weights, Conflict when its labels are not the project's, index by
    index and name by name.
    """
    story = read_story(weights)
    own = {label.index: label.name for label in project.labels.filter(removed_at=None)}
    other = [f"{row['index']} {row['name']}" for row in story["labels"] if own.get(row["index"]) != row["name"]]
    if other:
        raise Conflict(
            f"These weights draw labels the project does not have: {', '.join(other)}.", code="labels_differ"
        )
    name = f"models/{uuid.uuid4()}.safetensors"
    with tempfile.TemporaryDirectory(prefix="weights-", dir=settings.FILE_UPLOAD_TEMP_DIR) as folder:
        copy = Path(folder) / "model.safetensors"
        shutil.copyfile(weights, copy)
        size, sha256 = copy.stat().st_size, files.sha256_of(copy)
        files.store_once(name, copy)
    try:
        with transaction.atomic():
            Project.objects.select_for_update().get(pk=project.pk)
            newest = ModelVersion.objects.filter(project=project).aggregate(newest=Max("number"))["newest"] or 0
            model = ModelVersion.objects.create(
                project=project,
                number=newest + 1,
                architecture=architecture_of(story),
                labels=story["labels"],
                weights_name=name,
                weights_sha256=sha256,
                byte_size=size,
                scores=scores.from_evaluation(card["scores"], None) if card.get("scores") else {},
                note=card.get("note", ""),
            )
            audit.record(user, "imported", model, sha256=sha256)
            return promote(model, user)
    except BaseException:
        files.delete(name)
        raise


# --- comparing ---


def champion_of(project: Project) -> ModelVersion | None:
    """The project's champion, read anew."""
    return ModelVersion.objects.filter(project=project, stage=Stage.CHAMPION).first()


def compare(candidate: ModelVersion, champion: ModelVersion | None) -> dict[str, Any]:
    """Candidate against champion on the same test frames, per label, with a verdict in one sentence.

    Differences are candidate minus champion: per label the mean over subjects, over all the mean over labels; the
    interval (95 %) comes from drawing the subjects again, each with both its scores (paired bootstrap, 2000 times,
    fixed seed). Null where one subject only was scored: one says nothing about the next.
    """
    own = scores.by_test_set(candidate.scores)
    others = scores.by_test_set(champion.scores) if champion else {}
    common = next((key for key in (*own, *others) if key in own and key in others), None)
    shown: dict[str, Any] = {
        "candidate": scores.shown(own[common] if common else candidate.scores),
        "champion": None,
        "labels": [],
        "difference": None,
        "comparable": common is not None,
    }
    if champion is None:
        return {**shown, "verdict": "There is no champion to compare with."}
    if common is None:
        shown["champion"] = scores.shown(champion.scores) or None
        return {**shown, "verdict": _why_not(candidate, champion)}
    shown["champion"] = scores.shown(others[common])
    labels, difference = differences(own[common], others[common])
    return {
        **shown,
        "labels": labels,
        "difference": difference,
        "verdict": verdict(labels, difference, _unshared(candidate, champion)),
    }


def _unshared(one: ModelVersion, other: ModelVersion) -> list[str]:
    """Names of the labels only one of the two draws. An index means one structure, whatever it is called now."""
    named = {model: {label["index"]: label["name"] for label in model.labels} for model in (one, other)}
    return [
        name
        for mine, theirs in ((one, other), (other, one))
        for index, name in named[mine].items()
        if index not in named[theirs]
    ]


def _why_not(candidate: ModelVersion, champion: ModelVersion) -> str:
    if not candidate.scores:
        return "This model was not scored: its dataset version has no test subjects."
    return (
        f"These two cannot be compared: model {champion.number} was never scored on the test frames of model "
        f"{candidate.number}. A new training run scores the champion on its own test frames."
    )


def differences(ours: dict[str, Any], theirs: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """([{index, name, difference, low, high}] for labels both were scored on, {mean, low, high} over them).

    ours, theirs  scores on one test set, with "per_subject"
    """
    subjects = sorted(set(ours["per_subject"]) & set(theirs["per_subject"]))
    indices = [index for index in ours["labels"] if index in theirs["labels"]]
    if not subjects or not indices:
        return [], None
    table = _table(ours, subjects, indices) - _table(theirs, subjects, indices)

    means = _column_means(table)
    spread: np.ndarray | None = None
    if len(subjects) > 1:
        draws = np.random.default_rng(0).integers(0, len(subjects), (RESAMPLES, len(subjects)))
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


def _table(one: dict[str, Any], subjects: list[str], indices: list[str]) -> np.ndarray:
    """Dice as float [subjects, labels]; NaN where a subject does not show a label."""
    rows = [[one["per_subject"][subject].get(index) for index in indices] for subject in subjects]
    return np.array(rows, float)


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
