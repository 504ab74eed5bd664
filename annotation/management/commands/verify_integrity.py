"""`manage.py verify_integrity`: are frozen datasets, masks, weights and exports still what they were? (promise 8)

Recomputes every dataset version's hash from its rows and every mask's hash from its pixels; checks weights and
exports against their SHA-256; with --pixels also every frame in every pack. Prints what differs; exit status 1 then.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from django.core.files.storage import default_storage
from django.core.management.base import BaseCommand, CommandParser

from annotation import files
from annotation.errors import SplitLeak
from annotation.formats.items import content_hash, refuse_shared_subjects, stored_lines
from annotation.models import Clip, DatasetVersion, Export, Frame, ModelVersion, Revision

ROWS_AT_ONCE = 200


class Command(BaseCommand):
    help = "Check stored hashes against what is stored; exit status 1 when something differs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--pixels", action="store_true", help="also every frame of every clip (reads all packs)")

    def handle(self, *args: Any, pixels: bool = False, **options: Any) -> None:
        """Print one line per difference, then a summary."""
        differences = 0
        for check in (datasets, masks, weights, exports, *((packs,) if pixels else ())):
            for difference in check():
                differences += 1
                self.stdout.write(difference)
        if differences:
            self.stdout.write(f"{differences} things are not what they were. Restore them from a backup.")
            raise SystemExit(1)
        self.stdout.write("Everything is what it was.")


def datasets() -> Iterator[str]:
    """Dataset versions whose rows no longer give their hash, their number of frames or a clean split."""
    for dataset in DatasetVersion.objects.select_related("project").order_by("pk"):
        name = f"dataset {dataset.number} of project {dataset.project_id}"
        lines = stored_lines(dataset)
        if len(lines) != dataset.frame_count:
            yield f"{name}: {len(lines)} frames, frozen with {dataset.frame_count}"
        found = content_hash(dataset.labels, lines)
        if found != dataset.sha256:
            yield f"{name}: its content has hash {found[:12]}…, frozen as {dataset.sha256[:12]}…"
        try:
            refuse_shared_subjects(dataset)
        except SplitLeak as leak:
            yield f"{name}: {leak.message}"


def masks() -> Iterator[str]:
    """Revisions whose stored PNG does not decode to the pixels that were saved."""
    last = 0
    while rows := list(Revision.objects.filter(pk__gt=last).order_by("pk")[:ROWS_AT_ONCE]):
        for revision in rows:
            pixels = cv2.imdecode(np.frombuffer(bytes(revision.png), np.uint8), cv2.IMREAD_UNCHANGED)
            if pixels is None or hashlib.sha256(np.ascontiguousarray(pixels).data).hexdigest() != revision.sha256:
                yield f"revision {revision.pk}: its mask is not the one that was saved"
        last = rows[-1].pk


def weights() -> Iterator[str]:
    """Model versions whose weights are missing or changed."""
    for model in ModelVersion.objects.order_by("pk"):
        name = f"model {model.number} of project {model.project_id}"
        yield from _stored(name, "weights", model.weights_name, model.weights_sha256)
        if model.onnx_name:
            yield from _stored(name, "ONNX file", model.onnx_name, model.onnx_sha256)


def exports() -> Iterator[str]:
    """Finished exports whose file is missing or changed."""
    for export in Export.objects.filter(state=Export.State.READY).order_by("pk"):
        yield from _stored(f"export {export.pk}", "file", export.file_name, export.sha256)


def _stored(name: str, what: str, path: str, sha256: str) -> Iterator[str]:
    digest = hashlib.sha256()
    try:
        with default_storage.open(path) as file:
            for chunk in file.chunks():
                digest.update(chunk)
    except OSError:
        yield f"{name}: its {what} cannot be read"
        return
    if digest.hexdigest() != sha256:
        yield f"{name}: its {what} changed"


def packs() -> Iterator[str]:
    """Frames whose pixels are not those that were decoded at ingest."""
    for clip in Clip.objects.exclude(pack_name="").order_by("pk").iterator():
        for frame in Frame.objects.filter(clip=clip).order_by("index"):
            try:
                pixels = files.decode_frame(files.read_slice(clip.pack_name, frame.pack_offset, frame.pack_length))
                right = hashlib.sha256(np.ascontiguousarray(pixels).data).hexdigest() == frame.sha256
            except (OSError, cv2.error):
                right = False
            if not right:
                yield f"clip {clip.pk} frame {frame.index}: its pixels are missing or changed"
