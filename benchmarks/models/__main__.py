"""The evidence for the model: networks trained alike on public image sets, scored on pictures held out.

    python -m benchmarks.models --study busi --budget cpu --net aau-b --fold 0 --seed 0     one cell
    python -m benchmarks.models --queue --budget cpu --processes 2 [--minutes 90]           all that is missing
    python -m benchmarks.models --study drafts|propagation|clicks                           the shipped champion
    python -m benchmarks.models --study cost                                                a training step of each
    python -m benchmarks.models --table                                                     docs/model.md anew

A cell is a network × fold × seed. Runs under way lie in --work and go on where they stopped, also after a kill; a
finished cell is benchmarks/results/models/*.json, and is not run again. Networks: benchmarks/models/networks.py,
budgets: cells.py, order of the queue: queue.py.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.models import cells, phantom, queue, tables
from benchmarks.models.cost import cost
from benchmarks.models.datasets import DATA, SETS
from benchmarks.models.networks import NETWORKS
from benchmarks.models.splits import FOLDS
from ml.train import EXIT_RESUMABLE

OTHER_STUDIES = phantom.STUDIES | {"cost": cost}
"""Those that are no cell."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code, 75 for stopped and resumable."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.models", description=(__doc__ or "").split("\n")[0])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--study", choices=sorted({*SETS, *OTHER_STUDIES}), help="run one cell, or one study")
    what.add_argument("--queue", action="store_true", help="run every missing cell, the most valuable first")
    what.add_argument("--table", action="store_true", help="write the tables of docs/model.md from the results")
    parser.add_argument("--budget", choices=sorted(cells.BUDGETS), default="cpu")
    parser.add_argument("--net", choices=sorted(NETWORKS))
    parser.add_argument("--fold", type=int, choices=range(FOLDS), default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1, help="cells of the queue at a time (default 1)")
    parser.add_argument("--minutes", type=float, help="stop the queue after so long; it can go on later")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir(), "sonoloop-models"))
    options = parser.parse_args(arguments)
    if options.processes < 1:
        parser.error("--processes must be at least 1")
    if (options.queue or options.study in SETS) and not DATA.is_dir():
        parser.error(f"The image sets are not here: {DATA} is missing. Put them there; its README names their sources.")

    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: asked.append(received))
    if options.table:
        tables.write()
        return 0
    if options.queue:
        return queue.run(options.budget, options.work, options.processes, options.minutes, lambda: bool(asked))
    if options.study in OTHER_STUDIES:
        phantom.keep(OTHER_STUDIES[options.study]())
        return 0
    if options.net is None:
        parser.error("--study needs --net")
    cell = cells.Cell(options.study, options.budget, options.net, options.fold, options.seed)
    if cell.result.exists():
        print(f"{cell.name} is done: {cell.result}")
        return 0
    try:
        cells.keep(cell, cells.run(cell, SETS[cell.study](), options.work, should_stop=lambda: bool(asked)))
    except cells.Stopped:
        return EXIT_RESUMABLE
    print(f"{cell.name}: {cell.result}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
