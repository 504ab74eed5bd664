"""Clicks: they land where they were made, change only what they point at, and are counted as an annotator's."""

import cv2
import numpy as np
import pytest

from ml.backends import Backend
from ml.config import ModelConfig
from ml.errors import BadData
from ml.interact import Point, noc, points_of_box, points_of_scribble, refine
from ml.labels import LabelSchema
from ml.predict import Predictor
from ml.weights import WeightsInfo

LABELS = LabelSchema(((3, "bone"), (7, "canal")))
HEIGHT, WIDTH = 96, 160


class Obedient(Backend):
    """A network that repeats the mask it is given, with 8 px around each click given to its label, or taken."""

    name, batch_size = "obedient", 1

    def run(self, x, aux=None):
        channels = len(aux[0]) // 2
        probabilities = np.zeros((1, channels + 1, *x.shape[2:]), np.float32)
        probabilities[0, 1:] = 0.9 * aux[0, :channels]
        for channel in range(channels):
            for sign in (-1, 1):
                near = cv2.dilate((aux[0, channels + channel] == sign).astype(np.uint8), np.ones((7, 7))) > 0
                probabilities[0, 1:, near] = 0
                probabilities[0, channel + 1, near] = 0.9 * (sign > 0)
        probabilities[0, 0] = np.clip(1 - probabilities[0, 1:].sum(0), 0, 1)
        return probabilities, np.zeros((1, *x.shape[2:]), np.float32)


@pytest.fixture
def predictor() -> Predictor:
    config = ModelConfig.from_plain({"num_labels": 2, "aux": True})
    return Predictor(Obedient(), WeightsInfo(config, LABELS, 128, "0" * 64))


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(1, 255, (HEIGHT, WIDTH), np.uint8)


def test_a_click_draws_where_it_was_made_and_says_what_changed(predictor, image):
    made = refine(predictor, image, np.zeros((HEIGHT, WIDTH), np.uint8), 7, [Point(100.5, 40.5, True)])
    rows, columns = np.nonzero(made.labelmap)
    assert set(np.unique(made.labelmap)) == {0, 7}
    # 160 px wide seen at 128: the answer comes back within a pixel or two of where the click was.
    assert rows.mean() == pytest.approx(40.5, abs=1.5)
    assert columns.mean() == pytest.approx(100.5, abs=1.5)
    assert made.box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert made.changed == len(rows)
    assert made.score == pytest.approx(0.9, abs=0.1)


def test_the_network_is_given_the_mask_as_it_is_and_then_the_clicks(predictor):
    class Recording(Obedient):
        def run(self, x, aux=None):
            self.given = aux
            return super().run(x, aux)

    recording = Predictor(Recording(), predictor.info)
    prior = np.zeros((96, 128), np.uint8)  # in the square of 128 at its own size, 16 rows from the top
    prior[10:30, 20:50], prior[40:60, 70:90], prior[80:] = 3, 7, 255
    refine(recording, np.ones_like(prior), prior, 7, [Point(70, 35, True), Point(30, 70, False)])
    [given] = recording.backend.given
    expected = np.zeros((4, 128, 128), np.float32)
    expected[0, 16:112], expected[1, 16:112] = prior == 3, prior == 7
    cv2.circle(expected[3], (70, 51), 5, 1.0, cv2.FILLED)
    cv2.circle(expected[3], (30, 86), 5, -1.0, cv2.FILLED)
    assert np.array_equal(given, expected)


@pytest.mark.parametrize("other_side", [(0.45, 0.15, 0.40), (0.15, 0.45, 0.40)])
def test_the_label_is_drawn_where_it_beats_its_best_rival_sure_or_not(predictor, image, other_side):
    class Torn(Obedient):
        def run(self, x, aux=None):
            probabilities = np.empty((1, 3, *x.shape[2:]), np.float32)
            probabilities[:] = np.array([0.35, 0.25, 0.40])[:, None, None]
            probabilities[:, :, :, 40:] = np.array(other_side)[:, None, None]
            return probabilities, np.zeros((1, *x.shape[2:]), np.float32)

    torn = Predictor(Torn(), predictor.info)
    made = refine(torn, image, np.zeros((HEIGHT, WIDTH), np.uint8), 7, [Point(25, 48, True)])
    assert (made.labelmap[:, :49] == 7).all()  # 40 px of the square are 50 of the picture
    assert not made.labelmap[:, 51:].any()


def test_only_the_label_in_hand_changes_unless_it_may_paint_over_another(predictor, image):
    prior = np.zeros((HEIGHT, WIDTH), np.uint8)
    prior[:, :80] = 3
    prior[60:, 80:] = 255
    click = [Point(80, 55, True)]
    kept = refine(predictor, image, prior, 7, click).labelmap
    assert (kept[prior == 3] == 3).all()
    assert (kept[52:58, 81:86] == 7).all()  # background and "not annotated" give way
    taken = refine(predictor, image, prior, 7, click, over=[3]).labelmap
    assert (taken[52:58, 74:79] == 7).all()
    assert (taken[:, :60] == 3).all()


def test_a_negative_click_leaves_background_and_what_it_does_not_point_at_alone(predictor, image):
    prior = np.zeros((HEIGHT, WIDTH), np.uint8)
    prior[20:40, 20:40] = prior[60:90, 110:150] = 3
    made = refine(predictor, image, prior, 3, [Point(30, 30, False)])
    assert not made.labelmap[24:36, 24:36].any()
    assert np.array_equal(made.labelmap[50:], prior[50:])
    assert made.box[2] <= 50


def test_a_negative_click_never_draws(predictor, image):
    class Contrary(Obedient):
        def run(self, x, aux=None):
            probabilities, entropy = super().run(x, aux)
            probabilities[0, :, 30:90, 20:110] = np.array([0, 1, 0], np.float32)[:, None, None]
            return probabilities, entropy

    contrary = Predictor(Contrary(), predictor.info)
    prior = np.zeros((HEIGHT, WIDTH), np.uint8)
    assert refine(contrary, image, prior, 3, [Point(80, 48, False)]).changed == 0
    prior[40:60, 70:90] = 3
    made = refine(contrary, image, prior, 3, [Point(80, 48, False)]).labelmap
    assert made[48, 80] == 0
    assert not made[prior == 0].any()
    both = refine(contrary, image, prior, 3, [Point(80, 48, False), Point(40, 48, True)]).labelmap
    assert both[48, 80] == 0
    assert both[48, 40] == 3


def test_changes_far_from_every_click_are_not_taken(predictor, image):
    class Eager(Obedient):
        def run(self, x, aux=None):
            probabilities, entropy = super().run(x, aux)
            probabilities[0, :, 80:100, 100:120] = np.array([0, 1, 0], np.float32)[:, None, None]
            return probabilities, entropy

    eager = Predictor(Eager(), predictor.info)
    made = refine(eager, image, np.zeros((HEIGHT, WIDTH), np.uint8), 3, [Point(20, 20, True)])
    assert (made.labelmap[:, 80:] == 0).all()
    assert made.changed > 100


def test_what_cannot_be_refined_is_refused_in_words(predictor, image):
    blank = np.zeros((HEIGHT, WIDTH), np.uint8)
    for points, label, words in (
        ([], 3, "no click"),
        ([Point(160, 5, True)], 3, "outside"),
        ([Point(1, 1, True)], 4, "does not know label 4"),
    ):
        with pytest.raises(BadData, match=words):
            refine(predictor, image, blank, label, points)
    with pytest.raises(BadData, match="80×96"):
        refine(predictor, image, blank[:, :80], 3, [Point(1, 1, True)])


def test_boxes_and_scribbles_become_clicks():
    assert points_of_box((10, 20, 30, 60))[-1] == Point(20, 40, True)
    assert all(not point.positive for point in points_of_box((10, 20, 30, 60))[:4])
    line = points_of_scribble([(0, 0), (30, 0), (30, 40)], True, 10)
    assert (line[0].x, line[0].y, line[-1].x, line[-1].y) == (0, 0, 30, 40)
    assert len(line) == 8
    assert points_of_scribble([(4, 5)], False, 10) == [Point(4, 5, False)]


def test_clicks_are_counted_until_the_mask_is_right(predictor, image):
    truth = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.circle(truth, (72, 42), 12, 3, -1)
    scratch = noc(predictor, image, truth, None, 3)
    assert scratch.reached
    assert 1 <= scratch.clicks <= 4
    assert scratch.dice[0] == 0
    assert len(scratch.dice) == scratch.clicks + 1
    draft = truth.copy()
    draft[30:40, 60:70] = 0
    assert noc(predictor, image, truth, draft, 3).clicks <= scratch.clicks
    assert noc(predictor, image, truth, truth, 3).clicks == 0


def test_clicks_that_lead_nowhere_cost_the_cap(image):
    class Deaf(Obedient):
        def run(self, x, aux=None):
            probabilities, entropy = super().run(x, np.zeros_like(aux))
            return probabilities, entropy

    config = ModelConfig.from_plain({"num_labels": 2, "aux": True})
    deaf = Predictor(Deaf(), WeightsInfo(config, LABELS, 128, "0" * 64))
    truth = np.zeros((HEIGHT, WIDTH), np.uint8)
    truth[20:70, 40:120] = 3
    tried = noc(deaf, image, truth, None, 3, cap=4)
    assert (tried.clicks, tried.reached, len(tried.dice)) == (4, False, 5)
