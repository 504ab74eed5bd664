"""Clips: one specification in, frames with exact label maps out, and a video file of them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import numpy as np
from numpy.typing import NDArray

from .anatomy import build_tissue, draw_subject
from .labels import VIEW_LABELS
from .probe import ProbePath, draw_path, make_geometry
from .scanner import Scanner, draw_settings


@dataclass(frozen=True)
class ClipSpec:
    """Everything a clip depends on.

    view               a key of VIEW_LABELS
    subject_seed       the person: depths, sizes, echo levels
    clip_seed          the examination: place and motion of the probe, gain, scatterers
    frames             number of frames T
    height, width      of the picture in pixels
    geometry           "curved" (abdominal probe) or "linear"
    frames_per_second  of the clip
    """

    view: str
    subject_seed: int
    clip_seed: int
    frames: int = 48
    height: int = 320
    width: int = 384
    geometry: Literal["curved", "linear"] = "curved"
    frames_per_second: float = 24.0

    def __post_init__(self) -> None:
        if self.view not in VIEW_LABELS:
            raise ValueError(f"view {self.view!r} is unknown; choose one of {sorted(VIEW_LABELS)}")
        if self.geometry not in ("curved", "linear"):
            raise ValueError(f"geometry {self.geometry!r} is unknown; choose 'curved' or 'linear'")
        if self.frames < 1 or self.frames_per_second <= 0:
            raise ValueError(f"need frames >= 1 at > 0 per second, got {self.frames} at {self.frames_per_second}")
        if self.height < 64 or self.width < 64:
            raise ValueError(f"need at least 64 x 64 pixels, got {self.height} x {self.width}")
        if self.subject_seed < 0 or self.clip_seed < 0:
            raise ValueError(f"seeds must be >= 0, got {self.subject_seed} and {self.clip_seed}")


@dataclass(frozen=True)
class PhantomClip:
    """A simulated clip.

    frames                 uint8 [T, H, W], grey, 0 outside the scanned area
    label_maps             uint8 [T, H, W], indices of VIEW_LABELS[spec.view], 0 background and outside
    millimetres_per_pixel  the same along both axes
    spec                   what it was made from
    path                   where the probe was in each frame
    """

    frames: NDArray[np.uint8]
    label_maps: NDArray[np.uint8]
    millimetres_per_pixel: float
    spec: ClipSpec
    path: ProbePath


def simulate_clip(spec: ClipSpec, path: ProbePath | None = None) -> PhantomClip:
    """Simulate a clip; the same spec (and path) gives the same bytes on the same machine.

    path  moves the probe as told instead of as drawn from clip_seed (all else stays as drawn)

    A label map is exact: each pixel has the label of the tissue it was computed from. What bone hides
    is not labelled: below a bone's cortex, where under 20 % of the beam's amplitude is left, the label is 0.
    """
    subject = draw_subject(spec.subject_seed)
    rng = np.random.default_rng([401, spec.subject_seed, spec.clip_seed])
    plane = "interlaminar"
    if spec.view == "lumbar_pso":
        start_mm = rng.uniform(-0.6, 0.6) * subject.vertebra_pitch
    else:
        start_mm = rng.uniform(-5, 5)
        plane = "spinous" if rng.uniform() < 0.2 else "interlaminar"
    drawn_path = draw_path(rng, spec.frames, spec.frames_per_second, start_mm)
    path = drawn_path if path is None else path

    tissue, end_mm = build_tissue(subject, spec.view, plane)
    geometry = make_geometry(spec.geometry, spec.height, spec.width, end_mm + rng.uniform(4, 14))
    settings = draw_settings(rng, subject.attenuation_db_per_cm, subject.spine_depth)
    scanner = Scanner(tissue, geometry, settings, rng)
    pairs = [scanner.frame(path, frame) for frame in range(spec.frames)]
    return PhantomClip(
        frames=np.stack([picture for picture, _ in pairs]),
        label_maps=np.stack([labels for _, labels in pairs]),
        millimetres_per_pixel=geometry.millimetres_per_pixel,
        spec=spec,
        path=path,
    )


def write_video(clip: PhantomClip, path: Path | str) -> None:
    """Write the frames as H.264 in mp4 at the clip's frame rate, nearly lossless (error about 1 grey level).

    yuv420p with the full range kept in the luma plane, so every player shows it; chroma is neutral.
    ValueError if height or width is odd, which 4:2:0 cannot hold.
    """
    _, height, width = clip.frames.shape
    if height % 2 or width % 2:
        raise ValueError(f"H.264 4:2:0 needs even sizes, got {height} x {width}: simulate an even size")
    rate = Fraction(clip.spec.frames_per_second).limit_denominator(1001)
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "4", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = 1 / rate
        for index, picture in enumerate(clip.frames):
            frame = av.VideoFrame.from_ndarray(picture, format="gray").reformat(format="yuv420p")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
