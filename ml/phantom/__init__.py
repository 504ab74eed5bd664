"""Simulated lumbar spine ultrasound with exact label maps: demonstration data and the tests' source of truth.

    clip = simulate_clip(ClipSpec("lumbar_pso", subject_seed=1, clip_seed=1))
    clip.frames, clip.label_maps                      # uint8 [T, H, W] each
    python -m ml.phantom --view lumbar_pso --subjects 3 --out DIR

labels.py the views' label lists · tissue.py the tissue as pictures of its properties · anatomy.py the spine ·
probe.py beams and motion · scanner.py the physics · clip.py the whole.
It is a teaching model, not a wave solver: no refraction, no multipath but a haze below bone, no lens.
"""

from .clip import ClipSpec, PhantomClip, simulate_clip, write_video
from .labels import VIEW_LABELS, label_index
from .probe import ProbePath

__all__ = [
    "VIEW_LABELS",
    "ClipSpec",
    "PhantomClip",
    "ProbePath",
    "label_index",
    "simulate_clip",
    "write_video",
]
