"""`python -m benchmarks.loop`: the budgets of the loop itself, from start-up to training.

`--fresh-clone` measures that as well: a clone that installs everything anew, which takes minutes and downloads what no
cache has. `--small` is a quick run that shows whether all still works; its figures say nothing and are not kept.
"""

import argparse
import sys

from benchmarks import _export, _ingest, _instance, _lists, _startup
from benchmarks._report import Row, report, rows_of_child
from webapp.supervisor import COMPUTING_MEMORY
from webapp.tests.trees import running_tree

EXPORT_FRAMES = 10_000
LISTED_FRAMES = 1_000_000
# As the supervisor starts the workers, but one thread: figures are per core.
WORKER = {**COMPUTING_MEMORY, "OMP_NUM_THREADS": "1"}


def with_much_in_it(export_frames: int, listed_frames: int) -> list[Row]:
    """Export and lists, on one instance that holds both projects."""
    with _instance.data_folder() as folder:
        _instance.prepare(folder)
        project, person = _lists.build(listed_frames)
        dataset = _export.build(export_frames)
        manager, reviewer = _instance.token_for(_instance.manager()), _instance.token_for(person)
        with running_tree(folder) as tree:
            rows = _export.measure(_instance.Client(tree.port, manager), tree, dataset)
            return rows + _lists.measure(_instance.Client(tree.port, reviewer), project, listed_frames)


def main() -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loop", description=__doc__)
    parser.add_argument("--fresh-clone", action="store_true")
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args()
    rows = _startup.fresh_clone() if options.fresh_clone else []
    rows += _startup.measure()
    rows += _ingest.run()
    rows += with_much_in_it(500, 50_000) if options.small else with_much_in_it(EXPORT_FRAMES, LISTED_FRAMES)
    rows += rows_of_child("benchmarks._drafts", **WORKER)
    rows += rows_of_child("benchmarks._training", **WORKER)
    report("loop", rows, keep=not options.small)
    return 0


if __name__ == "__main__":
    sys.exit(main())
