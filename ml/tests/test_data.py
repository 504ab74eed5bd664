import struct
import zlib

import cv2
import numpy as np
import pytest

from ml.augment import _artefacts, _grey_values, augment, elastic
from ml.data import (
    FrameSet,
    Letterbox,
    Sample,
    check_no_shared_frames,
    check_split,
    decode_image,
    decode_mask,
    normalise,
    pixel_digest,
    read_bytes,
    read_manifest,
    to_grey,
)
from ml.errors import BadData, BadLabels
from ml.tests.synthetic import LABELS, png, speckle_frame, write_manifest

SIZES = [(480, 640), (1, 1), (1, 800), (333, 77), (256, 256), (1001, 999)]


@pytest.mark.parametrize(
    ("height", "width"), [(128, 128), (64, 128), (256, 256), (100, 256), (1, 1), (32, 16), (250, 177)]
)
def test_a_mask_that_is_not_shrunk_comes_back_exactly(height, width):
    mask = np.random.default_rng(0).integers(0, 12, (height, width), np.uint8)
    box = Letterbox.of(mask, 256)
    assert (box.mask_back(box.mask(mask)) == mask).all()


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_the_box_lies_inside_and_results_have_native_size(height, width):
    box = Letterbox(height, width, 256)
    top, left, h, w = box.box
    assert top >= 0 and left >= 0 and top + h <= 256 and left + w <= 256 and max(h, w) == 256
    assert box.image(np.zeros((height, width), np.uint8)).shape == (256, 256)
    assert box.back(np.zeros((256, 256), np.float32)).shape == (height, width)


@pytest.mark.parametrize(("height", "width"), [(480, 640), (1001, 999), (123, 200)])
def test_going_there_and_back_moves_nothing(height, width):
    y, x = np.mgrid[:height, :width]
    blob = 255 * np.exp(-((y - 0.4 * height) ** 2 + (x - 0.6 * width) ** 2) / (2 * (height / 10) ** 2))
    box = Letterbox(height, width, 256)
    back = box.back(box.image(blob.round().astype(np.uint8)).astype(np.float32))
    for axis in (y, x):
        assert (axis * back).sum() / back.sum() == pytest.approx((axis * blob).sum() / blob.sum(), abs=0.05)


def test_grey_is_untouched_and_equal_channels_give_the_same_grey():
    grey = np.random.default_rng(0).integers(0, 256, (9, 7), np.uint8)
    assert to_grey(grey) is grey
    assert (to_grey(np.repeat(grey[:, :, None], 3, 2)) == grey).all()


def test_colour_is_read_as_rgb():
    red = np.zeros((1, 1, 3), np.uint8)
    red[..., 0] = 255
    assert to_grey(red)[0, 0] == 76  # 0.299 · 255
    assert to_grey(decode_image(png(red)))[0, 0] == 76


@pytest.mark.parametrize(
    "pixels", [np.zeros((4, 4), np.uint16), np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4), np.uint8)]
)
def test_other_pixels_are_refused(pixels):
    with pytest.raises(BadData):
        to_grey(pixels)


def promising(width, height):
    """A PNG whose header promises a picture of this size; what follows is that of one pixel."""
    one = png(np.zeros((1, 1), np.uint8))
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return one[:12] + header + struct.pack(">I", zlib.crc32(header)) + one[33:]


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"not a png",
        png(np.zeros((8, 8), np.uint8))[:40],
        promising(60_000, 60_000),
        cv2.imencode(".jpg", np.zeros((8, 8), np.uint8))[1].tobytes(),
    ],
    ids=["empty", "text", "cut short", "too large", "JPEG"],
)
def test_bytes_that_are_no_picture_are_refused(bad):
    with pytest.raises(BadData, match="An image cannot be decoded"):
        decode_image(bad)
    with pytest.raises(BadData, match="A mask cannot be decoded"):
        decode_mask(bad)


@pytest.mark.parametrize("name", ["a\0b.png", "a\ud800b.png"])
def test_a_name_that_no_file_can_have_is_refused(tmp_path, name):
    with pytest.raises(BadData, match="no file can have this name"):
        read_bytes(tmp_path / name)


def test_a_mask_in_colour_or_16_bit_is_refused():
    with pytest.raises(BadData, match="8-bit grey"):
        decode_mask(png(np.zeros((4, 4, 3), np.uint8)))
    with pytest.raises(BadData, match="uint16"):
        decode_mask(cv2.imencode(".png", np.zeros((4, 4), np.uint16))[1].tobytes())


def test_black_surroundings_change_nothing_inside():
    image, _ = speckle_frame(1)
    wide = np.pad(image, 30)
    np.testing.assert_allclose(normalise(wide)[30:-30, 30:-30], normalise(image))
    assert (normalise(np.zeros((4, 4), np.uint8)) == 0).all()


def test_augmentation_moves_image_and_mask_alike():
    image = np.zeros((128, 128), np.uint8)
    cv2.circle(image, (40, 70), 20, 200, -1)
    mask = (image > 0).astype(np.uint8) * 5
    rng = np.random.default_rng(0)
    for _ in range(50):
        moved_image, [moved_mask, again] = augment(image, [mask, mask], rng, horizontal_flip=True)
        assert set(np.unique(moved_mask)) <= {0, 5} and np.array_equal(moved_mask, again)
        lit, drawn = moved_image > 0, moved_mask == 5  # lit: with the fringe that resampling makes
        assert 2 * (lit & drawn).sum() / (lit.sum() + drawn.sum()) > 0.9
    assert mask[70, 40] == 5 and mask.sum() == 5 * (image > 0).sum()  # the input is left alone


def test_no_flip_when_told_so():
    image = np.arange(256, dtype=np.uint8).repeat(64).reshape(256, 64).T.copy()  # brighter to the right
    rng = np.random.default_rng(0)
    for _ in range(50):
        _, [moved] = augment(image, [image], rng, horizontal_flip=False)
        assert moved[32, 160:200].astype(int).sum() > moved[32, 60:100].astype(int).sum()


def test_grey_values_and_artefacts_leave_the_scan_area_as_it_is():
    image, _ = speckle_frame(3)
    image[:, :40] = 0
    rng = np.random.default_rng(0)
    changed = 0
    for _ in range(60):
        varied = _artefacts(_grey_values(image, rng), rng)
        assert varied.dtype == np.uint8 and np.array_equal(varied > 0, image > 0)
        changed += not np.array_equal(varied, image)
    assert changed > 30
    black = np.zeros((64, 64), np.uint8)
    for _ in range(60):
        assert not augment(black, [black], rng, horizontal_flip=True)[0].any()


@pytest.mark.parametrize("strongest", [0.0, 3.0, 12.0])
def test_an_elastic_field_is_as_strong_as_asked_and_does_not_fold(strongest):
    x, y = elastic(np.random.default_rng(1), 128, 128, strongest)
    moved = np.hypot(x - np.arange(128), y - np.arange(128)[:, None])
    assert moved.max() == pytest.approx(strongest, abs=1e-3)
    assert np.diff(x, axis=1).min() > 0 and np.diff(y, axis=0).min() > 0


@pytest.mark.parametrize(("height", "width"), [(1, 1), (6000, 8000), (3, 700), (128, 128)])
def test_pictures_of_any_size_become_squares_and_masks_come_back(height, width):
    image = np.full((height, width), 90, np.uint8)
    mask = np.full((height, width), 7, np.uint8)
    frames = FrameSet([Sample(lambda: png(image), lambda: png(mask), "A", "1", "train")], LABELS, 128)
    assert frames.images.shape == (1, 128, 128) and frames.images.max() == 90
    assert frames.present.tolist() == [[False, True]]
    assert Letterbox.of(image, 128).mask_back(frames.masks[0]).shape == (height, width)


def sample(subject, clip, split):
    image, mask = speckle_frame(hash((subject, clip)) % 1000)
    return Sample(lambda: png(image), lambda: png(mask), subject, clip, split)


def test_a_subject_on_two_sides_is_refused():
    with pytest.raises(BadData, match="subject 'A' is in test and train"):
        check_split([sample("A", "1", "train"), sample("A", "2", "test")])
    with pytest.raises(BadData, match="clip '1'"):
        check_split([sample("A", "1", "train"), sample("B", "1", "val")])
    check_split([sample("A", "1", "train"), sample("A", "2", "train"), sample("B", "3", "test")])


def test_the_same_picture_on_two_sides_is_refused():
    image, _ = speckle_frame(5)
    with pytest.raises(BadData, match="train and in test"):
        check_no_shared_frames({"train": [pixel_digest(image)], "test": [pixel_digest(image.copy())]})
    check_no_shared_frames({"train": [pixel_digest(image)] * 2, "test": [None]})
    assert pixel_digest(np.zeros((4, 4), np.uint8)) is None  # black frames may be anywhere


def test_a_frame_set_reads_bytes_lazily_and_translates_labels():
    frames = FrameSet([sample("A", "1", "train")], LABELS, 128)
    assert set(np.unique(frames.masks)) == {0, 1, 2}
    first, second = frames.label_frequencies(2)
    assert first == pytest.approx((frames.masks == 1).mean()) and second == pytest.approx((frames.masks == 2).mean())


def test_a_mask_of_another_size_or_label_is_refused_with_its_subject():
    image, mask = speckle_frame(0)
    wrong_size = Sample(lambda: png(image), lambda: png(mask[:-1]), "S9", "c", "train")
    with pytest.raises(BadData, match=r"S9.*128×127.*128×128"):
        FrameSet([wrong_size], LABELS, 128)
    wrong_label = Sample(lambda: png(image), lambda: png(mask + 1), "S9", "c", "train")
    with pytest.raises(BadLabels, match="S9"):
        FrameSet([wrong_label], LABELS, 128)


def test_a_manifest_is_read_relative_to_its_folder(tmp_path):
    manifest = read_manifest(write_manifest(tmp_path / "deep", [("A", "train"), ("B", "test")]))
    assert (len(manifest.split("train")), len(manifest.split("test"))) == (2, 2)
    assert manifest.samples[0].load()[0].shape == (128, 128)
    assert manifest.labels == LABELS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("[]", "lacks a field"),
        ('{"samples": []}', "labels"),
        ('{"samples": [{"split": "x"}]}', "must be one"),
        ('{"samples": [{"split": "test", "image": "a", "mask": "b", "weight": 2}]}', "weight 2; it must"),
        ('{"samples": [{"split": "test", "image": "a", "mask": "b", "frame": Infinity}]}', "frame inf; it must"),
        (
            f'{{"samples": [{{"split": "test", "image": "a", "mask": "b", "millimetres_per_pixel": 1{"0" * 400}}}]}}',
            "wrong kind",
        ),
        pytest.param("[" * 100_000 + "]" * 100_000, "nested too deeply", id="deep"),
    ],
)
def test_a_wrong_manifest_is_refused_in_words(tmp_path, text, words):
    path = tmp_path / "manifest.json"
    path.write_text(text)
    with pytest.raises(BadData, match=words):
        read_manifest(path)
    with pytest.raises(BadData, match="Cannot read"):
        read_manifest(tmp_path / "missing.json")
