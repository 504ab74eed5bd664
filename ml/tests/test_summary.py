"""From frames to a model: means over clips and subjects, intervals, and paired differences."""

import numpy as np
import pytest

from ml.labels import LabelSchema
from ml.metrics import BINS, Distances, FrameScore, score_counts
from ml.summary import MEASURES, OVERLAP, ScoredFrame, bootstrap_interval, paired_differences, summarise

ONE = LabelSchema(((1, "bone"),))
TWO = LabelSchema(((1, "bone"), (2, "canal")))


def score(both, reference, prediction, hd95=0.0, bins=None):
    distances = Distances(hd95, hd95, float("nan"), 1.0)
    return FrameScore(score_counts(both, reference, prediction), reference, prediction, distances, bins)


def frame(subject, clip, *counts, **more):
    return ScoredFrame(subject, clip, {index: score(*c, **more) for index, c in enumerate(counts, start=1)})


GOOD, BAD, ABSENT, INVENTED = (40, 40, 40), (0, 40, 0), (0, 0, 0), (0, 0, 40)


def test_means_go_frame_clip_subject_and_a_long_clip_does_not_dominate():
    frames = [*[frame("A", "a1", GOOD)] * 9, frame("A", "a2", BAD, hd95=8.0), frame("B", "b1", BAD, hd95=2.0)]
    scores = summarise(frames, ONE)
    assert scores["subjects"]["A"]["dice"] == 0.5  # (1 + 0) / 2, not 9 / 10
    assert scores["macro"]["dice"] == 0.25
    assert scores["macro"]["hd95"] == 3  # (4 + 2) / 2
    assert scores["subjects"]["A"]["measures"]["hd95"] == {"1": 4}


def test_frames_without_the_label_are_left_out_and_counted():
    frames = [frame("A", "a", GOOD), frame("A", "a", ABSENT), frame("A", "a", INVENTED, hd95=99.0)]
    label = summarise(frames, ONE)["labels"]["1"]
    assert (label["dice"], label["n_used"], label["n_total"], label["false_positive_rate"]) == (1, 1, 3, 0.5)
    assert label["hd95"] == 0
    assert (label["subjects_used"], label["subjects_total"]) == (1, 1)


def test_macro_is_the_mean_over_labels_that_are_shown():
    scores = summarise([frame("A", "a", GOOD, ABSENT), frame("B", "b", BAD, ABSENT)], TWO)
    assert scores["labels"]["2"]["dice"] is None
    assert scores["labels"]["2"]["dice_quartiles"] is None
    assert scores["labels"]["2"]["subjects_used"] == 0
    assert scores["macro"]["dice"] == 0.5
    assert scores["subjects"]["B"]["labels"] == {"1": 0, "2": None}


def test_nothing_to_score_gives_nulls():
    scores = summarise([], TWO)
    assert (scores["macro"]["dice"], scores["n_used"], scores["n_total"]) == (None, 0, 0)
    assert scores["macro"]["worst"] == []


def test_a_frame_with_no_known_boundary_is_counted():
    frames = [frame("A", "a", GOOD, hd95=float("nan")), frame("A", "a", GOOD, hd95=2.0)]
    label = summarise(frames, ONE)["labels"]["1"]
    assert (label["hd95"], label["n_no_boundary"], label["n_used"]) == (2, 1, 2)


def test_presence_is_told_from_twenty_pixels_on_with_each_clip_alike():
    """Clip 1: found in one of two frames that show it. Clip 2 shows it nowhere and draws it in one of four. 19 px are
    nothing."""
    one = [frame("A", "1", GOOD), frame("A", "1", BAD)]
    other = [frame("A", "2", INVENTED), *[frame("A", "2", ABSENT)] * 2, frame("A", "2", (0, 19, 19))]
    label = summarise([*one, *other], ONE)["labels"]["1"]
    hit, missed, invented, rightly_none = 0.25, 0.25, 0.125, 0.375
    assert label["presence_sensitivity"] == hit / (hit + missed)
    assert label["presence_specificity"] == rightly_none / (rightly_none + invented)
    assert label["presence_f1"] == pytest.approx(2 * hit / (2 * hit + invented + missed), abs=1e-6)
    never = summarise([frame("A", "a", ABSENT)], ONE)["labels"]["1"]
    assert (never["presence_sensitivity"], never["presence_specificity"], never["presence_f1"]) == (None, 1, None)


@pytest.mark.parametrize(
    ("shown", "drawn", "sensitivity", "specificity"),
    [(20, 20, 1, None), (20, 19, 0, None), (19, 20, None, 0), (19, 19, None, 1)],
)
def test_twenty_pixels_are_there_and_nineteen_are_not(shown, drawn, sensitivity, specificity):
    label = summarise([frame("A", "a", (19, shown, drawn))], ONE)["labels"]["1"]
    assert (label["presence_sensitivity"], label["presence_specificity"]) == (sensitivity, specificity)


def test_calibration_is_that_of_a_clip_s_pixels_together():
    """Two frames wrong in opposite ways are calibrated together: that is what 0.5 promises."""
    right, wrong = np.zeros((2, BINS, 3))
    right[7], wrong[7] = (100, 50, 100), (100, 50, 0)
    together = [frame("A", "a", GOOD, bins=right), frame("A", "a", GOOD, bins=wrong)]
    assert summarise(together, ONE)["macro"]["ece"] == 0
    apart = [frame("A", "a", GOOD, bins=right), frame("B", "b", GOOD, bins=wrong)]
    assert summarise(apart, ONE)["macro"]["ece"] == 0.5


def test_quartiles_and_the_worst_five_are_over_subjects():
    frames = [frame(f"S{n}", "c", (n, 8, 8)) for n in range(9)]
    macro = summarise(frames, ONE)["macro"]
    assert macro["dice_quartiles"] == [0.25, 0.5, 0.75]
    assert macro["worst"] == [{"subject": f"S{n}", "dice": n / 8} for n in range(5)]


def test_a_quick_summary_has_the_overlap_only():
    scores = summarise([frame("A", "a", GOOD)], ONE, OVERLAP)
    assert "hd95" not in scores["macro"] and "ece" not in scores["labels"]["1"]
    assert set(scores["subjects"]["A"]["measures"]) == set(OVERLAP)
    full = summarise([frame("A", "a", GOOD)], ONE)
    for measure in MEASURES:
        assert {measure, f"{measure}_ci", f"{measure}_quartiles"} <= set(full["macro"])


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
    error = many.std() / np.sqrt(80)  # by the plain formula
    assert (low, high) == pytest.approx((many.mean() - 1.96 * error, many.mean() + 1.96 * error), abs=0.2 * error)


def scored(table, labels=TWO):
    """Scores of one frame a subject; Dice values [subjects][labels] in hundredths, None where it is not shown."""
    counts = [[ABSENT if value is None else (value, 100, 100) for value in row] for row in table]
    return summarise([frame(f"S{n}", "c", *row) for n, row in enumerate(counts)], labels)


def test_differences_are_paired_by_subject():
    ours, theirs = scored([[60, 90], [80, None], [70, 80]]), scored([[50, 90], [70, None], [60, 90]])
    rows, macro = paired_differences(ours, theirs)
    assert rows[1].mean == pytest.approx(0.1)
    assert rows[1].interval == pytest.approx((0.1, 0.1)), "the same gain on every subject: nothing to doubt"
    assert rows[2].mean == pytest.approx(-0.05)
    assert rows[2].interval == pytest.approx((-0.1, 0))
    assert macro is not None and macro.mean == pytest.approx(0.025)
    back, _ = paired_differences(theirs, ours)
    assert back[1].mean == -rows[1].mean


def test_one_subject_gives_a_difference_without_an_interval_and_none_gives_nothing():
    rows, macro = paired_differences(scored([[60, None]]), scored([[50, None]]))
    assert list(rows) == [1]
    assert rows[1].interval is None
    assert macro is not None and macro.mean == pytest.approx(0.1)
    assert paired_differences(scored([[None, None]]), scored([[None, None]])) == ({}, None)
    assert paired_differences(summarise([], TWO), summarise([], TWO)) == ({}, None)
