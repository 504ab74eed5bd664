import numpy as np
import pytest

from ml.augment import augment


@pytest.mark.parametrize("horizontal_flip", [True, False])
def test_a_frame_may_be_mirrored_sideways_and_never_turned_upside_down(horizontal_flip):
    mask = np.zeros((128, 128), np.uint8)
    mask[20:44, 20:44] = 1  # upper left
    mirrored = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        image, [moved] = augment(200 * mask, [mask], rng, horizontal_flip=horizontal_flip)
        rows, columns = np.nonzero(moved)
        assert rows.mean() < 60
        mirrored += columns.mean() > 64
        assert image[moved == 1].mean() > 4 * image[moved == 0].mean()  # picture and mask alike
    assert (20 <= mirrored <= 40) if horizontal_flip else mirrored == 0
