"""Datasets and exports over the API: who may, what is refused, and downloads that can be cut."""

import asyncio
import hashlib
import io
import zipfile

import pytest
from asgiref.sync import sync_to_async
from django.core.files.storage import default_storage
from django.db import connections
from django.test import AsyncClient

from annotation import datasets, exports, jobs
from annotation.models import AuditEvent, DatasetVersion, Export, Job, Subject
from annotation.tests.factories import accept, boxes, make_clip_with_frames, make_gold, noise

READERS = {"nobody": 401, "stranger": 404, "viewer": 200, "uploader": 200, "annotator": 200, "reviewer": 200}
MANAGERS = {"nobody": 401, "stranger": 404, "viewer": 403, "uploader": 403, "annotator": 403, "reviewer": 403}


@pytest.fixture
def dataset(project) -> DatasetVersion:
    make_gold(project)
    return datasets.freeze(project, project.created_by, note="first")


@pytest.fixture
def export(dataset) -> Export:
    """A finished export."""
    row, job = exports.request_export(dataset, dataset.created_by, "png")
    jobs.run(job.pk, lambda attempt: exports.write_export(attempt, row))
    row.refresh_from_db()
    assert row.state == Export.State.READY
    return row


def body(answer) -> bytes:
    """What was streamed."""

    async def read():
        return b"".join([piece async for piece in answer.streaming_content])

    return asyncio.run(read())


def test_freezing_answers_the_version_and_it_is_listed(client, project):
    make_gold(project)
    answer = client.post(
        f"/api/projects/{project.pk}/datasets",
        {"test": 0.4, "seed": 3, "note": "for the paper"},
        content_type="application/json",
    )
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert set(made) == {
        "id", "number", "note", "sha256", "labels", "counts", "warnings", "frame_count", "created_by", "created_at",
        "exports",
    }  # fmt: skip
    assert (made["number"], made["note"], made["frame_count"], made["exports"]) == (1, "for the paper", 15, [])
    assert made["labels"][0] == {"index": 1, "name": "bone", "color": project.labels.first().color}
    assert made["counts"]["test"]["subjects"] == 2
    assert client.get(f"/api/projects/{project.pk}/datasets").json() == {"results": [made], "next": None}
    assert client.get(f"/api/datasets/{made['id']}").json() == made


def test_the_preview_shows_the_split_before_it_is_made(client, project):
    make_gold(project)
    shown = client.get(f"/api/projects/{project.pk}/datasets/preview?val=0.2&test=0.2&seed=0").json()
    assert set(shown) == {"counts", "labels", "frame_count", "warnings", "subjects"}
    assert [s["pseudonym"] for s in shown["subjects"]] == ["S1", "S2", "S3", "S4", "S5"]
    assert sorted(s["split"] for s in shown["subjects"]) == ["test", "train", "train", "train", "val"]
    assert not DatasetVersion.objects.exists()
    assert not Subject.objects.filter(is_test=True).exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"val": 0.6, "test": 0.5}, "leave some for training"),
        ({"val": -1}, "val: Ensure this value is greater"),
        ({"seed": "x"}, "seed: A valid integer is required"),
        ({"sead": 1}, "Unknown fields: sead"),
    ],
)
def test_wrong_fields_are_refused_in_words(client, project, given, words):
    make_gold(project)
    answer = client.post(f"/api/projects/{project.pk}/datasets", given, content_type="application/json")
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


def test_the_two_refusals_of_freezing_have_their_codes(client, project):
    answer = client.post(f"/api/projects/{project.pk}/datasets")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "nothing_accepted")
    picture = noise(1)
    for subject in ("A", "B"):
        clip = make_clip_with_frames(project, subject, picture)
        accept(clip.frames.get(), boxes(), project.created_by)
    answer = client.post(f"/api/projects/{project.pk}/datasets")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "split_leak")
    assert "A clip 1 frame 0" in answer.json()["error"]["message"]


def test_a_version_cannot_be_changed_or_deleted(client, dataset):
    for method in ("put", "patch", "delete"):
        assert getattr(client, method)(f"/api/datasets/{dataset.pk}").status_code == 405


def test_who_may_read_and_who_may_make(ask_all, client, project, dataset, export):
    base = f"/api/projects/{project.pk}/datasets"
    for path in (base, f"{base}/preview", f"/api/datasets/{dataset.pk}", f"/api/exports/{export.pk}"):
        assert ask_all("get", path) == READERS, path
        assert client.get(path).status_code == 200
    assert ask_all("post", base) == MANAGERS
    assert ask_all("post", f"/api/datasets/{dataset.pk}/exports") == MANAGERS
    assert ask_all("get", f"/api/exports/{export.pk}/file") == MANAGERS, "pictures leave with managers only"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/api/projects/999999/datasets"),
        ("get", "/api/projects/999999/datasets/preview"),
        ("post", "/api/projects/999999/datasets"),
        ("get", "/api/datasets/999999"),
        ("post", "/api/datasets/999999/exports"),
        ("get", "/api/exports/999999"),
        ("get", "/api/exports/999999/file"),
    ],
)
def test_ids_that_are_not_there_answer_404(client, method, path):
    answer = getattr(client, method)(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_wrong_methods_answer_405(client, project, dataset, export):
    assert client.delete(f"/api/projects/{project.pk}/datasets").status_code == 405
    assert client.post(f"/api/projects/{project.pk}/datasets/preview").status_code == 405
    assert client.get(f"/api/datasets/{dataset.pk}/exports").status_code == 405
    assert client.post(f"/api/exports/{export.pk}/file").status_code == 405


# --- exports ---


def test_an_export_is_queued_written_and_shown(client, dataset, django_capture_on_commit_callbacks, work_at_once):
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(f"/api/datasets/{dataset.pk}/exports", {"format": "coco"}, content_type="application/json")
    assert answer.status_code == 202, answer.content
    export, job = answer.json()["export"], answer.json()["job"]
    assert (export["state"], export["file_name"]) == ("writing", "dataset-1-coco.zip")
    assert job["kind"] == "export"
    shown = client.get(f"/api/exports/{export['id']}").json()
    assert shown["state"] == "ready"
    assert client.get(f"/api/jobs/{job['id']}").json()["state"] == "done"
    assert client.get(f"/api/datasets/{dataset.pk}").json()["exports"] == [shown]
    answer = client.get(f"/api/exports/{export['id']}/file")
    data = body(answer)
    assert hashlib.sha256(data).hexdigest() == shown["sha256"]
    assert "annotations.json" in zipfile.ZipFile(io.BytesIO(data)).namelist()
    assert answer["Content-Disposition"] == 'attachment; filename="dataset-1-coco.zip"'
    assert AuditEvent.objects.filter(verb="downloaded", object_id=str(export["id"])).count() == 1


def test_an_unknown_format_is_refused(client, dataset):
    answer = client.post(f"/api/datasets/{dataset.pk}/exports", {"format": "nifti"}, content_type="application/json")
    assert answer.status_code == 400
    assert "nifti" in answer.json()["error"]["message"]
    assert not Job.objects.exists()


def test_a_file_that_is_not_written_yet_answers_409(client, dataset):
    row, _ = exports.request_export(dataset, dataset.created_by, "png")
    answer = client.get(f"/api/exports/{row.pk}/file")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_ready")


def stored(export) -> bytes:
    with default_storage.open(export.file_name) as file:
        return file.read()


def get(client, export, **headers):
    return client.get(
        f"/api/exports/{export.pk}/file", headers={name.replace("_", "-"): v for name, v in headers.items()}
    )


@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        ("bytes=0-9", slice(0, 10)),
        ("bytes=100-", slice(100, None)),
        ("bytes=-20", slice(-20, None)),
        ("bytes=5-99999999", slice(5, None)),
        ("bytes=-99999999", slice(0, None)),
    ],
)
def test_a_range_answers_just_that_part(client, export, wanted, part):
    data = stored(export)
    answer = get(client, export, Range=wanted)
    assert answer.status_code == 206
    assert body(answer) == data[part]
    first, last, size = part.indices(len(data))[0], part.indices(len(data))[1] - 1, len(data)
    assert answer["Content-Range"] == f"bytes {first}-{last}/{size}"
    assert int(answer["Content-Length"]) == last - first + 1
    assert answer["ETag"] == f'"{export.sha256}"'


@pytest.mark.parametrize("wanted", ["bytes=99999999-", "bytes=-0"])
def test_a_range_outside_the_file_answers_416_with_its_size(client, export, wanted):
    answer = get(client, export, Range=wanted)
    assert answer.status_code == 416
    assert answer["Content-Range"] == f"bytes */{export.byte_size}"


@pytest.mark.parametrize("wanted", ["bytes=0-1,5-6", "bytes=9-3", "bytes=-", "bytes=a-b", "frames=0-1", ""])
def test_what_is_no_single_range_answers_the_whole_file(client, export, wanted):
    answer = get(client, export, Range=wanted)
    assert answer.status_code == 200
    assert body(answer) == stored(export)


def test_a_cut_download_goes_on_only_if_it_is_still_the_same_file(client, export):
    data = stored(export)
    first = body(get(client, export, Range="bytes=0-999"))
    rest = get(client, export, Range="bytes=1000-", If_Range=f'"{export.sha256}"')
    assert rest.status_code == 206
    assert first + body(rest) == data
    other = get(client, export, Range="bytes=1000-", If_Range='"another file"')
    assert other.status_code == 200
    assert body(other) == data


@pytest.mark.django_db(transaction=True)
def test_a_large_file_is_sent_in_pieces_under_asgi(project, manager, monkeypatch):
    """The trap this guards against: Django reads an ordinary iterator to its end before sending anything."""
    from annotation.api import ranges

    make_gold(project)
    row, job = exports.request_export(datasets.freeze(project, manager), manager, "png")
    jobs.run(job.pk, lambda attempt: exports.write_export(attempt, row))
    row.refresh_from_db()
    monkeypatch.setattr(ranges, "CHUNK", 1000)

    async def download():
        client = AsyncClient()
        await client.aforce_login(manager, backend="django.contrib.auth.backends.ModelBackend")
        answer = await client.get(f"/api/exports/{row.pk}/file")
        assert answer.is_async
        pieces = [piece async for piece in answer]
        await sync_to_async(connections.close_all)()  # the loop's thread has its own; it would outlive the database
        return pieces

    pieces = asyncio.run(download())
    assert max(map(len, pieces)) == 1000
    assert b"".join(pieces) == stored(row)
