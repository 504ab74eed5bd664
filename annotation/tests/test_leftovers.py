"""Patients' pictures stay no longer than needed: what the daily sweep removes, and what it leaves alone."""

import os
import time
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from annotation import files, jobs, leftovers, tasks, training
from annotation.models import Export, Job, Project, TrainingRun
from annotation.tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, settings) -> Path:
    settings.DATA_FOLDER = tmp_path
    return tmp_path


@pytest.fixture
def run(project: Project) -> TrainingRun:
    """A run whose pictures are written and that has a checkpoint."""
    dataset = factories.make_dataset(project)
    run, job = training.request_run(project, project.created_by, dataset, epochs=1)
    write_inputs(run, job)
    checkpoint = training.folder_of(run) / "checkpoint"
    checkpoint.mkdir()
    (checkpoint / "last.safetensors").write_bytes(b"weights")
    return run


def write_inputs(run: TrainingRun, job: Job) -> None:
    attempt = jobs.claim(job.pk)
    assert attempt is not None
    folder = training.folder_of(run)
    folder.mkdir(parents=True, exist_ok=True)
    training._write_inputs(attempt, run, folder)


def end(run: TrainingRun, state: str, *, days: float) -> None:
    """The run ended this long ago."""
    Job.objects.update(state=Job.State.QUARANTINED if state == "running" else Job.State.FAILED)
    ended_at = timezone.now() - timedelta(days=days)
    Job.objects.update(ended_at=ended_at)
    run.state, run.ended_at = state, None if state == "running" else ended_at
    run.save()


def age(path: Path) -> None:
    old = time.time() - 72 * 3600
    os.utime(path, (old, old))


@pytest.mark.parametrize("state", ["cancelled", "failed", "running"])  # the last: its worker died three times
def test_pictures_of_an_ended_run_go_and_its_checkpoint_stays(run: TrainingRun, state: str) -> None:
    folder = training.folder_of(run)
    before = {path.name: path.read_bytes() for path in (folder / "masks").iterdir()}
    end(run, state, days=8)
    assert leftovers.sweep() == 1
    assert not (folder / "images").exists()
    assert not (folder / "masks").exists()
    assert (folder / "checkpoint" / "last.safetensors").read_bytes() == b"weights"
    assert leftovers.sweep() == 0

    write_inputs(run, training.resume(run, run.created_by))
    assert {path.name: path.read_bytes() for path in (folder / "masks").iterdir()} == before


@pytest.mark.parametrize(("state", "days"), [("failed", 6), ("cancelled", 0)])
def test_a_run_that_ended_lately_keeps_its_pictures(run: TrainingRun, state: str, days: float) -> None:
    end(run, state, days=days)
    assert leftovers.sweep() == 0
    assert (training.folder_of(run) / training.WHOLE).exists()


def test_a_run_that_goes_on_keeps_its_pictures(run: TrainingRun) -> None:
    TrainingRun.objects.update(state="running", created_at=timezone.now() - timedelta(days=30))
    assert leftovers.sweep() == 0
    end(run, "failed", days=30)
    with training._folder(jobs.Attempt(Job.objects.get(), uuid4()), run):  # a late attempt still stops its child
        assert leftovers.sweep() == 0


def test_folders_of_finished_runs_and_of_deleted_projects_go(run: TrainingRun, data_folder: Path) -> None:
    end(run, "finished", days=8)
    nobodys, young = data_folder / "runs" / str(uuid4()), data_folder / "runs" / str(uuid4())
    for folder in (nobodys, young):
        (folder / "images").mkdir(parents=True)
    age(nobodys)
    assert leftovers.sweep() == 2
    assert [path.name for path in (data_folder / "runs").iterdir()] == [young.name]


def test_stored_exports_and_weights_that_no_row_names_go(project: Project, tmp_path: Path) -> None:
    dataset = factories.make_dataset(project)
    names = [f"{folder}/{uuid4()}" for folder in ("exports", "models") for _ in range(3)]
    for name in names:
        local = tmp_path / "local"
        local.write_bytes(b"bytes")
        files.store_once(name, local)
    export, young_export, orphan_export, weights, young_weights, orphan_weights = names
    Export.objects.create(dataset=dataset, format="png", created_by=project.created_by, file_name=export)
    factories.make_model(project, weights_name=weights)
    for name in (export, orphan_export, weights, orphan_weights):
        age(Path(default_storage.path(name)))

    tasks.sweep_leftovers.run()

    assert [name for name in names if default_storage.exists(name)] == [export, young_export, weights, young_weights]
