"""PNG masks + images + manifest: the format training reads, in a folder or in a zip.

images/<name>.png   the frame as stored: 8-bit grey or RGB, lossless
masks/<name>.png    the gold revision as saved: 8-bit grey, value = label index, 255 = not annotated
manifest.json       labels, splits, subjects, clips, times, hashes; `python -m ml.train --manifest` reads it
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from annotation.formats.items import Item, read_items
from annotation.models import DatasetVersion

Add = Callable[[str, bytes], None]
"""Takes a file's path inside the archive or folder, and its bytes."""

README = """Sonoloop dataset version {number}: {frames} frames
SHA-256 of its content: {sha256}

images/   frames, lossless PNG, exactly as stored
masks/    one PNG per frame, same name and size: 8-bit grey, the value of a pixel is the index of its label,
          0 is background, 255 means "not annotated" (leave it out of losses and scores)
manifest.json
          labels   index and name of every label
          samples  per frame: image, mask, subject (a pseudonym), clip, split (train, val or test), time in
                   microseconds, millimetres per pixel where known, SHA-256 of the decoded pixels of both

Splits are by subject: no subject is on two sides. Train with:
    python -m ml.train --manifest manifest.json --out run
"""


def write(dataset: DatasetVersion, add: Add) -> Iterator[int]:
    """Hand every file to `add`, frame by frame; yields how many frames are written."""
    samples: list[dict[str, Any]] = []
    for item in read_items(dataset):
        add(f"images/{item.name}.png", item.image)
        add(f"masks/{item.name}.png", item.mask)
        samples.append(_sample(item))
        yield len(samples)
    add("README.txt", readme(dataset).encode())
    add("manifest.json", manifest(dataset, samples))


def readme(dataset: DatasetVersion) -> str:
    return README.format(number=dataset.number, frames=dataset.frame_count, sha256=dataset.sha256)


def manifest(dataset: DatasetVersion, samples: list[dict[str, Any]], **more: object) -> bytes:
    """The manifest as JSON, one sample a line so that it can be read and compared."""
    head = {
        "format": "sonoloop-dataset/1",
        "dataset": dataset.number,
        "dataset_hash": dataset.sha256,
        "labels": dataset.labels,
        **more,
    }
    lines = ",\n".join(json.dumps(sample) for sample in samples)
    return f'{json.dumps(head, indent=1)[:-2]},\n "samples": [\n{lines}\n]}}\n'.encode()


def write_folder(dataset: DatasetVersion, folder: Path, **more: object) -> Iterator[int]:
    """Write images, masks and manifest.json to a folder, the manifest last; yields as `write` does.

    more  further entries of the manifest, such as "config"
    """
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    samples: list[dict[str, Any]] = []
    for item in read_items(dataset):
        (folder / "images" / f"{item.name}.png").write_bytes(item.image)
        (folder / "masks" / f"{item.name}.png").write_bytes(item.mask)
        samples.append(_sample(item))
        yield len(samples)
    whole = folder / "manifest.part"
    whole.write_bytes(manifest(dataset, samples, **more))
    whole.rename(folder / "manifest.json")


def _sample(item: Item) -> dict[str, Any]:
    return {
        "image": f"images/{item.name}.png",
        "mask": f"masks/{item.name}.png",
        "subject": item.subject,
        "clip": f"{item.subject}/{item.clip_number}",
        "split": item.split,
        "clip_number": item.clip_number,
        "frame": item.index,
        "time_us": item.time_us,
        "millimetres_per_pixel": item.millimetres_per_pixel,
        "clip_sha256": item.clip_sha256,
        "image_sha256": item.frame_sha256,
        "mask_sha256": item.revision_sha256,
    }
