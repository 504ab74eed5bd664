"""Masks carried along a clip: they stay on the tissue, and stop where it is lost."""

import cv2
import numpy as np
import pytest

from ml import motion
from ml.errors import BadData
from ml.propagate import Carried, Propagation, copy_mask, dice, warp_only

HEIGHT, WIDTH = 128, 160


def moving_ellipse(count: int, seed: int = 0, label: int = 3) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Frames of speckle with a dark ellipse, the whole moving 1.5 px right and 0.7 px down a frame; and its masks."""
    rng = np.random.default_rng(seed)
    big = cv2.GaussianBlur(rng.rayleigh(1.0, (HEIGHT + 80, WIDTH + 120)).astype(np.float32), (0, 0), 1.0)
    level = np.full(big.shape, 120, np.float32)
    cv2.ellipse(level, (130, 90), (34, 22), 15, 0, 360, 45, -1)
    tissue, truth = level * big, (level < 100).astype(np.uint8) * label
    frames, masks = [], []
    for t in range(count):
        shift = np.array([[1, 0, -60 + 1.5 * t], [0, 1, -30 + 0.7 * t]], np.float32)
        moved = cv2.warpAffine(tissue, shift, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)
        noisy = moved * rng.normal(1.0, 0.03, moved.shape)
        frames.append(np.clip(noisy, 1, 255).astype(np.uint8))
        masks.append(cv2.warpAffine(truth, shift, (WIDTH, HEIGHT), flags=cv2.INTER_NEAREST))
    return frames, masks


def carry(frames, keys, **choices) -> tuple[dict[int, Carried], Propagation]:
    way = Propagation(frames, keys, **choices)
    found = list(way)
    assert len({each.index for each in found}) == len(found), "a frame was carried to twice"
    return {each.index: each for each in found}, way


def test_a_moving_ellipse_is_followed_for_twenty_frames_by_motion_alone():
    frames, masks = moving_ellipse(21)
    moved = warp_only(frames, masks[0])
    scores = [dice(moved[t] == 3, masks[t] == 3) for t in range(21)]
    assert min(scores) >= 0.95, scores
    assert dice(copy_mask(frames, masks[0])[20] == 3, masks[20] == 3) < 0.6  # it did move


def test_every_frame_in_reach_gets_the_mask_both_ways():
    frames, masks = moving_ellipse(16)
    found, way = carry(frames, {8: masks[8]}, reach=5)
    assert sorted(found) == [3, 4, 5, 6, 7, 9, 10, 11, 12, 13]
    assert all(dice(each.labelmap == 3, masks[i] == 3) >= 0.95 for i, each in found.items())
    assert all(each.keys == (8,) and each.steps == abs(i - 8) for i, each in found.items())
    assert {(stop.direction, stop.reason, stop.index) for stop in way.stops} == {
        ("forward", "count", 14),
        ("backward", "count", 2),
    }
    assert not any(stop.is_drift for stop in way.stops)


def test_one_direction_goes_one_way_and_ends_with_the_clip():
    frames, masks = moving_ellipse(6)
    found, way = carry(frames, {2: masks[2]}, directions=("forward",))
    assert sorted(found) == [3, 4, 5]
    assert [(stop.reason, stop.index) for stop in way.stops] == [("end_of_clip", None)]


def test_a_scene_cut_stops_at_the_cut():
    first, masks = moving_ellipse(8)
    second, _ = moving_ellipse(6, seed=9)
    second = [np.ascontiguousarray(frame[:, ::-1]) for frame in second]
    found, way = carry(first + second, {2: masks[2]})
    assert sorted(found) == [0, 1, 3, 4, 5, 6, 7]
    [cut] = [stop for stop in way.stops if stop.direction == "forward"]
    assert cut.reason in ("scene_change", "low_confidence")
    assert (cut.is_drift, cut.index, cut.steps) == (True, 8, 6)


@pytest.mark.parametrize("grey", [0, 90])
@pytest.mark.parametrize("seed", range(4))
def test_a_lifted_probe_stops_it(grey, seed):
    frames, masks = moving_ellipse(6, seed)
    lifted = [np.full_like(frames[0], grey)] * 3
    found, way = carry(frames[:3] + lifted, {0: masks[0]})
    assert sorted(found) == [1, 2]
    assert [(stop.index, stop.reason) for stop in way.stops if stop.is_drift] == [(3, "scene_change")]


def test_pictures_of_one_grey_value_are_alike_only_among_themselves():
    speckle, black = moving_ellipse(1)[0][0], np.zeros((HEIGHT, WIDTH), np.uint8)
    assert motion.likeness(speckle, speckle) == pytest.approx(1.0)
    assert motion.likeness(black, black) == motion.likeness(black + 90, black + 90) == 1.0
    assert motion.likeness(speckle, black) == motion.likeness(black + 90, speckle) == 0.0


def test_between_two_keys_both_count_and_nothing_passes_them():
    frames, masks = moving_ellipse(12)
    found, _ = carry(frames, {2: masks[2], 8: masks[8]}, reach=3)
    assert sorted(found) == [0, 1, 3, 4, 5, 6, 7, 9, 10, 11]
    assert {i: found[i].keys for i in (3, 5, 7)} == {3: (2,), 5: (2, 8), 7: (8,)}
    assert all(dice(each.labelmap == 3, masks[i] == 3) >= 0.95 for i, each in found.items())


def test_keys_that_contradict_each_other_make_the_frames_between_them_amber():
    frames, masks = moving_ellipse(9)
    elsewhere = np.roll(masks[8], 25, axis=1)
    found, _ = carry(frames, {0: masks[0], 8: elsewhere})
    assert found[4].flag == "amber"
    assert found[4].score < carry(frames, {0: masks[0], 8: masks[8]})[0][4].score


def test_a_frame_between_two_keys_follows_the_nearer_one_where_they_disagree():
    frames, masks = moving_ellipse(9)
    elsewhere = [np.roll(mask, 25, axis=1) for mask in masks]
    found, _ = carry(frames, {0: masks[0], 8: elsewhere[8]})
    for near in (1, 2, 3):
        assert dice(found[near].labelmap == 3, masks[near] == 3) > 0.9
    for near in (5, 6, 7):
        assert dice(found[near].labelmap == 3, elsewhere[near] == 3) > 0.9


def test_pixels_nobody_annotated_stay_so():
    frames, masks = moving_ellipse(4)
    key = masks[0].copy()
    key[:40][key[:40] == 0] = 255
    found, _ = carry(frames, {0: key})
    assert (found[3].labelmap == 255).sum() == pytest.approx((key == 255).sum(), rel=0.1)
    assert (found[3].labelmap == 3).any()


def test_large_frames_come_back_at_their_own_size(monkeypatch):
    monkeypatch.setattr("ml.propagate._PLANE_SIDE", 80)
    monkeypatch.setattr("ml.motion.FLOW_SIDE", 100)
    frames, masks = moving_ellipse(4)
    found, _ = carry(frames, {0: masks[0]})
    assert found[3].labelmap.shape == (HEIGHT, WIDTH)
    assert dice(found[3].labelmap == 3, masks[3] == 3) >= 0.93


def test_burned_in_text_is_no_tissue():
    frames, _ = moving_ellipse(4)
    for frame in frames:
        frame[:20, :40] = 0
        cv2.putText(frame, "Gain", (2, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 255, 1)
    area = motion.scan_area(frames)
    assert not area[:10, :30].any()
    assert area[40:].mean() > 0.95


def test_what_cannot_be_carried_is_refused_in_words():
    frames, masks = moving_ellipse(2)
    with pytest.raises(BadData, match="at least one key frame"):
        Propagation(frames, {})
    with pytest.raises(BadData, match="of one size"):
        Propagation(frames, {0: masks[0][:50]})
    for nowhere in (-1, 2):
        with pytest.raises(BadData, match=f"no frame {nowhere}: the clip's 2 frames are counted from 0"):
            Propagation(frames, {nowhere: masks[0]})


def test_the_work_can_be_stopped_between_steps():
    frames, masks = moving_ellipse(5)
    seen = []

    def stop_at_three(done, total):
        seen.append((done, total))
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(Propagation(frames, {0: masks[0]}, on_step=stop_at_three))
    assert seen == [(0, 4), (1, 4), (2, 4)]
