"""Background work as rows (promise 5): the row is the truth, the message in the queue only a hint.

    create → QUEUED ── claim ──→ RUNNING ── complete ──→ DONE
                ↑                  │  ├── refusal ─────→ FAILED        the reason, in words
                │   lease expired  │  ├── cancel ──────→ CANCELLED
                └──── reap ────────┘  └── third crash ─→ QUARANTINED   a person must look

A worker owns a job through its lease: a random id that changes with every attempt and expires unless the
heartbeat renews it. Every write an attempt makes names its lease, so an attempt that was given up on can
write nothing more, and a message delivered twice finds the lease taken.
"""

import contextlib
import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.db import DatabaseError, connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from annotation import audit, events
from annotation.errors import Conflict, SonoloopError
from annotation.models import Job, Project, User

LEASE = timedelta(seconds=45)
HEARTBEAT_S = 5.0
MOST_ATTEMPTS = 3
RESEND_AFTER = timedelta(seconds=60)
RESEND_AT_LATEST = timedelta(minutes=30)
ENDED = (Job.State.DONE, Job.State.FAILED, Job.State.CANCELLED, Job.State.QUARANTINED)

log = logging.getLogger(__name__)
_worker_leaves = False


def worker_leaves(leaves: bool = True) -> None:
    """Called when the worker process is asked to stop: long work ends at its next step and goes back to the queue.

    A plain variable, for this is called in a signal handler, where taking a lock can deadlock.
    """
    global _worker_leaves
    _worker_leaves = leaves


class Cancelled(Exception):
    """A person asked for the job to stop."""


class LeaseLost(Exception):
    """Another attempt owns the job now: stop, and write nothing."""


class Postponed(Exception):
    """The worker is shutting down: the job goes back to the queue and this attempt does not count."""


def create(
    kind: Job.Kind,
    *,
    queue: str,
    title: str,
    params: dict[str, int | str | bool],
    project: Project | None = None,
    created_by: User | None = None,
) -> Job:
    """Add a queued job. `params` holds ids only: nothing that names a patient. The caller queues the message."""
    job = Job.objects.create(kind=kind, queue=queue, title=title, params=params, project=project, created_by=created_by)
    events.changed(job)
    return job


@dataclass
class Attempt:
    """One worker's try at one job. All writes are refused once the lease is another's."""

    job: Job
    lease: uuid.UUID

    def check(self) -> None:
        """Raise Cancelled when a person asked to stop, LeaseLost when another attempt owns the job, Postponed when
        this worker is shutting down."""
        row = self._mine().values_list("cancel_requested", flat=True).first()
        if row is None:
            raise LeaseLost
        if row:
            raise Cancelled
        if _worker_leaves:
            raise Postponed

    def progress(self, done: int, total: int, message: str = "") -> None:
        """Show how far the work is. Raises as `check` does: long work calls this at every step it can stop at."""
        written = self._mine().update(
            progress_done=done, progress_total=total, message=message[:200], heartbeat_at=timezone.now()
        )
        if not written:
            raise LeaseLost
        events.changed(self.job)
        self.check()

    def complete(self, message: str = "") -> None:
        """Mark the job done. Call it inside the transaction that stores the result: both or neither.

        Raises LeaseLost when another attempt owns the job; the transaction then rolls back.
        """
        self._end(Job.State.DONE, message=message[:200])

    def end_badly(self, reason: SonoloopError | Cancelled) -> None:
        """End the job as refused or cancelled. Call it inside the transaction that tells the step's own row.

        Raises LeaseLost when another attempt owns the job; the transaction then rolls back, so that a late attempt
        spoils nothing of the one after it.
        """
        if isinstance(reason, Cancelled):
            self._end(Job.State.CANCELLED)
        else:
            self._end(Job.State.FAILED, error=reason.message)

    def hold(self) -> None:
        """Own the job until the running transaction ends: what it writes is this attempt's. Raises LeaseLost."""
        if not self._renew():
            raise LeaseLost

    def _mine(self) -> QuerySet[Job]:
        return Job.objects.filter(pk=self.job.pk, lease=self.lease, state=Job.State.RUNNING)

    def _end(self, state: Job.State, **values: object) -> None:
        ended = self._mine().update(state=state, lease=None, lease_expires_at=None, ended_at=timezone.now(), **values)
        if not ended:
            raise LeaseLost
        events.changed(self.job)

    def _renew(self) -> bool:
        now = timezone.now()
        return bool(self._mine().update(lease_expires_at=now + LEASE, heartbeat_at=now))


def claim(job_id: int) -> Attempt | None:
    """Take the job for one attempt, or None: it is done, cancelled, owned by a live worker, or crashed too often."""
    now, lease = timezone.now(), Job.new_lease()
    takeable = Q(state=Job.State.QUEUED) | Q(state=Job.State.RUNNING, lease_expires_at__lt=now)
    taken = Job.objects.filter(takeable, pk=job_id, attempts__lt=MOST_ATTEMPTS, cancel_requested=False).update(
        state=Job.State.RUNNING,
        lease=lease,
        lease_expires_at=now + LEASE,
        heartbeat_at=now,
        started_at=now,
        attempts=F("attempts") + 1,
        error="",
    )
    if not taken:
        return None
    job = Job.objects.get(pk=job_id)
    events.changed(job)
    return Attempt(job, lease)


def run(job_id: int, work: Callable[[Attempt], None]) -> None:
    """Claim the job and do `work` under its lease; end the job as the work ends.

    `work` calls `attempt.complete()` in the transaction that stores its result. A SonoloopError becomes the
    job's reason in words; any other exception is logged and shown as a fault of ours. A crash of the process
    writes nothing: the lease runs out and the reaper queues the job again.
    """
    attempt = claim(job_id)
    if attempt is None:
        log.info("job %d: nothing to do (ended, owned by another worker, or cancelled)", job_id)
        return
    try:
        with _heartbeat(attempt):
            work(attempt)
    except LeaseLost:
        log.warning("job %d: given up, another attempt owns it", job_id)
    except Cancelled:
        _close(attempt, Job.State.CANCELLED)
    except Postponed:
        _postpone(attempt)
    except SonoloopError as refusal:
        _close(attempt, Job.State.FAILED, error=refusal.message)
    except Exception as fault:  # whatever it is, the person who waits must be told
        log.exception("job %d failed", job_id)
        reason = f"A fault in Sonoloop stopped this ({type(fault).__name__}). Retry; if it fails again, send the log."
        _close(attempt, Job.State.FAILED, error=reason)


def _close(attempt: Attempt, state: Job.State, **values: object) -> None:
    with contextlib.suppress(LeaseLost):
        attempt._end(state, **values)


def _postpone(attempt: Attempt) -> None:
    postponed = (
        attempt._mine()
        .filter(cancel_requested=False)
        .update(state=Job.State.QUEUED, lease=None, lease_expires_at=None, sent_at=None, attempts=F("attempts") - 1)
    )
    if not postponed:  # somebody asked to cancel since the last look, or the job is another's
        _close(attempt, Job.State.CANCELLED)


@contextlib.contextmanager
def _heartbeat(attempt: Attempt) -> Iterator[None]:
    """Renew the lease from a thread of its own, so that work which computes for minutes keeps its job."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(HEARTBEAT_S):
            try:
                if not attempt._renew():
                    return
            except DatabaseError as fault:
                # A database that is busy now may answer before the lease ends; if not, the reaper takes over.
                log.warning("job %d: heartbeat failed (%s)", attempt.job.pk, type(fault).__name__)
            finally:
                connection.close()

    thread = threading.Thread(target=beat, name=f"heartbeat-{attempt.job.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def reap() -> list[Job]:
    """Put jobs whose worker is gone back in the queue, and return every job whose message should be sent (again).

    A job that lost its worker MOST_ATTEMPTS times is quarantined with the reason.
    """
    now = timezone.now()
    expired = Q(state=Job.State.RUNNING, lease_expires_at__lt=now)
    # A job that waits and shall stop is nobody's: no worker may claim it.
    stopping = Q(expired | Q(state=Job.State.QUEUED), cancel_requested=True)
    for job in Job.objects.filter(stopping):
        Job.objects.filter(stopping, pk=job.pk).update(state=Job.State.CANCELLED, lease=None, ended_at=now)
        events.changed(job)
    expired &= Q(cancel_requested=False)  # a request that comes from here on is met at the next look
    for job in Job.objects.filter(expired, attempts__gte=MOST_ATTEMPTS):
        reason = (
            f"The worker died {job.attempts} times while doing this, so it is set aside. "
            "The machine may be short of memory, or the file may crash the decoder. Retry runs it again."
        )
        Job.objects.filter(expired, pk=job.pk).update(
            state=Job.State.QUARANTINED, lease=None, ended_at=now, error=reason
        )
        events.changed(job)
    for job in Job.objects.filter(expired):
        Job.objects.filter(expired, pk=job.pk).update(
            state=Job.State.QUEUED, lease=None, sent_at=None, message="The worker was lost; starting again"
        )
        events.changed(job)
    unsent = Q(sent_at=None) | Q(sent_at__lt=now - RESEND_AFTER)
    waiting = Job.objects.filter(unsent, state=Job.State.QUEUED, created_at__lt=now - timedelta(seconds=5))
    return [job for job in waiting if job.sent_at is None or now - job.sent_at > _patience(job)]


def _patience(job: Job) -> timedelta:
    """How long a message that was sent is trusted: twice as long each time, for its worker is mostly just busy."""
    assert job.sent_at is not None
    return min(max(RESEND_AFTER, job.sent_at - job.created_at), RESEND_AT_LATEST)


def stop(rows: QuerySet[Job]) -> None:
    """Stop these jobs because what they work on goes away: those that wait at once, the others at their next step."""
    for job in rows.exclude(state__in=ENDED):
        row = Job.objects.filter(pk=job.pk)
        row.filter(state=Job.State.QUEUED).update(state=Job.State.CANCELLED, ended_at=timezone.now())
        row.exclude(state__in=ENDED).update(cancel_requested=True)
        events.changed(job)


def request_cancel(job: Job, user: User) -> Job:
    """Ask a job to stop: a queued one is cancelled at once, a running one at its next step.

    Raises Conflict when it has ended.
    """
    with transaction.atomic():
        now = timezone.now()
        asked = Job.objects.filter(pk=job.pk, state=Job.State.QUEUED).update(
            state=Job.State.CANCELLED, cancel_requested=True, ended_at=now
        ) or Job.objects.filter(pk=job.pk, state=Job.State.RUNNING).update(cancel_requested=True, message="Stopping")
        if not asked:
            job.refresh_from_db()
            raise Conflict(f"This job has ended ({job.state}); there is nothing to cancel.", code="job_ended")
        audit.record(user, "cancelled", job)
        events.changed(job)
    job.refresh_from_db()
    return job


def retry(job: Job, user: User) -> Job:
    """Put an ended job back in the queue with its attempts at zero. The caller queues the message.

    Raises Conflict when it still runs, or is done.
    """
    with transaction.atomic():
        again = Job.objects.filter(
            pk=job.pk, state__in=(Job.State.FAILED, Job.State.CANCELLED, Job.State.QUARANTINED)
        ).update(
            state=Job.State.QUEUED,
            attempts=0,
            cancel_requested=False,
            error="",
            message="",
            ended_at=None,
            sent_at=None,
            progress_done=0,
        )
        if not again:
            job.refresh_from_db()
            raise Conflict(
                f"Only a failed or cancelled job can be retried; this one is {job.state}.",
                code="job_not_ended",
            )
        audit.record(user, "retried", job)
        events.changed(job)
    job.refresh_from_db()
    return job


def open_job(project_id: int, kind: Job.Kind, **params: object) -> Job | None:
    """The newest job of this kind on these ids that has not ended, if any."""
    same = {f"params__{key}": value for key, value in params.items()}
    return Job.objects.filter(project_id=project_id, kind=kind, **same).exclude(state__in=ENDED).order_by("-id").first()
