"""The one converter from decoded video to stored pixels.

"Grey" is not one thing: the Y plane, swscale's grey and OpenCV's grey of the same frame differ by up to 20
levels. Ingest decides once, here, and everything later (training, prediction, export) reads the stored
pixels, so all of it sees the same numbers. A change here that moves any pixel needs a new CONVERTER_VERSION.

    8-bit YUV, all chroma neutral    Y plane, limited range stretched to 0…255 by one table → grey
    8-bit YUV, any colour            swscale → RGB
    RGB, palettes, GIF               swscale → RGB (transparent pixels black), grey if R = G = B everywhere
    more than 8 bits, packed YUV     swscale → 8-bit yuv444p in the same range, then as above
"""

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, VideoReformatter

CONVERTER_VERSION = "y-lut-1"

NEUTRAL = 4
"""Chroma this near to 128 is coding noise. Measured: grey ultrasound clips reach 4; the faintest real tint
(a sepia map) is 8 to 9 over most of the picture, calipers and logos 40 and more, Doppler more still."""

_PLANAR = frozenset(
    prefix + layout
    for prefix in ("yuv", "yuvj")
    for layout in ("420p", "422p", "444p", "440p", "411p", "410p")
)  # fmt: skip

LIMITED_TO_FULL = np.clip(np.rint((np.arange(256) - 16.0) * 255.0 / 219.0), 0, 255).astype(np.uint8)
"""Studio range 16…235 to 0…255, ITU-R BT.601; bit-identical to swscale's own yuv → grey."""


class Converter:
    """Turns the frames of one clip into pixels. Holds swscale's tables, which are dear to build per frame."""

    def __init__(self) -> None:
        self._scaler = VideoReformatter()

    def grey(self, frame: av.VideoFrame) -> np.ndarray | None:
        """The frame as (H, W) uint8, C-contiguous, or None when it has colour."""
        if frame.format.name == "gray":
            return plane(frame, 0).copy()
        if _is_rgb(frame.format):
            rgb = self._rgb_of_rgb(frame)
            return rgb[:, :, 0].copy() if same_channels(rgb) else None
        if len(frame.format.components) < 3:  # grey with alpha or more than 8 bits
            return np.ascontiguousarray(self._scale(frame, "gray", ColorRange.JPEG).to_ndarray())
        frame = self._planar(frame)
        if not (_is_neutral(plane(frame, 1)) and _is_neutral(plane(frame, 2))):
            return None
        return _stretched(frame)

    def rgb(self, frame: av.VideoFrame) -> np.ndarray:
        """The frame as (H, W, 3) uint8 RGB, C-contiguous."""
        if _is_rgb(frame.format):
            return self._rgb_of_rgb(frame)
        return np.ascontiguousarray(self._scale(frame, "rgb24", ColorRange.JPEG).to_ndarray())

    def _planar(self, frame: av.VideoFrame) -> av.VideoFrame:
        if frame.format.name in _PLANAR:
            return frame
        if _is_full_range(frame):
            return self._scale(frame, "yuvj444p", ColorRange.JPEG)
        return self._scale(frame, "yuv444p", ColorRange.MPEG)

    def _rgb_of_rgb(self, frame: av.VideoFrame) -> np.ndarray:
        if not any(component.is_alpha for component in frame.format.components) and not frame.format.has_palette:
            return np.ascontiguousarray(self._scale(frame, "rgb24", ColorRange.JPEG).to_ndarray())
        rgba = self._scale(frame, "rgba", ColorRange.JPEG).to_ndarray()
        rgb = np.ascontiguousarray(rgba[:, :, :3])
        rgb[rgba[:, :, 3] == 0] = 0  # FFmpeg's GIF decoder leaves white there
        return rgb

    def _scale(self, frame: av.VideoFrame, pixel_format: str, color_range: ColorRange) -> av.VideoFrame:
        # Said aloud, both of them: swscale's defaults for an unmarked range differ between formats.
        source = ColorRange.JPEG if _is_full_range(frame) else ColorRange.MPEG
        return self._scaler.reformat(
            frame, format=pixel_format, src_color_range=source, dst_color_range=color_range, threads=1
        )


def plane(frame: av.VideoFrame, index: int) -> np.ndarray:
    """Plane `index` as (H, W) uint8: a view into the frame, rows may be padded."""
    data = frame.planes[index]
    rows = np.frombuffer(memoryview(data), np.uint8).reshape(-1, data.line_size)
    return rows[: data.height, : data.width]


def same_channels(rgb: np.ndarray) -> bool:
    """Whether a (H, W, 3) picture is grey: R = G = B in every pixel."""
    return bool((rgb[:, :, 0] == rgb[:, :, 1]).all() and (rgb[:, :, 0] == rgb[:, :, 2]).all())


def _stretched(frame: av.VideoFrame) -> np.ndarray:
    y = plane(frame, 0)
    return y.copy() if _is_full_range(frame) else cv2.LUT(y, LIMITED_TO_FULL)


def _is_neutral(chroma: np.ndarray) -> bool:
    return bool(chroma.min() >= 128 - NEUTRAL and chroma.max() <= 128 + NEUTRAL)


def _is_full_range(frame: av.VideoFrame) -> bool:
    """swscale's own reading: these formats are full range whatever the stream says, other YUV when marked."""
    if frame.format.name.startswith(("yuvj", "gray", "ya", "mono")) or _is_rgb(frame.format):
        return True
    return bool(frame.color_range == ColorRange.JPEG)


def _is_rgb(video_format: av.VideoFormat) -> bool:
    return video_format.is_rgb or video_format.has_palette or video_format.name in ("monob", "monow")
