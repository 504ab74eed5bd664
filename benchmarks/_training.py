"""What reading data costs a training: `python -m benchmarks._training`, run by `benchmarks.loop` in a process like the
training child's.

Steps of the real training loop on real frames, with augmentation, in turns with the same steps on one batch that is
there already.
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


def run() -> list[Row]:
    """Measure and return the rows."""
    import torch

    from ml.data import read_manifest
    from ml.trainer import Trainer

    torch.set_num_threads(1)

    with tempfile.TemporaryDirectory(prefix="sonoloop-bench-") as name:
        folder = Path(name)
        manifest = read_manifest(_write_manifest(folder))
        loop = Trainer(manifest, folder / "run", epochs=10)
        wanted = loop._batches()[:STEPS]
        ready = list(loop.loader.over(wanted, training=True))
        sources = {
            "Trainer": lambda: loop.loader.over(wanted, training=True),
            "Synthetic": lambda: ready,
        }
        spent = dict.fromkeys(sources, 0.0)
        for source in sources.values():
            _steps(loop, source)
        for _ in range(ROUNDS):
            for kind, source in sources.items():
                spent[kind] += _steps(loop, source)
        batch = loop.config.batch_size
    rates = {kind: ROUNDS * STEPS * batch / seconds for kind, seconds in spent.items()}
    share = rates["Trainer"] / rates["Synthetic"]
    return [
        Row("training on real frames, per core", rates["Trainer"], "frames/s", "", None),
        Row("training on synthetic tensors, per core", rates["Synthetic"], "frames/s", "", None),
        Row("step rate, real over synthetic", share, "×", f"≥ {BUDGET}", share >= BUDGET),
    ]


def _steps(loop, source) -> float:
    """Seconds of computing of a few steps."""
    loop.model.train()
    began = time.process_time()
    for batch in source():
        loop._step(batch)
    return time.process_time() - began


def _write_manifest(folder: Path) -> Path:
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
        "config": {"model": {"variant": "T"}},
    }
    path = folder / "manifest.json"
    path.write_text(json.dumps(plain))
    return path


if __name__ == "__main__":
    write_rows(run(), Path(sys.argv[1]))
