"""The chain of the loop, and the doors into it: each task takes a job's id and calls one step's function.

A step never calls the next; what follows what stands here. Work is queued only from views and from this file,
after the transaction commits.
"""

import logging
from functools import partial

from celery import shared_task
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from annotation import frames, jobs
from annotation.models import Clip, Job

log = logging.getLogger(__name__)


def enqueue(job: Job) -> Job:
    """Send the job's message once the running transaction has committed."""
    transaction.on_commit(partial(_send, job.pk))
    return job


def _send(job_id: int) -> None:
    job = Job.objects.get(pk=job_id)
    try:
        DOORS[Job.Kind(job.kind)].apply_async((job_id,), queue=job.queue)
    except OperationalError as fault:
        log.warning("job %d: the broker gave no answer (%s); the reaper will send it", job_id, type(fault).__name__)
        return
    Job.objects.filter(pk=job_id).update(sent_at=timezone.now())


@shared_task
def ingest_clip(job_id: int) -> None:
    """Uploaded bytes → frames; then drafts, where the project has a champion."""

    def work(attempt: jobs.Attempt) -> None:
        clip = Clip.objects.select_related("project").get(pk=attempt.job.params["clip"])
        frames.extract(attempt, clip)

    jobs.run(job_id, work)


@shared_task
def reap_jobs() -> None:
    """Every few seconds: what a dead worker or a lost message left behind runs again."""
    for job in jobs.reap():
        _send(job.pk)


DOORS = {
    Job.Kind.INGEST: ingest_clip,
}
