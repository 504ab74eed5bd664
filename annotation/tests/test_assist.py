"""Clicks over the API: access, refusals in words, and the whole way through a real broker and worker."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from django.test import Client

from annotation import drafts, files
from annotation.assist import clicks
from annotation.models import Frame, Job, Membership, Project, Revision, User
from annotation.tests import factories
from annotation.tests.http import Api
from webapp.tests.trees import PASSWORD, USER, running_tree, wait_until

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def frame(project: Project) -> Frame:
    clip = factories.make_clip_with_frames(project)
    return clip.frames.select_related("clip", "project").get(index=0)


def add_champion(project: Project, folder: Path, aux: bool = True) -> None:
    model = factories.make_model(project, "champion", architecture={"config": {"aux": aux}})
    factories.store_weights(model, factories.write_weights(folder / "w.safetensors"))


def point(client: Client, frame: Frame, **wish: object):
    body = {"label": 1, "clicks": [{"x": 20, "y": 30, "positive": True}], **wish}
    return client.post(f"/api/frames/{frame.pk}/assist", body, content_type="application/json")


def test_whether_clicks_work_is_told_before_the_first(client: Client, frame: Frame, project: Project, tmp_path) -> None:
    address = f"/api/frames/{frame.pk}/assist"
    assert client.get(address).json()["code"] == point(client, frame).json()["error"]["code"] == "no_champion"
    add_champion(project, tmp_path, aux=False)
    assert client.get(address).json()["code"] == "takes_no_clicks"
    refused = point(client, frame)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "takes_no_clicks")
    project.champion.architecture = {"config": {"aux": True}}
    project.champion.save()
    assert client.get(address).json() == {"available": True, "code": "", "message": "Model 1 takes clicks."}


def test_without_a_broker_the_person_is_told_so(client: Client, frame: Frame, project: Project, tmp_path) -> None:
    add_champion(project, tmp_path)
    answer = point(client, frame)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "no_answer")
    assert "correct by hand" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"clicks": []}, "at least one click"),
        ({"clicks": [{"x": 80, "y": 5, "positive": True}]}, "outside the frame of 80×64"),
        ({"clicks": [{"x": -1, "y": 5, "positive": True}]}, "outside"),
        ({"clicks": [{"x": "nan", "y": 5, "positive": True}]}, ""),
        ({"scribbles": [{"points": [[5, 5], [5, 64]], "positive": False}]}, "outside"),
        ({"box": [10, 10, 5, 20]}, "box must be"),
        ({"label": 9}, "no label 9"),
        ({"over": [9]}, "no label 9"),
        ({"clicks": [{"x": 1, "y": 1, "positive": True}] * 101}, "At most 100"),
        ({"prior": "no base64!"}, "base64"),
        ({"prior": base64.b64encode(b"no PNG").decode()}, "not a PNG"),
        ({"prior": base64.b64encode(files.encode_label_map(np.zeros((9, 9), np.uint8))).decode()}, "9×9"),
        ({"click": 1}, "Unknown fields"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(client: Client, frame: Frame, project, tmp_path, wish, words) -> None:
    add_champion(project, tmp_path)
    answer = point(client, frame, **wish)
    assert answer.status_code == 400, answer.content
    assert words in answer.json()["error"]["message"]


def test_a_label_the_model_never_learnt_is_refused(client: Client, frame: Frame, project: Project, tmp_path) -> None:
    add_champion(project, tmp_path)
    project.champion.labels = [{"index": 2, "name": "dura"}]
    project.champion.save()
    assert point(client, frame).json()["error"]["code"] == "label_unknown"


@pytest.mark.parametrize("method", ["get", "post"])
def test_strangers_viewers_wrong_methods_and_bad_ids(client: Client, frame: Frame, project: Project, sign_in, method):
    address = f"/api/frames/{frame.pk}/assist"
    assert getattr(Client(), method)(address).status_code == 401
    assert getattr(sign_in(factories.make_user()), method)(address).status_code == 404
    viewer = sign_in(factories.make_member(project, Membership.Role.VIEWER))
    assert getattr(viewer, method)(address).status_code == 403
    assert client.put(address).status_code == 405
    assert getattr(client, method)("/api/frames/999999/assist").status_code == 404


def proposed(frame: Frame, wish: dict) -> dict:
    full = {"label": 1, "clicks": [], "box": None, "scribbles": [], "prior": None, "over": [], **wish}
    return clicks._propose(json.loads(json.dumps(clicks.request_of(frame, full))), drafts.load_predictor)


def test_the_worker_proposes_over_the_mask_as_it_is_and_stores_nothing(
    frame: Frame, project: Project, manager: User, tmp_path
) -> None:
    add_champion(project, tmp_path)
    saved = factories.boxes(labels=(2,))
    factories.save_revision(frame, saved, manager)
    spot = np.argwhere(saved == 0)[500]
    told = proposed(frame, {"clicks": [{"x": int(spot[1]), "y": int(spot[0]), "positive": True}]})
    drawn = files.stored_label_map(base64.b64decode(told["png"]))
    assert drawn[spot[0], spot[1]] == 1
    assert (drawn[saved == 2] == 2).all()
    assert told["changed"] == (drawn != saved).sum() > 0
    own = np.full((64, 80), 2, np.uint8)
    over = proposed(frame, {"clicks": [{"x": 9, "y": 9, "positive": True}], "prior": files.encode_label_map(own)})
    assert over["changed"] == 0  # everything is another label, and that is kept
    lines = {"scribbles": [{"points": [[5, 5], [60, 40]], "positive": True}], "box": [2, 2, 70, 60]}
    assert proposed(frame, lines)["changed"] > 0
    assert Revision.objects.count() == 1
    assert not Job.objects.exists()


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.timeout(300)
def test_clicks_go_through_the_queue_to_the_worker_and_back(tmp_path: Path) -> None:
    from annotation.tests.test_real_processes import start_project, write_clip

    write_clip(tmp_path / "clip.mp4", 3, 96, 128)
    with running_tree(tmp_path / "data") as tree:
        api = Api(tree.url, USER, PASSWORD)
        project = start_project(api)
        taken = api.upload(project, tmp_path / "clip.mp4", "S1").json()
        assert api.wait_for_job(taken["job"]["id"])["state"] == "done"
        frame = api.call("GET", f"/api/clips/{taken['clip']['id']}/frames").json()["results"][0]["id"]
        add = (
            "from pathlib import Path; from annotation.models import Project, ModelVersion;"
            "from annotation.tests import factories;"
            f"p = Project.objects.get(pk={project});"
            "m = factories.make_model(p, 'champion', architecture={'config': {'aux': True}});"
            f"factories.store_weights(m, factories.write_weights(Path({str(tmp_path / 'w.safetensors')!r}), ('x',)))"
        )
        env = {**os.environ, "SONOLOOP_DATA": str(tree.folder), "DJANGO_SETTINGS_MODULE": "webapp.settings"}
        command = [sys.executable, "manage.py", "shell", "-c", add]
        done = subprocess.run(command, cwd=REPOSITORY, env=env, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        assert api.call("GET", f"/api/frames/{frame}/assist").json()["available"]
        body = {"label": 1, "clicks": [{"x": 64.5, "y": 48, "positive": True}]}
        answers = []

        def answered() -> bool:
            answers.append(api.call("POST", f"/api/frames/{frame}/assist", body))
            return answers[-1].status == 200

        wait_until("an answer to a click", answered, within_s=90)  # on a busy machine the model loads for a while
        label_map = files.decode_label_map(answers[-1].body, height=96, width=128, allowed={0, 1})
        assert label_map[48, 64] == 1
        assert int(answers[-1].headers["sonoloop-changed"]) == (label_map == 1).sum()
        assert answers[-1].headers["sonoloop-model"] == "1"
        assert api.call("GET", f"/api/frames/{frame}/revisions").json() == []
