"""The demonstration project goes through the steps as a hospital's own clips would."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import timezone

from annotation import demonstration, files, jobs, review
from annotation.errors import SonoloopError
from annotation.models import Clip, Draft, Frame, Job, Project, Revision, User
from annotation.tests import clips

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.slow
def test_first_start_makes_the_demonstration_once(
    work_at_once: None, settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.DEMO, settings.ADMIN_PASSWORD = True, ""
    call_command("first_start")
    assert '"created": true' in capsys.readouterr().out
    job = Job.objects.get(kind=Job.Kind.DEMONSTRATION)
    assert (job.state, job.error) == (Job.State.DONE, "")

    project = Project.objects.get(is_demonstration=True)
    made = list(Clip.objects.filter(project=project).order_by("pk"))
    assert [clip.state for clip in made] == [Clip.State.READY] * demonstration.SUBJECTS
    assert [clip.accepted_count for clip in made] == [8] * demonstration.GOLD_SUBJECTS + [0, 0]
    assert project.subjects.filter(is_test=True).count() == 2
    assert project.champion is not None
    waiting = Frame.objects.filter(project=project, selected=True, state=Frame.State.UNTOUCHED)
    assert waiting.count() == 16
    assert Draft.objects.filter(frame__in=waiting).count() == 16
    assert not waiting.filter(uncertainty__lt=0).exists()

    gold = Frame.objects.filter(project=project, gold__isnull=False).select_related("gold").first()
    assert gold is not None
    label_map = files.decode_label_map(bytes(gold.gold.png), height=320, width=384, allowed=range(10))
    assert len(set(label_map.ravel().tolist())) > 4

    assert {revision.author.username for revision in Revision.objects.all()} == {"simulator"}
    assert not User.objects.get(username="simulator").is_active

    call_command("first_start")
    assert demonstration.request(User.objects.get(username="admin")) is None
    assert Project.objects.count() == 1


@pytest.mark.slow
def test_a_demonstration_cut_off_in_the_middle_is_finished_by_the_next_attempt(
    manager: User, work_at_once: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager.is_staff = True
    job = demonstration.request(manager)
    assert job is not None
    assert job.project is not None
    decide, seen = review.decide, []

    def cut_off(frame: Frame, **verdict: object) -> object:
        seen.append(frame.pk)
        if len(seen) == 11:  # in the middle of the second clip
            raise KeyboardInterrupt
        return decide(frame, **verdict)

    monkeypatch.setattr(review, "decide", cut_off)
    attempt = jobs.claim(job.pk)
    waiting: list[Clip] = []
    with pytest.raises(KeyboardInterrupt):
        demonstration.make(attempt, job.project, manager, then=waiting.append)
    assert not waiting
    demonstration.make(attempt, job.project, manager, then=waiting.append)
    assert len(waiting) == 2
    counts = Clip.objects.filter(project=job.project).values_list("accepted_count", flat=True)
    assert sorted(counts) == [0, 0, 8, 8, 8, 8, 8]


@pytest.mark.parametrize("died", ["before its ingest began", "in its ingest"])
def test_a_clip_whose_attempt_died_before_its_frames_were_stored_is_read_by_the_next(
    manager: User, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, died: str
) -> None:
    video = tmp_path / "clip.avi"
    video.write_bytes(clips.video())
    ours = jobs.create(Job.Kind.DEMONSTRATION, queue="cpu", title="", params={}, project=project)
    attempt = jobs.claim(ours.pk)
    assert attempt is not None

    def die(job_id: int, work: object) -> None:
        if died == "in its ingest":
            assert jobs.claim(job_id) is not None
            Job.objects.filter(pk=job_id).update(lease_expires_at=timezone.now() + timedelta(seconds=0.2))
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(jobs, "run", die)
        with pytest.raises(KeyboardInterrupt):
            demonstration._ingest(attempt, project, manager, "Phantom 01", video)
    assert Clip.objects.get().state == Clip.State.PROCESSING

    monkeypatch.setattr(demonstration, "WAIT_S", 0.1)
    clip = demonstration._ingest(attempt, project, manager, "Phantom 01", video)
    assert (clip.state, clip.frames.count()) == (Clip.State.READY, 6)
    assert Clip.objects.count() == 1

    Clip.objects.update(state=Clip.State.PROCESSING)
    Job.objects.filter(kind=Job.Kind.INGEST).update(state=Job.State.QUARANTINED)
    with pytest.raises(SonoloopError, match="clip 1 of Phantom 01 was not read"):
        demonstration._ingest(attempt, project, manager, "Phantom 01", video)
