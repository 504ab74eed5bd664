"""Bytes on their way in: resumable uploads, and the clip row they become. The decoder never runs here."""

import errno
import fcntl
import logging
import os
import re
import shutil
import time
import unicodedata
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.db import IntegrityError, transaction
from django.db.models import F, Sum
from django.utils import timezone

from annotation import audit, events
from annotation.errors import BadRequest, Conflict, DuplicateClip, IngestError, NotFound
from annotation.files import sha256_of
from annotation.ingest.sniff import refusal, sniff
from annotation.models import Clip, Project, Subject, Upload, User
from annotation.models.clips import subject_key

LARGEST_UPLOAD = 8 << 30
KEEP_FREE = 1 << 30
PSEUDONYM = re.compile(r"[^\W_][\w .\-]{0,63}")
KEPT = timedelta(hours=48)

log = logging.getLogger(__name__)


class UploadBusy(Conflict):
    """Another request still writes to the upload: try again (tus: 423 Locked)."""

    status = 423
    code = "upload_busy"


class NoSpace(IngestError):
    """The disk is full, or would be."""

    status = 507
    code = "no_space"
    sentence = "The server's disk is full. Nothing was stored; ask whoever runs it."


class NamelessTemporaryFile(TemporaryFileUploadHandler):
    """Django's own would end the temporary file's name as the person's file ends: `scan.Jane_Doe` names a patient."""

    def new_file(self, field_name: str, file_name: str, *args: Any, **kwargs: Any) -> None:
        super().new_file(field_name, "upload", *args, **kwargs)


def folder() -> Path:
    """Where the bytes of unfinished uploads and of clips that wait for the decoder lie."""
    path: Path = settings.DATA_FOLDER / "uploads"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def source_of(clip: Clip) -> Path:
    """The uploaded bytes of a clip until ingest has ended; then they are deleted."""
    return folder() / f"{clip.uuid}.clip"


def part_of(upload: Upload) -> Path:
    """The bytes of an upload that have arrived so far."""
    return folder() / f"{upload.pk}.part"


def checked_pseudonym(text: str) -> str:
    """The subject's pseudonym without blanks around it and with single ones in it, in Unicode's NFKC form.

    Raises BadRequest unless it is 1–64 letters, digits, blanks, `_ . -`, beginning with a letter or digit.
    """
    # Blanks only: a line break or a tab stays, and is refused.
    name = re.sub(" {2,}", " ", unicodedata.normalize("NFKC", text).strip())
    if not PSEUDONYM.fullmatch(name):
        came = "nothing came" if not name else f"{name[:40]!a} came"
        raise BadRequest(
            "The subject's pseudonym must be 1 to 64 letters, digits, blanks, underscores, points or hyphens, "
            f"beginning with a letter or digit; {came}. Never use a name or a hospital number.",
            code="bad_subject",
        )
    return name


def begin(project: Project, *, subject: str, length: int, by: User) -> Upload:
    """Make room for an upload of `length` bytes.

    Raises BadRequest for an impossible length, NoSpace when the disk has no room for it beside what other unfinished
    uploads have announced.
    """
    subject = checked_pseudonym(subject)
    if length == 0:
        raise IngestError("This file is empty. Nothing was stored.", code="empty_file")
    if length > LARGEST_UPLOAD:
        raise IngestError(
            f"This file has {length / 1e9:.1f} GB; at most {LARGEST_UPLOAD / 1e9:.0f} GB are accepted. Cut it into "
            "shorter clips. Nothing was stored.",
            code="too_large",
        )
    promised = Upload.objects.aggregate(bytes=Sum(F("length") - F("offset")))["bytes"] or 0
    if shutil.disk_usage(folder()).free < length + promised + KEEP_FREE:
        raise NoSpace(NoSpace.sentence)
    upload = Upload.objects.create(project=project, subject=subject, length=length, created_by=by)
    part_of(upload).touch(mode=0o600, exist_ok=False)
    return upload


def append(upload: Upload, offset: int, pieces: Iterable[bytes]) -> int:
    """Append bytes at `offset` and return the new offset.

    Whole pieces are kept. Of a piece that is cut on its way nothing is: the server hands it over when it is complete,
    which is why a piece is at most 16 MiB (`webapp.bodies`).

    Raises Conflict when `offset` is not where the upload stands, BadRequest when more comes than was announced,
    UploadBusy while another request writes, NotFound when the upload is over.
    """
    try:
        file = part_of(upload).open("r+b")
    except FileNotFoundError:
        raise NotFound("This upload has ended. Start it again.") from None
    with file:
        try:
            # A cut line can leave the old request running here while the browser has begun the next one.
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UploadBusy("An earlier piece of this upload is still arriving. Try again in a moment.") from None
        held = file.seek(0, os.SEEK_END)
        if offset != held:
            raise Conflict(
                f"This upload stands at byte {held}, not {offset}; ask with HEAD and go on from there.",
                {"offset": held},
                code="wrong_offset",
            )
        for piece in pieces:
            if held + len(piece) > upload.length:
                raise BadRequest(f"More than the announced {upload.length} bytes came.", code="too_long")
            file.write(piece)
            held += len(piece)
    Upload.objects.filter(pk=upload.pk).update(offset=held)
    upload.offset = held
    return held


def offset_of(upload: Upload) -> int:
    """How many bytes have arrived: what the file says, since the row may be behind after a crash.

    Raises NotFound when the bytes are gone.
    """
    try:
        return part_of(upload).stat().st_size
    except FileNotFoundError:
        raise NotFound("This upload has ended. Start it again.") from None


def discard(upload: Upload) -> None:
    """Forget an upload and its bytes."""
    part_of(upload).unlink(missing_ok=True)
    Upload.objects.filter(pk=upload.pk).delete()


def inspect(upload: Upload) -> str:
    """Make complete bytes durable and look at what they are; returns their SHA-256.

    Reads the whole file, so call it outside a transaction: on SQLite everybody else's writes would wait.
    Raises IngestError when the content is not a clip, DuplicateClip when the same bytes are here already.
    """
    path = part_of(upload)
    try:
        with path.open("rb") as file:
            os.fsync(file.fileno())
        sniffed = sniff(path)
        if sniffed.kind in ("dicom", "unknown"):
            raise refusal(sniffed)
        sha256 = sha256_of(path)
    except FileNotFoundError:
        raise NotFound("This upload has ended. Start it again.") from None
    _refuse_known(upload.project_id, sha256)
    return sha256


def make_clip(upload: Upload, sha256: str) -> Clip:
    """Turn an inspected upload into a clip that waits for the decoder. The upload is over then.

    Raises DuplicateClip when the same bytes came at the same moment, NotFound when another request was first.
    """
    try:
        with transaction.atomic():
            # Whoever deletes the row makes the clip: the last piece can be sent twice.
            if not Upload.objects.filter(pk=upload.pk).delete()[0]:
                raise NotFound("This upload has ended. Start it again.")
            # Not by the spelling: one patient under two would be two subjects, perhaps on two sides of a split.
            subject, _ = Subject.objects.get_or_create(
                project=upload.project, key=subject_key(upload.subject), defaults={"pseudonym": upload.subject}
            )
            Subject.objects.filter(pk=subject.pk).update(next_clip_number=F("next_clip_number") + 1)
            subject.refresh_from_db()
            clip = Clip.objects.create(
                project=upload.project,
                subject=subject,
                number=subject.next_clip_number - 1,
                uploaded_by=upload.created_by,
                sha256=sha256,
                byte_size=upload.length,
            )
            audit.record(upload.created_by, "uploaded", clip)
            events.changed(clip)
            # Last in the transaction: a row without bytes cannot be committed. Should the transaction fail after
            # this, the upload still has its bytes under the first name; the second is swept.
            _link_durably(part_of(upload), source_of(clip))
            transaction.on_commit(lambda: part_of(upload).unlink(missing_ok=True))
    except IntegrityError:
        _refuse_known(upload.project_id, sha256)  # the same bytes came twice at the same moment
        raise
    return clip


def sweep() -> int:
    """Remove uploads nobody went on with for 48 hours, and files no row knows. Returns how many were removed."""
    removed = 0
    for upload in Upload.objects.filter(created_at__lt=timezone.now() - KEPT):
        if not _young(part_of(upload)):
            discard(upload)
            removed += 1
    # The files first, the rows afterwards: a file that gets its row meanwhile is then known.
    found = [path for path in [*folder().iterdir(), *settings.FILE_UPLOAD_TEMP_DIR.iterdir()] if not _young(path)]
    uploading = {part_of(upload) for upload in Upload.objects.only("pk")}
    waiting = {source_of(clip) for clip in Clip.objects.filter(state=Clip.State.PROCESSING).only("uuid")}
    for path in found:
        if path not in uploading and path not in waiting:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            removed += 1
    if removed:
        log.info("swept %d left-over uploads", removed)
    return removed


def _young(path: Path) -> bool:
    """Whether the file was written in the last 48 hours: somebody may be at work on it."""
    try:
        return path.stat().st_mtime > time.time() - KEPT.total_seconds()
    except FileNotFoundError:
        return False


def _link_durably(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK):
            raise
        source.rename(target)  # a file system without links
    descriptor = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refuse_known(project_id: int, sha256: str) -> None:
    known = (
        Clip.objects.select_related("subject")
        .filter(project_id=project_id, sha256=sha256)
        .exclude(state=Clip.State.FAILED)
        .first()
    )
    if known:
        raise DuplicateClip(
            f"These bytes are already here: clip {known.number} of subject {known.subject.pseudonym}. "
            "Nothing was stored.",
            {"clip": {"id": known.pk, "subject": known.subject.pseudonym, "number": known.number}},
        )


def upload_for(upload_id: UUID) -> Upload | None:
    """The upload, if it is still open."""
    return Upload.objects.select_related("project", "created_by").filter(pk=upload_id).first()
