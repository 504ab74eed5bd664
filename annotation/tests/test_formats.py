"""Exports: what was saved comes out pixel for pixel, in pieces, under names of our own."""

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as rle_tools
from pycocotools.coco import COCO

from annotation import exports, jobs
from annotation.errors import BadRequest, Conflict
from annotation.files import read_slice
from annotation.formats import coco
from annotation.formats.weights import read_story
from annotation.models import DatasetVersion, Export, Job
from annotation.tests.factories import accept, boxes, make_clip_with_frames, make_dataset, make_project, noise


def decode(png):
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)


def export(dataset, kind):
    """The finished export and its zip."""
    row, job = exports.request_export(dataset, dataset.created_by, kind)
    jobs.run(job.pk, lambda attempt: exports.write_export(attempt, row))
    job.refresh_from_db()
    assert job.state == Job.State.DONE, job.error
    row.refresh_from_db()
    with default_storage.open(row.file_name) as file:
        data = file.read()
    assert (len(data), hashlib.sha256(data).hexdigest()) == (row.byte_size, row.sha256)
    return row, zipfile.ZipFile(io.BytesIO(data))


@pytest.fixture
def dataset(db) -> DatasetVersion:
    """Grey and colour clips of different sizes, with masks that use 255 and every edge of the picture."""
    project = make_project(labels=("bone", "dura", "flavum"))
    rng = np.random.default_rng(5)
    for number, (height, width, channels) in enumerate([(64, 80, 0), (50, 33, 3), (120, 90, 0)]):
        shape = (2, height, width, channels) if channels else (2, height, width)
        pictures = rng.integers(0, 256, shape, np.uint8)
        clip = make_clip_with_frames(project, f"S{number}", pictures)
        for frame in clip.frames.all():
            label_map = rng.choice(np.array([0, 1, 2, 3, 255], np.uint8), (height, width))
            label_map[10:30, 5:20] = 2
            accept(frame, label_map, project.created_by)
    from annotation import datasets

    return datasets.freeze(project, project.created_by)


def test_the_png_export_holds_the_saved_masks_and_frames_byte_for_byte(dataset):
    _, archive = export(dataset, "png")
    manifest = json.loads(archive.read("manifest.json"))
    samples = {(s["subject"], s["clip_number"], s["frame"]): s for s in manifest["samples"]}
    assert len(samples) == dataset.frame_count == 6
    for item in dataset.items.select_related("frame__clip__subject", "revision"):
        frame, clip = item.frame, item.frame.clip
        sample = samples[clip.subject.pseudonym, clip.number, frame.index]
        assert archive.read(sample["mask"]) == bytes(item.revision.png)
        image = archive.read(sample["image"])
        assert image == read_slice(clip.pack_name, frame.pack_offset, frame.pack_length)
        mask = decode(archive.read(sample["mask"]))
        assert hashlib.sha256(mask.tobytes()).hexdigest() == item.revision.sha256 == sample["mask_sha256"]
        assert (sample["split"], sample["time_us"]) == (item.split, frame.time_us)
        assert sample["millimetres_per_pixel"] == 0.2
    assert manifest["dataset_hash"] == dataset.sha256
    assert manifest["labels"] == dataset.labels
    assert archive.testzip() is None


def test_the_hash_of_the_version_can_be_recomputed_from_an_export_alone(dataset):
    """As docs/formats.md tells other programs to do it."""
    _, archive = export(dataset, "png")
    manifest = json.loads(archive.read("manifest.json"))
    lines: list[list[object]] = [[[label["index"], label["name"]] for label in manifest["labels"]]]
    lines += sorted(
        [s["clip_sha256"], s["frame"], s["image_sha256"], s["mask_sha256"], s["split"]] for s in manifest["samples"]
    )
    text = "".join(json.dumps(line, ensure_ascii=True, separators=(",", ":")) + "\n" for line in lines)
    assert hashlib.sha256(text.encode()).hexdigest() == dataset.sha256


def test_names_in_the_archive_are_ours(dataset):
    for kind in ("png", "coco"):
        _, archive = export(dataset, kind)
        pictures = [name for name in archive.namelist() if name.endswith(".png")]
        assert all(Path(name).name[0] == "s" and len(Path(name).name) == 23 for name in pictures)
        assert all(info.date_time == (1980, 1, 1, 0, 0, 0) for info in archive.infolist())
        assert all(info.compress_type == zipfile.ZIP_STORED for info in archive.infolist() if info.filename in pictures)
        assert dataset.sha256 in archive.read("README.txt").decode()


def test_the_same_version_gives_the_same_bytes(dataset):
    assert export(dataset, "png")[0].sha256 == export(dataset, "png")[0].sha256


def test_the_coco_export_decodes_to_the_saved_masks(dataset, tmp_path):
    _, archive = export(dataset, "coco")
    path = tmp_path / "annotations.json"
    path.write_bytes(archive.read("annotations.json"))
    read = COCO(str(path))  # pycocotools' own reader
    assert {c["id"]: c["name"] for c in read.dataset["categories"]} == {
        1: "bone", 2: "dura", 3: "flavum", 255: "not annotated",
    }  # fmt: skip
    for item in dataset.items.select_related("frame__clip", "revision"):
        saved = decode(bytes(item.revision.png))
        rebuilt = np.zeros_like(saved)
        for annotation in read.loadAnns(read.getAnnIds(imgIds=item.frame_id)):
            shape = read.annToMask(annotation).astype(bool)
            assert not rebuilt[shape].any(), "two labels on one pixel"
            rebuilt[shape] = annotation["category_id"]
            assert annotation["area"] == shape.sum()
            assert annotation["iscrowd"] == (annotation["category_id"] == 255)
            rows, columns = np.flatnonzero(shape.any(1)), np.flatnonzero(shape.any(0))
            box = [columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1]
            assert annotation["bbox"] == box
        assert (rebuilt == saved).all()
        picture = read.imgs[item.frame_id]
        assert (picture["height"], picture["width"]) == saved.shape
        assert decode(archive.read(picture["file_name"])).shape[:2] == saved.shape
        assert picture["split"] == item.split


@given(
    arrays.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.sampled_from([0, 1, 7, 255]))
)
@settings(deadline=None)
def test_every_label_map_survives_run_length_encoding(label_map):
    rebuilt = np.zeros_like(label_map)
    for annotation in coco.encode(label_map):
        binary = rle_tools.decode(annotation["segmentation"])
        own = rle_tools.encode(np.asfortranarray(label_map == annotation["category_id"]).view(np.uint8))
        assert annotation["segmentation"]["counts"] == own["counts"].decode()
        rebuilt[binary.astype(bool)] = annotation["category_id"]
    assert (rebuilt == label_map).all()


@pytest.mark.django_db
def test_a_dataset_without_masks_on_a_label_gives_valid_coco():
    project = make_project()
    clip = make_clip_with_frames(project)
    accept(clip.frames.first(), np.zeros((64, 80), np.uint8), project.created_by)
    from annotation import datasets

    _, archive = export(datasets.freeze(project, project.created_by), "coco")
    plain = json.loads(archive.read("annotations.json"))
    assert (len(plain["images"]), plain["annotations"]) == (1, [])


@pytest.mark.slow
def test_ml_reads_the_png_export_as_it_is(dataset, tmp_path):
    _, archive = export(dataset, "png")
    archive.extractall(tmp_path)
    code = (
        "import sys; from pathlib import Path; from ml.data import read_manifest, check_split;"
        "m = read_manifest(Path(sys.argv[1])); check_split(m.samples); [s.load() for s in m.samples];"
        "print(len(m.samples), m.dataset_hash, m.labels.count)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "manifest.json"], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == ["6", dataset.sha256, "3"], done.stderr


def test_missing_pixels_fail_the_export_in_words_and_leave_nothing(dataset):
    row, job = exports.request_export(dataset, dataset.created_by, "png")
    default_storage.delete(dataset.items.first().frame.clip.pack_name)
    jobs.run(job.pk, lambda attempt: exports.write_export(attempt, row))
    row.refresh_from_db()
    job.refresh_from_db()
    assert (row.state, job.state) == (Export.State.FAILED, Job.State.FAILED)
    assert "pixels of a clip of this dataset are missing" in row.error
    assert row.file_name == ""


def test_a_damaged_mask_fails_the_coco_export_by_name(dataset):
    row, job = exports.request_export(dataset, dataset.created_by, "coco")
    item = dataset.items.first()
    type(item.revision).objects.filter(pk=item.revision_id).update(png=b"not a PNG")
    jobs.run(job.pk, lambda attempt: exports.write_export(attempt, row))
    row.refresh_from_db()
    assert f"The mask of {item.frame.clip.subject.pseudonym} clip 1 frame {item.frame.index} is damaged" in row.error


def test_a_cancelled_export_stores_nothing(dataset):
    row, job = exports.request_export(dataset, dataset.created_by, "png")

    def work(attempt):
        Job.objects.filter(pk=job.pk).update(cancel_requested=True)
        exports.write_export(attempt, row)

    jobs.run(job.pk, work)
    row.refresh_from_db()
    job.refresh_from_db()
    assert (row.state, row.error, job.state) == (Export.State.FAILED, "Cancelled.", Job.State.CANCELLED)


def test_an_attempt_that_lost_its_lease_publishes_nothing(dataset):
    row, job = exports.request_export(dataset, dataset.created_by, "png")
    attempt = jobs.claim(job.pk)
    Job.objects.filter(pk=job.pk).update(lease=Job.new_lease())
    before = set(stored_exports())
    with pytest.raises(jobs.LeaseLost):
        exports.write_export(attempt, row)
    row.refresh_from_db()
    assert row.state == Export.State.WRITING
    assert set(stored_exports()) == before


def lose_the_lease(job):
    """As if the lease had run out: another attempt claims the job, and is returned."""
    Job.objects.filter(pk=job.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    return jobs.claim(job.pk)


@pytest.mark.parametrize("late", [Conflict("The pixels are missing."), jobs.Cancelled()])
def test_a_late_attempt_changes_nothing_of_an_export_another_has_finished(dataset, monkeypatch, late):
    row, job = exports.request_export(dataset, dataset.created_by, "png")
    write_zip = exports.write_zip

    def lost(*_):
        monkeypatch.setattr(exports, "write_zip", write_zip)
        exports.write_export(lose_the_lease(job), row)
        raise late

    monkeypatch.setattr(exports, "write_zip", lost)
    jobs.run(job.pk, lambda attempt: exports.write_export(attempt, row))
    row.refresh_from_db()
    job.refresh_from_db()
    assert (row.state, row.error, job.state, job.error) == (Export.State.READY, "", Job.State.DONE, "")


def test_an_attempt_that_lost_its_lease_does_not_open_a_finished_export_again(dataset):
    row, job = exports.request_export(dataset, dataset.created_by, "png")
    first = jobs.claim(job.pk)
    stale = Export.objects.select_related("dataset__project").get(pk=row.pk)
    exports.write_export(lose_the_lease(job), row)
    with pytest.raises(jobs.LeaseLost):
        exports.write_export(first, stale)
    row.refresh_from_db()
    assert row.state == Export.State.READY


def test_an_export_whose_worker_died_for_good_is_shown_as_failed(dataset):
    row, job = exports.request_export(dataset, dataset.created_by, "png")
    assert exports.state_of(row) == ("writing", "")
    Job.objects.filter(pk=job.pk).update(state=Job.State.QUARANTINED, error="The worker died 3 times")
    assert exports.state_of(row) == ("failed", "The worker died 3 times")


def stored_exports():
    return default_storage.listdir("exports")[1] if default_storage.exists("exports") else []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "cut short, or not a safetensors file"),
        (b"\x80\x02}q\x00.some pickle", "a pickle"),
        (b"PK\x03\x04 a torch zip archive", "a pickle"),
        ((20).to_bytes(8, "little") + b"{}", "cut short"),
        ((2).to_bytes(8, "little") + b"{}", "were not made by ml.train"),
        ((4).to_bytes(8, "little") + b"\xff\xfe{}", "were not made by ml.train"),
        (b"not weights at all, just text", "cut short, or not a safetensors file"),
    ],
)
def test_weights_that_are_none_are_refused_in_words(tmp_path, content, words):
    path = tmp_path / "weights"
    path.write_bytes(content)
    with pytest.raises(BadRequest, match=words):
        read_story(path)


def test_a_header_whose_length_looks_like_a_pickle_is_read(tmp_path):
    story = {"architecture": "a", "config": {}, "labels": [], "image_size": 64}
    header = json.dumps({"__metadata__": {"story": json.dumps(story)}}).encode()
    header += b" " * ((0x80 - len(header)) % 256)
    path = tmp_path / "weights"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    assert path.read_bytes()[:1] == b"\x80"
    assert read_story(path) == story


@pytest.mark.django_db
def test_reading_items_in_pieces_gives_each_once_and_in_order(monkeypatch):
    from annotation.formats import items

    monkeypatch.setattr(items, "ITEMS_AT_ONCE", 4)
    dataset = make_dataset()
    read = [(item.clip, item.index) for item in items.read_items(dataset)]
    assert read == sorted(read)
    assert len(set(read)) == dataset.frame_count == 15
    default_storage.delete(dataset.items.first().frame.clip.pack_name)
    with pytest.raises(Conflict, match="Restore the data folder"):
        list(items.read_items(dataset))


def test_boxes_and_noise_of_the_factories_are_what_they_say():
    assert set(np.unique(boxes())) == {0, 1, 2}
    assert noise(2).shape == (2, 64, 80)
