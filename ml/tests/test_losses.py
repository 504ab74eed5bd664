import math

import pytest
import torch

from ml.losses import cross_entropy_and_dice, deep_supervision_loss, label_weights, pooled_targets, soft_targets


def test_a_sure_right_answer_costs_nothing_and_a_wrong_one_does():
    channels = torch.tensor([[[0, 1], [1, 0]]], dtype=torch.uint8)
    targets, weights = soft_targets(channels, 2)
    sure = 20 * (2 * targets - 1)
    assert cross_entropy_and_dice(sure, targets, weights) == pytest.approx(0, abs=1e-4)
    assert cross_entropy_and_dice(-sure, targets, weights) > 20


def test_an_undecided_answer_costs_what_the_formula_says():
    channels = torch.tensor([[[0, 1], [1, 0]]], dtype=torch.uint8)
    loss = cross_entropy_and_dice(torch.zeros(1, 2, 2, 2), *soft_targets(channels, 2))
    # p = 1/2 everywhere: cross-entropy log 2; Dice 2·1 / (2 + 2) = 1/2
    assert loss == pytest.approx(math.log(2) + 0.5, abs=1e-4)


def test_ignored_pixels_change_nothing():
    logits = torch.randn(1, 3, 4, 4)
    channels = torch.randint(0, 3, (1, 4, 4), dtype=torch.uint8)
    channels[0, 0] = 255
    other = logits.clone()
    other[0, :, 0] = torch.randn(3, 4)
    a = cross_entropy_and_dice(logits, *soft_targets(channels, 3))
    assert a == pytest.approx(float(cross_entropy_and_dice(other, *soft_targets(channels, 3))), abs=1e-6)


def test_a_frame_without_any_annotation_still_has_a_gradient_that_is_a_number():
    logits = [torch.randn(1, 3, 8, 8, requires_grad=True), torch.randn(1, 3, 4, 4, requires_grad=True)]
    deep_supervision_loss(logits, torch.full((1, 8, 8), 255, dtype=torch.uint8)).backward()
    assert all(level.grad is not None and level.grad.isfinite().all() for level in logits)


def test_coarse_targets_are_averages_of_what_is_annotated():
    channels = torch.tensor([[[1, 0], [255, 1]]], dtype=torch.uint8)
    targets, weights = pooled_targets(*soft_targets(channels, 2), (1, 1))
    assert weights.item() == 0.75
    torch.testing.assert_close(targets.flatten(), torch.tensor([1 / 3, 2 / 3]))


def sure(channels):
    """Logits of two channels that say so beyond doubt."""
    return torch.stack([20 - 40.0 * channels, 40.0 * channels - 20], 1)


@pytest.mark.parametrize(("undecided", "share"), [(0, 8 / 15), (1, 4 / 15), (2, 2 / 15), (3, 1 / 15)])
def test_each_deeper_head_counts_half_of_the_one_above_and_all_together_one(undecided, share):
    logits = [sure(torch.ones(1, side, side)) for side in (8, 4, 2, 1)]
    logits[undecided] = torch.zeros_like(logits[undecided])
    loss = deep_supervision_loss(logits, torch.ones(1, 8, 8, dtype=torch.uint8))
    # p = 1/2 where all is label 1: cross-entropy log 2; Dice 2·½ / (½ + 1) = 2/3
    assert loss == pytest.approx(share * (math.log(2) + 1 / 3), abs=1e-4)


def test_dice_is_taken_over_the_batch_and_not_per_frame():
    """One frame shows four pixels of the label, all found; the other shows one, missed."""
    channels = torch.tensor([[[1, 1], [1, 1]], [[1, 0], [0, 0]]], dtype=torch.uint8)
    drawn = channels.clone()
    drawn[1] = 0
    loss = cross_entropy_and_dice(sure(drawn), *soft_targets(channels, 2))
    # One pixel of eight is wrong, at log p = −40. Dice 2·4 / (4 + 5); per frame it would be (1 + 0) / 2.
    assert loss == pytest.approx(40 / 8 + 1 - 8 / 9, abs=1e-4)


# Two frames of one pixel: one of label 1, of which the network is undecided; one of background, three quarters sure.
TWO_PIXELS = torch.tensor([[[1]], [[0]]], dtype=torch.uint8)
TWO_ANSWERS = torch.tensor([[0.0, 0.0], [math.log(3), 0.0]]).view(2, 2, 1, 1)


def test_a_frame_counts_by_its_weight_in_cross_entropy_and_in_dice():
    loss = deep_supervision_loss(TWO_ANSWERS, TWO_PIXELS, torch.tensor([0.5, 1.0]))
    cross_entropy = (0.5 * math.log(2) + math.log(4 / 3)) / 1.5
    # Overlap ½·½; the network draws ½·½ + ¼ of the label, of which there is ½.
    assert loss == pytest.approx(cross_entropy + 1 - 2 * 0.25 / (0.5 + 0.5), abs=1e-4)


def test_a_label_counts_by_its_weight_in_the_cross_entropy_only():
    loss = deep_supervision_loss(TWO_ANSWERS, TWO_PIXELS, channel_weights=torch.tensor([1.0, 3.0]))
    cross_entropy = (3 * math.log(2) + math.log(4 / 3)) / 4
    assert loss == pytest.approx(cross_entropy + 1 - 2 * 0.5 / (0.75 + 1), abs=1e-4)


def test_a_label_under_three_thousandths_of_the_pixels_weighs_up_to_five_times_as_much():
    assert label_weights([0.2, 0.003, 0.001, 0.00001, 0.0]) == pytest.approx([1, 1, 1, 3, 5, 1])
