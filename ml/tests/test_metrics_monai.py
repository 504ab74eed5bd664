"""MONAI as an oracle: the same numbers wherever both define the same thing.

MONAI's boundary is the mask minus scipy's binary erosion with the 4-connected cross and nothing beyond the picture:
ours. Its HD with percentile=95 is the larger of both directed percentiles, its symmetric average surface distance is
pooled over both boundaries, its surface Dice counts boundary pixels (use_subvoxels=False): ours. Where they differ:
empty masks (MONAI: NaN or infinity; ours: MODEL.md 4.6's table) and pixels nobody annotated (MONAI has none).
"""

import warnings

import cv2
import numpy as np
import pytest
import torch

from ml.labels import LabelSchema
from ml.metrics import score_frame

pytestmark = pytest.mark.slow  # importing monai takes seconds

LABELS = LabelSchema(((1, "a"), (2, "b"), (3, "c")))


def blobs(rng, shape):
    mask = np.zeros(shape, np.uint8)
    for label in (1, 2, 3):
        for _ in range(rng.integers(1, 3)):
            centre = tuple(int(rng.integers(0, side)) for side in shape[::-1])
            axes = tuple(int(side) for side in rng.integers(3, 30, 2))
            cv2.ellipse(mask, centre, axes, int(rng.integers(0, 180)), 0, 360, label, -1)
    return mask


def one_hot(mask):
    return torch.from_numpy(np.stack([mask == index for index in range(4)])[None].astype(np.float32))


@pytest.mark.parametrize("spacing", [None, (0.21, 0.21), (0.3, 0.12)])
def test_all_measures_equal_monai_s(spacing):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from monai import metrics as monai
    rng = np.random.default_rng(0)
    compared = 0
    for _ in range(15):
        shape = tuple(rng.integers(60, 160, 2))
        reference, prediction = blobs(rng, shape), blobs(rng, shape)
        ours = score_frame(reference, prediction, LABELS, spacing=spacing)
        theirs, drawn = one_hot(reference), one_hot(prediction)
        given = {"include_background": False, "spacing": spacing}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dice = monai.compute_dice(drawn, theirs, include_background=False)[0]
            iou = monai.compute_iou(drawn, theirs, include_background=False)[0]
            hd95 = monai.compute_hausdorff_distance(drawn, theirs, percentile=95, **given)[0]
            assd = monai.compute_average_surface_distance(drawn, theirs, symmetric=True, **given)[0]
            nsd = [monai.compute_surface_dice(drawn, theirs, [float(t)] * 3, **given)[0] for t in (1, 2)]
        for column, index in enumerate(LABELS.indices):
            score = ours[index]
            if not (score.in_reference and score.in_prediction):
                continue
            compared += 1
            assert score.overlap.dice == pytest.approx(float(dice[column]), abs=1e-5)
            assert score.overlap.iou == pytest.approx(float(iou[column]), abs=1e-5)
            assert score.distances.hd95 == pytest.approx(float(hd95[column]), rel=1e-4, abs=1e-4)
            assert score.distances.assd == pytest.approx(float(assd[column]), rel=1e-4, abs=1e-4)
            assert score.distances.nsd_2 == pytest.approx(float(nsd[1][column]), abs=1e-5)
            if spacing:
                assert score.distances.nsd_1 == pytest.approx(float(nsd[0][column]), abs=1e-5)
    assert compared > 25
