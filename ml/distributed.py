"""Several processes, on one host or more, training one network: `torchrun --nproc-per-node N -m ml.train …`.

Each works on its part of every batch; gradients are averaged; the first process alone validates and writes.
"""

from __future__ import annotations

import datetime
import os
from dataclasses import dataclass

import torch
from torch import distributed, nn

_PATIENCE = datetime.timedelta(hours=6)  # the others wait while the first validates


@dataclass(frozen=True)
class World:
    """The processes of a run; by default this one alone. `rank` counts from 0 over all hosts, `local` on this one."""

    rank: int = 0
    size: int = 1
    local: int = 0

    @property
    def is_first(self) -> bool:
        """Whether this process validates and writes."""
        return self.rank == 0

    def device(self) -> torch.device:
        """Where this process computes."""
        return torch.device("cuda", self.local) if torch.cuda.is_available() else torch.device("cpu")

    def any(self, here: bool) -> bool:
        """Whether it is so in any process; all must ask."""
        if self.size == 1:
            return here
        flag = torch.tensor([float(here)])
        distributed.all_reduce(flag, distributed.ReduceOp.MAX)
        return bool(flag.item())

    def from_first(self, value: float) -> float:
        """The first process's number (NaN passes too); all must ask."""
        if self.size == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64)
        distributed.broadcast(shared, 0)
        return float(shared.item())

    def wait(self) -> None:
        """Go on when all are here."""
        if self.size > 1:
            distributed.barrier()

    def replicate(self, model: nn.Module) -> nn.Module:
        """The network as it is to be called in training: gradients come back averaged over the processes."""
        if self.size == 1:
            return model
        devices = [self.local] if torch.cuda.is_available() else None
        return nn.parallel.DistributedDataParallel(model, device_ids=devices)


def join() -> World:
    """The world torchrun has made, or this process alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return World()
    world = World(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]), int(os.environ["LOCAL_RANK"]))
    if torch.cuda.is_available():
        torch.cuda.set_device(world.local)
    # Gradients go over NCCL where there are GPUs; `any` and `from_first` send single numbers from the CPU.
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    distributed.init_process_group(backend, timeout=_PATIENCE)
    return world


def leave(world: World) -> None:
    """End what `join` began."""
    if world.size > 1:
        distributed.destroy_process_group()
