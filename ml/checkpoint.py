"""Weights on disk: safetensors with their whole story in the header, refused when anything does not fit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from ml.errors import BadWeights
from ml.labels import LabelSchema
from ml.model import AAUNet
from ml.weights import ARCHITECTURE, WeightsInfo, read_sealed, seal, write_atomically

__all__ = [
    "ARCHITECTURE",
    "WeightsInfo",
    "load_model",
    "load_tensors",
    "save_model",
    "save_tensors",
    "write_atomically",
]


def save_tensors(path: Path, tensors: Mapping[str, Tensor], story: Mapping[str, Any]) -> None:
    """Write tensors and a JSON story to one sealed .safetensors file, atomically."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    text = json.dumps(story, sort_keys=True)
    parts = (
        (name, str(tensor.dtype), tuple(tensor.shape), tensor.reshape(-1).view(torch.uint8).numpy().data)
        for name, tensor in plain.items()
    )
    write_atomically(path, safetensors.torch.save(plain, {"story": text, "seal": seal(text, parts)}))


def load_tensors(path: Path, sha256: str | None = None) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save_tensors` wrote, on the CPU. Raises BadWeights as `ml.weights.read_sealed` does."""
    data, story = read_sealed(path, sha256)
    return safetensors.torch.load(data), story


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
    info = WeightsInfo.from_story(story, path.name, labels)
    model = AAUNet(info.config)
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise BadWeights(f"The weights in {path.name} do not fit the network they describe: {error}.") from error
    broken = [name for name, tensor in model.state_dict().items() if not tensor.isfinite().all()]
    if broken:
        raise BadWeights(
            f"{path.name} holds values that are NaN or infinite (in {broken[0]} and {len(broken) - 1} other tensors): "
            "nothing can be computed with it. Use other weights, or train again."
        )
    return model.eval(), info
