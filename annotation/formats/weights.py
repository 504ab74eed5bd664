"""What a weights file (safetensors) says of itself, read without torch: its tensors stay where they are."""

import json
from pathlib import Path
from typing import Any

from annotation.errors import BadRequest, Conflict
from annotation.models import Project

LARGEST_HEADER = 10_000_000


def read_story(path: Path) -> dict[str, Any]:
    """The metadata `ml.checkpoint` wrote: architecture, config, labels, image_size, dataset_hash, training.

    Raises BadRequest, in words, for a file that is missing, cut short, a pickle, or not made by `ml`.
    """
    try:
        with path.open("rb") as file:
            start = file.read(8)
            length = int.from_bytes(start, "little")
            # Only when it is no sound length: one safetensors file in 32 begins with the byte 0x80 too.
            if length > LARGEST_HEADER and start.startswith((b"PK\x03\x04", b"\x80")):
                raise BadRequest("The weights are a pickle (.pt, .pth), which can run code and is never loaded.")
            header = file.read(length) if len(start) == 8 and length <= LARGEST_HEADER else b""
    except OSError as fault:
        raise BadRequest(f"The weights cannot be read: {fault.strerror}.") from fault
    if not header or len(header) < length:
        raise BadRequest("The weights are empty, cut short, or not a safetensors file.")
    try:
        story = json.loads(json.loads(header)["__metadata__"]["story"])
        missing = [key for key in ("architecture", "config", "labels", "image_size") if key not in story]
    except (ValueError, KeyError, TypeError) as fault:
        raise BadRequest(
            "The weights carry no description of their network: they were not made by ml.train."
        ) from fault
    if missing:
        raise BadRequest(f"The description inside the weights lacks {', '.join(missing)}.")
    return dict(story)


def architecture_of(story: dict[str, Any]) -> dict[str, Any]:
    """The part a ModelVersion keeps in its `architecture`."""
    kept = ("config", "image_size", "normalisation", "training")
    return {"name": story["architecture"], **{key: story[key] for key in kept if key in story}}


def refuse_foreign_labels(project: Project, labels: list[dict[str, Any]]) -> None:
    """Raise Conflict when `labels` ({"index", "name"}) hold an index the project never had: the model draws other
    structures. Labels the project has renamed or removed since are no reason."""
    own = set(project.labels.values_list("index", flat=True))
    foreign = [f"{label['index']} {label['name']}" for label in labels if label["index"] not in own]
    if foreign:
        raise Conflict(
            f"This model draws labels the project does not have: {', '.join(foreign)}. "
            "Train a model on the project's own labels.",
            code="labels_differ",
        )
