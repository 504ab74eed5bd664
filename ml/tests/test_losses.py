import math

import pytest
import torch

from ml.losses import cross_entropy_and_dice, deep_supervision_loss, pooled_targets, soft_targets


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
