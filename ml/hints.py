"""What a person, or a neighbouring frame, already says about a picture, as the network's second input (MODEL.md 3.6).

`aux` is float32 [2K, H, W]: first K channels with the previous mask of labels 1..K, as probabilities 0..1; then K
channels with the clicks of labels 1..K: +1 inside a disk of radius 5 px where someone said "this is it", −1 where "this
is not", 0 elsewhere (disks of RITM, arXiv 2102.06583). All in pixels of the square the network sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ml.errors import BadData
from ml.labels import IGNORE

CLICK_RADIUS = 5


@dataclass(frozen=True)
class Click:
    """One click: column x and row y in px, the channel 1..K of its label, and whether the label is there or not."""

    x: int
    y: int
    channel: int
    positive: bool


def encode_aux(prior: np.ndarray | None, clicks: Sequence[Click], num_labels: int, size: tuple[int, int]) -> np.ndarray:
    """The network's second input, float32 [2K, H, W] as the module says. Where disks overlap, the later click counts.

    prior   the previous mask: float [K, H, W] probabilities of labels 1..K, or None for none
    clicks  may lie outside the picture; what of their disk is inside is drawn
    size    (H, W)
    Raises BadData for a prior of another shape, or a click on a channel there is not.
    """
    aux = np.zeros((2 * num_labels, *size), np.float32)
    if prior is not None:
        if prior.shape != (num_labels, *size):
            raise BadData(f"The previous mask must be of shape {(num_labels, *size)}; got {prior.shape}.")
        aux[:num_labels] = prior
    for click in clicks:
        if not 1 <= click.channel <= num_labels:
            raise BadData(f"A click names channel {click.channel}; the network has 1 to {num_labels}.")
        plane = aux[num_labels + click.channel - 1]
        cv2.circle(plane, (click.x, click.y), CLICK_RADIUS, 1.0 if click.positive else -1.0, cv2.FILLED)
    return aux


def one_hot(channels: np.ndarray, num_labels: int) -> np.ndarray:
    """uint8 [H, W] of channels 0..K or 255 → float32 [K, H, W] of labels 1..K; 255 is none of them."""
    return (channels == np.arange(1, num_labels + 1, dtype=np.uint8)[:, None, None]).astype(np.float32)


def error_clicks(truth: np.ndarray, drawn: np.ndarray, count: int) -> list[Click]:
    """The clicks a person would make next: one in the middle of each of the largest errors, largest first.

    Missing parts of a label get a positive click; parts drawn on background get a negative one. (Where one label is
    drawn instead of another, the positive click on the right one says both.)

    truth, drawn  uint8 [H, W] channels 0..K; 255 in `truth` is unknown and no error
    count         at most so many; fewer when there are fewer errors
    """
    errors: list[tuple[int, Click]] = []
    for channel in np.union1d(truth, drawn):
        if channel in (0, IGNORE):
            continue
        missing = (truth == channel) & (drawn != channel)
        surplus = (truth == 0) & (drawn == channel)
        for wrong, positive in ((missing, True), (surplus, False)):
            errors += [(area, Click(x, y, int(channel), positive)) for area, x, y in _centres(wrong, count)]
    errors.sort(key=lambda error: -error[0])  # stable: equal areas stay in channel order
    return [click for _, click in errors[:count]]


def _centres(wrong: np.ndarray, count: int) -> list[tuple[int, int, int]]:
    """(area, x, y) of the largest connected parts of a bool [H, W]; the point deepest inside each."""
    number, parts, stats, _ = cv2.connectedComponentsWithStats(wrong.astype(np.uint8), connectivity=4)
    areas = stats[1:number, cv2.CC_STAT_AREA]
    found = []
    for part in 1 + np.argsort(-areas, kind="stable")[:count]:
        left, top, width, height = stats[part, :4]
        inside = (parts[top : top + height, left : left + width] == part).astype(np.uint8)
        # A border of zeros: the edge of the box is an edge of the part.
        depth = cv2.distanceTransform(np.pad(inside, 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
        y, x = np.unravel_index(int(depth.argmax()), depth.shape)
        found.append((int(stats[part, cv2.CC_STAT_AREA]), int(left + x), int(top + y)))
    return found
