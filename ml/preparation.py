"""What a training run settles before its loop: configuration, who validates, what it starts from."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from ml.checkpoint import load_model
from ml.config import RETRAINING, ModelConfig, TrainConfig
from ml.data import Manifest, Sample, load_frames, pixel_digest
from ml.errors import BadConfig, BadData, BadWeights
from ml.labels import LabelSchema
from ml.model import AAUNet

_BATCH_NORM_NEEDS = 8  # frames per step (MODEL.md 3.7); with fewer, from scratch, the norm is over groups


def plan(manifest: Manifest, epochs: int | None, base: Path | None) -> tuple[TrainConfig, ModelConfig]:
    """Both configurations of a run: defaults, then what retraining changes, then the manifest, then the command line.

    Raises BadConfig for values that cannot be, and for a network that differs from the one to start from; BadWeights
    for weights that share no label with the manifest.
    """
    overrides = dict(manifest.config)
    model_overrides = overrides.pop("model", {})
    if not isinstance(model_overrides, Mapping):
        raise BadConfig(f'"model" must be a JSON object such as {{"variant": "B"}}; got {model_overrides!r}.')
    if epochs is not None:
        overrides["epochs"] = epochs
    overrides.setdefault("batch_size", 16 if torch.cuda.is_available() else 8)
    config = TrainConfig.from_plain({**(RETRAINING if base else {}), **overrides})
    if base is None and config.batch_size < _BATCH_NORM_NEEDS:
        model_overrides = {"norm": "group", **model_overrides}
    wanted = ModelConfig.from_plain({**model_overrides, "num_labels": manifest.labels.count})
    if base is None:
        return config, wanted
    info = load_model(base)[1]
    if not set(info.labels.indices) & set(manifest.labels.indices):
        raise BadWeights(
            f"The weights to start from know the labels {list(info.labels.indices)}, the manifest has "
            f"{list(manifest.labels.indices)}: no index is in both. Start without them, or from others."
        )
    # Weights older than the auxiliary stem get one: at zero, it changes nothing until it is trained.
    aux = info.config.aux or model_overrides.get("aux", True)
    found = replace(info.config, num_labels=manifest.labels.count, aux=aux)
    if model_overrides and wanted != found:
        raise BadConfig(f"The manifest asks for the network {wanted}; the weights to start from hold {found}.")
    return config, found


def choose_validation(manifest: Manifest) -> tuple[list[Sample], list[Sample], str]:
    """(frames to train on, frames to validate on, what was done as a sentence)."""
    train, val = manifest.split("train"), manifest.split("val")
    if not train:
        raise BadData("The manifest has no frames in the split 'train'.")
    if val:
        return train, val, f"Validation on {len(val)} frames of the split 'val'."
    subjects = sorted({sample.subject for sample in train})
    if len(subjects) == 1:
        return train, train, "Validation on the training frames: there is one subject only, so the score says little."
    held = set(subjects[:: max(2, min(5, len(subjects)))])
    rest = [sample for sample in train if sample.subject not in held]
    kept = [sample for sample in train if sample.subject in held]
    return rest, kept, f"No split 'val': {len(held)} of {len(subjects)} training subjects are held out for validation."


def digests(samples: Sequence[Sample], labels: LabelSchema) -> list[str | None]:
    """`pixel_digest` of each frame. Reads every mask too: a bad one must fail now, not after hours of training."""
    return [pixel_digest(image) for _, image, _, _ in load_frames(samples, labels)]


def start_from(model: AAUNet, labels: LabelSchema, base: Path) -> None:
    """Copy weights of another run into `model`. Labels found by index keep their output; new ones start fresh."""
    old, info = load_model(base)
    old_channels = {0: 0} | {index: channel for channel, index in enumerate(info.labels.indices, start=1)}
    state, old_state = model.state_dict(), old.state_dict()
    heads = {id(conv) for conv in model.head_convolutions()}
    names = [name for name, module in model.named_modules() if id(module) in heads]
    for name in state:
        if name == "aux_stem.weight":
            if name in old_state:
                _copy_aux_channels(state[name], old_state[name], labels, info.labels)
            continue
        if name.rpartition(".")[0] not in names:
            state[name].copy_(old_state[name])
            continue
        rows = len(state[name]) // (labels.count + 1)  # 4 sub-pixels in the first head, 1 in the others
        for channel, index in enumerate((0, *labels.indices)):
            if index in old_channels:
                source = old_channels[index] * rows
                state[name][channel * rows : (channel + 1) * rows] = old_state[name][source : source + rows]


def _copy_aux_channels(new: Tensor, old: Tensor, labels: LabelSchema, old_labels: LabelSchema) -> None:
    """Both kernels are (C, 2K, 3, 3): a mask and a click channel per label, found by index; new labels keep zeros."""
    for channel, index in enumerate(labels.indices):
        if index in old_labels.indices:
            source = old_labels.indices.index(index)
            new[:, channel] = old[:, source]
            new[:, labels.count + channel] = old[:, old_labels.count + source]


@cache
def commit() -> str | None:
    """The commit of this code, where it runs from a git checkout: it goes into the weights' story."""
    git, here = shutil.which("git"), Path(__file__).parent
    if git is None or not (here.parent / ".git").exists():
        return None
    asked = subprocess.run([git, "-C", here, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return asked.stdout.strip() or None
