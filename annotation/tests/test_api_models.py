"""Models and drafts over the API: comparing, promoting, going back, drafting anew."""

import pytest

from annotation import drafts, tasks
from annotation.formats import scores
from annotation.models import AuditEvent, Clip, Draft, Job
from annotation.tests.factories import (
    make_clip_with_frames,
    make_model,
    make_project,
    store_weights,
    write_weights,
)
from annotation.tests.test_registry import evaluation

READERS = {"nobody": 401, "stranger": 404, "viewer": 200, "uploader": 200, "annotator": 200, "reviewer": 200}
MANAGERS = {"nobody": 401, "stranger": 404, "viewer": 403, "uploader": 403, "annotator": 403, "reviewer": 403}
MODEL = {
    "id", "number", "stage", "run", "dataset", "parent", "replaced", "architecture", "labels", "byte_size", "scores",
    "note", "created_at", "promoted_at", "promoted_by", "verdict", "gate",
}  # fmt: skip


def scored(bone, dura):
    return scores.from_evaluation(evaluation([[bone, dura]] * 2, ("bone", "dura")), "t1")


@pytest.fixture
def champion(project):
    return make_model(project, "champion", scores=scored(0.8, 0.7))


@pytest.fixture
def candidate(project, champion):
    return make_model(project, scores=scored(0.9, 0.6))


def interval(mean):
    return {"mean": pytest.approx(mean), "low": 0.1, "high": 0.9}


def test_models_are_shown_with_scores_and_a_verdict(client, project, champion, candidate):
    shown = client.get(f"/api/models/{candidate.pk}").json()
    assert set(shown) == MODEL
    assert shown["scores"] == {
        "split": "test",
        "subjects": 2,
        "frames": 2,
        "unit": None,
        "dice": {"mean": pytest.approx(0.75), "low": None, "high": None},
        "measures": {},
        "labels": {
            "1": {
                "name": "bone",
                "dice": {"mean": pytest.approx(0.9), "low": 0.1, "high": 0.9},
                "measures": {},
                "n": 3,
            },
            "2": {
                "name": "dura",
                "dice": {"mean": pytest.approx(0.6), "low": 0.1, "high": 0.9},
                "measures": {},
                "n": 3,
            },
        },
    }
    assert shown["verdict"].startswith("Better on 1 of 2 structures; worse on dura by 0.10")
    assert shown["run"] is shown["dataset"] is None
    listed = client.get(f"/api/projects/{project.pk}/models").json()["results"]
    assert [row["id"] for row in listed] == [candidate.pk, champion.pk]
    assert listed[0] == shown
    assert listed[1]["verdict"] is None


def test_an_unscored_model_has_empty_scores(client, project):
    assert client.get(f"/api/models/{make_model(project).pk}").json()["scores"] == {}


def test_comparing_tells_differences_per_label(client, champion, candidate):
    shown = client.get(f"/api/models/{candidate.pk}/compare?with={champion.pk}").json()
    assert set(shown) == {
        "candidate", "champion", "labels", "difference", "measures", "gate", "comparable", "verdict",
    }  # fmt: skip
    assert shown["comparable"] is True
    assert [(row["name"], row["difference"]) for row in shown["labels"]] == [
        ("bone", pytest.approx(0.1)),
        ("dura", pytest.approx(-0.1)),
    ]
    assert client.get(f"/api/models/{candidate.pk}/compare").json() == shown, "the champion is who it is compared with"
    foreign = make_model(make_project())
    assert client.get(f"/api/models/{candidate.pk}/compare?with={foreign.pk}").status_code == 404
    assert client.get(f"/api/models/{candidate.pk}/compare?with=x").status_code == 400


OVERRIDE = {"override": True, "note": "it finds more bone"}


def test_who_does_not_pass_the_gate_needs_an_override_with_a_note(client, champion, candidate):
    path = f"/api/models/{candidate.pk}/promote"
    refused = client.post(path)
    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (409, "gate_not_passed")
    assert error["detail"]["gate"]["passed"] is False
    assert "Keep model 1: worse on dura by 0.100" in error["message"]
    for given in ({"override": True}, {"override": True, "note": " "}, {"note": "why"}):
        answer = client.post(path, given, content_type="application/json")
        assert answer.status_code == (409 if "override" not in given else 400), given
    candidate.refresh_from_db()
    assert candidate.stage == "candidate"
    assert client.get(f"/api/models/{candidate.pk}").json()["gate"] == error["detail"]["gate"]
    assert client.post(path, OVERRIDE, content_type="application/json").status_code == 200
    told = AuditEvent.objects.get(verb="promoted").detail
    assert (told["override"], told["replaced"]) == ("it finds more bone", champion.pk)
    assert client.get(f"/api/models/{champion.pk}").json()["gate"] is None, "only candidates are asked"


def test_promote_and_roll_back(client, project, champion, candidate):
    answer = client.post(f"/api/models/{candidate.pk}/promote", OVERRIDE, content_type="application/json")
    assert answer.status_code == 200, answer.content
    model = answer.json()["model"]
    assert answer.json()["job"] is None
    assert (model["stage"], model["promoted_by"]) == ("champion", "the manager")
    assert model["replaced"] == {"id": champion.pk, "number": 1}
    assert client.get(f"/api/projects/{project.pk}").json()["champion"]["id"] == candidate.pk
    again = client.post(f"/api/models/{candidate.pk}/promote")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "already_champion")

    back = client.post(f"/api/models/{candidate.pk}/rollback").json()
    assert (back["id"], back["stage"]) == (champion.pk, "champion")
    assert client.get(f"/api/models/{candidate.pk}").json()["stage"] == "retired"
    no_more = client.post(f"/api/models/{champion.pk}/rollback")
    assert (no_more.status_code, no_more.json()["error"]["code"]) == (409, "nothing_replaced")


@pytest.mark.parametrize("given", [{"redraft": "perhaps"}, {"re_draft": True}])
def test_wrong_fields_promote_nothing(client, candidate, given):
    assert client.post(f"/api/models/{candidate.pk}/promote", given, content_type="application/json").status_code == 400
    candidate.refresh_from_db()
    assert candidate.stage == "candidate"


def test_promotion_can_draft_untouched_frames_anew(
    client, project, candidate, tmp_path, django_capture_on_commit_callbacks, work_at_once
):
    store_weights(candidate, write_weights(tmp_path / "w"))
    make_clip_with_frames(project)
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(
            f"/api/models/{candidate.pk}/promote", {"redraft": True, **OVERRIDE}, content_type="application/json"
        )
    job = client.get(f"/api/jobs/{answer.json()['job']['id']}").json()
    assert (job["kind"], job["state"], job["message"]) == ("draft", "done", "3 of 3 frames drafted")
    assert Draft.objects.filter(model_version=candidate).count() == 3


def test_who_may_see_and_who_may_decide(ask_all, client, project, champion, candidate):
    for path in (
        f"/api/projects/{project.pk}/models",
        f"/api/models/{candidate.pk}",
        f"/api/models/{candidate.pk}/compare",
    ):
        assert ask_all("get", path) == READERS, path
        assert client.get(path).status_code == 200
    for path in (f"/api/models/{candidate.pk}/promote", f"/api/models/{champion.pk}/rollback"):
        assert ask_all("post", path) == MANAGERS, path


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/api/projects/999999/models"),
        ("get", "/api/models/999999"),
        ("get", "/api/models/999999/compare"),
        ("post", "/api/models/999999/promote"),
        ("post", "/api/models/999999/rollback"),
        ("post", "/api/clips/999999/draft"),
    ],
)
def test_ids_that_are_not_there_answer_404(client, method, path):
    assert getattr(client, method)(path).status_code == 404


def test_wrong_methods_answer_405(client, project, candidate):
    assert client.delete(f"/api/models/{candidate.pk}").status_code == 405
    assert client.get(f"/api/models/{candidate.pk}/promote").status_code == 405
    assert client.get(f"/api/models/{candidate.pk}/rollback").status_code == 405
    assert client.post(f"/api/models/{candidate.pk}/compare").status_code == 405
    assert client.post(f"/api/projects/{project.pk}/models").status_code == 405
    clip = make_clip_with_frames(project)
    assert client.get(f"/api/clips/{clip.pk}/draft").status_code == 405


# --- drafts ---


def test_asking_for_drafts_answers_a_job_and_drafts(
    client, project, champion, tmp_path, django_capture_on_commit_callbacks, work_at_once
):
    drafts.load_predictor.cache_clear()
    store_weights(champion, write_weights(tmp_path / "w"))
    clip = make_clip_with_frames(project)
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(f"/api/clips/{clip.pk}/draft")
    assert answer.status_code == 202
    assert client.get(f"/api/jobs/{answer.json()['job']['id']}").json()["state"] == "done"
    assert client.get(f"/api/clips/{clip.pk}").json()["drafted"] == 3
    assert client.get(f"/api/frames/{clip.frames.first().pk}/draft").status_code == 200


def test_without_a_champion_asking_answers_409_with_what_to_do(client, project):
    clip = make_clip_with_frames(project)
    answer = client.post(f"/api/clips/{clip.pk}/draft")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "no_champion")
    assert "annotate the first frames" in answer.json()["error"]["message"]
    Clip.objects.filter(pk=clip.pk).update(state=Clip.State.PROCESSING)
    make_model(project, "champion")
    assert client.post(f"/api/clips/{clip.pk}/draft").json()["error"]["code"] == "no_frames"
    assert not Job.objects.exists()


def test_who_may_ask_for_drafts(ask_all, project, champion, monkeypatch):
    monkeypatch.setattr(tasks, "_send", lambda job_id: None)
    clip = make_clip_with_frames(project)
    assert ask_all("post", f"/api/clips/{clip.pk}/draft") == {
        "nobody": 401, "stranger": 404, "viewer": 403, "uploader": 403, "annotator": 202, "reviewer": 202,
    }  # fmt: skip
