"""Nearly the same picture twice: what must not stand on two sides of a split (promise 7).

Two steps, the cheap one first: candidates differ in at most 6 of 64 bits of their difference hash, which is in the
frame's row. Dark or plain pictures share hashes, so each candidate is confirmed on its pixels, shrunk to 32×32. Work
on pixels is done for the candidates only, and each picture is read once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from annotation import files

NEAR_BITS = 6  # of 64 in the difference hash (MODEL.md 4.1)
NEAR_GREY_LEVELS = 3.0
THUMBNAIL = 32
BLOCK = 4  # pixels of a thumbnail that its sketch sums up, in each direction


@dataclass(frozen=True)
class Picture:
    """A frame, as far as comparing it needs: its hash, and where its pixels lie."""

    frame: int
    dhash: int
    pack_name: str
    pack_offset: int
    pack_length: int


class Thumbnails:
    """The pictures' thumbnails, each read from storage when first asked for and then kept."""

    def __init__(self) -> None:
        self._known: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self._known)

    def of(self, pictures: Iterable[Picture]) -> np.ndarray:
        """float32 [n, 32, 32] grey levels. NaN for a picture of one grey value: it shows nobody."""
        pictures = list(pictures)
        missing = {picture.frame: picture for picture in pictures if picture.frame not in self._known}
        pack: files.FramePack | None = None
        opened = ""
        try:
            # In the order of the packs, so that each is opened once.
            for picture in sorted(missing.values(), key=lambda each: (each.pack_name, each.pack_offset)):
                if pack is None or picture.pack_name != opened:
                    if pack:
                        pack.__exit__()
                    pack, opened = files.FramePack(picture.pack_name), picture.pack_name
                self._known[picture.frame] = _thumbnail(pack.pixels(picture.pack_offset, picture.pack_length))
        finally:
            if pack:
                pack.__exit__()
        return np.stack([self._known[picture.frame] for picture in pictures])


def near_pairs(some: list[Picture], others: list[Picture], thumbnails: Thumbnails) -> Iterator[tuple[Picture, Picture]]:
    """Every pair of one of `some` and one of `others` that shows nearly the same.

    Raises OSError when the pixels of a candidate are missing on storage.
    """
    hashes = _hashes(others)
    in_pair = np.zeros(len(others), bool)
    of_some = []
    for n, own in enumerate(_hashes(some)):
        near = np.bitwise_count(hashes ^ own) <= NEAR_BITS
        if near.any():
            of_some.append(n)
            in_pair |= near
    if not of_some:
        return
    of_others = np.flatnonzero(in_pair)
    hashes = hashes[of_others]
    theirs, mine = thumbnails.of(others[n] for n in of_others), thumbnails.of(some[n] for n in of_some)
    sketches, own_sketches = _sketches(theirs), _sketches(mine)
    # Where every picture is black nothing can differ; of dark pictures little is left to compare.
    shown = (theirs > 0).any(0) | (mine > 0).any(0)
    theirs, mine = theirs[:, shown], mine[:, shown]  # [n, pixels]
    lit = theirs > 0
    areas = lit.sum(1)
    for n, own, sketch in zip(of_some, mine, own_sketches, strict=True):
        # Looked for again, not kept: were all hashes alike, all pairs would be candidates and fill the memory.
        near = np.flatnonzero(np.bitwise_count(hashes ^ _hashes([some[n]])) <= NEAR_BITS)
        # No pair is lost here: the difference of sums is never more than the sum of differences, and the two
        # together are lit nowhere but where one of them is. (A comparison with NaN is false.)
        most = NEAR_GREY_LEVELS * (areas[near] + (own > 0).sum())
        near = near[np.abs(sketches[near] - sketch).sum(1) <= most]
        # The mean over what is lit in either: black surroundings, which every picture of a probe shares, must not
        # make two people look alike.
        area = (lit[near] | (own > 0)).sum(1)
        for other in near[np.abs(theirs[near] - own).sum(1) <= NEAR_GREY_LEVELS * area]:
            yield some[n], others[of_others[other]]


def _hashes(pictures: list[Picture]) -> np.ndarray:
    return np.array([picture.dhash for picture in pictures], np.int64).view(np.uint64)


def _thumbnail(pixels: np.ndarray) -> np.ndarray:
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) if pixels.ndim == 3 else pixels
    small = cv2.resize(grey, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA).astype(np.float32)
    return small if small.min() < small.max() else np.full_like(small, np.nan)


def _sketches(thumbnails: np.ndarray) -> np.ndarray:
    """[n, 32, 32] → sums over blocks of 4×4, [n, 64]."""
    side = THUMBNAIL // BLOCK
    return thumbnails.reshape(-1, side, BLOCK, side, BLOCK).sum((2, 4)).reshape(-1, side * side)
