"""A real Sonoloop on a folder and port of its own, for tests that need the whole process tree.

with running_tree(tmp_path / "data") as tree:
    requests go to tree.url; tree.folder is its data folder
"""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

REPOSITORY = Path(__file__).resolve().parents[2]
USER, PASSWORD = "admin", "tests-only-password-7"


@dataclass
class Tree:
    """One running instance and how to reach it."""

    process: "subprocess.Popen[str]"
    folder: Path
    port: int
    console: Path

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def output(self) -> str:
        """What the person at the console has seen so far."""
        return self.console.read_text()

    def family(self) -> list[psutil.Process]:
        """The supervisor and everything below it."""
        supervisor = psutil.Process(self.process.pid)
        return [supervisor, *supervisor.children(recursive=True)]

    def find(self, pattern: str) -> list[psutil.Process]:
        """The living children of the supervisor whose command line matches `pattern`.

        Not theirs: what a part starts has, until it runs its own program, the command line of the part.
        """
        children = psutil.Process(self.process.pid).children()
        return [each for each in children if re.search(pattern, command_line(each))]

    def child(self, pattern: str) -> psutil.Process:
        """The one living child of the supervisor whose command line matches `pattern`."""
        found = self.find(pattern)
        assert len(found) == 1, f"{len(found)} processes match {pattern!r}"
        return found[0]

    def interrupt(self, within_s: float = 40) -> int:
        """What Ctrl-C does; returns the exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=within_s)


def command_line(process: psutil.Process) -> str:
    """The command a process runs; "" if it is dead by now."""
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(what: str, true, within_s: float = 60) -> None:
    """Look until `true()`; fail the test, saying what was waited for, after `within_s` seconds."""
    give_up_at = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < give_up_at, f"waited {within_s} s in vain for: {what}"
        time.sleep(0.1)


def launch(folder: Path, *, port: int | None = None, **env: str) -> Tree:
    """Start an instance without the demonstration and without waiting for it."""
    port = port or free_port()
    folder.parent.mkdir(parents=True, exist_ok=True)
    console = folder.parent / f"console-{port}-{time.monotonic_ns()}.txt"
    # Not those of the test process itself: it has a database and a data folder of its own.
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("SONOLOOP_") and name not in ("DJANGO_SETTINGS_MODULE", "DATABASE_URL", "REDIS_URL")
    }
    settings = {
        "SONOLOOP_DATA": str(folder),
        "SONOLOOP_PORT": str(port),
        "SONOLOOP_ADMIN_PASSWORD": PASSWORD,
        "SONOLOOP_DEMO": "0",
    }
    with console.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "webapp.supervisor"],
            cwd=REPOSITORY,
            env={**kept, **settings, **env},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            text=True,
        )
    return Tree(process, folder, port, console)


@contextmanager
def running_tree(folder: Path, *, port: int | None = None, **env: str) -> Iterator[Tree]:
    """A started instance that answers; stopped, and nothing of it left, at the end."""
    tree = launch(folder, port=port, **env)
    try:
        wait_until(
            "the address on the console",
            lambda: tree.process.poll() is not None or "Ctrl-C stops everything" in tree.output(),
            within_s=120,
        )
        assert tree.process.poll() is None, f"the tree did not start:\n{tree.output()}"
        yield tree
    finally:
        if tree.process.poll() is None:
            family = tree.family()
            try:
                tree.interrupt()
            except subprocess.TimeoutExpired:
                for each in family:
                    if each.is_running():
                        each.kill()
                tree.process.wait()
                raise
