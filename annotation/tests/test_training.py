"""Training runs: a real child trains a tiny network on the saved frames; stopped and killed, it goes on."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from django.core.files.storage import default_storage
from django.db import OperationalError

from annotation import jobs, registry, training, training_child
from annotation.errors import BadRequest, Conflict
from annotation.files import sha256_of
from annotation.models import DatasetItem, Job, ModelVersion, TrainingRun
from annotation.tests.factories import (
    make_dataset,
    make_gold,
    make_model,
    make_project,
    save_revision,
    store_weights,
    write_weights,
)

REPOSITORY = Path(__file__).resolve().parents[2]
TINY = {
    "image_size": 128,
    "batch_size": 4,
    "augment": False,
    "model": {"widths": [8, 8, 8, 8, 8], "kernels": [1, 3]},
}


@pytest.fixture
def project(transactional_db):  # the heartbeat writes from a thread of its own
    return make_project()


@pytest.fixture
def dataset(project):
    return make_dataset(project)


def start(dataset, epochs=1, **choices):
    choices = {"config": TINY, **choices}
    return training.request_run(dataset.project, dataset.created_by, dataset, epochs=epochs, **choices)


def work(run, job):
    """What the worker does with the job; run and job are as they are afterwards."""

    def door(attempt):
        row = TrainingRun.objects.select_related("dataset", "project", "base_model").get(pk=run.pk)
        training.train_run(attempt, row)

    jobs.run(job.pk, door)
    run.refresh_from_db()
    job.refresh_from_db()


def events_of(run):
    return [values["event"] for values in run.metrics.order_by("sequence").values_list("values", flat=True)]


def when(monkeypatch, condition, action):
    """Call `action` once, while the child runs, as soon as the journal has told `condition`."""
    read, done = training_child.Tail.read, []

    def read_and_act(tail, attempt):
        with contextlib.suppress(FileNotFoundError):
            lines = tail.path.read_text().splitlines()
            if not done and any(condition(json.loads(line)) for line in lines):
                done.append(True)
                action()
        read(tail, attempt)

    monkeypatch.setattr(training_child.Tail, "read", read_and_act)
    return done


def an_epoch(values):
    return values["event"] == "epoch"


@pytest.mark.slow
def test_a_run_ends_as_a_candidate_with_scores_on_the_test_subjects(dataset):
    run, job = start(dataset, epochs=2)
    work(run, job)
    assert (job.state, run.state, run.error) == (Job.State.DONE, "finished", ""), job.error
    model = run.model
    assert (model.stage, model.number, model.parent) == ("candidate", 1, None)
    assert model.labels == [{"index": 1, "name": "bone"}, {"index": 2, "name": "dura"}]
    assert model.architecture["config"]["widths"] == [8, 8, 8, 8, 8]
    assert default_storage.size(model.weights_name) == model.byte_size
    assert sha256_of(Path(default_storage.path(model.weights_name))) == model.weights_sha256
    assert model.scores["split"] == "test"
    assert (model.scores["frames"], model.scores["subjects"]) == (3, 1)
    assert set(model.scores["labels"]) == {"1", "2"}
    assert (run.epoch, run.epochs) == (2, 2)
    assert run.started_at <= run.ended_at
    told = events_of(run)
    assert (told[0], told[-1], told.count("epoch")) == ("start", "end", 2)
    assert list(run.metrics.order_by("sequence").values_list("sequence", flat=True)) == list(range(1, len(told) + 1))
    dataset.project.refresh_from_db()
    assert dataset.project.champion is None, "a person promotes, nothing else does"
    assert not training.folder_of(run).exists(), "patients' pictures stay no longer than needed"
    lineage = model.run.dataset.items.first()  # promise 9
    assert lineage.revision.author == dataset.created_by
    assert lineage.frame.clip.subject.pseudonym.startswith("S")

    work(run, jobs.create(Job.Kind.TRAIN, queue="train", title="", params={"run": run.pk}, project=run.project))
    assert ModelVersion.objects.count() == 1, "a message that comes twice makes no second model"


@pytest.mark.slow
def test_the_champion_is_scored_on_the_same_frames_and_training_starts_from_it(project, dataset, tmp_path):
    champion = make_model(project, "champion", architecture={"image_size": 128})
    store_weights(champion, write_weights(tmp_path / "w"))
    run, job = start(dataset, config={"batch_size": 4, "augment": False})
    assert (run.base_model, run.config["image_size"], "model" in run.config) == (champion, 128, False)
    work(run, job)
    assert job.state == Job.State.DONE, job.error
    champion.refresh_from_db()
    candidate = run.model
    assert candidate.parent == champion
    assert candidate.architecture["config"]["widths"] == [8, 8, 8, 8, 8]
    assert champion.scores["test_set"] == candidate.scores["test_set"]
    shown = registry.compare(candidate, champion)
    assert shown["comparable"]
    assert {row["name"] for row in shown["labels"]} == {"bone", "dura"}


@pytest.mark.slow
def test_a_champion_from_before_labels_changed_is_compared_on_those_both_draw(project, dataset, tmp_path):
    names = ("vertebra", "dura", "flavum")  # 1 is bone today, and 3 was removed
    champion = make_model(project, "champion", labels=[{"index": i, "name": name} for i, name in enumerate(names, 1)])
    store_weights(champion, write_weights(tmp_path / "w", names))
    run, job = start(dataset, from_champion=False)
    work(run, job)
    assert job.state == Job.State.DONE, job.error
    champion.refresh_from_db()
    assert run.model.note == ""
    shown = registry.compare(run.model, champion)
    assert {row["name"] for row in shown["labels"]} == {"bone", "dura"}
    assert "not compared, for only one of the two draws it: flavum" in shown["verdict"]


@pytest.mark.slow
def test_a_champion_that_cannot_be_scored_does_not_cost_the_candidate(project, dataset):
    champion = make_model(project, "champion")  # its weights are not on storage
    run, job = start(dataset, from_champion=False)
    work(run, job)
    assert job.state == Job.State.DONE, job.error
    assert run.base_model is None
    assert "The champion, model 1, could not be scored on this test set. The weights of model 1" in run.model.note
    assert not registry.compare(run.model, champion)["comparable"]


@pytest.mark.slow
def test_a_cancelled_run_is_resumed_from_its_checkpoint(dataset, monkeypatch):
    run, job = start(dataset, epochs=6)
    asked = when(monkeypatch, an_epoch, lambda: training.cancel(run, run.created_by))
    work(run, job)
    assert asked
    assert (job.state, run.state) == (Job.State.CANCELLED, "cancelled")
    assert (training.folder_of(run) / "checkpoint" / "last.safetensors").exists()
    assert not ModelVersion.objects.exists()
    known = run.metrics.count()

    again = training.resume(run, run.created_by)
    assert again == job
    run.refresh_from_db()
    assert run.state == "queued"
    work(run, job)
    assert (job.state, run.state) == (Job.State.DONE, "finished"), job.error
    starts = [m.values for m in run.metrics.order_by("sequence") if m.values["event"] == "start"]
    assert len(starts) == 2
    assert starts[1]["resumed_from_epoch"] >= 1
    assert run.metrics.count() > known


@pytest.mark.slow
def test_a_child_killed_from_outside_fails_the_run_in_words_and_can_be_resumed(dataset, monkeypatch):
    run, job = start(dataset, epochs=6)

    def kill():
        [child] = [p for p in psutil.Process().children() if "ml.train" in p.cmdline()]
        child.send_signal(signal.SIGKILL)

    when(monkeypatch, an_epoch, kill)
    work(run, job)
    assert (job.state, run.state) == (Job.State.FAILED, "failed")
    assert "was killed (signal 9); the machine may be short of memory" in run.error
    training.resume(run, run.created_by)
    work(run, job)
    assert run.state == "finished", run.error
    assert run.metrics.filter(values__resumed_from_epoch__gte=1).exists()


@pytest.mark.slow
def test_a_worker_that_shuts_down_lets_the_run_go_on_elsewhere(dataset, monkeypatch):
    run, job = start(dataset, epochs=6)
    when(monkeypatch, an_epoch, jobs.worker_leaves)
    try:
        work(run, job)
    finally:
        jobs.worker_leaves(False)
    assert (job.state, job.attempts) == (Job.State.QUEUED, 0)
    assert training.state_of(run, job)[0] in training.OPEN
    assert "stopped" in (training.folder_of(run) / "metrics.jsonl").read_text()
    assert not [p for p in psutil.Process().children() if p.is_running() and "ml.train" in p.cmdline()]
    work(run, job)
    assert run.state == "finished", run.error


@pytest.mark.slow
def test_what_ml_refuses_is_the_runs_reason(dataset):
    run, job = start(dataset, config={**TINY, "image_size": 100})
    work(run, job)
    assert (job.state, run.state) == (Job.State.FAILED, "failed")
    assert run.error == job.error
    assert "image_size must be a multiple of 64" in run.error


def test_a_subject_on_two_sides_is_not_trained_on(dataset):
    """Promise 7, behind the service's back: training checks again."""
    item = dataset.items.filter(split="train").first()
    DatasetItem.objects.filter(pk=item.pk).update(split="test")
    run, job = start(dataset)
    work(run, job)
    assert (job.state, run.state) == (Job.State.FAILED, "failed")
    assert f"On two sides of the split: {item.frame.clip.subject.pseudonym}" in run.error
    assert not training.folder_of(run).exists()


def test_weights_that_changed_on_storage_are_not_trained_from(project, dataset, tmp_path):
    champion = store_weights(make_model(project, "champion"), write_weights(tmp_path / "w"))
    run, job = start(dataset)
    with Path(default_storage.path(champion.weights_name)).open("ab") as file:
        file.write(b"x")
    work(run, job)
    assert "SHA-256 differs" in run.error
    default_storage.delete(champion.weights_name)
    training.resume(run, run.created_by)
    work(run, job)
    assert "are not on storage" in run.error


def test_a_dataset_without_training_frames_is_refused(project):
    make_gold(project, subjects=1)
    project.subjects.update(is_test=True)
    from annotation import datasets

    frozen = datasets.freeze(project, project.created_by)
    assert any("No training subject is left" in warning for warning in frozen.warnings)
    with pytest.raises(Conflict, match="no training frames"):
        start(frozen)


@pytest.mark.parametrize("epochs", [0, -1, 1001])
def test_impossible_epochs_are_refused(dataset, epochs):
    with pytest.raises(BadRequest, match="epochs must be from 1 to 1000"):
        start(dataset, epochs=epochs)


def test_runs_are_numbered_per_project(dataset):
    assert [start(dataset)[0].number for _ in range(3)] == [1, 2, 3]


def test_a_waiting_run_is_cancelled_at_once_and_an_ended_one_cannot_be(dataset):
    run, job = start(dataset)
    assert training.cancel(run, run.created_by).state == "cancelled"
    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED
    with pytest.raises(Conflict, match=r"has ended \(cancelled\)"):
        training.cancel(run, run.created_by)
    assert training.resume(run, run.created_by).state == Job.State.QUEUED
    with pytest.raises(Conflict, match="this one is queued"):
        training.resume(run, run.created_by)


@pytest.mark.parametrize("late", [Conflict("The child failed."), jobs.Cancelled()])
def test_an_attempt_that_lost_its_lease_does_not_end_the_run(dataset, monkeypatch, late):
    run, job = start(dataset)

    def lost(*_):
        Job.objects.filter(pk=job.pk).update(lease=Job.new_lease())
        raise late

    monkeypatch.setattr(training, "_train", lost)
    work(run, job)
    assert (run.state, run.error, job.state) == ("running", "", Job.State.RUNNING)


def test_pictures_that_were_not_written_to_the_end_are_written_again(dataset):
    run, job = start(dataset)
    attempt = jobs.claim(job.pk)
    with training._folder(attempt, run) as folder:
        training._write_inputs(attempt, run, folder)
        [picture, *_] = sorted((folder / "images").iterdir())
        whole = picture.read_bytes()
        picture.write_bytes(b"")
        training._write_inputs(attempt, run, folder)
        assert picture.read_bytes() == b"", "what is on the disk for good is not written again"
        (folder / training.WHOLE).unlink()  # the power went before the pictures were on the disk
        training._write_inputs(attempt, run, folder)
        assert picture.read_bytes() == whole


def test_a_database_that_is_away_for_a_moment_does_not_end_the_training(dataset, tmp_path, monkeypatch):
    run, job = start(dataset)
    attempt = jobs.claim(job.pk)
    tail = training_child.Tail(run, tmp_path / "metrics.jsonl")
    tail.path.write_text(json.dumps({"event": "start", "steps_per_epoch": 4, "resumed_from_epoch": None}) + "\n")
    answers = [OperationalError("the server closed the connection"), OperationalError("again")]
    changed = training_child.events.changed

    def away(row):
        if answers:
            raise answers.pop()
        changed(row)

    monkeypatch.setattr(training_child.events, "changed", away)
    patience = training_child.Patience()
    assert [patience.tried(lambda: tail.read(attempt)) for _ in range(3)] == [False, False, True]
    assert events_of(run) == ["start"]
    assert tail.sequence == 1

    monkeypatch.setattr(training_child, "DATABASE_PATIENCE_S", -1.0)
    answers.append(OperationalError("for good"))
    tail.path.write_text(tail.path.read_text() * 2)
    with pytest.raises(OperationalError):
        patience.tried(lambda: tail.read(attempt))


def test_a_run_shows_what_became_of_its_job_when_its_own_code_could_not_say(dataset):
    run, job = start(dataset)
    Job.objects.filter(pk=job.pk).update(state=Job.State.QUARANTINED, error="The worker died 3 times")
    job.refresh_from_db()
    assert training.state_of(run, job) == ("failed", "The worker died 3 times")
    Job.objects.filter(pk=job.pk).update(state=Job.State.CANCELLED)
    job.refresh_from_db()
    assert training.state_of(run, job) == ("cancelled", "")
    training.resume(run, run.created_by)


def test_a_journal_read_twice_gives_every_line_once_and_no_half_line(dataset, tmp_path):
    run, job = start(dataset, epochs=3)
    attempt = jobs.claim(job.pk)
    path = tmp_path / "metrics.jsonl"
    begin = {"event": "start", "steps_per_epoch": 4, "resumed_from_epoch": None}
    step = {"event": "step", "epoch": 1, "step": 2, "steps": 4, "loss": 0.5}
    path.write_text(json.dumps(begin) + "\n" + json.dumps(step)[:-5])
    tail = training_child.Tail(run, path)
    tail.read(attempt)
    assert events_of(run) == ["start"]
    path.write_text(json.dumps(begin) + "\n" + json.dumps(step) + "\n")
    tail.read(attempt)
    training_child.Tail(run, path).read(attempt)  # the next attempt starts at the top
    assert events_of(run) == ["start", "step"]
    job.refresh_from_db()
    assert (job.progress_done, job.progress_total, job.message) == (2, 12, "Epoch 1 of 3, loss 0.500")


def test_what_the_child_put_right_is_told_beside_the_progress(dataset, tmp_path):
    run, job = start(dataset, epochs=3)
    attempt = jobs.claim(job.pk)
    lines = [
        {"event": "start", "steps_per_epoch": 4, "resumed_from_epoch": None},
        {"event": "notice", "text": "Out of memory with 8 frames per step: going on with 4.", "steps_per_epoch": 8},
        {"event": "step", "epoch": 1, "step": 2, "steps": 8, "loss": 0.5},
    ]
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    training_child.Tail(run, path).read(attempt)
    job.refresh_from_db()
    assert (job.progress_done, job.progress_total) == (2, 24)
    assert job.message.endswith("loss 0.500. Out of memory with 8 frames per step: going on with 4.")


def test_the_child_learns_nothing_about_database_or_broker(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:secret@host/db")
    monkeypatch.setenv("SONOLOOP_SECRET_KEY", "x" * 40)
    told = training_child.environment()
    assert not {"DATABASE_URL", "SONOLOOP_SECRET_KEY", "SONOLOOP_DATA"} & set(told)
    assert int(told["OMP_NUM_THREADS"]) >= 1


def test_work_after_freezing_does_not_reach_the_training_folder(dataset, tmp_path):
    from annotation.formats import png

    item = dataset.items.first()
    before = bytes(item.revision.png)
    save_revision(item.frame, np.zeros((64, 80), np.uint8), dataset.created_by)
    for _ in png.write_folder(dataset, tmp_path, config={"epochs": 1}):
        pass
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert len(manifest["samples"]) == dataset.frame_count
    assert before in [(tmp_path / sample["mask"]).read_bytes() for sample in manifest["samples"]]


# --- with a worker that is really killed ---


@pytest.mark.slow
@pytest.mark.processes
def test_a_killed_worker_takes_its_child_along_and_the_next_goes_on_from_the_checkpoint(tmp_path):
    env = {name: value for name, value in os.environ.items() if not name.startswith(("SONOLOOP_", "DJANGO_"))}
    env |= {"SONOLOOP_DATA": str(tmp_path / "data")}
    env.pop("DATABASE_URL", None)

    def run_worker(*words):
        command = [sys.executable, "-m", "annotation.tests.training_worker", *words]
        return subprocess.Popen(
            command, cwd=REPOSITORY, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def finish(*words):
        process = run_worker(*words)
        out, err = process.communicate(timeout=100)
        assert process.returncode == 0, err
        return out

    finish("prepare", "8")
    folder = Path(json.loads(finish("show"))["folder"])
    worker = run_worker("work")
    try:
        # There is a checkpoint from the first step on; that of a whole epoch is there once the next has ended.
        journal = folder / "metrics.jsonl"
        wait_for(lambda: journal.exists() and journal.read_text().count('"event": "epoch"') >= 2, worker)
        [child] = [p for p in psutil.Process(worker.pid).children() if "ml.train" in p.cmdline()]
    finally:
        worker.kill()
        worker.communicate()
    wait_for(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)

    left = json.loads(finish("show"))
    assert (left["job"], left["run"]) == ("running", "running"), "a killed worker can write nothing"
    finish("let-lease-end")
    assert json.loads(finish("show"))["job"] == "queued"
    finish("work")
    done = json.loads(finish("show"))
    assert (done["job"], done["run"], done["attempts"]) == ("done", "finished", 2), done["error"]
    starts = [values for values in done["metrics"] if values["event"] == "start"]
    assert starts[-1]["resumed_from_epoch"] >= 1
    assert done["model"]["frames"] == 3


def wait_for(condition, process=None, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        assert process is None or process.poll() is None, process.stderr.read()
        time.sleep(0.05)
