"""The scanner: from tissue to pictures.

For each frame, on a grid of beams by depth:

1. scatterers: complex Gaussian numbers that ride on the tissue, times the echogenicity where they lie
2. mirrors: bone, fascia and dura add an echo that falls off with the angle between beam and surface
3. point spread: axially short, laterally wide and wider away from the focus; its modulus is the speckle
4. attenuation exp(-2 alpha z), most of it given back by the depth gain (TGC), which lifts the noise as well
5. bone shadow: what is left of the beam below bone, plus a fading haze of reverberation
6. log compression to 60 dB, then scan conversion to the picture
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .probe import AXIAL_STEP_MM, Geometry, ProbePath
from .tissue import GRID_MM, Array, Tissue

DYNAMIC_RANGE_DB = 60.0
AXIAL_SIGMA_MM = 0.32
MIRROR_ANGLE = 0.38  # radians off perpendicular at which a mirror has lost 1/e of its echo
VISIBLE_SHARE = 0.2  # amplitude a beam must have left for what it meets to be seen, and so labelled


@dataclass(frozen=True)
class ScannerSettings:
    """What the operator and the machine set for one clip.

    focus_mm     depth where beams are narrowest, and lateral_mm their sigma there
    attenuation  round trip, dB per cm; tgc: the share of it given back
    gain_db      overall gain; noise_db: electronic noise at depth 0, dB below full scale
    haze         amplitude of reverberation below bone, relative to unshadowed tissue
    """

    focus_mm: float
    lateral_mm: float
    attenuation: float
    tgc: float
    gain_db: float
    noise_db: float
    haze: float


def draw_settings(rng: np.random.Generator, attenuation: float, landmark_mm: float) -> ScannerSettings:
    """Draw the settings of one clip: focused near the landmark, gain and TGC a little off."""
    return ScannerSettings(
        focus_mm=landmark_mm + rng.uniform(-10, 10),
        lateral_mm=rng.uniform(0.7, 0.95),
        attenuation=attenuation,
        tgc=rng.uniform(0.8, 0.95),
        gain_db=rng.uniform(-3, 5),
        noise_db=rng.uniform(-84, -76),
        haze=rng.uniform(0.05, 0.12),
    )


class Scanner:
    """Looks at one tissue through one geometry; `frame` gives picture and label map."""

    def __init__(self, tissue: Tissue, geometry: Geometry, settings: ScannerSettings, rng: np.random.Generator) -> None:
        self.geometry = geometry
        self.settings = settings
        self.label = tissue.label
        self.acoustics = cv2.merge([10 ** (tissue.echo_db / 20), tissue.mirror, tissue.slope, tissue.bone_loss])
        self.scatterers = _scatterers(rng, tissue.label.shape)
        self.rng = rng
        depth = np.arange(geometry.samples.x.shape[0], dtype=np.float32) * AXIAL_STEP_MM
        widening = np.sqrt(1 + ((depth - settings.focus_mm) / 35.0) ** 2)
        self.lateral_sigma = settings.lateral_mm * widening / geometry.beam_pitch_mm
        loss_db = settings.attenuation * depth / 10
        self.attenuation = (10 ** (-loss_db / 20)).astype(np.float32)[:, None]
        self.tgc = (10 ** (settings.tgc * loss_db / 20)).astype(np.float32)[:, None]
        self.speckle_gain = self._speckle_gain()

    def envelope(self, path: ProbePath, frame: int) -> tuple[Array, Array]:
        """Return one frame before log compression: echo amplitude and share of the beam left by bone.

        Both float32 [axial samples, beams]. A mean echo of 1 is full scale at 0 dB gain.
        """
        column, row = self.geometry.samples.to_grid(path, frame)
        echo, mirror, slope, bone_loss = cv2.split(_look_up(self.acoustics, column, row))
        here = _look_up(self.scatterers, column, row)
        now, later = np.float32(np.cos(path.fade[frame])), np.float32(np.sin(path.fade[frame]))
        field = now * here[..., :2] + later * here[..., 2:]

        beam_left = self._beam_left(bone_loss)
        # Below bone the beam bounces between skin and bone: a haze that dies away within a centimetre.
        below = np.cumsum(1 - beam_left, axis=0, dtype=np.float32) * AXIAL_STEP_MM
        haze = self.settings.haze * np.exp(-below / 9.0) * (1 - beam_left) * 0.3
        off_axis = self.geometry.samples.angle + path.tilt[frame] + slope
        mirror = mirror * np.exp(-((off_axis / MIRROR_ANGLE) ** 2)) * beam_left

        field = field * (echo * beam_left + haze)[..., None]
        # The mirror is divided by the gain that speckle gets, for it adds up in phase along its surface.
        field[..., 0] += mirror / self.speckle_gain
        field = self._point_spread(field) * self.speckle_gain[..., None]
        field = field * self.attenuation[..., None] + self._noise(field.shape)
        return cv2.magnitude(*cv2.split(field)) * self.tgc, beam_left

    def frame(self, path: ProbePath, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """Return picture and label map of one frame, both uint8 [height, width], 0 outside the scan."""
        envelope, beam_left = self.envelope(path, frame)
        decibel = 20 * np.log10(envelope + 1e-6) + self.settings.gain_db
        grey = (255 * (1 + decibel / DYNAMIC_RANGE_DB)).clip(0, 255).astype(np.float32)
        picture = self._scan_convert(grey).round().astype(np.uint8)

        column, row = self.geometry.pixels.to_grid(path, frame)
        labels = cv2.remap(self.label, column, row, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT)
        labels[self._scan_convert(beam_left) < VISIBLE_SHARE] = 0
        return picture, labels

    def _scan_convert(self, on_beams: Array) -> Array:
        on_pixels = _look_up(on_beams, self.geometry.beam, self.geometry.sample)
        on_pixels[~self.geometry.inside] = 0
        return on_pixels

    def _beam_left(self, bone_loss: Array) -> Array:
        """Return the amplitude share of each beam that bone above has left, softened by the beam's width."""
        lost_db = np.cumsum(bone_loss, axis=0, dtype=np.float32) * AXIAL_STEP_MM
        return cv2.GaussianBlur(10 ** (-lost_db / 20), (9, 1), 1.5)

    def _point_spread(self, field: Array) -> Array:
        """Blur [samples, beams, 2] along the beam and across it, wider away from the focus.

        Between a few fixed widths the result is interpolated: one blur per row would cost ten times more.
        """
        sigma = AXIAL_SIGMA_MM / AXIAL_STEP_MM
        field = cv2.GaussianBlur(field, (1, 9), sigmaX=0.01, sigmaY=sigma)
        widths = np.geomspace(self.lateral_sigma.min(), self.lateral_sigma.max() * 1.001, 4)
        position = np.interp(np.log(self.lateral_sigma), np.log(widths), np.arange(4.0))
        result = np.zeros_like(field)
        for step, width in enumerate(widths):
            weight = np.clip(1 - abs(position - step), 0, 1).astype(np.float32)
            rows = np.flatnonzero(weight)
            part = slice(rows[0], rows[-1] + 1)
            size = 2 * int(np.ceil(2.6 * width)) + 1
            blurred = cv2.GaussianBlur(field[part], (size, 1), sigmaX=float(width), sigmaY=0.01)
            result[part] += weight[part, None, None] * blurred
        return result

    def _speckle_gain(self) -> Array:
        """Return the factor per row, [samples, 1], that gives scatterers of amplitude 1 a mean echo of 1.

        Measured once on bare scatterers: where beams are wide more scatterers average out. A real scanner
        is calibrated the same way on a homogeneous block.
        """
        still = np.zeros(1, np.float32)
        column, row = self.geometry.samples.to_grid(ProbePath(still, still, still, still), 0)
        field = self._point_spread(np.ascontiguousarray(_look_up(self.scatterers, column, row)[..., :2]))
        power = (field**2).sum(axis=2).mean(axis=1)
        power = cv2.GaussianBlur(power[:, None], (1, 81), sigmaX=0.01, sigmaY=20.0)
        return (1 / np.sqrt(power)).astype(np.float32)

    def _noise(self, shape: tuple[int, ...]) -> Array:
        level = 10 ** (self.settings.noise_db / 20)
        noise = self.rng.standard_normal(shape, dtype=np.float32) * np.float32(level)
        return cv2.GaussianBlur(noise, (3, 5), 0.8)


def _look_up(picture: Array, column: Array, row: Array) -> Array:
    return cv2.remap(picture, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _scatterers(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Return two slices of complex scatterers [rows, columns, 4], variance 1 each.

    They are blurred to beam spacing first: sampled raw they would flicker instead of moving with the tissue.
    """
    raw = rng.standard_normal((*shape, 4), dtype=np.float32)
    grains = cv2.GaussianBlur(raw, (0, 0), sigmaX=0.4 / GRID_MM, sigmaY=0.16 / GRID_MM)
    return grains / grains.std()
