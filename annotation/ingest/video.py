"""Video and GIF to frames, by PyAV, from the first packet to the last. Runs in the child process.

Sequential, one thread, nothing sought: threaded decoding costs 10–30 % more for the same frames and hides
where a cut-off file ends.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.sidedata.sidedata import Type as SideData
from av.stream import Disposition

from annotation.ingest.errors import Damaged, NotAVideo, SizeChanges, TooLarge
from annotation.ingest.grey import Converter
from annotation.ingest.limits import IngestLimits
from annotation.ingest.sink import FrameSink
from annotation.ingest.sniff import Sniffed

Report = Callable[[int, int | None], None]

RATE_WHEN_UNKNOWN = Fraction(25)


@dataclass(slots=True)
class Decoding:
    """What one run over the file found out, beside the frames in the sink."""

    codec: str
    declared: int | None
    """Frames the header promises; None where it says nothing (MPEG programme streams never do)."""
    packets: int = 0
    """Video packets met. One packet is one frame but for rare codecs that split or drop frames."""
    left_out: int = 0
    """Packets the file itself marks as not to be shown (before the start of an edit list)."""
    repaired: int = 0
    """Frames the decoder marked as corrupt: it filled in what was missing."""
    complaints: bool = False
    """Whether the decoder or demuxer reported an error anywhere; healthy files give none."""
    interlaced: bool = False
    times_guessed: int = 0
    """Frames whose time the file does not give or gives out of order: taken from the frame rate."""
    rotation: str = "none"
    pixel_aspect: Fraction = Fraction(1)

    def notes(self, decoded: int) -> list[str]:
        """Sentences about what is missing or doubtful; none for a whole clip."""
        expected = max(self.declared or 0, self.packets) - self.left_out
        if self.interlaced and not self.declared:
            expected = decoded  # a packet may hold one field, half a frame: their number proves nothing
        sentences = []
        if decoded < expected:
            sentences.append(f"{decoded} of {expected} frames could be decoded.")
        if self.repaired:
            verb = "is" if self.repaired == 1 else "are"
            sentences.append(f"{self.repaired} of the {decoded} frames {verb} damaged: look at them before use.")
        elif self.complaints and not sentences:
            sentences.append("The decoder reported damage in this file: look at its last frames before use.")
        return sentences


def decode_video(path: Path, sniffed: Sniffed, sink: FrameSink, limits: IngestLimits, report: Report) -> Decoding:
    """Decode every frame of `path` into `sink`; returns what was counted on the way.

    Grey is tried first. A clip whose first frame has colour loses nothing by that; where colour comes late
    (a Doppler box switched on) the clip is decoded a second time, as RGB from its first frame.

    Raises NotAVideo, Damaged, SizeChanges, TooLarge: nothing of the clip is to be kept then.
    """
    decoding = _decode(path, sniffed, sink, limits, report, colour=False)
    if decoding is None:
        sink.restart()
        decoding = _decode(path, sniffed, sink, limits, report, colour=True)
    assert decoding is not None
    if len(sink) == 0:
        promised = decoding.declared or decoding.packets
        raise Damaged(
            f"This file looks like {sniffed.description}, but none of its {promised} frames could be "
            "decoded: it is damaged, encrypted or cut short."
            if promised
            else f"This file looks like {sniffed.description}, but it has no frames."
        )
    return decoding


def _decode(
    path: Path, sniffed: Sniffed, sink: FrameSink, limits: IngestLimits, report: Report, *, colour: bool
) -> Decoding | None:
    """One run over the file. None: grey was asked for and a frame has colour."""
    converter = Converter()
    with _open(path, sniffed) as container, av.logging.Capture() as complaints:
        stream = _picture_stream(container)
        stream.thread_type = "NONE"
        context = stream.codec_context
        _check_size(context.width, context.height, stream.frames, limits)
        found = Decoding(codec=context.name, declared=stream.frames or None)
        found.pixel_aspect = stream.sample_aspect_ratio or Fraction(1)
        clock = _Clock(stream.average_rate or stream.guessed_rate or RATE_WHEN_UNKNOWN)
        size: tuple[int, int] = (0, 0)
        turn: Turn = Turn(False, False, False)
        for frame in _frames(container, stream, found):
            if len(sink) == 0:
                size = (frame.width, frame.height)
                _check_size(*size, stream.frames, limits)
                turn = _turn_of(frame)
                found.rotation = turn.name
            elif (frame.width, frame.height) != size:
                raise SizeChanges(
                    f"The picture size changes from {size[0]}×{size[1]} to {frame.width}×{frame.height} at "
                    f"frame {len(sink) + 1}. A clip must keep one size: cut it there."
                )
            found.repaired += frame.is_corrupt
            found.interlaced = found.interlaced or frame.interlaced_frame
            pixels = converter.rgb(frame) if colour else converter.grey(frame)
            if pixels is None:
                return None
            sink.add(turn.applied_to(pixels), clock.time_of(frame))
            report(len(sink), found.declared)
        found.complaints = found.complaints or bool(complaints)
        found.times_guessed = clock.guessed
    return found


def _open(path: Path, sniffed: Sniffed) -> av.container.InputContainer:
    """Open with the sniffed demuxer and no other: FFmpeg's own guess would follow a text list into other
    files."""
    try:
        return av.open(
            f"file:{path}",
            mode="r",
            format=sniffed.av_format,
            container_options={"protocol_whitelist": "file"},
            metadata_errors="ignore",
        )
    except MemoryError:  # PyAV's own is an FFmpegError too
        raise
    except (av.FFmpegError, ValueError) as error:
        raise Damaged(
            f"This file looks like {sniffed.description}, but it is damaged or cut short: it cannot be "
            "opened. Export or copy it again."
        ) from error


def _picture_stream(container: av.container.InputContainer) -> av.VideoStream:
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic and stream.codec_context is not None:
            return stream
    if container.streams.audio:
        raise NotAVideo("This file has sound but no pictures.")
    raise NotAVideo("This file has no pictures in it.")


def _check_size(width: int, height: int, frames: int, limits: IngestLimits) -> None:
    if width <= 0 or height <= 0:
        raise Damaged(f"This file declares a picture of {width}×{height} pixels: it is damaged.")
    if max(width, height) > limits.side:
        raise TooLarge(f"The picture is {width}×{height} pixels; at most {limits.side}×{limits.side} can be read.")
    if width * height * max(frames, 1) > limits.total_pixels:
        raise TooLarge(
            f"This clip has {frames} frames of {width}×{height} pixels, more than can be kept. Cut it into "
            "shorter clips."
        )


def _frames(container: av.container.InputContainer, stream: av.VideoStream, found: Decoding) -> Iterator[av.VideoFrame]:
    """Yield frames in presentation order until the end or the first undecodable packet; count all packets.

    Packets that fail before the first frame are skipped (a recording may begin between key frames). After an
    error the decoder would go on with pictures built on missing ones, which look real: none of those are
    kept.
    """
    started = stopped = False
    try:
        for packet in container.demux(stream):
            found.packets += packet.size > 0
            found.left_out += packet.is_discard
            if stopped:
                continue
            try:
                frames = packet.decode()
            except MemoryError:
                raise
            except av.FFmpegError:
                stopped = started
                found.complaints = True
                continue
            started = started or bool(frames)
            yield from frames
    except MemoryError:
        raise
    except av.FFmpegError:
        found.complaints = True  # the container itself ends early


class _Clock:
    """Presentation times in whole microseconds from the first frame, by exact fractions."""

    def __init__(self, rate: Fraction) -> None:
        self._step = 1 / rate
        self._first: Fraction | None = None
        self._last: Fraction | None = None
        self.guessed = 0

    def time_of(self, frame: av.VideoFrame) -> int:
        given = None if frame.pts is None or not frame.time_base else frame.pts * frame.time_base
        if given is None or (self._last is not None and given <= self._last):
            self.guessed += 1
            given = self._last + self._step if self._last is not None else Fraction(0)
        if self._first is None:
            self._first = given
        self._last = given
        return round((given - self._first) * 1_000_000)


@dataclass(frozen=True, slots=True)
class Turn:
    """How a display matrix turns the coded picture: first swap rows and columns, then mirror."""

    transpose: bool
    mirror_x: bool
    mirror_y: bool

    @property
    def name(self) -> str:
        return _TURN_NAMES[self.transpose, self.mirror_x, self.mirror_y]

    def applied_to(self, pixels: np.ndarray) -> np.ndarray:
        if not (self.transpose or self.mirror_x or self.mirror_y):
            return pixels
        if self.transpose:
            pixels = pixels.swapaxes(0, 1)
        pixels = pixels[:: -1 if self.mirror_y else 1, :: -1 if self.mirror_x else 1]
        return np.ascontiguousarray(pixels)


_TURN_NAMES = {
    (False, False, False): "none",
    (True, True, False): "90 clockwise",
    (False, True, True): "180",
    (True, False, True): "90 counter-clockwise",
    (False, True, False): "mirrored left-right",
    (False, False, True): "mirrored top-bottom",
    (True, False, False): "transposed",
    (True, True, True): "transposed over the other diagonal",
}


def _turn_of(frame: av.VideoFrame) -> Turn:
    """The frame's display matrix, applied so that people see the picture as every player shows it.

    x' = a·x + c·y, y' = b·x + d·y (libavutil/display.h). Only quarter turns and mirrors are applied: a
    matrix for any other angle would need new pixels, and a damaged one (all zero) is met in real files.
    """
    side = frame.side_data.get(SideData.DISPLAYMATRIX)  # type: ignore[call-overload]
    if side is None:
        return Turn(False, False, False)
    a, b, _, c, d = np.frombuffer(bytes(side), np.int32)[:5].tolist()
    if a and d and not b and not c:
        return Turn(False, a < 0, d < 0)
    if b and c and not a and not d:
        return Turn(True, c < 0, b < 0)
    return Turn(False, False, False)
