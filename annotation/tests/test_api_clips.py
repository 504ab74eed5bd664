"""Clips over the API: what ingest makes of them, choosing frames, cancelling, deleting."""

import io
import itertools
import os
import signal
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as configured
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone

from annotation import drafts, frames, jobs, tasks
from annotation.errors import IngestError
from annotation.ingest import uploads
from annotation.ingest.decode import decode_clip
from annotation.models import AuditEvent, Clip, Frame, Job, Project, Revision, User
from annotation.tests import factories
from annotation.tests.clips import post_clip, video

pytestmark = pytest.mark.django_db(transaction=True)
JSON = "application/json"
READERS = {"viewer": 200, "uploader": 200, "annotator": 200, "reviewer": 200}
NOT_MINE = {"nobody": 401, "stranger": 404}


def packs(clip_uuid: object) -> list[str]:
    folder = Path(default_storage.path(f"clips/{clip_uuid}"))
    return sorted(path.name for path in folder.rglob("*")) if folder.exists() else []


def sources() -> list[str]:
    return sorted(path.name for path in uploads.folder().iterdir())


def select(client: Client, clip: Clip, body: object):
    return client.post(f"/api/clips/{clip.pk}/select", body, content_type=JSON)


def chosen(clip: Clip) -> list[int]:
    clip.refresh_from_db()
    found = list(clip.frames.filter(selected=True).order_by("index").values_list("index", flat=True))
    assert clip.selected_count == len(found)
    return found


@pytest.fixture
def not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages stay away: the job waits."""
    monkeypatch.setattr(tasks, "_send", lambda job_id: None)


def error(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


# --- from bytes to frames ---


def test_a_clip_becomes_frames_and_says_everything_about_itself(
    client: Client, project: Project, manager: User, work_at_once: None
) -> None:
    Project.objects.update(frames_per_clip=4)
    content = video(10)
    answer = post_clip(client, project, content, subject="S3")
    assert answer.status_code == 202
    clip = Clip.objects.get()
    shown = client.get(f"/api/clips/{clip.pk}").json()
    wanted = {"project": project.pk, "subject": {"id": clip.subject_id, "pseudonym": "S3", "is_test": False},
              "number": 1, "kind": "video", "state": "ready", "state_reason": "", "width": 80, "height": 64,
              "is_grey": True, "millimetres_per_pixel": None, "frame_count": 10, "declared_frames": 10,
              "duration_seconds": 0.4, "container": "avi", "codec": "mpeg4", "byte_size": len(content),
              "uploaded_by": manager.username, "selected": 4, "drafted": 0, "open": 0, "submitted": 0,
              "returned": 0, "accepted": 0, "job": None}  # fmt: skip
    assert {name: shown[name] for name in wanted} == wanted
    assert shown["first_frame"] == clip.frames.get(index=0).pk
    assert Job.objects.get().state == Job.State.DONE
    assert chosen(clip) == frames.spread(10, 4) == [1, 3, 6, 8]
    listed = client.get(f"/api/projects/{project.pk}/clips").json()
    assert listed == {"results": [shown], "next": None}
    times = [row["time_us"] for row in client.get(f"/api/clips/{clip.pk}/frames").json()["results"]]
    assert times == [index * 40_000 for index in range(10)]
    assert len(packs(clip.uuid)) == 1
    assert f"{clip.uuid}.clip" not in sources()


def test_lists_are_narrowed_by_subject_and_state(client: Client, project: Project) -> None:
    one, two = (factories.make_clip_with_frames(project, name) for name in ("S1", "S2"))
    Clip.objects.filter(pk=two.pk).update(state=Clip.State.PARTIAL)
    path = f"/api/projects/{project.pk}/clips"

    def ids(query: str) -> list[int]:
        return [row["id"] for row in client.get(f"{path}?{query}").json()["results"]]

    assert ids("") == [two.pk, one.pk]
    assert ids("subject=S1") == [one.pk]
    assert ids("state=partial") == [two.pk]
    assert ids("state=partial&subject=S1") == ids("subject=S9") == []
    assert error(client.get(f"{path}?state=lost")) == (400, "bad_request")
    assert error(client.get(f"{path}?subject=%00")) == (400, "bad_subject")


def cut(content: bytes, part: float) -> bytes:
    return content[: int(len(content) * part)]


def empty_zip() -> bytes:
    file = io.BytesIO()
    zipfile.ZipFile(file, "w").close()
    return file.getvalue()


@pytest.mark.parametrize("content", [b"\x00\x00\x00\x18ftypmp42" + bytes(80), b"RIFF\x00\x00\x00\x00AVI " + bytes(80),
                                     b"GIF89a" + bytes(7), empty_zip()], ids=["mp4", "avi", "gif", "zip"])  # fmt: skip
def test_what_the_decoder_refuses_is_a_failed_clip_with_the_reason_and_no_bytes(
    client: Client, project: Project, work_at_once: None, content: bytes
) -> None:
    post_clip(client, project, content)
    clip, job = Clip.objects.get(), Job.objects.get()
    shown = client.get(f"/api/clips/{clip.pk}").json()
    assert (shown["state"], shown["frame_count"], shown["first_frame"]) == ("failed", 0, None)
    assert shown["state_reason"].endswith("Nothing was stored.")
    assert (job.state, job.error) == (Job.State.FAILED, shown["state_reason"])
    assert shown["job"]["error"] == shown["state_reason"]
    assert packs(clip.uuid) == []
    assert f"{clip.uuid}.clip" not in sources()
    assert not list(Path(configured.FILE_UPLOAD_TEMP_DIR).glob("pack-*"))
    assert not Frame.objects.exists()

    # The worker goes on: the next clip is read, also the same bytes are looked at again.
    assert post_clip(client, project, video(3)).status_code == 202
    assert Clip.objects.get(number=2).state == Clip.State.READY
    again = client.post(f"/api/jobs/{job.pk}/retry").json()
    job.refresh_from_db()
    assert again["state"] == "queued"
    assert job.state == Job.State.FAILED
    assert "Upload the clip again" in job.error


def test_a_decoder_that_dies_fails_the_clip_and_not_the_worker(
    client: Client, project: Project, work_at_once: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(source: Path, pack: Path, progress):
        import psutil

        def kill(frame: int, of: int | None) -> None:
            progress(frame, of)
            for child in psutil.Process().children():
                if "annotation.ingest.child" in child.cmdline():
                    os.kill(child.pid, signal.SIGKILL)

        return decode_clip(source, pack, progress=kill)

    monkeypatch.setattr(frames, "decode_clip", killed)
    post_clip(client, project, video(200, height=240, width=320))
    clip, job = Clip.objects.get(), Job.objects.get()
    assert (clip.state, job.state) == (Clip.State.FAILED, Job.State.FAILED)
    assert "stopped unexpectedly" in clip.state_reason == job.error
    assert packs(clip.uuid) == []
    assert f"{clip.uuid}.clip" not in sources()


def test_a_damaged_clip_is_partial_with_both_counts(client: Client, project: Project, work_at_once: None) -> None:
    post_clip(client, project, cut(video(60, height=120, width=160), 0.6))
    clip = Clip.objects.get()
    shown = client.get(f"/api/clips/{clip.pk}").json()
    assert shown["state"] == "partial"
    assert 0 < shown["frame_count"] < shown["declared_frames"] == 60
    assert f"{shown['frame_count']} of 60 frames" in shown["state_reason"]
    assert clip.frames.count() == shown["frame_count"]
    assert Job.objects.get().state == Job.State.DONE
    assert len(packs(clip.uuid)) == 1


def test_an_ingest_done_twice_stores_once(client: Client, project: Project, work_at_once: None) -> None:
    post_clip(client, project, video())
    job = Job.objects.get()
    before = (list(Frame.objects.values()), packs(Clip.objects.get().uuid))
    tasks.ingest_clip.run(job.pk)
    Job.objects.update(state=Job.State.QUEUED, attempts=0)
    tasks.ingest_clip.run(job.pk)
    assert (list(Frame.objects.values()), packs(Clip.objects.get().uuid)) == before
    job.refresh_from_db()
    assert job.state == Job.State.DONE


# --- cancelling ---


def test_a_waiting_ingest_is_cancelled_with_its_bytes(client: Client, project: Project, not_sent: None) -> None:
    content = video()
    post_clip(client, project, content)
    clip, job = Clip.objects.get(), Job.objects.get()
    assert client.post(f"/api/jobs/{job.pk}/cancel").json()["state"] == "cancelled"
    clip.refresh_from_db()
    assert (clip.state, clip.state_reason) == (Clip.State.FAILED, "Cancelled. Nothing was stored.")
    assert f"{clip.uuid}.clip" not in sources()
    assert post_clip(client, project, content).status_code == 202


def test_who_may_no_longer_upload_no_longer_steers_their_uploads(
    project: Project, sign_in: Callable[[User], Client], not_sent: None
) -> None:
    ann = factories.make_member(project, "uploader")
    browser = sign_in(ann)
    job = jobs.create(
        Job.Kind.INGEST, queue="cpu", title="Take in a clip", project=project, params={"clip": 0}, created_by=ann
    )
    project.memberships.filter(user=ann).update(role="viewer")
    for verb in ("cancel", "retry"):
        assert browser.post(f"/api/jobs/{job.pk}/{verb}").status_code == 403
    project.memberships.filter(user=ann).update(role="uploader")
    assert browser.post(f"/api/jobs/{job.pk}/retry").status_code == 409  # it waits still


def test_a_running_ingest_is_cancelled_at_its_next_step(
    client: Client, project: Project, work_at_once: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cancelled(source: Path, pack: Path, progress):
        answer = client.post(f"/api/jobs/{Job.objects.get().pk}/cancel").json()
        assert (answer["state"], answer["cancel_requested"]) == ("running", True)
        return decode_clip(source, pack, progress=progress)

    monkeypatch.setattr(frames, "decode_clip", cancelled)
    post_clip(client, project, video(200))
    clip, job = Clip.objects.get(), Job.objects.get()
    assert (clip.state, job.state) == (Clip.State.FAILED, Job.State.CANCELLED)
    assert clip.state_reason == "Cancelled. Nothing was stored."
    assert (packs(clip.uuid), Frame.objects.count()) == ([], 0)
    assert f"{clip.uuid}.clip" not in sources()


def test_a_clip_cancelled_while_its_worker_was_dead_is_tidied_by_the_sweep(
    client: Client, project: Project, not_sent: None
) -> None:
    post_clip(client, project, video())
    Job.objects.update(state=Job.State.CANCELLED)
    assert frames.sweep() == 1
    assert Clip.objects.get().state == Clip.State.FAILED
    assert frames.sweep() == 0


# --- crashes, and attempts that come late ---


def take_over(job: Job) -> jobs.Attempt:
    """The lease runs out while its attempt still works, and another worker claims the job."""
    Job.objects.filter(pk=job.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    second = jobs.claim(job.pk)
    assert second is not None
    return second


@pytest.mark.parametrize("late", [IngestError("The decoder stopped."), jobs.Cancelled()], ids=["refused", "cancelled"])
def test_an_attempt_that_lost_its_lease_spoils_nothing_of_the_next(
    client: Client, project: Project, not_sent: None, monkeypatch: pytest.MonkeyPatch, late: Exception
) -> None:
    post_clip(client, project, video(6))
    clip, job = Clip.objects.get(), Job.objects.get()
    taken_over = []

    def lost(source: Path, pack: Path, progress):
        taken_over.append(take_over(job))
        raise late

    with monkeypatch.context() as patched:
        patched.setattr(frames, "decode_clip", lost)
        tasks.ingest_clip.run(job.pk)
    clip.refresh_from_db()
    job.refresh_from_db()
    assert (clip.state, job.state, job.error) == (Clip.State.PROCESSING, Job.State.RUNNING, "")
    assert f"{clip.uuid}.clip" in sources()
    frames.extract(taken_over[0], clip)
    clip.refresh_from_db()
    assert (clip.state, clip.frames.count()) == (Clip.State.READY, 6)


def test_the_drafts_job_is_there_as_soon_as_the_frames_are(
    client: Client, project: Project, not_sent: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.make_model(project, "champion")
    post_clip(client, project, video())
    ingest = Job.objects.get()

    def crash(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(drafts, "request_draft", crash)
        tasks.ingest_clip.run(ingest.pk)
    assert not Frame.objects.exists(), "the frames were stored without what must follow"

    Job.objects.update(state=Job.State.QUEUED, error="")
    tasks.ingest_clip.run(ingest.pk)
    ingest.refresh_from_db()
    assert ingest.state == Job.State.DONE
    Job.objects.update(created_at=timezone.now() - timedelta(minutes=1))
    # The process ended before any message was sent.
    assert [(job.kind, job.params["clip"]) for job in jobs.reap()] == [(Job.Kind.DRAFT, Clip.objects.get().pk)]


def test_the_scale_a_person_sets_while_the_clip_is_read_stays(
    client: Client, project: Project, work_at_once: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(source: Path, pack: Path, progress):
        decoded = decode_clip(source, pack, progress=progress)
        body = {"millimetres_per_pixel": 0.07}
        assert client.patch(f"/api/clips/{Clip.objects.get().pk}", body, content_type=JSON).status_code == 200
        return decoded

    monkeypatch.setattr(frames, "decode_clip", meanwhile)
    post_clip(client, project, video())
    clip = Clip.objects.get()
    assert (clip.state, clip.millimetres_per_pixel, clip.codec) == (Clip.State.READY, 0.07, "mpeg4")


# --- choosing frames ---


@pytest.mark.parametrize("total", [1, 2, 5, 16, 17, 1000])
@pytest.mark.parametrize("wanted", [1, 2, 5, 16, 2000])
def test_frames_are_spread_evenly(total: int, wanted: int) -> None:
    picked = frames.spread(total, wanted)
    assert len(picked) == len(set(picked)) == min(wanted, total)
    assert picked == sorted(picked)
    assert all(0 <= index < total for index in picked)
    gaps = {later - earlier for earlier, later in itertools.pairwise(picked)}
    assert not gaps or max(gaps) - min(gaps) <= 1


def test_frames_are_chosen_by_number_or_by_place(client: Client, project: Project) -> None:
    clip = factories.make_clip_with_frames(project, frames=factories.noise(10))
    assert select(client, clip, {"count": 3}).json()["selected"] == 3
    assert chosen(clip) == [1, 5, 8]
    assert select(client, clip, {"indices": [9, 0, 4, 4]}).json()["selected"] == 3
    assert chosen(clip) == [0, 4, 9]
    assert select(client, clip, {"count": 99}).json()["selected"] == 10
    assert select(client, clip, {"indices": []}).json()["selected"] == 0


def test_what_a_person_worked_on_and_a_draft_s_count_stay_right(
    client: Client, project: Project, manager: User
) -> None:
    clip = factories.make_clip_with_frames(project, frames=factories.noise(6))
    factories.save_revision(clip.frames.get(index=5), factories.boxes(), manager)
    clip.frames.filter(index__in=[0, 1, 5]).update(uncertainty=0.5)
    answer = select(client, clip, {"indices": [1, 2]}).json()
    assert chosen(clip) == [1, 2, 5]
    assert (answer["selected"], answer["drafted"], answer["open"]) == (3, 2, 1)


@pytest.mark.parametrize(
    "body",
    [{}, {"count": 0}, {"count": 10_001}, {"count": 2, "indices": [1]}, {"indices": [-1]}, {"indices": [3]},
     {"indices": "all"}, {"count": "many"}, {"every": 2}, []],
)  # fmt: skip
def test_an_impossible_choice_changes_nothing(client: Client, project: Project, body: object) -> None:
    clip = factories.make_clip_with_frames(project)
    assert select(client, clip, body).status_code == 400
    assert chosen(clip) == [0, 1, 2]


def test_a_clip_without_frames_has_none_to_choose(client: Client, project: Project, not_sent: None) -> None:
    post_clip(client, project, video())
    assert error(select(client, Clip.objects.get(), {"count": 1})) == (409, "no_frames")


# --- scale, deletion, and who may ---


def test_the_scale_is_set_and_taken_back(client: Client, project: Project) -> None:
    path = f"/api/clips/{factories.make_clip_with_frames(project).pk}"
    for scale in (0.05, None):
        answer = client.patch(path, {"millimetres_per_pixel": scale}, content_type=JSON)
        assert answer.json()["millimetres_per_pixel"] == scale
    for wrong in (0, -1, 11, "x", "nan", {"width": 3}):
        body = wrong if isinstance(wrong, dict) else {"millimetres_per_pixel": wrong}
        assert client.patch(path, body, content_type=JSON).status_code == 400
    assert client.patch(path, '{"millimetres_per_pixel": NaN}', content_type=JSON).status_code == 400


def test_a_deleted_clip_takes_its_frames_masks_and_pixels_along(
    client: Client, project: Project, manager: User, work_at_once: None
) -> None:
    post_clip(client, project, video())
    clip = Clip.objects.get()
    factories.accept(clip.frames.get(index=0), factories.boxes(), manager)
    assert packs(clip.uuid)
    assert client.delete(f"/api/clips/{clip.pk}").status_code == 204
    assert not Frame.objects.exists()
    assert not Revision.objects.exists()
    assert packs(clip.uuid) == []
    for gone in (client.get(f"/api/clips/{clip.pk}"), client.delete(f"/api/clips/{clip.pk}")):
        assert gone.status_code == 404
    # What was done with it is still told.
    assert set(
        AuditEvent.objects.filter(object_id=str(clip.pk), object_type="clip").values_list("verb", flat=True)
    ) == {
        "uploaded",
        "extracted",
        "deleted",
    }


def test_a_pseudonym_typed_by_mistake_goes_with_its_last_clip(
    client: Client, project: Project, work_at_once: None
) -> None:
    first = factories.make_clip_with_frames(project, "Jane Doe")
    second = factories.make_clip_with_frames(project, "Jane Doe")
    job = jobs.create(
        Job.Kind.INGEST,
        queue="cpu",
        title="Read frames: clip 1 of Jane Doe",
        params={"clip": first.pk},
        project=project,
    )
    assert client.delete(f"/api/clips/{first.pk}").status_code == 204
    job.refresh_from_db()
    assert "Jane" not in job.title
    assert project.subjects.filter(pseudonym="Jane Doe").exists()
    assert client.delete(f"/api/clips/{second.pk}").status_code == 204
    assert not project.subjects.filter(pseudonym="Jane Doe").exists()


def test_a_clip_deleted_while_it_is_read_does_not_come_back(
    client: Client, project: Project, work_at_once: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deleted(source: Path, pack: Path, progress):
        decoded = decode_clip(source, pack)
        Job.objects.update(cancel_requested=False)  # the last moment: after the last look at the flag
        assert client.delete(f"/api/clips/{Clip.objects.get().pk}").status_code == 204
        Job.objects.update(cancel_requested=False)
        return decoded

    monkeypatch.setattr(frames, "decode_clip", deleted)
    uuid = post_clip(client, project, video()).json()
    assert uuid["clip"]["state"] == "processing"
    assert not Clip.objects.exists()
    assert not Frame.objects.exists()
    assert Job.objects.get().state == Job.State.CANCELLED
    monkeypatch.undo()


def test_a_job_whose_clip_was_deleted_says_so(client: Client, project: Project, not_sent: None) -> None:
    post_clip(client, project, video())
    assert client.delete(f"/api/clips/{Clip.objects.get().pk}").status_code == 204
    assert uploads.folder().exists()
    job = Job.objects.get()
    assert job.state == Job.State.CANCELLED
    Job.objects.update(state=Job.State.QUEUED, cancel_requested=False)  # a worker was just about to begin
    tasks.ingest_clip.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.error) == (Job.State.FAILED, "This clip was deleted.")


def test_a_clip_of_a_frozen_dataset_stays(client: Client, project: Project) -> None:
    factories.make_dataset(project)
    clip = Clip.objects.first()
    assert clip is not None
    before = AuditEvent.objects.count()
    assert error(client.delete(f"/api/clips/{clip.pk}")) == (409, "frozen")
    assert clip.frames.exclude(gold=None).count() == 3
    assert Path(default_storage.path(clip.pack_name)).exists()
    assert AuditEvent.objects.count() == before


def test_who_sees_and_who_changes_a_clip(
    client: Client, project: Project, ask_all: Callable[..., dict[str, int]]
) -> None:
    clip = factories.make_clip_with_frames(project)
    path = f"/api/clips/{clip.pk}"
    refused = dict.fromkeys(READERS, 403)
    assert ask_all("get", path) == NOT_MINE | READERS
    assert ask_all("get", f"/api/projects/{project.pk}/clips") == NOT_MINE | READERS
    scale = {"data": {"millimetres_per_pixel": 1}, "content_type": JSON}
    assert ask_all("patch", path, **scale) == NOT_MINE | refused
    assert ask_all("delete", path) == NOT_MINE | refused
    choice = {"data": {"count": 1}, "content_type": JSON}
    assert ask_all("post", f"{path}/select", **choice) == NOT_MINE | refused | {"annotator": 200, "reviewer": 200}
    assert client.put(path).status_code == 405
    assert client.get(f"{path}/select").status_code == 405
    assert client.get("/api/clips/999999").status_code == 404
    assert client.post("/api/clips/999999/select", {"count": 1}, content_type=JSON).status_code == 404
    assert client.get("/api/projects/999999/clips").status_code == 404


def test_a_browser_uploads_with_the_csrf_token_and_not_without(project: Project, manager: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    signed_in = browser.post(
        "/api/auth/login", {"username": manager.username, "password": "a long password"}, content_type=JSON
    )
    assert post_clip(browser, project, video()).status_code == 403
    browser.defaults["HTTP_X_CSRFTOKEN"] = signed_in.json()["csrf_token"]
    assert post_clip(browser, project, video()).status_code == 202
    assert jobs.open_job(project.pk, Job.Kind.INGEST, clip=Clip.objects.get().pk) is not None
