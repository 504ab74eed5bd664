"""Train the champion of the demonstration project on simulated subjects and write it with its model card.

    nice -n 10 env OMP_NUM_THREADS=1 python -m ml.make_demo_champion --work DIR

About an hour and a half on one CPU core with bf16. Writes ml/weights/phantom_champion.safetensors and .json. A second
start with the same folder goes on where the first was stopped.

Stages, each from the weights of the one before: at 256 px, where an epoch is cheap; at 384 px, the width of the
pictures, because a dura is 3 px thin at 256; and with previous masks and clicks, for propagation and corrections, of
few people and then of all.

Subject seeds: training from 1000, validation from 2000, test from 3000. The demonstration project shows seeds below
1000, so every picture a newcomer sees is of a subject the champion has not met.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import itertools
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2

from ml.checkpoint import load_model, write_atomically
from ml.data import Manifest, read_manifest
from ml.model import count_parameters
from ml.phantom import VIEW_LABELS, ClipSpec, simulate_clip
from ml.train import train

VIEW = "lumbar_pso"
WEIGHTS = Path(__file__).parent / "weights" / "phantom_champion.safetensors"
FIRST_SEED = {"train": 1000, "val": 2000, "test": 3000}
SUBJECTS = {"train": 480, "val": 8, "test": 12}
CLIPS = {"train": 2, "val": 2, "test": 1}
FRAMES_PER_CLIP = {"train": 1, "val": 1, "test": 4}
COMMON = {
    "batch_size": 4,
    "warmup_epochs": 1,
    "batch_norm_batches": 20,
    "precision": "bf16",
    "model": {"variant": "T", "norm": "batch"},
}


@dataclass(frozen=True)
class Stage:
    """Training subjects and clips of each that a stage sees (validation and test are always the same), and how."""

    subjects: int
    clips: int
    config: Mapping[str, Any]


STAGES = (
    Stage(480, 2, {"image_size": 256, "epochs": 4, "learning_rate": 2e-3, "seed": 1, "aux_training": False}),
    Stage(480, 2, {"image_size": 384, "epochs": 5, "learning_rate": 2e-3, "seed": 2, "aux_training": False}),
    Stage(240, 1, {"image_size": 384, "epochs": 10, "learning_rate": 1e-3, "seed": 3}),
    Stage(480, 1, {"image_size": 384, "epochs": 10, "learning_rate": 1e-3, "seed": 4}),
)


def write_dataset(folder: Path) -> Path:
    """Simulate the subjects and write them as a manifest with its PNGs; returns the manifest's path.

    Many subjects with two clips of one frame teach more than few with many: neighbours show the same thing again.
    """
    samples = []
    digest = hashlib.sha256()
    for split, first in FIRST_SEED.items():
        seeds = range(first, first + SUBJECTS[split])
        for seed, number in itertools.product(seeds, range(1, CLIPS[split] + 1)):
            clip = simulate_clip(ClipSpec(VIEW, seed, number, frames=FRAMES_PER_CLIP[split], frames_per_second=2))
            for index, (frame, label_map) in enumerate(zip(clip.frames, clip.label_maps, strict=True)):
                name = f"{split}-{seed}-{number}-{index}"
                for kind, pixels in (("image", frame), ("mask", label_map)):
                    digest.update(pixels.tobytes())
                    (folder / f"{name}-{kind}.png").write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
                samples.append(
                    {
                        "image": f"{name}-image.png",
                        "mask": f"{name}-mask.png",
                        "subject": f"phantom {seed}",
                        "clip": f"phantom {seed} clip {number}",
                        "split": split,
                        "millimetres_per_pixel": clip.millimetres_per_pixel,
                    }
                )
    manifest = {
        "dataset_hash": digest.hexdigest(),
        "labels": [{"index": index, "name": name} for index, name in VIEW_LABELS[VIEW]],
        "samples": samples,
    }
    path = folder / "manifest.json"
    write_atomically(path, json.dumps(manifest, indent=1).encode())
    return path


def train_stages(manifest: Manifest, work: Path) -> Path:
    """Run every stage, each from the best weights of the one before; returns the folder of the last."""
    base = None
    for number, stage in enumerate(STAGES, start=1):
        run = work / f"stage-{number}"
        # A stage that is done is not opened again: its checkpoint would be refused after a change of the code.
        if not (run / "scores.json").exists():
            train(_for(stage, manifest), run, resume=True, base=base)
        base = run / "model.safetensors"
    return run


def _for(stage: Stage, manifest: Manifest) -> Manifest:
    first = FIRST_SEED["train"]
    seeds = range(first, first + stage.subjects)
    clips = {f"phantom {seed} clip {number + 1}" for seed in seeds for number in range(stage.clips)}
    samples = tuple(sample for sample in manifest.samples if sample.split != "train" or sample.clip in clips)
    return replace(manifest, samples=samples, config={**COMMON, **stage.config})


def write_card(work: Path, run: Path, weights: bytes) -> None:
    """The model card beside the weights: what it was made from, and how good it is on subjects it has not met."""
    model, info = load_model(WEIGHTS)
    scores = json.loads((run / "scores.json").read_text())
    for subject in scores["subjects"].values():
        del subject["measures"]  # a thousand numbers; the means over subjects are above
    card = {
        "name": "phantom champion",
        "purpose": "Demonstration only: trained on simulated pictures, not fit for real ones.",
        "architecture": info.architecture,
        "form": f"AAU-Net variant T, {'default' if info.config.dense_entry else 'inverted'} form; our reading of "
        "DOI 10.1177/03000605261461196",
        "parameters": count_parameters(model),
        "image_size": info.image_size,
        "bytes": len(weights),
        "sha256": hashlib.sha256(weights).hexdigest(),
        "command": "nice -n 10 env OMP_NUM_THREADS=1 python -m ml.make_demo_champion --work DIR",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "view": VIEW,
        "labels": info.labels.to_plain(),
        "subject_seeds": {side: [first, first + SUBJECTS[side] - 1] for side, first in FIRST_SEED.items()},
        "clips_per_subject": CLIPS,
        "frames_per_clip": FRAMES_PER_CLIP,
        "stages": [{**asdict(stage), **_how_it_went(work / f"stage-{n}")} for n, stage in enumerate(STAGES, start=1)],
        "dataset_hash": info.dataset_hash,
        "training": dict(info.training),
        "scores_on_unseen_phantom_subjects": scores,
    }
    write_atomically(WEIGHTS.with_suffix(".json"), (json.dumps(card, indent=2) + "\n").encode())


def _how_it_went(run: Path) -> dict[str, Any]:
    """Epochs done, the best one and its validation Dice."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    epochs = {line["epoch"]: line["val_dice"] for line in lines if line["event"] == "epoch"}
    best = max(epochs, key=lambda epoch: epochs[epoch])
    return {"epochs_done": len(epochs), "best_epoch": best, "validation_dice": epochs[best]}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ml.make_demo_champion", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--work", type=Path, required=True, help="folder for the pictures and the runs")
    work = parser.parse_args(arguments).work
    work.mkdir(parents=True, exist_ok=True)
    manifest = work / "manifest.json"
    run = train_stages(read_manifest(manifest if manifest.exists() else write_dataset(work)), work)
    weights = (run / "model.safetensors").read_bytes()
    WEIGHTS.parent.mkdir(exist_ok=True)
    write_atomically(WEIGHTS, weights)
    write_card(work, run, weights)
    print(f"{WEIGHTS.name}: {len(weights) / 1e6:.1f} MB.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
