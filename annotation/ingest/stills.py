"""Stills to frames, by Pillow: one picture is a clip of one frame, a zip of pictures a clip of many. Runs in
the child.

What is refused rather than guessed: more than 8 bits per channel (any scaling to 8 would invent a window),
CMYK and other print colours, animated PNG and several-page TIFF (a clip that lost all but its first picture
would look whole). EXIF orientation is applied; transparency is laid on black. Nothing else of the file is
read.
"""

import io
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from annotation.ingest.errors import Damaged, IngestError, NotAVideo, NotSupported, SizeChanges, TooLarge
from annotation.ingest.grey import same_channels
from annotation.ingest.limits import IngestLimits
from annotation.ingest.sink import FrameSink
from annotation.ingest.sniff import sniff_bytes

Report = Callable[[int, int | None], None]

STILL_INTERVAL_US = 100_000
"""Stills have no times of their own; ten a second lets them be played."""

FORMATS = ["PNG", "JPEG", "BMP", "TIFF"]
_PLAIN_MODES = {"1", "L", "P", "LA", "PA", "RGB", "RGBA", "RGBX"}
_TIFF_BITS_PER_SAMPLE = 258
_LITTER = {"thumbs.db", ".ds_store", "desktop.ini"}


def decode_stills(path: Path, kind: str, sink: FrameSink, limits: IngestLimits, report: Report) -> int:
    """Decode a still or a zip of stills into `sink`; returns how many pictures there were.

    Raises NotAVideo, NotSupported, Damaged, SizeChanges, TooLarge. Pictures are named by their place in
    natural name order, counted from 1, never by name.
    """
    if kind == "still":
        pixels = read_still(path.read_bytes(), "This picture", limits)
        sink.add(np.ascontiguousarray(pixels[:, :, 0]) if same_channels(pixels) else pixels, 0)
        report(1, 1)
        return 1
    try:
        with zipfile.ZipFile(path) as archive:
            members = _picture_members(archive, limits)
            if not _store(archive, members, sink, limits, report, colour=False):
                sink.restart()
                _store(archive, members, sink, limits, report, colour=True)
            return len(members)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, struct.error) as error:
        raise Damaged("The zip archive is damaged or cut short. Make it again.") from error


def read_still(data: bytes, what: str, limits: IngestLimits) -> np.ndarray:
    """Decode one picture to (H, W, 3) uint8 RGB, upright.

    Args:
        data: the file's bytes.
        what: how sentences call it ("Picture 3 of the zip").
    """
    sniffed = sniff_bytes(data[:4096])
    if sniffed.kind != "still":
        raise NotAVideo(
            f"{what} is not a still picture (it is {sniffed.description}). PNG, JPEG, BMP and TIFF can be read."
        )
    # Pillow only warns between one and two times this; both are refused.
    Image.MAX_IMAGE_PIXELS = limits.still_pixels
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=FORMATS)
            _check_header(image, data, what, limits)
            image.load()
            return _to_rgb(ImageOps.exif_transpose(image))
    except IngestError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooLarge(f"{what} declares more pixels than can be read.") from error
    except (
        UnidentifiedImageError,
        OSError,
        SyntaxError,
        ValueError,
        KeyError,
        struct.error,
        EOFError,
    ) as error:
        # The many ways in which Pillow's readers say "damaged".
        raise Damaged(f"{what} is damaged or cut short: it cannot be decoded.") from error


def _check_header(image: Image.Image, data: bytes, what: str, limits: IngestLimits) -> None:
    width, height = image.size
    if max(width, height) > limits.side:
        raise TooLarge(f"{what} is {width}×{height} pixels; at most {limits.side}×{limits.side} can be read.")
    # Pillow reads 16-bit PNG as 8-bit without a word: the header decides, not the mode.
    bits = 8
    if image.format == "PNG":
        bits = data[24]
    elif image.format == "TIFF":
        bits = max(image.tag_v2.get(_TIFF_BITS_PER_SAMPLE, (1,)))  # type: ignore[attr-defined]
    if bits > 8 or image.mode.startswith(("I", "F")):
        raise NotSupported(
            f"{what} has more than 8 bits per channel. Export it with 8 bits: scaling it here would change "
            "what the scanner showed."
        )
    if getattr(image, "n_frames", 1) > 1:
        raise NotSupported(
            f"{what} holds {getattr(image, 'n_frames', 0)} pictures in one file. Export it as a video, a GIF "
            "or single pictures."
        )
    if image.mode not in _PLAIN_MODES:
        raise NotSupported(f"{what} uses {image.mode} colours. Export it as grey or RGB.")


def _to_rgb(image: Image.Image) -> np.ndarray:
    if image.has_transparency_data:
        image = image.convert("RGBA")
        black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, image)
    return np.ascontiguousarray(np.asarray(image.convert("RGB")))


def _picture_members(archive: zipfile.ZipFile, limits: IngestLimits) -> list[zipfile.ZipInfo]:
    """The members to read, in natural name order, after everything the directory tells has been checked."""
    infos = archive.infolist()
    if len(infos) > limits.zip_members:
        raise TooLarge(f"The zip holds {len(infos)} files; at most {limits.zip_members} can be read.")
    if any(info.flag_bits & 1 for info in infos):
        raise NotSupported("The zip is encrypted. Make it again without a password.")
    members = [info for info in infos if not info.is_dir() and not _is_litter(info.filename)]
    if not members:
        raise NotAVideo("The zip holds no pictures.")
    if any(info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for info in members):
        raise NotSupported("The zip uses a rare compression. Make it again as a plain zip.")
    unpacked = sum(info.file_size for info in members)
    packed = max(1, sum(info.compress_size for info in members))
    if unpacked > limits.zip_bytes or (unpacked > limits.zip_small and unpacked > limits.zip_ratio * packed):
        raise TooLarge(f"The zip unpacks to {unpacked >> 20} MiB, more than pictures of its size can need.")
    return sorted(members, key=lambda info: _natural(info.filename))


def _is_litter(name: str) -> bool:
    """Files that operating systems add by themselves."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return not parts or "__MACOSX" in parts or parts[-1].lower() in _LITTER or parts[-1].startswith("._")


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Sort key by which "img2" comes before "img10"."""
    pieces = re.findall(r"[0-9]+|[^0-9]+", name.casefold())
    return [(0, int(piece), "") if piece[0] in "0123456789" else (1, 0, piece) for piece in pieces]


def _store(
    archive: zipfile.ZipFile,
    members: list[zipfile.ZipInfo],
    sink: FrameSink,
    limits: IngestLimits,
    report: Report,
    *,
    colour: bool,
) -> bool:
    """Decode all members, in memory and one by one. False: grey was asked for and a picture has colour."""
    first: tuple[int, ...] = ()
    for place, info in enumerate(members, start=1):
        # Bounded by what the directory promised and was checked above, whatever the compressed data holds.
        with archive.open(info) as member:
            data = member.read(info.file_size + 1)
        rgb = read_still(data, f"Picture {place} of the zip", limits)
        first = first or rgb.shape
        if rgb.shape != first:
            raise SizeChanges(
                f"Picture {place} is {rgb.shape[1]}×{rgb.shape[0]} pixels, the first is "
                f"{first[1]}×{first[0]}. All pictures of one clip must have the same size."
            )
        if not colour and not same_channels(rgb):
            return False
        pixels = rgb if colour else np.ascontiguousarray(rgb[:, :, 0])
        sink.add(pixels, (place - 1) * STILL_INTERVAL_US)
        report(place, len(members))
    return True
