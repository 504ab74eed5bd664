"""Weights on disk: safetensors with their whole story in the header, refused when anything does not fit."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from ml.config import ModelConfig
from ml.data import NORMALISATION
from ml.errors import BadConfig, BadLabels, BadWeights
from ml.labels import LabelSchema
from ml.model import AAUNet

ARCHITECTURE = "aaunet_spine"
_LARGEST_HEADER = 10_000_000
_BEFORE_THEY_EXISTED = {"aux": False}
"""Switches that older files do not name, as the networks in them were."""


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


def write_atomically(path: Path, data: bytes) -> None:
    """The file appears whole or not at all, and is still there after a power cut."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _seal(story: str, tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over the story and every tensor: one flipped bit in the file changes it."""
    digest = hashlib.sha256(story.encode("utf-8"))
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def save_tensors(path: Path, tensors: Mapping[str, Tensor], story: Mapping[str, Any]) -> None:
    """Write tensors and a JSON story to one sealed .safetensors file, atomically."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    text = json.dumps(story, sort_keys=True)
    write_atomically(path, safetensors.torch.save(plain, {"story": text, "seal": _seal(text, plain)}))


def load_tensors(path: Path, sha256: str | None = None) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save_tensors` wrote, on the CPU.

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
        tensors = safetensors.torch.load(data)
        header = json.loads(data[8 : 8 + header_length]).get("__metadata__", {})
    except (SafetensorError, ValueError) as error:
        raise BadWeights(f"{path.name} is damaged or truncated: {error}.") from error

    if "story" not in header or "seal" not in header:
        raise BadWeights(f"{path.name} is a safetensors file without our metadata: it was not made by this program.")
    if _seal(header["story"], tensors) != header["seal"]:
        raise BadWeights(f"{path.name} is damaged: its content does not match its own checksum.")
    return tensors, json.loads(header["story"])


def save_model(path: Path, model: nn.Module, info: WeightsInfo) -> None:
    """Write a model that `load_model` reads back to the same output."""
    save_tensors(path, model.state_dict(), info.to_plain())


def load_model(
    path: Path, *, sha256: str | None = None, labels: LabelSchema | None = None
) -> tuple[AAUNet, WeightsInfo]:
    """Read a model, in eval mode, on the CPU.

    sha256  of the whole file, when it is known
    labels  the schema the caller works with; None accepts the one in the file
    Raises BadWeights, with the reason, for anything that is not a sound model of this architecture and these labels.
    """
    tensors, story = load_tensors(path, sha256)
    architecture = story.get("architecture")
    if architecture != ARCHITECTURE:
        raise BadWeights(f"{path.name} holds architecture {architecture!r}; this program runs {ARCHITECTURE!r}.")
    try:
        info = WeightsInfo(
            config=ModelConfig.from_plain({**_BEFORE_THEY_EXISTED, **story["config"]}),
            labels=LabelSchema.from_plain(story["labels"]),
            image_size=int(story["image_size"]),
            dataset_hash=str(story["dataset_hash"]),
            normalisation=str(story["normalisation"]),
            training=dict(story["training"]),
        )
    except (KeyError, TypeError, ValueError, BadConfig, BadLabels) as error:
        raise BadWeights(f"The metadata of {path.name} cannot be used: {error}.") from error
    if info.normalisation != NORMALISATION:
        raise BadWeights(
            f"{path.name} expects normalisation {info.normalisation!r}; this program does {NORMALISATION!r}."
        )
    if info.labels.count != info.config.num_labels:
        raise BadWeights(f"{path.name} names {info.labels.count} labels for {info.config.num_labels} channels.")
    if labels is not None and labels.hash != info.labels.hash:
        raise BadWeights(
            f"{path.name} was trained for the labels {_names(info.labels)}; wanted are {_names(labels)}. "
            "Train a model on the project's own labels."
        )
    model = AAUNet(info.config)
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise BadWeights(f"The weights in {path.name} do not fit the network they describe: {error}.") from error
    return model.eval(), info


def _names(labels: LabelSchema) -> str:
    return ", ".join(f"{index} {name}" for index, name in labels.labels)
