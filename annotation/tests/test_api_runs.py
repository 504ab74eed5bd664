"""Training runs over the API."""

import pytest

from annotation import datasets, tasks, training
from annotation.models import Job, RunMetric
from annotation.tests.factories import make_gold, make_model, make_project, store_weights, write_weights

READERS = {"nobody": 401, "stranger": 404, "viewer": 200, "uploader": 200, "annotator": 200, "reviewer": 200}
MANAGERS = {"nobody": 401, "stranger": 404, "viewer": 403, "uploader": 403, "annotator": 403, "reviewer": 403}
RUN = {
    "id", "number", "dataset", "base_model", "config", "state", "error", "epoch", "epochs", "created_by", "created_at",
    "started_at", "ended_at", "model", "job",
}  # fmt: skip


@pytest.fixture(autouse=True)
def sent(monkeypatch) -> list[int]:
    """Ids of jobs whose message would have gone to the broker."""
    ids: list[int] = []
    monkeypatch.setattr(tasks, "_send", ids.append)
    return ids


@pytest.fixture
def dataset(project):
    make_gold(project)
    return datasets.freeze(project, project.created_by)


@pytest.fixture
def run(dataset):
    return training.request_run(dataset.project, dataset.created_by, dataset, epochs=3)[0]


def start(client, project, **given):
    return client.post(f"/api/projects/{project.pk}/runs", given, content_type="application/json")


def test_starting_a_run_answers_the_run_and_its_job_and_queues_it(
    client, project, dataset, sent, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        answer = start(client, project, dataset=dataset.pk, epochs=5, seed=2)
    assert answer.status_code == 202, answer.content
    run, job = answer.json()["run"], answer.json()["job"]
    assert set(run) == RUN
    assert (run["number"], run["state"], run["epochs"], run["base_model"]) == (1, "queued", 5, None)
    assert run["dataset"] == {"id": dataset.pk, "number": 1}
    assert run["config"] == {"epochs": 5, "seed": 2, "model": {"variant": "T"}}
    assert run["job"] == job
    assert (job["kind"], job["state"]) == ("train", "queued")
    assert sent == [job["id"]]
    assert client.get(f"/api/runs/{run['id']}").json() == run
    assert client.get(f"/api/projects/{project.pk}/runs").json() == {"results": [run], "next": None}


def test_a_run_starts_from_the_champion_unless_told_otherwise(client, project, dataset, tmp_path):
    champion = store_weights(make_model(project, "champion"), write_weights(tmp_path / "w"))
    assert start(client, project, dataset=dataset.pk).json()["run"]["base_model"]["id"] == champion.pk
    fresh = start(client, project, dataset=dataset.pk, from_champion=False).json()["run"]
    assert (fresh["base_model"], fresh["epochs"]) == (None, training.DEFAULT_EPOCHS)


@pytest.mark.parametrize("given", [{}, {"epochs": 0}, {"epochs": 100000}, {"seed": -1}, {"dataset": "x"}, {"lr": 1}])
def test_wrong_fields_are_refused(client, project, dataset, given):
    assert start(client, project, **({"dataset": dataset.pk, **given} if given else {})).status_code == 400
    assert not Job.objects.exists()


def test_a_dataset_of_another_project_is_refused(client, project):
    other = make_project()
    make_gold(other)
    foreign = datasets.freeze(other, other.created_by)
    answer = start(client, project, dataset=foreign.pk)
    assert answer.status_code == 400
    assert "not a dataset version of this project" in answer.json()["error"]["message"]


def test_metrics_are_told_from_where_the_page_left_off(client, run):
    for number in range(1, 5):
        values = {"event": "epoch", "epoch": number, "loss": 1 / number, "val_dice": None}
        RunMetric.objects.create(run=run, sequence=number, values=values)
    assert len(client.get(f"/api/runs/{run.pk}/metrics").json()) == 4
    told = client.get(f"/api/runs/{run.pk}/metrics?after=3").json()
    assert told == [{"sequence": 4, "event": "epoch", "epoch": 4, "loss": 0.25, "val_dice": None}]
    assert client.get(f"/api/runs/{run.pk}/metrics?after=x").status_code == 400


def test_cancel_and_resume(client, run, sent, django_capture_on_commit_callbacks):
    answer = client.post(f"/api/runs/{run.pk}/resume")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_resumable")
    cancelled = client.post(f"/api/runs/{run.pk}/cancel").json()
    assert (cancelled["state"], cancelled["job"]["state"]) == ("cancelled", "cancelled")
    answer = client.post(f"/api/runs/{run.pk}/cancel")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "run_ended")
    with django_capture_on_commit_callbacks(execute=True):
        resumed = client.post(f"/api/runs/{run.pk}/resume").json()
    assert (resumed["state"], resumed["job"]["state"]) == ("queued", "queued")
    assert sent == [resumed["job"]["id"]]


def test_a_run_whose_job_was_set_aside_is_shown_as_failed(client, run):
    Job.objects.update(state=Job.State.QUARANTINED, error="The worker died 3 times")
    shown = client.get(f"/api/runs/{run.pk}").json()
    assert (shown["state"], shown["error"]) == ("failed", "The worker died 3 times")


def test_who_may_see_and_who_may_train(ask_all, client, project, run):
    for path in (f"/api/projects/{project.pk}/runs", f"/api/runs/{run.pk}", f"/api/runs/{run.pk}/metrics"):
        assert ask_all("get", path) == READERS, path
        assert client.get(path).status_code == 200
    for path in (f"/api/projects/{project.pk}/runs", f"/api/runs/{run.pk}/cancel", f"/api/runs/{run.pk}/resume"):
        assert ask_all("post", path) == MANAGERS, path


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/api/projects/999999/runs"),
        ("post", "/api/projects/999999/runs"),
        ("get", "/api/runs/999999"),
        ("get", "/api/runs/999999/metrics"),
        ("post", "/api/runs/999999/cancel"),
        ("post", "/api/runs/999999/resume"),
    ],
)
def test_ids_that_are_not_there_answer_404(client, method, path):
    assert getattr(client, method)(path).status_code == 404


def test_wrong_methods_answer_405(client, project, run):
    assert client.delete(f"/api/runs/{run.pk}").status_code == 405
    assert client.get(f"/api/runs/{run.pk}/cancel").status_code == 405
    assert client.put(f"/api/projects/{project.pk}/runs").status_code == 405
    assert client.post(f"/api/runs/{run.pk}/metrics").status_code == 405
