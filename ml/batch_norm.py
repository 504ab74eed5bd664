"""Batch-norm statistics that belong to the weights they are used with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def fresh_statistics(network: nn.Module) -> Iterator[bool]:
    """Within, every pass through the network counts into its batch-norm statistics, from zero, as a plain mean.

    Those kept during training belong to other weights, and after few steps they are wrong enough to ruin a good network
    (MODEL.md 3.7). Yields whether there are any. The network is in eval mode before and after; within, all but the
    batch norms are.
    """
    network.eval()
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # plain mean over the batches
        norm.train()
    try:
        yield bool(norms)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        network.eval()
