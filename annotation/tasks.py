"""The chain of the loop, and the doors into it: each task takes a job's id and calls one step's function.

A step never calls the next; what follows what stands here. Work is queued only from views and from this file,
after the transaction commits.
"""

import logging
from functools import partial
from typing import Any

from celery import shared_task
from celery.signals import worker_shutting_down
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from annotation import demonstration, drafts, exports, frames, jobs, leftovers, training
from annotation.assist import clicks, propagation
from annotation.errors import NotFound, Unavailable
from annotation.ingest import uploads
from annotation.models import Clip, Export, Job, Project, Propagation, TrainingRun

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
        clip = Clip.objects.select_related("project").filter(pk=attempt.job.params["clip"]).first()
        if clip is None:
            raise NotFound("This clip was deleted.")
        frames.extract(attempt, clip, then=_draft_next)

    jobs.run(job_id, work)


def _draft_next(clip: Clip) -> None:
    clip.project.refresh_from_db(fields=["champion"])
    if clip.project.champion_id and clip.state in (Clip.State.READY, Clip.State.PARTIAL):
        with transaction.atomic():
            enqueue(drafts.request_draft(clip, None))


@shared_task
def draft_clip(job_id: int) -> None:
    """Frames × champion → drafts, for one clip or for the whole project after a promotion."""

    def work(attempt: jobs.Attempt) -> None:
        if "clip" in attempt.job.params:
            clip = Clip.objects.select_related("project").get(pk=attempt.job.params["clip"])
            drafts.draft_clip(attempt, clip)
        else:
            drafts.redraft_project(attempt, Project.objects.get(jobs=attempt.job))

    jobs.run(job_id, work)


@shared_task
def propagate(job_id: int) -> None:
    """Masks of key frames → proposals for the frames around them."""

    def work(attempt: jobs.Attempt) -> None:
        row = Propagation.objects.select_related("clip__project", "requested_by")
        carried = row.filter(pk=attempt.job.params["propagation"]).first()
        if carried is None:
            raise NotFound("This propagation was dismissed.")
        propagation.propagate(attempt, carried, drafts.load_predictor)

    jobs.run(job_id, work)


@shared_task
def answer_clicks(message: dict[str, Any]) -> None:
    """Clicks → proposal, told to the web process that waits. No job: there is nothing to keep."""
    clicks.answer(message, drafts.load_predictor)


@shared_task
def warm_clicks(model_id: int) -> None:
    """Load a model before the first click."""
    clicks.warm(model_id, drafts.load_predictor)


def send_clicks(message: dict[str, Any]) -> None:
    """Send clicks to the worker; forgotten when nobody takes them while the person waits."""
    try:
        answer_clicks.apply_async((message,), queue="interactive", expires=clicks.WAIT_S)
    except OperationalError as fault:
        raise Unavailable("The queue gave no answer. Try again, or correct by hand.") from fault


def request_warm_clicks(model_id: int) -> None:
    """Ask the worker to load a model; when it cannot be asked, the first click waits a little longer."""
    try:
        warm_clicks.apply_async((model_id,), queue="interactive", expires=60)
    except OperationalError as fault:
        log.warning("model %d: not loaded ahead, the broker gave no answer (%s)", model_id, type(fault).__name__)


@shared_task
def write_export(job_id: int) -> None:
    """Dataset version → one file."""

    def work(attempt: jobs.Attempt) -> None:
        export = Export.objects.select_related("dataset__project").get(pk=attempt.job.params["export"])
        exports.write_export(attempt, export)

    jobs.run(job_id, work)


@shared_task
def train_run(job_id: int) -> None:
    """Dataset version → candidate, from the run's last checkpoint if there is one."""

    def work(attempt: jobs.Attempt) -> None:
        run = TrainingRun.objects.select_related("dataset", "project", "base_model").get(pk=attempt.job.params["run"])
        training.train_run(attempt, run)

    jobs.run(job_id, work)


@shared_task
def make_demonstration(job_id: int) -> None:
    """Simulated clips through every step; then drafts for those that wait for a person."""

    def work(attempt: jobs.Attempt) -> None:
        project = Project.objects.select_related("created_by").get(pk=attempt.job.params["project"])
        demonstration.make(attempt, project, project.created_by, then=_draft_next)

    jobs.run(job_id, work)


@worker_shutting_down.connect
def _leave(**_: object) -> None:
    jobs.worker_leaves()


def reap_jobs() -> None:
    """What a dead worker or a lost message left behind runs again. No task: it must not wait behind the work."""
    for job in jobs.reap():
        _send(job.pk)


def request_sweep() -> bool:
    """Ask a worker to sweep; False when the broker gives no answer."""
    try:
        sweep_leftovers.apply_async(queue="cpu")
    except OperationalError as fault:
        log.warning("no sweep was asked for: the broker gave no answer (%s)", type(fault).__name__)
        return False
    return True


@shared_task
def sweep_leftovers() -> None:
    """Once a day: bytes that no row knows, uploads nobody went on with, pictures of runs that ended."""
    uploads.sweep()
    frames.sweep()
    leftovers.sweep()
    propagation.sweep()


DOORS = {
    Job.Kind.INGEST: ingest_clip,
    Job.Kind.DRAFT: draft_clip,
    Job.Kind.PROPAGATE: propagate,
    Job.Kind.EXPORT: write_export,
    Job.Kind.TRAIN: train_run,
    Job.Kind.DEMONSTRATION: make_demonstration,
}
