"""Bytes on their way in: resumable uploads, and the clip row they become. The decoder never runs here."""

import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F

from annotation import audit, events
from annotation.errors import BadRequest, Conflict, DuplicateClip, IngestError
from annotation.files import sha256_of
from annotation.ingest.sniff import refusal, sniff
from annotation.models import Clip, Project, Subject, Upload, User

LARGEST_UPLOAD = 8 << 30
KEEP_FREE = 1 << 30
PSEUDONYM = re.compile(r"[\w][\w .\-]{0,63}")


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
    """The subject's pseudonym without surrounding blanks.

    Raises BadRequest unless it is 1–64 letters, digits, blanks, `_ . -`, beginning with a letter or digit.
    """
    name = text.strip()
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

    Raises BadRequest for an impossible length, IngestError when the disk has no room.
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
    if shutil.disk_usage(folder()).free < length + KEEP_FREE:
        raise IngestError("The server's disk is full. Nothing was stored; ask whoever runs it.", code="no_space")
    return Upload.objects.create(project=project, subject=subject, length=length, created_by=by)


def append(upload: Upload, offset: int, pieces: Iterable[bytes]) -> int:
    """Append bytes at `offset` and return the new offset. What arrived before a cut is kept.

    Raises Conflict when `offset` is not where the upload stands, BadRequest when more comes than was announced.
    """
    path = part_of(upload)
    held = path.stat().st_size if path.exists() else 0
    if offset != held:
        raise Conflict(
            f"This upload stands at byte {held}, not {offset}; ask with HEAD and go on from there.",
            {"offset": held},
            code="wrong_offset",
        )
    with path.open("ab") as file:
        for piece in pieces:
            if held + len(piece) > upload.length:
                raise BadRequest(f"More than the announced {upload.length} bytes came.", code="too_long")
            file.write(piece)
            held += len(piece)
        file.flush()
    Upload.objects.filter(pk=upload.pk).update(offset=held)
    upload.offset = held
    return held


def offset_of(upload: Upload) -> int:
    """How many bytes have arrived: what the file says, since the row may be behind after a crash."""
    path = part_of(upload)
    return path.stat().st_size if path.exists() else 0


def discard(upload: Upload) -> None:
    """Forget an upload and its bytes."""
    part_of(upload).unlink(missing_ok=True)
    upload.delete()


def finish(upload: Upload) -> Clip:
    """Turn complete bytes into a clip that waits for the decoder. The caller discards the upload, whatever happens.

    Raises IngestError when the content is not a clip, DuplicateClip when the same bytes are here already.
    """
    path = part_of(upload)
    with path.open("rb") as file:
        os.fsync(file.fileno())
    sniffed = sniff(path)
    if sniffed.kind in ("dicom", "unknown"):
        raise refusal(sniffed)
    return _make_clip(upload, path, sha256_of(path))


def _make_clip(upload: Upload, path: Path, sha256: str) -> Clip:
    _refuse_known(upload.project_id, sha256)
    try:
        with transaction.atomic():
            subject, _ = Subject.objects.get_or_create(project=upload.project, pseudonym=upload.subject)
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
            # Last in the transaction: a row without bytes cannot be committed, bytes without a row are swept.
            path.rename(source_of(clip))
    except IntegrityError:
        _refuse_known(upload.project_id, sha256)  # the same bytes came twice at the same moment
        raise
    return clip


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
