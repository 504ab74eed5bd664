"""Clicks on top of any mask: what the network would draw, given what a person points at (MODEL.md 6.2 P2).

The network sees the picture in its square, the current mask and the clicks as its second input (`ml.hints`, after RITM,
arXiv 2102.06583), and answers with a new mask. Of that, only the label in hand is taken, only where it may go, and only
in the connected changes a click points at: a person who fixes one border wants the rest left alone. A negative click
only takes away.

The square holds the whole frame at the scale the network was trained at; for a network of 256 px that is a crop of 256²
px around the clicks at every zoom it has seen. A closer crop would show it structures larger than any it has met.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ml.data import Letterbox, to_grey
from ml.errors import BadData
from ml.hints import CLICK_RADIUS, Click, encode_aux, error_clicks
from ml.labels import BACKGROUND, IGNORE
from ml.predict import Predictor

MOST_POINTS = 100
_NEAR = 2 * CLICK_RADIUS
"""px of the square: a change this near to a click is what the click is about."""
_SURE = 1.5
"""px of the square around a click where its word is law."""


@dataclass(frozen=True)
class Point:
    """A click: column x and row y in px of the picture; whether the label is there or not."""

    x: float
    y: float
    positive: bool


@dataclass(frozen=True)
class Refined:
    """What is proposed.

    labelmap  uint8 [H, W] label indices, the whole picture
    box       (x0, y0, x1, y1) around all changed pixels, x1 and y1 outside; all 0 when nothing changed
    changed   pixels
    score     mean probability of the label over its pixels, 0..1; 0.0 when none is drawn
    """

    labelmap: np.ndarray
    box: tuple[int, int, int, int]
    changed: int
    score: float


def takes_clicks(predictor: Predictor) -> bool:
    """Whether the network has the second input."""
    return predictor.info.config.aux


def refine(
    predictor: Predictor,
    image: np.ndarray,
    prior: np.ndarray,
    label: int,
    points: Sequence[Point],
    over: Collection[int] = (),
) -> Refined:
    """Change one label of a mask as the clicks ask.

    image   uint8 [H, W] or [H, W, 3] RGB
    prior   uint8 [H, W] label indices: the mask as it is
    points  all clicks on this label so far, oldest first
    over    other labels that may lose pixels to this one; background and 255 always may
    Raises BadData without a point, for one outside the picture, a label the network does not know, or a network
    without the second input.
    """
    if not points:
        raise BadData("Point at something first: no click came.")
    height, width = image.shape[:2]
    if prior.shape != (height, width):
        raise BadData(f"The mask is {prior.shape[1]}×{prior.shape[0]}, the picture {width}×{height} pixels.")
    for point in points:
        if not (0 <= point.x < width and 0 <= point.y < height):
            raise BadData(f"A click at {point.x:g}, {point.y:g} is outside the picture of {width}×{height} pixels.")
    if label not in predictor.labels.indices:
        raise BadData(f"The network does not know label {label}; it knows {list(predictor.labels.indices)}.")
    own = predictor.labels.indices
    channel = own.index(label) + 1
    box = Letterbox.of(to_grey(image), predictor.info.image_size)
    clicks = [Click(*_in_square(box, point), channel, point.positive) for point in points]
    aux = encode_aux(_planes(prior, own, box), clicks, len(own), (box.size, box.size))
    [(square, box)] = predictor.probabilities([image], [aux])

    probability = box.back(square[channel])
    rival = np.full((height, width), -1.0, np.float32)
    for other in range(len(square)):
        if other != channel:
            np.maximum(rival, box.back(square[other]), out=rival)
    wanted = probability > rival
    scale = max(height, width) / box.size
    radius = max(1, round(_SURE * scale))
    for point in points:
        disk = np.zeros((height, width), np.uint8)
        cv2.circle(disk, (int(point.x), int(point.y)), radius, 1, cv2.FILLED)
        wanted[disk > 0] = point.positive

    had = prior == label
    free = had | np.isin(prior, [BACKGROUND, IGNORE, *over])
    near = max(1, round(_NEAR * scale))
    change = _pointed_at((wanted & free) != had, points, near)
    lost = change & had
    # A click that says "not here" draws nothing, whatever the network makes of it.
    gained = _pointed_at(change & ~had, [point for point in points if point.positive], near)
    change = lost | gained
    labelmap = prior.copy()
    labelmap[lost] = BACKGROUND
    labelmap[gained] = label
    drawn = labelmap == label
    score = float(probability[drawn].mean()) if drawn.any() else 0.0
    return Refined(labelmap, _box(change), int(change.sum()), min(1.0, score))


def points_of_box(box: tuple[float, float, float, float]) -> list[Point]:
    """A box (x0, y0, x1, y1) drawn around a structure, as clicks: the middle is it, the sides are not."""
    x0, y0, x1, y1 = box
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    sides = [Point(x0, y, False), Point(x1, y, False), Point(x, y0, False), Point(x, y1, False)]
    return [*sides, Point(x, y, True)]


def points_of_scribble(line: Sequence[tuple[float, float]], positive: bool, spacing: float) -> list[Point]:
    """A drawn line as clicks along it, `spacing` px apart, both ends included."""
    places = np.asarray(line, float)
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(places, axis=0).T))]) if len(places) > 1 else [0.0]
    count = 1 + int(np.ceil(lengths[-1] / max(spacing, 1e-6)))
    at = np.linspace(0.0, lengths[-1], count)
    xs, ys = np.interp(at, lengths, places[:, 0]), np.interp(at, lengths, places[:, 1])
    return [Point(float(x), float(y), positive) for x, y in zip(xs, ys, strict=True)]


@dataclass(frozen=True)
class Clicked:
    """How many clicks it took.

    clicks   until Dice reached the target; `cap` where it never did
    reached  whether it did
    dice     before the first click and after each
    """

    clicks: int
    reached: bool
    dice: tuple[float, ...]


def noc(
    predictor: Predictor,
    image: np.ndarray,
    truth: np.ndarray,
    start: np.ndarray | None,
    label: int,
    *,
    target: float = 0.90,
    cap: int = 10,
) -> Clicked:
    """Number of clicks to reach a Dice (NoC@90), by an annotator who clicks the middle of the largest error each time.

    truth   uint8 [H, W] label indices; must show the label
    start   uint8 [H, W], the draft it starts from, or None for from scratch
    """
    if not (truth == label).any():
        raise BadData(f"The reference does not show label {label}.")
    prior = np.zeros_like(truth) if start is None else start.copy()
    wanted, now = (truth == label).astype(np.uint8), prior
    points: list[Point] = []
    scores = [_dice(wanted, now == label)]
    while scores[-1] < target and len(points) < cap:
        clicks = error_clicks(wanted, (now == label).astype(np.uint8), 1)
        if not clicks:
            break
        points.append(Point(clicks[0].x, clicks[0].y, clicks[0].positive))
        now = refine(predictor, image, now, label, points, over=predictor.labels.indices).labelmap
        scores.append(_dice(wanted, now == label))
    reached = scores[-1] >= target
    return Clicked(len(points) if reached else cap, reached, tuple(scores))


def _in_square(box: Letterbox, point: Point) -> tuple[int, int]:
    top, left, height, width = box.box
    return int(left + point.x * width / box.width), int(top + point.y * height / box.height)


def _planes(prior: np.ndarray, labels: Sequence[int], box: Letterbox) -> np.ndarray:
    square = box.mask(prior)
    return (square == np.array(labels, np.uint8)[:, None, None]).astype(np.float32)


def _pointed_at(change: np.ndarray, points: Sequence[Point], near: int) -> np.ndarray:
    """Of a bool [H, W], the connected parts that come within `near` px of a point."""
    if not change.any():
        return change
    _, parts = cv2.connectedComponents(change.astype(np.uint8), connectivity=8)
    reach = np.zeros(change.shape, np.uint8)
    for point in points:
        cv2.circle(reach, (int(point.x), int(point.y)), near, 1, cv2.FILLED)
    named = np.unique(parts[(reach > 0) & change])
    return np.isin(parts, named[named > 0])


def _box(change: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(change.any(1)), np.flatnonzero(change.any(0))
    if not rows.size:
        return 0, 0, 0, 0
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _dice(a: np.ndarray, b: np.ndarray) -> float:
    x, y = a > 0, b > 0
    total = int(x.sum()) + int(y.sum())
    return 2 * int((x & y).sum()) / total if total else 1.0
