"""Packs are written once and durably; label maps from outside are checked before they are believed."""

import struct
import uuid
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from annotation import files
from annotation.errors import BadMask

ALLOWED = {0, 1, 2, 7, 255}


@pytest.fixture
def name() -> str:
    return f"clips/{uuid.uuid4()}/frames.pack"


def stored(name: str) -> Path:
    path = files._local_path(files._storage(), name)
    assert path is not None
    return path


# --- packs ---


def test_a_pack_gives_back_every_frame_exactly(tmp_path: Path, name):
    rng = np.random.default_rng(1)
    frames = [rng.integers(0, 256, shape, np.uint8) for shape in ((20, 30), (20, 30, 3), (20, 30))]
    writer = files.PackWriter(tmp_path / "pack")
    places = []
    for frame in frames:
        bgr = cv2.cvtColor(frame, cv2.COLOR_RGB2BGR) if frame.ndim == 3 else frame
        places.append(writer.append(cv2.imencode(".png", bgr)[1].tobytes()))
    writer.close()
    whole = (tmp_path / "pack").read_bytes()

    files.store_once(name, tmp_path / "pack")

    with files.FramePack(name) as pack:
        for frame, (offset, length) in zip(frames, places, strict=True):
            assert np.array_equal(pack.pixels(offset, length), frame)
            assert files.read_slice(name, offset, length) == whole[offset : offset + length]


def test_a_restarted_pack_holds_only_what_came_after(tmp_path: Path):
    writer = files.PackWriter(tmp_path / "pack")
    writer.append(b"first try")
    writer.restart()
    assert writer.append(b"second") == (0, 6)
    writer.close()
    assert (tmp_path / "pack").read_bytes() == b"second"


def test_a_pack_is_never_opened_for_writing_twice(tmp_path: Path):
    files.PackWriter(tmp_path / "pack").close()
    with pytest.raises(FileExistsError):
        files.PackWriter(tmp_path / "pack")


def test_storing_moves_the_file_and_leaves_no_temporary_names(tmp_path: Path, name):
    (tmp_path / "local").write_bytes(b"frames")
    files.store_once(name, tmp_path / "local")
    assert not (tmp_path / "local").exists()
    assert [path.name for path in stored(name).parent.iterdir()] == ["frames.pack"]
    assert stored(name).stat().st_mode & 0o777 == 0o600


def test_a_stored_name_is_never_overwritten(tmp_path: Path, name):
    (tmp_path / "one").write_bytes(b"one")
    files.store_once(name, tmp_path / "one")
    (tmp_path / "two").write_bytes(b"two")
    with pytest.raises(FileExistsError):
        files.store_once(name, tmp_path / "two")
    assert files.read_slice(name, 0, 3) == b"one"
    assert (tmp_path / "two").read_bytes() == b"two"
    assert len(list(stored(name).parent.iterdir())) == 1


def test_a_file_from_another_file_system_is_copied_whole(name):
    other = Path("/dev/shm") / uuid.uuid4().hex
    if not other.parent.is_dir():
        pytest.skip("not run: no /dev/shm to copy from")
    other.write_bytes(b"x" * 100_000)
    try:
        files.store_once(name, other)
        assert stored(name).read_bytes() == b"x" * 100_000
    finally:
        other.unlink(missing_ok=True)


def test_a_pack_cut_short_is_told_not_padded(tmp_path: Path, name):
    (tmp_path / "local").write_bytes(b"12345")
    files.store_once(name, tmp_path / "local")
    with pytest.raises(OSError, match="restore it from a backup"):
        files.read_slice(name, 3, 10)


def test_names_cannot_leave_the_data_folder(tmp_path: Path):
    from django.core.exceptions import SuspiciousFileOperation

    (tmp_path / "local").write_bytes(b"x")
    with pytest.raises(SuspiciousFileOperation):
        files.store_once("../outside.pack", tmp_path / "local")


def test_deleting_twice_is_no_error(tmp_path: Path, name):
    (tmp_path / "local").write_bytes(b"x")
    files.store_once(name, tmp_path / "local")
    files.delete(name)
    files.delete(name)
    with pytest.raises(FileNotFoundError):
        files.read_slice(name, 0, 1)


def test_sha256_of_a_file(tmp_path: Path):
    (tmp_path / "abc").write_bytes(b"abc")
    assert files.sha256_of(tmp_path / "abc").startswith("ba7816bf8f01cfea")


# --- label maps ---


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(width: int, height: int, depth: int, colour: int, data: bytes, *, interlace=0, extra=b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + extra
        + chunk(b"IDAT", zlib.compress(data))
        + chunk(b"IEND", b"")
    )


def decode(png: bytes, shape=(4, 5)) -> np.ndarray:
    return files.decode_label_map(png, height=shape[0], width=shape[1], allowed=ALLOWED)


@given(arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40))))
@settings(max_examples=60, deadline=None)
def test_a_label_map_survives_the_round_trip(label_map):
    png = files.encode_label_map(label_map)
    height, width = label_map.shape
    back, kept = files.read_label_map(png, height=height, width=width, allowed=range(256))
    assert np.array_equal(back, label_map)
    assert kept == png


@pytest.mark.parametrize("pillow_or_other", ["pillow", "by hand"])
def test_label_maps_of_other_encoders_are_read(pillow_or_other):
    import io

    from PIL import Image

    label_map = np.array([[0, 1, 2, 7, 255]] * 4, np.uint8)
    if pillow_or_other == "pillow":
        buffer = io.BytesIO()
        Image.fromarray(label_map).save(buffer, "PNG", optimize=True)
        png = buffer.getvalue()
    else:
        png = png_of(5, 4, 8, 0, b"".join(b"\x00" + row.tobytes() for row in label_map))
    assert np.array_equal(decode(png), label_map)


GOOD = files.encode_label_map(np.zeros((4, 5), np.uint8))


@pytest.mark.parametrize(
    ("png", "said"),
    [
        (b"", "not a PNG"),
        (b"\xff\xd8\xff\xe0 a JPEG", "not a PNG"),
        (files.encode_label_map(np.zeros((5, 4), np.uint8)), "4×5 pixels, the frame is 5×4"),
        (cv2.imencode(".png", np.zeros((4, 5), np.uint16))[1].tobytes(), "16-bit grey"),
        (cv2.imencode(".png", np.zeros((4, 5, 3), np.uint8))[1].tobytes(), "8-bit RGB"),
        (cv2.imencode(".png", np.zeros((4, 5, 4), np.uint8))[1].tobytes(), "8-bit RGB with alpha"),
        (png_of(5, 4, 8, 3, bytes(24), extra=chunk(b"PLTE", bytes(3))), "8-bit palette"),
        (png_of(5, 4, 1, 0, bytes(8)), "1-bit grey"),
        (png_of(5, 4, 8, 0, bytes(24), interlace=1), "interlaced"),
        (png_of(5, 4, 8, 0, bytes(24), extra=chunk(b"PLTE", bytes(3))), "does not have"),
        (png_of(5, 4, 8, 0, bytes(23)), "23 of 24 bytes"),
        (png_of(5, 4, 8, 0, bytes(25)), "more than its 5×4 pixels"),
        (png_of(5, 4, 8, 0, bytes(10_000_000)), "more than its 5×4 pixels"),
        (GOOD[:-12], "cut short"),
        (GOOD[:40], "cut short"),
        (GOOD + b"name of a patient", "17 more bytes"),
        (GOOD[:45] + bytes([GOOD[45] ^ 1]) + GOOD[46:], "checksum"),
    ],
)  # fmt: skip
def test_a_wrong_mask_is_refused_with_what_was_expected_and_what_came(png, said):
    with pytest.raises(BadMask, match=said.replace("(", r"\(")) as caught:
        decode(png)
    assert caught.value.status == 400


def test_an_unknown_label_is_named_with_its_place():
    label_map = np.zeros((4, 5), np.uint8)
    label_map[2, 3] = 9
    label_map[3, 0] = 11
    with pytest.raises(BadMask, match="label index 9 at column 3, row 2") as caught:
        decode(files.encode_label_map(label_map))
    assert caught.value.detail == {"unknown": [9, 11], "column": 3, "row": 2, "known": [0, 1, 2, 7, 255]}


def test_a_false_size_in_the_header_costs_nothing():
    bomb = png_of(100_000, 100_000, 8, 0, bytes(10))
    with pytest.raises(BadMask, match="100000×100000 pixels"):
        decode(bomb)


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
@settings(max_examples=100, deadline=None)
def test_no_changed_byte_goes_unseen(at, change):
    damaged = GOOD[:at] + bytes([GOOD[at] ^ change]) + GOOD[at + 1 :]
    with pytest.raises(BadMask):
        decode(damaged)


def test_text_inside_a_png_is_dropped_and_pixels_are_kept():
    noted = png_of(5, 4, 8, 0, bytes(24), extra=chunk(b"tEXt", b"Author\x00Anna"))
    _, clean = files.read_label_map(noted, height=4, width=5, allowed=ALLOWED)
    assert b"Anna" not in clean
    assert np.array_equal(decode(noted), decode(clean))
    assert clean == png_of(5, 4, 8, 0, bytes(24))


def test_a_png_stuffed_with_parts_is_refused():
    with pytest.raises(BadMask, match="more than 1000 parts"):
        decode(png_of(5, 4, 8, 0, bytes(24), extra=chunk(b"tEXt", b"") * 2000))
    with pytest.raises(BadMask, match="need at most"):
        decode(png_of(5, 4, 8, 0, bytes(24), extra=chunk(b"tEXt", b"") * 1_000_000))


def test_a_png_padded_with_empty_deflate_blocks_is_refused():
    stuffed = zlib.compressobj()
    data = b"".join(stuffed.flush(zlib.Z_FULL_FLUSH) + b"\x00\x00\x00\xff\xff" for _ in range(20_000))
    header = struct.pack(">IIBBBBB", 5, 4, 8, 0, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    with pytest.raises(BadMask, match=f"{len(png)} bytes"):
        decode(png)


def test_pixels_that_cannot_be_packed_are_read_in_small_pieces():
    label_map = np.random.default_rng(1).choice(np.array(sorted(ALLOWED), np.uint8), (300, 700))
    rows = b"".join(b"\x00" + row.tobytes() for row in label_map)
    packed = zlib.compress(rows, 0)
    pieces = b"".join(chunk(b"IDAT", packed[at : at + 4096]) for at in range(0, len(packed), 4096))
    header = struct.pack(">IIBBBBB", 700, 300, 8, 0, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pieces + chunk(b"IEND", b"")
    assert np.array_equal(decode(png, (300, 700)), label_map)


def test_a_transparency_chunk_does_not_change_labels():
    """OpenCV alone would turn this into a four-channel picture."""
    label_map = np.array([[0, 1, 2, 7, 255]] * 4, np.uint8)
    data = b"".join(b"\x00" + row.tobytes() for row in label_map)
    assert np.array_equal(decode(png_of(5, 4, 8, 0, data, extra=chunk(b"tRNS", b"\x00\x01"))), label_map)


@pytest.mark.parametrize("wrong", [np.zeros((2, 2), np.int32), np.zeros((2, 2, 3), np.uint8)])
def test_only_uint8_maps_are_encoded(wrong):
    with pytest.raises(ValueError, match="uint8"):
        files.encode_label_map(wrong)
