"""Frames: a clip's bytes → lossless frames in one pack, with exact times; and which of them people annotate."""

import logging
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import ProtectedError
from django.utils import timezone

from annotation import audit, events, files, jobs
from annotation.errors import BadRequest, Conflict, IngestError
from annotation.ingest import uploads
from annotation.ingest.decode import DecodedClip, decode_clip
from annotation.models import Clip, Frame, Job, User

ROWS_AT_ONCE = 2000
CANCELLED = "Cancelled. Nothing was stored."
log = logging.getLogger(__name__)


def request_extract(clip: Clip, user: User) -> Job:
    """A job that reads the clip's frames; the caller queues it."""
    return jobs.create(
        Job.Kind.INGEST,
        queue="cpu",
        title=f"Read frames: clip {clip.number} of {clip.subject.pseudonym}",
        project=clip.project,
        created_by=user,
        params={"clip": clip.pk},
    )


def extract(attempt: jobs.Attempt, clip: Clip, then: Callable[[Clip], None] = lambda clip: None) -> None:
    """Decode the clip once, store its frames, select some for annotation; end the job with the rows.

    `then` is called in the transaction that stores the frames: what shall follow is not lost in a crash after it.
    Safe to run twice: a clip whose frames are stored is left alone. A refused clip is marked failed with the
    reason and its bytes are deleted: nothing is half-stored. Raises IngestError for it.
    """
    if clip.state == Clip.State.FAILED:
        raise IngestError(f"{clip.state_reason} Upload the clip again; its bytes were not kept.")
    if clip.state != Clip.State.PROCESSING:
        attempt.complete("The frames are stored already")
        return

    def show(frames: int, declared: int | None) -> None:
        attempt.progress(frames, declared or 0, "Reading frames")

    source = uploads.source_of(clip)
    try:
        with tempfile.TemporaryDirectory(prefix="pack-", dir=settings.FILE_UPLOAD_TEMP_DIR) as scratch:
            pack = Path(scratch) / "frames.pack"
            if not source.exists():
                raise IngestError("The uploaded bytes are gone. Upload the clip again.", code="bytes_gone")
            decoded = decode_clip(source, pack, progress=show)
            _store(attempt, clip, decoded, pack, then)
    except (IngestError, jobs.Cancelled) as refusal:
        with transaction.atomic():
            refuse(clip, refusal.message if isinstance(refusal, IngestError) else CANCELLED)
            attempt.end_badly(refusal)
        raise
    source.unlink(missing_ok=True)


def _store(attempt: jobs.Attempt, clip: Clip, decoded: DecodedClip, pack: Path, then: Callable[[Clip], None]) -> None:
    attempt.progress(decoded.decoded, decoded.decoded, "Storing frames")
    # A new name for every attempt: one that died after storing leaves a pack no row names, and is swept.
    name = f"clips/{clip.uuid}/{attempt.lease.hex}.pack"
    files.store_once(name, pack)
    selected = set(spread(decoded.decoded, clip.project.frames_per_clip))
    try:
        with transaction.atomic():
            # Deleted or given up meanwhile: saving would bring the row back.
            if not Clip.objects.select_for_update().filter(pk=clip.pk, state=Clip.State.PROCESSING).exists():
                raise jobs.Cancelled
            Frame.objects.bulk_create(
                (
                    Frame(
                        project_id=clip.project_id,
                        clip=clip,
                        index=row.index,
                        time_us=row.time_us,
                        pack_offset=row.offset,
                        pack_length=row.length,
                        sha256=row.sha256,
                        dhash=row.dhash,
                        selected=row.index in selected,
                    )
                    for row in decoded.frames
                ),
                batch_size=ROWS_AT_ONCE,
            )
            columns = {
                "state": Clip.State.PARTIAL if decoded.state == "partial" else Clip.State.READY,
                "state_reason": decoded.note,
                "kind": Clip.Kind.STILLS if decoded.kind == "stills" else Clip.Kind.VIDEO,
                "container": decoded.container,
                "codec": decoded.codec,
                "width": decoded.width,
                "height": decoded.height,
                "is_grey": decoded.channels == 1,
                "declared_frames": decoded.declared,
                "frame_count": decoded.decoded,
                "duration_us": decoded.duration_us,
                "converter": decoded.converter,
                "pack_name": name,
                "pack_size": decoded.pack_bytes,
                "selected_count": len(selected),
            }
            for column, value in columns.items():
                setattr(clip, column, value)
            clip.save(update_fields=columns)  # only these: a person may have set the scale meanwhile
            audit.record(None, "extracted", clip, frames=decoded.decoded)
            attempt.complete(decoded.note or f"{decoded.decoded} frames")
            events.changed(clip)
            then(clip)
    except BaseException:
        files.delete(name)
        raise


def refuse(clip: Clip, reason: str) -> None:
    """Mark a clip that has no frames yet as failed, with the reason in words, and delete its bytes."""
    with transaction.atomic():
        refused = Clip.objects.filter(pk=clip.pk, state=Clip.State.PROCESSING).update(
            state=Clip.State.FAILED, state_reason=reason
        )
        if refused:
            audit.record(None, "refused", clip)
            events.changed(clip)
        transaction.on_commit(lambda: uploads.source_of(clip).unlink(missing_ok=True))


def give_up(job: Job) -> None:
    """After an ingest job was cancelled while it waited for a worker: what a worker does when it is cancelled."""
    clip = Clip.objects.filter(pk=job.params.get("clip"), state=Clip.State.PROCESSING).first()
    if clip:
        refuse(clip, CANCELLED)


def spread(frame_count: int, wanted: int) -> list[int]:
    """`wanted` frame indices spread evenly over a clip: the middles of as many equal stretches."""
    wanted = min(wanted, frame_count)
    return [(2 * step + 1) * frame_count // (2 * wanted) for step in range(wanted)]


@transaction.atomic
def select(clip: Clip, *, by: User, count: int | None = None, indices: Sequence[int] | None = None) -> Clip:
    """Choose which frames people annotate: `count` spread evenly, or exactly `indices`.

    Frames a person has worked on stay selected. Raises BadRequest for indices the clip does not have,
    Conflict while the clip has no frames.
    """
    if clip.state not in (Clip.State.READY, Clip.State.PARTIAL):
        raise Conflict(f"This clip has no frames (it is {clip.state}).", code="no_frames")
    if indices is None:
        indices = spread(clip.frame_count, count or 0)
    outside = [index for index in indices if not 0 <= index < clip.frame_count]
    if outside:
        raise BadRequest(f"This clip has frames 0 to {clip.frame_count - 1}; {outside[0]} was asked for.")
    # Frames before their clip, and in order, as everywhere: people who save meanwhile wait for this, or this for them.
    list(Frame.objects.select_for_update().filter(clip=clip).order_by("pk").values_list("pk"))
    untouched = Frame.objects.filter(clip=clip, state=Frame.State.UNTOUCHED)
    untouched.filter(selected=True).update(selected=False)
    wanted = list(indices)
    for start in range(0, len(wanted), ROWS_AT_ONCE):
        Frame.objects.filter(clip=clip, index__in=wanted[start : start + ROWS_AT_ONCE]).update(selected=True)
    chosen = Frame.objects.filter(clip=clip, selected=True)
    clip.selected_count = chosen.count()
    clip.drafted_count = chosen.filter(uncertainty__gte=0).count()
    clip.save(update_fields=["selected_count", "drafted_count"])
    audit.record(by, "selected frames", clip, frames=clip.selected_count)
    events.changed(clip)
    return clip


def remove_clip(clip: Clip, *, by: User) -> None:
    """Delete a clip with its frames, masks and pixels; the subject too when it has no other, and its pseudonym in jobs.

    Raises Conflict when a dataset version holds one of its frames: frozen is frozen.
    """
    try:
        with transaction.atomic():
            jobs.stop(Job.objects.filter(project_id=clip.project_id, params__clip=clip.pk))
            audit.record(by, "deleted", clip, frames=clip.frame_count)
            events.changed(clip)
            name, source = clip.pack_name, uploads.source_of(clip)
            # A name typed by mistake must be gone with the clip.
            Job.objects.filter(project_id=clip.project_id, params__clip=clip.pk).update(title="About a deleted clip")
            Frame.objects.filter(clip=clip).update(gold=None)
            subject = clip.subject
            clip.delete()
            if not Clip.objects.filter(subject=subject).exists():
                subject.delete()
            transaction.on_commit(lambda: _remove_bytes(name, source))
    except ProtectedError:
        raise Conflict(
            "A dataset version holds frames of this clip, and frozen versions never change; it cannot be deleted.",
            code="frozen",
        ) from None


def _remove_bytes(name: str, source: Path) -> None:
    if name:
        files.delete(name)
    source.unlink(missing_ok=True)


def sweep() -> int:
    """Remove packs no clip names, two days after they were written: an attempt that died while storing left them.

    Clips whose cancelled job never came to tidy up are marked failed too. Returns how many things were removed.
    """
    removed = 0
    for clip in Clip.objects.filter(state=Clip.State.PROCESSING):
        newest = Job.objects.filter(kind=Job.Kind.INGEST, params__clip=clip.pk).order_by("-id").first()
        if newest and newest.state == Job.State.CANCELLED:
            refuse(clip, CANCELLED)
            removed += 1
    return removed + _sweep_packs()


def _sweep_packs() -> int:
    try:
        folders, _ = default_storage.listdir("clips")
    except FileNotFoundError:
        return 0  # nothing was ever stored
    names = [f"clips/{folder}/{file}" for folder in folders for file in default_storage.listdir(f"clips/{folder}")[1]]
    young = timezone.now() - uploads.KEPT
    old = [name for name in names if default_storage.get_modified_time(name) < young]
    # Asked after the listing: a pack that gets its row meanwhile is known.
    known = set(Clip.objects.exclude(pack_name="").values_list("pack_name", flat=True))
    left_over = [name for name in old if name not in known]
    for name in left_over:
        files.delete(name)
    if left_over:
        log.info("swept %d packs that no clip names", len(left_over))
    return len(left_over)
