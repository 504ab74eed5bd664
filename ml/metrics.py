"""How good one mask of one frame is (MODEL.md 4.6). `ml.summary` makes the scores of a model from it.

Masks are compared at native size, pixels of 255 in the reference count nowhere. For every label:

reference / prediction   Dice  IoU  precision  recall  HD95, ASSD        NSD   in the headline
empty / empty             1    NaN     NaN      NaN     0                NaN    no
empty / not empty         0     0       0       NaN     image diagonal    0     no: a false positive
not empty / empty         0     0       0        0      image diagonal    0     yes

Distances are in millimetres where the frame's scale is known, else in pixels. Tools disagree on them (arXiv
2410.02630), so: the boundary is the mask minus its 4-connected erosion, beyond the picture counts as outside; every
boundary pixel counts once; HD95 is the larger of the two directed 95th percentiles (linear interpolation).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from ml.labels import IGNORE, LabelSchema

PRESENT_PIXELS = 20
"""A frame shows a label, for the question whether it is there at all, from this many pixels on."""
BAND_PIXELS = 10
"""Calibration is measured this near to the reference's boundary: far inside and far outside is easy."""
BINS = 15
_ROUNDING = 1e-5
"""Millimetres or pixels: ten steps of 0.1 mm are within 1 mm, whatever float32 makes of them."""
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
Spacing = tuple[float, float]
"""Millimetres per pixel: from row to row, from column to column."""


@dataclass(frozen=True)
class Overlap:
    """Agreement from pixel counts; NaN where the table above says so."""

    dice: float
    iou: float
    precision: float
    recall: float


@dataclass(frozen=True)
class Distances:
    """Agreement of boundaries; NaN where the table above says so.

    hd95, assd    mm or px
    nsd_1, nsd_2  normalised surface Dice: share of both boundaries within 1 and within 2 of the other, mm or px.
                  One pixel is the rounding of a drawn line, so without a scale nsd_1 is NaN
    """

    hd95: float
    assd: float
    nsd_1: float
    nsd_2: float


UNKNOWN = Distances(math.nan, math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class FrameScore:
    """One label of one frame.

    reference, prediction   pixels of the label in each
    bins                    float64 [BINS, 3]: pixels, sum of their probabilities, how many are right, by probability
                            of the label drawn; within BAND_PIXELS of the reference's boundary. None: not measured
    """

    overlap: Overlap
    reference: int
    prediction: int
    distances: Distances = UNKNOWN
    bins: np.ndarray | None = None

    @property
    def in_reference(self) -> bool:
        return self.reference > 0

    @property
    def in_prediction(self) -> bool:
        return self.prediction > 0


def score_counts(both: int, reference: int, prediction: int) -> Overlap:
    """Overlap from pixel counts: in both masks, in the reference, in the prediction."""
    union = reference + prediction - both
    return Overlap(
        dice=2 * both / (reference + prediction) if union else 1.0,
        iou=both / union if union else math.nan,
        precision=both / prediction if prediction else (0.0 if reference else math.nan),
        recall=both / reference if reference else math.nan,
    )


def score_frame(
    reference: np.ndarray,
    prediction: np.ndarray,
    labels: LabelSchema,
    *,
    probability: np.ndarray | None = None,
    spacing: Spacing | None = None,
    quick: bool = False,
) -> dict[int, FrameScore]:
    """Score every label of one frame.

    reference, prediction   uint8 [H, W] label indices, of one shape
    probability             float32 [H, W], 0..1: of the label drawn at each pixel; None leaves calibration out
    spacing                 of the frame; None gives distances in pixels
    quick                   overlap only, a tenth of the time
    """
    if reference.shape != prediction.shape:
        raise ValueError(f"Reference is {reference.shape}, prediction {prediction.shape}; they must be one shape.")
    known = reference != IGNORE
    # One pass over the picture: how often each pair (reference, prediction) occurs.
    pairs = np.bincount(reference[known].astype(np.uint16) * 256 + prediction[known], minlength=65536)
    pairs = pairs.reshape(256, 256)
    scores = {}
    for index in labels.indices:
        counts = int(pairs[index, index]), int(pairs[index].sum()), int(pairs[:, index].sum())
        overlap, (_, inside, drawn) = score_counts(*counts), counts
        if quick:
            scores[index] = FrameScore(overlap, inside, drawn)
        elif inside and drawn:
            crop = _Crop(reference, prediction, known, index)
            bins = crop.calibration(probability, labels) if probability is not None else None
            scores[index] = FrameScore(overlap, inside, drawn, crop.distances(spacing), bins)
        else:
            bins = None
            if inside and probability is not None:
                bins = _Crop(reference, prediction, known, index).calibration(probability, labels)
            distances = empty_distances(inside > 0, drawn > 0, reference.shape, spacing)
            scores[index] = FrameScore(overlap, inside, drawn, distances, bins)
    return scores


def empty_distances(
    in_reference: bool, in_prediction: bool, shape: tuple[int, ...], spacing: Spacing | None
) -> Distances:
    """Distances when one mask or both are empty: the table at the top of this file."""
    strict = math.nan if spacing is None else 0.0
    if in_reference == in_prediction:
        return Distances(hd95=0.0, assd=0.0, nsd_1=math.nan, nsd_2=math.nan)
    row, column = spacing or (1.0, 1.0)
    worst = math.hypot(shape[0] * row, shape[1] * column)
    return Distances(hd95=worst, assd=worst, nsd_1=strict, nsd_2=0.0)


def boundary(inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """The pixels of a mask with a neighbour (4-connected) that is outside it, or at the picture's edge.

    inside, outside  bool [H, W]; neither where nobody annotated: what a border there is like is not known
    """
    near = cv2.dilate(outside.astype(np.uint8), _CROSS, borderType=cv2.BORDER_CONSTANT, borderValue=1)
    return inside & (near > 0)


class _Crop:
    """One label, in the box that holds it in both masks and the band round the reference."""

    def __init__(self, reference: np.ndarray, prediction: np.ndarray, known: np.ndarray, index: int) -> None:
        either = ((reference == index) | ((prediction == index) & known)).astype(np.uint8)
        left, top, width, height = cv2.boundingRect(either)
        pad = BAND_PIXELS + 1
        self.box = (slice(max(0, top - pad), top + height + pad), slice(max(0, left - pad), left + width + pad))
        self.reference, self.prediction = reference[self.box], prediction[self.box]
        self.known = known[self.box]
        ours, theirs = self.reference == index, (self.prediction == index) & self.known
        self.borders = boundary(ours, self.known & ~ours), boundary(theirs, self.known & ~theirs)

    def distances(self, spacing: Spacing | None) -> Distances:
        ours, theirs = self.borders
        if not (ours.any() and theirs.any()):  # a mask all round which nobody annotated has no known boundary
            return UNKNOWN
        forth, back = directed_distances(ours, theirs, spacing or (1.0, 1.0))
        both = np.concatenate([forth, back])
        return Distances(
            hd95=float(max(np.percentile(forth, 95), np.percentile(back, 95))),
            assd=float(both.mean(dtype=np.float64)),
            nsd_1=math.nan if spacing is None else float((both <= 1 + _ROUNDING).mean()),
            nsd_2=float((both <= 2 + _ROUNDING).mean()),
        )

    def calibration(self, probability: np.ndarray, labels: LabelSchema) -> np.ndarray:
        """See `FrameScore.bins`."""
        counted = self.known & np.isin(self.reference, (0, *labels.indices))
        if self.borders[0].any():
            counted &= _distance_to(self.borders[0]) <= BAND_PIXELS
        else:
            counted[:] = False
        sure = probability[self.box][counted]
        right = self.prediction[counted] == self.reference[counted]
        # Bins are (low, high], as usual.
        which = np.clip(np.ceil(sure * BINS).astype(np.intp) - 1, 0, BINS - 1)
        sums = [np.bincount(which, weights=weights, minlength=BINS) for weights in (None, sure, right)]
        return np.stack(sums, 1).astype(np.float64)


def _distance_to(border: np.ndarray) -> np.ndarray:
    """float32 [H, W]: exact Euclidean distance in pixels to the nearest pixel of `border`, which has some."""
    return cv2.distanceTransform((~border).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


def directed_distances(ours: np.ndarray, theirs: np.ndarray, spacing: Spacing) -> tuple[np.ndarray, np.ndarray]:
    """How far each pixel of one boundary is from the nearest of the other, there and back; float32 vectors.

    ours, theirs  bool [H, W], neither empty
    """
    row, column = spacing
    if row == column:
        return _distance_to(theirs)[ours] * np.float32(row), _distance_to(ours)[theirs] * np.float32(row)
    # OpenCV's transform knows square pixels only. Boundaries are short: every pair, some rows at a time.
    # Whole pixels are subtracted, which is exact, and then scaled: where in the picture it is must not matter.
    one, other = (np.argwhere(border).astype(np.float32) for border in (ours, theirs))
    forth, back = np.empty(len(one), np.float32), np.full(len(other), np.inf, np.float32)
    for start in range(0, len(one), 256):
        part = slice(start, start + 256)
        rows = (one[part, None, 0] - other[None, :, 0]) * np.float32(row)
        columns = (one[part, None, 1] - other[None, :, 1]) * np.float32(column)
        apart = np.hypot(rows, columns)
        forth[part] = apart.min(1)
        np.minimum(back, apart.min(0), out=back)
    return forth, back


def calibration_error(bins: np.ndarray) -> float:
    """Expected calibration error: mean distance between probability and share that is right, over the pixels.

    bins  as in `FrameScore`. 0 is calibrated, 1 surely wrong; NaN without pixels
    """
    total = bins[:, 0].sum()
    return float(np.abs(bins[:, 1] - bins[:, 2]).sum() / total) if total else math.nan
