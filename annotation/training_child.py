"""The child process of a training run: started, watched, stopped; what it says becomes rows and progress."""

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db import DatabaseError, connection

from annotation import events, jobs
from annotation.models import RunMetric, TrainingRun
from webapp import processes
from webapp.supervisor import COMPUTING_MEMORY

POLL_S = 0.5
STOP_WITHIN_S = 15.0  # shorter than the supervisor's patience
EXIT_RESUMABLE = 75
LAST_WORDS = 400
DATABASE_PATIENCE_S = 60.0

log = logging.getLogger(__name__)


def run_child(
    attempt: jobs.Attempt, folder: Path, command: list[str | Path], each: Callable[[], None] = lambda: None
) -> int:
    """Run `python -m <command>` and return its exit status; `each` is called while it runs and once after.

    Stops the child, gently first, when the attempt must stop (Cancelled, Postponed, LeaseLost) or anything fails.
    """
    with (folder / "output.log").open("ab") as output:
        process = processes.start(
            [sys.executable, "-m", *command], env=environment(), output=output, errors=subprocess.STDOUT
        )
        patience = Patience()

        def look() -> None:
            each()
            attempt.check()

        try:
            while process.poll() is None:
                time.sleep(POLL_S)
                patience.tried(look)
        finally:
            _stop(process)
    while not patience.tried(each):
        time.sleep(POLL_S)
    return process.returncode


class Patience:
    """A database that is away for a moment must not end hours of training; nobody trains on without its lease."""

    def __init__(self) -> None:
        self.away_since: float | None = None

    def tried(self, work: Callable[[], None]) -> bool:
        """Do `work`; False when the database gave no answer, until it has given none for DATABASE_PATIENCE_S."""
        try:
            work()
        except DatabaseError as fault:
            now = time.monotonic()
            self.away_since = self.away_since or now
            if now - self.away_since > DATABASE_PATIENCE_S:
                raise
            log.warning("the database gave no answer (%s); the training goes on", type(fault).__name__)
            connection.close()  # a broken connection stays broken; the next look opens another
            return False
        self.away_since = None
        return True


def environment() -> dict[str, str]:
    """What the child is told: nothing about the database or the broker; all cores but one, which is for people."""
    hidden = ("SONOLOOP_", "DATABASE_URL", "REDIS_URL", "STORAGE_URL", "DJANGO_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    threads = str(max(1, len(os.sched_getaffinity(0)) - 1)) if hasattr(os, "sched_getaffinity") else "1"
    return {**kept, **COMPUTING_MEMORY, "OMP_NUM_THREADS": threads}


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """Ask the child to write its checkpoint and go; kill it when it does not."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        processes.kill_group(process)


def reason_of(status: int, failure: str, folder: Path) -> str:
    """Why the child failed, in words."""
    if status < 0:
        return (
            f"The training process was killed (signal {-status}); the machine may be short of memory. "
            "Resume goes on from the last checkpoint."
        )
    if status == EXIT_RESUMABLE:
        return "The training process was told to stop from outside. Resume goes on from the last checkpoint."
    if failure:
        return failure
    log = (folder / "output.log").read_text("utf-8", errors="replace").strip()
    return (log.splitlines() or ["The training process failed and did not say why."])[-1][-LAST_WORDS:]


class Tail:
    """Reads what the child says in metrics.jsonl: rows for the curves, progress for the pages."""

    def __init__(self, run: TrainingRun, path: Path) -> None:
        self.run, self.path = run, path
        self.at = 0
        self.sequence = 0
        self.steps = 0
        self.failure = ""
        self.notice = ""  # what the child put right, for as long as the run lasts

    def read(self, attempt: jobs.Attempt) -> None:
        """Store the lines that are new. A line is its number, so reading a journal again adds nothing."""
        at, sequence = self.at, self.sequence
        try:
            self._read(attempt)
        except DatabaseError:
            self.at, self.sequence = at, sequence  # these lines are stored at the next look
            raise

    def _read(self, attempt: jobs.Attempt) -> None:
        lines = self._new_lines()
        if not lines:
            return
        rows = []
        for values in lines:
            self.sequence += 1
            rows.append(RunMetric(run=self.run, sequence=self.sequence, values=values))
        RunMetric.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)
        for values in lines:
            self._note(values)
        done, message = self._progress(lines[-1])
        TrainingRun.objects.filter(pk=self.run.pk).update(epoch=self.run.epoch)
        events.changed(self.run)
        attempt.progress(done, self.run.epochs * self.steps, message)

    def _new_lines(self) -> list[dict[str, Any]]:
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            file.seek(self.at)
            new = file.read()
        whole = new[: new.rfind(b"\n") + 1]  # the last line may be half written
        self.at += len(whole)
        return [json.loads(line) for line in whole.splitlines()]

    def _note(self, values: dict[str, Any]) -> None:
        self.failure = str(values["reason"]) if values["event"] == "failed" else ""
        if values["event"] == "notice":
            self.notice = f". {values['text']}"
            self.steps = values["steps_per_epoch"]  # a smaller batch makes more steps
        if values["event"] == "start":
            self.steps = values["steps_per_epoch"]
            self.run.epoch = values["resumed_from_epoch"] or 0
        if values["event"] == "epoch":
            self.run.epoch = values["epoch"]

    def _progress(self, last: dict[str, Any]) -> tuple[int, str]:
        """(steps done, what to say) after the newest line."""
        step = last["step"] if last["event"] == "step" else 0
        message = f"Epoch {min(self.run.epoch + 1, self.run.epochs)} of {self.run.epochs}"
        if "loss" in last:
            message += f", loss {last['loss']:.3f}"
        return self.run.epoch * self.steps + step, message + self.notice
