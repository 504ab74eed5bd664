"""Training on clicks: the network draws, a person who knows the truth clicks on its errors, and it draws again.

Iterative training of RITM (arXiv 2102.06583; MODEL.md 6.2 P2): the drawing that the network gets back is its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from ml.hints import Click, encode_aux, error_clicks

_MOST_CLICKS, _MOST_ROUNDS = 5, 3


@torch.no_grad()
def clicked_hints(
    draw: Callable[[Tensor, Tensor], Tensor],
    images: Tensor,
    truth: Tensor,
    num_labels: int,
    seeds: Sequence[Sequence[int]],
) -> Tensor:
    """The hints after one to three rounds of clicking, up to five clicks together.

    draw     (images, hints) → logits [n, K+1, S, S], in eval mode
    images   [n, 1, S, S] on the network's device
    truth    uint8 [n, S, S] on the CPU, channels 0..K or 255
    seeds    one per picture; all that is random comes from it
    returns  float32 [n, 2K, S, S] on the network's device: the network's last drawing and all clicks so far
    """
    rounds = [_clicks_per_round(np.random.default_rng(list(seed))) for seed in seeds]
    clicks: list[list[Click]] = [[] for _ in seeds]
    hints = images.new_zeros(len(images), 2 * num_labels, *images.shape[-2:])
    for number in range(max(map(len, rounds))):
        going = [n for n, planned in enumerate(rounds) if number < len(planned)]
        logits = draw(images[going], hints[going]).float()  # the first time without any hint
        hints[going, :num_labels] = logits.softmax(1)[:, 1:]
        drawn = logits.argmax(1).to(torch.uint8).cpu().numpy()
        with ThreadPoolExecutor(min(8, len(going))) as pool:  # OpenCV lets the threads run side by side
            counts = [rounds[n][number] for n in going]
            new = list(pool.map(error_clicks, truth[going].numpy(), drawn, counts))
        for n, more in zip(going, new, strict=True):
            clicks[n] += more
            planes = encode_aux(None, clicks[n], num_labels, (images.shape[-2], images.shape[-1]))[num_labels:]
            hints[n, num_labels:] = torch.from_numpy(planes).to(hints.device)
    return hints


def _clicks_per_round(rng: np.random.Generator) -> list[int]:
    """One to five clicks over one to three rounds, at least one in each."""
    total = int(rng.integers(1, _MOST_CLICKS + 1))
    rounds = int(rng.integers(1, min(_MOST_ROUNDS, total) + 1))
    return [len(part) for part in np.array_split(np.arange(total), rounds)]
