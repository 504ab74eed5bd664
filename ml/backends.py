"""What computes the network: one small class per runtime, all giving the same answer within stated bounds.

    openvino-f32, openvino-bf16   the exported graph on a CPU, the default there
    onnxruntime-f32               the exported graph where OpenVINO cannot run
    torch-cuda-bf16               PyTorch on a GPU, the default where there is one
    torch-cpu-f32                 PyTorch on a CPU: the reference the others are measured against, and the last resort

torch is imported by its own backend only: the worker that drafts on a CPU never loads it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from ml.errors import BadData

if TYPE_CHECKING:
    import torch
    from torch import nn


class Backend(ABC):
    """A network ready to run.

    name        what is stored with every draft it computed
    batch_size  how many pictures it takes at once; what it gives for one does not depend on the others
    """

    name: str
    batch_size: int

    @abstractmethod
    def run(self, x: np.ndarray, aux: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities of each channel, and how undecided they are.

        x        float32 [B, 1, S, S], normalised
        aux      float32 [B, 2K, S, S] (`ml.model.AAUNet`), or None: then as if all zeros
        returns  float32 [B, K+1, S, S] that sum to 1, and float32 [B, S, S]: their entropy as a share of the
                 largest possible, 0 sure, 1 no idea
        Raises BadData for aux given to a network without a second input.
        """


def entropy(probabilities: np.ndarray) -> np.ndarray:
    """float32 [B, K+1, S, S] → float32 [B, S, S], as a share of the largest possible."""
    terms = probabilities * np.log(np.maximum(probabilities, 1e-12))
    return -terms.sum(1, dtype=np.float32) / np.float32(np.log(probabilities.shape[1]))


class TorchBackend(Backend):
    """PyTorch: fp32 on a CPU, bf16 where only products are concerned on a GPU."""

    def __init__(self, model: nn.Module, device: torch.device | str | None = None) -> None:
        import torch

        from ml.model import folded, to_device

        self._torch = torch
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.model = to_device(folded(model), self.device)
        on_gpu = self.device.type == "cuda"
        # On a CPU batches only cost memory (LIMITS.md); and a picture's draft must not depend on its company.
        self.batch_size = 16 if on_gpu else 1
        self.name = "torch-cuda-bf16" if on_gpu else "torch-cpu-f32"

    def run(self, x: np.ndarray, aux: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        torch = self._torch
        with torch.inference_mode(), torch.autocast("cuda", torch.bfloat16, enabled=self.device.type == "cuda"):
            inputs = [self._batch(x)] if aux is None else [self._batch(x), self._batch(aux)]
            logits = self.model(*inputs)
        probabilities = logits.float().softmax(1).cpu().contiguous().numpy()
        return probabilities, entropy(probabilities)

    def _batch(self, array: np.ndarray) -> torch.Tensor:
        batch = self._torch.from_numpy(array)
        return batch.to(self.device, memory_format=self._torch.channels_last)


def refuse_aux(name: str) -> BadData:
    """The refusal every backend gives for hints to a network that takes none."""
    return BadData(f"This model ({name}) takes no previous mask and no clicks: it was trained with aux off.")
