"""All cells of the tables in order of value, and a runner that works through the missing ones."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.models.cells import Cell
from benchmarks.models.networks import ABLATION, COMPARISON
from benchmarks.models.splits import FOLDS
from ml.train import EXIT_RESUMABLE
from webapp.supervisor import COMPUTING_MEMORY

SEEDS = (0, 1, 2)
QUICK = ("aau-t", "unet-16", "aau-b", "attention-16", "unet-32", "attention-32", "light")
"""What a CPU can train; the 64…1024 nets come last there."""
_ENVIRONMENT = {**COMPUTING_MEMORY, "OMP_NUM_THREADS": "1"}
_POLL_S = 1.0


def cells_of(budget: str) -> list[Cell]:
    """Every cell of the tables at a budget, the most valuable first, none twice."""
    return list(dict.fromkeys(_in_order(budget)))


def _in_order(budget: str) -> Iterator[Cell]:
    if budget == "full":  # a GPU trains the large nets too: the comparison the targets are about comes first
        for study in ("busi", "nerve"):
            for fold in range(FOLDS):
                for network in ("aau-b", "unet-64", "attention-64", "plain-b", "light"):
                    yield Cell(study, budget, network, fold)
    for network in ("aau-t", "plain-t", *QUICK[1:4]):
        yield Cell("busi", budget, network)
    for network in QUICK[:3]:
        yield Cell("nerve", budget, network)
    for network in QUICK[4:]:
        yield Cell("busi", budget, network)
    for fold in range(FOLDS):
        for network in QUICK[:4]:
            yield Cell("busi", budget, network, fold)
    for seed in SEEDS:
        for network in ABLATION:
            yield Cell("busi", budget, network, seed=seed)
    for study in ("busi", "nerve"):
        for fold in range(FOLDS):
            for network in QUICK:
                yield Cell(study, budget, network, fold)
    for study in ("busi", "nerve"):
        for fold in range(FOLDS):
            for network in COMPARISON:
                yield Cell(study, budget, network, fold)


def run(budget: str, work: Path, processes: int, minutes: float | None, should_stop: Callable[[], bool]) -> int:
    """Run the missing cells, `processes` at a time, each in a process of its own.

    Stops, with everything resumable, when asked to or after `minutes`; then returns 75. A cell that fails is named
    and left out; then returns 1.
    """
    work.mkdir(parents=True, exist_ok=True)
    waiting = [cell for cell in cells_of(budget) if not cell.result.exists()]
    end = None if minutes is None else time.monotonic() + 60 * minutes
    running: dict[Cell, subprocess.Popen[bytes]] = {}
    failed, stopped = [], False
    while waiting or running:
        stopping = should_stop() or (end is not None and time.monotonic() > end)
        if stopping and not stopped:
            stopped = True
            waiting.clear()
            for process in running.values():
                process.terminate()  # once: it saves its state at the next step
        while waiting and len(running) < processes:
            cell = waiting.pop(0)
            print(f"{time.strftime('%H:%M:%S')} begins {cell.name}", flush=True)
            running[cell] = _start(cell, work)
        for cell, process in list(running.items()):
            code = process.poll()
            if code is None:
                continue
            del running[cell]
            print(f"{time.strftime('%H:%M:%S')} {'ends' if code == 0 else f'exit {code}'} {cell.name}", flush=True)
            if code not in (0, EXIT_RESUMABLE):
                failed.append(cell.name)
        if stopping and not running:
            return EXIT_RESUMABLE
        time.sleep(_POLL_S)
    for name in failed:
        print(f"failed: {name}; see {work / name}.log", file=sys.stderr)
    return 1 if failed else 0


def _start(cell: Cell, work: Path) -> subprocess.Popen[bytes]:
    command = [
        sys.executable, "-m", "benchmarks.models", "--study", cell.study, "--budget", cell.budget,
        "--net", cell.network, "--fold", str(cell.fold), "--seed", str(cell.seed), "--work", str(work),
    ]  # fmt: skip
    with (work / f"{cell.name}.log").open("ab") as log:
        return subprocess.Popen(command, env={**os.environ, **_ENVIRONMENT}, stdout=log, stderr=log)
