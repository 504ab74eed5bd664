"""`python -m benchmarks.startup`: how long a start takes, and what the idle process tree weighs.

The second start is the one people feel: packages are there, the database exists. Memory is the sum of the
proportional set sizes of the whole tree (shared pages counted once) after half a minute's rest.
"""

import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks._report import Row, report
from webapp.tests.trees import running_tree

REST_S = 30
MB = 1_000_000


def tree_memory_mb(pid: int) -> float:
    """Sum of the proportional set sizes, in MB, of a process and everything below it."""
    root = psutil.Process(pid)
    return sum(each.memory_full_info().pss for each in [root, *root.children(recursive=True)]) / MB


def measure(rest_s: float = REST_S, **env: str) -> list[Row]:
    """Start twice on one new data folder, weigh the second. `env` goes to both."""
    with tempfile.TemporaryDirectory(prefix="sonoloop-startup-") as folder:
        data = Path(folder) / "data"
        seconds = []
        memory_mb = 0.0
        for turn in range(2):
            began = time.monotonic()
            with running_tree(data, **env) as tree:
                seconds.append(time.monotonic() - began)
                if turn == 1:
                    time.sleep(rest_s)
                    memory_mb = tree_memory_mb(tree.process.pid)
                    for each in tree.family():
                        words = " ".join(each.cmdline())[-60:]
                        print(f"  {each.memory_full_info().pss / MB:6.1f} MB  ...{words}")
    return [
        Row("first start on an empty data folder, set up already", seconds[0], "s", "", None),
        Row("second start, to the answering address", seconds[1], "s", "<= 10", seconds[1] <= 10),
        Row("idle memory of the whole tree (PSS)", memory_mb, "MB", "<= 700", memory_mb <= 700),
    ]


def main() -> int:
    """Measure and report."""
    report("startup", measure())
    return 0


if __name__ == "__main__":
    sys.exit(main())
