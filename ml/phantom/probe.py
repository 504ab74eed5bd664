"""The probe: where its beams run, how it moves, and how pixels, beams and tissue map onto each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .tissue import GRID_MM, X_MIN_MM, Z_MIN_MM, Array

BEAMS = 224
AXIAL_STEP_MM = 0.25
CONTACT_MM = 15.0  # the skin takes the probe's shape; this far below, little of that is left

CURVED_RADIUS_MM = 50.0
CURVED_HALF_ANGLE = np.deg2rad(25.0)
LINEAR_WIDTH_MM = 62.0


@dataclass(frozen=True)
class ProbePath:
    """Where the probe is in each frame; arrays of length T.

    x_mm      place along the skin, mm (positive: the probe moves right, the picture's content moves left)
    tilt      rocking in the picture's plane, radians
    press_mm  how far deep tissue is pushed towards the probe, mm
    fade      how far the speckle has drifted to that of the next slice, radians (pi/2 = wholly)
    """

    x_mm: Array
    tilt: Array
    press_mm: Array
    fade: Array


def draw_path(rng: np.random.Generator, frames: int, frames_per_second: float, start_mm: float) -> ProbePath:
    """Draw a hand-held sweep: a slow drift, breathing, and a small tremor, all smooth in time."""
    t = np.arange(frames) / frames_per_second

    def sway(amplitude: float, slowest_hz: float) -> Array:
        waves = np.zeros(frames)
        for harmonic in (1.0, 2.3, 5.1):
            phase = rng.uniform(0, 2 * np.pi)
            waves += np.sin(2 * np.pi * slowest_hz * harmonic * t + phase) / harmonic
        return (amplitude * waves).astype(np.float32)

    drift_mm_per_s = rng.uniform(1.0, 3.5) * rng.choice([-1.0, 1.0])
    return ProbePath(
        x_mm=(start_mm + drift_mm_per_s * (t - t.mean()) + sway(0.8, 0.3)).astype(np.float32),
        tilt=rng.uniform(-0.03, 0.03) + sway(0.012, 0.35),
        press_mm=sway(0.7, 0.28),
        fade=(rng.uniform(0.15, 0.35) * t).astype(np.float32),
    )


@dataclass(frozen=True)
class Points:
    """Places in front of the probe, in its own frame; arrays of one shape, mm and radians.

    x, z            from the middle of the probe's face, z along its axis
    depth           along the beam, 0 at the face
    face_x, face_z  where that beam leaves the face
    angle           of that beam against the probe's axis
    """

    x: Array
    z: Array
    depth: Array
    face_x: Array
    face_z: Array
    angle: Array

    def to_grid(self, path: ProbePath, frame: int) -> tuple[Array, Array]:
        """Return column and row on the tissue grid seen at each point in one frame of the path."""
        tilt = path.tilt[frame]
        cosine, sine = np.float32(np.cos(tilt)), np.float32(np.sin(tilt))
        x = cosine * self.x + sine * self.z + path.x_mm[frame]
        z = cosine * self.z - sine * self.x
        # The face always touches skin (z = 0), also where it is curved or rocked away.
        face_z = cosine * self.face_z - sine * self.face_x
        z = z - face_z * np.exp(-self.depth / CONTACT_MM)
        z = z + path.press_mm[frame] * (1 - np.exp(-self.depth / CONTACT_MM))
        return (
            ((x - X_MIN_MM) / GRID_MM).astype(np.float32),
            ((z - Z_MIN_MM) / GRID_MM).astype(np.float32),
        )


@dataclass(frozen=True)
class Geometry:
    """Fixed maps of one clip.

    millimetres_per_pixel  the same along both axes
    samples                Points on the beam grid [axial samples, beams]
    pixels                 Points on the picture [height, width]
    beam, sample           where each pixel lies on the beam grid (fractional indices) [height, width]
    inside                 bool [height, width]: the scanned area
    beam_pitch_mm          distance between neighbouring beams per axial sample [samples]
    """

    millimetres_per_pixel: float
    samples: Points
    pixels: Points
    beam: Array
    sample: Array
    inside: np.ndarray
    beam_pitch_mm: Array


def make_geometry(geometry: str, height: int, width: int, depth_mm: float) -> Geometry:
    """Fit a scan of `depth_mm` into height x width pixels; the picture's scale follows from that."""
    axial = np.arange(int(depth_mm / AXIAL_STEP_MM), dtype=np.float32) * AXIAL_STEP_MM
    across = np.linspace(-1, 1, BEAMS, dtype=np.float32)
    margin = 4
    if geometry == "curved":
        edge = CURVED_RADIUS_MM * (1 - np.cos(CURVED_HALF_ANGLE))
        reach = 2 * (CURVED_RADIUS_MM + depth_mm) * np.sin(CURVED_HALF_ANGLE)
        scale = float(max((depth_mm + edge) / (height - 2 * margin), reach / (width - 2 * margin)))
        row, column = np.mgrid[:height, :width].astype(np.float32)
        x = (column - (width - 1) / 2) * scale
        z = (row - margin) * scale - edge
        pixels = _curved(np.hypot(x, z + CURVED_RADIUS_MM) - CURVED_RADIUS_MM, np.arctan2(x, z + CURVED_RADIUS_MM))
        samples = _curved(*np.broadcast_arrays(axial[:, None], across * CURVED_HALF_ANGLE))
        beam = pixels.angle / CURVED_HALF_ANGLE
        pitch = (CURVED_RADIUS_MM + axial) * 2 * CURVED_HALF_ANGLE / (BEAMS - 1)
    else:
        scale = float(max(depth_mm / (height - 2 * margin), LINEAR_WIDTH_MM / (width - 2 * margin)))
        row, column = np.mgrid[:height, :width].astype(np.float32)
        pixels = _linear((row - margin) * scale, (column - (width - 1) / 2) * scale)
        samples = _linear(*np.broadcast_arrays(axial[:, None], across * LINEAR_WIDTH_MM / 2))
        beam = pixels.x / (LINEAR_WIDTH_MM / 2)
        pitch = np.full_like(axial, LINEAR_WIDTH_MM / (BEAMS - 1))
    inside = (abs(beam) <= 1) & (pixels.depth >= 0) & (pixels.depth <= axial[-1])
    return Geometry(
        millimetres_per_pixel=scale,
        samples=samples,
        pixels=pixels,
        beam=((beam + 1) / 2 * (BEAMS - 1)).astype(np.float32),
        sample=(pixels.depth / AXIAL_STEP_MM).astype(np.float32),
        inside=inside,
        beam_pitch_mm=pitch.astype(np.float32),
    )


def _curved(depth: Array, angle: Array) -> Points:
    radius = CURVED_RADIUS_MM + depth
    return _points(
        x=radius * np.sin(angle),
        z=radius * np.cos(angle) - CURVED_RADIUS_MM,
        depth=depth,
        face_x=CURVED_RADIUS_MM * np.sin(angle),
        face_z=CURVED_RADIUS_MM * (np.cos(angle) - 1),
        angle=angle,
    )


def _linear(depth: Array, x: Array) -> Points:
    zero = np.zeros_like(x)
    return _points(x=x, z=depth, depth=depth, face_x=x, face_z=zero, angle=zero)


def _points(**arrays: Array) -> Points:
    return Points(**{name: np.ascontiguousarray(a, dtype=np.float32) for name, a in arrays.items()})
