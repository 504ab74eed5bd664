"""Propagation: a person's masks on key frames × the clip's motion (× champion) → proposals for the frames around them.

Promise 1: this module writes Propagation and Proposal rows, never a revision or a state. A proposal becomes work when
the person who asked for it saves it: by hand, or many at once through `accept`, each on its own and only where nobody
has worked since.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db import transaction
from django.utils import timezone

from annotation import audit, events, files, jobs
from annotation.errors import BadRequest, Conflict, SonoloopError
from annotation.formats.weights import refuse_foreign_labels
from annotation.models import (
    Annotation,
    Clip,
    Draft,
    Frame,
    Job,
    Label,
    ModelVersion,
    Propagation,
    Proposal,
    Revision,
    User,
)

if TYPE_CHECKING:
    from ml.predict import Predictor
    from ml.propagate import Carried, Stop

SLOT = 0  # the frame's common chain
MOST_STEPS = 30
MOST_KEYS = 30
MOST_FRAMES = 400
KEPT = timedelta(days=14)
FINISHED = (Frame.State.SUBMITTED, Frame.State.ACCEPTED)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wish:
    """What a person asks for: key frames' ids, which way, how far, and which structures (None: all)."""

    frames: Sequence[int]
    direction: Propagation.Direction = Propagation.Direction.BOTH
    count: int = MOST_STEPS
    labels: Sequence[int] | None = None


def request_propagation(clip: Clip, wish: Wish, user: User) -> tuple[Job, Propagation]:
    """A job that carries the newest revisions of the key frames along the clip; the caller queues it.

    Raises BadRequest for frames or labels the clip's project does not have, Conflict when a key frame has no saved
    mask or the clip no frames.
    """
    if clip.state not in (Clip.State.READY, Clip.State.PARTIAL):
        raise Conflict(f"This clip has no frames (it is {clip.state}).", code="no_frames")
    if not 1 <= len(set(wish.frames)) <= MOST_KEYS:
        raise BadRequest(f"Name 1 to {MOST_KEYS} key frames; {len(set(wish.frames))} came.")
    frames = list(Frame.objects.filter(clip=clip, pk__in=wish.frames).order_by("index"))
    missing = sorted(set(wish.frames) - {frame.pk for frame in frames})
    if missing:
        raise BadRequest(f"This clip has no frame {missing[0]}.")
    if wish.labels is not None:
        known = set(Label.objects.filter(project_id=clip.project_id, removed_at=None).values_list("index", flat=True))
        unknown = sorted(set(wish.labels) - known)
        if unknown or not wish.labels:
            raise BadRequest(f"labels must be of this project's labels {sorted(known)}; {list(wish.labels)} came.")
    heads = _heads(frames)
    empty = next((frame for frame in frames if frame.pk not in heads), None)
    if empty:
        raise Conflict(f"Frame {empty.index} has no saved mask to carry; save one first.", code="nothing_saved")
    reach = {index for frame in frames for index in _around(frame.index, wish.direction, wish.count)}
    if len(reach) > MOST_FRAMES:
        raise BadRequest(f"These key frames reach {len(reach)} frames; at most {MOST_FRAMES} at once. Name fewer.")

    with transaction.atomic():
        row = Propagation.objects.create(
            clip=clip,
            requested_by=user,
            direction=wish.direction,
            count=wish.count,
            labels=None if wish.labels is None else sorted(set(wish.labels)),
            keys=[{"frame": f.pk, "index": f.index, "revision": heads[f.pk].pk} for f in frames],
        )
        row.job = jobs.create(
            Job.Kind.PROPAGATE,
            queue="gpu",
            title=f"Propagate in clip {clip.number} of {clip.subject.pseudonym}",
            params={"propagation": row.pk, "clip": clip.pk},
            project=clip.project,
            created_by=user,
        )
        row.save(update_fields=["job"])
        audit.record(user, "asked for propagation", row.job, keys=[frame.pk for frame in frames])
    return row.job, row


def propagate(attempt: jobs.Attempt, row: Propagation, load: Callable[[str, str], "Predictor"]) -> None:
    """Compute the proposals and store them in place of the person's older ones there. Safe to run twice.

    `load` gives the model of (name, SHA-256) of stored weights.
    """
    from ml.errors import MlError

    attempt.progress(0, 0, "Loading the model")
    row.stops = []
    project = row.clip.project
    champion = ModelVersion.objects.filter(project=project, stage=ModelVersion.Stage.CHAMPION).first()
    network = None
    if champion:
        refuse_foreign_labels(project, champion.labels)
        network = load(champion.weights_name, champion.weights_sha256)
    living = list(Label.objects.filter(project=project, removed_at=None).values_list("index", flat=True))
    try:
        made = [each for group in _groups(row) for each in _carry_group(attempt, row, group, network, living)]
    except MlError as fault:
        raise Conflict(f"These frames cannot be propagated: {fault}") from fault
    row.model_version = champion
    row.method = _method(network)
    with transaction.atomic():
        attempt.hold()
        # Every frame this run looked at: an older proposal there is no longer what would be proposed.
        reach = {i for key in row.keys for i in _around(key["index"], row.direction, row.count)}
        older = Proposal.objects.filter(frame__clip=row.clip, requested_by=row.requested_by)
        older.filter(frame__index__in=reach).delete()
        Proposal.objects.bulk_create(made)
        row.save(update_fields=["model_version", "method", "stops"])
        amber = sum(each.flag == Proposal.Flag.AMBER for each in made)
        attempt.complete(f"{len(made)} proposals, {amber} to look at twice")
        events.changed(row.clip)


@dataclass(frozen=True)
class _Group:
    """Key frames whose reaches touch, and all frames between."""

    frames: list[Frame]
    keys: dict[int, Revision]  # by frame id


def _groups(row: Propagation) -> list[_Group]:
    reach = sorted({i for key in row.keys for i in (key["index"], *_around(key["index"], row.direction, row.count))})
    frames = list(Frame.objects.filter(clip=row.clip, index__in=reach).order_by("index"))
    revisions = Revision.objects.in_bulk([key["revision"] for key in row.keys])
    keys = {key["frame"]: revisions[key["revision"]] for key in row.keys if key["revision"] in revisions}
    # What people have finished is right: it bounds the way, and helps from its side.
    keys |= {pk: head for pk, head in _heads(f for f in frames if f.state in FINISHED).items() if pk not in keys}
    runs: list[list[Frame]] = []
    for frame in frames:
        if runs and runs[-1][-1].index == frame.index - 1:
            runs[-1].append(frame)
        else:
            runs.append([frame])
    return [_Group(run, {f.pk: keys[f.pk] for f in run if f.pk in keys}) for run in runs]


def _carry_group(
    attempt: jobs.Attempt, row: Propagation, group: _Group, network: "Predictor | None", living: list[int]
) -> list[Proposal]:
    from ml.data import to_grey
    from ml.propagate import Propagation as Way

    pictures = []
    with _pack(row.clip) as pack:
        for frame in group.frames:
            attempt.check()
            pictures.append(to_grey(pack.pixels(frame.pack_offset, frame.pack_length)))
    position = {frame.pk: at for at, frame in enumerate(group.frames)}
    directions: dict[str, tuple[Any, ...]] = {"both": ("forward", "backward")}
    way = Way(
        pictures,
        {position[pk]: files.stored_label_map(bytes(head.png)) for pk, head in group.keys.items()},
        network=network,
        reach=row.count,
        directions=directions.get(row.direction, (row.direction,)),
        living=living,
        on_step=lambda done, total: attempt.progress(done, total, "Following the motion"),
    )
    # Before the work: whoever saves while it is done has moved on, and `accept` must see that.
    heads = _heads(group.frames)
    made = [_proposal(row, group, carried, heads, living) for carried in way]
    asked = {key["index"] for key in row.keys}
    first = group.frames[0].index
    stops = [_stop(stop, group.frames, row) for stop in way.stops if stop.key + first in asked]
    row.stops = [*row.stops, *stops]
    return made


def _proposal(
    row: Propagation, group: _Group, carried: "Carried", heads: dict[int, Revision], living: list[int]
) -> Proposal:
    frame = group.frames[carried.index]
    keys = [group.frames[key] for key in carried.keys]
    label_map = np.where(np.isin(carried.labelmap, [0, 255, *living]), carried.labelmap, np.uint8(0))
    head = heads.get(frame.pk)
    if row.labels is not None:
        now = _now(frame, head)
        kept = np.where(np.isin(now, row.labels), np.uint8(0), now)
        label_map = np.where(np.isin(label_map, row.labels), label_map, kept)
    return Proposal(
        propagation=row,
        frame=frame,
        requested_by=row.requested_by,
        keys=[{"index": key.index, "revision": group.keys[key.pk].pk} for key in keys],
        steps=carried.steps,
        score=carried.score,
        flag=carried.flag,
        base=head.number if head else 0,
        png=files.encode_label_map(label_map),
        sha256=hashlib.sha256(np.ascontiguousarray(label_map).data).hexdigest(),
    )


def _now(frame: Frame, head: Revision | None) -> np.ndarray:
    """The frame's label map as it is: newest revision, else newest draft, else background."""
    if head:
        return files.stored_label_map(bytes(head.png))
    draft = Draft.objects.filter(frame=frame).order_by("-id").first()
    if draft:
        return files.stored_label_map(bytes(draft.png))
    return np.zeros((frame.clip.height, frame.clip.width), np.uint8)


def _stop(stop: "Stop", frames: list[Frame], row: Propagation) -> dict[str, Any]:
    frame = None if stop.index is None else frames[stop.index]
    name = None
    if stop.label is not None:
        here = Label.objects.filter(project_id=row.clip.project_id, index=stop.label)
        name = here.values_list("name", flat=True).first()
    if frame is None and 0 < frames[-1].index + 1 < row.clip.frame_count and stop.direction == "forward":
        reason = "count"  # the end of what was looked at, not of the clip
    elif frame is None and frames[0].index > 0 and stop.direction == "backward":
        reason = "count"
    else:
        reason = stop.reason
    return {
        "direction": stop.direction,
        "key": frames[stop.key].index,
        "steps": stop.steps,
        "frame": frame.pk if frame else None,
        "index": frame.index if frame else None,
        "reason": reason,
        "message": WORDS[reason].format(name=name or "A structure"),
    }


WORDS = {
    "count": "As far as was asked",
    "end_of_clip": "End of the clip",
    "next_key": "Next frame with a finished mask",
    "scene_change": "The picture changes too much here: probe lifted or moved",
    "low_confidence": "The motion cannot be followed here",
    "area_change": "{name} changes its size by more than 40 %",
    "structure_lost": "{name} is lost here",
    "structure_appeared": "{name} appears here",
    "disagreement": "The model sees something else here, most of all for {name}",
}


def _method(network: "Predictor | None") -> Propagation.Method:
    if network is None:
        return Propagation.Method.MOTION
    return Propagation.Method.PRIOR if network.info.config.aux else Propagation.Method.MIXED


def _around(index: int, direction: str, count: int) -> list[int]:
    forward = list(range(index + 1, index + count + 1)) if direction != Propagation.Direction.BACKWARD else []
    backward = list(range(max(0, index - count), index)) if direction != Propagation.Direction.FORWARD else []
    return [*backward, *forward]


def _heads(frames: Iterable[Frame]) -> dict[int, Revision]:
    """The newest revision of each frame that has one, by frame id."""
    worked_on = Annotation.objects.filter(frame__in=list(frames), slot=SLOT).exclude(state=Annotation.State.UNTOUCHED)
    chains = worked_on.values_list("pk", "frame_id", "head")
    wanted = {(chain, head): frame for chain, frame, head in chains}
    rows = Revision.objects.filter(annotation__in=[chain for chain, _ in wanted])
    return {wanted[row.annotation_id, row.number]: row for row in rows if (row.annotation_id, row.number) in wanted}


def _pack(clip: Clip) -> files.FramePack:
    try:
        return files.FramePack(clip.pack_name)
    except OSError as fault:
        raise Conflict(
            "The clip's pixels are missing on storage. Restore the data folder from a backup.", code="pixels_missing"
        ) from fault


# --- what a person does with them ---


def proposals_of(clip: Clip, user: User) -> list[Proposal]:
    """The person's living proposals in a clip, by frame."""
    rows = Proposal.objects.filter(frame__clip=clip, requested_by=user)
    return list(rows.select_related("frame", "propagation").order_by("frame__index"))


def blocked(proposals: Sequence[Proposal], user: User) -> dict[int, str | None]:
    """By proposal id: why it would not be accepted now, or None."""
    chains = Annotation.objects.filter(frame__in=[p.frame_id for p in proposals], slot=SLOT)
    by_frame = {chain.frame_id: chain for chain in chains}
    return {proposal.pk: _block(proposal, by_frame.get(proposal.frame_id), user) for proposal in proposals}


def _block(proposal: Proposal, chain: Annotation | None, user: User) -> str | None:
    if chain is None or chain.state == Annotation.State.UNTOUCHED:
        return None
    if chain.state in FINISHED:
        return str(chain.state)
    if chain.head != proposal.base:
        return "moved"
    return "other_person" if chain.annotator_id != user.pk else None


REFUSALS = {
    "accepted": "This frame is accepted already.",
    "submitted": "This frame is with the reviewers already.",
    "moved": "Somebody saved this frame since the proposal was made; look at both.",
    "other_person": "Another person began this frame; open it to work on it.",
    "no_proposal": "There is no proposal for this frame.",
}


def accept(
    clip: Clip, user: User, frame_ids: Sequence[int] | None, save: Callable[[Proposal], Revision]
) -> tuple[list[Revision], list[tuple[int, str, str]]]:
    """Save proposals as the person's own revisions, each in a transaction of its own; the proposal is gone then.

    Without `frame_ids`: those on selected frames nobody has worked on. `save` stores one over its base revision.
    Returns the revisions, and (frame id, code, message) for each frame that was refused.
    """
    proposals = {proposal.frame_id: proposal for proposal in proposals_of(clip, user)}
    if frame_ids is None:
        free = (p for p in proposals.values() if p.frame.selected and p.frame.state == Frame.State.UNTOUCHED)
        frame_ids = [proposal.frame_id for proposal in free]
    saved: list[Revision] = []
    refused: list[tuple[int, str, str]] = []
    for frame_id in dict.fromkeys(frame_ids):
        proposal = proposals.get(frame_id)
        code = "no_proposal"
        if proposal is not None:
            try:
                with transaction.atomic():
                    chain = Annotation.objects.select_for_update().filter(frame=frame_id, slot=SLOT).first()
                    code = _block(proposal, chain, user) or ""
                    if not code:
                        saved.append(save(proposal))
                        proposal.delete()
                        continue
            except SonoloopError as refusal:  # somebody was faster, or a label is gone
                refused.append((frame_id, refusal.code, refusal.message))
                continue
        refused.append((frame_id, code, REFUSALS[code]))
    return saved, refused


def proposal_of(frame: Frame, user: User, proposal_id: int) -> Proposal:
    """The person's proposal with this id for this frame. Raises BadRequest."""
    row = Proposal.objects.filter(pk=proposal_id, frame=frame, requested_by=user).select_related("propagation").first()
    if row is None:
        raise BadRequest(f"This frame has no proposal {proposal_id} of yours; save without naming one.")
    return row


def provenance(proposal: Proposal) -> dict[str, Any]:
    """Where a proposal comes from, as its revision keeps it."""
    of = proposal.propagation
    return {
        "kind": "propagated",
        "keys": [key["revision"] for key in proposal.keys],
        "steps": proposal.steps,
        "score": proposal.score,
        "flag": proposal.flag,
        "model": of.model_version_id,
        "method": of.method,
        "proposal_sha256": proposal.sha256,
    }


def dismiss(clip: Clip, user: User, frame_ids: Sequence[int] | None = None) -> int:
    """Forget the person's proposals in a clip, or those of these frames; returns how many."""
    rows = Proposal.objects.filter(frame__clip=clip, requested_by=user)
    if frame_ids is not None:
        rows = rows.filter(frame__in=frame_ids)
    with transaction.atomic():
        count, _ = rows.delete()
        audit.record(user, "dismissed proposals", clip, count=count)
    return count


def sweep() -> int:
    """Remove proposals nobody took up for two weeks, and propagations without any; returns how many proposals."""
    old = timezone.now() - KEPT
    removed, _ = Proposal.objects.filter(created_at__lt=old).delete()
    Propagation.objects.filter(created_at__lt=old, proposals=None).delete()
    if removed:
        log.info("swept %d old proposals", removed)
    return removed
