"""How long a start takes, and what the idle process tree weighs.

The second start is the one people feel: packages are there, the database exists. Memory is the sum of the
proportional set sizes of the whole tree (shared pages counted once) after half a minute's rest.
"""

import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks._report import Row
from webapp.tests.trees import REPOSITORY, free_port, running_tree

REST_S = 30
CLONE_MOST_S = 300
GIVE_UP_S = 1800
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
        Row("second start, to the answering address", seconds[1], "s", "≤ 10", seconds[1] <= 10),
        Row("idle memory of the whole tree (PSS)", memory_mb, "MB", "≤ 700", memory_mb <= 700),
    ]


def fresh_clone() -> list[Row]:
    """What a newcomer does: clone, `make run`, wait for the address. Installs everything anew; caches are used."""
    with tempfile.TemporaryDirectory(prefix="sonoloop-clone-") as folder:
        clone, console = Path(folder) / "clone", Path(folder) / "console.txt"
        began = time.monotonic()
        subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(clone)], check=True)
        env = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "MAKEFLAGS", "MAKELEVEL")}
        with console.open("w") as out:
            run = subprocess.Popen(
                ["make", "run"],
                cwd=clone,
                env={**env, "SONOLOOP_PORT": str(free_port()), "SONOLOOP_DEMO": "0"},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            while "Ctrl-C stops everything" not in console.read_text():
                if run.poll() is not None or time.monotonic() - began > GIVE_UP_S:
                    raise RuntimeError(f"`make run` in a fresh clone did not start:\n{console.read_text()[-2000:]}")
                time.sleep(0.2)
            seconds = time.monotonic() - began
        finally:
            if run.poll() is None:
                os.killpg(run.pid, signal.SIGINT)
                run.wait(60)
    ok = seconds <= CLONE_MOST_S
    return [Row("fresh clone to the login page, packages cached", seconds, "s", f"≤ {CLONE_MOST_S}", ok)]
