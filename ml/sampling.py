"""Which frames an epoch shows, and in which order (MODEL.md 4.1 and 4.5)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

_RARE_SHARE = 0.33
_MOST_SHOWINGS = 4


class Showing(NamedTuple):
    """One frame in one epoch; `repeat` counts from 0 when an epoch shows it again, each time varied anew."""

    epoch: int
    frame: int
    repeat: int


class Sampler:
    """At most so many frames of a clip per epoch, so that long ones do not dominate; those with rare labels more often.

    A label is rare when fewer than a third of the frames show it (a label no frame shows is none). When fewer than a
    third of an epoch's frames would show a rare label, others make room for more of them: each label has its turn, and
    no frame is shown more than four times.

    clips      the clip of each frame
    present    bool [n, K]: which labels each frame shows
    per_clip   frames of one clip per epoch, at most
    """

    def __init__(self, clips: Sequence[str], present: np.ndarray, *, per_clip: int, seed: int) -> None:
        names = np.asarray(clips)
        self.clips = [np.flatnonzero(names == name) for name in sorted(set(clips))]
        self.per_clip, self.seed = per_clip, seed
        shown = present.sum(0)
        rare = np.flatnonzero((shown > 0) & (shown < _RARE_SHARE * len(present)))
        self.rare = [np.flatnonzero(present[:, label]) for label in rare]
        self.has_rare = np.asarray(present[:, rare].any(axis=1))

    def __len__(self) -> int:
        """Frames per epoch."""
        return sum(min(len(clip), self.per_clip) for clip in self.clips)

    def epoch(self, epoch: int) -> list[Showing]:
        """The frames of an epoch in order: the same for the same seed and epoch, whatever came before."""
        rng = np.random.default_rng([self.seed, epoch])
        chosen = np.concatenate([rng.permutation(clip)[: self.per_clip] for clip in self.clips])
        chosen = rng.permutation(chosen)
        self._make_room(chosen, rng)
        times = np.zeros(len(self.has_rare), np.int64)
        showings = []
        for frame in chosen:
            showings.append(Showing(epoch, int(frame), int(times[frame])))
            times[frame] += 1
        return showings

    def _make_room(self, chosen: np.ndarray, rng: np.random.Generator) -> None:
        """Replace common frames by frames with rare labels, in place."""
        common = np.flatnonzero(~self.has_rare[chosen])
        missing = min(len(common), round(_RARE_SHARE * len(chosen)) - (len(chosen) - len(common)))
        if not self.rare or missing <= 0:
            return
        times = np.bincount(chosen, minlength=len(self.has_rare))
        for turn, place in enumerate(common[:missing]):  # the order is random already
            frame = rng.choice(self.rare[turn % len(self.rare)])
            if times[frame] < _MOST_SHOWINGS:
                times[frame] += 1
                chosen[place] = frame


def batches_of(showings: Sequence[Showing], steps: int) -> list[list[Showing]]:
    """`steps` batches of nearly equal size: a last batch of one frame would give batch norm nothing to work with."""
    bounds = np.linspace(0, len(showings), steps + 1).round().astype(int)
    return [list(showings[start:end]) for start, end in pairwise(bounds)]


def share_of(batch: Sequence[Showing], rank: int, size: int) -> list[Showing]:
    """The part of a batch that one of several processes works on."""
    return list(batch[rank::size])
