import numpy as np
import pytest

from ml.errors import BadData
from ml.hints import Click, encode_aux, error_clicks, one_hot


def test_masks_come_first_and_clicks_after_them_in_channel_order():
    prior = np.zeros((2, 40, 50), np.float32)
    prior[1, 3, 4] = 0.7
    aux = encode_aux(prior, [Click(20, 10, 1, True), Click(30, 25, 2, False)], 2, (40, 50))
    assert aux.shape == (4, 40, 50) and aux.dtype == np.float32
    assert aux[1, 3, 4] == np.float32(0.7) and aux[0].sum() == 0
    assert aux[2, 10, 20] == 1 and aux[2, 10, 25] == 1 and aux[2, 10, 26] == 0 and aux[2].min() == 0
    assert aux[3, 25, 30] == -1 and aux[3, 30, 30] == -1 and aux[3, 31, 30] == 0 and aux[3].max() == 0


def test_a_click_at_the_edge_is_drawn_as_far_as_there_is_picture_and_a_later_click_wins():
    aux = encode_aux(None, [Click(-1, 0, 1, True)], 1, (16, 16))
    assert aux[1, 0, 0] == 1 and aux[0].sum() == 0
    both = encode_aux(None, [Click(8, 8, 1, True), Click(8, 8, 1, False)], 1, (16, 16))
    assert both[1].max() == 0 and both[1, 8, 8] == -1


def test_what_does_not_fit_is_refused():
    with pytest.raises(BadData, match="channel 3"):
        encode_aux(None, [Click(0, 0, 3, True)], 2, (16, 16))
    with pytest.raises(BadData, match=r"\(2, 16, 16\)"):
        encode_aux(np.zeros((2, 8, 8), np.float32), [], 2, (16, 16))


def test_clicks_go_to_the_middle_of_the_largest_errors():
    truth = np.zeros((60, 60), np.uint8)
    truth[10:21, 10:31] = 1  # missed altogether: 231 px
    drawn = np.zeros_like(truth)
    drawn[40:47, 40:47] = 2  # drawn on background: 49 px
    clicks = error_clicks(truth, drawn, 5)
    assert [(click.channel, click.positive) for click in clicks] == [(1, True), (2, False)]
    assert clicks[0].y == 15 and 15 <= clicks[0].x <= 25
    assert (clicks[1].x, clicks[1].y) == (43, 43)
    assert error_clicks(truth, drawn, 1) == clicks[:1]
    assert error_clicks(truth, truth, 5) == []


def test_one_label_drawn_as_another_gets_one_click_and_the_unknown_none():
    truth = np.full((40, 40), 255, np.uint8)
    truth[10:20, 10:20] = 1
    drawn = np.full_like(truth, 2)
    assert [(click.channel, click.positive) for click in error_clicks(truth, drawn, 5)] == [(1, True)]


def test_one_hot_leaves_the_unknown_out():
    assert one_hot(np.array([[0, 1], [2, 255]], np.uint8), 2).tolist() == [[[0, 1], [0, 0]], [[0, 0], [1, 0]]]
