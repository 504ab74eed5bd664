"""What a training step of each network costs beside the others: `python -m benchmarks.models --study cost`.

Forward, loss, backward, clipping, AdamW on a batch of the "cpu" budget (128², batch 4, its precision), by processor
time of one thread, the networks in turns: the seconds of a cell are those of a shared machine.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks._report import commit, machine
from benchmarks.models.cells import BUDGETS
from benchmarks.models.networks import COMPARISON
from ml.losses import deep_supervision_loss
from ml.model import count_parameters, to_device
from ml.precision import Precision

ROUNDS = 5


def cost() -> dict[str, Any]:
    """Rows of (network, parameters, milliseconds per picture), the median of the rounds."""
    torch.set_num_threads(1)
    device, settings = torch.device("cpu"), BUDGETS["cpu"]
    side, batch = settings["image_size"], settings["batch_size"]
    precision = Precision(settings["precision"], device)
    images = torch.randn(batch, 1, side, side).to(memory_format=torch.channels_last)
    channels = torch.randint(0, 2, (batch, side, side), dtype=torch.uint8)
    steps, parameters, spent = {}, {}, {}
    for name, network in COMPARISON.items():
        model = to_device(network.build(network.config(1)), device).train()
        steps[name] = _step(model, torch.optim.AdamW(model.parameters(), fused=True), precision, images, channels)
        parameters[name], spent[name] = count_parameters(model), []
        steps[name]()
    for _ in range(ROUNDS):
        for name, step in steps.items():
            began = time.process_time()
            step()
            spent[name].append((time.process_time() - began) / batch * 1e3)
    return {
        "study": "cost",
        "command": "python -m benchmarks.models --study cost",
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "commit": commit(),
        "device": machine()["processor"],
        "settings": {"image_size": side, "batch_size": batch, "precision": precision.name},
        "rows": [
            {"network": name, "parameters": parameters[name], "milliseconds": round(statistics.median(spent[name]), 1)}
            for name in COMPARISON
        ],
    }


def _step(
    model: nn.Module, optimizer: torch.optim.Optimizer, precision: Precision, images: Tensor, channels: Tensor
) -> Callable[[], None]:
    def step() -> None:
        with precision.autocast():
            levels = model(images)
        loss = deep_supervision_loss(levels, channels)
        precision.step(loss, model, optimizer, 1.0)
        precision.finish(optimizer)

    return step
