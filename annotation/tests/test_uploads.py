"""Bytes on their way in: resumable, refused in words, never half-stored, and no name of a person gets past the door."""

import errno
import fcntl
import importlib
import os
import re
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from django.utils import timezone

from annotation import events, frames, jobs, people, tasks
from annotation.ingest import uploads
from annotation.models import AuditEvent, Clip, Frame, Job, Project, Subject, Upload, User
from annotation.tests import factories
from annotation.tests.clips import begin, files_under, patch, post_clip, video

pytestmark = pytest.mark.django_db(transaction=True)

MARKER = "Meier_Anna_1950"
LIST = b"ffconcat version 1.0\nfile 'real.mp4'\n"
DICOM = bytes(128) + b"DICM" + bytes(200)


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of this test's own, so that everything in it can be looked at. No messages to a queue."""
    settings.DATA_FOLDER = tmp_path
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "tmp"
    settings.FILE_UPLOAD_TEMP_DIR.mkdir()
    monkeypatch.setattr(events, "_publish", lambda told: None)
    monkeypatch.setattr(tasks, "_send", lambda job_id: None)
    return tmp_path


def work() -> None:
    """Do what the worker would."""
    for job in Job.objects.filter(state=Job.State.QUEUED):
        tasks.DOORS[Job.Kind(job.kind)].run(job.pk)


def code(answer) -> str:
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "detail"}
    assert re.fullmatch(r"[A-Za-z].*[.]", error["message"], re.DOTALL), error["message"]
    return str(error["code"])


def assert_nothing_stored(folder: Path) -> None:
    assert not Clip.objects.exists()
    assert not Job.objects.exists()
    assert not Upload.objects.exists()
    assert not Subject.objects.exists()
    assert not AuditEvent.objects.exists()
    assert files_under(folder) == set()


# --- tus ---


def test_pieces_become_a_clip_with_its_job(client: Client, project: Project, data_folder: Path) -> None:
    content = video()
    begun = begin(client, project, len(content), filename="clip.avi")
    assert begun.status_code == 201
    assert begun["Tus-Resumable"] == "1.0.0"
    address = begun["Location"]
    assert re.fullmatch(r"/api/uploads/[0-9a-f-]{36}", address)
    head = client.head(address)
    assert (head["Upload-Offset"], head["Upload-Length"], head["Cache-Control"]) == ("0", str(len(content)), "no-store")

    cut = len(content) // 3
    assert patch(client, address, 0, content[:cut])["Upload-Offset"] == str(cut)
    assert client.head(address)["Upload-Offset"] == str(cut)
    last = patch(client, address, cut, content[cut:])

    assert last.status_code == 204
    clip, job = Clip.objects.get(), Job.objects.get()
    assert (last["Sonoloop-Clip"], last["Sonoloop-Job"]) == (str(clip.pk), str(job.pk))
    assert uploads.source_of(clip).read_bytes() == content
    assert not Upload.objects.exists()
    assert client.head(address).status_code == 404
    work()
    clip.refresh_from_db()
    assert (clip.state, clip.frame_count, clip.subject.pseudonym, clip.number) == ("ready", 6, "S1", 1)
    assert len(files_under(data_folder / "uploads")) == 0


def test_the_server_says_what_it_can(client: Client, project: Project) -> None:
    answer = client.options(f"/api/projects/{project.pk}/uploads")
    assert answer.status_code == 204
    assert answer["Tus-Version"] == answer["Tus-Resumable"] == "1.0.0"
    assert answer["Tus-Extension"] == "creation,termination"
    assert int(answer["Tus-Max-Size"]) == uploads.LARGEST_UPLOAD


def test_a_piece_at_the_wrong_place_is_refused_with_the_right_one(client: Client, project: Project) -> None:
    address = begin(client, project, 100)["Location"]
    assert patch(client, address, 0, b"x" * 10).status_code == 204
    for wrong in (0, 5, 11, 100):
        answer = patch(client, address, wrong, b"y")
        assert (answer.status_code, code(answer)) == (409, "wrong_offset")
        assert answer.json()["error"]["detail"] == {"offset": 10}
    assert client.head(address)["Upload-Offset"] == "10"


def test_more_than_was_announced_is_refused(client: Client, project: Project) -> None:
    address = begin(client, project, 10)["Location"]
    answer = patch(client, address, 0, b"x" * 11)
    assert (answer.status_code, code(answer)) == (400, "too_long")
    assert client.head(address)["Upload-Offset"] == "0"
    assert not Clip.objects.exists()


def test_whole_pieces_before_a_cut_are_kept(client: Client, project: Project) -> None:
    content = video()
    address = begin(client, project, len(content))["Location"]
    upload = Upload.objects.get()

    def cut_off() -> Iterator[bytes]:
        yield content[:100]
        yield content[100:150]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        uploads.append(upload, 0, cut_off())
    held = int(client.head(address)["Upload-Offset"])
    assert held == 150
    assert patch(client, address, held, content[held:]).status_code == 204
    assert uploads.source_of(Clip.objects.get()).read_bytes() == content


def test_a_piece_waits_for_the_one_that_still_arrives(client: Client, project: Project) -> None:
    address = begin(client, project, 100)["Location"]
    with uploads.part_of(Upload.objects.get()).open("r+b") as held_by_another_request:
        fcntl.flock(held_by_another_request, fcntl.LOCK_EX)
        answer = patch(client, address, 0, b"x")
        assert (answer.status_code, code(answer)) == (423, "upload_busy")
    assert patch(client, address, 0, b"x").status_code == 204


def test_an_upload_whose_server_died_after_the_last_byte_still_becomes_a_clip(client: Client, project: Project) -> None:
    content = video()
    address = begin(client, project, len(content))["Location"]
    uploads.part_of(Upload.objects.get()).write_bytes(content)  # all there; the process died before the clip
    head = client.head(address)
    assert head["Upload-Offset"] == str(len(content))
    assert head["Sonoloop-Clip"] == str(Clip.objects.get().pk)


def test_a_token_that_may_only_read_makes_no_clip(client: Client, project: Project) -> None:
    upload = uploads.begin(project, subject="S1", length=10, by=project.created_by)
    uploads.append(upload, 0, [bytes(10)])
    _, clear = people.create_token(project.created_by, name="x", scope="read")
    answer = Client(headers={"Authorization": f"Bearer {clear}"}).head(f"/api/uploads/{upload.pk}")
    assert answer.status_code == 403
    assert Upload.objects.filter(pk=upload.pk).exists()


def test_a_fault_of_ours_keeps_the_bytes_for_another_try(
    client: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = video()
    address = begin(client, project, len(content))["Location"]
    client.raise_request_exception = False
    with monkeypatch.context() as broken:
        broken.setattr(jobs, "create", lambda *args, **kwargs: 1 / 0)
        answer = patch(client, address, 0, content)
    assert (answer.status_code, code(answer)) == (500, "server_error")
    assert not Clip.objects.exists()
    assert client.head(address)["Sonoloop-Clip"] == str(Clip.objects.get().pk)
    assert uploads.source_of(Clip.objects.get()).read_bytes() == content
    assert not uploads.part_of(Upload(pk=address.rpartition("/")[2])).exists()


def test_an_upload_is_given_up(client: Client, project: Project, data_folder: Path) -> None:
    address = begin(client, project, 100)["Location"]
    patch(client, address, 0, b"x" * 50)
    assert client.delete(address).status_code == 204
    assert_nothing_stored(data_folder)
    for answer in (client.head(address), client.delete(address), patch(client, address, 50, b"x")):
        assert answer.status_code == 404


@pytest.mark.parametrize(
    ("headers", "said"),
    [({}, "Upload-Length"), ({"Upload-Length": "x"}, "Upload-Length"), ({"Upload-Length": "-1"}, "Upload-Length"),
     ({"Upload-Length": "9" * 5000}, "Upload-Length"), ({"Upload-Length": "²"}, "Upload-Length"),
     ({"Upload-Length": "10", "Upload-Metadata": "subject ***"}, "base64"),
     ({"Upload-Length": "10", "Upload-Metadata": "subject /w=="}, "UTF-8"), ({"Upload-Length": "10"}, "pseudonym"),
     ({"Upload-Length": "0", "Upload-Metadata": "subject UzE="}, "empty"),
     ({"Upload-Length": "99999999999", "Upload-Metadata": "subject UzE="}, "GB")],
)  # fmt: skip
def test_an_impossible_upload_is_not_begun(
    client: Client, project: Project, data_folder: Path, headers: dict[str, str], said: str
) -> None:
    extra = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    answer = client.post(f"/api/projects/{project.pk}/uploads", **extra)
    assert answer.status_code == 400
    assert code(answer)
    assert said in answer.json()["error"]["message"]
    assert_nothing_stored(data_folder)


def test_a_full_disk_is_said_before_anything_is_sent(
    client: Client, project: Project, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "KEEP_FREE", 1 << 60)
    answer = begin(client, project, 10)
    assert (answer.status_code, code(answer)) == (507, "no_space")
    assert_nothing_stored(data_folder)


def test_room_that_others_were_promised_is_not_given_again(
    client: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads.shutil, "disk_usage", lambda _: SimpleNamespace(free=uploads.KEEP_FREE + 1500))
    upload = uploads.begin(project, subject="S1", length=1000, by=project.created_by)
    with pytest.raises(uploads.NoSpace):
        uploads.begin(project, subject="S1", length=1000, by=project.created_by)
    uploads.append(upload, 0, [bytes(600)])
    uploads.begin(project, subject="S1", length=1000, by=project.created_by)


def test_a_disk_that_fills_up_meanwhile_is_said_in_words_and_the_upload_can_go_on(
    client: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = uploads.begin(project, subject="S1", length=1000, by=project.created_by)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(uploads, "append", full)
    answer = client.patch(
        f"/api/uploads/{upload.pk}", bytes(10), "application/offset+octet-stream", headers={"Upload-Offset": "0"}
    )
    assert (answer.status_code, code(answer)) == (507, "no_space")
    assert Upload.objects.filter(pk=upload.pk).exists()


def test_who_may_upload(
    client: Client, project: Project, ask_all: Callable[..., dict[str, int]], sign_in: Callable[[User], Client]
) -> None:
    path = f"/api/projects/{project.pk}/uploads"
    headers = {"Upload-Length": "10", "Upload-Metadata": "subject UzE="}
    statuses = ask_all("post", path, headers=headers)
    assert statuses == {
        "nobody": 401, "stranger": 404, "viewer": 403, "uploader": 201, "annotator": 403, "reviewer": 201,
    }  # fmt: skip
    multipart = ask_all("post", f"/api/projects/{project.pk}/clips", data={"subject": "S1"})
    assert multipart == {**statuses, "uploader": 400, "reviewer": 400}
    address = begin(client, project, 10)["Location"]
    # An upload is its beginner's alone, also within the project.
    for method in ("head", "patch", "delete"):
        more = {"content_type": "application/offset+octet-stream"} if method == "patch" else {}
        assert set(ask_all(method, address, **more).values()) == {401, 404}
    assert client.get(path).status_code == 405
    assert client.get(address).status_code == 405
    assert client.head("/api/uploads/00000000-0000-0000-0000-000000000000").status_code == 404
    assert client.head("/api/uploads/1").status_code == 404
    wrong = client.patch(address, b"x", content_type="text/plain", headers={"Upload-Offset": "0"})
    assert (wrong.status_code, code(wrong)) == (409, "wrong_content_type")


def test_an_uploader_who_left_cannot_go_on(client: Client, project: Project, sign_in: Callable[[User], Client]) -> None:
    ann = factories.make_member(project, "uploader")
    browser = sign_in(ann)
    address = begin(browser, project, 10)["Location"]
    project.memberships.filter(user=ann).delete()
    assert patch(browser, address, 0, b"x").status_code == 404


# --- what is refused, and that nothing of it stays ---


@pytest.mark.parametrize("way", ["tus", "multipart"])
@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "empty"), (b"only words\n" * 50, "text"), (LIST, "text list"), (DICOM, "DICOM"),
     (bytes(range(256)), "not a video"), (b"ID3" + bytes(50), "sound"), (b"%PDF-1.4", "PDF")],
    ids=["empty", "text", "ffconcat", "dicom", "noise", "sound", "pdf"],
)  # fmt: skip
def test_what_is_no_clip_is_refused_in_words_and_nothing_is_left(
    client: Client, project: Project, data_folder: Path, content: bytes, said: str, way: str
) -> None:
    if way == "multipart":
        answer = post_clip(client, project, content, name="clip.mp4")
    else:
        answer = begin(client, project, len(content))
        if answer.status_code == 201:
            answer = patch(client, answer["Location"], 0, content)
    assert answer.status_code == 400
    assert code(answer)
    assert said in answer.json()["error"]["message"]
    assert_nothing_stored(data_folder)


def test_an_upload_without_a_file_is_asked_for_one(client: Client, project: Project, data_folder: Path) -> None:
    for body in ({"subject": "S1"}, {"subject": "S1", "file": "words"}):
        answer = client.post(f"/api/projects/{project.pk}/clips", body)
        assert answer.status_code == 400
        assert "file" in answer.json()["error"]["message"]
    answer = client.post(f"/api/projects/{project.pk}/clips", {"subject": "S1"}, content_type="application/json")
    assert answer.status_code == 415
    assert_nothing_stored(data_folder)


@pytest.mark.parametrize(
    "name",
    ["", " ", "../x", "a/b", "a\\b", ".hidden", "-x", "_x", "a\nb", "a\x00b", "a\u202eb", "x" * 65, "<b>", "%00", "😀"],
)
def test_a_pseudonym_that_is_none_is_refused_in_words(
    client: Client, project: Project, data_folder: Path, name: str
) -> None:
    answers = [begin(client, project, 10, subject=name), post_clip(client, project, b"x", subject=name)]
    for answer in answers:
        assert answer.status_code == 400
        assert code(answer) in ("bad_subject", "bad_request")
        assert re.search("1 to 64 letters|Null characters", answer.json()["error"]["message"])
    assert_nothing_stored(data_folder)


@pytest.mark.parametrize("name", ["S1", "7", "Prüfling 3", "患者 12", "Ж-04.b_2", " S1 ", "x" * 64])
def test_pseudonyms_in_any_script_are_kept(client: Client, project: Project, name: str) -> None:
    assert post_clip(client, project, video(2), subject=name).status_code == 202
    assert Subject.objects.get().pseudonym == name.strip()


def test_two_spellings_of_one_accent_are_one_subject(client: Client, project: Project) -> None:
    for form in ("NFC", "NFD"):
        answer = post_clip(client, project, video(2), subject=unicodedata.normalize(form, "José-1"))
        assert answer.status_code == 202
    assert Subject.objects.count() == 1
    assert list(Clip.objects.order_by("id").values_list("number", flat=True)) == [1, 2]


@pytest.mark.parametrize(
    ("first", "other"),
    [
        ("S1", "s1"),
        ("P 1", "P   1"),
        ("P 1", "p\u00a01"),
        ("S1", "\uff33\uff11"),
        ("Stra\u00dfe", "STRASSE"),
        ("\u03a3", "\u03c2"),
    ],
)
def test_spellings_of_one_pseudonym_are_one_subject_under_the_first(
    client: Client, project: Project, first: str, other: str
) -> None:
    assert post_clip(client, project, video(2), subject=first).status_code == 202
    answer = post_clip(client, project, video(2), subject=other).json()
    assert (answer["clip"]["subject"]["pseudonym"], answer["clip"]["number"]) == (first, 2)
    assert Subject.objects.get().pseudonym == first
    listed = client.get(f"/api/projects/{project.pk}/clips", {"subject": other}).json()
    assert [clip["number"] for clip in listed["results"]] == [2, 1]


def test_spellings_that_were_two_subjects_before_stay_two_and_the_first_gets_what_comes(
    client: Client, project: Project
) -> None:
    one, other = (Subject.objects.create(project=project, pseudonym=name) for name in ("S1", "S2"))
    Subject.objects.filter(pk=other.pk).update(pseudonym="s1")  # as rows were before there was a key
    migration = importlib.import_module("annotation.migrations.0003_one_subject_for_all_spellings")
    migration.fill_keys(apps, None)
    assert list(Subject.objects.order_by("pk").values_list("key", flat=True)) == ["s1", f"s1 #{other.pk}"]
    assert post_clip(client, project, video(2), subject="s1").json()["clip"]["subject"]["id"] == one.pk


# --- duplicates ---


def test_the_same_bytes_are_told_where_they_are(client: Client, project: Project, data_folder: Path) -> None:
    content = video()
    first = post_clip(client, project, content, subject="S7").json()["clip"]
    before = files_under(data_folder)
    again = post_clip(client, project, content, subject="S8")
    address = begin(client, project, len(content), subject="S9")["Location"]
    by_tus = patch(client, address, 0, content)
    for answer in (again, by_tus):
        assert (answer.status_code, code(answer)) == (409, "duplicate_clip")
        assert answer.json()["error"]["detail"] == {"clip": {"id": first["id"], "subject": "S7", "number": 1}}
        assert "clip 1 of subject S7" in answer.json()["error"]["message"]
    assert (Clip.objects.count(), Subject.objects.count(), Upload.objects.count()) == (1, 1, 0)
    assert files_under(data_folder) == before


def test_the_same_bytes_may_be_in_two_projects_and_come_again_after_a_failure(client: Client, project: Project) -> None:
    content = video()
    other = factories.make_project(manager=project.created_by)
    assert post_clip(client, project, content).status_code == 202
    assert post_clip(client, other, content).status_code == 202
    Clip.objects.update(state=Clip.State.FAILED)
    assert post_clip(client, project, content).status_code == 202


def test_of_four_uploads_of_one_file_at_once_one_is_stored(
    project: Project, manager: User, sign_in: Callable[[User], Client], data_folder: Path
) -> None:
    content = video()
    gate, answers = threading.Barrier(4), []
    browsers = [sign_in(manager) for _ in range(4)]

    def race(browser: Client, subject: str) -> None:
        gate.wait()
        answers.append(post_clip(browser, project, content, subject=subject))
        connection.close()

    threads = [threading.Thread(target=race, args=(each, f"S{n}")) for n, each in enumerate(browsers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409]
    clip = Clip.objects.get()
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["error"]["detail"]["clip"]["id"] == clip.pk
    assert files_under(data_folder) == {f"uploads/{clip.uuid}.clip"}
    assert (Subject.objects.count(), Upload.objects.count(), Job.objects.count()) == (1, 0, 1)


def test_of_two_last_pieces_at_once_one_makes_the_clip(
    project: Project, manager: User, sign_in: Callable[[User], Client]
) -> None:
    content = video()
    address = begin(sign_in(manager), project, len(content))["Location"]
    uploads.part_of(Upload.objects.get()).write_bytes(content)
    gate, statuses = threading.Barrier(3), []
    browsers = [sign_in(manager) for _ in range(3)]

    def race(browser: Client) -> None:
        gate.wait()
        statuses.append(browser.head(address).status_code)
        connection.close()

    threads = [threading.Thread(target=race, args=(browser,)) for browser in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 404, 409}
    clip = Clip.objects.get()
    assert uploads.source_of(clip).read_bytes() == content


# --- promise 11: names stay outside ---


def every_text_in_the_database() -> str:
    rows = []
    for model in apps.get_models(include_auto_created=True):
        rows += [str(list(model._base_manager.values()))]
    return "\n".join(rows)


@pytest.mark.parametrize("kept_in_memory", [True, False])
@pytest.mark.parametrize(
    "name",
    [f"{MARKER}.mp4", f"../../{MARKER}.avi", f"clip.{MARKER}", f"C:\\{MARKER}\\x.avi", f"{MARKER}\n.avi",
     f"{MARKER}\r\x1b[2J", f"{MARKER}" + "x" * 300],
)  # fmt: skip
def test_the_name_of_a_file_goes_nowhere(
    client: Client, project: Project, data_folder: Path, settings, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture, name: str, kept_in_memory: bool,
) -> None:  # fmt: skip
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = (1 << 20) if kept_in_memory else 0
    seen_on_disk: set[str] = set()
    original = uploads.begin

    def looking(*args, **kwargs):
        seen_on_disk.update(files_under(data_folder))  # the request's own temporary files are there now
        return original(*args, **kwargs)

    monkeypatch.setattr(uploads, "begin", looking)
    caplog.set_level("DEBUG")
    content = video()
    assert post_clip(client, project, content, name=name).status_code == 202
    assert post_clip(client, project, content, name=name).status_code == 409
    assert post_clip(client, project, b"words " + name.encode(), name=name).status_code == 400
    address = begin(client, project, len(content), filename=name, filetype=name, name=name)["Location"]
    assert patch(client, address, 0, content).status_code == 409
    seen_on_disk.update(files_under(data_folder))
    work()
    assert Clip.objects.get().state == Clip.State.READY
    assert kept_in_memory or any(path.startswith("tmp/") for path in seen_on_disk)

    stored = files_under(data_folder) | files_under(Path(default_storage.location))
    assert stored
    assert MARKER not in str(sorted(stored | seen_on_disk))
    assert MARKER not in every_text_in_the_database()
    assert MARKER not in caplog.text
    for path in [*data_folder.rglob("*"), *Path(default_storage.location).rglob("*")]:
        assert not path.is_file() or MARKER.encode() not in path.read_bytes()


def test_two_files_of_one_name_are_two_clips(client: Client, project: Project) -> None:
    for _ in range(2):
        assert post_clip(client, project, video(), name="clip.avi").status_code == 202
    work()
    assert list(Clip.objects.order_by("id").values_list("number", "state")) == [(1, "ready"), (2, "ready")]
    assert len(set(Clip.objects.values_list("pack_name", flat=True))) == 2


# --- the sweep ---


def age(path: Path) -> None:
    long_ago = time.time() - 3 * 24 * 3600
    os.utime(path, (long_ago, long_ago))


def test_the_sweep_takes_what_nobody_wants_and_nothing_else(
    client: Client, project: Project, data_folder: Path
) -> None:
    old, resumed, new = (begin(client, project, 10)["Location"].rpartition("/")[2] for _ in range(3))
    Upload.objects.filter(pk__in=[old, resumed]).update(created_at=timezone.now() - timedelta(days=3))
    age(data_folder / "uploads" / f"{old}.part")
    assert post_clip(client, project, video()).status_code == 202
    waiting = uploads.source_of(Clip.objects.get())
    age(waiting)
    orphans = [
        data_folder / "uploads" / "gone.clip",
        data_folder / "uploads" / "gone.part",
        data_folder / "tmp" / "x.upload",
    ]
    for orphan in orphans:
        orphan.write_bytes(b"left over")
        age(orphan)
    young = data_folder / "uploads" / "young.clip"
    young.write_bytes(b"its row is being written")

    tasks.sweep_leftovers.run()

    assert {str(upload.pk) for upload in Upload.objects.all()} == {resumed, new}
    assert files_under(data_folder) == {
        f"uploads/{resumed}.part", f"uploads/{new}.part", f"uploads/{waiting.name}", "uploads/young.clip",
    }  # fmt: skip
    work()
    assert Clip.objects.get().state == Clip.State.READY
    assert uploads.sweep() == 0


def test_the_sweep_takes_packs_without_a_clip(project: Project) -> None:
    clip = factories.make_clip_with_frames(project)
    stored = Path(default_storage.path(clip.pack_name))
    orphan, young = stored.with_name("orphan.pack"), stored.with_name("young.pack")
    for path in (orphan, young):
        path.write_bytes(b"frames")
    age(stored)
    age(orphan)
    frames.sweep()
    assert stored.exists()
    assert young.exists()
    assert not orphan.exists()
    assert Frame.objects.count() == 3
