"""Changes a frame could have had anyway: another hand, another gain, another machine (MODEL.md 4.3).

Written with OpenCV on 8-bit pictures, one at a time: the geometry of a frame is one resampling, its grey values one
table look-up; only the rare artefacts need decimals.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

_STRONGEST_ELASTIC = 12.0  # px


def augment(
    image: np.ndarray, masks: Sequence[np.ndarray], rng: np.random.Generator, *, horizontal_flip: bool
) -> tuple[np.ndarray, list[np.ndarray]]:
    """One random variation of a frame and, alike, of the masks that belong to it.

    image, masks      uint8 [H, W]; new arrays are returned, the inputs stay as they are
    horizontal_flip   never vertical: depth is a physical axis

    Geometry moves all of them; grey values change in the image only. Black stays black and the rest stays above it,
    for what is above black is taken for the scan area. Labels below a shadow stay.
    """
    image, masks = _move(image, masks, rng, horizontal_flip=horizontal_flip)
    return _artefacts(_grey_values(image, rng), rng), masks


def _move(
    image: np.ndarray, masks: Sequence[np.ndarray], rng: np.random.Generator, *, horizontal_flip: bool
) -> tuple[np.ndarray, list[np.ndarray]]:
    H, W = image.shape
    matrix = _affine(rng, H, W) if rng.random() < 0.7 else np.eye(3)
    if horizontal_flip and rng.random() < 0.5:
        matrix = matrix @ np.array([[-1.0, 0, W - 1], [0, 1, 0], [0, 0, 1]])
    bend = rng.random()
    if bend < 0.1:
        matrix = _perspective(rng, H, W) @ matrix
    if bend < 0.1 or not np.array_equal(matrix, np.eye(3)):
        image = cv2.warpPerspective(image, matrix, (W, H), flags=cv2.INTER_LINEAR)
        masks = [cv2.warpPerspective(mask, matrix, (W, H), flags=cv2.INTER_NEAREST) for mask in masks]
    if 0.1 <= bend < 0.2:
        where = elastic(rng, H, W, rng.uniform(0, _STRONGEST_ELASTIC))
        image = cv2.remap(image, *where, cv2.INTER_LINEAR)
        masks = [cv2.remap(mask, *where, cv2.INTER_NEAREST) for mask in masks]
    return image, [np.ascontiguousarray(mask) for mask in masks]


def _affine(rng: np.random.Generator, H: int, W: int) -> np.ndarray:
    """Rotate ±15°, scale 0.75–1.3, shift ±10 %, shear ±5°, about the centre. What comes in from outside is black."""
    return affine_matrix(
        (H, W),
        degrees=rng.uniform(-15, 15),
        scale=rng.uniform(0.75, 1.3),
        shift=rng.uniform(-0.1, 0.1, 2),
        shear_degrees=rng.uniform(-5, 5),
    )


def affine_matrix(
    size: tuple[int, int], *, degrees: float, scale: float, shift: np.ndarray, shear_degrees: float = 0.0
) -> np.ndarray:
    """3×3 matrix about the centre of a picture of `size` (H, W); shift as shares (x, y) of its sides."""
    H, W = size
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = scale * turn @ np.array([[1, np.tan(np.deg2rad(shear_degrees))], [0, 1]])
    centre = np.array([(W - 1) / 2, (H - 1) / 2])
    matrix = np.eye(3)
    matrix[:2, :2], matrix[:2, 2] = linear, centre + shift * (W, H) - linear @ centre
    return matrix


def _perspective(rng: np.random.Generator, H: int, W: int) -> np.ndarray:
    """Each corner goes up to 5 % of the side inwards or outwards."""
    corners = np.array([[0, 0], [W - 1, 0], [W - 1, H - 1], [0, H - 1]], np.float32)
    moved = corners + rng.uniform(-0.05, 0.05, (4, 2)) * (W, H)
    return cv2.getPerspectiveTransform(corners, moved.astype(np.float32))


def elastic(rng: np.random.Generator, H: int, W: int, strongest: float) -> tuple[np.ndarray, np.ndarray]:
    """Two maps for cv2.remap, float32 [H, W]: a smooth field whose largest displacement is `strongest` px.

    Smoothed over σ = 8 px, or as much more as keeps the picture from folding over itself.
    """
    sigma = max(8.0, 4 * strongest)
    # Noise on a grid of σ px, stretched by cubics: as smooth as a wide blur for a hundredth of the work.
    grid = rng.uniform(-1, 1, (2, int(H / sigma) + 3, int(W / sigma) + 3)).astype(np.float32)
    dx, dy = (cv2.resize(plane, (W, H), interpolation=cv2.INTER_CUBIC) for plane in grid)
    scale = np.float32(strongest / max(float(np.hypot(dx, dy).max()), 1e-6))
    x, y = np.arange(W, dtype=np.float32), np.arange(H, dtype=np.float32)[:, None]
    return x + dx * scale, y + dy * scale


def _grey_values(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Gamma 0.7–1.5, brightness and contrast 0.75–1.25, as one table of 256 entries."""
    grey: np.ndarray = np.arange(256, dtype=np.float32)
    gamma, brightness, contrast = rng.random(3) < (0.3, 0.2, 0.2)
    if not (gamma or brightness or contrast):
        return image
    if gamma:
        grey = 255 * (grey / 255) ** np.float32(rng.uniform(0.7, 1.5))
    if brightness:
        grey = grey * np.float32(rng.uniform(0.75, 1.25))
    if contrast:
        middle = np.float32(np.average(grey, weights=_histogram(image)))
        grey = middle + (grey - middle) * np.float32(rng.uniform(0.75, 1.25))
    table = grey.clip(1, 255).round().astype(np.uint8)
    table[0] = 0
    return cv2.LUT(image, table)


def _histogram(image: np.ndarray) -> np.ndarray:
    counts = np.bincount(image.ravel(), minlength=256)
    counts[0] = not counts[1:].any()  # black is outside the scan area, unless all is
    return counts


def _artefacts(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blur, coarse resolution and noise (nnU-Net's ranges), fading with depth, a shadow, haze (usaugment's, milder)."""
    blur, coarse, noise, fade, shadow, haze = rng.random(6) < (0.1, 0.1, 0.1, 0.15, 0.1, 0.05)
    if not (blur or coarse or noise or fade or shadow or haze):
        return image
    H, W = image.shape
    varied: np.ndarray = image.astype(np.float32)
    if blur:
        varied = cv2.GaussianBlur(varied, (0, 0), rng.uniform(0.5, 1.0))
    if coarse:
        share = rng.uniform(0.5, 1.0)
        small = cv2.resize(varied, None, fx=share, fy=share, interpolation=cv2.INTER_NEAREST)
        varied = cv2.resize(small, (W, H), interpolation=cv2.INTER_CUBIC)
    if fade:
        varied *= np.exp(-rng.uniform(0, 1.5) * np.arange(H, dtype=np.float32)[:, None] / H)
    if shadow:
        varied *= 1 - rng.uniform(0.25, 0.6) * _bump(rng, H) * _bump(rng, W).T
    if haze:
        varied += rng.uniform(10, 40) * _bump(rng, H) * rng.random((H, W), np.float32)
    if noise:
        lit = image[image > 0]
        deviation = float(lit.std()) if lit.size else 0.0
        varied += rng.standard_normal((H, W), np.float32) * np.float32(deviation * np.sqrt(rng.uniform(0, 0.1)))
    return np.where(image > 0, varied.clip(1, 255), 0).astype(np.uint8)


def _bump(rng: np.random.Generator, side: int) -> np.ndarray:
    """A Gaussian bell somewhere along a side, float32 [side, 1], its top 1, its σ 5 to 20 % of the side."""
    along = np.arange(side, dtype=np.float32)[:, None] / side
    return np.exp(-(((along - rng.uniform(0, 1)) / rng.uniform(0.05, 0.2)) ** 2) / 2).astype(np.float32)
