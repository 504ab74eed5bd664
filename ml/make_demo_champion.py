"""Train the champion of the demonstration project on simulated subjects and write it with its model card.

    nice -n 10 env OMP_NUM_THREADS=1 python -m ml.make_demo_champion [--work DIR]

About a quarter of an hour on one CPU core. Writes ml/weights/phantom_champion.safetensors and .json. `--work` keeps
the run's folder; a second start with the same folder goes on from its checkpoint.

Subject seeds: training from 1000, validation from 2000, test from 3000. The demonstration project shows seeds below
1000, so every picture a newcomer sees is of a subject the champion has not met.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2

from ml.checkpoint import load_model, write_atomically
from ml.data import read_manifest
from ml.model import count_parameters
from ml.phantom import VIEW_LABELS, ClipSpec, simulate_clip
from ml.train import train

VIEW = "lumbar_pso"
WEIGHTS = Path(__file__).parent / "weights" / "phantom_champion.safetensors"
FIRST_SEED = {"train": 1000, "val": 2000, "test": 3000}
SUBJECTS = {"train": 40, "val": 4, "test": 12}
FRAMES_PER_CLIP = 4
CONFIG = {
    "epochs": 24,
    "learning_rate": 2e-3,
    "warmup_epochs": 2,
    "batch_norm_batches": 6,
    "seed": 1,
    "model": {"variant": "T"},
}


def write_dataset(folder: Path) -> Path:
    """Simulate the subjects and write them as a manifest with its PNGs; returns the manifest's path."""
    samples = []
    digest = hashlib.sha256()
    for split, first in FIRST_SEED.items():
        for number in range(SUBJECTS[split]):
            # Few frames, far apart in time: neighbours would show the same thing again.
            spec = ClipSpec(VIEW, first + number, clip_seed=1, frames=FRAMES_PER_CLIP, frames_per_second=2)
            clip = simulate_clip(spec)
            for index, (frame, label_map) in enumerate(zip(clip.frames, clip.label_maps, strict=True)):
                name = f"{split}-{number:02d}-{index}"
                for kind, pixels in (("image", frame), ("mask", label_map)):
                    digest.update(pixels.tobytes())
                    (folder / f"{name}-{kind}.png").write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
                subject = f"phantom {first + number}"
                samples.append(
                    {
                        "image": f"{name}-image.png",
                        "mask": f"{name}-mask.png",
                        "subject": subject,
                        "clip": f"{subject} clip 1",
                        "split": split,
                        "millimetres_per_pixel": clip.millimetres_per_pixel,
                    }
                )
    manifest = {
        "dataset_hash": digest.hexdigest(),
        "labels": [{"index": index, "name": name} for index, name in VIEW_LABELS[VIEW]],
        "samples": samples,
        "config": CONFIG,
    }
    path = folder / "manifest.json"
    path.write_text(json.dumps(manifest, indent=1))
    return path


def write_card(run: Path, weights: bytes) -> None:
    """The model card beside the weights: what it was made from, and how good it is on subjects it has not met."""
    model, info = load_model(WEIGHTS)
    scores = json.loads((run / "scores.json").read_text())
    card = {
        "name": "phantom champion",
        "purpose": "Demonstration only: trained on simulated pictures, not fit for real ones.",
        "architecture": info.architecture,
        "form": "AAU-Net variant T, default form; our reading of DOI 10.1177/03000605261461196",
        "parameters": count_parameters(model),
        "sha256": hashlib.sha256(weights).hexdigest(),
        "command": "nice -n 10 env OMP_NUM_THREADS=1 python -m ml.make_demo_champion",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "view": VIEW,
        "labels": info.labels.to_plain(),
        "subject_seeds": {side: [first, first + SUBJECTS[side] - 1] for side, first in FIRST_SEED.items()},
        "frames_per_subject": FRAMES_PER_CLIP,
        "dataset_hash": info.dataset_hash,
        "training": dict(info.training),
        "scores_on_unseen_phantom_subjects": scores,
    }
    write_atomically(WEIGHTS.with_suffix(".json"), (json.dumps(card, indent=2) + "\n").encode())


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ml.make_demo_champion", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--work", type=Path, help="folder to keep the run in")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        manifest = read_manifest(write_dataset(work))
        result = train(manifest, work / "run", resume=True)
        weights = (work / "run" / "model.safetensors").read_bytes()
        WEIGHTS.parent.mkdir(exist_ok=True)
        write_atomically(WEIGHTS, weights)
        write_card(work / "run", weights)
    print(f"{WEIGHTS.name}: {len(weights) / 1e6:.1f} MB, best epoch {result.best_epoch}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
