"""The modules AAU-Net is made of (`ml.model` puts them together): MDCK, ALCA, GAG, MADM, and the way up.

The seed paper (DOI 10.1177/03000605261461196) names four modules and gives no formulas. Every formula below is OUR
READING of them, derived from published work named in each docstring; shared spec: MODEL.md section 3.

Letters: B batch, C channels, H and W height and width at the place in question.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_NORM_EPSILON = 1e-6


class ConvNormAct(nn.Sequential):
    """Convolution without bias, batch norm, ReLU6: (B, i, H, W) → (B, o, H/stride, W/stride)."""

    def __init__(self, i: int, o: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> None:
        super().__init__(
            nn.Conv2d(i, o, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(o),
            nn.ReLU6(inplace=True),
        )


class PointScale(nn.Conv2d):
    """A depthwise 1×1 convolution, computed as the multiplication it is: PyTorch's CPU path loops over channels."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 1, groups=channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight.view(1, -1, 1, 1)


def _depthwise(channels: int, kernel: int) -> nn.Conv2d:
    if kernel == 1:
        return PointScale(channels)
    return nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels, bias=False)


class InvertedMDCK(nn.Module):
    """The multidepth convolution kernel of MODEL.md 3.2: the multi-kernel inverted residual of MK-UNet
    (arXiv 2509.18493) with a residual path. Kept for the ablation and for weights made with it; `MDCK` learns faster.

        u = ReLU6(BN(W1 x))                    1×1, i → M = 2i
        v = Σ_k ReLU6(BN(DW_k u))              depthwise k×k;  linear form: ReLU6(Σ_k BN(DW_k u))
        y = BN(W2 shuffle(v)) + R(x)           1×1, M → o; R is the identity, or a 1×1 when i ≠ o

    Shapes
        x        (B, i, H, W)
        returns  (B, o, H, W)
    """

    def __init__(self, i: int, o: int, kernels: Sequence[int], linear_branches: bool) -> None:
        super().__init__()
        middle = 2 * i
        self.linear_branches = linear_branches
        self.shuffle_groups = math.gcd(middle, o)
        self.expand = ConvNormAct(i, middle, kernel=1)
        self.branches = nn.ModuleList(nn.Sequential(_depthwise(middle, k), nn.BatchNorm2d(middle)) for k in kernels)
        self.project = nn.Sequential(nn.Conv2d(middle, o, 1, bias=False), nn.BatchNorm2d(o))
        self.residual = nn.Identity() if i == o else nn.Conv2d(i, o, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        u = self.expand(x)
        # reduce, not sum(): that one starts at 0 and pays a pass over the picture to add it.
        if self.linear_branches:
            v = F.relu6(reduce(torch.add, (branch(u) for branch in self.branches)))
        else:
            v = reduce(torch.add, (F.relu6(branch(u)) for branch in self.branches))
        return self._project_shuffled(v) + self.residual(x)

    def _project_shuffled(self, v: Tensor) -> Tensor:
        if not self.training:
            return self.project(F.channel_shuffle(v, self.shuffle_groups))
        # The same, with the columns of W2 in the order of the unshuffled channels: a pass less, and its way back.
        groups = self.shuffle_groups
        weight = cast(nn.Conv2d, self.project[0]).weight.unflatten(1, (-1, groups)).transpose(1, 2).flatten(1, 2)
        return self.project[1](F.conv2d(v, weight))

    @property
    def has_group_norm(self) -> bool:
        """Whether the statistics come from the picture itself, and cannot be folded into weights."""
        return any(isinstance(module, nn.GroupNorm) for module in self.modules())

    @torch.no_grad()
    def fold(self) -> None:
        """Merge the linear branches into one depthwise convolution: the same function in eval mode, one pass.

        RepVGG's idea (arXiv 2101.03697): each batch norm is a scale and a shift, and kernels of different
        sizes add after zero-padding to the largest. Does nothing when the branches are not linear, or
        normalised over groups.
        """
        if not self.linear_branches or len(self.branches) == 1 or self.has_group_norm:
            return
        branches = [
            (cast(nn.Conv2d, conv), cast(nn.BatchNorm2d, norm)) for conv, norm in map(nn.Module.children, self.branches)
        ]
        largest = max((conv for conv, _ in branches), key=lambda conv: conv.kernel_size[0])
        channels, side = largest.in_channels, largest.kernel_size[0]
        kernel = largest.weight.new_zeros(channels, 1, side, side)
        bias = largest.weight.new_zeros(channels)
        for conv, norm in branches:
            scale = norm.weight / torch.sqrt(cast(Tensor, norm.running_var) + norm.eps)
            pad = (side - conv.kernel_size[0]) // 2
            kernel += F.pad(conv.weight * scale[:, None, None, None], [pad] * 4)
            bias += norm.bias - cast(Tensor, norm.running_mean) * scale
        merged = nn.Conv2d(channels, channels, side, padding=side // 2, groups=channels).to(kernel.device)
        merged.weight.copy_(kernel)
        cast(Tensor, merged.bias).copy_(bias)
        self.branches = nn.ModuleList([merged])


class MDCK(nn.Module):
    """Multidepth convolution kernel: look at several sizes of neighbourhood at once.

    Our reading: the multi-kernel depthwise sum of MK-UNet (arXiv 2509.18493), entered by a dense 3×3 instead of a wide
    1×1 (as the first stages of EfficientNetV2, arXiv 2104.00298): on few pictures it learns faster (docs/model.md).

        u = ReLU6(BN(W1 x))                    3×3, i → o; later blocks of a level: u = x
        v = ReLU6(BN(Σ_k DW_k u))              depthwise k×k, added up as one kernel of the largest size
        y = u + BN(W2 v)                       1×1, o → o

    Shapes
        x        (B, i, H, W)
        returns  (B, o, H, W)
    """

    def __init__(self, i: int, o: int, kernels: Sequence[int], entered: bool) -> None:
        super().__init__()
        self.enter = ConvNormAct(i, o) if entered else nn.Identity()
        self.kernels = nn.ModuleList(_depthwise(o, k) for k in kernels)
        self.mix = nn.Sequential(
            nn.BatchNorm2d(o), nn.ReLU6(inplace=True), nn.Conv2d(o, o, 1, bias=False), nn.BatchNorm2d(o)
        )

    def kernel(self) -> Tensor:
        """The depthwise kernels added up, (o, 1, k, k) with the largest k."""
        weights = [cast(nn.Conv2d, each).weight for each in self.kernels]
        side = max(weight.shape[-1] for weight in weights)
        return reduce(torch.add, (F.pad(weight, [(side - weight.shape[-1]) // 2] * 4) for weight in weights))

    def forward(self, x: Tensor) -> Tensor:
        u = self.enter(x)
        kernel = self.kernel()
        return u + self.mix(F.conv2d(u, kernel, padding=kernel.shape[-1] // 2, groups=len(kernel)))


class ALCA(nn.Module):
    """Adaptive local channel attention: which channels matter, place by place.

    Our reading: MLCA (10.1016/j.engappai.2023.106442), itself ECA with local pooling; each cell is kept apart so
    that attention does not leak across cell borders, and λ is learnt.

        P = average over a grid of 4×4 cells,  p = mean of the cells
        a = λ·σ(conv1d(P along channels)) + (1−λ)·σ(conv1d(p along channels)),   λ = 1/2 at first
        y = x ⊙ gain · bilinear(a)             gain 2: near one at first, as GAG's γ; 1 is MODEL.md 3.3

    2×2 cells where 4 do not divide the map: at half resolution the deepest level of 192, 320 and 448 px.

    Shapes
        x        (B, C, H, W)  H and W multiples of 2
        returns  (B, C, H, W)
    """

    def __init__(self, channels: int, gain: float = 2.0) -> None:
        super().__init__()
        self.gain = gain
        reach = int(abs(math.log2(channels) + 1) / 2)
        kernel = reach if reach % 2 else reach + 1
        self.local = nn.Conv1d(1, 1, kernel, padding=kernel // 2, bias=False)
        self.overall = nn.Conv1d(1, 1, kernel, padding=kernel // 2, bias=False)
        self.balance = nn.Parameter(torch.zeros(1))  # λ before its sigmoid

    def attention(self, x: Tensor) -> Tensor:
        """The weights in 0..1 before they are stretched to the picture, (B, C, s, s)."""
        B, C, H, W = x.shape
        # A fixed pooling window exports to ONNX; 4 cells do not divide a 10-px map (320-px input, half resolution).
        s = 4 if H % 4 == 0 and W % 4 == 0 else 2
        cells = F.avg_pool2d(x, (H // s, W // s))
        per_cell = cells.permute(0, 2, 3, 1).reshape(B * s * s, 1, C)
        local = self.local(per_cell).sigmoid().view(B, s, s, C).permute(0, 3, 1, 2)
        overall = self.overall(cells.mean((2, 3)).unsqueeze(1)).sigmoid().view(B, C, 1, 1)
        balance = self.balance.sigmoid()
        return balance * local + (1 - balance) * overall

    def forward(self, x: Tensor) -> Tensor:
        weights = self.gain * self.attention(x)
        return x * F.interpolate(weights, size=x.shape[-2:], mode="bilinear", align_corners=False)


class GAG(nn.Module):
    """Global attention gate: let the decoder choose what to take from the skip.

    Our reading: the grouped gate of MK-UNet (arXiv 2509.18493; after Attention U-Net, 1804.03999) plus a global
    context branch (after GCNet), since speckle looks alike locally.

        ψ = σ(BN(w_ψ ReLU(BN(G_g g) + BN(G_x x))))           where, one value per pixel
        γ = 2σ(F2 ReLU(F1 Σ_p softmax_p(w_k g)_p g_p))       which channels; 1 at first, F2 being zero
        returns x ⊙ ψ ⊙ γ

    Shapes
        gate     (B, C, H, W)  the decoder feature, already up-sampled
        skip     (B, C, H, W)
        returns  (B, C, H, W)
    """

    def __init__(self, channels: int, use_global: bool, depthwise: bool) -> None:
        super().__init__()
        middle, hidden = channels // 2, max(channels // 8, 8)

        def grouped() -> nn.Module:
            if not depthwise:
                return nn.Sequential(
                    nn.Conv2d(channels, middle, 3, padding=1, groups=middle, bias=False), nn.BatchNorm2d(middle)
                )
            return nn.Sequential(
                nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False),
                nn.Conv2d(channels, middle, 1, bias=False),
                nn.BatchNorm2d(middle),
            )

        self.from_gate, self.from_skip = grouped(), grouped()
        self.where = nn.Sequential(nn.Conv2d(middle, 1, 1), nn.BatchNorm2d(1), nn.Sigmoid())
        self.use_global = use_global
        if use_global:
            self.context = nn.Conv2d(channels, 1, 1)
            self.squeeze = nn.Linear(channels, hidden)
            self.which = nn.Linear(hidden, channels)
            nn.init.zeros_(self.which.weight)
            nn.init.zeros_(self.which.bias)

    def channel_weights(self, gate: Tensor) -> Tensor:
        """γ in 0..2, (B, C, 1, 1)."""
        B, C, _, _ = gate.shape
        weights = self.context(gate).float().flatten(2).softmax(-1)  # (B, 1, HW); in fp32: many small terms
        context = torch.bmm(gate.float().flatten(2), weights.transpose(1, 2)).view(B, C).to(gate.dtype)
        return 2 * self.which(F.relu(self.squeeze(context))).sigmoid().view(B, C, 1, 1)

    def forward(self, gate: Tensor, skip: Tensor) -> Tensor:
        where = self.where(F.relu(self.from_gate(gate) + self.from_skip(skip)))
        if not self.use_global:
            return skip * where
        return skip * where * self.channel_weights(gate)


class ChannelNorm(nn.Module):
    """Layer norm over the channels of each pixel, (B, C, H, W) → the same; statistics in fp32."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        wide = x.float()
        if self.training:  # channels last: one pass each way; with channels first it would copy
            last = wide.permute(0, 2, 3, 1)
            normed = F.layer_norm(last, self.weight.shape, self.weight, self.bias, _NORM_EPSILON)
            return normed.permute(0, 3, 1, 2).to(x.dtype)
        # torch.var_mean over a strided axis is three times slower on a CPU than these two means.
        centred = wide - wide.mean(1, keepdim=True)
        variance = centred.square().mean(1, keepdim=True)
        normed = centred * torch.rsqrt(variance + _NORM_EPSILON)
        return torch.addcmul(self.bias.view(1, -1, 1, 1), normed, self.weight.view(1, -1, 1, 1)).to(x.dtype)


class MADM(nn.Module):
    """Multiscale adaptive dynamic modulation: sharpen a feature by context from four scales.

    Our reading: SAFM (SAFMN, arXiv 2302.13800) and SMFA (SMFANet, ECCV 2024), super-resolution blocks, with a
    dynamic weight per scale. "Super-resolution" is read as recovery of detail in the decoder: no picture is enlarged.

        f = LN(x);  μ, v = mean and variance of f over the pixels
        w = 4·softmax(F2 ReLU(F1 [μ; v]))                    1 at first, F2 being zero
        s_i = w_i · bilinear(DW3×3(maxpool_{2^i}(f_i)))      f_i: i-th quarter of the channels, i = 0..3
        x' = x + GELU(W_a (α ⊙ [s_0…s_3] + β ⊙ v)) ⊙ f       α = 1, β = 0 at first
        y = x' + W_4 [GELU(W_3 t_1); t_2],  t = GELU(W_0 LN(x')), t_1 the first quarter of t

    Shapes
        x        (B, C, H, W)
        returns  (B, C, H, W)
    """

    SCALES = 4

    def __init__(self, channels: int) -> None:
        super().__init__()
        n, quarter, hidden = self.SCALES, channels // self.SCALES, max(channels // 8, 8)
        self.norm, self.norm_out = ChannelNorm(channels), ChannelNorm(channels)
        self.squeeze = nn.Linear(2 * channels, hidden)
        self.weigh = nn.Linear(hidden, n)
        nn.init.zeros_(self.weigh.weight)
        nn.init.zeros_(self.weigh.bias)
        self.depthwise = nn.ModuleList(nn.Conv2d(quarter, quarter, 3, padding=1, groups=quarter) for _ in range(n))
        self.alpha = nn.Parameter(torch.ones(channels, 1, 1))
        self.beta = nn.Parameter(torch.zeros(channels, 1, 1))
        self.mix = nn.Conv2d(channels, channels, 1)
        self.widen = nn.Conv2d(channels, 2 * channels, 1)
        self.partial = nn.Conv2d(channels // 2, channels // 2, 3, padding=1)
        self.narrow = nn.Conv2d(2 * channels, channels, 1)

    def scale_weights(self, mean: Tensor, variance: Tensor) -> Tensor:
        """w, (B, 4), sums to 4; mean and variance are (B, C)."""
        return self.SCALES * self.weigh(F.relu(self.squeeze(torch.cat([mean, variance], 1)))).softmax(-1)

    def _moments(self, f: Tensor) -> tuple[Tensor, Tensor]:
        """Variance and mean over the pixels, (B, C) each."""
        if not self.training:
            return torch.var_mean(f, (2, 3), correction=0)
        pixels = f.permute(0, 2, 3, 1).flatten(1, 2)  # half the time of var_mean, there and back, with channels last
        mean = pixels.mean(1)
        return (pixels - mean.unsqueeze(1)).square().mean(1), mean

    def forward(self, x: Tensor) -> Tensor:
        B, C, H, W = x.shape
        f = self.norm(x)
        variance, mean = (moment.to(f.dtype) for moment in self._moments(f.float()))
        weights = self.scale_weights(mean, variance)

        parts = []
        for i, (chunk, depthwise) in enumerate(zip(f.chunk(self.SCALES, 1), self.depthwise, strict=True)):
            if i == 0:
                part = depthwise(chunk)
            else:
                window = (min(2**i, H), min(2**i, W))
                part = depthwise(F.max_pool2d(chunk, window, ceil_mode=True))
                part = F.interpolate(part, size=(H, W), mode="bilinear", align_corners=False)
            parts.append(part)
        # The weights of the scales and α act on whole channels: one multiplication instead of five.
        per_channel = weights.repeat_interleave(C // self.SCALES, 1).view(B, C, 1, 1) * self.alpha
        modulation = torch.cat(parts, 1) * per_channel + self.beta * variance.view(B, C, 1, 1)
        x = x + F.gelu(self.mix(modulation)) * f

        t = F.gelu(self.widen(self.norm_out(x)))
        first, rest = t.split([C // 2, 2 * C - C // 2], 1)
        return x + self.narrow(torch.cat([F.gelu(self.partial(first)), rest], 1))


class Up(nn.Sequential):
    """Twice the size: bilinear, depthwise 3×3, 1×1 (EMCAD's EUCB, arXiv 2405.06880): (B, i, H, W) → (B, o, 2H, 2W)."""

    def __init__(self, i: int, o: int) -> None:
        super().__init__(
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
            ConvNormAct(i, i, groups=i),
            nn.Conv2d(i, o, 1),
        )
