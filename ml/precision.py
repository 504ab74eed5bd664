"""Which decimals a step is computed in (MODEL.md 4.5)."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn

from ml.errors import BadConfig


class Precision:
    """Autocast for the passes, and a scaler of the loss where half precision would lose small gradients.

    wanted  "auto": on CUDA bf16 where the device computes it, else fp16; on a CPU fp32 (bf16 was measured no faster for
            this network even with AVX512-BF16, MODEL.md 3.9). Or "fp32", "bf16", "fp16" by name; fp16 needs CUDA.
    Raises BadConfig for fp16 on a CPU.
    """

    def __init__(self, wanted: str, device: torch.device) -> None:
        if wanted == "auto":
            wanted = "fp32"
            if device.type == "cuda":
                wanted = "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
        if wanted == "fp16" and device.type != "cuda":
            raise BadConfig('precision "fp16" needs a CUDA device; choose "auto", "fp32" or "bf16".')
        self.name, self.device = wanted, device
        self.dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[wanted]
        self.scaler = torch.amp.GradScaler(device.type, enabled=wanted == "fp16")

    def autocast(self) -> AbstractContextManager[Any]:
        """The context of every pass through the network."""
        return torch.autocast(self.device.type, self.dtype, enabled=self.dtype is not torch.float32)

    def step(self, loss: Tensor, network: nn.Module, optimizer: torch.optim.Optimizer, clip: float) -> float:
        """Backward pass and clipping; returns the norm the gradient had. `finish` then moves the weights.

        A norm that is no number is a fault, except with a scaler: that one leaves the step out and scales less.
        """
        optimizer.zero_grad()
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(optimizer)
        norm = float(nn.utils.clip_grad_norm_(network.parameters(), clip))
        return 0.0 if self.scaler.is_enabled() else norm

    def finish(self, optimizer: torch.optim.Optimizer) -> None:
        """Move the weights by the gradient."""
        self.scaler.step(optimizer)
        self.scaler.update()
