import math

import numpy as np
import pytest

from ml.labels import LabelSchema
from ml.metrics import ScoredFrame, bootstrap_interval, score_counts, score_frame, summarise

NAN = math.nan
ONE = LabelSchema(((1, "bone"),))
TWO = LabelSchema(((1, "bone"), (2, "canal")))


@pytest.mark.parametrize(
    ("both", "reference", "prediction", "dice", "iou", "precision", "recall"),
    [
        (0, 0, 0, 1, NAN, NAN, NAN),  # empty / empty
        (0, 0, 5, 0, 0, 0, NAN),  # empty / not empty
        (0, 5, 0, 0, 0, 0, 0),  # not empty / empty
        (0, 5, 5, 0, 0, 0, 0),  # side by side
        (4, 4, 4, 1, 1, 1, 1),
        (2, 4, 8, 1 / 3, 0.2, 0.25, 0.5),
    ],
)
def test_table_of_empty_masks(both, reference, prediction, dice, iou, precision, recall):
    score = score_counts(both, reference, prediction)
    np.testing.assert_allclose((score.dice, score.iou, score.precision, score.recall), (dice, iou, precision, recall))
    assert (score.in_reference, score.in_prediction) == (reference > 0, prediction > 0)


def test_a_shifted_square_has_the_score_computed_by_hand():
    reference, prediction = np.zeros((2, 20, 20), np.uint8)
    reference[5:15, 5:15] = 1
    prediction[5:15, 10:20] = 1
    score = score_frame(reference, prediction, ONE)[1]
    assert (score.dice, score.iou, score.precision, score.recall) == (0.5, 1 / 3, 0.5, 0.5)


def test_pixels_nobody_annotated_count_nowhere():
    reference = np.array([[1, 255, 255, 0]], np.uint8)
    prediction = np.array([[1, 1, 0, 0]], np.uint8)
    assert score_frame(reference, prediction, ONE)[1].dice == 1


def test_masks_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        score_frame(np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8), ONE)


def frame(subject, clip, *counts):
    return ScoredFrame(subject, clip, {index: score_counts(*c) for index, c in enumerate(counts, start=1)})


GOOD, BAD, ABSENT, INVENTED = (4, 4, 4), (0, 4, 0), (0, 0, 0), (0, 0, 4)


def test_means_go_frame_clip_subject_and_a_long_clip_does_not_dominate():
    frames = [*[frame("A", "a1", GOOD)] * 9, frame("A", "a2", BAD), frame("B", "b1", BAD)]
    scores = summarise(frames, ONE)
    assert scores["subjects"]["A"]["dice"] == 0.5  # (1 + 0) / 2, not 9 / 10
    assert scores["macro"]["dice"] == 0.25


def test_frames_without_the_label_are_left_out_and_counted():
    frames = [frame("A", "a", GOOD), frame("A", "a", ABSENT), frame("A", "a", INVENTED)]
    label = summarise(frames, ONE)["labels"]["1"]
    assert (label["dice"], label["n_used"], label["n_total"], label["false_positive_rate"]) == (1, 1, 3, 0.5)


def test_macro_is_the_mean_over_labels_that_are_shown():
    scores = summarise([frame("A", "a", GOOD, ABSENT), frame("B", "b", BAD, ABSENT)], TWO)
    assert scores["labels"]["2"]["dice"] is None
    assert scores["macro"]["dice"] == 0.5
    assert scores["subjects"]["B"]["labels"] == {"1": 0, "2": None}


def test_nothing_to_score_gives_nulls():
    scores = summarise([], TWO)
    assert (scores["macro"]["dice"], scores["n_used"], scores["n_total"]) == (None, 0, 0)


def test_the_interval_holds_the_mean_and_narrows_with_subjects():
    rng = np.random.default_rng(0)
    few, many = rng.uniform(0.6, 1, (5, 1)), rng.uniform(0.6, 1, (80, 1))
    wide, narrow = bootstrap_interval(few), bootstrap_interval(many)
    assert wide is not None and narrow is not None
    (low_few, high_few), (low, high) = wide, narrow
    assert low < many.mean() < high
    assert high - low < high_few - low_few
    assert bootstrap_interval(many) == (low, high)  # seeded
    assert bootstrap_interval(few[:1]) is None
