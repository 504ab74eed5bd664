"""The simulated annotator: every count it reports is one a reader could make by hand."""

import numpy as np

from benchmarks.annotator import mend, stroke, worst


def squares(*places: tuple[int, int, int, int]) -> np.ndarray:
    """40×40, each (label, row, column, side)."""
    label_map = np.zeros((40, 40), np.uint8)
    for label, row, column, side in places:
        label_map[row : row + side, column : column + side] = label
    return label_map


def test_from_scratch_every_piece_of_every_structure_is_a_stroke() -> None:
    truth = squares((1, 2, 2, 8), (1, 20, 2, 8), (2, 2, 20, 10))
    cost = mend(truth, np.zeros_like(truth))
    assert (cost.strokes, cost.clicks, cost.unchanged) == (3, 0, False)


def test_a_good_mask_costs_nothing() -> None:
    truth = squares((1, 2, 2, 20))
    start = truth.copy()
    start[2, 2] = 0
    cost = mend(truth, start)
    assert (cost.strokes, cost.unchanged) == (0, True)


def test_a_structure_drawn_where_there_is_none_is_taken_away() -> None:
    truth = squares((1, 2, 2, 10))
    cost = mend(truth, squares((1, 2, 2, 10), (5, 30, 30, 4)))
    assert cost.strokes == 1


def test_a_stroke_mends_the_largest_wrong_region_and_nothing_else() -> None:
    truth = squares((1, 2, 2, 10), (1, 30, 30, 3))
    mended = stroke(truth, np.zeros_like(truth), 1)
    assert (mended == squares((1, 2, 2, 10))).all()


def test_the_worst_structure_is_named_with_its_dice() -> None:
    assert worst(squares((1, 0, 0, 4), (2, 20, 20, 4)), squares((1, 0, 0, 4))) == (2, 0.0)
    assert worst(squares(), squares()) == (0, 1.0)


def test_clicks_come_before_strokes_and_are_counted_apart() -> None:
    truth = squares((1, 2, 2, 10), (2, 20, 20, 10))

    def click(drawn: np.ndarray, label: int) -> np.ndarray:
        return np.where(truth == 1, truth, drawn) if label == 1 else drawn  # understands only label 1

    cost = mend(truth, np.zeros_like(truth), click)
    assert (cost.clicks, cost.strokes) == (1 + 3, 1)
