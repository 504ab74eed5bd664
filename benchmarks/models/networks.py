"""The networks of the comparison, written small. All take (B, 1, H, W) and give K+1 logits at the same size.

In training each returns a list of logits, finest first, as `ml.losses.deep_supervision_loss` wants it. The baselines'
list has one entry: they are trained as published, without deep supervision. None has the auxiliary stem, unless its
row says so: this is about drawing without help.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ml.config import ModelConfig
from ml.model import AAUNet


class Plain(nn.Module):
    """What the baselines share: one head, whose bias starts low, as AAU-Net's does: most pixels are background."""

    def __init__(self, channels: int, num_labels: int) -> None:
        super().__init__()
        self.head = nn.Conv2d(channels, num_labels + 1, 1)
        nn.init.normal_(self.head.weight, std=0.01)
        assert self.head.bias is not None
        nn.init.constant_(self.head.bias, math.log(0.1 / 0.9))
        nn.init.zeros_(self.head.bias[:1])

    def features(self, x: Tensor) -> Tensor:
        """(B, 1, H, W) → (B, C, H, W), what the head reads."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        logits = self.head(self.features(x))
        return [logits] if self.training else logits


def _conv(i: int, o: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True))


class AttentionGate(nn.Module):
    """Additive gate of Attention U-Net (arXiv 1804.03999): x ⊙ σ(ψ ReLU(W_g g + W_x x)).

    Shapes: gate and skip (B, C, H, W) → (B, C, H, W)
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        middle = channels // 2
        self.from_gate = nn.Sequential(nn.Conv2d(channels, middle, 1, bias=False), nn.BatchNorm2d(middle))
        self.from_skip = nn.Sequential(nn.Conv2d(channels, middle, 1, bias=False), nn.BatchNorm2d(middle))
        self.where = nn.Sequential(nn.Conv2d(middle, 1, 1, bias=False), nn.BatchNorm2d(1), nn.Sigmoid())

    def forward(self, gate: Tensor, skip: Tensor) -> Tensor:
        return skip * self.where(F.relu(self.from_gate(gate) + self.from_skip(skip)))


class UNet(Plain):
    """U-Net (arXiv 1505.04597) with batch norm and padding: five levels of two convolutions; with or without gates."""

    def __init__(self, num_labels: int, width: int, gated: bool = False) -> None:
        super().__init__(width, num_labels)
        widths = [width * 2**level for level in range(5)]
        inputs = [1, *widths[:-1]]
        self.encoder = nn.ModuleList(
            nn.Sequential(_conv(i, o), _conv(o, o)) for i, o in zip(inputs, widths, strict=True)
        )
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * o, o, 2, 2) for o in widths[:-1])
        self.gates = nn.ModuleList(AttentionGate(o) for o in widths[:-1]) if gated else None
        self.decoder = nn.ModuleList(nn.Sequential(_conv(2 * o, o), _conv(o, o)) for o in widths[:-1])

    def features(self, x: Tensor) -> Tensor:
        skips = []
        for level, block in enumerate(self.encoder):
            x = block(F.max_pool2d(x, 2) if level else x)
            skips.append(x)
        for level in (3, 2, 1, 0):
            gate, skip = self.up[level](x), skips[level]
            if self.gates is not None:
                skip = self.gates[level](gate, skip)
            x = self.decoder[level](torch.cat([skip, gate], 1))
        return x


class LargeKernelBlock(nn.Module):
    """CMUNeXt's block (arXiv 2308.01239): depthwise k×k with a residual, then an inverted bottleneck of 1×1s.

    Shapes: (B, C, H, W) → (B, C, H, W)
    """

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.depthwise = nn.Sequential(
            nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels),
            nn.GELU(),
            nn.BatchNorm2d(channels),
        )
        self.pointwise = nn.Sequential(*_bottleneck(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        return self.pointwise(x + self.depthwise(x))


def _bottleneck(channels: int, hidden_from: int) -> list[nn.Module]:
    wide = 4 * hidden_from
    return [
        nn.Conv2d(channels, wide, 1),
        nn.GELU(),
        nn.BatchNorm2d(wide),
        nn.Conv2d(wide, hidden_from, 1),
        nn.GELU(),
        nn.BatchNorm2d(hidden_from),
    ]


class CMUNeXt(Plain):
    """A light net of CMUNeXt's design and size (arXiv 2308.01239), our writing: large depthwise kernels."""

    WIDTHS, DEPTHS, KERNELS = (16, 32, 128, 160, 256), (1, 1, 1, 3, 1), (3, 3, 7, 7, 7)

    def __init__(self, num_labels: int) -> None:
        super().__init__(self.WIDTHS[0], num_labels)
        self.stem = _conv(1, self.WIDTHS[0])
        inputs = (self.WIDTHS[0], *self.WIDTHS[:-1])
        self.encoder = nn.ModuleList(
            nn.Sequential(*(LargeKernelBlock(i, k) for _ in range(depth)), _conv(i, o))
            for i, o, depth, k in zip(inputs, self.WIDTHS, self.DEPTHS, self.KERNELS, strict=True)
        )
        self.up = nn.ModuleList(
            nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False), _conv(i, o))
            for o, i in zip(self.WIDTHS[:-1], self.WIDTHS[1:], strict=True)
        )
        # Skip and decoder feature are each convolved by themselves (two groups), then mixed.
        self.fuse = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(2 * o, 2 * o, 3, padding=1, groups=2),
                nn.GELU(),
                nn.BatchNorm2d(2 * o),
                *_bottleneck(2 * o, o),
            )
            for o in self.WIDTHS[:-1]
        )

    def features(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        skips = []
        for level, block in enumerate(self.encoder):
            x = block(F.max_pool2d(x, 2) if level else x)
            skips.append(x)
        for level in (3, 2, 1, 0):
            x = self.fuse[level](torch.cat([skips[level], self.up[level](x)], 1))
        return x


class OneHead(AAUNet):
    """AAU-Net without deep supervision: only the finest head is trained."""

    def forward(self, x: Tensor, *rest: Tensor) -> Tensor | list[Tensor]:
        logits = super().forward(x, *rest)
        return logits[:1] if isinstance(logits, list) else logits


@dataclass(frozen=True)
class Network:
    """A row of a table. `config` is the form of AAU-Net for a number of labels; others read that number only."""

    title: str
    build: Callable[[ModelConfig], nn.Module]
    config: Callable[[int], ModelConfig]


def _aau(title: str, letter: str, *, full: bool = False, aux: bool = False, dense_entry: bool = True) -> Network:
    def config(num_labels: int) -> ModelConfig:
        found = replace(ModelConfig.variant(letter, num_labels), aux=aux, dense_entry=dense_entry)
        return found.full_resolution() if full else found

    return Network(title, AAUNet, config)


def _ablation(title: str, *on: str, letter: str = "T") -> Network:
    """A variant with the named modules on, the others off, and one head."""
    modules = {name: name in on for name in ("mdck", "alca", "gag", "gag_global", "madm", "aux")}
    return Network(title, OneHead, lambda num_labels: replace(ModelConfig.variant(letter, num_labels), **modules))


def _baseline(title: str, build: Callable[[int], nn.Module]) -> Network:
    return Network(
        title, lambda config: build(config.num_labels), lambda num_labels: ModelConfig(num_labels=num_labels, aux=False)
    )


COMPARISON = {
    "aau-b": _aau("AAU-Net-B", "B"),
    "aau-t": _aau("AAU-Net-T", "T"),
    "light": _baseline("CMUNeXt (our writing)", CMUNeXt),
    "plain-b": _ablation("U-Net of B's widths, half resolution", letter="B"),
    "plain-t": _ablation("U-Net of T's widths, half resolution"),
    "unet-16": _baseline("U-Net 16…256", lambda labels: UNet(labels, 16)),
    "attention-16": _baseline("Attention U-Net 16…256", lambda labels: UNet(labels, 16, gated=True)),
    "unet-32": _baseline("U-Net 32…512", lambda labels: UNet(labels, 32)),
    "attention-32": _baseline("Attention U-Net 32…512", lambda labels: UNet(labels, 32, gated=True)),
    "unet-64": _baseline("U-Net 64…1024", lambda labels: UNet(labels, 64)),
    "attention-64": _baseline("Attention U-Net 64…1024", lambda labels: UNet(labels, 64, gated=True)),
}
"""Ours first."""

ABLATION = {
    "plain-t": _ablation("U-Net of the same widths"),
    "plain-t-mdck": _ablation("+ MDCK", "mdck"),
    "plain-t-alca": _ablation("+ ALCA", "mdck", "alca"),
    "plain-t-gag": _ablation("+ GAG, local part", "mdck", "alca", "gag"),
    "plain-t-global": _ablation("+ GAG, global part", "mdck", "alca", "gag", "gag_global"),
    "plain-t-madm": _ablation("+ MADM", "mdck", "alca", "gag", "gag_global", "madm"),
    "aau-t": _aau("+ deep supervision (this is AAU-Net-T)", "T"),
    "aau-t-aux": _aau("+ auxiliary stem, trained", "T", aux=True),
    "aau-t-inverted": _aau("AAU-Net-T, MDCK as an inverted residual", "T", dense_entry=False),
    "aau-t-full": _aau("AAU-Net-T in the full-resolution form", "T", full=True),
}
"""The table of MODEL.md 3.8, each row with one thing more than the one above, and the other form."""

OTHER_FORMS = ("aau-t-inverted", "aau-t-full")
"""Rows of the ablation that are no step on from the row above."""

NETWORKS = ABLATION | COMPARISON
