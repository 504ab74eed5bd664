"""Exports: a dataset version → one file on storage."""

import tempfile
import uuid
from pathlib import Path

from django.conf import settings
from django.db import transaction

from annotation import audit, events, files, jobs
from annotation.errors import SonoloopError
from annotation.formats.archive import write_zip
from annotation.models import DatasetVersion, Export, Job, User

PROGRESS_EVERY = 50


@transaction.atomic
def request_export(dataset: DatasetVersion, user: User, kind: str) -> tuple[Export, Job]:
    """Add an export and its job; the caller queues it."""
    export = Export.objects.create(dataset=dataset, format=kind, created_by=user)
    job = jobs.create(
        Job.Kind.EXPORT,
        queue="cpu",
        title=f"Export dataset {dataset.number} as {kind.upper()}",
        params={"export": export.pk},
        project=dataset.project,
        created_by=user,
    )
    audit.record(user, "exported", export, project_id=dataset.project_id, dataset=dataset.pk, format=kind)
    return export, job


def write_export(attempt: jobs.Attempt, export: Export) -> None:
    """Write the export's file, whole or not at all; end the job with the row. Safe to run twice."""
    if export.state == Export.State.READY:
        attempt.complete("The file is there already")
        return
    with transaction.atomic():
        attempt.hold()
        Export.objects.filter(pk=export.pk).update(state=Export.State.WRITING, error="")
    dataset = export.dataset

    def show(done: int) -> None:
        if done % PROGRESS_EVERY == 0 or done == dataset.frame_count:
            attempt.progress(done, dataset.frame_count, "Writing frames")

    try:
        with tempfile.TemporaryDirectory(prefix="export-", dir=settings.FILE_UPLOAD_TEMP_DIR) as scratch:
            path = Path(scratch) / "export.zip"
            write_zip(dataset, export.format, path, show)
            _publish(attempt, export, path)
    except (SonoloopError, jobs.Cancelled) as refusal:
        _fail(attempt, export, refusal)
        raise


def job_of(export: Export) -> Job | None:
    """The newest job that writes the export, until its file is there."""
    if export.state == Export.State.READY:
        return None
    found = Job.objects.filter(project_id=export.dataset.project_id, kind=Job.Kind.EXPORT, params__export=export.pk)
    return found.select_related("created_by").order_by("-pk").first()


def state_of(export: Export) -> tuple[str, str]:
    """(state, error) of an export as people should see it: its job can end without this code running."""
    if export.state != Export.State.WRITING:
        return export.state, export.error
    job = job_of(export)
    # Done: the row, read a moment before its job, is older than both are now; the next look shows it ready.
    if job is None or job.state not in jobs.ENDED or job.state == Job.State.DONE:
        return export.state, ""
    return Export.State.FAILED, job.error or "Cancelled."


def _publish(attempt: jobs.Attempt, export: Export, path: Path) -> None:
    name = f"exports/{uuid.uuid4()}.zip"
    size, sha256 = path.stat().st_size, files.sha256_of(path)
    files.store_once(name, path)
    try:
        with transaction.atomic():
            Export.objects.filter(pk=export.pk).update(
                state=Export.State.READY, file_name=name, byte_size=size, sha256=sha256
            )
            attempt.complete(f"{export.dataset.frame_count} frames")
            events.changed(export.dataset)
    except BaseException:
        files.delete(name)
        raise


def _fail(attempt: jobs.Attempt, export: Export, reason: SonoloopError | jobs.Cancelled) -> None:
    error = reason.message if isinstance(reason, SonoloopError) else "Cancelled."
    with transaction.atomic():
        Export.objects.filter(pk=export.pk).update(state=Export.State.FAILED, error=error)
        attempt.end_badly(reason)
        events.changed(export.dataset)
