"""Masks of key frames carried to the frames around them (MODEL.md 6.2 P1).

    for found in propagate(greys, {10: mask}, network=predictor, reach=30): …

From every key frame, both ways, until the next key frame, the end of the clip, `reach` steps, or a sign of drift. On
each frame the key's mask, moved there by the flow (`ml.motion`), meets the network:

    a network that takes a prior   sees the moved mask, as probabilities × confidence of the flow, beside the picture
    one that takes none            says what it says of the picture alone
    no network                     the moved mask is the answer

and the two are mixed on log-probabilities, log p = a·κ·log moved + (1 − a·κ)·log network. a falls from 1 on the key
frame to 0.85 five steps from it: the person's outline stays where the flow is sure (κ near 1), and the network decides
where it is not. (MODEL.md asks to keep the
network's answer alone; measured on simulated clips the mixture is better at every distance: docs/model.md.)

A person corrects what the network gets wrong, so the network is not asked whether it agrees with the mask, but whether
it agrees with it as much as it did on the key frame, where the mask is right by definition.

Between two key frames both ways are mixed by distance, again on log-probabilities.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from ml import motion
from ml.data import Letterbox, to_grey
from ml.errors import BadData
from ml.hints import encode_aux
from ml.labels import BACKGROUND, IGNORE
from ml.predict import Predictor

REACH = 30
GREEN, AMBER = 0.85, 0.70  # agreement; below AMBER a person must look
LEAST_CONFIDENCE = 0.5
LEAST_LIKENESS = 0.6
AREA_CHANGE = 0.4
SMALL = 0.0005  # share of the picture below which a structure's area says nothing
_KEEP, _SETTLED = 0.85, 5  # a of the module's text, and the steps after which it falls no more
_USEFUL = 0.5  # Dice on the key frame above which the network's opinion of a structure counts
_SOFT = 0.7  # px: the edge of a drawn mask is no sharper than that
_FLOOR = 1e-3
_PLANE_SIDE = 1024  # larger frames are worked on at this size: all planes at native size would not fit in memory

Reason = Literal[
    "count", "end_of_clip", "next_key", "scene_change", "low_confidence", "area_change",
    "structure_lost", "structure_appeared", "disagreement",
]  # fmt: skip
DRIFT = ("scene_change", "low_confidence", "area_change", "structure_lost", "structure_appeared", "disagreement")


@dataclass(frozen=True)
class Carried:
    """A proposal for one frame.

    index      of the frame
    labelmap   uint8 [H, W] label indices at the frame's own size; 255 where the key had 255
    keys       the key frames it comes from: one, or the two it lies between
    steps      to the nearest of them
    score      0..1: agreement with the network (least over the structures it knows, 1: as much as on the key frame);
               without a network the mean confidence of the flow inside the mask
    flag       "green", or "amber" when a person should look twice
    """

    index: int
    labelmap: np.ndarray
    keys: tuple[int, ...]
    steps: int
    score: float
    flag: Literal["green", "amber"]


@dataclass(frozen=True)
class Stop:
    """Where one way from one key frame ended. `index` is the frame that got nothing, None at the clip's end."""

    key: int
    direction: Literal["forward", "backward"]
    steps: int
    index: int | None
    reason: Reason
    label: int | None = None  # the structure it is about

    @property
    def is_drift(self) -> bool:
        """True when the frame waits for a person; False when the way simply ended."""
        return self.reason in DRIFT


@dataclass
class _View:
    """One frame as seen from one key: log-probabilities and what is to be checked."""

    logs: np.ndarray  # float32 [C, h, w]
    channels: np.ndarray  # uint8 [h, w]
    moved: np.ndarray  # uint8 [h, w], the key's mask moved here
    confidence: float
    agreement: dict[int, float]  # per label the network is useful for: Dice here as a share of that on the key
    network: np.ndarray | None  # uint8 [h, w], what the network draws


class _Key:
    """A key frame: its mask as planes, and what the network makes of the frame itself."""

    def __init__(self, index: int, planes: np.ndarray, labels: Sequence[int]) -> None:
        self.index = index
        self.planes = planes  # float32 [C, h, w] that sum to 1: background, labels, "not annotated"
        self.labels = labels
        self.channels = planes.argmax(0).astype(np.uint8)
        self.areas = np.bincount(self.channels.ravel(), minlength=len(planes))
        self.network_areas: np.ndarray | None = None
        self.network_dice: dict[int, float] = {}

    def ask(self, opinion: np.ndarray) -> None:
        """Note how well the network does where the truth is known. opinion: float32 [C, h, w]."""
        drawn = opinion.argmax(0)
        self.network_areas = np.bincount(drawn.ravel(), minlength=len(opinion))
        for channel in range(1, len(self.labels) + 1):
            if self.areas[channel]:
                self.network_dice[channel] = dice(self.channels == channel, drawn == channel)

    @property
    def useful(self) -> dict[int, float]:
        """Dice here of the structures the network draws well enough to be asked about elsewhere."""
        return {channel: dice for channel, dice in self.network_dice.items() if dice >= _USEFUL}

    @property
    def trusts_network(self) -> bool:
        """False when the network fails on every structure it knows here: it says nothing of other frames then."""
        return not self.network_dice or bool(self.useful)

    def as_far_as_useful(self, opinion: np.ndarray, moved: np.ndarray) -> np.ndarray:
        """The opinion, with structures the network fails on here left as they moved; float32 [C, h, w] all three."""
        poor = sorted(self.network_dice.keys() - self.useful.keys())
        if not poor:
            return opinion
        rest = opinion.copy()
        rest[poor] = 0
        rest *= (1 - moved[poor].sum(0)) / np.maximum(rest.sum(0), _FLOOR)
        rest[poor] = moved[poor]
        return rest


class Propagation:
    """Carries the masks of key frames through a clip. Iterate over it: frames come as they are done.

    frames       uint8 [H, W] or [H, W, 3] RGB each, all of one size, in time order
    keys         index into `frames` → uint8 [H, W] label map, corrected by a person
    network      a Predictor, or None for motion alone
    reach        steps at most from a key frame, each way
    directions   which ways to go
    living       label indices that may be drawn; others the network knows are left out. None: all
    on_step      called before each step of work with (done, total); may raise to stop
    stops        after iterating: why each way ended

    Raises BadData when there is no key frame, one is not of the clip, or a mask is not of the frames' size.
    """

    def __init__(
        self,
        frames: Sequence[np.ndarray],
        keys: Mapping[int, np.ndarray],
        *,
        network: Predictor | None = None,
        reach: int = REACH,
        directions: Sequence[Literal["forward", "backward"]] = ("forward", "backward"),
        living: Sequence[int] | None = None,
        on_step: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        self.frames = [to_grey(frame) for frame in frames]
        if not keys:
            raise BadData("Nothing to carry: name at least one key frame with its mask.")
        strange = sorted(index for index in keys if not 0 <= index < len(self.frames))
        if strange:
            raise BadData(f"There is no frame {strange[0]}: the clip's {len(self.frames)} frames are counted from 0.")
        shapes = {frame.shape for frame in self.frames} | {mask.shape for mask in keys.values()}
        if len(shapes) != 1:
            raise BadData(f"Frames and masks must be of one size; these are {sorted(shapes)}.")
        self.network, self.reach, self.directions, self.on_step = network, reach, directions, on_step
        self.shape = self.frames[0].shape
        scale = min(1.0, _PLANE_SIDE / max(self.shape))
        self.size = (max(1, round(self.shape[0] * scale)), max(1, round(self.shape[1] * scale)))
        drawn = {int(i) for mask in keys.values() for i in np.unique(mask)} - {BACKGROUND, IGNORE}
        known = set(network.labels.indices) if network else set()
        self.labels = sorted(drawn | (known & set(living) if living is not None else known))
        self.keys = {index: _Key(index, self._planes(mask), self.labels) for index, mask in sorted(keys.items())}
        self.stops: list[Stop] = []
        self._opinions: dict[int, np.ndarray] = {}  # of a network without prior, per frame

    def __iter__(self) -> Iterator[Carried]:
        greys = motion.prepare(self.frames)
        ways = [(key, way) for key in self.keys.values() for way in self.directions]
        self._done, self._total = 0, sum(len(self._path(key, way)[0]) for key, way in ways)
        for key in self.keys.values():
            if self.network:
                key.ask(self._opinion(key.index, key.planes, np.ones(self.size, np.float32)))
        waiting: dict[int, tuple[_Key, motion.Step]] = {}  # frames between two keys, as the first of them reached them
        for key, way in ways:
            yield from self._go(key, way, greys, waiting)
        for index, (key, step) in waiting.items():  # the other key never came so far
            yield self._carried(index, [(key, self._view(key, index, step))])

    def _path(self, key: _Key, way: str) -> tuple[list[int], Reason, int | None]:
        """The frames from a key in one direction, why no further, and the frame that ends it."""
        sign = 1 if way == "forward" else -1
        path: list[int] = []
        index = key.index + sign
        while 0 <= index < len(self.frames):
            if index in self.keys:
                return path, "next_key", index
            if len(path) == self.reach:
                return path, "count", index
            path.append(index)
            index += sign
        return path, "end_of_clip", None

    def _go(
        self, key: _Key, way: Literal["forward", "backward"], greys: Sequence[np.ndarray],
        waiting: dict[int, tuple[_Key, motion.Step]],
    ) -> Iterator[Carried]:  # fmt: skip
        path, reason, end = self._path(key, way)
        others = [other > key.index if way == "forward" else other < key.index for other in self.keys]
        shared = any(others) and len(self.directions) == 2  # another key comes the other way: it may meet this one
        track = motion.Track(greys[key.index])
        for steps, index in enumerate(path, start=1):
            self.on_step(self._done, self._total)
            self._done += 1
            step = track.follow(greys[index])
            view = self._view(key, index, step)
            drift, channel = self._drift(key, step, view)
            if drift:
                label = None if channel is None else self.labels[channel - 1]
                self.stops.append(Stop(key.index, way, steps, index, drift, label))
                self._done += len(path) - steps
                return
            if shared and index not in waiting and way == "forward":
                waiting[index] = (key, step)
            elif index in waiting:
                other, its_step = waiting.pop(index)
                yield self._carried(index, [(other, self._view(other, index, its_step)), (key, view)])
            else:
                yield self._carried(index, [(key, view)])
        self.stops.append(Stop(key.index, way, len(path) + 1, end, reason))

    def _view(self, key: _Key, index: int, step: motion.Step) -> _View:
        """What the frame looks like from a key: the moved mask, mixed with the network's opinion."""
        moved, confidence = motion.warp_planes(key.planes, step)
        channels = moved.argmax(0).astype(np.uint8)
        inside = (channels > 0) & (channels <= len(self.labels))  # what nobody annotated is no structure to lose
        sure = float(confidence[inside].mean()) if inside.any() else float(confidence.mean())
        logs = np.log(np.maximum(moved, _FLOOR))
        if self.network is None:
            return _View(logs, channels, channels, sure, {}, None)
        opinion = key.as_far_as_useful(self._opinion(index, moved, confidence), moved)
        drawn = opinion.argmax(0).astype(np.uint8)
        agreement = {
            channel: min(1.0, dice(channels == channel, drawn == channel) / before)
            for channel, before in key.useful.items()
        }
        if agreement:  # a network that fails on the key frame says nothing about the others
            keep = (1 - (1 - _KEEP) * min(1.0, abs(index - key.index) / _SETTLED)) * confidence
            logs = keep * logs + (1 - keep) * np.log(np.maximum(opinion, _FLOOR))
        return _View(logs, logs.argmax(0).astype(np.uint8), channels, sure, agreement, drawn)

    def _opinion(self, index: int, moved: np.ndarray, confidence: np.ndarray) -> np.ndarray:
        """float32 [C, h, w]: the network's probabilities for the channels here, those it does not know as moved."""
        assert self.network is not None
        takes_prior = self.network.info.config.aux
        if not takes_prior and index in self._opinions:
            return self._opinions[index]
        aux = None
        own = self.network.labels.indices
        if takes_prior:
            box = Letterbox.of(self.frames[index], self.network.info.image_size)
            prior = np.zeros((len(own), box.size, box.size), np.float32)
            for channel, label in enumerate(own):
                if label in self.labels:
                    prior[channel] = into_square(moved[self.labels.index(label) + 1] * confidence, box)
            aux = [encode_aux(prior, (), len(own), (box.size, box.size))]
        [(square, box)] = self.network.probabilities([self.frames[index]], aux)
        opinion = np.zeros_like(moved)
        opinion[0] = self._sized(box.back(square[0]))
        for channel, label in enumerate(own, start=1):
            # A label that is not living any more is background.
            at = self.labels.index(label) + 1 if label in self.labels else 0
            opinion[at] += self._sized(box.back(square[channel]))
        strangers = [c for c, label in enumerate(self.labels, start=1) if label not in own] + [len(self.labels) + 1]
        taken = moved[strangers].sum(0)
        opinion *= 1 - taken
        opinion[strangers] = moved[strangers]
        if not takes_prior and not taken.any():
            self._opinions = {index: opinion}  # the way back from the next key asks again; one frame is kept
        return opinion

    def _drift(self, key: _Key, step: motion.Step, view: _View) -> tuple[Reason | None, int | None]:
        """The first sign of drift, and the channel it is about."""
        if step.alike < LEAST_LIKENESS:
            return "scene_change", None
        if view.confidence < LEAST_CONFIDENCE:
            return "low_confidence", None
        small = SMALL * view.channels.size
        areas = np.bincount(view.channels.ravel(), minlength=len(key.areas))
        for channel in range(1, len(self.labels) + 1):
            before, now = int(key.areas[channel]), int(areas[channel])
            if before > small and now < 0.05 * before:
                return "structure_lost", channel
            if before > small and abs(now - before) > AREA_CHANGE * before:
                return "area_change", channel
            if before == 0 and key.network_areas is not None and view.network is not None and key.trusts_network:
                seen = int((view.network == channel).sum())
                if seen > 20 * small and seen > 3 * key.network_areas[channel]:
                    return "structure_appeared", channel
        if view.agreement and _mean(view.agreement) < AMBER:
            return "disagreement", min(view.agreement, key=lambda channel: view.agreement[channel])
        return None, None

    def _carried(self, index: int, views: list[tuple[_Key, _View]]) -> Carried:
        steps = [abs(index - key.index) for key, _ in views]
        if len(views) == 2:
            # w = (b − t)/(b − a): the nearer key counts more.
            share = steps[1] / (steps[0] + steps[1])
            logs = share * views[0][1].logs + (1 - share) * views[1][1].logs
            disagree = 1 - _labels_dice(views[0][1].channels, views[1][1].channels)
        else:
            logs, disagree = views[0][1].logs, 0.0
        scores = [_mean(view.agreement) if view.agreement else view.confidence for _, view in views]
        score = max(0.0, min(1.0, min(scores) - disagree))
        keys = tuple(sorted(key.index for key, _ in views))
        return Carried(
            index, self._labelmap(logs), keys, min(steps), round(score, 4), "green" if score >= GREEN else "amber"
        )

    def _planes(self, mask: np.ndarray) -> np.ndarray:
        """uint8 [H, W] of label indices → float32 [C, h, w] that sum to 1; edges a little soft."""
        planes = []
        for index in (BACKGROUND, *self.labels, IGNORE):
            plane = (mask == index).astype(np.float32)
            planes.append(cv2.GaussianBlur(self._sized(plane), (0, 0), _SOFT))
        return np.stack(planes)

    def _sized(self, plane: np.ndarray) -> np.ndarray:
        if plane.shape == self.size:
            return plane
        shrinks = self.size < plane.shape
        return cv2.resize(plane, self.size[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)

    def _labelmap(self, logs: np.ndarray) -> np.ndarray:
        """float32 [C, h, w] → uint8 [H, W] of label indices, plane by plane at the frames' own size."""
        values = (BACKGROUND, *self.labels, IGNORE)
        if self.size == self.shape:
            return np.array(values, np.uint8)[logs.argmax(0)]
        best = np.full(self.shape, -np.inf, np.float32)
        labelmap = np.zeros(self.shape, np.uint8)
        for plane, value in zip(logs, values, strict=True):
            native = cv2.resize(plane, self.shape[::-1], interpolation=cv2.INTER_LINEAR)
            labelmap[native > best] = value
            np.maximum(best, native, out=best)
        return labelmap


def into_square(plane: np.ndarray, box: Letterbox) -> np.ndarray:
    """float32 [h, w], of any size of the picture's shape → float32 [size, size], 0 around it."""
    top, left, height, width = box.box
    square = np.zeros((box.size, box.size), np.float32)
    shrinks = height <= plane.shape[0] and width <= plane.shape[1]
    square[top : top + height, left : left + width] = cv2.resize(
        plane, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    return square


def dice(a: np.ndarray, b: np.ndarray) -> float:
    """Dice of two bool [H, W]; 1.0 when both are empty."""
    total = int(a.sum()) + int(b.sum())
    return 2 * int((a & b).sum()) / total if total else 1.0


def _labels_dice(a: np.ndarray, b: np.ndarray) -> float:
    """Mean Dice over the channels either shows."""
    shown = np.union1d(a, b)
    values = [dice(a == channel, b == channel) for channel in shown if channel]
    return float(np.mean(values)) if values else 1.0


def _mean(agreement: Mapping[int, float]) -> float:
    return float(np.mean(list(agreement.values())))


# --- What it is compared with (docs/model.md); each: mask of frame 0 → masks of all frames ----------------------------


def copy_mask(frames: Sequence[np.ndarray], mask: np.ndarray) -> list[np.ndarray]:
    """The mask as it is, on every frame."""
    return [mask.copy() for _ in frames]


def warp_only(frames: Sequence[np.ndarray], mask: np.ndarray) -> list[np.ndarray]:
    """The mask moved by the flow, without drift stops."""
    labels = np.array(np.unique(mask), np.uint8)
    planes = np.stack([(mask == label).astype(np.float32) for label in labels])
    greys = motion.prepare([to_grey(frame) for frame in frames])
    track = motion.Track(greys[0])
    moved = [motion.warp_planes(planes, track.follow(grey))[0] for grey in greys[1:]]
    return [mask.copy(), *(labels[each.argmax(0)] for each in moved)]


def draft_only(frames: Sequence[np.ndarray], network: Predictor) -> list[np.ndarray]:
    """What the network draws on each frame by itself."""
    return [prediction.labelmap for prediction in network.predict_batch(frames)]


def draft_smoothed(frames: Sequence[np.ndarray], network: Predictor, share: float = 0.6) -> list[np.ndarray]:
    """Moving average of the network's probabilities: `share` of this frame, the rest moved here from before (P4)."""
    greys = motion.prepare([to_grey(frame) for frame in frames])
    average: np.ndarray | None = None
    masks = []
    for number, frame in enumerate(frames):
        [(square, box)] = network.probabilities([frame])
        now = np.stack([box.back(plane) for plane in square])
        if average is not None:
            before, _ = motion.warp_planes(average, motion.Track(greys[number - 1]).follow(greys[number]))
            now = share * now + (1 - share) * before
        average = now
        masks.append(network.labels.to_indices(now.argmax(0).astype(np.uint8)))
    return masks
