"""Scores of one frame: against the table, against cases counted by hand, and by what must hold for any mask."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ml.labels import LabelSchema
from ml.metrics import BINS, boundary, calibration_error, directed_distances, score_counts, score_frame

NAN = math.nan
ONE = LabelSchema(((1, "bone"),))
TWO = LabelSchema(((1, "bone"), (2, "canal")))


def square(top, left, side=10, shape=(40, 60), value=1):
    mask = np.zeros(shape, np.uint8)
    mask[top : top + side, left : left + side] = value
    return mask


EMPTY = np.zeros((40, 60), np.uint8)
DIAGONAL = math.hypot(40, 60)


@pytest.mark.parametrize(
    ("reference", "prediction", "overlap", "hd95", "assd", "nsd"),
    [
        (EMPTY, EMPTY, (1, NAN, NAN, NAN), 0, 0, NAN),
        (EMPTY, square(5, 5), (0, 0, 0, NAN), DIAGONAL, DIAGONAL, 0),
        (square(5, 5), EMPTY, (0, 0, 0, 0), DIAGONAL, DIAGONAL, 0),
        (square(5, 5), square(5, 5), (1, 1, 1, 1), 0, 0, 1),
    ],
    ids=["empty/empty", "empty/drawn", "there/empty", "equal"],
)
@pytest.mark.parametrize("spacing", [None, (0.5, 0.5), (0.5, 0.25)])
def test_table_of_empty_masks(reference, prediction, overlap, hd95, assd, nsd, spacing):
    score = score_frame(reference, prediction, ONE, spacing=spacing)[1]
    found = score.overlap
    np.testing.assert_allclose((found.dice, found.iou, found.precision, found.recall), overlap)
    row, column = spacing or (1, 1)
    scale = math.hypot(40 * row, 60 * column) / DIAGONAL
    distances = score.distances
    np.testing.assert_allclose((distances.hd95, distances.assd), (hd95 * scale, assd * scale))
    np.testing.assert_allclose((distances.nsd_1, distances.nsd_2), (nsd if spacing else NAN, nsd))
    assert (score.in_reference, score.in_prediction) == (bool(reference.any()), bool(prediction.any()))


@pytest.mark.parametrize(
    ("both", "reference", "prediction", "expected"),
    [(0, 5, 5, (0, 0, 0, 0)), (4, 4, 4, (1, 1, 1, 1)), (2, 4, 8, (1 / 3, 0.2, 0.25, 0.5))],
)
def test_overlap_from_counts(both, reference, prediction, expected):
    found = score_counts(both, reference, prediction)
    np.testing.assert_allclose((found.dice, found.iou, found.precision, found.recall), expected)


def test_a_square_moved_by_three_has_the_distances_counted_by_hand():
    """Boundaries of 36 pixels each, 10 on a side. Moved 3 to the right: of one boundary, the pixels of the two rows
    that lie beyond the other's end are 1, 2 (twice each) and the column is 3 away (10 pixels, corners with it); of the
    pixels inside, the other column is 3 away too but for those near the rows: row distance 1 and 2 (twice each)."""
    score = score_frame(square(5, 5), square(5, 8), ONE)[1]
    # Left column of the first (x=5): 3 away from x=8. Rows: x=6, 7 are 2 and 1 away, x=8..14 lie on the other's rows.
    # Right column (x=14), its 8 inner pixels: the nearest of the other is a row: 1, 2, 3, then 3 (its right column).
    per_pixel = [3] * 10 + [2, 2, 1, 1] + [0] * 14 + [1, 2, 3, 3, 3, 3, 2, 1]
    assert len(per_pixel) == 36
    assert score.distances.hd95 == np.percentile(per_pixel, 95) == 3
    assert score.distances.assd == pytest.approx(np.mean(per_pixel))
    assert score.distances.nsd_2 == pytest.approx(np.mean(np.array(per_pixel) <= 2))
    assert math.isnan(score.distances.nsd_1)
    in_mm = score_frame(square(5, 5), square(5, 8), ONE, spacing=(0.5, 0.5))[1].distances
    assert (in_mm.hd95, in_mm.assd) == (1.5, pytest.approx(np.mean(per_pixel) / 2))
    assert in_mm.nsd_1 == pytest.approx(np.mean(np.array(per_pixel) <= 2)), "2 px are 1 mm"
    assert in_mm.nsd_2 == 1
    assert score.overlap.dice == pytest.approx(0.7)


def test_rows_and_columns_of_other_spacing_count_by_their_own():
    down = score_frame(square(5, 5), square(9, 5), ONE, spacing=(0.5, 0.1))[1].distances
    right = score_frame(square(5, 5), square(5, 9), ONE, spacing=(0.5, 0.1))[1].distances
    assert right.hd95 == pytest.approx(0.4)
    assert down.hd95 == pytest.approx(2.0)


def test_hd95_is_the_larger_of_the_two_directions():
    reference, prediction = square(5, 5), square(5, 5)
    prediction[20:30, 40:50] = 1  # half of the prediction's boundary is far off, the reference's is all found
    forward, _ = directed_distances(boundary(reference > 0, reference == 0), prediction > 0, (1.0, 1.0))
    assert forward.max() == 0
    found = score_frame(reference, prediction, ONE)[1].distances.hd95
    assert found > 35
    assert found == score_frame(prediction, reference, ONE)[1].distances.hd95


def test_distances_are_those_of_every_pair_of_boundary_pixels():
    rng = np.random.default_rng(0)
    for _ in range(20):
        ours, theirs = rng.random((2, 23, 31)) < 0.05
        forth, back = directed_distances(ours, theirs, (0.3, 0.3))
        pairs = 0.3 * np.linalg.norm(np.argwhere(ours)[:, None] - np.argwhere(theirs)[None], axis=2)
        np.testing.assert_allclose(forth, pairs.min(1), rtol=1e-5)
        np.testing.assert_allclose(back, pairs.min(0), rtol=1e-5)
        # The path for pixels that are not square gives the same.
        uneven = directed_distances(ours, theirs, (0.3, 0.3 + 1e-9))
        np.testing.assert_allclose(np.concatenate(uneven), np.concatenate((forth, back)), rtol=1e-5)


def test_pixels_nobody_annotated_count_nowhere():
    reference = np.array([[1, 255, 255, 0]], np.uint8)
    prediction = np.array([[1, 1, 0, 0]], np.uint8)
    score = score_frame(reference, prediction, ONE)[1]
    assert score.overlap.dice == 1
    assert (score.reference, score.prediction) == (1, 1)


def test_where_annotation_ends_is_no_boundary():
    reference, prediction = square(5, 5, 20), square(5, 5, 20)
    reference[:, 15:] = 255  # the right half, which the prediction draws wrong
    prediction[:, 18:] = 0
    distances = score_frame(reference, prediction, ONE)[1].distances
    assert (distances.hd95, distances.nsd_2) == (0, 1)
    border = boundary(reference == 1, reference == 0)
    assert not border[6:24, 14].any() and border[6:24, 5].all()
    reference[reference != 1] = 255  # nobody annotated anything else
    distances = score_frame(reference, prediction, ONE)[1].distances
    assert math.isnan(distances.hd95) and math.isnan(distances.nsd_2)


def test_masks_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        score_frame(np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8), ONE)


def test_a_quick_score_leaves_distances_and_calibration_out():
    score = score_frame(square(5, 5), square(5, 8), ONE, probability=np.ones((40, 60), np.float32), quick=True)[1]
    assert score.overlap.dice == pytest.approx(0.7)
    assert math.isnan(score.distances.hd95)
    assert score.bins is None


# --- what holds for any two masks

masks = st.tuples(st.integers(1, 14), st.integers(1, 14)).flatmap(
    lambda shape: st.tuples(*[arrays.arrays(np.uint8, shape, elements=st.sampled_from([0, 1, 2]))] * 2)
)


@settings(max_examples=150, deadline=None)
@given(masks, st.sampled_from([None, (0.4, 0.4), (0.4, 0.7)]))
def test_bounds_and_symmetry(pair, spacing):
    there = score_frame(*pair, TWO, spacing=spacing)
    back = score_frame(*pair[::-1], TWO, spacing=spacing)
    row, column = spacing or (1, 1)
    diagonal = math.hypot(pair[0].shape[0] * row, pair[0].shape[1] * column)
    for index in TWO.indices:
        one, other = there[index], back[index]
        np.testing.assert_allclose(one.overlap.dice, other.overlap.dice)
        np.testing.assert_allclose(one.overlap.iou, other.overlap.iou)
        if one.in_reference and one.in_prediction:
            np.testing.assert_allclose(one.overlap.precision, other.overlap.recall)
            assert one.overlap.dice == pytest.approx(2 * one.overlap.iou / (1 + one.overlap.iou))
        np.testing.assert_allclose(one.distances.hd95, other.distances.hd95, rtol=1e-5)
        np.testing.assert_allclose(one.distances.assd, other.distances.assd, rtol=1e-5)
        np.testing.assert_allclose(one.distances.nsd_2, other.distances.nsd_2, rtol=1e-5)
        assert 0 <= one.distances.assd <= diagonal and 0 <= one.distances.hd95 <= diagonal
        for share in (*vars(one.overlap).values(), one.distances.nsd_1, one.distances.nsd_2):
            assert math.isnan(share) or 0 <= share <= 1
        if not math.isnan(one.distances.nsd_1):
            assert one.distances.nsd_1 <= one.distances.nsd_2


@settings(max_examples=60, deadline=None)
@given(masks, st.integers(0, 9), st.integers(0, 9), st.sampled_from([(0.5, 0.5), (0.2, 0.5), (0.1, 0.3)]))
def test_where_in_the_picture_does_not_matter(pair, down, right, spacing):
    """Away from the edge; the diagonal, which is the picture's, is left out."""

    def scores(top, left):
        placed = [np.zeros((40, 40), np.uint8) for _ in pair]
        for picture, mask in zip(placed, pair, strict=True):
            picture[top : top + mask.shape[0], left : left + mask.shape[1]] = mask
        return [
            (*vars(score.overlap).values(), *vars(score.distances).values())
            for score in score_frame(*placed, TWO, spacing=spacing).values()
            if score.in_reference and score.in_prediction
        ]

    np.testing.assert_allclose(scores(3, 3), scores(3 + down, 3 + right), rtol=1e-5)


@pytest.mark.parametrize("spacing", [(0.1, 0.1), (0.1, 0.10001), (0.1, 0.7)])
@pytest.mark.parametrize("top", [0, 7, 103])
def test_a_boundary_of_exactly_a_millimetre_away_is_within_it(spacing, top):
    reference, prediction = np.zeros((200, 30), np.uint8), np.zeros((200, 30), np.uint8)
    reference[top : top + 40] = prediction[top + 10 : top + 50] = 1
    score = score_frame(reference, prediction, TWO, spacing=spacing)[1]
    assert score.distances.nsd_1 == 1.0
    prediction[top + 50] = 1
    assert score_frame(reference, prediction, TWO, spacing=spacing)[1].distances.nsd_1 < 1.0


# --- calibration


def test_calibration_error_counts_pixels_near_the_boundary_by_hand():
    """A bar over the left 30 of 60 columns: its boundary is also the picture's edge on three sides, so the band covers
    all but the middle. Half of the band is drawn wrong, at a probability of 0.9."""
    reference = np.zeros((1, 60), np.uint8)
    reference[:, :30] = 1
    prediction = reference.copy()
    prediction[:, 30:35] = 1
    sure = np.full((1, 60), 0.9, np.float32)
    bins = score_frame(reference, prediction, ONE, probability=sure)[1].bins
    assert bins.shape == (BINS, 3)
    # One row: every pixel of the bar is at the picture's edge, so all 30 are boundary; the band reaches 10 further.
    np.testing.assert_allclose(bins[13], [40, 36, 35], rtol=1e-5)
    assert bins.sum() == pytest.approx(111, rel=1e-5)
    assert calibration_error(bins) == pytest.approx(abs(0.9 - 35 / 40), abs=1e-6)
    assert math.isnan(calibration_error(np.zeros((BINS, 3))))


def test_a_predictor_right_as_often_as_it_says_is_calibrated():
    rng = np.random.default_rng(0)
    reference = square(50, 50, 100, (200, 200))
    sure = rng.uniform(0.5, 1, reference.shape).astype(np.float32)
    prediction = np.where(rng.random(reference.shape) < sure, reference, 1 - reference).astype(np.uint8)
    honest = score_frame(reference, prediction, ONE, probability=sure)[1].bins
    boasting = score_frame(reference, prediction, ONE, probability=np.ones_like(sure))[1].bins
    assert calibration_error(honest) < 0.03
    assert calibration_error(boasting) == pytest.approx(0.25, abs=0.02)
    band = honest[:, 0].sum()
    assert band == pytest.approx(100 * 4 * 21, rel=0.05), "10 px on both sides of four sides"


def test_what_the_model_does_not_know_is_left_out_of_its_calibration():
    reference = square(5, 5)
    reference[5:15, 15:18] = 9  # a label the schema does not have
    sure = np.ones(reference.shape, np.float32)
    bins = score_frame(reference, square(5, 5), ONE, probability=sure)[1].bins
    assert calibration_error(bins) == 0
