"""Review: a reviewer's verdict makes a revision gold, or returns it with comments pinned to places."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from annotation import audit, events, states
from annotation.errors import BadRequest, Conflict, Forbidden, StaleRevision
from annotation.models import Annotation, Frame, Review, Revision, User

SLOT = 0


def decide(
    frame: Frame,
    *,
    verdict: Review.Verdict,
    by: User,
    comment: str = "",
    points: Sequence[dict[str, Any]] = (),
    number: int | None = None,
) -> Review:
    """Accept or return the frame's newest revision.

    `number` is the revision the reviewer looked at: if another was saved since, nothing is decided.

    Raises Conflict unless the frame is submitted (an accepted one may be returned), StaleRevision, BadRequest for
    a point outside the picture, Forbidden for one's own work where the project says so.
    """
    for point in points:
        if not (0 <= point["x"] < frame.clip.width and 0 <= point["y"] < frame.clip.height):
            raise BadRequest(
                f"A comment is pinned at ({point['x']:g}, {point['y']:g}), outside the picture "
                f"({frame.clip.width}×{frame.clip.height})."
            )
    with transaction.atomic():
        annotation = Annotation.objects.select_for_update().filter(frame=frame, slot=SLOT).first()
        if annotation is None or not _may_be(verdict, annotation):
            state = annotation.state if annotation else "untouched"
            raise Conflict(f"Only a submitted frame can be {verdict}; this one is {state}.", code="not_submitted")
        revision = Revision.objects.select_related("author").get(annotation=annotation, number=annotation.head)
        if number is not None and number != revision.number:
            raise StaleRevision(
                f"You looked at revision {number}; {revision.author.username} saved revision {revision.number} "
                "since. Look at the newest one first.",
                {"number": revision.number, "author": revision.author.username, "at": revision.created_at.isoformat()},
            )
        if (
            verdict == Review.Verdict.ACCEPTED
            and frame.project.forbid_own_review
            and Revision.objects.filter(annotation=annotation, author=by).exists()
        ):
            raise Forbidden("You worked on this mask yourself; this project wants another reviewer.", code="own_work")

        review = Review.objects.create(
            revision=revision, reviewer=by, verdict=verdict, comment=comment, points=list(points)
        )
        if verdict == Review.Verdict.ACCEPTED:
            annotation.state = Annotation.State.ACCEPTED
            states.move(frame, Frame.State.ACCEPTED, gold=revision)
        else:
            # Taking back what was accepted takes the gold back; returning a later revision leaves the gold before it.
            gone = {"gold": None} if annotation.state == Annotation.State.ACCEPTED else {}
            annotation.state = Annotation.State.RETURNED
            states.move(frame, Frame.State.RETURNED, **gone)
        annotation.save(update_fields=["state", "updated_at"])
        audit.record(by, verdict, review, project_id=frame.project_id, frame=frame.pk, revision=revision.number)
        events.changed(frame)
    return review


def _may_be(verdict: Review.Verdict, annotation: Annotation) -> bool:
    if annotation.state == Annotation.State.SUBMITTED:
        return True
    return verdict == Review.Verdict.RETURNED and annotation.state == Annotation.State.ACCEPTED
