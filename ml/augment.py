"""Changes a frame could have had anyway: another hand, another gain (MODEL.md 4.3, the plain part of its table)."""

from __future__ import annotations

import cv2
import numpy as np


def augment(
    image: np.ndarray, mask: np.ndarray, rng: np.random.Generator, *, horizontal_flip: bool
) -> tuple[np.ndarray, np.ndarray]:
    """One random variation of a frame and, alike, of its mask.

    image, mask       uint8 [H, W]; new arrays are returned, the inputs stay as they are
    horizontal_flip   never vertical: depth is a physical axis

    Geometry moves both; grey values change in the image only. Labels below a shadow stay.
    """
    if rng.random() < 0.7:
        image, mask = _affine(image, mask, rng)
    if horizontal_flip and rng.random() < 0.5:
        image, mask = image[:, ::-1], mask[:, ::-1]
    grey = np.arange(256, dtype=np.float32) / 255
    if rng.random() < 0.3:
        grey = grey ** rng.uniform(0.7, 1.5)
    if rng.random() < 0.2:
        grey = grey * rng.uniform(0.75, 1.25)
    table = (grey.clip(0, 1) * 255).round().astype(np.uint8)
    return table[image], np.ascontiguousarray(mask)


def _affine(image: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Rotate ±15°, scale 0.75–1.3, shift ±10 %, shear ±5°, about the centre. What comes in from outside is black."""
    H, W = image.shape
    angle, shear = np.deg2rad(rng.uniform(-15, 15)), np.tan(np.deg2rad(rng.uniform(-5, 5)))
    scale = rng.uniform(0.75, 1.3)
    shift = rng.uniform(-0.1, 0.1, 2) * (W, H)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = scale * turn @ np.array([[1, shear], [0, 1]])
    centre = np.array([(W - 1) / 2, (H - 1) / 2])
    matrix = np.hstack([linear, (centre + shift - linear @ centre)[:, None]])
    return (
        cv2.warpAffine(image, matrix, (W, H), flags=cv2.INTER_LINEAR),
        cv2.warpAffine(mask, matrix, (W, H), flags=cv2.INTER_NEAREST),
    )
