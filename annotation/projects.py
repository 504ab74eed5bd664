"""Projects and their label schemas."""

from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from annotation import audit, events
from annotation.errors import BadRequest, Conflict, Forbidden, NotFound
from annotation.models import Label, Membership, Project, User
from annotation.presets import PRESETS, SPARE_COLORS, key_for

LARGEST_INDEX = 254  # 255 means "not annotated"


@transaction.atomic
def create_project(
    *,
    name: str,
    by: User,
    description: str = "",
    preset: str | None = None,
    labels: Sequence[dict[str, Any]] = (),
    is_demonstration: bool = False,
) -> Project:
    """Create a project with its labels; `by` becomes its manager.

    Raises Forbidden when `by` may not create projects, Conflict when the name is taken, BadRequest for an unknown
    preset.
    """
    if not by.is_staff:
        raise Forbidden("Only an administrator of this instance may create projects.")
    if preset is not None and preset not in PRESETS:
        raise BadRequest(f"There is no preset {preset!r}; expected one of {', '.join(PRESETS)}.")
    if Project.objects.filter(name=name).exists():
        raise _name_taken(name)
    try:
        with transaction.atomic():
            project = Project.objects.create(
                name=name, description=description, created_by=by, is_demonstration=is_demonstration
            )
    except IntegrityError:
        raise _name_taken(name) from None  # by a request of the same moment
    Membership.objects.create(project=project, user=by, role=Membership.Role.MANAGER)
    for label in [*(PRESETS[preset].labels() if preset else ()), *labels]:
        add_label(project, by=by, name=str(label["name"]), color=label.get("color"), key=label.get("key"))
    audit.record(by, "created", project, project_id=project.pk)
    events.changed(project)
    return project


def living_labels(project: Project) -> list[Label]:
    """The project's labels in their order, without removed ones."""
    return list(project.labels.filter(removed_at=None))


@transaction.atomic
def add_label(project: Project, *, by: User, name: str, color: str | None = None, key: str | None = None) -> Label:
    """Add a structure under the next index, which no other label has ever had.

    Raises Conflict when the name is taken or all 254 indices are used.
    """
    project = Project.objects.select_for_update().get(pk=project.pk)
    index = project.next_label_index
    if index > LARGEST_INDEX:
        raise Conflict(
            "All 254 label indices of this project are used; an index is never given out twice.", code="no_index"
        )
    _refuse_taken_name(project, name)
    taken = set(project.labels.filter(removed_at=None).values_list("color", flat=True))
    spare = [each for each in SPARE_COLORS if each not in taken] or list(SPARE_COLORS)
    keys = set(project.labels.filter(removed_at=None).values_list("key", flat=True))
    last = project.labels.aggregate(last=Max("position"))["last"]
    label = Label(
        project=project,
        index=index,
        name=name,
        color=(color or spare[0]).lower(),
        key=key if key is not None else key_for(index) if key_for(index) not in keys else "",
        position=0 if last is None else last + 1,
    )
    label.full_clean(exclude=["removed_at"])
    label.save()
    project.next_label_index = index + 1
    project.save(update_fields=["next_label_index"])
    audit.record(by, "created", label, index=index)
    events.changed(project)
    return label


@transaction.atomic
def change_label(project: Project, index: int, *, by: User, **changes: Any) -> Label:
    """Rename, recolour or give another key. Masks keep the index, so nothing painted changes."""
    label = _living(project, index)
    if "name" in changes and changes["name"] != label.name:
        _refuse_taken_name(project, changes["name"])
    for field, value in changes.items():
        setattr(label, field, value.lower() if field == "color" else value)
    label.full_clean(exclude=["removed_at"])
    try:
        label.save(update_fields=list(changes))
    except IntegrityError:
        raise Conflict(f"There is a label called {changes.get('name')!r} already.", code="name_taken") from None
    audit.record(by, "changed", label, index=index, fields=sorted(changes))
    events.changed(project)
    return label


@transaction.atomic
def remove_label(project: Project, index: int, *, by: User) -> None:
    """Take a label out of the schema. Its index stays taken, and masks that hold it stay as they are."""
    label = _living(project, index)
    label.removed_at = timezone.now()
    label.save(update_fields=["removed_at"])
    audit.record(by, "removed", label, index=index)
    events.changed(project)


@transaction.atomic
def order_labels(project: Project, indices: Sequence[int], *, by: User) -> list[Label]:
    """Put the labels in this order. Raises BadRequest unless `indices` holds every label once."""
    labels = {label.index: label for label in living_labels(project)}
    if sorted(indices) != sorted(labels):
        raise BadRequest(f"The order must name every label once: {sorted(labels)} were expected, {list(indices)} came.")
    for position, index in enumerate(indices):
        Label.objects.filter(pk=labels[index].pk).update(position=position)
    audit.record(by, "reordered labels", project, project_id=project.pk)
    events.changed(project)
    return living_labels(project)


@transaction.atomic
def change_project(project: Project, *, by: User, **changes: Any) -> Project:
    """Change a project's name, description or settings. Raises Conflict when the name is taken."""
    if Project.objects.filter(name=changes.get("name")).exclude(pk=project.pk).exists():
        raise _name_taken(changes["name"])
    for field, value in changes.items():
        setattr(project, field, value)
    try:
        project.save(update_fields=list(changes))
    except IntegrityError:
        raise _name_taken(changes["name"]) from None
    audit.record(by, "changed", project, project_id=project.pk, fields=sorted(changes))
    events.changed(project)
    return project


def _name_taken(name: str) -> Conflict:
    return Conflict(f"There is a project called {name!r} already; choose another name.", code="name_taken")


def _living(project: Project, index: int) -> Label:
    label = project.labels.filter(index=index, removed_at=None).first()
    if label is None:
        raise NotFound(f"This project has no label with index {index}.")
    return label


def _refuse_taken_name(project: Project, name: str) -> None:
    if project.labels.filter(name=name, removed_at=None).exists():
        raise Conflict(f"There is a label called {name!r} already.", code="name_taken")
