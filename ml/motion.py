"""Where tissue has gone from one frame to another: dense optical flow along a clip (MODEL.md 6.2 P1).

Flow is DIS (Kroeger et al., arXiv 1603.03590; `cv2.DISOpticalFlow`), on grey inside the scan area, at most 512 px wide.
A mask is warped ONCE, from the frame a person drew it on, along the flow composed over all steps: warping the warped
mask again and again would blur it. After each step the composed flow is taken as a first guess and measured again
between the two frames themselves, which takes most of the drift out wherever the speckle is still the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

FLOW_SIDE = 512
_SIGMA = 2.0
"""px of forward-backward error at which confidence has fallen to 0.61 (MODEL.md 6.2)."""
_CHANGES = 6
"""grey levels: what changes less over the frames is no tissue but menus and text burned into the picture."""


@dataclass(frozen=True)
class Step:
    """Where a frame's pixels come from in the key frame.

    offset       float16 [h, w, 2]: the pixel (x, y) of this frame shows what the key frame has at (x, y) + offset
    confidence   uint8 [h, w], 255 for 1: how well the flow there and back agree
    alike        correlation of this frame with the one before it, moved as a whole; -1..1
    """

    offset: np.ndarray
    confidence: np.ndarray
    alike: float


def scan_area(greys: Sequence[np.ndarray]) -> np.ndarray:
    """bool [H, W]: where tissue is seen in these frames, uint8 [H, W] each. Pixels that never change are left out."""
    most, least = greys[0].copy(), greys[0].copy()
    for grey in greys[1:]:
        np.maximum(most, grey, out=most)
        np.minimum(least, grey, out=least)
    lit, moves = most > 0, cv2.subtract(most, least) > _CHANGES
    # A clip that stands still has no moving pixels: then all that is lit is tissue.
    area = moves if moves.sum() * 20 > lit.sum() else lit
    closed = cv2.morphologyEx(area.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    return cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)) > 0


def flow_size(height: int, width: int) -> tuple[int, int]:
    """(height, width) in which flow is computed for frames of this size."""
    scale = min(1.0, FLOW_SIDE / max(height, width))
    return max(16, round(height * scale)), max(16, round(width * scale))


def prepare(greys: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Frames as the flow sees them: at flow size, black outside the scan area."""
    height, width = flow_size(*greys[0].shape)
    small = [cv2.resize(g, (width, height), interpolation=cv2.INTER_AREA) if g.shape != (height, width) else g
             for g in greys]  # fmt: skip
    area = scan_area(small)
    return [np.where(area, grey, np.uint8(0)) for grey in small]


def sample(plane: np.ndarray, at: np.ndarray) -> np.ndarray:
    """float32 `plane` [h, w] or [h, w, 2] looked up at places `at` [h, w, 2] (x, y), bilinear."""
    # The stubs know only maps in two parts; an empty second part instead of None reads foreign memory.
    looked_up = cv2.remap(plane, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
    return np.asarray(looked_up)


def places(height: int, width: int) -> np.ndarray:
    """float32 [h, w, 2]: each pixel's own (x, y)."""
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.stack([x, y], -1)


class Track:
    """Follows the tissue of a key frame through the frames after (or before) it, one at a time.

    key   uint8 [h, w], as `prepare` gives it
    """

    def __init__(self, key: np.ndarray) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._key, self._before = key, key
        self._own = places(*key.shape)
        self._step = np.zeros((*key.shape, 2), np.float32)  # flow from the newest frame to the one before it
        self._offset = self._step

    def follow(self, frame: np.ndarray) -> Step:
        """The next frame, uint8 [h, w]."""
        # The previous flow as a first guess: a probe moves on as it moved.
        self._step = self._flow.calc(frame, self._before, self._step.copy())
        back = self._own + self._step
        composed = sample(self._offset, back) + self._step
        direct = self._flow.calc(frame, self._key, composed.copy())
        there = self._own + direct
        again = self._flow.calc(self._key, frame, np.zeros_like(direct))
        error = direct + sample(again, there)
        confidence = np.exp(-np.square(error).sum(-1) / (2 * _SIGMA**2))
        # Where frame and key no longer look alike, the steps in between know better.
        self._offset = confidence[..., None] * direct + (1 - confidence[..., None]) * composed
        # Moved as a whole only, as a probe moves: by the whole flow, any two frames can be made alike.
        lit = frame > 0
        shift = np.median(self._step[lit], axis=0) if lit.any() else np.zeros(2)
        alike = likeness(frame, sample(self._before, self._own + shift.astype(np.float32)))
        self._before = frame
        return Step(self._offset.astype(np.float16), np.rint(confidence * 255).astype(np.uint8), alike)


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation of two pictures where either is lit, a little smoothed.

    1.0 when both are of one grey value, 0.0 when one of them is: a lifted probe.
    """
    area = (a > 0) | (b > 0)
    if not area.any():
        return 1.0
    x, y = (cv2.GaussianBlur(each.astype(np.float32), (0, 0), 1.5)[area] for each in (a, b))
    x, y = x - x.mean(), y - y.mean()
    flat = [float((each * each).mean()) < 1e-6 for each in (x, y)]
    if any(flat):
        return float(all(flat))
    return float((x * y).sum() / np.sqrt((x * x).sum() * (y * y).sum()))


def warp_planes(planes: np.ndarray, step: Step) -> tuple[np.ndarray, np.ndarray]:
    """Planes of the key frame as they lie in the step's frame, and the confidence there.

    planes   float32 [C, H, W], of any size of the same shape as the clip's frames
    returns  float32 [C, H, W] and float32 [H, W], 0..1
    """
    height, width = planes.shape[1:]
    h, w = step.confidence.shape
    offset: np.ndarray = step.offset.astype(np.float32)
    confidence: np.ndarray = step.confidence.astype(np.float32) / 255
    if (h, w) != (height, width):
        offset = np.asarray(cv2.resize(offset, (width, height), interpolation=cv2.INTER_LINEAR))
        offset *= np.array([width / w, height / h], np.float32)
        confidence = np.asarray(cv2.resize(confidence, (width, height), interpolation=cv2.INTER_LINEAR))
    at = places(height, width) + offset
    return np.stack([sample(plane, at) for plane in planes]), confidence
