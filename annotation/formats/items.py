"""What a dataset version holds, read in pieces: the exports, the training folder and the hashes are made from this."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from annotation.errors import Conflict, SplitLeak
from annotation.files import FramePack
from annotation.models import DatasetItem, DatasetVersion

ITEMS_AT_ONCE = 100


@dataclass(frozen=True)
class Item:
    """One frame of a dataset version with its gold mask; both as the PNG bytes that are stored.

    image    8-bit grey or RGB PNG
    mask     8-bit grey PNG whose values are label indices
    name     unique in the project, made from our own numbers only
    """

    name: str
    split: str
    subject: str
    clip: int
    clip_number: int
    clip_sha256: str
    frame: int
    index: int
    time_us: int
    width: int
    height: int
    millimetres_per_pixel: float | None
    frame_sha256: str
    revision: int
    revision_sha256: str
    image: bytes
    mask: bytes


def read_items(dataset: DatasetVersion) -> Iterator[Item]:
    """All items in the order of clips and frames, a hundred in memory at a time.

    Raises Conflict when a clip's pixels are not on storage.
    """
    ids = list(dataset.items.order_by("frame__clip_id", "frame__index").values_list("pk", flat=True))
    for start in range(0, len(ids), ITEMS_AT_ONCE):
        # Not one open cursor over everything: with SQLite that is a read transaction, and a write after it
        # on the same connection (progress) fails as soon as another process has written.
        chunk = ids[start : start + ITEMS_AT_ONCE]
        rows = DatasetItem.objects.filter(pk__in=chunk).select_related("frame__clip__subject", "revision")
        yield from _with_pixels(rows.order_by("frame__clip_id", "frame__index"))


def _with_pixels(rows: Iterable[DatasetItem]) -> Iterator[Item]:
    pack: FramePack | None = None
    opened = ""
    try:
        for row in rows:
            clip = row.frame.clip
            if clip.pack_name != opened:
                if pack:
                    pack.__exit__()
                pack, opened = FramePack(clip.pack_name), clip.pack_name
            assert pack is not None
            yield _item(row, pack.read(row.frame.pack_offset, row.frame.pack_length))
    except OSError as fault:
        raise Conflict(
            "The pixels of a clip of this dataset are missing or cut short on storage. Restore the data folder "
            "from a backup, then try again.",
            code="pixels_missing",
        ) from fault
    finally:
        if pack:
            pack.__exit__()


def _item(row: DatasetItem, image: bytes) -> Item:
    frame, clip, subject = row.frame, row.frame.clip, row.frame.clip.subject
    return Item(
        name=f"s{subject.pk:05d}_c{clip.number:03d}_f{frame.index:06d}",
        split=row.split,
        subject=subject.pseudonym,
        clip=clip.pk,
        clip_number=clip.number,
        clip_sha256=clip.sha256,
        frame=frame.pk,
        index=frame.index,
        time_us=frame.time_us,
        width=clip.width,
        height=clip.height,
        millimetres_per_pixel=clip.millimetres_per_pixel,
        frame_sha256=frame.sha256,
        revision=row.revision_id,
        revision_sha256=row.revision.sha256,
        image=image,
        mask=bytes(row.revision.png),
    )


def refuse_shared_subjects(dataset: DatasetVersion) -> None:
    """Raise SplitLeak when a subject of the version is on two sides. Cannot be by construction; checked all the same,
    when freezing and again before training (promise 7)."""
    sides: dict[str, set[str]] = defaultdict(set)
    for pseudonym, split in dataset.items.values_list("frame__clip__subject__pseudonym", "split").distinct():
        sides[pseudonym].add(split)
    shared = sorted(name for name, found in sides.items() if len(found) > 1)
    if shared:
        raise SplitLeak(f"On two sides of the split: {', '.join(shared)}. Freeze a new version.", {"subjects": shared})


# --- hashes ---

Line = tuple[str, int, str, str, str]
"""(clip sha256, frame index, frame sha256, revision sha256, split)"""


def _canonical(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


def content_hash(labels: list[dict[str, Any]], lines: Iterable[Line]) -> str:
    """SHA-256 over the label schema and, sorted, one canonical JSON line per frame.

    labels  as a DatasetVersion keeps them; colours are left out, for they change no training
    """
    digest = hashlib.sha256(_canonical([[label["index"], label["name"]] for label in labels]))
    for line in sorted(lines):
        digest.update(_canonical(line))
    return digest.hexdigest()


def stored_lines(dataset: DatasetVersion) -> list[Line]:
    """The lines of a dataset version as its rows have them now."""
    columns = ("frame__clip__sha256", "frame__index", "frame__sha256", "revision__sha256", "split")
    return list(dataset.items.values_list(*columns))


def test_set_hash(dataset: DatasetVersion) -> str | None:
    """Names the very frames, masks and labels models are scored on; None without test frames.

    Two models may be compared when they were scored on one test set.
    """
    lines = [line for line in stored_lines(dataset) if line[-1] == DatasetItem.Split.TEST]
    return content_hash(dataset.labels, lines) if lines else None
