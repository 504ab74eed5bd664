"""Which label index a network channel stands for."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np

from ml.errors import BadLabels

BACKGROUND = 0
IGNORE = 255
"""Label index "not annotated": excluded from loss and metrics, in masks and in channel maps alike."""

# Words that make a mirrored picture a wrong picture (MODEL.md 4.3).
_SIDE_WORDS = {"left", "right", "cranial", "caudal", "cephalad"}


@dataclass(frozen=True)
class LabelSchema:
    """The labels of a project, in channel order: channel 0 is background, channel i+1 is `labels[i]`.

    Kept sorted by index, so the order in which a project shows its labels does not change the network.

    labels   (index, name) pairs; index 1..254, never twice
    Raises BadLabels when the list is empty, an index is out of range or doubled, or a name is empty.
    """

    labels: tuple[tuple[int, str], ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", tuple(sorted((index, name) for index, name in self.labels)))
        if not self.labels:
            raise BadLabels("A label schema needs at least one label; it has none.")
        for index, name in self.labels:
            if isinstance(index, bool) or not isinstance(index, int) or not 1 <= index <= 254:
                raise BadLabels(
                    f"Label index {index!r} is not a whole number from 1 to 254 (0 is background, 255 ignore)."
                )
            if not isinstance(name, str) or not name.strip():
                raise BadLabels(f"Label {index} has no name.")
        if len(set(self.indices)) != len(self.labels):
            raise BadLabels(f"Label indices must differ; got {list(self.indices)}.")

    @classmethod
    def from_plain(cls, plain: Iterable[Mapping[str, Any]]) -> LabelSchema:
        """Read `[{"index": 1, "name": "dura"}, …]`, the form used in manifests and weights."""
        try:
            return cls(tuple((entry["index"], entry["name"]) for entry in plain))
        except (KeyError, TypeError) as error:
            raise BadLabels('Labels must be a list of {"index": number, "name": text}.') from error

    def to_plain(self) -> list[dict[str, Any]]:
        """The inverse of `from_plain`."""
        return [{"index": index, "name": name} for index, name in self.labels]

    @property
    def indices(self) -> tuple[int, ...]:
        """Label indices in channel order, background left out."""
        return tuple(index for index, _ in self.labels)

    @property
    def count(self) -> int:
        """K: the number of labels without background."""
        return len(self.labels)

    def name(self, index: int) -> str:
        """The name of a label index of this schema."""
        return dict(self.labels)[index]

    @cached_property
    def hash(self) -> str:
        """SHA-256 over indices and names: equal schemas have equal hashes on every machine."""
        text = json.dumps([[index, name] for index, name in self.labels], ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    def shared_with(self, other: LabelSchema) -> LabelSchema:
        """The labels whose index both have, under this schema's names. Raises BadLabels when there are none."""
        shared = tuple((index, name) for index, name in self.labels if index in other.indices)
        if not shared:
            raise BadLabels(f"No label index is in both: {list(self.indices)} here, {list(other.indices)} there.")
        return LabelSchema(shared)

    def names_a_side(self) -> bool:
        """True when a label speaks of left, right, cranial or caudal: mirroring would then make it wrong."""
        return any(_SIDE_WORDS & set(re.findall(r"[^\W\d_]+", name.lower())) for _, name in self.labels)

    def to_channels(self, labelmap: np.ndarray) -> np.ndarray:
        """Label indices → channels 0..K; 255 stays 255.

        labelmap  uint8 [H, W]
        Raises BadLabels for a pixel whose index is not in the schema.
        """
        table = np.full(256, -1, np.int16)
        table[BACKGROUND], table[IGNORE] = 0, IGNORE
        table[list(self.indices)] = np.arange(1, self.count + 1)
        channels = table[labelmap]
        if channels.min(initial=0) < 0:
            unknown = sorted(int(v) for v in np.unique(labelmap[channels < 0]))
            raise BadLabels(f"The mask holds label indices {unknown}; the schema knows {list(self.indices)}.")
        return channels.astype(np.uint8)

    def to_indices(self, channels: np.ndarray) -> np.ndarray:
        """Channels 0..K → label indices, uint8 of the same shape."""
        table = np.zeros(256, np.uint8)
        table[: self.count + 1] = (BACKGROUND, *self.indices)
        return cv2.LUT(channels, table)
