"""Ingest against the bare loop.

Both decode the same generated clip (640×480 H.264, sliding speckle) with the same decoder settings and write the
same PNGs. The bare loop does nothing else; ingest also starts a child, hashes every frame twice, keeps times,
checks colour and size, and fsyncs. Computing time is compared, not wall time: other work on the machine does
not change it. Rounds are interleaved and the median of their ratios is reported.
"""

import resource
import statistics
import tempfile
import time
from pathlib import Path

import av
import cv2
import numpy as np

from annotation.ingest.decode import DecodedClip, decode_clip
from annotation.ingest.grey import LIMITED_TO_FULL, plane
from benchmarks._report import Row

FRAMES = 900
ROUNDS = 3
BUDGET = 0.8


def make_clip(path: Path, frames: int = FRAMES) -> None:
    """Write sliding, slowly changing speckle as 640×480 H.264 (crf 23)."""
    rng = np.random.default_rng(11)
    wide = cv2.GaussianBlur(rng.rayleigh(60, (480, 640 + frames)).astype(np.float32), (0, 0), 1.5)
    with av.open(str(path), "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=30, options={"crf": "23", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        for number in range(frames):
            picture = np.clip(wide[:, number : number + 640], 0, 255).astype(np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="gray")))
        out.mux(stream.encode(None))


def bare_loop(source: Path, target: Path) -> float:
    """The same decoder and encoder with nothing around them; returns seconds of computing."""
    begin = time.process_time()
    with av.open(str(source)) as container, target.open("wb") as file:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        for frame in container.decode(stream):
            file.write(cv2.imencode(".png", cv2.LUT(plane(frame, 0), LIMITED_TO_FULL))[1].tobytes())
    return time.process_time() - begin


def ingest(source: Path, target: Path) -> tuple[float, DecodedClip]:
    """What the `cpu` worker does; returns seconds of computing of parent and child, start-up included."""
    begin = _all_cpu()
    clip = decode_clip(source, target)
    return _all_cpu() - begin, clip


def run() -> list[Row]:
    """Measure and return the rows."""
    cv2.setNumThreads(1)
    bare: list[float] = []
    whole: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "clip.mp4", Path(folder) / "pack"
        make_clip(source)
        for _ in range(ROUNDS):
            bare.append(bare_loop(source, target))
            same_bytes = target.stat().st_size
            target.unlink()
            seconds, clip = ingest(source, target)
            whole.append(seconds)
            assert (clip.decoded, clip.pack_bytes, clip.channels) == (FRAMES, same_bytes, 1)
            target.unlink()
    ratio = statistics.median(b / w for b, w in zip(bare, whole, strict=True))
    return [
        Row("bare loop, decode + encode", statistics.median(bare) / FRAMES * 1000, "ms/frame", "", None),
        Row("ingest, start of the child included", statistics.median(whole) / FRAMES * 1000, "ms/frame", "", None),
        Row("ingest, per core", FRAMES / statistics.median(whole), "frames/s", "", None),
        Row("ingest speed over bare loop", ratio, "×", f"≥ {BUDGET}", ratio >= BUDGET),
    ]


def _all_cpu() -> float:
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime
