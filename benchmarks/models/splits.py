"""Splits of image sets that name no patients: near-duplicates together, folds stratified by class.

Two pictures are near-duplicates when their difference hashes differ in few of 64 bits, or their 32×32 thumbnails
correlate strongly. Chains of near-duplicates form a cluster, and a cluster lies on one side of every split. Rather one
cluster too large than a lesion on both sides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

FOLDS = 5
NEAR_BITS = 10
_THUMBNAIL = 32
_INNER_PARTS = 8  # one of eight parts of the training folds chooses the epoch


@dataclass(frozen=True)
class Split:
    """Indices of pictures per side. `train` and `val` hold one picture of each cluster, `test` all of them."""

    train: tuple[int, ...]
    val: tuple[int, ...]
    test: tuple[int, ...]


def difference_hash(grey: np.ndarray) -> np.ndarray:
    """bool [64]: is each cell of an 8×9 thumbnail darker than its right neighbour; grey is uint8 [H, W]."""
    small = cv2.resize(grey, (9, 8), interpolation=cv2.INTER_AREA).astype(np.int16)
    return (small[:, 1:] > small[:, :-1]).ravel()


def clusters(pictures: Sequence[np.ndarray], correlation: float) -> list[int]:
    """A cluster number per picture, each the index of the cluster's first picture.

    pictures     uint8 [H, W] each
    correlation  thumbnails that correlate more than this are near-duplicates, whatever their hashes
    """
    hashes = np.array([difference_hash(picture) for picture in pictures])
    small = [cv2.resize(p, (_THUMBNAIL, _THUMBNAIL), interpolation=cv2.INTER_AREA).ravel() for p in pictures]
    values = np.array(small, np.float32)
    values -= values.mean(1, keepdims=True)
    values /= np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-6)
    near = (hashes[:, None] != hashes[None]).sum(2) <= NEAR_BITS
    near |= values @ values.T > correlation

    first = [-1] * len(pictures)
    for start in range(len(pictures)):
        waiting = [start] if first[start] < 0 else []
        while waiting:
            index = waiting.pop()
            first[index] = start
            waiting += [int(other) for other in np.flatnonzero(near[index]) if first[other] < 0]
    return first


def folds(cluster_of: Sequence[int], class_of: Sequence[str], parts: int, seed: int = 0) -> list[int]:
    """A fold 0..parts-1 per picture: clusters stay whole, every class is spread evenly.

    A cluster counts as of the class of its first picture. Within a class, clusters are shuffled and dealt, large ones
    first, each to the fold that has the fewest pictures of that class.
    """
    members: dict[int, list[int]] = defaultdict(list)
    for index, cluster in enumerate(cluster_of):
        members[cluster].append(index)
    rng = np.random.default_rng(seed)
    fold_of = [-1] * len(cluster_of)
    for name in sorted(set(class_of)):
        own = [cluster for cluster in members if class_of[cluster] == name]
        own = [own[place] for place in rng.permutation(len(own))]
        filled = [0] * parts
        for cluster in sorted(own, key=lambda each: -len(members[each])):
            fold = filled.index(min(filled))
            filled[fold] += len(members[cluster])
            for index in members[cluster]:
                fold_of[index] = fold
    return fold_of


def split(cluster_of: Sequence[int], class_of: Sequence[str], fold: int) -> Split:
    """The sides for one test fold. The epoch is chosen on `val`, which is taken from the training folds."""
    outer = folds(cluster_of, class_of, FOLDS)
    rest = [index for index, of in enumerate(outer) if of != fold]
    place = {index: n for n, index in enumerate(rest)}
    # A cluster is whole, so its first picture is in `rest` when any of it is.
    inner = folds([place[cluster_of[i]] for i in rest], [class_of[i] for i in rest], _INNER_PARTS, seed=1 + fold)
    single = [(index, part) for index, part in zip(rest, inner, strict=True) if cluster_of[index] == index]
    return Split(
        train=tuple(index for index, part in single if part),
        val=tuple(index for index, part in single if not part),
        test=tuple(index for index, of in enumerate(outer) if of == fold),
    )
