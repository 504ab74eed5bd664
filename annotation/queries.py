"""Numbers for screens: each a sum over stored counters or one index scan, so it costs the same at a million frames."""

import statistics
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from annotation.models import (
    Annotation,
    Clip,
    DatasetVersion,
    Frame,
    Job,
    Membership,
    ModelVersion,
    Project,
    Review,
    Revision,
    Subject,
    User,
)
from annotation.permissions import CAPABILITIES

CLIP_SUMS = {
    "frames": Sum("frame_count"),
    "selected": Sum("selected_count"),
    "drafted": Sum("drafted_count"),
    "open": Sum("open_count"),
    "submitted": Sum("submitted_count"),
    "returned": Sum("returned_count"),
    "accepted": Sum("accepted_count"),
}
ACTIVITY_DAYS = 14
EFFORT_FRAMES = 1000
SLOT = 0  # the frame's common chain (corrections.SLOT; steps are not imported here)


def project_stats(project: Project) -> dict[str, Any]:
    """How far the project's loop is, what waits for whom, and which stage holds the rest up."""
    clips = Clip.objects.filter(project=project).exclude(state=Clip.State.FAILED)
    sums = {name: value or 0 for name, value in clips.aggregate(**CLIP_SUMS).items()}
    sums["untouched"] = sums["selected"] - sums["open"] - sums["submitted"] - sums["returned"] - sums["accepted"]
    newest = DatasetVersion.objects.filter(project=project).order_by("-number").first()
    champion = project.champion
    stats: dict[str, Any] = {
        "clips": clips.count(),
        "subjects": Subject.objects.filter(project=project).count(),
        **sums,
        "datasets": newest.number if newest else 0,
        "newest_dataset": {"id": newest.pk, "number": newest.number, "frames": newest.frame_count} if newest else None,
        "models": ModelVersion.objects.filter(project=project).count(),
        "champion": champion and {"id": champion.pk, "number": champion.number, "dice": headline_dice(champion)},
        "waiting": {
            "annotate": sums["untouched"] + sums["open"] + sums["returned"],
            "review": sums["submitted"],
            "jobs": Job.objects.filter(project=project, state__in=(Job.State.QUEUED, Job.State.RUNNING)).count(),
        },
        "activity": _activity(project),
    }
    stats["bottleneck"] = _bottleneck(project, stats)
    return stats


def headline_dice(model: ModelVersion) -> float | None:
    """Mean Dice on the locked test subjects, or None when it was not scored."""
    dice = model.scores.get("dice") if isinstance(model.scores, dict) else None
    return dice.get("mean") if isinstance(dice, dict) else None


def _bottleneck(project: Project, stats: dict[str, Any]) -> str | None:
    """The first stage, going backwards round the loop, that holds finished work nobody has taken on."""
    candidates = ModelVersion.objects.filter(project=project, stage=ModelVersion.Stage.CANDIDATE)
    if project.champion:
        candidates = candidates.filter(number__gt=project.champion.number)
    frozen = stats["newest_dataset"]["frames"] if stats["newest_dataset"] else 0
    trained = project.runs.order_by("-dataset__number").values_list("dataset__number", flat=True).first() or 0
    if not stats["clips"]:
        return "upload"
    if candidates.exists():
        return "promote"
    if stats["waiting"]["review"] and stats["waiting"]["review"] >= stats["waiting"]["annotate"]:
        return "review"
    if stats["waiting"]["annotate"]:
        return "annotate"
    if stats["waiting"]["review"]:
        return "review"
    if stats["accepted"] > frozen:
        return "freeze"
    return "train" if stats["datasets"] > trained else None


def _activity(project: Project) -> list[dict[str, Any]]:
    today = timezone.now().date()
    first = today - timedelta(days=ACTIVITY_DAYS - 1)
    # Compared as times, not by their dates, and the project asked for row by row: so it is a range of an index on
    # the time, and what the project has of older work is not touched.
    begin = datetime.combine(first, time.min, tzinfo=UTC)
    here = Annotation.objects.filter(frame__project=project)
    saved = (
        Revision.objects.filter(Exists(here.filter(pk=OuterRef("annotation"))), created_at__gte=begin)
        .annotate(day=TruncDate("created_at"))
        .values("day")
        .annotate(revisions=Count("pk"), active_seconds=Sum("active_seconds"))
    )
    accepted = (
        Review.objects.filter(
            Exists(here.filter(pk=OuterRef("revision__annotation"))),
            verdict=Review.Verdict.ACCEPTED,
            taken_back_at=None,
            created_at__gte=begin,
        )
        .annotate(day=TruncDate("created_at"))
        .values("day")
        .annotate(accepted=Count("pk"))
    )
    by_day: dict[Any, dict[str, Any]] = {
        first + timedelta(days=offset): {"revisions": 0, "accepted": 0, "active_seconds": 0.0}
        for offset in range(ACTIVITY_DAYS)
    }
    for row in [*saved, *accepted]:
        by_day.setdefault(row["day"], {}).update({key: value for key, value in row.items() if key != "day"})
    return [{"date": day.isoformat(), **values} for day, values in sorted(by_day.items())]


def effort_by_arm(project: Project) -> list[dict[str, Any]]:
    """What a frame cost, by the rule that gave it its place in the queue: of the newest 1000 frames with a gold mask.

    Per arm: frames, the median of active seconds over all revisions of a frame, and the mean of what people changed in
    the drafts (1 - Dice; of frames that grew from a draft), each null where there is none.
    """
    golden = Frame.objects.filter(project=project, gold__isnull=False).order_by("-id")
    frames = list(golden.values_list("pk", "arm", "disagreement")[:EFFORT_FRAMES])
    saved = Revision.objects.filter(annotation__frame__in=[pk for pk, _, _ in frames], annotation__slot=SLOT)
    seconds = dict(saved.values_list("annotation__frame").annotate(Sum("active_seconds")))
    arms = []
    for arm in Frame.Arm.values:
        times = [seconds.get(pk, 0.0) for pk, its, _ in frames if its == arm]
        changed = [share for _, its, share in frames if its == arm and share >= 0]
        arms.append(
            {
                "arm": arm,
                "frames": len(times),
                "median_active_seconds": statistics.median(times) if times else None,
                "changed": statistics.fmean(changed) if changed else None,
            }
        )
    return arms


def subject_progress(subjects: list[Subject]) -> dict[int, dict[str, int]]:
    """Per subject id: clips and the sums of their counters, in one query for the page."""
    rows = (
        Clip.objects.filter(subject__in=subjects)
        .exclude(state=Clip.State.FAILED)
        .values("subject_id")
        .annotate(clips=Count("pk"), **{name: value for name, value in CLIP_SUMS.items() if name != "frames"})
    )
    progress: dict[int, dict[str, int]] = {}
    for row in rows:
        counts: dict[str, Any] = dict(row)
        progress[counts.pop("subject_id")] = counts
    return progress


def open_jobs(clip_ids: list[int]) -> dict[int, Job]:
    """The newest job of each clip that is still at work or ended badly, in one query for the page."""
    wanted = Job.objects.filter(~Q(state=Job.State.DONE), kind=Job.Kind.INGEST, params__clip__in=clip_ids).order_by(
        "id"
    )
    return {int(job.params["clip"]): job for job in wanted}


def queue(project: Project, role: str, user: User) -> list[QuerySet[Frame]]:
    """Frames that wait for this person, in parts to be shown one after the other.

    annotate: returned to them, then begun by them, then untouched; what somebody began who may no longer annotate
    here is everybody's. review: submitted, without their own work where the project forbids accepting it. In parts
    because the index knows one state after the other. Work to annotate is to be ordered by falling rank, then
    uncertainty; review by uncertainty or disagreement.
    """
    rows = Frame.objects.filter(project=project, selected=True)
    if role == "review":
        waiting = rows.filter(state=Frame.State.SUBMITTED)
        if project.forbid_own_review:
            own = Revision.objects.filter(annotation__frame=OuterRef("pk"), author=user)
            waiting = waiting.filter(~Exists(own))
        return [waiting]
    able = [role for role, capabilities in CAPABILITIES.items() if "annotate" in capabilities]
    others = Membership.objects.filter(project=project, role__in=able, user__is_active=True).exclude(user=user)
    theirs = Annotation.objects.filter(frame=OuterRef("pk"), slot=SLOT).exclude(annotator__in=others.values("user"))
    return [
        rows.filter(Exists(theirs), state=Frame.State.RETURNED),
        rows.filter(Exists(theirs), state=Frame.State.OPEN),
        rows.filter(state=Frame.State.UNTOUCHED),
    ]
