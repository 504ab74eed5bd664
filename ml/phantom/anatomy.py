"""A lumbar spine in two cuts: paramedian sagittal oblique and transverse.

What a clinician looks for, from the skin down: skin and fat, muscle, bone that throws shadows (laminae, or
articular and spinous processes), and between the bones a window with two bright lines: ligamentum flavum and
dura (together the posterior complex) and, below the dark intrathecal space, the anterior complex.
Sizes: adult lumbar spine as in anatomy textbooks, rounded; skin to ligamentum flavum 35 to 70 mm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .labels import label_index
from .tissue import GRID_MM, Array, Tissue

CORTEX_LOSS = 3.0  # dB per mm, round trip: the bone surface itself is still seen ...
MARROW_LOSS = 14.0  # ... and nothing below it


@dataclass(frozen=True)
class Subject:
    """One person's anatomy. Lengths in mm, echo levels in dB below a full-scale echo."""

    seed: int
    skin: float
    fat: float
    muscle: float
    tilt: float
    lordosis: float
    vertebra_pitch: float
    lamina_length: float
    lamina_rise: float
    flavum: float
    epidural: float
    dura: float
    thecal: float
    anterior: float
    facet_offset: float
    facet_width: float
    fat_db: float
    muscle_db: float
    bone_mirror: float
    soft_mirror: float
    attenuation_db_per_cm: float

    @property
    def spine_depth(self) -> float:
        """Depth of the superficial end of the laminae in mm."""
        return self.skin + self.fat + self.muscle


def draw_subject(seed: int) -> Subject:
    """Draw one person; the same seed gives the same person in every view and clip."""
    rng = np.random.default_rng([101, seed])
    pitch = rng.uniform(30, 36)
    return Subject(
        seed=seed,
        skin=rng.uniform(1.8, 2.6),
        fat=rng.uniform(5, 19),
        muscle=rng.uniform(18, 26),
        tilt=rng.uniform(-0.08, 0.08),
        lordosis=rng.uniform(-0.0009, 0.0009),
        vertebra_pitch=pitch,
        lamina_length=pitch * rng.uniform(0.50, 0.58),
        lamina_rise=rng.uniform(5, 8),
        flavum=rng.uniform(3.0, 4.2),
        epidural=rng.uniform(2.2, 4.0),
        dura=rng.uniform(1.6, 2.0),
        thecal=rng.uniform(11, 15),
        anterior=rng.uniform(3.0, 4.2),
        facet_offset=rng.uniform(15, 18),
        facet_width=rng.uniform(12, 15),
        fat_db=rng.uniform(-33, -28),
        muscle_db=rng.uniform(-36, -30),
        bone_mirror=rng.uniform(0.6, 1.1),
        soft_mirror=rng.uniform(0.22, 0.4),
        attenuation_db_per_cm=rng.uniform(3.6, 5.2),  # round trip: 0.45 to 0.65 dB/(cm MHz) at 4 MHz
    )


def build_tissue(subject: Subject, view: str, plane: str) -> tuple[Tissue, float]:
    """Paint one cut through a subject.

    view   "lumbar_pso" or "lumbar_transverse"
    plane  "interlaminar", or for the transverse view also "spinous": through a spinous process
    Returns the tissue and the depth in mm below which nothing more is drawn.
    """
    if view == "lumbar_pso":
        return _paramedian(subject)
    return _transverse(subject, spinous=plane == "spinous")


def _soft_tissue(tissue: Tissue, subject: Subject, rng: np.random.Generator, view: str, fibre_mm: float) -> Array:
    """Paint skin, fat and muscle over everything. Returns the depth curve of the fascia below the fat."""
    x = tissue.x
    wave = 1.2 * np.sin(x / rng.uniform(14, 22) + rng.uniform(0, 6)).astype(np.float32)
    fascia = (subject.skin + subject.fat + 0.5 * subject.tilt * x + wave).clip(subject.skin + 2.0)
    nowhere = np.full_like(x, -100.0)
    everywhere = np.full_like(x, 1000.0)
    skin_bottom = np.full_like(x, subject.skin)
    named = label_index(view, "skin and subcutaneous tissue")

    fibres = tissue.texture(rng, fibre_mm, 0.9, along=fascia)
    septa = tissue.texture(rng, 9.0, 1.1, along=0.6 * fascia)
    patches = tissue.texture(rng, 18.0, 9.0)
    muscle = subject.muscle_db + 3.0 * patches + 2.0 * fibres + 9.0 * np.clip(fibres - 1.0, 0, 1.5)
    fat = subject.fat_db + 2.0 * patches + 10.0 * np.clip(septa - 0.9, 0, 1.3)
    tissue.paint(tissue.band(fascia, everywhere), echo_db=muscle)
    tissue.paint(tissue.band(nowhere, fascia), echo_db=fat, label=named)
    tissue.paint(tissue.band(nowhere, skin_bottom), echo_db=-13.0 + 2.0 * patches, label=named)

    # Bright sheets that are no landmark: the fascia and a few planes between muscle bellies.
    everywhere_x = np.ones(x.shape, bool)
    tissue.add_mirror(fascia + 0.3, 0.8 * subject.soft_mirror, everywhere_x, 0.5)
    for _ in range(4):
        middle, half = rng.uniform(-60, 60), rng.uniform(12, 30)
        depth = fascia + subject.muscle * rng.uniform(0.2, 0.8) + rng.uniform(-0.12, 0.12) * (x - middle)
        tissue.add_mirror(depth, 0.6 * subject.soft_mirror * rng.uniform(0.4, 1.0), abs(x - middle) < half, 0.45)
    return fascia


def _bone(
    tissue: Tissue,
    subject: Subject,
    rng: np.random.Generator,
    surface: Array,
    columns: NDArray[np.bool_],
    label: int,
    cortex: float,
) -> None:
    """Paint a bone whose surface is a depth curve: a visible, labelled cortex, then marrow nothing passes."""
    tissue.paint(tissue.band(surface + cortex, surface + cortex + 14, columns), echo_db=-40.0, bone_loss=MARROW_LOSS)
    tissue.paint(tissue.band(surface, surface + cortex, columns), echo_db=-14.0, label=label, bone_loss=CORTEX_LOSS)
    roughness = np.interp(tissue.x, tissue.x[::20], rng.uniform(0.55, 1.0, tissue.x[::20].size))
    tissue.add_mirror(surface + 0.8, (subject.bone_mirror * roughness).astype(np.float32), columns, 0.7)


def _canal(
    tissue: Tissue,
    subject: Subject,
    rng: np.random.Generator,
    view: str,
    dura_top: Array,
    columns: NDArray[np.bool_],
    dura_label: int,
) -> Array:
    """Paint dura, intrathecal space, anterior complex and vertebral body. Returns where the body ends."""
    x = tissue.x
    sac_top = dura_top + subject.dura
    sac_bottom = sac_top + subject.thecal
    # No two windows are equally good: the bright lines fade and return along the spine.
    quality = np.interp(x, x[::60], rng.uniform(0.4, 1.1, x[::60].size)).astype(np.float32)
    body_top = sac_bottom + subject.anterior
    body_bottom = body_top + 8.0
    bright = tissue.texture(rng, 7.0, 5.0)
    tissue.paint(tissue.band(dura_top, sac_top, columns), echo_db=-17.0 + 1.5 * bright, label=dura_label)
    tissue.add_mirror(dura_top + 0.5 * subject.dura, quality * subject.soft_mirror, columns, 0.5)

    roots = -47.0 + 12.0 * np.clip(tissue.texture(rng, 16.0, 1.5, along=dura_top) - 0.8, 0, 1.2)
    tissue.paint(
        tissue.band(sac_top, sac_bottom, columns),
        echo_db=roots,
        label=label_index(view, "intrathecal space"),
    )
    tissue.paint(
        tissue.band(sac_bottom, body_top, columns),
        echo_db=-16.0 + 2.0 * bright,
        label=label_index(view, "anterior complex"),
    )
    for share, strength in ((0.2, 0.8), (0.75, 1.3)):  # anterior dura, then ligament and bone
        tissue.add_mirror(sac_bottom + share * subject.anterior, strength * quality * subject.soft_mirror, columns, 0.6)
    tissue.paint(
        tissue.band(body_top, body_bottom, columns),
        echo_db=-33.0 + 2.0 * bright,
        label=label_index(view, "vertebral body"),
        bone_loss=1.2,
    )
    tissue.paint(tissue.band(body_bottom, np.full_like(x, 1000.0), columns), echo_db=-40.0, bone_loss=CORTEX_LOSS)
    return body_bottom


def _paramedian(subject: Subject) -> tuple[Tissue, float]:
    """Sagittal cut beside the midline, head to the left: a saw of laminae with windows between them.

    Ligamentum flavum and dura are drawn apart, so "posterior complex" (their union) is left out; articular
    processes lie lateral to this plane.
    """
    view = "lumbar_pso"
    rng = np.random.default_rng([201, subject.seed])
    tissue = Tissue()
    x = tissue.x
    _soft_tissue(tissue, subject, rng, view, fibre_mm=22.0)

    line = (subject.spine_depth + subject.tilt * x + subject.lordosis * x**2).astype(np.float32)
    # Position inside a vertebra: 0..1 along the lamina, above 1 in the window.
    along = ((x / subject.vertebra_pitch) % 1.0) * subject.vertebra_pitch / subject.lamina_length
    in_window = ((along - 1) / (subject.vertebra_pitch / subject.lamina_length - 1)).clip(0, 1)
    # Across the window the ligament sags from below one lamina to the upper edge of the next.
    sag = 0.9 * np.sin(np.pi * in_window)
    flavum_top = (line + 0.75 * subject.lamina_rise + 1.5 + sag).astype(np.float32)
    flavum_bottom = flavum_top + subject.flavum
    dura_top = (flavum_bottom - sag + 0.5 + subject.epidural).astype(np.float32)
    everywhere = np.ones(x.shape, bool)

    ligament = tissue.texture(rng, 8.0, 2.0, along=flavum_top)
    tissue.paint(tissue.band(flavum_bottom, dura_top), echo_db=-38.0 + 2.0 * ligament)  # epidural fat
    tissue.paint(
        tissue.band(flavum_top, flavum_bottom),
        echo_db=-20.0 + 2.0 * ligament,
        label=label_index(view, "ligamentum flavum"),
    )
    tissue.add_mirror(flavum_top + 0.3 * subject.flavum, 0.6 * subject.soft_mirror, everywhere, 0.7)
    end = _canal(tissue, subject, rng, view, dura_top, everywhere, label_index(view, "dura"))

    # The lamina rises from its deep upper edge to its superficial lower edge and rounds off there.
    rounding = 5.0 * np.clip(along - 0.82, 0, 0.18) ** 2 / 0.18**2 * 0.6
    wobble = np.interp(x, x[::40], rng.uniform(-0.4, 0.4, x[::40].size))
    surface = line + subject.lamina_rise * (1 - along.clip(0, 1)) ** 1.2 + rounding + wobble
    _bone(
        tissue,
        subject,
        rng,
        surface.astype(np.float32),
        along < 1,
        label_index(view, "lamina"),
        cortex=3.0,
    )
    return tissue, float(np.median(end))


def _transverse(subject: Subject, *, spinous: bool) -> tuple[Tissue, float]:
    """Cut across the spine, interlaminar ("flying bat") or through a spinous process.

    Here flavum and dura are not told apart: their union is labelled "posterior complex".
    """
    view = "lumbar_transverse"
    rng = np.random.default_rng([301, subject.seed, int(spinous)])
    tissue = Tissue()
    x = tissue.x
    fascia = _soft_tissue(tissue, subject, rng, view, fibre_mm=5.0)
    side = abs(x)
    line = (subject.spine_depth + 0.4 * subject.tilt * x).astype(np.float32)
    complex_top = (line + 5.0 + 0.12 * side).astype(np.float32)
    canal = side < subject.facet_offset
    lower = complex_top + subject.flavum + 0.4 * subject.epidural

    ligament = tissue.texture(rng, 6.0, 3.0)
    width = 3.6 + 0.03 * np.clip(tissue.z - fascia, 0, 40)
    interspinous = tissue.band(fascia - 1.0, complex_top) & (abs(x + 0 * tissue.z) < width)
    tissue.paint(
        interspinous,
        echo_db=-39.0 + 3.0 * ligament + 13.0 * np.exp(-np.clip(tissue.z - fascia, 0, 99) / 3.0),
        label=label_index(view, "supraspinous and interspinous ligament"),
    )
    tissue.paint(
        tissue.band(complex_top, lower, canal),
        echo_db=-18.0 + 2.0 * ligament,
        label=label_index(view, "posterior complex"),
    )
    tissue.add_mirror(complex_top + 0.9, 0.8 * subject.soft_mirror, canal, 0.7)
    end = _canal(tissue, subject, rng, view, lower, canal, label_index(view, "posterior complex"))

    # Both sides differ a little: nobody is symmetric.
    for sign in (-1.0, 1.0):
        from_middle = sign * x
        middle = subject.facet_offset + rng.uniform(-1, 1)
        half = 0.5 * subject.facet_width
        height = rng.uniform(-2.5, 0.5)
        hump = line + height + 3.2 * ((from_middle - middle) / half) ** 2
        wing = line + 13.0 + 0.05 * from_middle + rng.uniform(-1, 1)  # transverse process, not named
        _bone(tissue, subject, rng, wing, (from_middle > middle + half - 1) & (from_middle < 44), 0, 3.0)
        facet = label_index(view, "articular process")
        _bone(tissue, subject, rng, hump.astype(np.float32), abs(from_middle - middle) < half, facet, 3.0)
        if spinous:
            roof = (line + 1.5 - 2.5 * (1 - from_middle / middle)).astype(np.float32)
            columns = (from_middle > 2.0) & (from_middle < middle - half + 1)
            _bone(tissue, subject, rng, roof, columns, label_index(view, "lamina"), 3.0)
    if spinous:
        tip = fascia + rng.uniform(2.5, 5.0) + 0.12 * x**2
        _bone(
            tissue,
            subject,
            rng,
            tip.astype(np.float32),
            side < 4.5,
            label_index(view, "spinous process"),
            cortex=3.5,
        )
        # Marrow above is 14 mm deep; the process reaches down to the laminae.
        body = tissue.band((tip + 17).astype(np.float32), line + 8, side < 3.5)
        tissue.paint(body, echo_db=-40.0, bone_loss=MARROW_LOSS)
    return tissue, float(np.median(end[canal]))


__all__ = ["GRID_MM", "Subject", "build_tissue", "draw_subject"]
