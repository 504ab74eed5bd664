"""COCO: images/ and annotations.json with one run-length encoded mask per label and image.

The RLE is pycocotools' compressed form; `pycocotools.mask.decode` gives back the saved pixels. Pixels that are
255, "not annotated", become a category of that name with iscrowd 1, which COCO tools leave out of scores.
"""

import json
from collections.abc import Callable, Iterator
from typing import IO, Any

import cv2
import numpy as np
from pycocotools import mask as rle_tools

from annotation.errors import Conflict
from annotation.formats.items import Item, read_items
from annotation.models import DatasetVersion

BACKGROUND, NOT_ANNOTATED = 0, 255

README = """Sonoloop dataset version {number}: {frames} frames, as COCO
SHA-256 of its content: {sha256}

images/            frames, lossless PNG, exactly as stored
annotations.json   COCO: one annotation per label and image, run-length encoded (pycocotools.mask.decode);
                   category id = label index; category 255 with iscrowd 1 is "not annotated": leave it out of
                   losses and scores; every image tells its split (train, val or test) and subject (a pseudonym)

Splits are by subject: no subject is on two sides.
"""


def write(
    dataset: DatasetVersion, add: Callable[[str, bytes], None], images: IO[str], annotations: IO[str]
) -> Iterator[int]:
    """Hand every image to `add` and write the two long lists of annotations.json to text files, as JSON without
    the brackets; yields how many frames are written. `assemble` puts annotations.json together."""
    number = 0
    for count, item in enumerate(read_items(dataset), start=1):
        add(f"images/{item.name}.png", item.image)
        _append(images, _image(item), first=count == 1)
        for annotation in encode(decode_mask(item)):
            number += 1
            _append(annotations, {"id": number, "image_id": item.frame, **annotation}, first=number == 1)
        yield count


def assemble(dataset: DatasetVersion, images: IO[str], annotations: IO[str]) -> Iterator[bytes]:
    """annotations.json in pieces, from the two files `write` filled."""
    info = {"description": f"Sonoloop dataset version {dataset.number}", "sha256": dataset.sha256}
    categories = [{"id": label["index"], "name": label["name"], "supercategory": ""} for label in dataset.labels]
    categories.append({"id": NOT_ANNOTATED, "name": "not annotated", "supercategory": ""})
    yield f'{{"info": {json.dumps(info)},\n"categories": {json.dumps(categories)},\n"images": [\n'.encode()
    yield from _pieces(images)
    yield b'\n],\n"annotations": [\n'
    yield from _pieces(annotations)
    yield b"\n]}\n"


def readme(dataset: DatasetVersion) -> str:
    return README.format(number=dataset.number, frames=dataset.frame_count, sha256=dataset.sha256)


def decode_mask(item: Item) -> np.ndarray:
    """The item's mask as uint8 [H, W]. Raises Conflict when its row is damaged.

    Not `files.decode_label_map`: what is in the row passed it when it was saved, and it takes twice as long.
    """
    pixels = cv2.imdecode(np.frombuffer(item.mask, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint8 or pixels.shape != (item.height, item.width):
        raise Conflict(
            f"The mask of {item.subject} clip {item.clip_number} frame {item.index} is damaged. `manage.py "
            "verify_integrity` names all such masks; restore the database from a backup.",
            code="mask_damaged",
        )
    return pixels


def encode(label_map: np.ndarray) -> Iterator[dict[str, Any]]:
    """One COCO annotation (without ids of annotation and image) per label of a uint8 [H, W] label map.

    All labels in one pass over the picture: encoding a binary mask per label costs as many passes as labels.
    """
    height, width = label_map.shape
    flat = cv2.transpose(label_map).ravel()  # COCO counts down the columns
    starts = np.concatenate(([0], np.flatnonzero(flat[1:] != flat[:-1]) + 1))
    ends = np.append(starts[1:], flat.size)
    values = flat[starts]
    for index in np.unique(values).tolist():
        if index == BACKGROUND:
            continue
        own_starts, own_ends = starts[values == index], ends[values == index]
        # Lengths of off, on, off, on, …: COCO begins with "off", which may be 0 long.
        counts = np.diff(np.column_stack((own_starts, own_ends)).ravel(), prepend=0).tolist()
        if own_ends[-1] < flat.size:
            counts.append(int(flat.size - own_ends[-1]))
        rle = rle_tools.frPyObjects({"size": [height, width], "counts": counts}, height, width)
        yield {
            "category_id": index,
            "segmentation": {"size": [height, width], "counts": rle["counts"].decode("ascii")},
            "area": int((own_ends - own_starts).sum()),
            "bbox": rle_tools.toBbox(rle).tolist(),
            "iscrowd": int(index == NOT_ANNOTATED),
        }


def _image(item: Item) -> dict[str, Any]:
    return {
        "id": item.frame,
        "file_name": f"images/{item.name}.png",
        "width": item.width,
        "height": item.height,
        "split": item.split,
        "subject": item.subject,
        "clip_number": item.clip_number,
        "frame": item.index,
        "time_us": item.time_us,
        "millimetres_per_pixel": item.millimetres_per_pixel,
        "clip_sha256": item.clip_sha256,
        "image_sha256": item.frame_sha256,
        "mask_sha256": item.revision_sha256,
    }


def _append(file: IO[str], value: object, *, first: bool) -> None:
    file.write(("" if first else ",\n") + json.dumps(value))


def _pieces(file: IO[str]) -> Iterator[bytes]:
    file.seek(0)
    while piece := file.read(1 << 20):
        yield piece.encode()
