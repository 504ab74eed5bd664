"""Train a model from a manifest. The app runs this in a child process; nothing here knows the app.

    python -m ml.train --manifest M.json --out DIR [--epochs N] [--base weights.safetensors] [--resume]
    torchrun --nproc-per-node N -m ml.train …          the same on N GPUs, or on several hosts (`ml.distributed`) that
                                                       share a disk: DIR must be one folder for all

The manifest is described in `ml.data`; its "config" holds the values of TrainConfig that differ from the defaults,
and under "model" those of ModelConfig ("variant": "T"|"B"|"L" stands for a whole set).

DIR receives
    metrics.jsonl           one JSON object per line, flushed:
        {"event": "start", "epochs", "steps_per_epoch", "frames": {"train", "val", "test"}, "validation": sentence,
         "parameters", "device", "precision", "processes", "resumed_from_epoch": null or n, "config", "model",
         "horizontal_flip"}
        {"event": "step", "epoch", "step", "steps", "loss"}                              at most two a second
        {"event": "epoch", "epoch", "epochs", "loss", "val_dice", "val_dice_per_label": {index: dice or null},
         "learning_rate", "seconds"}                                                     epoch counts from 1
        {"event": "notice", "text": sentence, "steps_per_epoch"}       something was put right; the run goes on
        {"event": "end", "best_epoch", "best_val_dice", "test_dice", "epochs"}           the last line of a good run
        {"event": "failed", "reason": sentence}                                          … of a failed one
        {"event": "stopped", "epoch", "step"}                                            … of an interrupted one
      After --resume, or a notice, an epoch that had not reached the disk is told again: the later line counts.
    checkpoint/last.safetensors   weights, averaged weights, optimizer and progress in one file, replaced atomically
    model.safetensors       averaged weights of the epoch with the best validation Dice
    scores.json             `ml.evaluate.evaluate` on the test split
    running.lock            held while a training writes into DIR

Exit codes: 0 done · 75 stopped by SIGTERM or SIGINT at the next step, resumable · 1 failed (the reason is the last
line of metrics.jsonl and of stderr) · 2 wrong arguments.

What is put right: a loss that is no number (back to the last checkpoint with half the learning rate, three times at
most), and too little memory (back to it with half the batch). A full disk ends the run with the cause.

Exactness: every random draw comes from (seed, epoch, step or frame), never from a running state, so an interrupted
and resumed run gives the very weights of an uninterrupted one on the same machine and thread count.
On a CPU, one thread and glibc settings that keep freed memory, in large pages, make a step up to twice as fast:
    OMP_NUM_THREADS=1 MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=-1 MALLOC_TOP_PAD_=268435456 \\
    GLIBC_TUNABLES=glibc.malloc.hugetlb=1
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import fcntl
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ml.data import Manifest, read_manifest
from ml.distributed import World, join, leave
from ml.errors import MlError, TrainingFailed
from ml.journal import Journal
from ml.run_state import RunState
from ml.trainer import Trainer, TrainResult

EXIT_RESUMABLE = 75


def train(manifest: Manifest | Path, out: Path, *, resume: bool = False, **choices: Any) -> TrainResult:
    """Run a training, writing into `out` as the module says; `choices` are those of Trainer.

    resume  go on from the checkpoint in `out`, or begin when there is none; False refuses a folder that has one

    Raises MlError with the cause; the journal then ends with a "failed" line.
    """
    # Before the journal is touched: the earlier run's last line stays its own.
    if RunState.exists(out) and not resume:
        raise TrainingFailed(f"{out} holds the checkpoint of an earlier run: pass --resume, or choose another folder.")
    if (out / "model.safetensors").exists() and not RunState.exists(out):
        raise TrainingFailed(f"{out} holds a model but no checkpoint to go on from: choose another folder.")
    world: World = choices.get("world") or World()
    with contextlib.ExitStack() as held:
        try:
            out.mkdir(parents=True, exist_ok=True)
            if world.is_first:
                held.enter_context(_alone(out))
            journal = Journal(out / "metrics.jsonl" if world.is_first else None)
        except OSError as error:
            raise TrainingFailed(f"Cannot write to {out}: {error.strerror}.") from error
        return _train(manifest, out, journal, choices)


@contextlib.contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Hold the folder for this process; the system lets go of it when the process dies."""
    with (out / "running.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TrainingFailed(f"Another training is writing into {out}: wait for its end, or stop it.") from None
        yield


def _train(manifest: Manifest | Path, out: Path, journal: Journal, choices: Mapping[str, Any]) -> TrainResult:
    try:
        if isinstance(manifest, Path):
            manifest = read_manifest(manifest)
        return Trainer(manifest, out, **choices).run(journal)
    except MlError as error:
        _fail(journal, str(error))
        raise
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        why = "The disk is full: free some space, then resume." if full else f"{error.strerror} ({error.filename})."
        reason = f"Training cannot write or read its files. {why}"
        _fail(journal, reason)
        raise TrainingFailed(reason) from error
    except Exception as error:
        _fail(journal, f"Training broke off: {type(error).__name__}: {str(error)[:500]}")
        raise
    finally:
        with contextlib.suppress(OSError):  # what a full disk did not take was told already
            journal.close()


def _fail(journal: Journal, reason: str) -> None:
    """Write the last line, where there is room for it."""
    with contextlib.suppress(OSError):
        journal.write("failed", reason=reason)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ml.train", description="Train a model from a manifest.")
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for metrics, checkpoint, weights and scores")
    parser.add_argument("--epochs", type=int, help="instead of the manifest's")
    parser.add_argument("--base", type=Path, help="weights to start from")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on from the checkpoint in --out, if there is one, instead of from --base",
    )
    options = parser.parse_args(arguments)

    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: asked.append(received))
    world = join()
    try:
        result = train(
            options.manifest,
            options.out,
            epochs=options.epochs,
            base=options.base,
            resume=options.resume,
            should_stop=lambda: bool(asked),
            world=world,
        )
    except MlError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        leave(world)
    return 0 if result.finished else EXIT_RESUMABLE


if __name__ == "__main__":
    sys.exit(main())
