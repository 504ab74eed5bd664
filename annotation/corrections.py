"""Corrections: a person's label map becomes the next revision of a frame's annotation. Nothing is ever overwritten."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from annotation import audit, effort, events, files, states
from annotation.errors import BadMask, Conflict, StaleRevision
from annotation.models import Annotation, Draft, Frame, Label, Revision, User

NOT_ANNOTATED = 255
SLOT = 0  # the frame's common chain


@dataclass(frozen=True)
class Save:
    """One label map on its way in."""

    png: bytes
    base: int  # number of the revision the person started from; 0 for none
    origin: Revision.Origin = Revision.Origin.HAND
    draft: Draft | None = None
    active_seconds: float = 0.0
    strokes: int | None = None
    clicks: int | None = None
    provenance: Mapping[str, object] = field(default_factory=dict)  # of a proposal it was made from


def standing() -> QuerySet[Annotation]:
    """The common chains of all frames with a person's work: something was saved, and was not taken back."""
    return Annotation.objects.filter(slot=SLOT).exclude(state=Annotation.State.UNTOUCHED)


def annotation_of(frame: Frame) -> Annotation | None:
    """The frame's annotation, or None while no person's work stands."""
    return standing().filter(frame=frame).first()


def head_of(annotation: Annotation) -> Revision:
    """The newest revision of an annotation."""
    return Revision.objects.select_related("author").get(annotation=annotation, number=annotation.head)


def save_mask(frame: Frame, save: Save, *, by: User, may_reopen: bool) -> Revision:
    """Store a label map as the next revision.

    If anyone saved since `save.base`, nothing is written. `may_reopen` says whether this person may work on an
    accepted frame: it is then open again, and its gold revision stays until another is accepted.

    Raises BadMask for a wrong size, mode or label, StaleRevision (with what is newer), Conflict for an accepted frame.
    """
    clip = frame.clip
    known = set(Label.objects.filter(project_id=frame.project_id).values_list("index", flat=True))
    label_map, png = files.read_label_map(
        save.png, height=clip.height, width=clip.width, allowed={0, NOT_ANNOTATED, *known}
    )
    pixels = np.bincount(label_map.ravel(), minlength=256)
    # Before the transaction: what it compares with never changes, and other savers need not wait for it.
    changed, draft_dice = _compare(frame, save, label_map)

    with transaction.atomic():
        annotation = _claim(frame, save.base, by, may_reopen)  # its head is this revision's number now
        parent = Revision.objects.filter(annotation=annotation, number=save.base).values_list("pk", flat=True)
        revision = Revision.objects.create(
            annotation=annotation,
            number=annotation.head,
            parent_id=parent.first() if save.base else None,
            author=by,
            origin=save.origin,
            draft=save.draft,
            png=png,
            sha256=hashlib.sha256(label_map.tobytes()).hexdigest(),
            label_pixels={str(index): int(pixels[index]) for index in np.flatnonzero(pixels) if index},
            active_seconds=save.active_seconds,
            strokes=save.strokes,
            clicks=save.clicks,
            pixels_changed=changed,
            draft_dice=draft_dice,
            provenance=dict(save.provenance),
        )
        states.move(frame, Frame.State.OPEN)
        audit.record(by, "saved", revision, project_id=frame.project_id, frame=frame.pk, number=revision.number)
        events.changed(frame)
    return revision


def _compare(frame: Frame, save: Save, label_map: np.ndarray) -> tuple[int, float | None]:
    """Pixels changed against what the save grew from, and the Dice of the draft its chain grew from (None: no draft).

    What it grew from is the parent, else the draft, else background only.
    """
    before = None
    draft = bytes(save.draft.png) if save.draft else None
    if save.base:
        chain = Revision.objects.filter(annotation__frame=frame, annotation__slot=SLOT, number__lte=save.base)
        parent = chain.filter(number=save.base).values_list("png", flat=True).first()
        before = None if parent is None else files.stored_label_map(bytes(parent))
        if draft is None:
            known = chain.filter(draft__isnull=False).order_by("-number").values_list("draft__png", flat=True).first()
            draft = None if known is None else bytes(known)
    drafted = None if draft is None else files.stored_label_map(draft)
    if not save.base:
        before = drafted
    return (
        effort.pixels_changed(before, label_map),
        None if drafted is None else effort.mean_dice(drafted, label_map),
    )


def _claim(frame: Frame, base: int, by: User, may_reopen: bool) -> Annotation:
    """Take the next revision number for this save: of several savers with one base, exactly one gets it."""
    chains = Annotation.objects.filter(frame=frame, slot=SLOT)
    annotation = chains.first()
    if annotation is None and base == 0:
        try:
            with transaction.atomic():
                return Annotation.objects.create(frame=frame, slot=SLOT, annotator=by, head=1)
        except IntegrityError:
            annotation = chains.first()  # another saver began it just now
    if annotation is None:
        raise StaleRevision(
            f'Nothing is saved for this frame yet, so revision {base} does not exist. Start with If-Match: "r0".',
            {"number": 0},
        )
    claim = {"head": base + 1, "state": Annotation.State.OPEN, "updated_at": timezone.now()}
    mine = chains.filter(head=base)
    if base == 0:  # taken back: begun afresh, whatever number the chain has reached
        claim |= {"head": annotation.head + 1, "annotator": by}
        mine = chains.filter(head=annotation.head, state=Annotation.State.UNTOUCHED)
    if not may_reopen:  # asked in the update itself: a reviewer may be accepting the frame at this moment
        mine = mine.exclude(state=Annotation.State.ACCEPTED)
    if not mine.update(**claim):
        annotation.refresh_from_db()
        if annotation.head == base:
            raise Conflict("This frame is accepted; ask a reviewer to return it before changing it.", code="accepted")
        raise stale(annotation, base)
    annotation.refresh_from_db()
    return annotation


def take_back(frame: Frame, number: int, *, by: User) -> None:
    """Make a frame untouched again whose only work is a mask carried to it and accepted by this person.

    The revision stays in the history; the next save begins afresh. Raises StaleRevision when somebody saved since,
    Conflict where there is other work on the frame.
    """
    with transaction.atomic():
        annotation = Annotation.objects.select_for_update().filter(frame=frame, slot=SLOT).first()
        if annotation is None or annotation.state != Annotation.State.OPEN:
            state = annotation.state if annotation else "untouched"
            raise Conflict(f"Only a frame in work can be taken back; this one is {state}.", code="not_open")
        if annotation.head != number:
            raise stale(annotation, number)
        head = head_of(annotation)
        if head.origin != Revision.Origin.PROPAGATED or head.parent_id is not None or head.author_id != by.pk:
            raise Conflict(
                "Only a mask you accepted for a frame nobody had worked on can be taken back.", code="not_carried"
            )
        annotation.state = Annotation.State.UNTOUCHED
        annotation.save(update_fields=["state", "updated_at"])
        states.move(frame, Frame.State.UNTOUCHED)
        audit.record(by, "took back", head, project_id=frame.project_id, frame=frame.pk, number=number)
        events.changed(frame)


def stale(annotation: Annotation, base: int) -> StaleRevision:
    """The refusal of a save that started from an older revision: what is newer, by whom, since when."""
    annotation.refresh_from_db()
    newest = head_of(annotation)
    return StaleRevision(
        f"{newest.author.username} saved revision {newest.number} of this frame; yours started from {base}. "
        "Nothing was overwritten. Look at both and decide.",
        {
            "number": newest.number,
            "author": newest.author.username,
            "at": newest.created_at.isoformat(),
            "sha256": newest.sha256,
        },
    )


def blank_png(frame: Frame) -> bytes:
    """A label map of background only, in the frame's size: what an annotation starts from."""
    return files.encode_label_map(np.zeros((frame.clip.height, frame.clip.width), np.uint8))


def submit(frame: Frame, *, by: User, number: int | None = None) -> Annotation:
    """Hand the frame's newest revision to the reviewers. Submitting again changes nothing.

    `number` is the revision the person looked at: if another was saved since, nothing is submitted.

    Raises Conflict when nothing is saved yet or the frame is accepted already, StaleRevision.
    """
    with transaction.atomic():
        annotation = Annotation.objects.select_for_update().filter(frame=frame, slot=SLOT).first()
        if annotation is None or annotation.state == Annotation.State.UNTOUCHED:
            raise Conflict("Nothing is saved for this frame yet; save a mask first.", code="nothing_saved")
        if number is not None and number != annotation.head:
            raise stale(annotation, number)
        if annotation.state == Annotation.State.ACCEPTED:
            raise Conflict("This frame is accepted already.", code="accepted")
        if annotation.state != Annotation.State.SUBMITTED:
            kept = _kept_of_draft(frame, annotation)
            annotation.state = Annotation.State.SUBMITTED
            annotation.save(update_fields=["state", "updated_at"])
            states.move(frame, Frame.State.SUBMITTED, disagreement=-1.0 if kept is None else 1.0 - kept)
            audit.record(by, "submitted", annotation, project_id=frame.project_id, frame=frame.pk)
            events.changed(frame)
    return annotation


def _kept_of_draft(frame: Frame, annotation: Annotation) -> float | None:
    """Mean Dice of the model's draft against the newest revision; None where no model drafted the frame.

    Work that grew from no draft (carried over, from nothing) is compared with the newest one.
    """
    saved = Revision.objects.get(annotation=annotation, number=annotation.head)
    if saved.draft_dice is not None:
        return saved.draft_dice
    draft = Draft.objects.filter(frame=frame).order_by("-id").first()
    if draft is None:
        return None
    drafted, kept = (files.stored_label_map(bytes(each.png)) for each in (draft, saved))
    return effort.mean_dice(drafted, kept)


def draft_of(frame: Frame, draft_id: int) -> Draft:
    """The frame's draft with this id. Raises BadMask when it is another frame's."""
    draft = Draft.objects.filter(frame=frame, pk=draft_id).first()
    if draft is None:
        raise BadMask(f"This frame has no draft {draft_id}.", code="no_draft")
    return draft
