"""The audit trail: call inside the transaction of the change it records."""

from collections.abc import Iterable

from django.db import IntegrityError, models, transaction
from django.utils import timezone

from annotation.models import AuditEvent, Clip, User


def record(
    actor: User | None, verb: str, subject: models.Model, *, project_id: int | None = None, **detail: object
) -> None:
    """Add one row: who, what, on which object. `detail` holds ids and numbers, nothing that names a patient."""
    if project_id is None:
        project_id = getattr(subject, "project_id", None)
    _row(actor, verb, subject, project_id, detail).save(force_insert=True)


def record_all(
    actor: User, verb: str, subjects: Iterable[tuple[models.Model, dict[str, object]]], *, project_id: int
) -> None:
    """As `record`, a row for each of (object, detail), written together."""
    AuditEvent.objects.bulk_create(_row(actor, verb, subject, project_id, detail) for subject, detail in subjects)


def _row(
    actor: User | None, verb: str, subject: models.Model, project_id: int | None, detail: dict[str, object]
) -> AuditEvent:
    return AuditEvent(
        actor=actor,
        verb=verb,
        project_id=project_id,
        object_type=subject._meta.model_name or "",
        object_id=str(subject.pk),
        detail=detail,
    )


def record_view(actor: User, clip: Clip) -> None:
    """Note that a person saw a clip's pictures: one row per person, clip and hour, written before the pixels leave."""
    key = f"{actor.pk}:{clip.pk}:{timezone.now():%Y%m%d%H}"
    if AuditEvent.objects.filter(view_key=key).exists():
        return
    try:
        with transaction.atomic():
            AuditEvent.objects.create(
                actor=actor,
                verb="viewed",
                project_id=clip.project_id,
                object_type="clip",
                object_id=str(clip.pk),
                view_key=key,
            )
    except IntegrityError:
        return  # another request of the same person wrote the same row at the same moment
