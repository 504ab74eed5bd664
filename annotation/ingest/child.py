"""The child process that touches uploaded bytes: `python -m annotation.ingest.child`, started by `decode.py`.

In: one line of JSON on stdin. Out: lines of JSON on stdout: any number of {"frames", "of"}, then one of
{"done": {…}} or {"error": {"code", "message"}}. Frames go to the pack file, their list to the index file.
It imports neither Django nor torch: it starts in a quarter of a second and holds no secret.
"""

import errno
import json
import resource
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from annotation.ingest.errors import IngestError, NoSpace, TooLarge
from annotation.ingest.limits import IngestLimits

PROGRESS_SECONDS = 0.2


def main() -> None:
    request = json.loads(sys.stdin.readline())
    limits = IngestLimits(**request["limits"])
    limit_this_process(limits)
    try:
        _say({"done": run(Path(request["source"]), Path(request["pack"]), Path(request["index"]), limits)})
    except IngestError as error:
        _say_error(error)
    except MemoryError:
        _say_error(_out_of_memory(limits))
    except OSError as error:
        if error.errno == errno.EFBIG:
            _say_error(TooLarge("The frames of this clip need more space than one clip may take."))
        elif error.errno in (errno.ENOSPC, errno.EDQUOT):
            _say_error(NoSpace("The server's disk is full. Tell whoever runs it."))
        else:
            raise


def limit_this_process(limits: IngestLimits) -> None:
    """Lower the operating system's limits for this process; nothing that runs in it can raise them again."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.pack_bytes, limits.pack_bytes))
    # The soft limit sends SIGXCPU, by which the parent knows the reason; the hard one kills.
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 5))


def run(source: Path, pack: Path, index: Path, limits: IngestLimits) -> dict[str, Any]:
    """Decode `source` into `pack` and `index`; returns what `decode.DecodedClip` needs beside them."""
    # Imported here, under the limits.
    import av
    import cv2

    from annotation.ingest.grey import CONVERTER_VERSION
    from annotation.ingest.sink import FrameSink
    from annotation.ingest.sniff import refusal, sniff
    from annotation.ingest.video import Decoding, decode_video

    cv2.setNumThreads(1)
    av.logging.set_level(av.logging.ERROR)  # heard by video.py's Capture; nothing is printed
    sniffed = sniff(source)
    if sniffed.kind in ("dicom", "unknown"):
        raise refusal(sniffed)
    sink = FrameSink(pack, limits)
    report = _Progress()
    try:
        if sniffed.kind in ("still", "zip"):
            from annotation.ingest.stills import decode_stills  # Pillow: no need of it for a video

            count = decode_stills(source, sniffed.kind, sink, limits, report)
            found = Decoding(codec="stills", declared=count, packets=count, times_guessed=count)
        else:
            found = decode_video(source, sniffed, sink, limits, report)
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError from error
        raise
    sink.close(index)
    notes = found.notes(len(sink))
    return {
        "kind": "stills" if sniffed.kind in ("still", "zip") else sniffed.kind,
        "container": sniffed.av_format or sniffed.kind,
        "codec": found.codec,
        "width": sink.width,
        "height": sink.height,
        "channels": sink.channels,
        "declared": found.declared,
        "packets": found.packets,
        "repaired": found.repaired,
        "times_guessed": found.times_guessed,
        "rotation": found.rotation,
        "pixel_aspect": [found.pixel_aspect.numerator, found.pixel_aspect.denominator],
        "state": "partial" if notes else "complete",
        "note": " ".join(notes),
        "converter": CONVERTER_VERSION,
        "decoder": f"PyAV {av.__version__}, FFmpeg {av.ffmpeg_version_info}",
    }


class _Progress:
    """Says how far the work is, five times a second at most."""

    def __init__(self) -> None:
        self._next = 0.0

    def __call__(self, frames: int, of: int | None) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + PROGRESS_SECONDS
            _say({"frames": frames, "of": of})


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _say_error(error: IngestError) -> None:
    _say({"error": {"code": error.code, "message": error.message}})


def _out_of_memory(limits: IngestLimits) -> IngestError:
    return TooLarge(f"Reading this file needs more than {limits.memory >> 20} MiB of memory, which no clip may take.")


def request_line(source: Path, pack: Path, index: Path, limits: IngestLimits) -> bytes:
    """What `decode.py` writes to this process."""
    request = {"source": str(source), "pack": str(pack), "index": str(index), "limits": asdict(limits)}
    return json.dumps(request).encode() + b"\n"


if __name__ == "__main__":
    main()
