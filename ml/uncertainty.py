"""Which frames a person should see next (MODEL.md 6.2 P3), and a control arm that says whether it helps.

Per frame: predictive entropy of several passes over the same picture (`passes`: as it is, gamma 0.8, gamma 1.25), per
class over what was drawn of it and 10 px around it. Not over the picture: background is most of it and always sure.

A batch of n: one in five is drawn by chance among frames with something drawn (the control arm). The others: scores are
noised, log s + Gumbel/β, quotas over classes, at most two frames of a clip and none within a second of another; of
three times as many candidates, k-centre on a small descriptor keeps those unlike each other.

`place` does the same where clips come one by one: it gives each frame of a clip a number, so that the frames of all
clips are in one order without looking at all of them again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import cv2
import numpy as np

NEIGHBOURHOOD = 10
PER_CLIP = 2
APART_US = 1_000_000
CONTROL_SHARE = 0.2
CANDIDATES = 3
GAMMAS = (1.0, 0.8, 1.25)
THOROUGH = 20  # of a clip: so many are kept apart and unlike; the others come by score
_SIDE = 8

Arm = Literal["ranked", "random"]


def passes(grey: np.ndarray) -> list[np.ndarray]:
    """The picture as each pass sees it: uint8 [H, W] each; black stays black.

    Not mirrored: a label may name a side, and a mirrored answer would have to be mirrored back.
    """
    steps = np.arange(256) / 255.0
    return [cv2.LUT(grey, np.rint(255 * steps**gamma).astype(np.uint8)) for gamma in GAMMAS]


def entropy(probabilities: np.ndarray) -> np.ndarray:
    """[…, C, H, W] that sum to 1 over C → […, H, W], as a share of the largest possible."""
    terms = probabilities * np.log(np.maximum(probabilities, 1e-12))
    return -terms.sum(-3) / np.log(probabilities.shape[-3])


def bald(stack: np.ndarray) -> np.ndarray:
    """Disagreement between passes, H(mean) − mean H: float [S, C, H, W] → [H, W], 0..1. For the ablation."""
    return np.maximum(entropy(stack.mean(0)) - entropy(stack).mean(0), 0.0)


def class_scores(stack: np.ndarray) -> dict[int, float]:
    """Selective predictive entropy per class drawn (1..K): over its pixels and 10 px around them.

    stack  float [S, K+1, H, W]: the passes. Nothing drawn: {0: mean over the picture}.
    """
    mean = stack.mean(0)
    return selective(entropy(mean), mean.argmax(0))


def selective(doubt: np.ndarray, drawn: np.ndarray, radius: int = NEIGHBOURHOOD) -> dict[int, float]:
    """Mean doubt [H, W] per class over where it is drawn (int [H, W], 0 nothing) and `radius` pixels around it."""
    side = 2 * radius + 1
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    scores = {}
    for channel in np.unique(drawn):
        if channel:
            near = cv2.dilate((drawn == channel).astype(np.uint8), disk) > 0
            scores[int(channel)] = float(doubt[near].mean())
    return scores or {0: float(doubt.mean())}


def descriptor(grey: np.ndarray) -> np.ndarray:
    """float32 [64] of length 1: the picture at 8×8, without its mean. Cheap, and enough to tell views apart.

    It stands in for the network's bottleneck features, which the exported graphs do not give out.
    """
    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
    small -= small.mean()
    length = float(np.linalg.norm(small))
    return small / length if length > 1e-6 else small


@dataclass(frozen=True)
class Candidate:
    """A frame that could be shown next.

    key        whatever names it to the caller
    clip       frames of one clip have the same
    time_us    presentation time
    scores     per class, as `class_scores`; larger is less certain
    features   as `descriptor`, or any vector; all of one length
    """

    key: int
    clip: int
    time_us: int
    scores: Mapping[int, float]
    features: np.ndarray = field(default_factory=lambda: np.zeros(1, np.float32))

    @property
    def shows(self) -> bool:
        """Whether anything is drawn in it."""
        return any(self.scores) and max(self.scores) > 0


def choose(
    frames: Sequence[Candidate], count: int, *, beta: float = 1.0, seed: int = 0, taken: Iterable[Candidate] = ()
) -> list[tuple[int, Arm]]:
    """(key, arm) of the next `count` frames, in the order to show them. Fewer when the rules allow no more.

    beta   how far the score is trusted: noise is Gumbel/beta. 1 in the first round, up to 8 later
    taken  frames of clips that count already against the rules
    """
    rng = np.random.default_rng(seed)
    frames = sorted(frames, key=lambda frame: frame.key)  # the same frames, the same choice
    room = _Room(taken)
    control = round(CONTROL_SHARE * count)
    by_chance: list[int] = []
    shown = [frame for frame in frames if frame.shows] or frames
    for at in rng.permutation(len(shown)):
        if len(by_chance) == control:
            break
        if room.take(shown[at]):
            by_chance.append(shown[at].key)
    rest = [frame for frame in frames if frame.key not in set(by_chance)]
    wanted = count - len(by_chance)
    ranked = [frame.key for frame in _spread(_stratified(rest, CANDIDATES * wanted, beta, rng), wanted, room)]
    # Mixed, so that neither arm is always met first, by a fresh or by a tired person.
    arms: list[tuple[int, Arm]] = [(key, "ranked") for key in ranked]
    for number, key in enumerate(by_chance):
        arms.insert(min(len(arms), int(rng.integers(0, 5)) + 5 * number), (key, "random"))
    return arms


@dataclass(frozen=True)
class Place:
    """Where a frame stands among those of all clips. rank: 0..1, larger first."""

    key: int
    arm: Arm
    rank: float


def place(
    frames: Sequence[Candidate],
    *,
    others: Sequence[float] = (),
    beta: float = 1.0,
    seed: int = 0,
    by_chance: bool = False,
) -> list[Place]:
    """The places of one clip's frames: the same frames and seed, the same places.

    Ranked arm: in rounds of two at most, a second apart, unlike each other, taken in turn from the classes. The rank
    says the round first, then the frame's noised score: the first two of every clip come before the third of any.
    Control arm: each frame with something drawn, with a chance of one in five. It gets the rank of a ranked frame drawn
    by chance from all: so a fifth of what people meet is the control arm, from the first frame to the last.

    others     ranks of ranked frames of other clips
    beta       as in `choose`
    by_chance  all frames are the control arm, in any order; what shows nothing comes last
    """
    rng = np.random.default_rng(seed)
    frames = sorted(frames, key=lambda frame: frame.key)
    if by_chance:
        return [Place(frame.key, "random", float(rng.random()) if frame.shows else 0.0) for frame in frames]
    lots = rng.random(len(frames)) < CONTROL_SHARE
    control = [frame for frame, drawn in zip(frames, lots, strict=True) if drawn and frame.shows]
    aside = {frame.key for frame in control}
    ranked = [
        Place(frame.key, "ranked", 1 / (2 + number - standing))
        for number, turn in enumerate(_rounds([each for each in frames if each.key not in aside], beta, rng))
        for frame, standing in turn
    ]
    pool = [*others, *(each.rank for each in ranked)]
    by_lot = [float(rng.choice(pool)) if pool else 1 / (1 + float(rng.random())) for _ in control]
    return ranked + [Place(frame.key, "random", rank) for frame, rank in zip(control, by_lot, strict=True)]


def _rounds(frames: Sequence[Candidate], beta: float, rng: np.random.Generator) -> list[list[tuple[Candidate, float]]]:
    """Frames of one clip, at most PER_CLIP a round, each with its noised score pressed into 0..1."""
    noised = {frame.key: max(frame.scores.values()) * np.exp(rng.gumbel() / beta) for frame in frames}
    left, before, rounds = list(frames), list[Candidate](), list[list[Candidate]]()
    while left and len(before) < THOROUGH:
        apart = [each for each in left if all(abs(each.time_us - one.time_us) >= APART_US for one in before)]
        rounds.append(_spread(_stratified(apart or left, CANDIDATES * PER_CLIP, beta, rng), PER_CLIP, _Room(())))
        before += rounds[-1]
        chosen = {frame.key for frame in rounds[-1]}
        left = [frame for frame in left if frame.key not in chosen]
    left.sort(key=lambda frame: -noised[frame.key])
    rounds += [left[at : at + PER_CLIP] for at in range(0, len(left), PER_CLIP)]
    return [[(frame, float(noised[frame.key] / (1 + noised[frame.key]))) for frame in turn] for turn in rounds]


class _Room:
    """The rules on clips: at most PER_CLIP frames of one, APART_US between them."""

    def __init__(self, taken: Iterable[Candidate]) -> None:
        self._times: dict[int, list[int]] = defaultdict(list)
        for frame in taken:
            self._times[frame.clip].append(frame.time_us)

    def take(self, frame: Candidate) -> bool:
        times = self._times[frame.clip]
        if len(times) >= PER_CLIP or any(abs(frame.time_us - time) < APART_US for time in times):
            return False
        times.append(frame.time_us)
        return True


def _stratified(frames: Sequence[Candidate], count: int, beta: float, rng: np.random.Generator) -> list[Candidate]:
    """The noised best of each class in turn, so that a structure that is always unsure does not fill the batch."""
    queues: dict[int, list[tuple[float, Candidate]]] = defaultdict(list)
    for frame in frames:
        for channel, score in frame.scores.items():
            queues[channel].append((np.log(max(score, 1e-6)) + rng.gumbel() / beta, frame))
    for queue in queues.values():
        queue.sort(key=lambda entry: entry[0])  # best last
    chosen: dict[int, Candidate] = {}
    while len(chosen) < count and any(queues.values()):
        for channel in sorted(queues):
            if queues[channel] and len(chosen) < count:
                _, frame = queues[channel].pop()
                chosen.setdefault(frame.key, frame)
    return list(chosen.values())


def _spread(candidates: Sequence[Candidate], count: int, room: _Room) -> list[Candidate]:
    """Greedy k-centre: the first candidate, then always the one farthest from all chosen, as the rules allow."""
    left = list(candidates)
    chosen: list[Candidate] = []
    distance = np.full(len(left), np.inf)
    while left and len(chosen) < count:
        at = int(distance.argmax())
        frame = left.pop(at)
        distance = np.delete(distance, at)
        if not room.take(frame):
            continue
        chosen.append(frame)
        if left:
            near = np.linalg.norm(np.stack([other.features for other in left]) - frame.features, axis=1)
            distance = np.minimum(distance, near)
    return chosen


def arms_of(chosen: Iterable[tuple[int, Arm]]) -> Counter[str]:
    """How many frames each arm has."""
    return Counter(arm for _, arm in chosen)
