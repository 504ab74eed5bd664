"""Cross-entropy plus batch Dice at every depth of the decoder (MODEL.md 4.4)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ml.labels import IGNORE

_SMOOTH = 1e-5
_RARE_PIXELS = 0.003


def soft_targets(channels: Tensor, num_channels: int) -> tuple[Tensor, Tensor]:
    """One-hot targets and the weight of each pixel; 255 weighs nothing.

    Shapes
        channels  (B, H, W)  uint8 or int64, 0..K or 255
        returns   (B, K+1, H, W) in 0..1  and  (B, 1, H, W) in {0, 1}
    """
    weights = (channels != IGNORE).float().unsqueeze(1)
    known = channels.long().masked_fill(channels == IGNORE, 0)
    # scatter_ instead of F.one_hot + permute: one pass, already in channel order.
    one_hot = torch.zeros(len(channels), num_channels, *channels.shape[1:], device=channels.device)
    one_hot.scatter_(1, known.unsqueeze(1), 1.0)
    return one_hot * weights, weights


def pooled_targets(targets: Tensor, weights: Tensor, size: Sequence[int]) -> tuple[Tensor, Tensor]:
    """The same at a lower resolution: average-pooled, so a thin structure fades instead of vanishing.

    Shapes
        targets  (B, K+1, H, W), weights (B, 1, H, W), size (h, w) dividing (H, W)
        returns  (B, K+1, h, w) summing to 1 where the weight is above 0, and (B, 1, h, w) in 0..1
    """
    factor = targets.shape[-1] // size[-1]
    if factor == 1:
        return targets, weights
    weights = F.avg_pool2d(weights, factor)
    targets = F.avg_pool2d(targets, factor) / weights.clamp_min(1e-6)
    return targets, weights


def label_weights(frequencies: Sequence[float]) -> list[float]:
    """Weights of channels 0..K in the cross-entropy: 1, and for a label under 0.3 % of the pixels 0.3 % / share, ≤ 5.

    frequencies  shares 0..1 of labels 1..K; a label that never occurs has nothing to be balanced and keeps 1
    """
    return [1.0, *(min(5.0, _RARE_PIXELS / share) if 0 < share < _RARE_PIXELS else 1.0 for share in frequencies)]


def cross_entropy_and_dice(
    logits: Tensor, targets: Tensor, weights: Tensor, channel_weights: Tensor | None = None
) -> Tensor:
    """Weighted mean cross-entropy + (1 − Dice), Dice over foreground channels of the whole batch.

    Dice is taken over the batch, not per frame, so that a structure absent from one frame does not make it jump.

    Shapes
        logits, targets  (B, K+1, h, w);  weights (B, 1, h, w);  channel_weights (K+1), in the cross-entropy
        returns          a scalar (0 when every pixel is ignored)
    """
    log_p = F.log_softmax(logits.float(), 1)
    costs = targets * weights
    if channel_weights is not None:
        costs = costs * channel_weights.view(1, -1, 1, 1)
    cross_entropy = -(costs * log_p).sum() / costs.sum().clamp_min(1e-6)

    p = log_p[:, 1:].exp() * weights
    t = targets[:, 1:] * weights
    overlap = (p * targets[:, 1:]).sum((0, 2, 3))
    dice = (2 * overlap + _SMOOTH) / (p.sum((0, 2, 3)) + t.sum((0, 2, 3)) + _SMOOTH)
    return cross_entropy + (1 - dice).mean()


def deep_supervision_loss(
    logits: Tensor | Sequence[Tensor],
    channels: Tensor,
    frame_weights: Tensor | None = None,
    channel_weights: Tensor | None = None,
) -> Tensor:
    """Σ_i ω_i · (cross-entropy + Dice loss) over the heads, ω_i ∝ 2^{-i} (weights of nnU-Net).

    Shapes
        logits    as AAUNet returns them in training, finest first; or one tensor, of a network with one head
        channels  (B, H, W)  0..K or 255
        frame_weights (B), how much each frame counts; channel_weights (K+1), see `label_weights`
    """
    logits = [logits] if isinstance(logits, Tensor) else logits
    targets, weights = soft_targets(channels, logits[0].shape[1])
    shares = [2.0**-i for i in range(len(logits))]
    loss = logits[0].new_zeros(())
    for share, level in zip(shares, logits, strict=True):
        coarse, pixel_weights = pooled_targets(targets, weights, level.shape[-2:])
        if frame_weights is not None:
            pixel_weights = pixel_weights * frame_weights.view(-1, 1, 1, 1)
        loss = loss + share / sum(shares) * cross_entropy_and_dice(level, coarse, pixel_weights, channel_weights)
    return loss
