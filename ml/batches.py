"""Batches for training: frames varied, hints simulated; in worker processes where a step is faster than the making."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ml.augment import augment
from ml.data import FrameSet, normalise
from ml.hints import encode_aux, error_clicks
from ml.perturb import distorted, soft
from ml.sampling import Showing

HINT_SCALE = 127  # hints travel as int8: a quarter of the bytes between processes and to a GPU
_MOST_WORKERS = 12


class Batch(NamedTuple):
    """What a step needs, on the CPU.

    images      float32 [B, 1, S, S], normalised
    targets     uint8 [B, S, S], channels 0..K or 255
    weights     float32 [B], how much each frame counts
    hints       int8 [n, 2K, S, S], `ml.hints` times 127, for the rows `hint_rows` int64 [n]; the others have none
    asking      int64 [m, 3]: (row, frame, repeat) of the frames to be clicked on, given the network's own prediction
    """

    images: Tensor
    targets: Tensor
    weights: Tensor
    hints: Tensor
    hint_rows: Tensor
    asking: Tensor


class FrameBatches(Dataset[Batch]):
    """Makes batches of frames. Every draw comes from (seed, epoch, frame, repeat), so it does not matter who makes one.

    hints_from  from this epoch on simulate previous masks and clicks (MODEL.md 6.2 P2): half of the frames get none, a
                quarter a previous mask, a quarter are to be clicked on. None: never
    """

    def __init__(
        self, frames: FrameSet, num_labels: int, *, seed: int, vary: bool, flip: bool, hints_from: int | None
    ) -> None:
        self.frames, self.num_labels, self.seed = frames, num_labels, seed
        self.vary, self.flip, self.hints_from = vary, flip, hints_from

    def __getitems__(self, asked: Sequence[tuple[Showing, bool]]) -> Batch:
        """The batch of these frames; the flag beside each says whether it may be varied and clicked on."""
        images, targets, hints, hint_rows, asking = [], [], [], [], []
        for row, (showing, training) in enumerate(asked):
            image, target, neighbour = self._frame(showing, vary=training and self.vary)
            images.append(normalise(image))
            targets.append(target)
            rng = np.random.default_rng([self.seed, *showing, 1])
            hinted = self.hints_from is not None and showing.epoch >= self.hints_from
            mode = rng.random() if hinted else 0.0
            if mode >= 0.75 and training:
                asking.append((row, showing.frame, showing.repeat))
            elif mode >= 0.5:
                hints.append(self._hint(target, neighbour, rng, clicked=mode >= 0.75))
                hint_rows.append(row)
        size = targets[0].shape
        return Batch(
            torch.from_numpy(np.stack(images)).unsqueeze(1),
            torch.from_numpy(np.stack(targets)),
            torch.from_numpy(self.frames.weights[[showing.frame for showing, _ in asked]]),
            torch.from_numpy(np.stack(hints) if hints else np.zeros((0, 2 * self.num_labels, *size), np.int8)),
            torch.tensor(hint_rows, dtype=torch.int64),
            torch.tensor(asking, dtype=torch.int64).reshape(-1, 3),
        )

    def _frame(self, showing: Showing, *, vary: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        image, masks = self.frames.images[showing.frame], [self.frames.masks[showing.frame]]
        if showing.frame in self.frames.neighbours:
            masks.append(self.frames.neighbours[showing.frame])
        if vary:
            rng = np.random.default_rng([self.seed, *showing])
            image, masks = augment(image, masks, rng, horizontal_flip=self.flip)
        return image, masks[0], masks[1] if len(masks) == 2 else None

    def _hint(
        self, target: np.ndarray, neighbour: np.ndarray | None, rng: np.random.Generator, *, clicked: bool
    ) -> np.ndarray:
        if neighbour is not None:
            prior = soft(neighbour, self.num_labels)
        else:
            prior = distorted(target, self.num_labels, rng)
        clicks = []
        if clicked:
            drawn = np.where(prior.max(0) > 0.5, prior.argmax(0) + 1, 0).astype(np.uint8)
            clicks = error_clicks(target, drawn, int(rng.integers(1, 6)))
        return (encode_aux(prior, clicks, self.num_labels, target.shape) * HINT_SCALE).round().astype(np.int8)


def workers_for(device: torch.device, processes: int = 1) -> int:
    """How many processes make batches: none on a CPU (a step takes a hundred times longer), most cores with a GPU."""
    if device.type != "cuda":
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(_MOST_WORKERS, cores // processes - 1))


class Loader:
    """Hands out batches in the order asked for, made ahead by `workers` processes (0: here, one at a time).

    The processes live as long as the loader. What they make depends on what is asked only, so a run resumes exactly.
    """

    def __init__(self, batches: FrameBatches, workers: int, *, pinned: bool) -> None:
        self.batches = batches
        self._asked: list[list[tuple[Showing, bool]]] = []
        self._loader: DataLoader[Batch] | None = None
        if workers:
            self._loader = DataLoader(
                batches,
                batch_sampler=_Asked(self._asked),
                num_workers=workers,
                collate_fn=_as_it_is,
                pin_memory=pinned,
                persistent_workers=True,
                prefetch_factor=2,
                worker_init_fn=_one_thread,
            )

    def over(self, wanted: Sequence[Sequence[Showing]], *, training: bool) -> Iterator[Batch]:
        """The batches of these frames; `training` as in FrameBatches: vary them and let them be clicked on."""
        asked = [[(showing, training) for showing in batch] for batch in wanted]
        if self._loader is None:
            yield from map(self.batches.__getitems__, asked)
        else:
            self._asked[:] = asked
            yield from self._loader


class _Asked:
    """A batch sampler over a list that changes from one pass to the next."""

    def __init__(self, asked: list[list[tuple[Showing, bool]]]) -> None:
        self.asked = asked

    def __iter__(self) -> Iterator[list[tuple[Showing, bool]]]:
        return iter(list(self.asked))

    def __len__(self) -> int:
        return len(self.asked)


def _as_it_is(batch: Any) -> Any:
    return batch


def _one_thread(_worker: int) -> None:
    cv2.setNumThreads(0)
