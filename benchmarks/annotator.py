"""What a frame costs a person, by a simulated annotator who knows the true mask: `python -m benchmarks.annotator`.

The annotator looks at the mask on the table and mends the largest wrong region: one stroke paints one connected region
with its right label, or background, exactly. A frame is handed in once every structure it shows has a Dice of at least
0.90 and nothing is drawn of a structure it does not show. Counted are strokes and clicks per accepted frame, for four
ways to begin:

    scratch       an empty mask
    draft         the champion's draft
    clicks        the draft; the worst structure gets up to three clicks (`ml.interact.refine`) before strokes
    propagation   every tenth frame is mended from its draft; what `ml.propagate` carries from these is mended elsewhere

A real hand paints less exactly and needs more strokes for a large region, from scratch most of all. So the counts are
for comparing the ways with each other, not minutes of a day.

Phantom clips are of simulated subjects the champion was never trained on. With `--nerve WEIGHTS --cell RESULT` also
pictures of ../shared/data/usgra_nerve; single pictures have no neighbours, so propagation is not measured on them. Both
come from one cell of `benchmarks.models`:

    python -m benchmarks.models --study nerve --budget cpu --net aau-t-aux --fold 0 --work WORK
    python -m benchmarks.annotator --nerve WORK/nerve-cpu-aau-t-aux-fold0-seed0/model.safetensors \
        --cell benchmarks/results/models/nerve-cpu-aau-t-aux-fold0-seed0.json
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks._report import Row, report
from benchmarks.models.datasets import nerve
from ml.data import decode_image, decode_mask, to_grey
from ml.hints import error_clicks
from ml.interact import Point, refine, takes_clicks
from ml.make_demo_champion import FIRST_SEED, VIEW, WEIGHTS
from ml.phantom import ClipSpec, simulate_clip
from ml.predict import Predictor
from ml.propagate import Propagation

GOOD, KEY_EVERY, MOST_STROKES, CLICKS_PER_LABEL = 0.90, 10, 200, 3
FRAMES, SUBJECTS = 21, 6


@dataclass
class Cost:
    """What one frame took, and how good it was before the first stroke or click."""

    strokes: int = 0
    clicks: int = 0
    unchanged: bool = False


def dice(truth: np.ndarray, drawn: np.ndarray, label: int) -> float:
    """Dice of one label of two label maps; 1 when neither shows it."""
    one, other = truth == label, drawn == label
    total = int(one.sum()) + int(other.sum())
    return 2 * int((one & other).sum()) / total if total else 1.0


def worst(truth: np.ndarray, drawn: np.ndarray) -> tuple[int, float]:
    """The structure drawn worst and its Dice; one drawn where it is not has Dice 0. (0, 1.0) without any."""
    labels = [int(label) for label in np.union1d(np.unique(truth), np.unique(drawn)) if label not in (0, 255)]
    return min(((label, dice(truth, drawn, label)) for label in labels), key=lambda found: found[1], default=(0, 1.0))


def stroke(truth: np.ndarray, drawn: np.ndarray, label: int) -> np.ndarray:
    """The mask after the largest connected region that is wrong about `label` was painted right."""
    largest, size = None, 0
    for wrong in ((truth == label) & (drawn != label), (truth != label) & (drawn == label)):
        _, parts, stats, _ = cv2.connectedComponentsWithStats(wrong.astype(np.uint8), connectivity=4)
        if len(stats) > 1:
            best = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
            if stats[best, cv2.CC_STAT_AREA] > size:
                largest, size = parts == best, int(stats[best, cv2.CC_STAT_AREA])
    assert largest is not None, "asked to mend what is right"
    return np.where(largest, truth, drawn)


def mend(truth: np.ndarray, start: np.ndarray, click: Callable[[np.ndarray, int], np.ndarray] | None = None) -> Cost:
    """Strokes (and clicks, where `click` draws them) until the frame can be handed in.

    click  (mask, label) → mask after one more click on that structure
    """
    drawn, cost, clicked = start.copy(), Cost(), {}
    while cost.strokes < MOST_STROKES:
        label, value = worst(truth, drawn)
        if value >= GOOD:
            cost.unchanged = cost.strokes + cost.clicks == 0
            return cost
        if click and clicked.get(label, 0) < CLICKS_PER_LABEL:
            clicked[label] = clicked.get(label, 0) + 1
            cost.clicks += 1
            drawn = click(drawn, label)
            continue
        drawn = stroke(truth, drawn, label)
        cost.strokes += 1
    raise RuntimeError(f"{MOST_STROKES} strokes did not finish a frame: the annotator is wrong, not the mask")


def clicker(network: Predictor, image: np.ndarray, truth: np.ndarray) -> Callable[[np.ndarray, int], np.ndarray]:
    """Clicks of one frame: each on the middle of the largest error of the structure, all sent with each."""
    points: dict[int, list[Point]] = {}

    def click(drawn: np.ndarray, label: int) -> np.ndarray:
        own = points.setdefault(label, [])
        [place] = error_clicks((truth == label).astype(np.uint8), (drawn == label).astype(np.uint8), 1)
        own.append(Point(place.x, place.y, place.positive))
        return refine(network, image, drawn, label, own, over=network.labels.indices).labelmap

    return click


def phantom_clips() -> Iterator[tuple[list[np.ndarray], list[np.ndarray]]]:
    """Frames and true label maps of clips of subjects no champion was trained on."""
    for seed in range(FIRST_SEED["test"], FIRST_SEED["test"] + SUBJECTS):
        clip = simulate_clip(ClipSpec(VIEW, seed, clip_seed=2, frames=FRAMES))
        yield list(clip.frames), list(clip.label_maps)


def annotate(network: Predictor, frames: Sequence[np.ndarray], truths: Sequence[np.ndarray]) -> dict[str, list[Cost]]:
    """Every frame of a clip, by each way to begin. A single frame has no propagation."""
    drafts = [network.predict_batch([frame])[0].labelmap for frame in frames]
    costs = {
        "scratch": [mend(truth, np.zeros_like(truth)) for truth in truths],
        "draft": [mend(truth, draft) for truth, draft in zip(truths, drafts, strict=True)],
    }
    if takes_clicks(network):
        rows = zip(frames, truths, drafts, strict=True)
        costs["clicks"] = [mend(truth, draft, clicker(network, frame, truth)) for frame, truth, draft in rows]
    if len(frames) > 1:
        keys = range(0, len(frames), KEY_EVERY)
        carried = Propagation(frames, {key: truths[key] for key in keys}, network=network)
        starts = {found.index: found.labelmap for found in carried} | {key: drafts[key] for key in keys}
        costs["propagation"] = [mend(truth, starts.get(at, drafts[at])) for at, truth in enumerate(truths)]
    return costs


def rows_of(name: str, network: Predictor, clips: Iterator[tuple[list[np.ndarray], list[np.ndarray]]]) -> list[Row]:
    """The table of one data set, a row per way and count."""
    all_costs: dict[str, list[Cost]] = {}
    for frames, truths in clips:
        for way, costs in annotate(network, frames, truths).items():
            all_costs.setdefault(way, []).extend(costs)
    rows = []
    for way, costs in all_costs.items():
        per = f"{name}, from {way}" if way == "scratch" else f"{name}, with {way}"
        share = 100 * float(np.mean([cost.unchanged for cost in costs]))
        rows.append(Row(f"{per}: strokes per frame ({len(costs)} frames)", _mean(costs, "strokes"), "", "", None))
        if way == "clicks":
            rows.append(Row(f"{per}: clicks per frame", _mean(costs, "clicks"), "", "", None))
        rows.append(Row(f"{per}: frames accepted unchanged", share, "%", "", None))
    return rows


def nerve_clips(cell: Path) -> Iterator[tuple[list[np.ndarray], list[np.ndarray]]]:
    """The pictures a cell's network was tested on, one of each cluster of near-duplicates; each a clip of one frame."""
    tested = {row["picture"] for row in json.loads(cell.read_text())["scores"] if row["first_of_cluster"]}
    for picture in nerve().pictures:
        if picture.name in tested:
            yield [to_grey(decode_image(picture.image.read_bytes()))], [decode_mask(picture.mask.read_bytes())]


def _mean(costs: Sequence[Cost], what: str) -> float:
    return float(np.mean([getattr(cost, what) for cost in costs]))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.annotator", description=__doc__.splitlines()[0])
    parser.add_argument("--nerve", type=Path, help="weights trained on pictures of usgra_nerve")
    parser.add_argument("--cell", type=Path, help="the result of that training, which names its test pictures")
    options = parser.parse_args()
    rows = rows_of("phantom", Predictor.load(WEIGHTS), phantom_clips())
    if options.nerve:
        rows += rows_of("nerve", Predictor.load(options.nerve), nerve_clips(options.cell))
    report("annotator", rows)


if __name__ == "__main__":
    main()
