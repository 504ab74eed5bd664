"""The public image sets as `ml` reads them: pictures, masks of label indices, classes, clusters.

Read from ../shared/data (its README names sources and licences); nothing of it is copied.
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.models.splits import clusters, split
from ml.data import Manifest, Sample
from ml.labels import LabelSchema

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


@dataclass(frozen=True)
class Picture:
    """One picture of a set: its name there, its class, and its files."""

    name: str
    group: str
    image: Path
    mask: Path


@dataclass(frozen=True)
class ImageSet:
    """An image set and what near-duplicates were found in it.

    labels       index and name of each structure
    binary       masks are 0/255, not label indices
    correlation  of thumbnails, above which two pictures are near-duplicates
    """

    name: str
    labels: tuple[tuple[int, str], ...]
    binary: bool
    correlation: float
    pictures: tuple[Picture, ...]

    @cached_property
    def cluster_of(self) -> list[int]:
        """See `benchmarks.models.splits.clusters`."""
        return clusters([_grey(picture.image) for picture in self.pictures], self.correlation)

    def manifest(self, fold: int, config: dict[str, Any]) -> tuple[Manifest, list[Picture], list[bool]]:
        """(manifest of one fold, its test pictures in order, is each the first of its cluster)."""
        cluster_of = self.cluster_of
        sides = split(cluster_of, [picture.group for picture in self.pictures], fold)
        samples, digest = [], hashlib.sha256()
        for side in ("train", "val", "test"):
            for index in getattr(sides, side):
                picture = self.pictures[index]
                subject = f"cluster {self.pictures[cluster_of[index]].name}"
                mask = partial(_binary_png, picture.mask) if self.binary else picture.mask
                samples.append(Sample(picture.image, mask, subject, picture.name, side))
                digest.update(
                    f"{side} {picture.name}".encode() + picture.image.read_bytes() + picture.mask.read_bytes()
                )
        tested = [self.pictures[index] for index in sides.test]
        first = [cluster_of[index] == index for index in sides.test]
        return Manifest(digest.hexdigest(), LabelSchema(self.labels), tuple(samples), config), tested, first


def busi(root: Path = DATA / "busi") -> ImageSet:
    """Breast ultrasound, benign and malignant. Pictures of class normal show no lesion and are left out."""
    rows = _rows(root)
    pictures = tuple(
        Picture(Path(row["image"]).stem, row["class"], root / row["image"], root / row["mask"])
        for row in rows
        if row["class"] != "normal"
    )
    return ImageSet("busi", ((1, "lesion"),), True, 0.95, pictures)


def nerve(root: Path = DATA / "usgra_nerve") -> ImageSet:
    """Nerves and vessels for regional anaesthesia; the set names no people.

    Neighbours in name are no more alike than any two pictures, so names say nothing; the threshold is lower instead.
    """
    pictures = tuple(
        Picture(
            Path(row["image"]).stem,
            "both labels" if int(row["label2_pixels"]) else "label 1 only",
            root / row["image"],
            root / row["label"],
        )
        for row in _rows(root)
    )
    return ImageSet("nerve", ((1, "label 1"), (2, "label 2")), False, 0.85, pictures)


SETS = {"busi": busi, "nerve": nerve}


def _rows(root: Path) -> list[dict[str, str]]:
    with (root / "manifest.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def _grey(path: Path) -> np.ndarray:
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise FileNotFoundError(f"{path} is missing or no picture.")
    return picture


def _binary_png(path: Path) -> bytes:
    return cv2.imencode(".png", (_grey(path) > 127).astype(np.uint8))[1].tobytes()
