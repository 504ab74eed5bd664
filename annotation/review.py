"""Review: a verdict makes a revision gold, or returns it with comments pinned to places; its reviewer can undo it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from annotation import audit, events, states
from annotation.errors import BadRequest, Conflict, Forbidden, StaleRevision
from annotation.models import Annotation, DatasetItem, Frame, Project, Review, Revision, User

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


@dataclass(frozen=True)
class Refusal:
    """Why one verdict was not taken back."""

    review: int
    frame: int | None
    code: str

    @property
    def message(self) -> str:
        return REFUSALS[self.code]


REFUSALS = {
    "no_review": "This project has no such verdict.",
    "other_person": "Another person gave this verdict; only they can take it back.",
    "taken_back": "This verdict is taken back already.",
    "judged_since": "Somebody judged this frame since; the newer verdict stands.",
    "saved_since": "Somebody saved this frame since; return it instead, or judge it once it is submitted.",
    "submitted_since": "Somebody submitted this frame again since; it waits for a verdict already.",
    "frozen": "A dataset version holds this mask as gold; return the frame instead, the version stays as it is.",
}


def take_back(project: Project, reviews: Sequence[int], *, by: User) -> tuple[list[Review], list[Refusal]]:
    """Undo a person's own verdicts where nothing happened since; those, by id, and why each of the others was not.

    A frame is then what it was before: submitted (accepted, where the verdict returned what was gold), with the gold
    it had. The verdicts stay in the history, marked as taken back.
    """
    taken: list[Review] = []
    refused: list[Refusal] = []
    before: dict[int, _Stand] = {}  # by frame
    with transaction.atomic():
        # A freeze locks it too: its version is seen here, or does not see what is taken back.
        Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        asked = Review.objects.filter(pk__in=reviews, revision__annotation__frame__project=project)
        chains = Annotation.objects.filter(pk__in=asked.values("revision__annotation"), slot=SLOT)
        locked = chains.select_for_update(of=("self",)).select_related("frame").order_by("pk").in_bulk()
        histories: dict[int, list[Review]] = defaultdict(list)
        known: dict[int, Review] = {}
        given = Review.objects.filter(revision__annotation__in=list(locked)).order_by("pk")
        for each in given.select_related("revision").defer("revision__png"):
            each.revision.annotation = locked[each.revision.annotation_id]
            histories[each.revision.annotation_id].append(each)
            known[each.pk] = each
        frozen = set(
            DatasetItem.objects.filter(revision__in=asked.values("revision")).values_list("revision", flat=True)
        )
        for pk in dict.fromkeys(reviews):
            review = known.get(pk)
            if review is None:
                refused.append(Refusal(pk, None, "no_review"))
                continue
            annotation = review.revision.annotation
            standing = [each for each in histories[annotation.pk] if each.taken_back_at is None]
            code = _in_the_way(review, annotation, standing, by)
            if not code and review.verdict == Review.Verdict.ACCEPTED and review.revision_id in frozen:
                code = "frozen"
            if code:
                refused.append(Refusal(pk, annotation.frame_id, code))
            else:
                before[annotation.frame_id] = _stand_after(standing[:-1], review)
                taken.append(review)

        now = timezone.now()
        Review.objects.filter(pk__in=[each.pk for each in taken]).update(taken_back_at=now)
        for state in (Annotation.State.SUBMITTED, Annotation.State.ACCEPTED):
            frames = [frame for frame, stand in before.items() if stand.state == state]
            Annotation.objects.filter(frame__in=frames, slot=SLOT).update(state=state, updated_at=now)
        states.move_all(
            {frame: stand.state for frame, stand in before.items()},
            gold={frame: stand.gold for frame, stand in before.items()},
        )
        rows = [
            (
                each,
                {"verdict": each.verdict, "frame": each.revision.annotation.frame_id, "revision": each.revision.number},
            )
            for each in taken
        ]
        audit.record_all(by, "took back", rows, project_id=project.pk)
        for each in taken:
            events.changed(each.revision.annotation.frame)
    return taken, refused


def _in_the_way(review: Review, annotation: Annotation, standing: list[Review], by: User) -> str:
    if review.reviewer_id != by.pk:
        return "other_person"
    if review.taken_back_at is not None:
        return "taken_back"
    if standing[-1].pk != review.pk:
        return "judged_since"
    if annotation.head != review.revision.number:
        return "saved_since"
    return "" if annotation.state == review.verdict else "submitted_since"


@dataclass(frozen=True)
class _Stand:
    """Of a frame: its state and its gold revision."""

    state: Frame.State
    gold: int | None


def _stand_after(standing: list[Review], review: Review) -> _Stand:
    """How the frame of `review` stood before it, by the verdicts that `decide` gave until then."""
    gold: int | None = None
    last: Review | None = None
    for each in standing:
        if each.verdict == Review.Verdict.ACCEPTED:
            gold = each.revision_id
        elif last is not None and _is_accepted(last, each.revision_id):
            gold = None
        last = each
    was_accepted = last is not None and _is_accepted(last, review.revision_id)
    return _Stand(Frame.State.ACCEPTED if was_accepted else Frame.State.SUBMITTED, gold)


def _is_accepted(last: Review, revision: int) -> bool:
    """Whether the revision stood as accepted after this verdict: nothing but a verdict or a save changes that."""
    return last.verdict == Review.Verdict.ACCEPTED and last.revision_id == revision
