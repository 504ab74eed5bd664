"""Each sign of drift stops a way by itself; and a network decides where the flow is unsure, and only there."""

import cv2
import numpy as np
import pytest

from ml import motion
from ml.backends import Backend
from ml.config import ModelConfig
from ml.data import Letterbox, normalise
from ml.predict import Predictor
from ml.propagate import Carried, Propagation, Stop, dice
from ml.tests.synthetic import LABELS
from ml.weights import WeightsInfo

HEIGHT, WIDTH = 128, 160
BOX = Letterbox(HEIGHT, WIDTH, 160)  # of the network: frames keep their size, 16 rows of black above and below
PLACES = range(0, 14, 2)  # where the window of each frame begins
CORNER = (slice(84, 128), slice(0, 80))  # touches no structure
PATCH = (slice(96, 116), slice(10, 50))  # well inside it


def tissue(seed: int) -> np.ndarray:
    """uint8 [HEIGHT, 200] of speckle."""
    speckle = cv2.GaussianBlur(np.random.default_rng(seed).normal(size=(HEIGHT, 200)), (0, 0), 2.0)
    return np.clip(110 + 45 * speckle / speckle.std(), 1, 255).astype(np.uint8)


def passing(sheet: np.ndarray, places=PLACES) -> list[np.ndarray]:
    """A sheet of 200 px seen through a window that moves to the right: what it shows goes to the left."""
    return [sheet[:, x : x + WIDTH].copy() for x in places]


def structures(*labels: int) -> np.ndarray:
    """A mask of the sheet: an ellipse in the middle; a block beside it where a second label is named."""
    mask = np.zeros((HEIGHT, 200), np.uint8)
    cv2.ellipse(mask, (86, 54), (34, 22), 15, 0, 360, labels[0], -1)
    for label in labels[1:]:
        mask[20:50, 135:155] = label
    return mask


def renewed(frames: list[np.ndarray], since: int, where) -> list[np.ndarray]:
    """The frames, with other tissue there from one of them on: the flow finds nothing to follow."""
    changed = [frame.copy() for frame in frames]
    for t in range(since, len(frames)):
        changed[t][where] = tissue(100 + t)[:, :WIDTH][where]
    return changed


class Taught(Backend):
    """A network that was told what each frame shows, and is sure of it. It keeps what it is given beside a frame."""

    name, batch_size = "taught", 1

    def __init__(self, frames, answers):
        self.squares = [normalise(BOX.image(frame)) for frame in frames]
        self.answers = [LABELS.to_channels(BOX.mask(answer)) for answer in answers]
        self.given = {}

    def run(self, x, aux=None):
        t = int(np.argmin([np.abs(square - x[0, 0]).sum() for square in self.squares]))
        self.given[t] = aux
        best = self.answers[t]
        probabilities = np.where(best == np.arange(3)[:, None, None], 0.99, 0.005).astype(np.float32)
        return probabilities[None], best[None]


def taught(frames, answers, *, aux: bool = False) -> Predictor:
    config = ModelConfig.from_plain({"num_labels": 2, "aux": aux})
    return Predictor(Taught(frames, answers), WeightsInfo(config, LABELS, BOX.size, "0" * 64))


def go(frames, mask, **choices) -> tuple[list[Carried], Stop]:
    """Forward from the first frame: what was carried, and why it ended."""
    way = Propagation(frames, {0: mask}, directions=("forward",), **choices)
    found = list(way)
    [stop] = way.stops
    assert [each.index for each in found] == list(range(1, len(found) + 1))
    return found, stop


def soft(mask: np.ndarray) -> np.ndarray:
    """A bool mask as the plane that is moved: its edge a little soft."""
    return cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.7)


def followed(frames, mask: np.ndarray, t: int) -> tuple[np.ndarray, np.ndarray]:
    """A bool mask of the first frame as it lies in frame t, and how sure the flow is there."""
    greys = motion.prepare(frames)
    track = motion.Track(greys[0])
    for grey in greys[1 : t + 1]:
        step = track.follow(grey)
    [moved], sure = motion.warp_planes(soft(mask)[None], step)
    return moved, sure


def test_a_scene_that_changes_around_a_structure_stops_it():
    frames, masks = passing(tissue(0)), passing(structures(3))
    frames = renewed(frames, 4, cv2.dilate(masks[4], np.ones((25, 25))) == 0)
    found, stop = go(frames, masks[0])
    assert stop == Stop(0, "forward", 4, 4, "scene_change")
    assert dice(found[-1].labelmap == 3, masks[3] == 3) > 0.95


def test_tissue_that_changes_under_a_structure_stops_it():
    frames, masks = passing(tissue(0)), passing(structures(3))
    frames = renewed(frames, 4, cv2.dilate(masks[4], np.ones((9, 9))) > 0)
    found, stop = go(frames, masks[0])
    assert stop == Stop(0, "forward", 4, 4, "low_confidence")
    assert dice(found[-1].labelmap == 3, masks[3] == 3) > 0.95


@pytest.mark.parametrize("unknown", [slice(84, None), slice(0, None)], ids=["below", "all around"])
def test_what_nobody_annotated_does_not_hide_that_the_tissue_of_a_structure_changes(unknown):
    frames, masks = passing(tissue(0)), passing(structures(3))
    frames = renewed(frames, 4, cv2.dilate(masks[4], np.ones((9, 9))) > 0)
    key = masks[0].copy()
    key[unknown][key[unknown] == 0] = 255
    assert go(frames, key)[1] == Stop(0, "forward", 4, 4, "low_confidence")


@pytest.mark.parametrize(("zoom", "index"), [(1.05, 4), (0.945, 5)])
def test_a_structure_that_grows_or_shrinks_too_much_stops_it(zoom, index):
    """Area × 1.34 and 1.48 on frames 3 and 4; × 0.64 and 0.57 on frames 4 and 5."""
    sheet, mask = tissue(0), structures(3)
    steps = [cv2.getRotationMatrix2D((86, 54), 0, zoom**t) for t in range(8)]
    frames = [cv2.warpAffine(sheet, step, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT) for step in steps]
    masks = [cv2.warpAffine(mask, step, (WIDTH, HEIGHT), flags=cv2.INTER_NEAREST) for step in steps]
    found, stop = go(frames, masks[0])
    assert stop == Stop(0, "forward", index, index, "area_change", label=3)
    assert all(dice(each.labelmap == 3, masks[each.index] == 3) > 0.95 for each in found)


def test_a_structure_that_leaves_the_picture_stops_it():
    mask = structures(3)
    mask[40:90, :11] = 7
    places = [0, 1, 2, 14, 15]
    found, stop = go(passing(tissue(0), places), passing(mask, places)[0])
    assert stop == Stop(0, "forward", 3, 3, "structure_lost", label=7)
    assert (found[-1].labelmap == 7).any()


def test_a_structure_the_network_did_not_see_on_the_key_frame_stops_it():
    frames, masks, both = passing(tissue(0)), passing(structures(3)), passing(structures(3, 7))
    _, stop = go(frames, masks[0], network=taught(frames, masks[:3] + both[3:]))
    assert stop == Stop(0, "forward", 3, 3, "structure_appeared", label=7)
    found, stop = go(frames, masks[0], network=taught(frames, both))
    assert stop.reason == "end_of_clip"
    assert not any((each.labelmap == 7).any() for each in found)  # a person left it out


def test_a_network_that_no_longer_agrees_stops_it():
    frames, masks, both = passing(tissue(0)), passing(structures(3)), passing(structures(3, 7))
    found, stop = go(frames, both[0], network=taught(frames, both[:4] + masks[4:]))
    assert stop == Stop(0, "forward", 4, 4, "disagreement", label=7)
    assert all(each.flag == "green" and each.score > 0.95 for each in found)


def test_a_network_need_not_agree_more_than_on_the_key_frame():
    frames, masks = passing(tissue(0)), passing(structures(3))
    beside = [np.roll(mask, 20, axis=1) for mask in masks]
    assert 0.5 < dice(beside[0] == 3, masks[0] == 3) < 0.7
    found, stop = go(frames, masks[0], network=taught(frames, beside))
    assert stop.reason == "end_of_clip"
    assert all(each.flag == "green" for each in found)
    nothing = [np.zeros_like(mask) for mask in masks]
    for later in (masks[:2] + beside[2:], beside[:2] + nothing[2:]):
        _, stop = go(frames, masks[0], network=taught(frames, later))
        assert stop == Stop(0, "forward", 2, 2, "disagreement", label=3)


def test_the_network_decides_where_the_flow_is_unsure_and_only_there():
    frames, masks = renewed(passing(tissue(0)), 3, CORNER), passing(structures(3))
    answers = [mask.copy() for mask in masks]
    answers[3][PATCH] = 3
    found, _ = go(frames, masks[0], network=taught(frames, answers))
    sure = followed(frames, masks[0], 3)[1][PATCH]
    drawn = found[2].labelmap[PATCH] == 3
    assert (sure < 0.35).sum() > 100
    assert (sure > 0.6).sum() > 20
    assert drawn[sure < 0.35].all()
    assert not drawn[sure > 0.6].any()


def test_a_network_that_fails_on_the_key_frame_is_not_mixed_in():
    frames, masks = renewed(passing(tissue(0)), 3, CORNER), passing(structures(3))
    answers = [mask.copy() for mask in masks]
    answers[0] = np.roll(masks[0], 30, axis=1)
    assert dice(answers[0] == 3, masks[0] == 3) < 0.5
    answers[3][PATCH] = 3
    with_it, _ = go(frames, masks[0], network=taught(frames, answers))
    alone, _ = go(frames, masks[0])
    for one, other in zip(with_it, alone, strict=True):
        assert np.array_equal(one.labelmap, other.labelmap)
        assert one.score == other.score


def test_a_label_the_network_knows_is_drawn_only_while_it_is_living():
    frames, masks = renewed(passing(tissue(0)), 3, CORNER), passing(structures(3))
    answers = [mask.copy() for mask in masks]
    answers[3][100:110, 20:40] = 7
    network = taught(frames, answers)
    living, _ = go(frames, masks[0], network=network, living=[3, 7])
    assert (living[2].labelmap == 7).sum() > 50
    gone, stop = go(frames, masks[0], network=network, living=[3])
    assert stop.reason == "end_of_clip"
    assert all(set(np.unique(each.labelmap)) == {0, 3} for each in gone)


@pytest.mark.parametrize("value", [9, 255])
def test_what_the_network_does_not_know_stays_where_it_was_drawn(value):
    """9 is a label of a person's only; 255 is what nobody annotated."""
    frames, masks = renewed(passing(tissue(0)), 3, CORNER), passing(structures(3))
    answers = [mask.copy() for mask in masks]
    answers[3][PATCH] = 3
    key = masks[0].copy()
    key[76:] = np.where(key[76:], key[76:], value)
    found, _ = go(frames, key, network=taught(frames, answers))
    sure = followed(frames, key > 0, 3)[1][PATCH]
    assert (sure < 0.35).sum() > 100
    assert (found[2].labelmap[PATCH] == value).all()


def test_a_network_that_takes_a_prior_is_given_the_moved_mask_as_far_as_the_flow_is_sure():
    frames, masks = passing(tissue(0)), passing(structures(7))
    frames = renewed(frames, 3, (slice(50, 128), slice(0, 80)))
    network = taught(frames, masks, aux=True)
    go(frames, masks[0], network=network)
    moved, sure = followed(frames, masks[0] == 7, 3)
    assert ((moved > 0.5) & (sure < 0.5)).sum() > 200
    for t, prior in ((0, soft(masks[0] == 7)), (3, moved * sure)):
        expected = np.zeros((4, 160, 160), np.float32)
        expected[1, 16:144] = prior
        assert np.allclose(network.backend.given[t], [expected], atol=1e-3)


def test_a_network_that_fails_on_the_key_frame_sees_no_structure_appear():
    frames, masks, both = passing(tissue(0)), passing(structures(3)), passing(structures(3, 7))
    nothing, others = np.zeros_like(masks[0]), [np.where(mask == 7, 7, 0).astype(np.uint8) for mask in both]
    network = taught(frames, [nothing] * 3 + others[3:])
    assert go(frames, masks[0], network=network)[1].reason == "end_of_clip"


def test_a_structure_the_network_fails_on_moves_by_the_flow_alone_beside_one_it_knows():
    masks, both = passing(structures(3)), passing(structures(3, 7))
    frames = renewed(passing(tissue(0)), 3, (slice(10, 60), slice(105, 160)))
    alone, _ = go(frames, both[0])
    found, stop = go(frames, both[0], network=taught(frames, masks))
    assert stop.reason != "structure_lost"
    for with_it, without in zip(found, alone, strict=False):
        assert dice(with_it.labelmap == 7, without.labelmap == 7) > 0.97
