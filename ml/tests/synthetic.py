"""Small speckle pictures with known masks: what the tests of training are fed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ml.labels import LabelSchema

LABELS = LabelSchema(((3, "bone"), (7, "canal")))


def png(pixels: np.ndarray) -> bytes:
    """PNG bytes of grey or RGB pixels."""
    return cv2.imencode(".png", pixels if pixels.ndim == 2 else pixels[:, :, ::-1])[1].tobytes()


def speckle_frame(seed: int, height: int = 128, width: int = 128) -> tuple[np.ndarray, np.ndarray]:
    """(image, mask) of a bright bar (label 3) over a dark disk (label 7) in speckle; uint8 [H, W] both."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((height, width), np.uint8)
    x, y = rng.integers(width // 4, 3 * width // 4), rng.integers(height // 4, height // 2)
    cv2.rectangle(mask, (int(x) - width // 5, int(y) - 6), (int(x) + width // 5, int(y) + 6), 3, -1)
    cv2.circle(mask, (int(x), int(y) + height // 4), height // 8, 7, -1)
    level = np.choose(np.searchsorted([0, 3, 7], mask), [70.0, 190.0, 20.0])
    speckle = rng.rayleigh(0.8, mask.shape)
    return (level * speckle).clip(1, 255).astype(np.uint8), mask


def write_manifest(
    folder: Path,
    subjects: Sequence[tuple[str, str]],
    *,
    frames: int = 2,
    config: dict[str, Any] | None = None,
) -> Path:
    """A manifest of synthetic frames; `subjects` are (name, split). Tiny network and pictures unless told."""
    folder.mkdir(parents=True, exist_ok=True)
    samples = []
    for number, (subject, split) in enumerate(subjects):
        for index in range(frames):
            image, mask = speckle_frame(100 * number + index)
            name = f"{number}-{index}"
            (folder / f"{name}.png").write_bytes(png(image))
            (folder / f"{name}-mask.png").write_bytes(png(mask))
            samples.append(
                {
                    "image": f"{name}.png",
                    "mask": f"{name}-mask.png",
                    "subject": subject,
                    "clip": f"{subject} clip",
                    "split": split,
                }
            )
    plain = {
        "dataset_hash": "d" * 64,
        "labels": LABELS.to_plain(),
        "samples": samples,
        "config": {"epochs": 3, "batch_size": 2, "image_size": 128, "model": SMALL_MODEL, **(config or {})},
    }
    path = folder / "manifest.json"
    path.write_text(json.dumps(plain))
    return path


SMALL_MODEL = {"widths": [8, 8, 16, 16, 16], "norm": "batch"}
