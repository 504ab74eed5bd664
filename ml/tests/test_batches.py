from collections import Counter

import numpy as np
import pytest
import torch

from ml.batches import FrameBatches, Loader
from ml.clicking import clicked_hints
from ml.data import FrameSet, Sample
from ml.perturb import distorted, neighbour_masks, soft
from ml.sampling import Sampler, Showing, batches_of, share_of
from ml.tests.synthetic import LABELS, png, speckle_frame


def sampler(clips, present=None, **choices):
    shown = np.ones((len(clips), 1), bool) if present is None else np.array(present)
    return Sampler(clips, shown, per_clip=choices.get("per_clip", 16), seed=choices.get("seed", 0))


def test_long_clips_do_not_dominate_and_every_frame_has_its_turn():
    found = sampler(["long"] * 40 + ["short"] * 3)
    assert len(found) == 19
    shown = set()
    for epoch in range(20):
        frames = [showing.frame for showing in found.epoch(epoch)]
        assert len(frames) == len(set(frames)) == 19 and {40, 41, 42} <= set(frames)
        shown |= set(frames)
    assert shown == set(range(43))


def test_an_epoch_depends_on_seed_and_number_only():
    clips = ["a", "b", "a", "b"]
    assert sampler(clips).epoch(3) == sampler(clips).epoch(3)
    assert sampler(clips).epoch(3) != sampler(clips, seed=1).epoch(3)
    assert any(sampler(clips).epoch(3) != sampler(clips).epoch(n) for n in range(3))


def test_frames_with_rare_labels_get_a_third_of_an_epoch_but_none_more_than_four_turns():
    present = np.zeros((60, 3), bool)
    present[:, 0] = True
    present[:8, 1] = True  # rare; label 2 is in no frame
    found = sampler([f"clip {n}" for n in range(60)], present)
    counts = Counter(showing.frame for showing in found.epoch(0))
    assert sum(counts[frame] for frame in range(8)) == 20 and sum(counts.values()) == 60
    assert max(counts.values()) <= 4
    assert len(set(found.epoch(0))) == 60  # a frame that comes again is varied anew

    present[1:8, 1] = False
    counts = Counter(showing.frame for showing in sampler([f"clip {n}" for n in range(60)], present).epoch(0))
    assert counts[0] == 4


def test_batches_are_nearly_equal_and_shares_make_up_the_batch():
    batches = batches_of(sampler([str(n) for n in range(17)]).epoch(0), 3)
    assert sorted(len(batch) for batch in batches) == [5, 6, 6]
    for batch in batches:
        assert sorted(share_of(batch, 0, 2) + share_of(batch, 1, 2)) == sorted(batch)


def frame_set(numbers=(0, 1, 2, None)):
    def one(n):
        image, mask = speckle_frame(n)
        return Sample(
            lambda: png(image), lambda: png(mask), "A", "clip", "train", frame=numbers[n], weight=0.5 if n else 1.0
        )

    return FrameSet([one(n) for n in range(len(numbers))], LABELS, 128)


def test_batches_made_by_other_processes_are_the_same(tmp_path):
    made = FrameBatches(frame_set(), 2, seed=0, vary=True, flip=True, hints_from=1)
    wanted = batches_of([Showing(1, n % 4, n // 4) for n in range(16)], 4)
    here, there = Loader(made, 0, pinned=False), Loader(made, 2, pinned=False)
    for _ in range(2):  # the processes live on
        for a, b in zip(here.over(wanted, training=True), there.over(wanted, training=True), strict=True):
            assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))
            assert a.images.dtype == torch.float32 and a.weights.tolist() == [1.0, 0.5, 0.5, 0.5]


@pytest.mark.parametrize("vary", [True, False])
def test_frames_are_varied_in_training_when_asked_for_and_else_shown_as_they_are(vary):
    frames = frame_set()
    made = FrameBatches(frames, 2, seed=0, vary=vary, flip=True, hints_from=None)
    showings = [Showing(epoch, n, 0) for epoch in range(2) for n in range(4)]
    shown, still = (made.__getitems__([(showing, training) for showing in showings]) for training in (True, False))
    assert np.array_equal(still.targets, np.concatenate([frames.masks] * 2))
    assert torch.equal(still.images[:4], still.images[4:])
    varied = [not torch.equal(a, b) for a, b in zip(shown.images, still.images, strict=True)]
    assert any(varied) == vary and sum(varied) >= 6 * vary
    assert torch.equal(shown.images[:4], shown.images[4:]) == (not vary)  # each epoch anew


@pytest.mark.parametrize("flip", [True, False])
def test_frames_are_mirrored_only_when_they_may_be(flip):
    frames = frame_set()
    frames.masks[:] = 0
    frames.masks[:, :, :64] = 1
    made = FrameBatches(frames, 2, seed=0, vary=True, flip=flip, hints_from=None)
    targets = made.__getitems__([(Showing(0, n % 4, n // 4), True) for n in range(40)]).targets
    mirrored = (targets[:, :, :32] == 1).sum((1, 2)) < (targets[:, :, -32:] == 1).sum((1, 2))
    assert (10 < mirrored.sum() < 30) if flip else not mirrored.any()


def test_half_of_the_frames_get_no_hint_and_before_their_epoch_none_do():
    made = FrameBatches(frame_set(), 2, seed=0, vary=False, flip=False, hints_from=1)
    showings = [Showing(1, n % 4, n // 4) for n in range(80)]
    batch = made.__getitems__([(showing, True) for showing in showings])
    assert 10 <= len(batch.hint_rows) <= 30 and 10 <= len(batch.asking) <= 30
    assert not set(batch.hint_rows.tolist()) & set(batch.asking[:, 0].tolist())
    assert batch.hints[:, :2].amax() == 127 and not batch.hints[:, 2:].any()
    still = made.__getitems__([(showing, False) for showing in showings])  # for statistics nobody asks the network
    assert len(still.asking) == 0 and len(still.hint_rows) == len(batch.hint_rows) + len(batch.asking)
    assert still.hints[:, 2:].any()
    early = made.__getitems__([(showing._replace(epoch=0), True) for showing in showings])
    assert len(early.hint_rows) == len(early.asking) == 0


def test_a_distorted_mask_is_near_the_truth_and_not_it():
    _, mask = speckle_frame(0)
    channels = LABELS.to_channels(mask)
    overlaps, missing = [], 0
    for seed in range(40):
        planes = distorted(channels, 2, np.random.default_rng(seed))
        assert planes.shape == (2, 128, 128) and planes.dtype == np.float32 and 0 <= planes.min() <= planes.max() <= 1
        for label, plane in enumerate(planes, start=1):
            missing += not plane.any()
            truth, drawn = channels == label, plane > 0.3
            if drawn.any():
                overlaps.append(2 * (truth & drawn).sum() / (truth.sum() + drawn.sum()))
    assert 0.4 < np.mean(overlaps) < 0.95 and 1 <= missing <= 25


def test_a_neighbour_s_mask_moves_with_the_picture():
    image, mask = speckle_frame(2, 256, 256)
    channels = LABELS.to_channels(mask)
    images = np.stack([image, np.roll(image, (3, -4), (0, 1))])
    masks = np.stack([channels, np.roll(channels, (3, -4), (0, 1))])
    found = neighbour_masks(images, masks, ["c", "c"], [10, 12])
    for frame, carried in found.items():
        inside = (slice(16, -16), slice(16, -16))
        agree = (carried == masks[frame])[inside].mean()
        copied = (masks[1 - frame] == masks[frame])[inside].mean()
        assert agree > 0.99 > copied
    assert sorted(found) == [0, 1]


@pytest.mark.parametrize(("clips", "numbers"), [(["c", "d"], [1, 2]), (["c", "c"], [1, 40]), (["c", "c"], [1, None])])
def test_frames_far_apart_are_no_neighbours(clips, numbers):
    images = np.zeros((2, 64, 64), np.uint8)
    assert neighbour_masks(images, images, clips, numbers) == {}


def test_a_carried_mask_becomes_soft_planes():
    channels = np.zeros((16, 16), np.uint8)
    channels[4:12, 4:12] = 2
    for labels in (2, 3):
        planes = soft(channels, labels)
        assert planes.shape == (labels, 16, 16) and planes[1, 8, 8] > 0.99 and 0 < planes[1, 4, 4] < 1
        assert not planes[0].any()
    assert soft(np.minimum(channels, 1), 1).shape == (1, 16, 16)


def test_clicks_go_on_what_the_network_drew_wrong():
    truth = torch.zeros(3, 64, 64, dtype=torch.uint8)
    truth[:, 20:40, 20:40] = 1
    seen = []

    def draw(images, hints):
        seen.append((len(images), hints.abs().sum().item()))
        return torch.stack([torch.ones(len(images), 64, 64), torch.zeros(len(images), 64, 64)], 1)

    hints = clicked_hints(draw, torch.zeros(3, 1, 64, 64), truth, 1, [[0], [1], [2]])
    assert hints.shape == (3, 2, 64, 64)
    assert seen[0] == (3, 0.0) and all(number <= 3 and total > 0 for number, total in seen[1:])
    torch.testing.assert_close(hints[:, 0], torch.full((3, 64, 64), 1 / (1 + np.e)))  # its own drawing
    for clicks in hints[:, 1]:
        assert clicks.max() == 1 and clicks.min() == 0 and clicks[truth[0] == 1].sum() == clicks.sum()
    again = clicked_hints(draw, torch.zeros(3, 1, 64, 64), truth, 1, [[0], [1], [2]])
    assert torch.equal(hints, again)
