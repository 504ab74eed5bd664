"""What reading data costs a training: `python -m benchmarks._training`, run by `benchmarks.loop` in a process like the
training child's.

Steps of the real training loop on real frames, with augmentation, in turns with the same steps on one batch that is
there already. Variant T, which the app trains; of B the steps alone, for its goal of MODEL.md 3.9.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import cv2

from benchmarks import _instance
from benchmarks._report import Row, write_rows

LABELS = 12
FRAMES_PER_SUBJECT = 12
SUBJECTS = ("train",) * 2 + ("val", "test")
ROUNDS = 4
STEPS = 2
BUDGET = 0.9
GOAL_OF_B_MS = 350


def run() -> list[Row]:
    """Measure and return the rows."""
    import torch

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="sonoloop-bench-") as name:
        rates = _rates(Path(name) / "T", "T", ("real", "synthetic"))
        large = _rates(Path(name) / "B", "B", ("synthetic",))["synthetic"]
    share, step = rates["real"] / rates["synthetic"], 1e3 / large
    return [
        Row("training on real frames, per core", rates["real"], "frames/s", "", None),
        Row("training on synthetic tensors, per core", rates["synthetic"], "frames/s", "", None),
        Row("step rate, real over synthetic", share, "×", f"≥ {BUDGET}", share >= BUDGET),
        Row("T: a training step", 1e3 / rates["synthetic"], "ms/picture", "", None),
        Row("B: a training step", step, "ms/picture", f"≤ {GOAL_OF_B_MS}", step <= GOAL_OF_B_MS),
    ]


def _rates(folder: Path, variant: str, kinds: tuple[str, ...]) -> dict[str, float]:
    """Frames per second of computing, with batches that are read and with one that is there already."""
    from ml.data import read_manifest
    from ml.trainer import Trainer

    folder.mkdir()
    loop = Trainer(read_manifest(_write_manifest(folder, variant)), folder / "run", epochs=10)
    wanted = loop._batches()[:STEPS]
    ready = list(loop.loader.over(wanted, training=True))
    sources = {"real": lambda: loop.loader.over(wanted, training=True), "synthetic": lambda: ready}
    spent = dict.fromkeys(kinds, 0.0)
    for kind in kinds:
        _steps(loop, sources[kind])
    for _ in range(ROUNDS):
        for kind in kinds:
            spent[kind] += _steps(loop, sources[kind])
    return {kind: ROUNDS * STEPS * loop.config.batch_size / seconds for kind, seconds in spent.items()}


def _steps(loop, source) -> float:
    """Seconds of computing of a few steps."""
    loop.model.train()
    began = time.process_time()
    for batch in source():
        loop._step(batch)
    return time.process_time() - began


def _write_manifest(folder: Path, variant: str) -> Path:
    samples = []
    for number, split in enumerate(SUBJECTS):
        for index in range(FRAMES_PER_SUBJECT):
            seed = number * FRAMES_PER_SUBJECT + index
            image, mask = f"image{seed}.png", f"mask{seed}.png"
            cv2.imwrite(str(folder / image), _instance.picture(seed))
            cv2.imwrite(str(folder / mask), _instance.label_map(seed, list(range(1, LABELS + 1))))
            samples.append(
                {"image": image, "mask": mask, "subject": f"S{number}", "clip": f"C{number}", "split": split}
            )
    plain = {
        "dataset_hash": "0" * 64,
        "labels": [{"index": n, "name": f"structure {n}"} for n in range(1, LABELS + 1)],
        "samples": samples,
        "config": {"model": {"variant": variant}},
    }
    path = folder / "manifest.json"
    path.write_text(json.dumps(plain))
    return path


if __name__ == "__main__":
    write_rows(run(), Path(sys.argv[1]))
