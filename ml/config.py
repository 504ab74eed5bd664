"""The two sets of choices a training run is made of. A variant is a config value, never a subclass."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

from ml.errors import BadConfig

_LARGEST = 2**31 - 1  # of whole numbers: what is computed from a seed must fit into 64 bits


def _check_keys(cls: type, plain: Mapping[str, Any]) -> None:
    """Raise BadConfig for names the dataclass does not have."""
    known = {field.name for field in fields(cls)}
    unknown = sorted(set(plain) - known)
    if unknown:
        raise BadConfig(f"{cls.__name__} does not know {', '.join(unknown)}; it knows {', '.join(sorted(known))}.")


def _check_types(config: Any) -> None:
    """Raise BadConfig when a value has not the type of its default, or is too large to compute with.

    A whole number may stand for a decimal one.
    """
    for field in fields(config):
        value, default = getattr(config, field.name), field.default
        if isinstance(default, tuple):
            right = isinstance(value, tuple) and all(type(item) is int for item in value)
            wanted = "a list of whole numbers"
        elif isinstance(default, float):
            # Compared, never converted: a whole number may be too large for a float. NaN compares as False.
            right = type(value) in (int, float) and abs(value) <= sys.float_info.max
            wanted = "a finite number"
        elif type(default) is int:
            right = type(value) is int and abs(value) <= _LARGEST
            wanted = f"a whole number of at most {_LARGEST}"
        else:
            right, wanted = type(value) is type(default), f"of type {type(default).__name__}"
        if not right:
            raise BadConfig(f"{type(config).__name__}.{field.name} must be {wanted}; got {value!r}.")


@dataclass(frozen=True)
class ModelConfig:
    """What the network looks like (MODEL.md section 3). The defaults are variant T in its default form (3.9).

    num_labels        K, without background; the network has K+1 output channels
    widths, depths    channels and blocks of the five levels
    kernels           sides of the depthwise branches of MDCK
    mdck … madm       module switches for the ablation; off means the plain block a U-Net has there. A choice inside a
                      module that is off changes nothing: kernels without mdck, gag_global without gag
    half_resolution   trunk at half resolution with a sub-pixel head (3.9); False: the form of 3.1
    dense_entry       MDCK entered by a dense 3×3 (`ml.modules.MDCK`); False: the inverted residual of 3.2 and 3.9
    linear_branches   branches of the inverted residual without their own activation, so that they fold (3.9); there are
                      none while dense_entry is on, and it changes nothing then
    depthwise_gate    GAG convolutions as depthwise 3×3 + 1×1 (3.9) instead of two-channel groups (3.4)
    aux               a second input for a previous mask and clicks (3.6); without one the network is the automatic one
    norm              "batch", or "group" (8 groups; 3.7) for batches too small to know their mean: nothing folds then
    """

    num_labels: int = 1
    widths: tuple[int, ...] = (16, 32, 64, 96, 160)
    depths: tuple[int, ...] = (1, 1, 1, 1, 1)
    kernels: tuple[int, ...] = (1, 3, 5)
    mdck: bool = True
    alca: bool = True
    gag: bool = True
    gag_global: bool = True
    madm: bool = True
    half_resolution: bool = True
    dense_entry: bool = True
    linear_branches: bool = True
    depthwise_gate: bool = True
    aux: bool = True
    norm: str = "batch"

    def __post_init__(self) -> None:
        for name in ("widths", "depths", "kernels"):
            if isinstance(getattr(self, name), list):  # JSON has no tuples
                object.__setattr__(self, name, tuple(getattr(self, name)))
        _check_types(self)
        if not 1 <= self.num_labels <= 254:
            raise BadConfig(f"num_labels must be 1 to 254; got {self.num_labels}.")
        if len(self.widths) != 5 or len(self.depths) != 5:
            raise BadConfig(f"widths and depths need five entries each; got {self.widths} and {self.depths}.")
        if any(not 8 <= width <= 1024 or width % 8 for width in self.widths):
            raise BadConfig(f"widths must be multiples of 8 (MADM splits channels), 8 to 1024; got {self.widths}.")
        if self.norm not in ("batch", "group"):
            raise BadConfig(f"norm must be batch or group; got {self.norm!r}.")
        if any(not 1 <= depth <= 16 for depth in self.depths):
            raise BadConfig(f"depths must be 1 to 16; got {self.depths}.")
        if not 1 <= len(self.kernels) <= 8 or any(not 1 <= kernel <= 31 or kernel % 2 == 0 for kernel in self.kernels):
            raise BadConfig(f"kernels must be one to eight odd numbers from 1 to 31; got {self.kernels}.")

    @classmethod
    def variant(cls, letter: str, num_labels: int) -> Self:
        """T for CPU-only sites and tests, B the default where there is time or a GPU, L large (MODEL.md 3.1)."""
        tiny = cls(num_labels=num_labels)
        bigger = replace(tiny, depths=(1, 1, 2, 2, 2), kernels=(1, 3, 5, 7))
        variants = {
            "T": tiny,
            "B": replace(bigger, widths=(32, 64, 128, 192, 320)),
            "L": replace(bigger, widths=(64, 128, 256, 384, 512)),
        }
        if letter not in variants:
            raise BadConfig(f"There is no variant {letter!r}; choose T, B or L.")
        return variants[letter]

    def full_resolution(self) -> Self:
        """The form of MODEL.md 3.1–3.5, kept for the ablation."""
        return replace(self, half_resolution=False, dense_entry=False, linear_branches=False, depthwise_gate=False)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """Read a plain dict. `"variant": "T"|"B"|"L"` may stand for the values it names.

        Raises BadConfig for an unknown name or a value that cannot be.
        """
        rest = {key: value for key, value in plain.items() if key != "variant"}
        _check_keys(cls, rest)
        if "variant" not in plain:
            return cls(**rest)
        return replace(cls.variant(str(plain["variant"]), rest.get("num_labels", 1)), **rest)

    def to_plain(self) -> dict[str, Any]:
        """A dict that JSON can hold and `from_plain` reads back equal."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


@dataclass(frozen=True)
class TrainConfig:
    """How the network is trained (MODEL.md 4.5).

    epochs, batch_size     passes over the training frames; frames per step, over all processes
    learning_rate          peak rate, after the warm-up; cosine down to a thousandth of it
    warmup_epochs          linear warm-up, at most a quarter of the run
    weight_decay           AdamW, on convolution kernels only
    image_size             side in px of the square the network sees; multiple of 64, 128 to 4096
    gradient_clip          largest gradient norm
    ema_decay              of the moving average of the weights, which is what is evaluated and shipped
    batch_norm_batches     un-augmented training batches, at most, to recompute batch-norm statistics from
    patience               epochs without a better validation Dice before stopping early
    frames_per_clip        at most so many of a clip per epoch, so that long clips do not dominate
    precision              auto | fp32 | bf16 | fp16, see `ml.precision`
    aux_training           simulate previous masks and clicks for the auxiliary stem, from the end of the warm-up on;
                           runs under 10 epochs train the automatic network only
    augment                False: frames as they are (tests)
    horizontal_flip        mirror frames; never done when a label names a side
    seed                   of weights, order, augmentation and dropout
    """

    epochs: int = 60
    batch_size: int = 8
    learning_rate: float = 1e-3
    warmup_epochs: int = 5
    weight_decay: float = 1e-2
    image_size: int = 256
    gradient_clip: float = 1.0
    ema_decay: float = 0.999
    batch_norm_batches: int = 100
    patience: int = 40
    frames_per_clip: int = 16
    precision: str = "auto"
    aux_training: bool = True
    augment: bool = True
    horizontal_flip: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        _check_types(self)
        if not 128 <= self.image_size <= 4096 or self.image_size % 64:
            raise BadConfig(f"image_size must be a multiple of 64 from 128 to 4096; got {self.image_size}.")
        if self.precision not in ("auto", "fp32", "bf16", "fp16"):
            raise BadConfig(f"precision must be auto, fp32, bf16 or fp16; got {self.precision!r}.")
        for name in ("epochs", "batch_size", "batch_norm_batches", "patience", "frames_per_clip"):
            if getattr(self, name) < 1:
                raise BadConfig(f"{name} must be at least 1; got {getattr(self, name)}.")
        for name in ("learning_rate", "gradient_clip"):
            if not getattr(self, name) > 0:
                raise BadConfig(f"{name} must be above 0; got {getattr(self, name)}.")
        if not 0 <= self.ema_decay < 1:
            raise BadConfig(f"ema_decay must be at least 0 and below 1; got {self.ema_decay}.")
        if self.warmup_epochs < 0 or self.weight_decay < 0 or self.seed < 0:
            raise BadConfig("warmup_epochs, weight_decay and seed must not be negative.")

    @property
    def warmup(self) -> float:
        """Epochs of warm-up: what was asked for, at most a quarter of the run."""
        return min(self.warmup_epochs, self.epochs / 4)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """Read a plain dict; names left out keep their defaults. Raises BadConfig as above."""
        _check_keys(cls, plain)
        return cls(**plain)

    def to_plain(self) -> dict[str, Any]:
        """A dict that JSON can hold and `from_plain` reads back equal."""
        return asdict(self)


RETRAINING = {"learning_rate": 3e-4, "warmup_epochs": 1, "patience": 15}
"""What differs when training starts from existing weights (MODEL.md 4.5), unless the manifest says otherwise."""
