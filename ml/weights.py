"""What a weights file says of itself, and whether it is sound. Without torch: the worker that drafts never loads it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import safetensors
from safetensors import SafetensorError

from ml.config import ModelConfig, TrainConfig
from ml.data import NORMALISATION
from ml.errors import BadConfig, BadLabels, BadWeights
from ml.labels import LabelSchema

ARCHITECTURE = "aaunet_spine"
_LARGEST_HEADER = 10_000_000
_BEFORE_THEY_EXISTED = {"aux": False, "dense_entry": False}
"""Switches that older files do not name, as the networks in them were."""
# The seal names types as PyTorch does, which wrote the first files.
_TYPES = {
    "F64": "torch.float64",
    "F32": "torch.float32",
    "F16": "torch.float16",
    "BF16": "torch.bfloat16",
    "I64": "torch.int64",
    "I32": "torch.int32",
    "U8": "torch.uint8",
    "BOOL": "torch.bool",
}


@dataclass(frozen=True)
class WeightsInfo:
    """What a weights file says of itself: enough to predict, to resume a lineage, or to refuse."""

    config: ModelConfig
    labels: LabelSchema
    image_size: int
    dataset_hash: str
    normalisation: str = NORMALISATION
    architecture: str = ARCHITECTURE
    training: Mapping[str, Any] = field(default_factory=dict)

    def to_plain(self) -> dict[str, Any]:
        """A dict that JSON can hold."""
        return {
            **asdict(self),
            "config": self.config.to_plain(),
            "labels": self.labels.to_plain(),
            "labels_hash": self.labels.hash,
            "training": dict(self.training),
        }

    @classmethod
    def from_story(cls, story: Mapping[str, Any], name: str, labels: LabelSchema | None = None) -> WeightsInfo:
        """Read what `to_plain` gave. `name` is the file's, for the reason of a refusal.

        labels  the schema the caller works with; None accepts the one in the file
        Raises BadWeights when the story is of another architecture, normalisation or labels, or not whole.
        """
        architecture = story.get("architecture")
        if architecture != ARCHITECTURE:
            raise BadWeights(f"{name} holds architecture {architecture!r}; this program runs {ARCHITECTURE!r}.")
        try:
            info = cls(
                config=ModelConfig.from_plain({**_BEFORE_THEY_EXISTED, **story["config"]}),
                labels=LabelSchema.from_plain(story["labels"]),
                image_size=TrainConfig(image_size=story["image_size"]).image_size,
                dataset_hash=str(story["dataset_hash"]),
                normalisation=str(story["normalisation"]),
                training=dict(story["training"]),
            )
        except (KeyError, TypeError, ValueError, BadConfig, BadLabels) as error:
            raise BadWeights(f"The metadata of {name} cannot be used: {str(error).rstrip('.')}.") from error
        if info.normalisation != NORMALISATION:
            raise BadWeights(
                f"{name} expects normalisation {info.normalisation!r}; this program does {NORMALISATION!r}."
            )
        if info.labels.count != info.config.num_labels:
            raise BadWeights(f"{name} names {info.labels.count} labels for {info.config.num_labels} channels.")
        if labels is not None and labels.hash != info.labels.hash:
            raise BadWeights(
                f"{name} was trained for the labels {_names(info.labels)}; wanted are {_names(labels)}. "
                "Train a model on the project's own labels."
            )
        return info


def _names(labels: LabelSchema) -> str:
    return ", ".join(f"{index} {name}" for index, name in labels.labels)


def write_atomically(path: Path, data: bytes) -> None:
    """The file appears whole or not at all, and is still there after a power cut."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)  # on a full disk, half a file must not make it fuller
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def seal(story: str, tensors: Iterable[tuple[str, str, tuple[int, ...], Any]]) -> str:
    """SHA-256 over the story and every tensor: one flipped bit in the file changes it.

    tensors  (name, type as PyTorch names it, shape, buffer of its bytes), in any order
    """
    digest = hashlib.sha256(story.encode("utf-8"))
    for name, kind, shape, data in sorted(tensors, key=lambda tensor: tensor[0]):
        digest.update(f"{name} {kind} {shape}".encode())
        digest.update(data)
    return digest.hexdigest()


def read_sealed(path: Path, sha256: str | None = None) -> tuple[bytes, dict[str, Any]]:
    """The bytes of a sound .safetensors file of ours, and its story.

    sha256  of the whole file, when known from elsewhere (the app's database)
    Raises BadWeights for a file that is missing, not safetensors, truncated, changed, or not ours.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadWeights(f"Cannot read the weights {path.name}: {error.strerror}.") from error
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise BadWeights(f"The weights {path.name} are not the file that was registered: their SHA-256 differs.")
    header_length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or header_length > min(len(data) - 8, _LARGEST_HEADER):
        # Only here: the length of one sound safetensors header in 32 begins with the byte 0x80 too.
        if data.startswith((b"PK\x03\x04", b"\x80")):
            raise BadWeights(
                f"{path.name} is a pickle (a .pt or .pth file); it could run code and is never loaded. Use safetensors."
            )
        raise BadWeights(f"{path.name} is truncated or not a safetensors file ({len(data)} bytes).")
    try:
        tensors = safetensors.deserialize(data)
        header = json.loads(data[8 : 8 + header_length]).get("__metadata__") or {}
    except (SafetensorError, ValueError) as error:
        raise BadWeights(f"{path.name} is damaged or truncated: {error}.") from error

    if "story" not in header or "seal" not in header:
        raise BadWeights(f"{path.name} is a safetensors file without our metadata: it was not made by this program.")
    plain = ((name, _TYPES.get(t["dtype"], t["dtype"]), tuple(t["shape"]), t["data"]) for name, t in tensors)
    if seal(header["story"], plain) != header["seal"]:
        raise BadWeights(f"{path.name} is damaged: its content does not match its own checksum.")
    try:
        story = json.loads(header["story"])
    except (ValueError, RecursionError) as error:
        raise BadWeights(f"The metadata of {path.name} is not JSON: {error}.") from error
    if not isinstance(story, dict):
        raise BadWeights(f"The metadata of {path.name} must be a JSON object; it is of type {type(story).__name__}.")
    return data, story
