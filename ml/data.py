"""From a manifest to arrays the network takes, and back to native pixels.

Manifest (JSON, paths relative to its folder):
    {"dataset_hash": text, "labels": [{"index": 1, "name": text}, …],
     "samples": [{"image": path, "mask": path, "subject": text, "clip": text, "split": "train"|"val"|"test",
                  "millimetres_per_pixel": number, or [from row to row, from column to column], or null,
                  and, where known, "frame": position in the clip, "weight": how much it counts in training, 0..1}, …],
     "config": {TrainConfig values that differ from the defaults, "model": {ModelConfig values}}}
Images are 8-bit grey or RGB PNGs; masks are 8-bit grey PNGs of label indices, of their image's size.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ml.errors import BadData, BadLabels
from ml.labels import IGNORE, LabelSchema

SPLITS = ("train", "val", "test")
NORMALISATION = "zscore-of-nonzero"
_PNG = b"\x89PNG\r\n\x1a\n"  # how every PNG begins; OpenCV would read a JPEG as well, whose labels are smeared
Source = Path | Callable[[], bytes]


def to_grey(pixels: np.ndarray) -> np.ndarray:
    """The one converter from pixels to the grey picture the network sees, in training and in prediction.

    pixels   uint8 [H, W], returned as it is, or uint8 [H, W, 3] in RGB order (weights of ITU-R BT.601)
    returns  uint8 [H, W]
    Raises BadData for anything else.
    """
    if pixels.dtype != np.uint8 or pixels.size == 0:
        raise BadData(f"A picture must be 8-bit and not empty; got {pixels.dtype} of shape {pixels.shape}.")
    if pixels.ndim == 2:
        return pixels
    if pixels.ndim == 3 and pixels.shape[2] == 3:
        return cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY)
    raise BadData(f"A picture must be [H, W] or [H, W, 3]; got shape {pixels.shape}.")


def read_bytes(source: Source) -> bytes:
    """The bytes of a file, or of a callable that fetches them."""
    if callable(source):
        return source()
    try:
        return source.read_bytes()
    except OSError as error:
        raise BadData(f"Cannot read {source.name}: {error.strerror}.") from error
    except ValueError as error:  # a NUL or half a character in the name
        raise BadData(f"Cannot read {source.name!r}: no file can have this name ({error}).") from error


def _decode(png: bytes, what: str) -> np.ndarray:
    """PNG bytes → pixels of any depth, channels in the order of OpenCV."""
    pixels = None
    if png.startswith(_PNG):
        with contextlib.suppress(cv2.error):  # a header that promises more pixels than OpenCV takes
            pixels = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise BadData(f"{what} cannot be decoded: it is empty, damaged, too large, or not a PNG. Save it as PNG again.")
    return pixels


def decode_image(png: bytes) -> np.ndarray:
    """PNG bytes → uint8 [H, W] or [H, W, 3] RGB. Raises BadData when they are not that."""
    pixels = _decode(png, "An image")
    if pixels.dtype != np.uint8 or (pixels.ndim == 3 and pixels.shape[2] != 3):
        raise BadData(f"An image must be 8-bit grey or RGB; got {pixels.dtype} of shape {pixels.shape}.")
    return pixels if pixels.ndim == 2 else np.ascontiguousarray(pixels[:, :, ::-1])


def decode_mask(png: bytes) -> np.ndarray:
    """PNG bytes → uint8 [H, W] of label indices. Raises BadData when they are not that."""
    pixels = _decode(png, "A mask")
    if pixels.dtype != np.uint8 or pixels.ndim != 2:
        raise BadData(
            f"A mask must be 8-bit grey, its values label indices; got {pixels.dtype} of shape {pixels.shape}."
        )
    return pixels


@dataclass(frozen=True)
class Letterbox:
    """Where a native H×W picture lies in the square the network sees: scaled to fit, centred, black around."""

    height: int
    width: int
    size: int

    @classmethod
    def of(cls, grey: np.ndarray, size: int) -> Letterbox:
        """The letterbox of a picture [H, W]."""
        return cls(grey.shape[0], grey.shape[1], size)

    @property
    def box(self) -> tuple[int, int, int, int]:
        """(top, left, height, width) of the picture inside the square, in whole pixels."""
        scale = self.size / max(self.height, self.width)
        height, width = max(1, round(self.height * scale)), max(1, round(self.width * scale))
        return (self.size - height) // 2, (self.size - width) // 2, height, width

    def _place(self, resized: np.ndarray) -> np.ndarray:
        top, left, height, width = self.box
        square = np.zeros((self.size, self.size), resized.dtype)
        square[top : top + height, left : left + width] = resized
        return square

    def image(self, grey: np.ndarray) -> np.ndarray:
        """uint8 [H, W] → uint8 [size, size]. Shrinking averages areas, so speckle does not alias."""
        _, _, height, width = self.box
        if (height, width) == grey.shape:
            return self._place(grey)
        shrinks = height <= grey.shape[0] and width <= grey.shape[1]
        interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        return self._place(cv2.resize(grey, (width, height), interpolation=interpolation))

    def mask(self, labelmap: np.ndarray) -> np.ndarray:
        """uint8 [H, W] → uint8 [size, size] by nearest neighbour; outside is background."""
        _, _, height, width = self.box
        return self._place(cv2.resize(labelmap, (width, height), interpolation=cv2.INTER_NEAREST_EXACT))

    def mask_back(self, square: np.ndarray) -> np.ndarray:
        """uint8 [size, size] → uint8 [H, W] by nearest neighbour: undoes `mask` exactly when nothing was shrunk."""
        return cv2.resize(self.inside(square), (self.width, self.height), interpolation=cv2.INTER_NEAREST_EXACT)

    def inside(self, square: np.ndarray, step: int = 1) -> np.ndarray:
        """[…, size, size] → the part the picture takes, a view; every `step`-th row and column of it."""
        top, left, height, width = self.box
        return square[..., top : top + height : step, left : left + width : step]

    def around(self, places: np.ndarray) -> Region:
        """Where to stretch a plane to know it wherever one of these places (bool [size, size]) is near."""
        left, top, width, height = cv2.boundingRect(self.inside(places).view(np.uint8))
        _, _, rows, columns = self.box
        vertical = _whole_pixels(top, top + height, rows, self.height)
        horizontal = _whole_pixels(left, left + width, columns, self.width)
        return Region((vertical[0], horizontal[0]), (vertical[1], horizontal[1]))

    def back(self, plane: np.ndarray, region: Region | None = None) -> np.ndarray:
        """float32 [size, size] → float32 [H, W], bilinear: pixel centres keep their place. Of a region, only that."""
        inside = self.inside(plane)
        height, width = self.height, self.width
        if region is not None:
            inside = inside[region.inside]
            height, width = (part.stop - part.start for part in region.native)
        if inside.shape == (height, width):
            return inside.copy()
        return cv2.resize(inside, (width, height), interpolation=cv2.INTER_LINEAR)


@dataclass(frozen=True)
class Region:
    """One rectangle, (rows, columns), among the places of the square that the picture takes, and in the picture."""

    inside: tuple[slice, slice]
    native: tuple[slice, slice]


_NEAR = 2  # places: a bilinear value depends on the next one, and at a cut edge that one is missing


def _whole_pixels(start: int, stop: int, small: int, large: int) -> tuple[slice, slice]:
    """start..stop of `small` and of `large`, `_NEAR` wider and then until both ends lie between pixels in both."""
    parts = math.gcd(small, large)
    step = small // parts
    first = max(0, (start - _NEAR) // step)
    last = min(parts, -(-(stop + _NEAR) // step))
    return slice(first * step, last * step), slice(first * (large // parts), last * (large // parts))


def normalise(square: np.ndarray) -> np.ndarray:
    """Mean 0 and deviation 1 over the pixels above black; float32 of the same shape.

    The pixels above black stand for the scan area: black surroundings, however wide, then change nothing inside it.
    An all-black picture becomes all zeros.
    """
    lit = square[square > 0]
    if lit.size == 0:
        return np.zeros(square.shape, np.float32)
    mean, deviation = float(lit.mean()), float(lit.std())
    return (square.astype(np.float32) - mean) / max(deviation, 1.0)


@dataclass(frozen=True)
class Sample:
    """One frame with its gold mask. `image` and `mask` are PNG files, or callables that return PNG bytes.

    spacing  millimetres from row to row and from column to column; None where the scale is not known
    frame    position in its clip, where known: neighbours then stand in for a propagated mask
    weight   how much it counts in training (MODEL.md 4.4: 1, or 0.5 when the mask was propagated and accepted)
    """

    image: Source
    mask: Source
    subject: str
    clip: str
    split: str
    spacing: tuple[float, float] | None = None
    frame: int | None = None
    weight: float = 1.0

    def load(self) -> tuple[np.ndarray, np.ndarray]:
        """(grey image, mask), both uint8 [H, W] at native size. Raises BadData when their sizes differ."""
        image, mask = to_grey(decode_image(read_bytes(self.image))), decode_mask(read_bytes(self.mask))
        if image.shape != mask.shape:
            raise BadData(
                f"A mask is {mask.shape[1]}×{mask.shape[0]}, its image {image.shape[1]}×{image.shape[0]} pixels."
            )
        return image, mask


@dataclass(frozen=True)
class Manifest:
    """A frozen dataset as training sees it, and the overrides of the configuration that came with it."""

    dataset_hash: str
    labels: LabelSchema
    samples: tuple[Sample, ...]
    config: Mapping[str, Any]

    def split(self, name: str) -> list[Sample]:
        """The samples of one side: "train", "val" or "test"."""
        return [sample for sample in self.samples if sample.split == name]


def read_manifest(path: Path) -> Manifest:
    """Read a manifest file. Raises BadData or BadLabels, saying which entry is wrong and how."""
    try:
        plain = json.loads(path.read_text("utf-8"))
        samples = []
        for number, entry in enumerate(plain["samples"]):
            if entry["split"] not in SPLITS:
                raise BadData(f"Sample {number} has split {entry['split']!r}; it must be one of {', '.join(SPLITS)}.")
            image, mask = path.parent / entry["image"], path.parent / entry["mask"]
            spacing = _spacing(entry.get("millimetres_per_pixel"), number)
            weight = entry.get("weight", 1.0)
            if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight <= 1:
                raise BadData(f"Sample {number} has weight {weight!r}; it must be a number from 0 to 1.")
            frame = entry.get("frame")
            if frame is not None and type(frame) is not int:
                raise BadData(f"Sample {number} has frame {frame!r}; it must be a whole number, or null.")
            subject, clip, split = str(entry["subject"]), str(entry["clip"]), entry["split"]
            samples.append(Sample(image, mask, subject, clip, split, spacing, frame, float(weight)))
        labels = LabelSchema.from_plain(plain["labels"])
        return Manifest(str(plain["dataset_hash"]), labels, tuple(samples), dict(plain.get("config", {})))
    except OSError as error:
        raise BadData(f"Cannot read the manifest {path}: {error.strerror}.") from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BadData(f"The manifest {path} is not JSON: {error}.") from error
    except RecursionError as error:
        raise BadData(f"The manifest {path} is nested too deeply to be one; see `ml.data` for its form.") from error
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise BadData(f"The manifest {path} lacks a field or has one of a wrong kind: {error}.") from error


def _spacing(value: Any, number: int) -> tuple[float, float] | None:
    if value is None:
        return None
    pair = value if isinstance(value, list) else [value, value]
    if len(pair) != 2 or not all(type(side) in (int, float) and 0 < side < math.inf for side in pair):
        raise BadData(
            f"Sample {number} has millimetres_per_pixel {value!r}; it must be a number above 0, or two (rows, columns)."
        )
    return float(pair[0]), float(pair[1])


def check_split(samples: Sequence[Sample]) -> None:
    """Raise BadData when a subject or a clip is on two sides of the split."""
    for what in ("subject", "clip"):
        sides: dict[str, set[str]] = defaultdict(set)
        for sample in samples:
            sides[getattr(sample, what)].add(sample.split)
        for name, found in sorted(sides.items()):
            if len(found) > 1:
                raise BadData(
                    f"The {what} {name!r} is in {' and '.join(sorted(found))}; a {what} belongs to one side only. "
                    "Freeze the dataset again, split by subject."
                )


def load_frames(
    samples: Sequence[Sample], labels: LabelSchema
) -> Iterator[tuple[Sample, np.ndarray, np.ndarray, np.ndarray]]:
    """Read one frame after the other: (sample, grey image, mask, mask as channels 0..K).

    Raises BadData or BadLabels, naming the frame, for one that cannot be used.
    """
    for n, sample in enumerate(samples, start=1):
        try:
            image, mask = sample.load()
            channels = labels.to_channels(mask)
        except (BadData, BadLabels) as error:
            name = f"Frame {n} of {len(samples)} (subject {sample.subject}, split {sample.split})"
            raise type(error)(f"{name}: {error}") from error
        yield sample, image, mask, channels


class FrameSet:
    """The frames of one split, decoded and letterboxed once and kept in memory (128 kB a frame at 256 px).

    Each frame's label indices are translated to channels 0..K; 255 stays.

    images, masks   uint8 [n, S, S]
    weights         float32 [n]
    present         bool [n, K]: which labels a frame shows
    neighbours      frame → its neighbour's mask carried over by optical flow; filled by who needs it
    """

    def __init__(self, samples: Sequence[Sample], labels: LabelSchema, image_size: int) -> None:
        if not samples:
            raise BadData("There are no frames to train on.")
        self.images = np.empty((len(samples), image_size, image_size), np.uint8)
        self.masks = np.empty_like(self.images)
        self.weights = np.array([sample.weight for sample in samples], np.float32)
        self.clips = [sample.clip for sample in samples]
        self.numbers = [sample.frame for sample in samples]
        self.neighbours: dict[int, np.ndarray] = {}
        self.digests: list[str | None] = []
        for n, (_, image, _, channels) in enumerate(load_frames(samples, labels)):
            letterbox = Letterbox.of(image, image_size)
            self.images[n], self.masks[n] = letterbox.image(image), letterbox.mask(channels)
            self.digests.append(pixel_digest(image))
        shown = [np.bincount(mask.ravel(), minlength=256) > 0 for mask in self.masks]
        self.present = np.array(shown)[:, 1 : labels.count + 1]

    def __len__(self) -> int:
        return len(self.images)

    def label_frequencies(self, num_labels: int) -> list[float]:
        """Share of the annotated pixels that channels 1..K take."""
        counts = np.bincount(self.masks.ravel(), minlength=256)
        annotated = max(1, int(counts.sum() - counts[IGNORE]))
        return [float(counts[channel]) / annotated for channel in range(1, num_labels + 1)]


def pixel_digest(image: np.ndarray) -> str | None:
    """SHA-256 of the pixels, or None for a picture of one grey value, which says nothing about who is on it."""
    if image.min() == image.max():
        return None
    return hashlib.sha256(repr(image.shape).encode() + np.ascontiguousarray(image).tobytes()).hexdigest()


def check_no_shared_frames(digests: Mapping[str, Sequence[str | None]]) -> None:
    """Raise BadData when the very same picture stands on two sides of the split.

    digests  per side, what `pixel_digest` gave for each of its frames
    """
    seen: dict[str, str] = {}
    for side, values in digests.items():
        for digest in filter(None, values):
            other = seen.setdefault(digest, side)
            if other != side:
                raise BadData(f"The same picture is in {other} and in {side}, under different subjects. Remove one.")
