"""What a file is, from its first bytes. Its name is never asked: names lie, and they identify people."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from annotation.ingest.errors import IngestError, NotAVideo, NotSupported

Kind = Literal["video", "gif", "still", "zip", "dicom", "unknown"]

HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Sniffed:
    """`av_format` is the one FFmpeg demuxer that may read the file; `description` completes "it is …"."""

    kind: Kind
    av_format: str | None
    description: str


# (offset, bytes, kind, demuxer, description), asked in this order.
_SIGNATURES: list[tuple[int, bytes, Kind, str | None, str]] = [
    (128, b"DICM", "dicom", None, "a DICOM file"),  # first: its free preamble may begin like a TIFF
    (0, b"GIF87a", "gif", "gif", "a GIF"),
    (0, b"GIF89a", "gif", "gif", "a GIF"),
    (0, b"\x89PNG\r\n\x1a\n", "still", None, "a PNG picture"),
    (0, b"\xff\xd8\xff", "still", None, "a JPEG picture"),
    (0, b"II*\x00", "still", None, "a TIFF picture"),
    (0, b"MM\x00*", "still", None, "a TIFF picture"),
    (0, b"PK\x03\x04", "zip", None, "a zip archive"),
    (0, b"PK\x05\x06", "zip", None, "an empty zip archive"),
    (0, b"\x00\x00\x01\xba", "video", "mpeg", "an MPEG programme stream"),
    (0, b"\x00\x00\x01\xb3", "video", "mpegvideo", "an MPEG video stream"),
    (0, b"\x1aE\xdf\xa3", "video", "matroska", "a Matroska or WebM video"),
    (0, b"0&\xb2u\x8ef\xcf\x11", "unknown", None, "a Windows Media file: export it as mp4 or avi"),
    (0, b"FLV\x01", "unknown", None, "a Flash video: export it as mp4 or avi"),
    (0, b"OggS", "unknown", None, "an Ogg file"),
    (0, b"ID3", "unknown", None, "a sound file"),
    (0, b"\xff\xfb", "unknown", None, "a sound file"),
    (0, b"fLaC", "unknown", None, "a sound file"),
    (0, b"%PDF", "unknown", None, "a PDF document"),
    (0, b"7z\xbc\xaf'\x1c", "unknown", None, "a 7z archive: use zip"),
    (0, b"Rar!", "unknown", None, "a RAR archive: use zip"),
    (0, b"\x1f\x8b", "unknown", None, "a gzip archive: use zip"),
    (0, b"\x7fELF", "unknown", None, "a program"),
    (0, b"MZ", "unknown", None, "a program"),
]

_MOV_BOXES = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"}
_PICTURE_BRANDS = {b"heic", b"heix", b"heim", b"mif1", b"msf1", b"avif", b"avis"}
_LISTS = re.compile(rb"ffconcat version|#EXTM3U|<MPD|\[playlist\]|file\s+\S", re.IGNORECASE)
_BINARY = bytes(set(range(32)) - {9, 10, 12, 13, 27}) + b"\x7f"
_DICOM_VRS = {b"AE", b"CS", b"DA", b"DT", b"LO", b"OB", b"PN", b"SH", b"TM", b"UI", b"UL", b"US"}


def sniff(path: Path) -> Sniffed:
    """Read the first 4 KiB of `path` and say what it is. Raises OSError for an unreadable file only."""
    with path.open("rb") as file:
        return sniff_bytes(file.read(HEAD_BYTES))


def sniff_bytes(head: bytes) -> Sniffed:
    """The same from the first bytes of a file (4 KiB are enough; fewer mean the file ends there)."""
    if not head:
        return Sniffed("unknown", None, "empty")
    for offset, signature, kind, av_format, description in _SIGNATURES:
        if head[offset : offset + len(signature)] == signature:
            return Sniffed(kind, av_format, description)
    if head[:4] == b"RIFF":
        return _riff(head)
    if head[4:8] in _MOV_BOXES:
        if head[4:8] == b"ftyp" and head[8:12] in _PICTURE_BRANDS:
            return Sniffed("unknown", None, "a HEIC or AVIF picture: export it as PNG or JPEG")
        return Sniffed("video", "mov", "an MP4 or QuickTime video")
    for size, first in ((188, 0), (192, 4)):
        if len(head) > first + 2 * size and all(head[first + n * size] == 0x47 for n in range(3)):
            return Sniffed("video", "mpegts", "an MPEG transport stream")
    if head[:2] == b"BM" and len(head) >= 26 and head[6:10] == bytes(4):
        return Sniffed("still", None, "a BMP picture")
    if _is_bare_dicom(head):
        return Sniffed("dicom", None, "a DICOM file")
    if _is_text(head):
        if _LISTS.match(head.lstrip(b"\xef\xbb\xbf \t\r\n")):
            return Sniffed("unknown", None, "a text list")
        return Sniffed("unknown", None, "a text file")
    return Sniffed("unknown", None, "of a kind nobody here knows")


def refusal(sniffed: Sniffed) -> IngestError:
    """The error to raise for a file that cannot become a clip."""
    if sniffed.kind == "dicom":
        # `annotation/ingest/dicom.py` will take these; until then a sentence that helps today.
        return NotSupported(
            "This is a DICOM file. DICOM cannot be read yet: export the clip from the scanner as mp4, avi or stills."
        )
    if sniffed.description == "empty":
        return NotAVideo("This file is empty (0 bytes).")
    return NotAVideo(f"This file is not a video (it is {sniffed.description}).")


def _riff(head: bytes) -> Sniffed:
    form = head[8:12]
    if form in (b"AVI ", b"AVIX"):
        return Sniffed("video", "avi", "an AVI video")
    if form == b"WAVE":
        return Sniffed("unknown", None, "a sound file")
    if form == b"WEBP":
        return Sniffed("unknown", None, "a WebP picture: export it as PNG or JPEG")
    return Sniffed("unknown", None, "of a kind nobody here knows")


def _is_bare_dicom(head: bytes) -> bool:
    """DICOM without its 128-byte preamble: a first tag of group 2 or 8 followed by a known type or a small
    length."""
    if len(head) < 8 or head[:2] not in (b"\x02\x00", b"\x08\x00", b"\x00\x08") or head[2:4] > b"\xff\x00":
        return False
    if head[4:6] in _DICOM_VRS:
        return True
    return head[:2] == b"\x08\x00" and 0 < int.from_bytes(head[4:8], "little") <= 64


def _is_text(head: bytes) -> bool:
    return not head.translate(None, delete=bytes(set(range(256)) - set(_BINARY)))
