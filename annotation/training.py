"""Training: dataset version → run → candidate, in a child process of the train worker.

The child is `python -m ml.train` over a folder of its own, `<data folder>/runs/<uuid>/`; this module writes what it
reads and stores what it made, `training_child` watches it. torch is never loaded here, and a child that dies of memory
takes no worker along. Whenever the folder holds a checkpoint, the run goes on from there.
"""

import contextlib
import fcntl
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from annotation import audit, events, files, jobs, training_child
from annotation.errors import BadRequest, Conflict, SonoloopError
from annotation.formats import png, scores
from annotation.formats.items import refuse_shared_subjects, test_set_hash
from annotation.formats.onnx import store_onnx
from annotation.formats.weights import architecture_of, read_story
from annotation.models import DatasetVersion, Job, ModelVersion, Project, RunMetric, TrainingRun, User

DEFAULT_EPOCHS = 60
MOST_EPOCHS = 1000
VARIANT = "T"  # MODEL.md 3.1: the one for machines without a GPU
POLL_S = 0.5
WHOLE = "inputs.whole"  # the sign that every picture and the manifest are on the disk
OPEN = (TrainingRun.State.QUEUED, TrainingRun.State.RUNNING)


# --- what people ask for ---


@transaction.atomic
def request_run(
    project: Project,
    user: User,
    dataset: DatasetVersion,
    *,
    epochs: int | None = None,
    seed: int = 0,
    from_champion: bool = True,
    config: dict[str, Any] | None = None,
) -> tuple[TrainingRun, Job]:
    """Add a run and its job; the caller queues it.

    from_champion  start from the champion's weights, where there is a champion
    config         further values of ml.config.TrainConfig
    Raises BadRequest for impossible values, Conflict when the dataset has nothing to train on.
    """
    epochs = DEFAULT_EPOCHS if epochs is None else epochs
    if not 1 <= epochs <= MOST_EPOCHS:
        raise BadRequest(f"epochs must be from 1 to {MOST_EPOCHS}; {epochs} came.")
    if not dataset.counts["train"]["frames"]:
        raise Conflict("This dataset version has no training frames: freeze one with more subjects.", code="no_frames")
    Project.objects.select_for_update().get(pk=project.pk)
    base = ModelVersion.objects.filter(project=project, stage=ModelVersion.Stage.CHAMPION).first()
    base = base if from_champion else None
    values: dict[str, Any] = {"epochs": epochs, "seed": seed, **(config or {})}
    if base is None:
        values.setdefault("model", {"variant": VARIANT})
    elif "image_size" in base.architecture:
        values.setdefault("image_size", base.architecture["image_size"])
    newest = TrainingRun.objects.filter(project=project).aggregate(newest=Max("number"))["newest"] or 0
    run = TrainingRun.objects.create(
        project=project,
        number=newest + 1,
        dataset=dataset,
        base_model=base,
        config=values,
        epochs=epochs,
        created_by=user,
    )
    job = jobs.create(
        Job.Kind.TRAIN,
        queue="train",
        title=f"Training run {run.number} on dataset {dataset.number}",
        params={"run": run.pk},
        project=project,
        created_by=user,
    )
    audit.record(user, "started", run, dataset=dataset.pk)
    events.changed(run)
    return run, job


def jobs_of(project_id: int, run_ids: list[int]) -> dict[int, Job]:
    """The newest job of each run, in one query."""
    found = Job.objects.filter(project_id=project_id, kind=Job.Kind.TRAIN, params__run__in=run_ids)
    return {job.params["run"]: job for job in found.select_related("created_by").order_by("pk")}


def state_of(run: TrainingRun, job: Job | None) -> tuple[str, str]:
    """(state, error) of a run as people should see it.

    A job can end without the run's code running: cancelled while it waited, or its worker died three times.
    """
    # Done: the row, read a moment before its job, is older than both are now; the next look shows it finished.
    if run.state not in OPEN or job is None or job.state not in jobs.ENDED or job.state == Job.State.DONE:
        return run.state, run.error
    if job.state == Job.State.CANCELLED:
        return TrainingRun.State.CANCELLED, ""
    return TrainingRun.State.FAILED, job.error


def cancel(run: TrainingRun, user: User) -> TrainingRun:
    """Ask a run to stop; what it has learned stays, so that it can be resumed. Raises Conflict when it has ended."""
    job = jobs_of(run.project_id, [run.pk]).get(run.pk)
    state, _ = state_of(run, job)
    if job is None or state not in OPEN:
        raise Conflict(f"This run has ended ({state}); there is nothing to cancel.", code="run_ended")
    with transaction.atomic():
        job = jobs.request_cancel(job, user)
        if job.state == Job.State.CANCELLED:
            _end(run, TrainingRun.State.CANCELLED)
    run.refresh_from_db()
    return run


@transaction.atomic
def resume(run: TrainingRun, user: User) -> Job:
    """Put a cancelled or failed run back in the queue: it goes on from its last checkpoint. The caller queues the job.

    Raises Conflict when the run is not one of those.
    """
    job = jobs_of(run.project_id, [run.pk]).get(run.pk)
    state, _ = state_of(run, job)
    if job is None or state not in (TrainingRun.State.CANCELLED, TrainingRun.State.FAILED):
        raise Conflict(f"Only a cancelled or failed run can be resumed; this one is {state}.", code="not_resumable")
    job = jobs.retry(job, user)
    TrainingRun.objects.filter(pk=run.pk).update(state=TrainingRun.State.QUEUED, error="", ended_at=None)
    events.changed(run)
    return job


# --- the work ---


def train_run(attempt: jobs.Attempt, run: TrainingRun) -> None:
    """Train to the end and store the candidate; end the job with the rows. Safe to run again at any point."""
    if run.state == TrainingRun.State.FINISHED:
        attempt.complete("The run has finished already")
        return
    try:
        refuse_shared_subjects(run.dataset)
        with _folder(attempt, run) as folder:
            _begin(attempt, run)
            _write_inputs(attempt, run, folder)
            _train(attempt, run, folder)
            champion_scores, note = _score_champion(attempt, run, folder)
            _store_candidate(attempt, run, folder, champion_scores, note)
    except (SonoloopError, jobs.Cancelled) as refusal:
        with transaction.atomic():
            if isinstance(refusal, SonoloopError):
                _end(run, TrainingRun.State.FAILED, refusal.message)
            else:
                _end(run, TrainingRun.State.CANCELLED)
            attempt.end_badly(refusal)
        raise


def _begin(attempt: jobs.Attempt, run: TrainingRun) -> None:
    started = run.started_at or timezone.now()
    with transaction.atomic():
        attempt.hold()
        TrainingRun.objects.filter(pk=run.pk).update(
            state=TrainingRun.State.RUNNING, error="", started_at=started, ended_at=None
        )
        events.changed(run)


def _end(run: TrainingRun, state: str, error: str = "") -> None:
    TrainingRun.objects.filter(pk=run.pk, state__in=OPEN).update(state=state, error=error, ended_at=timezone.now())
    events.changed(run)


def folder_of(run: TrainingRun) -> Path:
    """Where the run's pictures, metrics and checkpoint lie while it is not finished."""
    return Path(settings.DATA_FOLDER) / "runs" / str(run.uuid)


@contextlib.contextmanager
def _folder(attempt: jobs.Attempt, run: TrainingRun) -> Iterator[Path]:
    """The run's folder, for this attempt alone; gone once the run is finished.

    An attempt that was given up on may still be stopping its child: two children must not write one checkpoint.
    """
    folder = folder_of(run)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        while True:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            attempt.check()
            time.sleep(POLL_S)
        yield folder
    shutil.rmtree(folder)


def _write_inputs(attempt: jobs.Attempt, run: TrainingRun, folder: Path) -> None:
    """manifest.json with its pictures, and base.safetensors. What is there already stays: frozen is frozen."""
    whole = folder / WHOLE
    if not whole.exists():
        for done in png.write_folder(run.dataset, folder, config=run.config):
            if done % 50 == 0:
                attempt.progress(done, run.dataset.frame_count, "Writing frames")
        # A power cut must not leave the sign without what it stands for. One call, for thousands of small files.
        os.sync()
        whole.touch()
    if run.base_model and not (folder / "base.safetensors").exists():
        _fetch_weights(run.base_model, folder / "base.safetensors")


def _fetch_weights(model: ModelVersion, path: Path) -> None:
    """Copy a model's weights from storage. Raises Conflict when they are missing or not the registered file."""
    part = path.with_suffix(".part")
    try:
        with default_storage.open(model.weights_name) as stored, part.open("wb") as file:
            shutil.copyfileobj(stored, file)
            file.flush()
            os.fsync(file.fileno())
    except OSError as fault:
        raise Conflict(
            f"The weights of model {model.number} are not on storage. Restore the data folder from a backup, or train "
            "from scratch.",
            code="weights_missing",
        ) from fault
    if files.sha256_of(part) != model.weights_sha256:
        part.unlink()
        raise Conflict(
            f"The weights of model {model.number} are not the file that was registered: its SHA-256 differs. "
            "Restore the data folder from a backup, or train from scratch.",
            code="weights_changed",
        )
    part.rename(path)


def _train(attempt: jobs.Attempt, run: TrainingRun, folder: Path) -> None:
    journal = folder / "metrics.jsonl"
    if not journal.exists():  # a first attempt, or one on another machine: its lines count from 1 again
        RunMetric.objects.filter(run=run).delete()
    tail = training_child.Tail(run, journal)
    command: list[str | Path] = ["ml.train", "--manifest", folder / "manifest.json", "--out", folder, "--resume"]
    if run.base_model:
        command += ["--base", folder / "base.safetensors"]
    attempt.progress(0, 0, "Starting")
    status = training_child.run_child(attempt, folder, command, each=lambda: tail.read(attempt))
    if status != 0:
        raise Conflict(training_child.reason_of(status, tail.failure, folder), code="training_failed")


def _score_champion(
    attempt: jobs.Attempt, run: TrainingRun, folder: Path
) -> tuple[tuple[ModelVersion, dict[str, Any]] | None, str]:
    """Score the champion on the run's test frames, so that the two can be compared on the very same ones.

    Returns (champion, scores) when it was scored now, and a sentence when it could not be.
    """
    champion = ModelVersion.objects.filter(project_id=run.project_id, stage=ModelVersion.Stage.CHAMPION).first()
    test_set = test_set_hash(run.dataset)
    if champion is None or test_set is None:
        return None, ""
    before = scores.by_test_set(champion.scores).get(test_set)
    if before and scores.measured_alike(before, json.loads((folder / "scores.json").read_text())):
        return None, ""
    attempt.progress(run.epochs, run.epochs, f"Scoring the champion, model {champion.number}")
    try:
        weights, report = folder / "champion.safetensors", folder / "champion.json"
        _fetch_weights(champion, weights)
        command: list[str | Path] = [
            "ml.evaluate",
            "--weights",
            weights,
            "--manifest",
            folder / "manifest.json",
            "--split",
            "test",
        ]
        status = training_child.run_child(attempt, folder, [*command, "--json", report])
        if status != 0:
            raise Conflict(training_child.reason_of(status, "", folder))
    except Conflict as refusal:
        # The candidate is good all the same; that the two cannot be compared is told beside it.
        return None, f"The champion, model {champion.number}, could not be scored on this test set. {refusal.message}"
    evaluation = json.loads(report.read_text())
    return (champion, scores.from_evaluation(evaluation, test_set)), ""


def _store_candidate(
    attempt: jobs.Attempt,
    run: TrainingRun,
    folder: Path,
    champion_scores: tuple[ModelVersion, dict[str, Any]] | None,
    note: str,
) -> None:
    test_set = test_set_hash(run.dataset)
    story = read_story(folder / "model.safetensors")
    evaluation = json.loads((folder / "scores.json").read_text())
    name, copy = f"models/{uuid.uuid4()}.safetensors", folder / "store.safetensors"
    shutil.copyfile(folder / "model.safetensors", copy)  # storing moves it, and a retry needs the original
    size, sha256 = copy.stat().st_size, files.sha256_of(copy)
    attempt.progress(run.epochs, run.epochs, "Making the model ready for drafts")
    onnx_name, onnx_sha256 = store_onnx(folder / "model.safetensors")
    files.store_once(name, copy)
    try:
        with transaction.atomic():
            project = Project.objects.select_for_update().get(pk=run.project_id)
            newest = ModelVersion.objects.filter(project=project).aggregate(newest=Max("number"))["newest"] or 0
            model = ModelVersion.objects.create(
                project=project,
                number=newest + 1,
                run=run,
                parent=run.base_model,
                architecture=architecture_of(story),
                labels=story["labels"],
                weights_name=name,
                weights_sha256=sha256,
                onnx_name=onnx_name,
                onnx_sha256=onnx_sha256,
                byte_size=size,
                scores=scores.from_evaluation(evaluation, test_set),
                note=note,
            )
            if champion_scores:
                _add_scores(*champion_scores)
            _end(run, TrainingRun.State.FINISHED)
            audit.record(run.created_by, "trained", model, run=run.pk, sha256=sha256)
            events.changed(model)
            attempt.complete(f"Model {model.number} is a candidate")
    except BaseException:
        files.delete(name)
        files.delete(onnx_name)
        raise


def _add_scores(model: ModelVersion, more: dict[str, Any]) -> None:
    row = ModelVersion.objects.select_for_update().get(pk=model.pk)
    row.scores = scores.with_more(row.scores, more)
    row.save(update_fields=["scores"])
