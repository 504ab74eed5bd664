"""The tissue in front of the probe: one picture per acoustic property, painted structure by structure.

Tissue coordinates are millimetres: x along the skin (0 = middle of the spine), z = depth below the skin.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]  # float32 throughout; OpenCV's own types do not say so

GRID_MM = 0.2  # two thirds of the finest image pixel, so that label borders are right to half a pixel
X_MIN_MM, X_MAX_MM = -115.0, 115.0
Z_MIN_MM, Z_MAX_MM = -4.0, 136.0


class Tissue:
    """Acoustic properties and labels on one grid; every array is [rows (depth), columns (x)].

    label      uint8    label index, 0 where nothing is named
    echo_db    float32  backscatter of the small scatterers, dB below a full-scale echo
    mirror     float32  amplitude of mirror-like reflection (bone surface, fascia, dura), 0..~2
    slope      float32  angle of that mirror against the skin, radians, positive when falling to the right
    bone_loss  float32  round-trip loss inside bone, dB per mm
    """

    def __init__(self) -> None:
        columns = round((X_MAX_MM - X_MIN_MM) / GRID_MM) + 1
        rows = round((Z_MAX_MM - Z_MIN_MM) / GRID_MM) + 1
        self.x = np.linspace(X_MIN_MM, X_MAX_MM, columns, dtype=np.float32)
        self.z = np.linspace(Z_MIN_MM, Z_MAX_MM, rows, dtype=np.float32)[:, None]
        self.label = np.zeros((rows, columns), np.uint8)
        self.echo_db = np.full((rows, columns), -60.0, np.float32)
        self.mirror = np.zeros((rows, columns), np.float32)
        self.slope = np.zeros((rows, columns), np.float32)
        self.bone_loss = np.zeros((rows, columns), np.float32)

    def band(self, top: Array, bottom: Array, columns: NDArray[np.bool_] | bool = True) -> NDArray[np.bool_]:
        """Return the pixels between two depth curves (mm, one value per column), in the given columns."""
        return (self.z >= top) & (self.z < bottom) & columns

    def paint(
        self, region: NDArray[np.bool_], *, echo_db: float | Array, label: int = 0, bone_loss: float = 0.0
    ) -> None:
        """Fill a region; what was there before is gone, its mirrors included."""
        self.label[region] = label
        self.echo_db[region] = echo_db[region] if isinstance(echo_db, np.ndarray) else echo_db
        self.bone_loss[region] = bone_loss
        self.mirror[region] = 0.0

    def add_mirror(self, curve: Array, strength: float | Array, columns: NDArray[np.bool_], thickness: float) -> None:
        """Lay a mirror-like surface of Gaussian `thickness` (mm) along a depth curve (mm per column)."""
        inside = np.flatnonzero(columns)
        profile = strength * np.exp(-(((self.z - curve) / thickness) ** 2)) * columns
        angle = np.arctan(np.gradient(curve, GRID_MM)).astype(np.float32)
        if inside.size == 0:
            return
        stronger = profile > np.maximum(self.mirror, 1e-3)
        self.mirror[stronger] = profile[stronger]
        self.slope[stronger] = np.broadcast_to(angle, self.slope.shape)[stronger]

    def texture(self, rng: np.random.Generator, x_mm: float, z_mm: float, along: Array | None = None) -> Array:
        """Return a smooth random picture of unit variance with grains of x_mm by z_mm.

        `along` (mm per column) bends it, so that fibres follow a curve.
        """
        rows, columns = self.label.shape
        small = (max(2, int(columns * GRID_MM / x_mm)), max(2, int(rows * GRID_MM / z_mm)))
        grains = rng.standard_normal((small[1], small[0]), dtype=np.float32)
        picture = cv2.resize(grains, (columns, rows), interpolation=cv2.INTER_CUBIC)
        if along is not None:
            to_row = (np.arange(rows, dtype=np.float32)[:, None] - along / GRID_MM).astype(np.float32)
            to_column = np.broadcast_to(np.arange(columns, dtype=np.float32), picture.shape).copy()
            picture = cv2.remap(picture, to_column, to_row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        return (picture / picture.std()).astype(np.float32)
