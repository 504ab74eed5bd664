"""The phantom keeps its promises: repeatable, exact labels, and the physics it claims."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from ml.phantom import VIEW_LABELS, ClipSpec, ProbePath, label_index, simulate_clip, write_video
from ml.phantom.__main__ import write_clips
from ml.phantom.anatomy import draw_subject
from ml.phantom.probe import AXIAL_STEP_MM, make_geometry
from ml.phantom.scanner import Scanner, ScannerSettings
from ml.phantom.tissue import Tissue

VIEWS = sorted(VIEW_LABELS)
GEOMETRIES = ["curved", "linear"]


def still_path(*x_mm: float, press_mm: float = 0.0) -> ProbePath:
    """A probe that only slides: one frame per place, nothing else changes."""
    x = np.array(x_mm, np.float32)
    zero = np.zeros_like(x)
    return ProbePath(x_mm=x, tilt=zero, press_mm=np.linspace(0, press_mm, x.size, dtype=np.float32), fade=zero)


def scanned_area(frames: np.ndarray) -> np.ndarray:
    """Where any frame has an echo, its dark specks filled: bool [H, W]."""
    echo = (frames.max(axis=0) > 0).astype(np.uint8)
    return cv2.morphologyEx(echo, cv2.MORPH_CLOSE, np.ones((15, 15))) > 0


def homogeneous_scanner(*, attenuation: float = 0.0) -> Scanner:
    """A scanner without TGC or noise over a block of even scatterers."""
    tissue = Tissue()
    tissue.paint(np.ones(tissue.label.shape, bool), echo_db=0.0)
    settings = ScannerSettings(
        focus_mm=50, lateral_mm=0.8, attenuation=attenuation, tgc=0.0, gain_db=0.0, noise_db=-200.0, haze=0.0
    )
    geometry = make_geometry("linear", 320, 384, 90.0)
    return Scanner(tissue, geometry, settings, np.random.default_rng(0))


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("view", VIEWS)
def test_same_spec_gives_the_same_bytes(view, geometry):
    spec = ClipSpec(view, subject_seed=3, clip_seed=4, frames=3, geometry=geometry)
    first, second = simulate_clip(spec), simulate_clip(spec)
    assert first.frames.tobytes() == second.frames.tobytes()
    assert first.label_maps.tobytes() == second.label_maps.tobytes()
    assert first.millimetres_per_pixel == second.millimetres_per_pixel
    assert first.frames.shape == first.label_maps.shape == (3, 320, 384)
    assert first.frames.dtype == first.label_maps.dtype == np.uint8


def test_subject_seed_decides_anatomy_and_clip_seed_the_examination():
    assert draw_subject(1) == draw_subject(1)
    depths = [draw_subject(seed).spine_depth for seed in range(8)]
    assert np.std(depths) > 2.0

    base = ClipSpec("lumbar_pso", subject_seed=1, clip_seed=1, frames=1, geometry="linear")
    other_clip, other_subject = replace(base, clip_seed=2), replace(base, subject_seed=2)
    here = still_path(0.0)

    def skin_mm(spec):
        """Thickness of skin and fat: the person's, whatever the depth setting of the clip."""
        clip = simulate_clip(spec, here)
        index = label_index(spec.view, "skin and subcutaneous tissue")
        return (clip.label_maps == index).sum(axis=1).max() * clip.millimetres_per_pixel

    assert skin_mm(other_clip) == pytest.approx(skin_mm(base), abs=0.7)
    assert abs(skin_mm(other_subject) - skin_mm(base)) > 1.0
    assert not np.array_equal(simulate_clip(base).frames, simulate_clip(other_clip).frames)


@pytest.mark.parametrize(
    ("view", "always"),
    [
        (
            "lumbar_pso",
            {
                "skin and subcutaneous tissue",
                "lamina",
                "ligamentum flavum",
                "dura",
                "intrathecal space",
                "anterior complex",
                "vertebral body",
            },
        ),
        ("lumbar_transverse", {"skin and subcutaneous tissue", "articular process"}),
    ],
)
def test_only_the_views_labels_are_drawn_and_the_landmarks_always(view, always):
    known = dict(VIEW_LABELS[view])
    for seed in range(6):
        label_map = simulate_clip(ClipSpec(view, seed, seed, frames=1)).label_maps[0]
        drawn = {known[index] for index in np.unique(label_map) if index}  # KeyError: not a label
        assert always <= drawn


def test_transverse_cut_is_a_window_or_a_spinous_process_never_both():
    window: set[int] = set()
    process: set[int] = set()
    for seed in range(12):
        spec = ClipSpec("lumbar_transverse", 1, seed, frames=1, height=160, width=192)
        drawn = set(np.unique(simulate_clip(spec).label_maps))
        spinous = label_index(spec.view, "spinous process") in drawn
        (process if spinous else window).update(drawn)
    canal = {
        label_index("lumbar_transverse", name)
        for name in ("posterior complex", "intrathecal space", "anterior complex", "vertebral body")
    }
    assert canal <= window
    assert not canal & process
    assert label_index("lumbar_transverse", "lamina") in process


def test_label_lists_are_numbered_from_one_in_preset_order():
    order = [
        "skin and subcutaneous tissue",
        "supraspinous and interspinous ligament",
        "spinous process",
        "lamina",
        "articular process",
        "ligamentum flavum",
        "posterior complex",
        "dura",
        "intrathecal space",
        "anterior complex",
        "vertebral body",
    ]
    assert [name for _, name in VIEW_LABELS["lumbar_transverse"]] == order
    assert [name for _, name in VIEW_LABELS["lumbar_pso"]] == [n for n in order if "spinous" not in n]
    for labels in VIEW_LABELS.values():
        assert [index for index, _ in labels] == list(range(1, len(labels) + 1))


def test_structures_of_a_window_lie_in_anatomical_order():
    view = "lumbar_pso"
    label_map = simulate_clip(ClipSpec(view, 5, 2, frames=1, geometry="linear")).label_maps[0]
    order = [
        label_index(view, name)
        for name in (
            "skin and subcutaneous tissue",
            "ligamentum flavum",
            "dura",
            "intrathecal space",
            "anterior complex",
            "vertebral body",
        )
    ]
    columns = [c for c in range(label_map.shape[1]) if set(order) <= set(label_map[:, c])]
    assert len(columns) > 20
    for column in columns:
        depths = [np.flatnonzero(label_map[:, column] == index).mean() for index in order]
        assert depths == sorted(depths)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_outside_the_scan_is_black_and_unlabelled(geometry):
    clip = simulate_clip(ClipSpec("lumbar_pso", 1, 1, frames=2, geometry=geometry))
    corner = np.s_[:, -20:, :20] if geometry == "curved" else np.s_[:, :, :20]
    top_corner = np.s_[:, :40, :60]
    for outside in (corner, top_corner):
        assert not clip.frames[outside].any()
        assert not clip.label_maps[outside].any()
    assert not clip.label_maps[:, ~scanned_area(clip.frames)].any()


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_shadow_below_a_lamina_is_darker_than_the_window_at_the_same_depth(geometry):
    view = "lumbar_pso"
    for seed in (1, 2, 3):
        clip = simulate_clip(ClipSpec(view, seed, seed, frames=1, geometry=geometry))
        picture, label_map = clip.frames[0], clip.label_maps[0]
        window = label_map == label_index(view, "vertebral body")
        rows = np.flatnonzero(window.any(axis=1))[3:-3]
        far_from_window = cv2.dilate((label_map > 0).astype(np.uint8), np.ones((1, 9))) == 0
        shadow = scanned_area(clip.frames) & far_from_window
        in_window = picture[rows][window[rows]].mean()
        in_shadow = picture[rows][shadow[rows]].mean()
        assert in_window > in_shadow + 20


def test_nothing_is_labelled_below_bone():
    view = "lumbar_pso"
    label_map = simulate_clip(ClipSpec(view, 2, 3, frames=1, geometry="linear")).label_maps[0]
    lamina, space = label_index(view, "lamina"), label_index(view, "intrathecal space")
    flat_middle = (label_map == lamina).sum(axis=0) >= 5
    middle = cv2.erode(flat_middle.astype(np.uint8)[None], np.ones((1, 15)))[0] > 0
    assert middle.sum() > 20
    assert not (label_map[:, middle] == space).any()


def test_echo_falls_with_depth_by_the_attenuation_when_there_is_no_tgc():
    attenuation = 5.0
    envelope, _ = homogeneous_scanner(attenuation=attenuation).envelope(still_path(0.0), 0)
    block = round(10 / AXIAL_STEP_MM)
    decibel = [20 * np.log10(envelope[i * block : (i + 1) * block].mean()) for i in range(9)]
    steps = np.diff(decibel)
    assert (steps < 0).all()
    assert steps.mean() == pytest.approx(-attenuation, abs=0.3)  # dB per cm


def test_speckle_is_fully_developed():
    """Rayleigh: mean over standard deviation of the envelope is sqrt(pi / (4 - pi)) = 1.91."""
    scanner = homogeneous_scanner()
    envelopes = [scanner.envelope(still_path(x), 0)[0] for x in (-30.0, 0.0, 30.0)]
    block = round(15 / AXIAL_STEP_MM)
    for start in range(block, 5 * block, block):
        part = np.concatenate([e[start : start + block].ravel() for e in envelopes])
        assert part.mean() / part.std() == pytest.approx(1.91, abs=0.15)


@pytest.mark.parametrize("view", VIEWS)
def test_labels_and_speckle_move_with_the_probe(view):
    shift = 8
    spec = ClipSpec(view, 2, 1, frames=2, geometry="linear")
    scale = simulate_clip(replace(spec, frames=1)).millimetres_per_pixel
    clip = simulate_clip(spec, still_path(0.0, shift * scale))
    scanned = np.flatnonzero(clip.frames[0].any(axis=0))
    inner = slice(scanned[0] + 12, scanned[-1] - 12 - shift)
    moved = slice(inner.start + shift, inner.stop + shift)

    before, after = clip.label_maps[0][:, moved], clip.label_maps[1][:, inner]
    assert (before == after).mean() > 0.995
    assert (clip.label_maps[0][:, inner] == after).mean() < 0.98  # it did move
    pictures = clip.frames[:, 20:300].astype(np.float32)
    still = np.corrcoef(pictures[0][:, inner].ravel(), pictures[1][:, inner].ravel())[0, 1]
    followed = np.corrcoef(pictures[0][:, moved].ravel(), pictures[1][:, inner].ravel())[0, 1]
    assert followed > 0.95 > still


def test_pressing_the_probe_lifts_deep_tissue():
    spec = ClipSpec("lumbar_pso", 2, 1, frames=2, geometry="linear")
    clip = simulate_clip(spec, still_path(0.0, 0.0, press_mm=2.0))
    index = label_index(spec.view, "anterior complex")
    depth_mm = [np.nonzero(label_map == index)[0].mean() * clip.millimetres_per_pixel for label_map in clip.label_maps]
    assert depth_mm[0] - depth_mm[1] == pytest.approx(2.0, abs=0.15)


def test_optical_flow_can_follow_the_speckle():
    clip = simulate_clip(ClipSpec("lumbar_pso", 4, 4, frames=2, geometry="linear"), still_path(0.0, 0.7))
    estimator = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow = estimator.calc(clip.frames[0], clip.frames[1], None)  # type: ignore[call-overload]
    labelled = clip.label_maps[0] > 0
    expected = -0.7 / clip.millimetres_per_pixel
    assert np.median(flow[..., 0][labelled]) == pytest.approx(expected, abs=0.3)
    assert np.median(flow[..., 1][labelled]) == pytest.approx(0.0, abs=0.2)


def test_no_grey_threshold_finds_a_structure():
    view = "lumbar_pso"
    clip = simulate_clip(ClipSpec(view, 1, 1, frames=1))
    picture, label_map = clip.frames[0], clip.label_maps[0]
    for name in ("lamina", "ligamentum flavum", "dura", "intrathecal space", "anterior complex"):
        truth = label_map == label_index(view, name)
        best = 0.0
        for low in range(5, 255, 10):
            for high in range(low + 10, 266, 10):
                found = (picture >= low) & (picture < high)
                best = max(best, 2 * (found & truth).sum() / (found.sum() + truth.sum()))
        assert best < 0.6, name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"view": "knee"}, "lumbar_pso"),
        ({"geometry": "phased"}, "curved"),
        ({"frames": 0}, "frames"),
        ({"width": 10}, "64"),
        ({"clip_seed": -1}, "seeds"),
    ],
)
def test_bad_spec_is_refused_in_words(change, message):
    good = {"view": "lumbar_pso", "subject_seed": 1, "clip_seed": 1}
    with pytest.raises(ValueError, match=message):
        ClipSpec(**{**good, **change})


def test_video_gives_back_every_frame_at_its_time(tmp_path):
    clip = simulate_clip(ClipSpec("lumbar_pso", 1, 1, frames=7, height=160, width=192, frames_per_second=20.0))
    write_video(clip, tmp_path / "clip.mp4")
    with av.open(str(tmp_path / "clip.mp4")) as container:
        assert container.streams.video[0].average_rate == 20
        decoded = [(f.time, f.to_ndarray(format="gray")) for f in container.decode(video=0)]
    assert [time for time, _ in decoded] == pytest.approx([i / 20 for i in range(7)], abs=1e-4)
    pictures = np.stack([picture for _, picture in decoded])
    assert abs(pictures.astype(int) - clip.frames).mean() < 1.5


def test_odd_size_cannot_become_a_video(tmp_path):
    clip = simulate_clip(ClipSpec("lumbar_pso", 1, 1, frames=1, height=161, width=192))
    with pytest.raises(ValueError, match="even"):
        write_video(clip, tmp_path / "clip.mp4")


def test_command_line_writes_clips_masks_and_manifest(tmp_path):
    manifest = write_clips(tmp_path, view="lumbar_pso", subjects=1, clips=1, frames=2, geometry="curved", seed=5)
    content = json.loads(manifest.read_text())
    (entry,) = content["clips"]
    assert [(label["index"], label["name"]) for label in content["labels"]] == list(VIEW_LABELS["lumbar_pso"])
    clip = simulate_clip(ClipSpec("lumbar_pso", entry["subject_seed"], entry["clip_seed"], frames=2))
    for index, label_map in enumerate(clip.label_maps):
        mask = cv2.imread(str(tmp_path / entry["masks"] / f"{index:04d}.png"), cv2.IMREAD_UNCHANGED)
        assert mask is not None
        assert np.array_equal(mask, label_map)
    assert (tmp_path / entry["video"]).stat().st_size > 1000


def test_phantom_needs_neither_torch_nor_django():
    root = Path(__file__).resolve().parents[2]
    code = "import sys, ml.phantom; print(sorted({'torch', 'django'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr
