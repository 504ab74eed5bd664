"""The registry: candidate against champion on the same locked test subjects → promote, roll back (promise 10)."""

import shutil
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from annotation import audit, comparison, events, files
from annotation.errors import Conflict
from annotation.formats import scores
from annotation.formats.weights import architecture_of, read_story, refuse_foreign_labels
from annotation.models import ModelVersion, Project, User

Stage = ModelVersion.Stage


@transaction.atomic
def promote(model: ModelVersion, user: User | None, *, override: str = "") -> ModelVersion:
    """Make the model its project's champion; the one before retires and can come back by `rollback`.

    override  why it is promoted although the gate does not let it pass (`compare`); kept in the audit trail
    Raises Conflict when it is champion already, draws labels the project does not have, or does not pass the gate and
    nobody overrides it.
    """
    project = Project.objects.select_for_update().get(pk=model.project_id)
    model = ModelVersion.objects.select_for_update().get(pk=model.pk)
    if model.stage == Stage.CHAMPION:
        raise Conflict(f"Model {model.number} is the champion already.", code="already_champion")
    refuse_foreign_labels(project, model.labels)
    before = champion_of(project)
    gate = compare(model, before)["gate"]
    if gate and not gate["passed"] and not override:
        raise Conflict(
            f"{gate['verdict']} To promote model {model.number} all the same, override the gate and say why.",
            {"gate": gate},
            code="gate_not_passed",
        )
    overridden = {"override": override, "gate": gate["reasons"]} if gate and not gate["passed"] else {}
    return _promote(project, model, before, user, **overridden)


def _promote(
    project: Project, model: ModelVersion, before: ModelVersion | None, user: User | None, **detail: Any
) -> ModelVersion:
    model.replaced = before
    _crown(project, model, before, user)
    audit.record(user, "promoted", model, replaced=before and before.pk, **detail)
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
            project = Project.objects.select_for_update().get(pk=project.pk)
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
            # No gate: whoever may lay weights on this machine's disk decides, and there may be no test frames yet.
            return _promote(project, model, champion_of(project), user)
    except BaseException:
        files.delete(name)
        raise


# --- comparing ---


def champion_of(project: Project) -> ModelVersion | None:
    """The project's champion, read anew."""
    return ModelVersion.objects.filter(project=project, stage=Stage.CHAMPION).first()


def compare(candidate: ModelVersion, champion: ModelVersion | None) -> dict[str, Any]:
    """Candidate against champion on the same test frames, per label, with a verdict in one sentence.

    labels, difference  of Dice, see `comparison.differences`: candidate minus champion
    measures            the same of every other measure; "why_not" says in words when it cannot be compared
    gate                {"passed": true, false, or null where it cannot decide, "verdict": sentence, "reasons"}; null
                        without a champion
    """
    own = scores.by_test_set(candidate.scores)
    others = scores.by_test_set(champion.scores) if champion else {}
    common = next((key for key in (*own, *others) if key in own and key in others), None)
    shown: dict[str, Any] = {
        "candidate": scores.shown(own[common] if common else candidate.scores),
        "champion": None,
        "labels": [],
        "difference": None,
        "measures": {},
        "comparable": common is not None,
        "gate": None,
    }
    if champion is None:
        return {**shown, "verdict": "There is no champion to compare with."}
    if common is None:
        shown["champion"] = scores.shown(champion.scores) or None
        reason = _why_not(candidate, champion)
        return {**shown, "verdict": reason, "gate": {"passed": None, "verdict": reason, "reasons": [reason]}}
    ours, theirs = own[common], others[common]
    labels, difference = comparison.differences(ours, theirs)
    gate = comparison.gate(ours, theirs)
    return {
        **shown,
        "champion": scores.shown(theirs),
        "labels": labels,
        "difference": difference,
        "measures": {measure: _measure(ours, theirs, measure) for measure in scores.MEASURES},
        "verdict": comparison.verdict(labels, difference, _unshared(candidate, champion)),
        "gate": {"passed": gate.passed, "verdict": gate.sentence(champion.number), "reasons": gate.reasons},
    }


def _measure(ours: dict[str, Any], theirs: dict[str, Any], measure: str) -> dict[str, Any]:
    reason = comparison.why_not(ours, theirs, measure)
    labels, difference = ([], None) if reason else comparison.differences(ours, theirs, measure)
    return {"labels": labels, "difference": difference, "why_not": reason}


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
