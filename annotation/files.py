"""Bytes at rest: packs of frames on storage, and label maps as PNG.

A pack is the PNGs of one clip's frames back to back, nothing else; offset and length of each are in the
frame's row. Everything goes through Django's storage API, so a local folder and object storage are one code
path; only making a file durable differs. Django is imported where it is used: the ingest child writes packs
without it.
"""

import errno
import hashlib
import os
import shutil
import struct
import uuid
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Self

import cv2
import numpy as np

from annotation.errors import BadMask

if TYPE_CHECKING:
    from django.core.files.storage import Storage

CHUNK = 1 << 20


# --- packs ---


class PackWriter:
    """Writes a pack to a local file that must not exist yet. `close` makes it durable."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb")
        self._size = 0

    def append(self, png: bytes) -> tuple[int, int]:
        """Add one frame's PNG; returns its (offset, length) in bytes."""
        offset = self._size
        self._file.write(png)
        self._size += len(png)
        return offset, len(png)

    def restart(self) -> None:
        """Forget everything written so far."""
        self._file.seek(0)
        self._file.truncate()
        self._size = 0

    def close(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()


class FramePack:
    """A stored pack, opened once for reading many frames: `with FramePack(clip.pack) as pack:
    pack.pixels(…)`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._file = _storage().open(name, "rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, offset: int, length: int) -> bytes:
        """The PNG at `offset`, exactly as stored. Raises OSError when the pack ends before it does."""
        self._file.seek(offset)
        data = bytes(self._file.read(length))
        if len(data) != length:
            raise OSError(
                f"pack {self._name}: {len(data)} bytes at {offset}, expected {length}; restore it from a backup"
            )
        return data

    def pixels(self, offset: int, length: int) -> np.ndarray:
        """The frame at `offset` as (H, W) grey or (H, W, 3) RGB uint8."""
        return decode_frame(self.read(offset, length))


def decode_frame(png: bytes) -> np.ndarray:
    """A frame's PNG as (H, W) grey or (H, W, 3) RGB uint8, exactly what ingest encoded. Raises OSError."""
    pixels = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint8:
        raise OSError("a stored frame is not a readable 8-bit PNG; restore its pack from a backup")
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB) if pixels.ndim == 3 else pixels


def read_slice(name: str, offset: int, length: int) -> bytes:
    """`length` bytes of the stored file `name` from `offset`. Raises FileNotFoundError, or OSError when it
    is shorter."""
    with FramePack(name) as pack:
        return pack.read(offset, length)


def store_once(name: str, local_path: Path) -> None:
    """Move the local file to storage under `name`: whole and durable, or not at all.

    On a local folder: fsync, temporary name beside the target, link (which refuses an existing name), fsync
    of the folder. Elsewhere the storage's own upload, which appears whole or not at all.

    Raises FileExistsError when `name` is taken: what is stored never changes. `local_path` is left then.
    """
    storage = _storage()
    target = _local_path(storage, name)
    if target is None:
        _upload_once(storage, name, local_path)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{uuid.uuid4().hex}.part")
    try:
        _bring_beside(local_path, temporary)
        _link_once(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    # New folders must survive a power cut too, up to the one that was there before.
    for folder in (target.parent, target.parent.parent):
        _fsync(folder)
    local_path.unlink(missing_ok=True)


def delete(name: str) -> None:
    """Remove the stored file. A name that is not there is no error: deleting runs again after a crash."""
    _storage().delete(name)


def sha256_of(path: Path) -> str:
    """SHA-256 of a local file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _storage() -> "Storage":
    from django.core.files.storage import default_storage

    return default_storage


def _local_path(storage: "Storage", name: str) -> Path | None:
    try:
        return Path(storage.path(name))
    except NotImplementedError:  # how Django says "not on this machine"
        return None


def _upload_once(storage: "Storage", name: str, local_path: Path) -> None:
    from django.core.files import File

    if storage.exists(name):
        raise FileExistsError(f"{name} is stored already")
    with local_path.open("rb") as file:
        saved = storage.save(name, File(file))
    if saved != name:  # somebody took the name meanwhile and the storage chose another
        storage.delete(saved)
        raise FileExistsError(f"{name} is stored already")
    local_path.unlink()


def _bring_beside(source: Path, temporary: Path) -> None:
    """Give `source` a second, durable name on the target's own file system; copy it where it is on
    another."""
    try:
        temporary.hardlink_to(source)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK):
            raise
        shutil.copyfile(source, temporary)
    temporary.chmod(0o600)  # patients' data: nobody else on this machine reads it
    _fsync(temporary)


def _link_once(temporary: Path, target: Path) -> None:
    try:
        target.hardlink_to(temporary)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK):
            raise
        # A file system without links. Names are random, so no second writer can come between these lines.
        if target.exists():
            raise FileExistsError(f"{target.name} is stored already") from error
        temporary.rename(target)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# --- label maps ---

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CRITICAL = (b"IHDR", b"IDAT", b"IEND")
_COLOUR_TYPES = {0: "grey", 2: "RGB", 3: "palette", 4: "grey with alpha", 6: "RGB with alpha"}
SLACK = 64 << 10  # bytes
MOST_CHUNKS = 1000
CHUNK_PIXELS = 2048  # the smallest pieces encoders cut the pixels into are 4 and 8 kB
_WANTED = "expected an 8-bit greyscale PNG whose pixel values are label indices"


def encode_label_map(label_map: np.ndarray) -> bytes:
    """(H, W) uint8 label indices as 8-bit greyscale PNG: the form in rows, on the wire and in exports."""
    if label_map.dtype != np.uint8 or label_map.ndim != 2 or 0 in label_map.shape:
        raise ValueError(f"a label map is (H, W) uint8, this is {label_map.shape} {label_map.dtype}")
    ok, png = cv2.imencode(".png", label_map)
    if not ok:
        raise ValueError(f"OpenCV could not encode a label map of {label_map.shape}")
    return png.tobytes()


def decode_label_map(png: bytes, *, height: int, width: int, allowed: Iterable[int]) -> np.ndarray:
    """Check and decode a label map from outside to (H, W) uint8: the first of `read_label_map`."""
    return read_label_map(png, height=height, width=width, allowed=allowed)[0]


def stored_label_map(png: bytes) -> np.ndarray:
    """A label map of our own rows as (H, W) uint8, which was checked when it came. Raises OSError when unreadable."""
    label_map = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    if label_map is None or label_map.ndim != 2 or label_map.dtype != np.uint8:
        raise OSError("a stored label map is not a readable 8-bit PNG; restore the database from a backup")
    return label_map


def read_label_map(png: bytes, *, height: int, width: int, allowed: Iterable[int]) -> tuple[np.ndarray, bytes]:
    """Check and decode a label map from outside to (H, W) uint8; returns it and its PNG as it is to be kept.

    Kept are the compressed pixels as they came, without ancillary chunks: text and times can identify people.

    The header is checked before anything is inflated, and no more is inflated than the header's size needs:
    OpenCV alone would return a cut-off file as a picture with black rows, and a false size as gigabytes.

    Args:
        png: 8-bit greyscale, not interlaced; ancillary chunks are ignored.
        height, width: the frame's, in pixels.
        allowed: every index that may occur, 0 (background) and 255 (not annotated) included where they may.

    Raises:
        BadMask: says what was expected and what came.
    """
    pixels = height * (width + 1)
    most = pixels + pixels // 100 + SLACK  # pixels that cannot be packed, and some text
    if len(png) > most:
        raise BadMask(
            f"The mask's PNG has {len(png)} bytes; {width}×{height} pixels need at most {most}. Nothing was stored.",
            {"most": most, "got": len(png)},
        )
    chunks = _chunks(png, most=MOST_CHUNKS + pixels // CHUNK_PIXELS)
    _check_header(chunks, height, width)
    _check_data(chunks, height, width)
    clean = _join(chunks)
    label_map = cv2.imdecode(np.frombuffer(clean, np.uint8), cv2.IMREAD_UNCHANGED)
    if label_map is None or label_map.shape != (height, width) or label_map.dtype != np.uint8:
        raise BadMask(f"The mask's PNG cannot be decoded: {_WANTED}.")
    _check_labels(label_map, allowed)
    return label_map, clean


def _chunks(png: bytes, most: int) -> list[tuple[bytes, bytes]]:
    """Type and data of every chunk, after checking that they fill the file exactly and their checksums
    hold."""
    if png[:8] != _SIGNATURE:
        raise BadMask(f"The mask is not a PNG: {_WANTED}, {len(png)} bytes of something else came.")
    chunks: list[tuple[bytes, bytes]] = []
    at = 8
    while not chunks or chunks[-1][0] != b"IEND":
        if at + 12 > len(png):
            raise BadMask(f"The mask's PNG is cut short after {len(png)} bytes. Send it again.")
        (length,) = struct.unpack_from(">I", png, at)
        end = at + 12 + length
        if end > len(png):
            raise BadMask(f"The mask's PNG is cut short after {len(png)} bytes. Send it again.")
        kind, data = png[at + 4 : at + 8], png[at + 8 : end - 4]
        if zlib.crc32(png[at + 4 : end - 4]) != int.from_bytes(png[end - 4 : end], "big"):
            raise BadMask(f"The mask's PNG is damaged: a checksum is wrong at byte {at}. Send it again.")
        chunks.append((kind, data))
        if len(chunks) > most:
            raise BadMask(f"The mask's PNG has more than {most} parts: no label map of its size has.")
        at = end
    if at != len(png):
        raise BadMask(f"The mask's PNG ends at byte {at}, but {len(png) - at} more bytes came after it.")
    return chunks


def _check_header(chunks: list[tuple[bytes, bytes]], height: int, width: int) -> None:
    kind, data = chunks[0]
    if kind != b"IHDR" or len(data) != 13:
        raise BadMask(f"The mask's PNG has no proper header: {_WANTED}.")
    came_width, came_height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", data)
    if (came_height, came_width) != (height, width):
        raise BadMask(
            f"The mask is {came_width}×{came_height} pixels, the frame is {width}×{height}.",
            {"expected": [width, height], "got": [came_width, came_height]},
        )
    if depth != 8 or colour != 0:
        came = f"{depth}-bit {_COLOUR_TYPES.get(colour, 'unknown')}"
        raise BadMask(f"The mask's PNG is {came}: {_WANTED}.", {"expected": "8-bit grey", "got": came})
    if interlace:
        raise BadMask(f"The mask's PNG is interlaced: {_WANTED}, not interlaced.")
    if any(kind not in _CRITICAL and not kind[0] & 0x20 for kind, _ in chunks):
        raise BadMask(f"The mask's PNG has a part that a greyscale PNG does not have: {_WANTED}.")
    if [kind for kind, _ in chunks].count(b"IHDR") != 1:
        raise BadMask(f"The mask's PNG has several headers: {_WANTED}.")


def _check_data(chunks: list[tuple[bytes, bytes]], height: int, width: int) -> None:
    needed = height * (width + 1)  # each row has one filter byte before it
    inflate = zlib.decompressobj()
    size = 0
    try:
        for data in _idat(chunks):
            while data and size <= needed:
                size += len(inflate.decompress(data, min(CHUNK, needed + 1 - size)))
                data = inflate.unconsumed_tail
    except zlib.error as error:
        raise BadMask("The mask's PNG is damaged: its pixels cannot be unpacked. Send it again.") from error
    if size < needed:
        raise BadMask(f"The mask's PNG is cut short: {size} of {needed} bytes of pixels. Send it again.")
    if size > needed or not inflate.eof or inflate.unused_data:
        raise BadMask(f"The mask's PNG holds more than its {width}×{height} pixels.")


def _idat(chunks: list[tuple[bytes, bytes]]) -> Iterator[bytes]:
    return (data for kind, data in chunks if kind == b"IDAT")


def _join(chunks: list[tuple[bytes, bytes]]) -> bytes:
    parts = [_SIGNATURE]
    for kind, data in chunks:
        if kind in _CRITICAL:
            parts += [struct.pack(">I", len(data)), kind, data, struct.pack(">I", zlib.crc32(kind + data))]
    return b"".join(parts)


def _check_labels(label_map: np.ndarray, allowed: Iterable[int]) -> None:
    known = sorted(set(allowed))
    table = np.ones(256, np.uint8)
    table[known] = 0
    unknown = cv2.LUT(label_map, table).view(bool)  # a sixth of the time of table[label_map]
    if not unknown.any():
        return
    row, column = np.argwhere(unknown)[0].tolist()
    found = np.unique(label_map[unknown]).tolist()
    raise BadMask(
        f"The mask has label index {label_map[row, column]} at column {column}, row {row}, which this "
        f"project does not have. Known: {', '.join(map(str, known))}.",
        {"unknown": found, "column": column, "row": row, "known": known},
    )
