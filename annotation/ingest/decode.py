"""Uploaded bytes to a pack of frames, by a child process that may crash, hang or run out of memory alone."""

import json
import logging
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np

from annotation.ingest.child import request_line
from annotation.ingest.errors import DecoderStopped, DecodeTimeout, from_code
from annotation.ingest.limits import IngestLimits

logger = logging.getLogger(__name__)

Progress = Callable[[int, int | None], None]

_ROOT = Path(__file__).resolve().parents[2]
_LONGEST_LINE = 64 * 1024
_ENVIRONMENT = {
    "PYTHONPATH": str(_ROOT),
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # Each arena reserves 64 MiB of the address space that RLIMIT_AS counts.
    "MALLOC_ARENA_MAX": "2",
    "LANG": "C.UTF-8",
}


@dataclass(frozen=True, slots=True)
class FrameRow:
    """One frame in the pack. `sha256` (hex) is over the decoded pixels, not the PNG; `dhash` is signed
    64-bit."""

    index: int
    time_us: int
    offset: int
    length: int
    sha256: str
    dhash: int


@dataclass(frozen=True, slots=True)
class DecodedClip:
    """What came out of a file. The pixels are in the pack; these are all the facts kept beside it."""

    kind: Literal["video", "gif", "stills"]
    container: str
    codec: str
    width: int
    height: int
    channels: int
    """1 grey, 3 RGB: the same for every frame."""
    frames: list[FrameRow]
    declared: int | None
    """Frames promised by the header; None where it says nothing."""
    packets: int
    repaired: int
    """Frames the decoder itself marked as damaged."""
    times_guessed: int
    """Frames whose time is not from the file but from the frame rate (stills: all)."""
    rotation: str
    """What was done to the coded picture to make it upright: "none", "90 clockwise" …"""
    pixel_aspect: Fraction
    """Width of a pixel over its height. Pixels are kept as coded; only display may stretch them."""
    state: Literal["complete", "partial"]
    note: str
    """Why it is partial, in sentences for people; empty when complete."""
    converter: str
    decoder: str
    pack_bytes: int

    @property
    def decoded(self) -> int:
        return len(self.frames)

    @property
    def duration_us(self) -> int:
        """From the first frame to the end of the last, which is held as long as the frames before it on
        average."""
        last = self.frames[-1].time_us
        return last + (round(last / (len(self.frames) - 1)) if len(self.frames) > 1 else 0)


def decode_clip(
    source: Path, pack_path: Path, limits: IngestLimits | None = None, progress: Progress | None = None
) -> DecodedClip:
    """Decode `source` (video, GIF, still or zip of stills, told by content) into a new pack at `pack_path`.

    Args:
        source: a file under a name the server made. Nothing of the name is used.
        pack_path: must not exist; the caller moves it to its final name (`files.store_once`) once rows can
        follow.
        limits: the default suits clips of up to about 10 minutes.
        progress: called with (frames so far, frames declared or None) about once a second, also while nothing
            moves: a place for a heartbeat. Whatever it raises ends the child and comes out here:
            that is how work is cancelled.

    Returns:
        A clip with at least one frame, whose pack is complete and on disk.

    Raises:
        IngestError: one of `annotation.ingest.errors`, its message a sentence for people. No pack is left
        then.
    """
    limits = limits or IngestLimits()
    if pack_path.exists():  # before anything below may remove it
        raise FileExistsError(f"{pack_path.name} exists: packs are written once, under new names")
    with tempfile.TemporaryDirectory(prefix="sonoloop-ingest-") as folder:
        index = Path(folder) / "index.npz"
        stderr = Path(folder) / "stderr"
        try:
            facts = _run_child(source.resolve(), pack_path.resolve(), index, stderr, limits, progress)
            return _clip(facts, index, pack_path)
        except BaseException:
            pack_path.unlink(missing_ok=True)
            raise


def _run_child(
    source: Path, pack: Path, index: Path, stderr: Path, limits: IngestLimits, progress: Progress | None
) -> dict[str, Any]:
    with stderr.open("wb") as error_log:
        child = subprocess.Popen(
            [sys.executable, "-m", "annotation.ingest.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=error_log,
            cwd=_ROOT,
            env=_ENVIRONMENT,
            start_new_session=True,
        )
    deadline = time.monotonic() + limits.wall_seconds
    frames, declared = 0, None
    try:
        assert child.stdin is not None
        _send(child.stdin, request_line(source, pack, index, limits))
        for message in _messages(child, deadline):
            if message and "done" in message:
                return dict(message["done"])
            if message and "error" in message:
                raise from_code(message["error"]["code"], message["error"]["message"])
            if message:
                frames, declared = message["frames"], message["of"]
            if progress is not None:
                progress(frames, declared)
        child.wait(timeout=max(1.0, deadline - time.monotonic()))
        raise _why_it_stopped(child.returncode, frames, limits, stderr)
    except (TimeoutError, subprocess.TimeoutExpired) as error:
        raise DecodeTimeout(
            f"Reading this file took longer than {limits.wall_seconds:.0f} seconds ({frames} frames by "
            "then). Cut it into shorter clips."
        ) from error
    finally:
        _end(child)


def _send(pipe: Any, line: bytes) -> None:
    try:
        pipe.write(line)
        pipe.close()
    except BrokenPipeError:
        pass  # it died at once; its exit status, read next, says why


def _messages(child: subprocess.Popen[bytes], deadline: float) -> Iterator[dict[str, Any] | None]:
    """The child's lines as they come, None for every second without one; ends when it closes its output.

    Raises TimeoutError at the deadline.
    """
    assert child.stdout is not None
    buffer = b""
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            if not selector.select(timeout=min(left, 1.0)):
                yield None
                continue
            data = os.read(child.stdout.fileno(), 65536)
            if not data:
                return
            *lines, buffer = (buffer + data).split(b"\n")
            assert len(buffer) < _LONGEST_LINE, "the ingest child sent a line without end"
            for line in lines:
                yield json.loads(line)


def _why_it_stopped(returncode: int, frames: int, limits: IngestLimits, stderr: Path) -> Exception:
    logger.warning(
        "ingest child ended with status %s after %s frames: %s",
        returncode, frames, stderr.read_bytes()[-2000:].decode(errors="replace"),
    )  # fmt: skip
    if returncode == -signal.SIGXCPU:
        return DecodeTimeout(
            f"Reading this file took more than {limits.cpu_seconds} seconds of computing ({frames} frames by "
            "then). Cut it into shorter clips."
        )
    return DecoderStopped(
        f"The decoder stopped unexpectedly after {frames} frames: the file is damaged in a way it cannot "
        "bear, or the server ran out of memory. Try again; if it happens again, export the clip in another "
        "format."
    )


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill the child with its whole group and reap it; harmless when it has ended."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    if child.stdout is not None:
        child.stdout.close()


def _clip(facts: dict[str, Any], index: Path, pack: Path) -> DecodedClip:
    with np.load(index, allow_pickle=False) as arrays:
        columns = [arrays[name].tolist() for name in ("time_us", "offset", "length", "dhash")]
        hashes = [row.tobytes().hex() for row in arrays["sha256"]]
    rows = [
        FrameRow(number, time_us, offset, length, sha256, dhash)
        for number, (time_us, offset, length, dhash, sha256) in enumerate(zip(*columns, hashes, strict=True))
    ]
    promised = rows[-1].offset + rows[-1].length
    size = pack.stat().st_size
    if size != promised:
        raise DecoderStopped(f"The pack has {size} bytes where its frames need {promised}. Upload the file again.")
    facts["pixel_aspect"] = Fraction(*facts["pixel_aspect"])
    return DecodedClip(frames=rows, pack_bytes=size, **facts)
