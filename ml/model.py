"""AAU-Net, small and in the form that is fast on a CPU, from the modules in `ml.modules`.

The seed paper (DOI 10.1177/03000605261461196) names four modules and gives no formulas; how they are put together is
OUR READING, too; shared spec: MODEL.md section 3.

Letters: B batch, C channels, H and W height and width at the place in question, K labels without background.
The input side must be a multiple of 64, at least 128.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import TypeVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ml.config import ModelConfig
from ml.errors import BadData
from ml.modules import ALCA, GAG, MADM, MDCK, ConvNormAct, InvertedMDCK, Up

SIDE_MULTIPLE, SIDE_MINIMUM = 64, 128
Network = TypeVar("Network", bound=nn.Module)


class AAUNet(nn.Module):
    """Encoder of [MDCK → ALCA], MADM in the middle, decoder of Up, GAG on the skip, sum, MADM.

    Default form (MODEL.md 3.9): stem at stride 2, levels at H/2 … H/32, and the first head predicts four sub-pixels
    per place (PixelShuffle). Full form (3.1): levels at H … H/16 and 1×1 heads.

    The auxiliary stem (3.6; after RITM, arXiv 2102.06583) is one more convolution of the stem's stride, without bias,
    whose output is added to that of the stem's convolution, before the batch norm. Its weights start at zero and it has
    no bias, so a new network ignores `aux`, and any network given zeros, or None, is the automatic one exactly.

    Shapes
        x                  (B, 1, H, W)  grey, normalised; H and W multiples of 64, at least 128
        aux                (B, 2K, H, W) or None. Channel order: first K channels, the previous mask of labels 1..K
                           (probability 0..1); then K channels, the clicks of labels 1..K (+1, −1, 0). See `ml.hints`
        returns in eval    (B, K+1, H, W) logits, channel 0 background
        returns in train   list of four logits: H, then H/4, H/8, H/16 (full form: H, H/2, H/4, H/8)
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        widths, out = config.widths, config.num_labels + 1
        self.stem = ConvNormAct(1, widths[0], stride=2 if config.half_resolution else 1)
        inputs = (widths[0], *widths[:-1])
        self.encoder = nn.ModuleList(
            nn.Sequential(*(self._block(i if n == 0 else o, o, first=n == 0) for n in range(depth)))
            for i, o, depth in zip(inputs, widths, config.depths, strict=True)
        )
        self.dropout = nn.Dropout2d(0.1)
        self.middle = self._modulation(widths[-1])
        self.up = nn.ModuleList(Up(widths[i + 1], widths[i]) for i in range(4))
        self.gates = nn.ModuleList(
            GAG(widths[i], config.gag_global, config.depthwise_gate) if config.gag else nn.Identity() for i in range(4)
        )
        self.decoder = nn.ModuleList(self._modulation(widths[i]) for i in range(4))
        first: nn.Module = nn.Conv2d(widths[0], out, 1)
        if config.half_resolution:
            first = nn.Sequential(nn.Conv2d(widths[0], 4 * out, 3, padding=1), nn.PixelShuffle(2))
        self.heads = nn.ModuleList([first, *(nn.Conv2d(widths[i], out, 1) for i in range(1, 4))])
        if config.norm == "group":
            _group_norms(self)  # first, for `_open_gates` sets the weights of some norms
        self._initialise()
        self.aux_stem: nn.Conv2d | None = None
        if config.aux:  # last, so that the rest draws the same first weights with and without it
            stride = 2 if config.half_resolution else 1
            self.aux_stem = nn.Conv2d(2 * config.num_labels, widths[0], 3, stride, 1, bias=False)
            nn.init.zeros_(self.aux_stem.weight)

    def _block(self, i: int, o: int, first: bool) -> nn.Module:
        config = self.config
        conv: nn.Module = ConvNormAct(i, o)
        if config.mdck and config.dense_entry:
            conv = MDCK(i, o, config.kernels, entered=first)
        elif config.mdck:
            conv = InvertedMDCK(i, o, config.kernels, config.linear_branches)
        return nn.Sequential(conv, ALCA(o, 2.0 if config.dense_entry else 1.0)) if config.alca else nn.Sequential(conv)

    def _modulation(self, channels: int) -> nn.Module:
        return MADM(channels) if self.config.madm else ConvNormAct(channels, channels)

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                # Kaiming fan-out, counted per group: PyTorch's own function forgets that a depthwise
                # channel reaches one output only, and would start those kernels near zero.
                fan_out = module.out_channels // module.groups * math.prod(module.kernel_size)
                nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for conv in self.head_convolutions():  # so that the first prediction is the prior, see set_prior
            nn.init.normal_(conv.weight, std=0.01)
        self._open_gates()

    @torch.no_grad()
    def _open_gates(self) -> None:
        """Start with attention that lets everything through.

        A sigmoid starts at one half: four levels of halved features, and skips weighed by noise, cost the first
        epochs (docs/model.md, "What the tables say"). ALCA has a gain of 2, or what goes into it is doubled; GAG
        begins near one.
        """
        for level in self.encoder:
            for block in cast(nn.Sequential, level):
                parts = list(cast(nn.Sequential, block))
                if len(parts) == 2 and isinstance(parts[0], InvertedMDCK):
                    cast(nn.BatchNorm2d | nn.GroupNorm, parts[0].project[1]).weight.mul_(2)
                    if isinstance(parts[0].residual, nn.Conv2d):
                        parts[0].residual.weight.mul_(2)
        for gate in self.gates if self.config.gag else []:
            norm = cast(nn.BatchNorm2d | nn.GroupNorm, cast(GAG, gate).where[1])
            norm.weight.fill_(0.1)
            norm.bias.fill_(2.0)

    @torch.no_grad()
    def set_prior(self, frequencies: Sequence[float]) -> None:
        """Start from how common each label is, so that the first steps are not spent learning it.

        frequencies  share of the pixels in 0..1 of labels 1..K, in channel order
        """
        shares = torch.tensor(frequencies).clamp(1e-4, 0.5)
        bias = torch.cat([torch.zeros(1), torch.log(shares / (1 - shares))])
        for conv in self.head_convolutions():
            cast(Tensor, conv.bias).copy_(bias.repeat_interleave(conv.out_channels // len(bias)))

    def head_convolutions(self) -> list[nn.Conv2d]:
        """The last convolution of each head; its rows are grouped by output channel."""
        last = (head[0] if isinstance(head, nn.Sequential) else head for head in self.heads)
        return [cast(nn.Conv2d, conv) for conv in last]

    def _stem(self, x: Tensor, aux: Tensor | None) -> Tensor:
        convolution, norm, activation = self.stem
        features = convolution(x)
        if aux is not None:
            if self.aux_stem is None:
                raise BadData("This network takes no previous mask and no clicks: it was made with aux off.")
            wanted = (x.shape[0], 2 * self.config.num_labels, *x.shape[-2:])
            if tuple(aux.shape) != wanted:
                raise BadData(f"aux must be of shape {wanted}, K masks and then K click maps; got {tuple(aux.shape)}.")
            features = features + self.aux_stem(aux)
        return activation(norm(features))

    def forward(self, x: Tensor, aux: Tensor | None = None) -> Tensor | list[Tensor]:
        check_input_shape(x.shape)
        x = self._stem(x, aux)
        skips = []
        for i, level in enumerate(self.encoder):
            x = level(F.max_pool2d(x, 2) if i else x)
            skips.append(x)
        x = self.middle(self.dropout(x))

        logits: list[Tensor] = []
        for i in (3, 2, 1, 0):
            gate = self.up[i](x)
            skip = self.gates[i](gate, skips[i]) if self.config.gag else skips[i]
            x = self.decoder[i](gate + skip)
            if i == 0 or self.training:
                logits.insert(0, self.heads[i](x))
        return logits if self.training else logits[0]


def _group_norms(model: nn.Module) -> None:
    """Put a group norm (8 groups, or as many as divide the channels) in the place of every batch norm."""
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, nn.GroupNorm(math.gcd(8, child.num_features), child.num_features))


def check_input_shape(shape: Sequence[int]) -> None:
    """Raise BadData when a batch of this shape does not fit the network, saying what to pad to."""
    if len(shape) != 4 or shape[1] != 1:
        raise BadData(f"The network takes (batch, 1, height, width); got {tuple(shape)}.")
    H, W = shape[-2:]
    if H % SIDE_MULTIPLE or W % SIDE_MULTIPLE or min(H, W) < SIDE_MINIMUM:
        fit = [max(SIDE_MINIMUM, math.ceil(side / SIDE_MULTIPLE) * SIDE_MULTIPLE) for side in (H, W)]
        raise BadData(
            f"The network takes sides that are multiples of {SIDE_MULTIPLE}, at least {SIDE_MINIMUM}; got {H}×{W}. "
            f"Pad to {fit[0]}×{fit[1]} (ml.data.Letterbox does)."
        )


def folded(model: Network) -> Network:
    """A copy in eval mode whose branches are merged: the same output within rounding, in less time."""
    model = copy.deepcopy(model).eval()
    for module in model.modules():
        if isinstance(module, InvertedMDCK):
            module.fold()
    return model


def to_device(model: Network, device: torch.device) -> Network:
    """Move a model, its kernels laid out channels last: faster on CPU and GPU alike when the batches are too."""
    # PyTorch's own types do not know that `to` takes both.
    return cast(Network, model.to(device).to(memory_format=torch.channels_last))  # type: ignore[call-overload]


def count_parameters(module: nn.Module) -> int:
    """Number of learnt values."""
    return sum(parameter.numel() for parameter in module.parameters())
