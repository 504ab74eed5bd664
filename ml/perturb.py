"""Previous masks for training the auxiliary stem: wrong as a neighbour's mask or a draft is (MODEL.md 6.2 P2)."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

from ml.augment import affine_matrix, elastic
from ml.hints import one_hot
from ml.labels import IGNORE

_FARTHEST_NEIGHBOUR = 30  # frames; a keyframe's masks are propagated no farther


def distorted(channels: np.ndarray, num_labels: int, rng: np.random.Generator) -> np.ndarray:
    """A mask as another frame, or a poor draft, could have had it.

    Moved and scaled by up to 6 %, bent, each label grown or shrunk by 1 to 6 px, one label in ten missing; at times
    soft at the border or unsure altogether, as a warped prediction is.

    channels   uint8 [H, W], 0..K or 255
    returns    float32 [K, H, W] in 0..1
    """
    H, W = channels.shape
    matrix = affine_matrix(
        (H, W), degrees=rng.uniform(-6, 6), scale=rng.uniform(0.94, 1.06), shift=rng.uniform(-0.06, 0.06, 2)
    )
    moved = cv2.warpPerspective(channels, matrix, (W, H), flags=cv2.INTER_NEAREST)
    if rng.random() < 0.5:
        moved = cv2.remap(moved, *elastic(rng, H, W, rng.uniform(0, 8)), cv2.INTER_NEAREST)
    planes = np.zeros((num_labels, H, W), np.float32)
    blurred, sure = rng.random() < 0.5, rng.uniform(0.6, 1.0) if rng.random() < 0.5 else 1.0
    for channel in range(1, num_labels + 1):
        missing, grow, width = rng.random() < 0.1, rng.random() < 0.5, 2 * int(rng.integers(1, 7)) + 1
        plane = (moved == channel).astype(np.uint8)
        if missing or not plane.any():
            continue
        disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
        planes[channel - 1] = cv2.dilate(plane, disk) if grow else cv2.erode(plane, disk)
        if blurred:
            planes[channel - 1] = cv2.GaussianBlur(planes[channel - 1], (0, 0), 1.5)
    return planes * np.float32(sure)


def neighbour_masks(
    images: np.ndarray, masks: np.ndarray, clips: list[str], numbers: list[int | None]
) -> dict[int, np.ndarray]:
    """For each frame with an annotated neighbour in its clip: the nearest one's mask, carried over by optical flow.

    DIS flow from the frame to its neighbour says where each pixel lies there; its label is fetched from that place.

    images, masks   uint8 [n, S, S]
    numbers         position of each frame in its clip, None when unknown
    returns         frame → uint8 [S, S] channels; pixels the neighbour did not annotate are background
    """
    flow_of = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grid_x, grid_y = np.meshgrid(*(np.arange(side, dtype=np.float32) for side in images.shape[:0:-1]))
    found = {}
    for frame, neighbour in _nearest(clips, numbers).items():
        still = np.zeros((*images.shape[1:], 2), np.float32)  # where the search begins
        flow = flow_of.calc(images[frame], images[neighbour], still)
        there = cv2.remap(masks[neighbour], grid_x + flow[..., 0], grid_y + flow[..., 1], cv2.INTER_NEAREST)
        found[frame] = np.where(there == IGNORE, 0, there).astype(np.uint8)
    return found


def _nearest(clips: list[str], numbers: list[int | None]) -> dict[int, int]:
    """frame → the frame of the same clip nearest in time, at most 30 frames away."""
    known = sorted(
        (clip, number, n) for n, (clip, number) in enumerate(zip(clips, numbers, strict=True)) if number is not None
    )
    nearest: dict[int, tuple[int, int]] = {}
    for (clip, number, n), (other_clip, other_number, other) in pairwise(known):
        apart = other_number - number
        if clip == other_clip and 0 < apart <= _FARTHEST_NEIGHBOUR:
            nearest[n] = min(nearest.get(n, (apart, other)), (apart, other))
            nearest[other] = (apart, n)
    return {frame: neighbour for frame, (_, neighbour) in nearest.items()}


def soft(channels: np.ndarray, num_labels: int) -> np.ndarray:
    """A warped mask as the network will meet it: float32 [K, H, W], its borders a little soft."""
    return (
        cv2.GaussianBlur(one_hot(channels, num_labels).transpose(1, 2, 0), (0, 0), 1.0)
        .reshape(*channels.shape, num_labels)
        .transpose(2, 0, 1)
    )
