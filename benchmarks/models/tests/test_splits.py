"""Near-duplicates stay together, and every fold gets its share of every class."""

from collections import Counter

import cv2
import numpy as np
import pytest

from benchmarks.models.splits import FOLDS, clusters, folds, split


def _speckle(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 255, (12, 16), np.uint8)
    return cv2.resize(noise, (160, 120), interpolation=cv2.INTER_CUBIC)


def test_a_shifted_brighter_copy_is_in_its_originals_cluster():
    original, other = _speckle(1), _speckle(2)
    copy = np.roll(cv2.convertScaleAbs(original, alpha=0.9, beta=12), 1, axis=1)

    assert clusters([original, other, copy], correlation=0.95) == [0, 1, 0]


def test_a_chain_of_near_duplicates_is_one_cluster():
    first, last = _speckle(3).astype(float), _speckle(4).astype(float)
    chain = [(first * (1 - share) + last * share).astype(np.uint8) for share in np.linspace(0, 1, 12)]

    assert len(set(clusters(chain, correlation=0.95))) == 1
    assert clusters([chain[0], chain[-1]], correlation=0.95) == [0, 1]


def _set() -> tuple[list[int], list[str]]:
    """200 pictures of two classes, a third of them in clusters of 2 to 4."""
    rng = np.random.default_rng(5)
    cluster_of, class_of = [], []
    while len(cluster_of) < 200:
        size, name = int(rng.choice([1, 1, 1, 2, 4])), str(rng.choice(["benign", "malignant"], p=[0.7, 0.3]))
        cluster_of += [len(cluster_of)] * size
        class_of += [name] * size
    return cluster_of, class_of


def test_no_cluster_stands_on_two_sides():
    cluster_of, class_of = _set()
    for fold in range(FOLDS):
        sides = split(cluster_of, class_of, fold)
        found = [{cluster_of[index] for index in side} for side in (sides.train, sides.val, sides.test)]
        assert not found[0] & found[1] and not found[0] & found[2] and not found[1] & found[2]
        assert found[0] | found[1] | found[2] == set(cluster_of)


def test_every_picture_is_tested_in_exactly_one_fold():
    cluster_of, class_of = _set()
    tested = Counter(index for fold in range(FOLDS) for index in split(cluster_of, class_of, fold).test)

    assert tested == Counter(range(len(cluster_of)))


def test_training_sees_one_picture_of_each_cluster():
    cluster_of, class_of = _set()
    sides = split(cluster_of, class_of, 0)

    assert all(cluster_of[index] == index for index in sides.train + sides.val)


@pytest.mark.parametrize("name", ["benign", "malignant"])
def test_classes_are_spread_evenly(name: str):
    cluster_of, class_of = _set()
    fold_of = folds(cluster_of, class_of, FOLDS)
    counts = Counter(fold for fold, own in zip(fold_of, class_of, strict=True) if own == name)

    assert max(counts.values()) - min(counts.values()) <= 4  # the largest cluster
