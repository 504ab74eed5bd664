"""Everything a run must remember to go on as if it had never stopped: one sealed safetensors file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ml.checkpoint import load_tensors, save_tensors
from ml.errors import TrainingFailed

_FILE = Path("checkpoint", "last.safetensors")
_BEST = "model.safetensors"  # what the trainer keeps beside it


@dataclass
class Progress:
    """How far the run is: complete epochs, steps done in the next one, the best so far, and what went wrong.

    rollbacks   times the loss was no number; each halves the learning rate
    halvings    times the memory was not enough; each halves the batch
    """

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    best_epoch: int = 0
    best_dice: float | None = None
    rollbacks: int = 0
    halvings: int = 0


class RunState:
    """The network, its moving average, optimizer, scaler and progress of one run, and the file they go to.

    story   what a checkpoint must agree with to be continued
    """

    def __init__(
        self,
        out: Path,
        story: Mapping[str, Any],
        model: nn.Module,
        average: nn.Module,
        optimizer: torch.optim.Optimizer,
        scaler: torch.amp.GradScaler,
    ) -> None:
        self.path, self.story = out / _FILE, dict(story)
        self.model, self.average, self.optimizer, self.scaler = model, average, optimizer, scaler
        self.progress = Progress()

    @staticmethod
    def exists(out: Path) -> bool:
        """Whether a run has left a checkpoint in this folder."""
        return (out / _FILE).exists()

    def save(self) -> None:
        """Write everything, atomically."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        story = {**self.story, "progress": asdict(self.progress), "scaler": self.scaler.state_dict()}
        save_tensors(self.path, dict(self._tensors()), story)

    def restore(self) -> None:
        """Go back to what the file says.

        Raises TrainingFailed when it belongs to another run, or the best weights so far are no longer beside it.
        """
        tensors, story = load_tensors(self.path)
        for key, value in self.story.items():
            if story.get(key) != value:
                raise TrainingFailed(
                    f"The checkpoint was made with another {key}{_which(story.get(key), value)}; start a new run in an "
                    "empty folder."
                )
        self.progress = Progress(**story["progress"])
        best = self.path.parents[1] / _BEST
        if self.progress.best_epoch and not best.exists():
            raise TrainingFailed(
                f"{best} is missing: the best weights so far, of epoch {self.progress.best_epoch}. Put the file back, "
                "or start a new run in an empty folder."
            )
        self.scaler.load_state_dict(story["scaler"])
        for prefix, model in (("model.", self.model), ("average.", self.average)):
            model.load_state_dict({n[len(prefix) :]: t for n, t in tensors.items() if n.startswith(prefix)})
        self.optimizer.state.clear()
        for name, parameter in self.model.named_parameters():
            for key in ("step", "exp_avg", "exp_avg_sq"):
                tensor = tensors.get(f"optimizer.{key}.{name}")
                if tensor is not None:
                    # The step counter stays as it is; moments go where and how the parameter lies.
                    place = tensor if key == "step" else torch.empty_like(parameter).copy_(tensor)
                    self.optimizer.state[parameter][key] = place.to(parameter.device) if self._fused else place

    @property
    def _fused(self) -> bool:
        return bool(self.optimizer.defaults.get("fused"))

    def _tensors(self) -> Iterator[tuple[str, Tensor]]:
        """Every tensor by name; the optimizer's once it has made a step."""
        for prefix, model in (("model", self.model), ("average", self.average)):
            for name, tensor in model.state_dict().items():
                yield f"{prefix}.{name}", tensor
        for name, parameter in self.model.named_parameters():
            for key, tensor in self.optimizer.state.get(parameter, {}).items():
                yield f"optimizer.{key}.{name}", tensor


def _which(then: Any, now: Any) -> str:
    """Which values differ, where there are names for them."""
    if not (isinstance(then, dict) and isinstance(now, dict)):
        return ""
    differ = [name for name in sorted(then.keys() | now.keys()) if then.get(name) != now.get(name)]
    return " (" + ", ".join(f"{name} {then.get(name)!r}, now {now.get(name)!r}" for name in differ) + ")"
