"""Every file becomes exactly its frames, or one sentence: nothing between."""

import io
import os
import re
import signal
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from annotation.errors import IngestError
from annotation.files import decode_frame
from annotation.ingest.decode import DecodedClip, decode_clip
from annotation.ingest.errors import (
    Damaged,
    DecoderStopped,
    DecodeTimeout,
    NotAVideo,
    NotSupported,
    SizeChanges,
    TooLarge,
)
from annotation.ingest.grey import CONVERTER_VERSION, LIMITED_TO_FULL
from annotation.ingest.limits import IngestLimits
from annotation.ingest.sink import dhash
from annotation.ingest.stills import STILL_INTERVAL_US

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
SECRET = "Meier_Anna_1950"

WHOLE = [
    "video_lung_pocus/Cov-Atlas+(45).gif",
    "video_lung_pocus/Cov_convex_volpecelli_sonographic_v1.mov",
    "video_lung_pocus/Cov_convex_volpecelli_sonographic_v3.mov",
    "video_lung_pocus/Pneu_northumbria_0409_set1_vid1.avi",
    "video_lung_pocus/Reg_Avi_lung-sliding.MP4",
    "video_lung_pocus/Reg_Image_182106_crop.mp4",
    "video_lung_pocus/Reg_Image_182340_crop.mp4",
    "video_lung_pocus/Reg_northumbria_1009_vid1.avi",
    "video_lung_pocus/Reg_pat1Image_132943.mpeg",
    "video_lung_pocus/Reg_pat1Image_133410.mpeg",
    "video_lung_pocus/Reg_pat3Image_134711.mpeg",
    "video_lung_pocus/Reg_pat3Image_135215.mpeg",
    "video_lung_pocus/Vir_prospective_file2.mp4",
    "video_muscle/p6_isokinetic120_01_push_01.mp4",
    "video_muscle/p6_isokinetic500_01_push_01.mp4",
    "pocus_devices/clarius-ocular-short.mp4",
    "odd_files/video/bbb_sunflower_QCIF_30fps_h263_noaudio_1f.3gp",
    "odd_files/video/h264_white_frame_sar_16_9.mp4",
    "odd_files/video/minimal.mp4",
    "odd_files/video/tiny_av1.mp4",
    "odd_files/video/video_rotation_90.mp4",
]
REFUSED = {
    "odd_files/video/bipbop_480wp_1001kbps-cenc-video-key1-init.mp4": (Damaged, "it has no frames"),
    "odd_files/video/invalid_userdata.mp4": (Damaged, "none of its 5544 frames"),
    "odd_files/video/sine-3s-xhe-aac-44khz-mono.mp4": (NotAVideo, "sound but no pictures"),
    "odd_files/video/test_case_1185230.mp4": (Damaged, "none of its 10 frames"),
    "odd_files/image/broken.png": (Damaged, "damaged or cut short"),
    "odd_files/image/decompression_bomb.gif": (Damaged, "none of its 1 frames"),
    "odd_files/image/no_palette.gif": (Damaged, "none of its 2 frames"),
    "odd_files/image/dispose_op_none.png": (NotSupported, "3 pictures in one file"),
    "odd_files/image/mode_16bit.png": (NotSupported, "more than 8 bits"),
    "odd_files/image/12in16bit.tif": (NotSupported, "more than 8 bits"),
    "odd_files/image/pil_sample_cmyk.jpg": (NotSupported, "CMYK"),
}
STILLS = {
    "odd_files/image/1_trns.png": (64, 64),
    "odd_files/image/exif_gps.jpg": (8, 8),
    "odd_files/image/hopper_orientation_6.jpg": (128, 128),
    "odd_files/image/p_16.png": (128, 128),
    "pocus_devices/clarius-ocular-image.png": (960, 1280),
    "pocus_devices/interson-phantom.png": (912, 1469),
    "pocus_devices/sonosite-anon-eye1.jpg": (720, 960),
}
COLOURED = {  # tinted maps, caliper colours, logos; the others are grey with at most coding noise in their chroma
    "Cov-Atlas+(45).gif",
    "Cov_convex_volpecelli_sonographic_v1.mov",
    "Cov_convex_volpecelli_sonographic_v3.mov",
    "p6_isokinetic120_01_push_01.mp4",
    "p6_isokinetic500_01_push_01.mp4",
    "clarius-ocular-short.mp4",
    "tiny_av1.mp4",
}
PARTIAL = ["odd_files/video/no_timescale.mp4"]


@pytest.fixture
def decode(tmp_path: Path) -> Callable[..., tuple[DecodedClip, list[np.ndarray]]]:
    def run(source: Path, **limits) -> tuple[DecodedClip, list[np.ndarray]]:
        pack = tmp_path / "frames.pack"
        clip = decode_clip(source, pack, IngestLimits(**limits))
        data = pack.read_bytes()
        assert len(data) == clip.pack_bytes
        pictures = [decode_frame(data[row.offset : row.offset + row.length]) for row in clip.frames]
        check_rows(clip, pictures)
        return clip, pictures

    return run


@pytest.fixture
def refusal(tmp_path: Path) -> Callable[..., IngestError]:
    def run(source: Path, **limits) -> IngestError:
        pack = tmp_path / "frames.pack"
        with pytest.raises(IngestError) as caught:
            decode_clip(source, pack, IngestLimits(**limits))
        assert not pack.exists()
        check_sentence(caught.value)
        assert SECRET not in caught.value.message
        return caught.value

    return run


def check_sentence(error: IngestError) -> None:
    assert error.status == 400
    assert error.message.endswith("Nothing was stored.")
    assert error.message.count("Nothing was stored.") == 1
    assert "Traceback" not in error.message


def check_rows(clip: DecodedClip, pictures: list[np.ndarray]) -> None:
    """What must hold for every clip: rows are a gapless pack, hashes and sizes are those of the pixels."""
    end = 0
    shape = (clip.height, clip.width) if clip.channels == 1 else (clip.height, clip.width, 3)
    for number, (row, picture) in enumerate(zip(clip.frames, pictures, strict=True)):
        assert (row.index, row.offset) == (number, end)
        assert picture.shape == shape
        assert row.sha256 == sha256(picture.tobytes()).hexdigest()
        assert row.dhash == dhash(picture)
        assert -(2**63) <= row.dhash < 2**63
        end += row.length
    times = [row.time_us for row in clip.frames]
    assert times[0] == 0
    assert times == sorted(set(times))
    assert clip.converter == CONVERTER_VERSION


def frames_by_pyav(path: Path) -> list[av.VideoFrame]:
    """What PyAV decodes until the file ends or the first error: an independent count."""
    frames = []
    with av.open(str(path)) as container:
        try:
            for frame in container.decode(video=0):
                frames.append(frame)
        except av.FFmpegError:
            pass
    return frames


def seconds(frame: av.VideoFrame) -> Fraction:
    assert frame.pts is not None
    assert frame.time_base is not None
    return frame.pts * frame.time_base


def write_video(path: Path, pictures, *, codec="mpeg4", pixel_format="yuv420p", times=None, rate=25, container=None):
    """Encode (H, W, 3) or (H, W) uint8 pictures; `times` are in 1/90000 s where the container can hold them."""
    with av.open(str(path), "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pixel_format
        stream.codec_context.time_base = Fraction(1, 90_000) if times else Fraction(1, rate)
        for number, picture in enumerate(pictures):
            kind = "rgb24" if picture.ndim == 3 else "gray"
            frame = av.VideoFrame.from_ndarray(picture, format=kind).reformat(format=pixel_format)
            frame.pts = times[number] if times else number
            frame.time_base = stream.codec_context.time_base
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def speckle(count: int, height=96, width=128) -> list[np.ndarray]:
    """A pattern that slides: every frame differs from every other."""
    noise = np.random.default_rng(7).integers(0, 256, (height, width), np.uint8)
    noise = cv2.GaussianBlur(noise, (5, 5), 0)
    return [np.roll(noise, 2 * number, axis=1) for number in range(count)]


# --- real files ---


def test_no_real_file_is_forgotten(shared_data: Path):
    folders = ("video_*", "pocus_devices", "odd_files/video", "odd_files/image")
    there = {str(f.relative_to(shared_data)) for folder in folders for f in shared_data.glob(f"{folder}/*")}
    assert there == {*WHOLE, *REFUSED, *STILLS, *PARTIAL}


@pytest.mark.parametrize("file", WHOLE)
def test_a_whole_clip_gives_as_many_frames_as_pyav(shared_data: Path, decode, file):
    expected = frames_by_pyav(shared_data / file)
    clip, pictures = decode(shared_data / file)
    assert clip.decoded == clip.packets == len(expected)
    assert clip.declared in (None, len(expected))
    assert (clip.state, clip.note, clip.repaired, clip.times_guessed) == ("complete", "", 0, 0)
    assert clip.channels == (3 if Path(file).name in COLOURED else 1)
    assert clip.kind == ("gif" if file.endswith(".gif") else "video")
    for number in sorted({0, len(expected) // 2, len(expected) - 1}):
        frame = expected[number]
        if clip.channels == 1:
            wanted = frame.to_ndarray(format="gray")
        else:
            wanted = frame.to_ndarray(format="rgb24")
        if "rotation_90" in file:
            wanted = np.rot90(wanted, -1)
        assert np.array_equal(pictures[number], wanted)
        exact = (seconds(frame) - seconds(expected[0])) * 1_000_000
        assert abs(clip.frames[number].time_us - exact) <= Fraction(1, 2)


@pytest.mark.parametrize("file", sorted(STILLS))
def test_a_still_is_a_clip_of_one_frame(shared_data: Path, decode, file):
    clip, pictures = decode(shared_data / file)
    assert (clip.kind, clip.decoded, clip.state) == ("stills", 1, "complete")
    assert pictures[0].shape[:2] == STILLS[file]


@pytest.mark.parametrize("file", sorted(REFUSED))
def test_a_file_without_frames_is_refused_in_words(shared_data: Path, refusal, file):
    kind, said = REFUSED[file]
    error = refusal(shared_data / file)
    assert type(error) is kind
    assert said in error.message


def test_a_damaged_clip_is_kept_as_far_as_it_goes(shared_data: Path, decode):
    source = shared_data / "odd_files/video/no_timescale.mp4"
    clip, _ = decode(source)
    assert clip.decoded == len(frames_by_pyav(source)) == 8
    assert clip.state == "partial"
    assert clip.note.startswith("8 of 182 frames could be decoded.")


@pytest.mark.parametrize("file", [f for f in WHOLE if f.startswith(("video", "pocus"))])
def test_a_real_file_cut_at_60_percent_is_partial_or_refused(shared_data: Path, tmp_path: Path, decode, file):
    data = (shared_data / file).read_bytes()
    cut = tmp_path / f"{SECRET}{Path(file).suffix}"
    cut.write_bytes(data[: len(data) * 6 // 10])
    if file.lower().endswith((".mp4", ".mov")):  # the index is at the end of all of these
        with pytest.raises(Damaged, match="damaged or cut short") as caught:
            decode(cut)
        check_sentence(caught.value)
        assert SECRET not in caught.value.message
        return
    clip, _ = decode(cut)
    whole = len(frames_by_pyav(shared_data / file))
    assert clip.decoded == len(frames_by_pyav(cut))
    assert 0 < clip.decoded < whole
    assert clip.state == "partial"
    if clip.declared and clip.declared > clip.decoded:
        assert f"{clip.decoded} of {clip.declared} frames" in clip.note
    else:
        assert "damage" in clip.note


# --- pixels, colour, times ---


def test_the_grey_table_is_swscale_s_own():
    frame = av.VideoFrame(256, 16, "yuv420p")
    ramp = np.tile(np.arange(256, dtype=np.uint8), (16, 1))
    neutral = np.full((1, 1), 128, np.uint8)
    for plane, value in zip(frame.planes, (ramp, neutral, neutral), strict=True):
        rows = np.zeros((plane.height, plane.line_size), np.uint8)
        rows[:, : plane.width] = value
        plane.update(rows.tobytes())
    assert np.array_equal(frame.to_ndarray(format="gray"), LIMITED_TO_FULL[ramp])


@pytest.mark.parametrize(
    ("codec", "pixel_format", "suffix", "off_by"),
    [
        ("ffv1", "gray", ".mkv", 0),
        ("ffv1", "yuv444p", ".mkv", 1),  # limited range holds 220 of 256 levels
        ("ffv1", "yuv420p10le", ".mkv", 2),
        ("ffv1", "gray10le", ".mkv", 1),
        ("ffv1", "bgr0", ".mkv", 0),
        ("mjpeg", "yuvj420p", ".avi", None),  # lossy: compared with PyAV's own reading only
    ],
)
def test_grey_stays_grey_in_every_pixel_format(tmp_path: Path, decode, codec, pixel_format, suffix, off_by):
    pictures = speckle(3)
    source = write_video(tmp_path / f"a{suffix}", pictures, codec=codec, pixel_format=pixel_format)
    clip, decoded = decode(source)
    assert (clip.channels, clip.decoded) == (1, 3)
    for picture, frame, got in zip(pictures, frames_by_pyav(source), decoded, strict=True):
        if off_by is not None:
            assert np.abs(picture.astype(int) - got).max() <= off_by
        else:
            assert np.array_equal(frame.to_ndarray(format="gray"), got)


def test_a_clip_where_colour_comes_late_is_rgb_from_its_first_frame(tmp_path: Path, decode):
    pictures = [np.repeat(p[:, :, None], 3, axis=2) for p in speckle(6)]
    pictures[4][20:40, 30:60] = (220, 30, 20)  # a Doppler box
    source = write_video(tmp_path / "a.mkv", pictures, codec="ffv1", pixel_format="bgr0")
    clip, decoded = decode(source)
    assert clip.channels == 3
    assert all(np.array_equal(a, b) for a, b in zip(pictures, decoded, strict=True))


def test_times_are_the_file_s_own_to_the_microsecond(tmp_path: Path, decode):
    times = [9000, 9001, 12000, 12007, 100_000]
    source = write_video(tmp_path / "a.mp4", speckle(5), codec="libx264", times=times)
    clip, _ = decode(source)
    expected = [round(Fraction(t - times[0], 90_000) * 1_000_000) for t in times]
    assert [row.time_us for row in clip.frames] == expected
    assert clip.times_guessed == 0


def test_a_quarter_turn_is_applied_and_recorded(shared_data: Path, decode):
    clip, _ = decode(shared_data / "odd_files/video/video_rotation_90.mp4")
    assert (clip.width, clip.height, clip.rotation) == (60, 100, "90 clockwise")


def test_the_shape_of_a_pixel_is_recorded_and_pixels_are_kept(shared_data: Path, decode):
    clip, _ = decode(shared_data / "odd_files/video/h264_white_frame_sar_16_9.mp4")
    assert (clip.width, clip.height, clip.pixel_aspect) == (640, 480, Fraction(16, 9))


def test_the_same_file_gives_the_same_pack(tmp_path: Path):
    source = write_video(tmp_path / "a.mp4", speckle(5))
    clips = [decode_clip(source, tmp_path / name) for name in ("one", "two")]
    assert clips[0] == clips[1]
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


# --- files that are not what they seem ---


@pytest.mark.parametrize("content", [b"", b"only words\n", b"ffconcat version 1.0\nfile 'real.mp4'\n"])
def test_text_named_mp4_is_refused_and_lists_are_not_followed(tmp_path: Path, refusal, content):
    write_video(tmp_path / "real.mp4", speckle(3))
    source = tmp_path / f"{SECRET}.mp4"
    source.write_bytes(content)
    assert type(refusal(source)) is NotAVideo


def test_a_list_dressed_as_a_transport_stream_is_not_followed(tmp_path: Path, refusal):
    write_video(tmp_path / "real.mp4", speckle(3))
    source = tmp_path / "list.mp4"
    text = b"G" + b"#EXTM3U\n#EXTINF:1,\nreal.mp4\n".ljust(187)
    source.write_bytes(text * 4)
    assert type(refusal(source)) in (Damaged, NotAVideo)


def test_changing_picture_size_is_refused_with_its_place(tmp_path: Path, refusal):
    small = write_video(tmp_path / "a", speckle(4, 96, 128), codec="mpeg2video", container="mpeg2video").read_bytes()
    large = write_video(tmp_path / "b", speckle(4, 128, 160), codec="mpeg2video", container="mpeg2video").read_bytes()
    source = tmp_path / f"{SECRET}.mpg"
    source.write_bytes(small + large)
    error = refusal(source)
    assert type(error) is SizeChanges
    # FFmpeg may drop the frame it still held back when the size changed.
    assert re.search("from 128×96 to 160×128 at frame [45]", error.message)


def gif_header(width: int, height: int) -> bytes:
    screen = struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    picture = b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x44\x01\x00"
    return b"GIF89a" + screen + picture + b";"


def test_absurd_and_zero_sizes_are_refused_before_decoding(tmp_path: Path, refusal):
    source = tmp_path / f"{SECRET}.gif"
    source.write_bytes(gif_header(9000, 100))
    error = refusal(source)
    assert type(error) is TooLarge
    assert "9000×100" in error.message
    source.write_bytes(gif_header(65_000, 65_000))  # beyond what FFmpeg itself will hold
    assert type(refusal(source)) in (Damaged, TooLarge)
    source.write_bytes(gif_header(0, 0))
    assert type(refusal(source)) is Damaged


def test_too_many_pixels_in_all_are_refused(tmp_path: Path, refusal):
    source = write_video(tmp_path / f"{SECRET}.mp4", speckle(10))
    assert type(refusal(source, total_pixels=9 * 96 * 128)) is TooLarge
    assert type(refusal(source, frames=9)) is TooLarge
    assert type(refusal(source, side=100)) is TooLarge


# --- zips of stills ---


def png(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()


def write_zip(path: Path, members: dict[str, bytes], method=zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_a_zip_of_stills_is_a_clip_in_natural_name_order(tmp_path: Path, decode):
    pictures = speckle(12)
    names = [f"scan/img{number}.png" for number in range(12)]
    members = dict(sorted(zip(names, map(png, pictures), strict=True)))  # img10 before img2
    source = write_zip(tmp_path / "a.zip", members)
    clip, decoded = decode(source)
    assert (clip.kind, clip.channels, clip.decoded, clip.state) == ("stills", 1, 12, "complete")
    assert all(np.array_equal(a, b) for a, b in zip(pictures, decoded, strict=True))
    assert clip.frames[3].time_us == 3 * STILL_INTERVAL_US


def test_one_coloured_still_makes_the_whole_clip_rgb(tmp_path: Path, decode):
    grey = speckle(2)
    colour = np.zeros((96, 128, 3), np.uint8)
    colour[..., 0] = 200
    source = write_zip(tmp_path / "a.zip", {"1.png": png(grey[0]), "2.png": png(colour), "3.png": png(grey[1])})
    clip, decoded = decode(source)
    assert clip.channels == 3
    assert np.array_equal(decoded[1], colour)
    assert np.array_equal(decoded[0][..., 2], grey[0])


def test_names_inside_a_zip_lead_nowhere(tmp_path: Path, decode):
    before = set(tmp_path.rglob("*"))
    source = write_zip(
        tmp_path / "a.zip", {"../../escape1.png": png(speckle(1)[0]), "/etc/escape2.png": png(speckle(1)[0])}
    )
    clip, _ = decode(source)
    assert clip.decoded == 2
    assert set(tmp_path.rglob("*")) - before == {source, tmp_path / "frames.pack"}
    assert not list(tmp_path.parent.glob("escape*"))


def test_what_operating_systems_add_to_zips_is_ignored(tmp_path: Path, decode):
    litter = {"__MACOSX/._1.png": b"x", "Thumbs.db": b"x", "a/.DS_Store": b"x", "a/._2.png": b"x"}
    clip, _ = decode(write_zip(tmp_path / "a.zip", {**litter, "a/1.png": png(speckle(1)[0])}))
    assert clip.decoded == 1


@pytest.mark.parametrize(
    ("members", "kind", "said"),
    [
        ({}, NotAVideo, "no pictures"),
        ({"a.png": png(speckle(1)[0]), "b.txt": b"words"}, NotAVideo, "Picture 2 of the zip is not a still"),
        ({"a.png": png(speckle(1)[0]), "b.png": png(speckle(1, 64)[0])}, SizeChanges, "Picture 2 is 128×64"),
        ({"a.png": png(speckle(1)[0])[:300]}, Damaged, "Picture 1 of the zip is damaged"),
        ({"a.png": png(np.zeros((9000, 2), np.uint8))}, TooLarge, "2×9000"),
    ],
)
def test_a_zip_with_anything_else_is_refused_by_place(tmp_path: Path, refusal, members, kind, said):
    renamed = {f"{SECRET}_{name}": data for name, data in members.items()}
    error = refusal(write_zip(tmp_path / "a.zip", renamed))
    assert type(error) is kind
    assert said in error.message
    assert SECRET not in error.message


def test_zip_bombs_are_refused_from_the_directory(tmp_path: Path, refusal):
    source = write_zip(tmp_path / f"{SECRET}.zip", {"a.bmp": bytes(70 << 20)})
    assert type(refusal(source)) is TooLarge
    many = write_zip(tmp_path / f"{SECRET}2.zip", {f"{n}.png": b"x" for n in range(30)})
    assert type(refusal(many, zip_members=20)) is TooLarge
    assert type(refusal(many, zip_bytes=20)) is TooLarge


def test_a_zip_whose_directory_lies_about_sizes_is_refused(tmp_path: Path, refusal):
    source = write_zip(tmp_path / f"{SECRET}.zip", {"a.bmp": bytes(1 << 20)})
    data = bytearray(source.read_bytes())
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 1000)
    source.write_bytes(data)
    assert type(refusal(source)) in (Damaged, NotAVideo)


def test_encrypted_zips_are_refused(tmp_path: Path, refusal):
    source = write_zip(tmp_path / f"{SECRET}.zip", {"a.png": png(speckle(1)[0])})
    data = bytearray(source.read_bytes())
    data[6] |= 1
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    source.write_bytes(data)
    error = refusal(source)
    assert type(error) is NotSupported
    assert "password" in error.message


def test_a_zip_cut_short_is_refused(tmp_path: Path, refusal):
    source = write_zip(tmp_path / f"{SECRET}.zip", {"a.png": png(speckle(1)[0])})
    source.write_bytes(source.read_bytes()[:-30])
    assert type(refusal(source)) is Damaged


# --- stills ---


def test_exif_orientation_is_applied(tmp_path: Path, decode):
    picture = Image.fromarray(speckle(1)[0])
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned 90° clockwise
    picture.save(tmp_path / "a.jpg", exif=exif, quality=95)
    clip, decoded = decode(tmp_path / "a.jpg")
    assert (clip.width, clip.height) == (96, 128)
    coded = np.asarray(Image.open(tmp_path / "a.jpg"))
    assert np.array_equal(decoded[0], np.rot90(coded, -1))


def test_transparency_is_laid_on_black(tmp_path: Path, decode):
    picture = np.full((8, 8, 4), 200, np.uint8)
    picture[:, :, 3] = 255
    picture[:4, :, 3] = 0
    Image.fromarray(picture).save(tmp_path / "a.png")
    clip, decoded = decode(tmp_path / "a.png")
    assert clip.channels == 1
    assert (decoded[0][:4] == 0).all()
    assert (decoded[0][4:] == 200).all()


def test_a_small_still_that_declares_a_huge_picture_is_refused(tmp_path: Path, refusal):
    header = struct.pack(">IIBBBBB", 8000, 8100, 8, 2, 0, 0, 0)
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b""))
    )
    source = tmp_path / f"{SECRET}.png"
    source.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    assert type(refusal(source)) is TooLarge


# --- the child process ---


def children() -> set[int]:
    """Ingest children of this process, by /proc."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            command = (folder / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == os.getpid() and b"annotation.ingest.child" in command:
            found.add(int(folder.name))
    return found


@pytest.fixture
def long_clip(tmp_path: Path) -> Path:
    return write_video(tmp_path / f"{SECRET}.mp4", speckle(400, 240, 320))


def test_a_child_killed_midway_gives_a_sentence_and_leaves_nothing(long_clip: Path, tmp_path: Path):
    killed: list[int] = []

    def kill(frames: int, of: int | None) -> None:
        if frames and not killed:
            (pid,) = children()
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

    with pytest.raises(DecoderStopped, match="stopped unexpectedly after") as caught:
        decode_clip(long_clip, tmp_path / "pack", progress=kill)
    check_sentence(caught.value)
    assert killed
    assert not (tmp_path / "pack").exists()
    assert children() == set()


def test_cancelling_ends_the_child_and_leaves_nothing(long_clip: Path, tmp_path: Path):
    class Cancelled(Exception):
        pass

    def cancel(frames: int, of: int | None) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        decode_clip(long_clip, tmp_path / "pack", progress=cancel)
    assert not (tmp_path / "pack").exists()
    assert children() == set()


def test_progress_tells_how_far_and_of_how_many(long_clip: Path, tmp_path: Path):
    seen: list[tuple[int, int | None]] = []
    decode_clip(long_clip, tmp_path / "pack", progress=lambda frames, of: seen.append((frames, of)))
    moved = [entry for entry in seen if entry[0]]
    assert moved[0] == (1, 400)
    assert moved == sorted(moved)


def test_the_wall_clock_limit_gives_a_sentence(long_clip: Path, refusal):
    assert type(refusal(long_clip, wall_seconds=0.05)) is DecodeTimeout
    assert children() == set()


def test_the_computing_limit_gives_a_sentence(tmp_path: Path, refusal):
    source = write_video(tmp_path / f"{SECRET}.avi", speckle(150, 768, 1024), codec="mjpeg", pixel_format="yuvj420p")
    error = refusal(source, cpu_seconds=1)
    assert type(error) is DecodeTimeout
    assert "of computing" in error.message


def test_the_memory_limit_gives_a_sentence(tmp_path: Path, refusal):
    video = write_video(
        tmp_path / f"{SECRET}.avi", [np.zeros((8000, 8000), np.uint8)], codec="mjpeg", pixel_format="yuvj420p"
    )
    still = tmp_path / f"{SECRET}.png"
    still.write_bytes(cv2.imencode(".png", np.zeros((7000, 8000), np.uint8))[1].tobytes())
    for source in (video, still):
        error = refusal(source, memory=460 << 20)
        assert type(error) is TooLarge
        assert "460 MiB of memory" in error.message


def test_the_size_limit_of_a_pack_gives_a_sentence(long_clip: Path, refusal):
    error = refusal(long_clip, pack_bytes=500_000)
    assert type(error) is TooLarge
    assert "space" in error.message


def test_an_existing_pack_is_left_alone(long_clip: Path, tmp_path: Path):
    (tmp_path / "pack").write_bytes(b"somebody's frames")
    with pytest.raises(FileExistsError):
        decode_clip(long_clip, tmp_path / "pack")
    assert (tmp_path / "pack").read_bytes() == b"somebody's frames"


def test_the_child_knows_neither_django_nor_torch_nor_secrets():
    code = (
        "import sys; import annotation.ingest.child, annotation.ingest.video, annotation.ingest.stills;"
        "print(sorted({'django', 'torch', 'rest_framework', 'celery'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_the_child_inherits_no_secret_from_the_environment(monkeypatch):
    from annotation.ingest import decode as module

    assert not {name for name in module._ENVIRONMENT if name.startswith(("SONOLOOP", "DJANGO", "DATABASE"))}
