"""The tables of docs/model.md from the result files, and the champion's card, each between two marks in that page."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.models.card import card
from benchmarks.models.cells import BUDGETS, FOLDER
from benchmarks.models.networks import ABLATION, COMPARISON, OTHER_FORMS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "model.md"
BEGIN, END = "<!-- tables: written by `python -m benchmarks.models --table` -->", "<!-- end of tables -->"
CARD_BEGIN, CARD_END = "<!-- card: written by the same command -->", "<!-- end of card -->"
_RESAMPLES = 2000
Result = Mapping[str, Any]


def write(page: Path = PAGE, folder: Path = FOLDER) -> None:
    """Replace what stands between the marks of the page. Raises ValueError when a mark is missing."""
    text = page.read_text("utf-8")
    shown = "\n\n".join(filter(None, [tables(read(folder)), *other_tables(folder)]))
    text = _between(text, BEGIN, END, shown)
    page.write_text(_between(text, CARD_BEGIN, CARD_END, card()), "utf-8")


def _between(text: str, begin: str, end: str, shown: str) -> str:
    before, found, rest = text.partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found and found_end):
        raise ValueError(f"The page lacks the line {begin!r} or {end!r}.")
    return f"{before}{begin}\n{shown}\n{end}{after}"


def read(folder: Path) -> list[Result]:
    """Every result file of the folder."""
    return [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*-seed*.json"))]


def tables(results: Sequence[Result]) -> str:
    """All tables that have at least one cell, as Markdown."""
    parts = []
    for study, budget in sorted({(result["study"], result["budget"]) for result in results}):
        own = [r for r in results if r["study"] == study and r["budget"] == budget]
        compared = [r for r in own if r["network"] in COMPARISON and r["seed"] == 0]
        for folds in _folds_shown(compared):
            parts.append(comparison(study, budget, [r for r in compared if r["fold"] in folds], folds))
        if study == "busi" and any(r["network"] in ABLATION and r["network"] not in COMPARISON for r in own):
            parts.append(ablation(budget, [r for r in own if r["network"] in ABLATION and r["fold"] == 0]))
    return "\n\n".join(parts)


def _folds_shown(compared: Sequence[Result]) -> list[set[int]]:
    """Fold 0 for everybody, and all folds once two networks have more."""
    folds: dict[str, set[int]] = defaultdict(set)
    for result in compared:
        folds[result["network"]].add(result["fold"])
    shown = [{0}] if any(0 in each for each in folds.values()) else []
    widest = max(folds.values(), key=len, default=set())
    if len(widest) > 1 and sum(each >= widest for each in folds.values()) > 1:
        shown.append(widest)
    return shown


def comparison(study: str, budget: str, results: Sequence[Result], folds: set[int]) -> str:
    """One row per network that has all of the folds: Dice per class on the held-out pictures, all and de-duplicated."""
    by_network: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        by_network[result["network"]].append(result)
    by_network = {n: by_network[n] for n in COMPARISON if {r["fold"] for r in by_network[n]} == folds}
    scores = {network: picture_dice(own) for network, own in by_network.items()}
    shown = [row for own in by_network.values() for row in _scores(own)]
    classes = sorted({row["class"] for row in shown})
    labels = sorted({label for row in shown for label in row["labels"]})

    columns = classes if len(labels) == 1 else [f"label {label}" for label in labels]
    head = ["network", "parameters", *columns, "**all**", "95 %", "near-duplicates too", "HD95 px", "best epoch"]
    lines = [_row(head), _row(["---"] * len(head))]
    for network, own in by_network.items():
        everything = _scores(own)
        rows = [row for row in everything if row["first_of_cluster"]]
        if len(labels) == 1:
            cells = [_mean_dice([row for row in rows if row["class"] == name]) for name in classes]
        else:
            cells = [_mean_dice(rows, label) for label in labels]
        values = np.array(list(scores[network].values()))
        low, high = _interval(values)
        lines.append(
            _row(
                [
                    COMPARISON[network].title,
                    f"{own[0]['parameters']:,}".replace(",", " "),
                    *cells,
                    f"**{values.mean():.3f}** ({len(values)})",
                    f"{low:.3f} to {high:.3f}",
                    _mean_dice(everything),
                    _mean(_values(rows, "hd95"), 1),
                    ", ".join(str(r["best_epoch"]) for r in sorted(own, key=lambda r: r["fold"])),
                ]
            )
        )
    which = "fold 0" if folds == {0} else f"folds {', '.join(map(str, sorted(folds)))}"
    title = {"busi": "BUSI", "nerve": "Nerves and vessels (usgra_nerve)"}[study]
    return "\n".join(
        [f"### {title}, {which}, budget {budget}\n", _made(results), "", *lines, "", *_differences(scores)]
    )


def _made(results: Sequence[Result]) -> str:
    """Where the numbers come from, in one paragraph."""
    settings = BUDGETS[results[0]["budget"]]
    pictures = [
        f"{r['pictures']['train']}/{r['pictures']['val']}/{r['pictures']['test']}" for r in _one_per_fold(results)
    ]
    return (
        f"{settings['image_size']}² input, {settings.get('precision', 'auto')} precision, {settings['epochs']} epochs, "
        f"batch {settings['batch_size']}, learning rate "
        f"{settings['learning_rate']:g}, for every network alike. Pictures for training / choice of the epoch / test: "
        f"{'; '.join(pictures)}. Seeds: {_list(r['seed'] for r in results)}. Device: "
        f"{_list(r['device'] for r in results)}, {_list(r['threads'] for r in results)} thread. Dates: "
        f"{_list(r['date'][:10] for r in results)}; commits: {_list(r['commit'] for r in results)}. Command of a cell: "
        f"`{results[0]['command']}`. In brackets: pictures used."
    )


def _one_per_fold(results: Sequence[Result]) -> list[Result]:
    return list({r["fold"]: r for r in sorted(results, key=lambda r: r["fold"])}.values())


def _differences(scores: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Each of ours minus each other network, picture by picture."""
    lines = []
    for ours in ("aau-b", "aau-t"):
        for other in scores:
            if ours not in scores or other == ours or (ours, other) == ("aau-t", "aau-b"):
                continue
            pictures = sorted(scores[ours].keys() & scores[other].keys())
            gaps = np.array([scores[ours][p] - scores[other][p] for p in pictures])
            low, high = _interval(gaps)
            titles = f"{COMPARISON[ours].title} − {COMPARISON[other].title}"
            lines.append(_row([titles, f"{gaps.mean():+.3f}", f"{low:+.3f} to {high:+.3f}", str(len(gaps))]))
    if not lines:
        return []
    return [_row(["difference, paired by picture", "Dice", "95 %", "pictures"]), _row(["---"] * 4), *lines]


def ablation(budget: str, results: Sequence[Result]) -> str:
    """MODEL.md 3.8: the rows in order, each seed's Dice on fold 0 of BUSI, and the step from the row above."""
    dice: dict[str, dict[int, float]] = defaultdict(dict)
    for result in results:
        dice[result["network"]][result["seed"]] = float(np.mean(list(picture_dice([result]).values())))
    head = ["row", "parameters", "Dice per seed", "mean", "spread", "step", "seeds"]
    lines = [_row(head), _row(["---"] * len(head))]
    before: dict[int, float] = {}
    for network in ABLATION:
        own = dice.get(network, {})
        if not own:
            lines.append(_row([ABLATION[network].title, "", "not reached", "", "", "", ""]))
            before = {}  # the next row differs from the last measured one by more than one thing
            continue
        parameters = next(r["parameters"] for r in results if r["network"] == network)
        values = [own[seed] for seed in sorted(own)]
        # Only seeds that both rows have: another seed would be counted as the module's doing.
        common = sorted(own.keys() & before.keys())
        step = f"{np.mean([own[s] - before[s] for s in common]):+.3f}" if common and network not in OTHER_FORMS else ""
        lines.append(
            _row(
                [
                    ABLATION[network].title,
                    f"{parameters:,}".replace(",", " "),
                    ", ".join(f"{value:.3f}" for value in values),
                    f"{np.mean(values):.3f}",
                    f"{max(values) - min(values):.3f}" if len(values) > 1 else "",
                    step,
                    _list(sorted(own)),
                ]
            )
        )
        before = own
    return "\n".join([f"### Ablation on BUSI, fold 0, budget {budget}\n", _made(results), "", *lines])


def _scores(results: Iterable[Result]) -> list[dict[str, Any]]:
    return [row for result in results for row in result["scores"]]


def other_tables(folder: Path) -> Iterator[str]:
    """The tables of the other studies that were run."""
    for name, table in (("cost", cost), ("drafts", drafts), ("propagation", propagation), ("clicks", clicks)):
        path = folder / f"{name}.json"
        if path.exists():
            yield table(json.loads(path.read_text("utf-8")))


def cost(result: Result) -> str:
    """Milliseconds of a training step, per picture."""
    settings = result["settings"]
    made = (
        f"Processor time of one thread; {settings['image_size']}² input, {settings['precision']}, batch "
        f"{settings['batch_size']}. {result['date'][:10]}, commit {result['commit']}, {result['device']}, "
        f"`{result['command']}`."
    )
    lines = [_row(["network", "parameters", "ms per picture"]), _row(["---"] * 3)]
    for row in result["rows"]:
        parameters = f"{row['parameters']:,}".replace(",", " ")
        lines.append(_row([COMPARISON[row["network"]].title, parameters, f"{row['milliseconds']:.0f}"]))
    return "\n".join(["### What a training step costs\n", made, "", *lines])


def drafts(result: Result) -> str:
    """Dice per structure: the mean over each subject's frames, then over subjects."""
    by_label: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in result["rows"]:
        for label, dice in row["dice"].items():
            by_label[label][row["subject"]].append(dice)
    means = {label: {who: float(np.mean(own)) for who, own in found.items()} for label, found in by_label.items()}
    lines = [_row(["structure", "Dice", "95 %", "least of a subject", "frames"]), _row(["---"] * 5)]
    for label in sorted(means, key=int):
        values, frames = np.array(list(means[label].values())), sum(map(len, by_label[label].values()))
        lines.append(_row([f"{label} {result['labels'][label]}", *_spread(values), str(frames)]))
    subjects = sorted({row["subject"] for row in result["rows"]})
    whole = np.array([np.mean([own[who] for own in means.values() if who in own]) for who in subjects])
    lines.append(_row(["**mean over the structures**", *_spread(whole), str(len(result["rows"]))]))
    head = "### Drafts of the champion on simulated people nobody had looked at\n"
    return "\n".join([head, _made_once(result), "", *lines])


def _spread(values: np.ndarray) -> list[str]:
    low, high = _interval(values)
    return [f"{values.mean():.3f}", f"{low:.3f} to {high:.3f}", f"{values.min():.3f}"]


def propagation(result: Result) -> str:
    """Dice per distance and method, and what ours gains over the best of the others, paired by subject."""
    rows = result["rows"]
    others = ("copy", "warp", "draft", "smoothed")
    head = [
        "frames from the key",
        "copy the mask",
        "warp only",
        "draft only",
        "drafts, moving average",
        "**ours**",
        "ours − best other (95 %)",
        "stopped",
    ]
    lines = [_row(head), _row(["---"] * len(head))]
    for distance in sorted({row["distance"] for row in rows}):
        own = [row for row in rows if row["distance"] == distance]
        means = {method: np.mean([row[method] for row in own]) for method in (*others, "ours")}
        best = max(others, key=lambda method: means[method])
        gaps = np.array([row["ours"] - row[best] for row in own])
        low, high = _interval(gaps)
        lines.append(
            _row(
                [
                    str(distance),
                    *(f"{means[method]:.3f}" for method in others),
                    f"**{means['ours']:.3f}**",
                    f"{gaps.mean():+.3f} ({low:+.3f} to {high:+.3f})",
                    f"{sum(row['stopped'] for row in own)} of {len(own)}",
                ]
            )
        )
    return "\n".join(["### Propagation on simulated clips\n", _made_once(result), "", *lines])


def clicks(result: Result) -> str:
    """Clicks to Dice 0.90 per structure; one that never gets there counts as ten."""
    head = [
        "structure",
        "from scratch",
        "reached",
        "from the draft",
        "reached",
        "of drafts below 0.90",
        "Dice of the draft",
    ]
    head.append("frames")
    lines = [_row(head), _row(["---"] * len(head))]
    labels = sorted({row["label"] for row in result["rows"]})
    for label in (*labels, None):
        own = [row for row in result["rows"] if label in (None, row["label"])]
        cells = []
        for start in ("scratch", "draft"):
            part = [row for row in own if row["start"] == start]
            cells += [
                f"{np.mean([r['clicks'] for r in part]):.1f}",
                f"{sum(r['reached'] for r in part)} of {len(part)}",
            ]
        drafts = [row for row in own if row["start"] == "draft"]
        poor = [row["clicks"] for row in drafts if row["clicks"]]
        cells.append(f"{np.mean(poor):.1f} ({len(poor)})" if poor else "– (0)")
        draft = np.mean([row["dice"][0] for row in drafts])
        name = "**all**" if label is None else f"{label} {result['labels'][str(label)]}"
        lines.append(_row([name, *cells, f"{draft:.3f}", str(len(own) // 2)]))
    return "\n".join(["### Clicks to Dice 0.90 on simulated frames, cap 10\n", _made_once(result), "", *lines])


def _made_once(result: Result) -> str:
    subjects = len({row["subject"] for row in result["rows"]})
    return (
        f"{subjects} unseen simulated subjects, view {result['view']}, one clip each, champion "
        f"`{result['weights_sha256'][:12]}`, {result['date'][:10]}, commit {result['commit']}, {result['device']}, "
        f"`{result['command']}`."
    )


def picture_dice(results: Iterable[Result]) -> dict[str, float]:
    """Dice per held-out picture, the mean over the labels it shows; of near-duplicates only the first."""
    return {
        row["picture"]: float(np.mean([score["dice"] for score in row["labels"].values()]))
        for row in _scores(results)
        if row["first_of_cluster"] and row["labels"]
    }


def _interval(values: np.ndarray) -> tuple[float, float]:
    """95 % interval of the mean when pictures are drawn again."""
    draws = np.random.default_rng(0).integers(0, len(values), (_RESAMPLES, len(values)))
    low, high = np.percentile(values[draws].mean(1), [2.5, 97.5])
    return float(low), float(high)


def _values(rows: Iterable[Mapping[str, Any]], measure: str, label: str | None = None) -> list[float]:
    return [
        score[measure]
        for row in rows
        for index, score in row["labels"].items()
        if measure in score and label in (None, index)
    ]


def _mean_dice(rows: Sequence[Mapping[str, Any]], label: str | None = None) -> str:
    values = _values(rows, "dice", label)
    return f"{np.mean(values):.3f} ({len(values)})" if values else "–"


def _mean(values: Sequence[float], digits: int) -> str:
    return f"{np.mean(values):.{digits}f}" if values else "–"


def _list(values: Iterable[Any]) -> str:
    return ", ".join(map(str, sorted(set(values))))


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
