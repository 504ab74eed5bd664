"""The daily sweep of what training and exports leave behind: pictures of runs that ended, files no row names."""

import contextlib
import fcntl
import logging
import shutil
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.core.files.storage import default_storage
from django.utils import timezone

from annotation import files, training
from annotation.models import Export, ModelVersion, TrainingRun

KEPT = timedelta(days=7)  # a run that is resumed within a week need not write its pictures again
YOUNG = timedelta(hours=48)  # somebody may be at work on it
log = logging.getLogger(__name__)


def sweep() -> int:
    """Remove pictures of runs that ended a week ago, run folders without a run, and stored files without a row.

    A run's checkpoint, journal and log stay: it can be resumed, and then writes the same pictures again.
    Returns how many things were removed.
    """
    removed = sum(_sweep_run(folder) for folder in _run_folders())
    # Listed first, then asked for: a file that gets its row meanwhile is known.
    exports, models = _old_files("exports"), _old_files("models")
    known = set(Export.objects.values_list("file_name", flat=True))
    for column in ("weights_name", "onnx_name"):
        known |= set(ModelVersion.objects.values_list(column, flat=True))
    orphans = [name for name in [*exports, *models] if name not in known]
    for name in orphans:
        files.delete(name)
    removed += len(orphans)
    if removed:
        log.info("swept %d things that training and exports left", removed)
    return removed


def _run_folders() -> list[Path]:
    runs = Path(settings.DATA_FOLDER) / "runs"
    return [path for path in runs.iterdir() if path.is_dir()] if runs.exists() else []


def _sweep_run(folder: Path) -> bool:
    """Remove what is no longer needed of one run's folder; whether anything was."""
    run = _run_of(folder)
    if run is None:
        if time.time() - folder.stat().st_mtime < YOUNG.total_seconds():
            return False
        shutil.rmtree(folder)  # of a project that was deleted
        return True
    job = training.jobs_of(run.project_id, [run.pk]).get(run.pk)
    state, _ = training.state_of(run, job)
    ended_at = run.ended_at or (job.ended_at if job else None)
    if state in training.OPEN or ended_at is None or timezone.now() - ended_at < KEPT:
        return False
    with _locked(folder) as locked:
        if not locked:
            return False
        if state == TrainingRun.State.FINISHED:
            shutil.rmtree(folder)
            return True
        pictures = [folder / name for name in ("images", "masks") if (folder / name).exists()]
        (folder / training.WHOLE).unlink(missing_ok=True)  # before them: whoever resumes the run writes them again
        for path in pictures:
            shutil.rmtree(path)
        return bool(pictures)


def _run_of(folder: Path) -> TrainingRun | None:
    try:
        return TrainingRun.objects.filter(uuid=UUID(folder.name)).first()
    except ValueError:
        return None


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Whether no attempt is at work in the folder; none begins before the end."""
    with (folder / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def _old_files(folder: str) -> list[str]:
    try:
        _, names = default_storage.listdir(folder)
    except FileNotFoundError:
        return []  # nothing was ever stored
    paths = [f"{folder}/{name}" for name in names]
    return [path for path in paths if default_storage.get_modified_time(path) < timezone.now() - YOUNG]
