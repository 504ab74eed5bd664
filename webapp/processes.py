"""Starting child processes that never outlive their parent. Standard library only."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1  # <sys/prctl.h>
# Loaded before any fork: loading a library between fork and exec can deadlock.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(signal_number: int = signal.SIGKILL) -> Callable[[], None]:
    """A `preexec_fn` that asks Linux to signal the child when its parent is gone, however it went.

    The trap: the signal comes when the parent's *thread* ends, so start such children from a thread that
    lives as long as the process. Elsewhere than on Linux there is no such call and the child may outlive a
    parent that was killed.
    """
    parent = os.getpid()

    def ask() -> None:
        if _libc is None:
            return
        _libc.prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
        if os.getppid() != parent:  # it was gone before we asked
            os._exit(1)

    return ask


def start(
    command: Sequence[str | Path], *, env: Mapping[str, str], output: IO[bytes] | int, errors: IO[bytes] | int
) -> "subprocess.Popen[bytes]":
    """Start `command` in a session of its own, bound to this process's life.

    Its own session, because Ctrl-C reaches a terminal's whole process group: the supervisor alone must
    hear it, to stop the others in order. And its own group, so that `kill_group` reaches grandchildren.
    """
    return subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
        env=dict(env),
        cwd=Path(__file__).resolve().parent.parent,
        start_new_session=True,
        preexec_fn=die_with_parent(),
    )


def kill_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process made by `start` and all it started, now."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # all gone already
    process.wait()
