"""Promise 5 in one process: the row decides. With real workers and real kills: test_real_workers.py."""

import threading
from collections.abc import Callable
from datetime import timedelta

import kombu.exceptions
import pytest
from django.db import OperationalError, connection, transaction
from django.test import Client
from django.utils import timezone

from annotation import jobs, tasks
from annotation.errors import BadRequest
from annotation.management.commands import housekeeping
from annotation.models import Job, Project, User
from annotation.tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def job(project: Project, manager: User) -> Job:
    return jobs.create(
        Job.Kind.EXPORT, queue="cpu", title="An export", project=project, created_by=manager, params={"export": 1}
    )


def expire(job: Job) -> None:
    """What the clock does when a worker is gone: the lease runs out."""
    Job.objects.filter(pk=job.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))


def finish(attempt: jobs.Attempt) -> None:
    with transaction.atomic():
        attempt.complete("ready")


def test_done_work_is_not_done_again_by_a_repeated_message(job: Job) -> None:
    done = []

    def work(attempt: jobs.Attempt) -> None:
        done.append(1)
        finish(attempt)

    jobs.run(job.pk, work)
    jobs.run(job.pk, work)
    job.refresh_from_db()
    assert (len(done), job.state, job.attempts, job.message) == (1, Job.State.DONE, 1, "ready")


def test_of_eight_workers_with_one_message_one_works(job: Job) -> None:
    gate, claimed = threading.Barrier(8), []

    def race() -> None:
        gate.wait()
        claimed.append(jobs.claim(job.pk))
        connection.close()

    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(attempt is not None for attempt in claimed) == 1


def test_an_attempt_that_was_given_up_on_can_write_nothing(job: Job) -> None:
    first = jobs.claim(job.pk)
    assert first is not None
    expire(job)
    second = jobs.claim(job.pk)
    assert second is not None
    for write in (lambda: first.progress(1, 2), first.check, lambda: finish(first)):
        with pytest.raises(jobs.LeaseLost):
            write()
    finish(second)
    job.refresh_from_db()
    assert (job.state, job.attempts) == (Job.State.DONE, 2)


def test_the_result_and_the_end_of_the_job_are_one_transaction(job: Job, project: Project) -> None:
    attempt = jobs.claim(job.pk)
    assert attempt is not None
    expire(job)
    jobs.claim(job.pk)
    with pytest.raises(jobs.LeaseLost), transaction.atomic():
        Project.objects.filter(pk=project.pk).update(description="written by the lost attempt")
        attempt.complete()
    project.refresh_from_db()
    assert project.description == ""


def test_a_lost_message_is_sent_again(job: Job) -> None:
    Job.objects.update(created_at=timezone.now() - timedelta(minutes=1))
    assert [found.pk for found in jobs.reap()] == [job.pk]
    Job.objects.update(sent_at=timezone.now())
    assert jobs.reap() == []
    Job.objects.update(sent_at=timezone.now() - 2 * jobs.RESEND_AFTER)
    assert [found.pk for found in jobs.reap()] == [job.pk]


@pytest.mark.parametrize(
    ("age", "silent", "again"),
    [(10, 1, False), (10, 3, False), (10, 6, True), (600, 29, False), (600, 31, True)],
)  # minutes since the job was made, and since its message was last sent
def test_a_message_whose_worker_is_busy_is_sent_less_and_less_often(
    job: Job, age: int, silent: int, again: bool
) -> None:
    now = timezone.now()
    Job.objects.update(created_at=now - timedelta(minutes=age), sent_at=now - timedelta(minutes=silent))
    assert bool(jobs.reap()) is again


def test_a_dead_workers_job_runs_again_and_the_third_death_sets_it_aside(job: Job) -> None:
    Job.objects.update(created_at=timezone.now() - timedelta(minutes=1))
    for attempt in range(1, 4):
        assert jobs.claim(job.pk) is not None, attempt
        expire(job)
        jobs.reap()
        job.refresh_from_db()
        assert job.state == (Job.State.QUARANTINED if attempt == 3 else Job.State.QUEUED)
    assert "died 3 times" in job.error
    assert jobs.claim(job.pk) is None


def test_the_scheduler_sends_lost_jobs_itself_and_asks_for_a_sweep_once_a_day(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    sweeps: list[dict[str, str]] = []
    monkeypatch.setattr(tasks, "_send", sent.append)
    monkeypatch.setattr(tasks.sweep_leftovers, "apply_async", lambda **options: sweeps.append(options))
    assert jobs.claim(job.pk) is not None
    expire(job)
    Job.objects.update(created_at=timezone.now() - timedelta(minutes=1))

    swept_at = housekeeping.look(None)
    assert sent == [job.pk]
    assert sweeps == [{"queue": "cpu"}]
    assert swept_at is not None
    assert housekeeping.look(swept_at) == swept_at
    assert len(sweeps) == 1
    assert housekeeping.look(swept_at - housekeeping.SWEEP_EVERY_S) != swept_at
    assert len(sweeps) == 2


def test_the_scheduler_lives_through_a_database_and_a_broker_that_are_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(**_: object) -> None:
        raise kombu.exceptions.OperationalError

    def broken() -> list[Job]:
        raise OperationalError

    monkeypatch.setattr(jobs, "reap", broken)
    monkeypatch.setattr(tasks.sweep_leftovers, "apply_async", away)
    assert housekeeping.look(None) is None


def test_a_live_workers_job_is_left_alone(job: Job) -> None:
    assert jobs.claim(job.pk) is not None
    assert jobs.reap() == []
    job.refresh_from_db()
    assert job.state == Job.State.RUNNING


def test_the_heartbeat_keeps_a_long_job(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "HEARTBEAT_S", 0.05)
    renewed = threading.Event()

    def work(attempt: jobs.Attempt) -> None:
        expire(job)
        for _ in range(200):
            job.refresh_from_db()
            if job.lease_expires_at > timezone.now():
                renewed.set()
                break
            threading.Event().wait(0.05)
        finish(attempt)

    jobs.run(job.pk, work)
    assert renewed.is_set()


def test_a_refusal_becomes_the_reason_and_a_fault_is_owned_up_to(job: Job, project: Project) -> None:
    def refused(attempt: jobs.Attempt) -> None:
        raise BadRequest("The file is empty.")

    jobs.run(job.pk, refused)
    job.refresh_from_db()
    assert (job.state, job.error) == (Job.State.FAILED, "The file is empty.")

    other = jobs.create(Job.Kind.EXPORT, queue="cpu", title="Another", project=project, params={})

    def broken(attempt: jobs.Attempt) -> None:
        raise ZeroDivisionError("secret detail")

    jobs.run(other.pk, broken)
    other.refresh_from_db()
    assert other.state == Job.State.FAILED
    assert "fault in Sonoloop" in other.error
    assert "secret" not in other.error


def test_shutting_down_puts_the_job_back_without_counting(job: Job) -> None:
    def postponed(attempt: jobs.Attempt) -> None:
        raise jobs.Postponed

    jobs.run(job.pk, postponed)
    job.refresh_from_db()
    assert (job.state, job.attempts, job.sent_at) == (Job.State.QUEUED, 0, None)


def test_a_queued_job_is_cancelled_at_once_and_a_running_one_at_its_next_step(
    client: Client, job: Job, project: Project
) -> None:
    answer = client.post(f"/api/jobs/{job.pk}/cancel")
    assert answer.json()["state"] == "cancelled"
    assert client.post(f"/api/jobs/{job.pk}/cancel").json()["error"]["code"] == "job_ended"
    assert jobs.claim(job.pk) is None

    running = jobs.create(Job.Kind.EXPORT, queue="cpu", title="Another", project=project, params={})

    def work(attempt: jobs.Attempt) -> None:
        assert client.post(f"/api/jobs/{running.pk}/cancel").json()["cancel_requested"]
        attempt.progress(1, 2)
        raise AssertionError("went on after a cancel")

    jobs.run(running.pk, work)
    running.refresh_from_db()
    assert running.state == Job.State.CANCELLED


def test_a_cancel_that_meets_a_waiting_job_ends_it(job: Job) -> None:
    Job.objects.update(created_at=timezone.now() - timedelta(minutes=1), cancel_requested=True)
    assert jobs.reap() == []
    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED
    assert job.ended_at is not None


def test_a_cancel_that_comes_while_the_worker_leaves_is_not_forgotten(job: Job) -> None:
    def postponed(attempt: jobs.Attempt) -> None:
        Job.objects.update(cancel_requested=True)
        raise jobs.Postponed

    jobs.run(job.pk, postponed)
    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED


def test_jobs_of_something_that_goes_away_are_stopped(job: Job, project: Project) -> None:
    running = jobs.create(Job.Kind.EXPORT, queue="cpu", title="Another", project=project, params={})
    attempt = jobs.claim(running.pk)
    assert attempt is not None
    jobs.stop(Job.objects.all())
    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED
    with pytest.raises(jobs.Cancelled):
        attempt.check()


def test_retry_starts_afresh_and_only_what_ended_badly(
    client: Client, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    monkeypatch.setattr(tasks, "_send", sent.append)
    assert client.post(f"/api/jobs/{job.pk}/retry").status_code == 409
    Job.objects.update(state=Job.State.QUARANTINED, attempts=3, error="died")
    answer = client.post(f"/api/jobs/{job.pk}/retry").json()
    assert (answer["state"], answer["attempts"], answer["error"]) == ("queued", 0, "")
    assert sent == [job.pk]


def test_who_sees_and_stops_a_job(
    job: Job, ask_all: Callable[..., dict[str, int]], sign_in: Callable[[User], Client], manager: User
) -> None:
    assert ask_all("get", f"/api/jobs/{job.pk}") == {
        "nobody": 401, "stranger": 404, "viewer": 200, "uploader": 200, "annotator": 200, "reviewer": 200,
    }  # fmt: skip
    assert ask_all("post", f"/api/jobs/{job.pk}/cancel") == {
        "nobody": 401, "stranger": 404, "viewer": 403, "uploader": 403, "annotator": 403, "reviewer": 403,
    }  # fmt: skip
    stranger = sign_in(factories.make_user())
    assert stranger.get("/api/jobs").json()["results"] == []
    listed = sign_in(manager).get(f"/api/jobs?project={job.project_id}").json()["results"]
    assert [row["id"] for row in listed] == [job.pk]
    assert stranger.get(f"/api/jobs?project={job.project_id}").status_code == 404
