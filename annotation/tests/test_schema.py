"""What the API says about itself is what it does: the schema, docs/api.md and the answers name the same things."""

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import URLPattern
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator

from annotation import audit
from annotation.api.urls import urlpatterns
from annotation.models import (
    Clip,
    Draft,
    Export,
    Frame,
    Job,
    ModelVersion,
    Project,
    Propagation,
    Proposal,
    Review,
    Revision,
    RunMetric,
    TrainingRun,
    User,
)
from annotation.people import create_token
from annotation.tests import factories

DOCS = Path(__file__).resolve().parents[2] / "docs" / "api.md"
METHODS = ("get", "post", "put", "patch", "delete")
# Not described by OpenAPI: a stream of events, not one answer.
STREAMS = {("get", "/api/events")}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return made


def strict(schema: Any) -> Any:
    """The schema with every object closed: a field that is answered but not documented is an error too."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: strict(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        closed.setdefault("additionalProperties", False)
    return closed


def nameless(path: str) -> str:
    """A path with its parameters' names left out: `/api/clips/{}`."""
    return re.sub(r"<[^>]*>|\{[^}]*\}", "{}", path)


def routes() -> set[tuple[str, str]]:
    """(method, path) of everything that `annotation.api.urls` answers."""
    found = set()
    for pattern in urlpatterns:
        assert isinstance(pattern, URLPattern)
        view = getattr(pattern.callback, "cls", None)
        methods = [method for method in METHODS if hasattr(view, method)] if view else ["get"]
        found |= {(method, nameless(f"/api/{pattern.pattern}")) for method in methods}
    return found


def test_the_schema_is_made_without_a_warning(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    GENERATOR_STATS.reset()
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yaml"))
    told = capsys.readouterr()
    assert "arning" not in told.out + told.err
    assert (tmp_path / "schema.yaml").stat().st_size > 10_000


def test_the_schema_is_openapi_3_1_and_open_to_read(db: None) -> None:
    answer = Client().get("/api/schema/?format=json")
    assert answer.status_code == 200
    assert answer.json()["openapi"].startswith("3.1")


def test_the_schema_names_every_route_and_no_other(schema: dict[str, Any]) -> None:
    described = {(method, nameless(path)) for path, methods in schema["paths"].items() for method in methods}
    assert described == routes() - STREAMS


def documented() -> set[tuple[str, str]]:
    """(method, path) of every route in the code blocks of docs/api.md. `POST …` stands for the path before it."""
    found = set()
    for block in re.findall(r"```\n(.*?)```", DOCS.read_text(), re.DOTALL):
        for line in block.splitlines():
            path = ""
            for methods, named in re.findall(r"\b((?:(?:GET|POST|PUT|PATCH|DELETE|HEAD)/?)+)\s+(/[^\s?]+)?", line):
                path = nameless(named) if named else path
                found |= {(method.lower(), path) for method in methods.split("/") if method}
    return found


def test_the_documentation_names_every_route_and_no_other() -> None:
    listed = {(method, path) for method, path in documented() if path.startswith("/api/") and method != "head"}
    assert listed - routes() == set(), "documented, but nothing answers"
    assert routes() - listed == set(), "answered, but not documented"


def test_the_documentation_names_what_machines_ask() -> None:
    assert {("get", "/healthz"), ("get", "/readyz"), ("get", "/metrics")} <= documented()


# --- the walk ---


@pytest.fixture
def world(project: Project, manager: User) -> dict[str, int]:
    """A project in which everything there is exists once; ids by the name of the path parameter."""
    dataset = factories.make_dataset(project, test=0.4)
    scores = {
        "split": "test",
        "subjects": 2,
        "frames": 6,
        "dice": {"mean": 0.8, "low": 0.7, "high": 0.9},
        "labels": {"1": {"name": "bone", "dice": {"mean": 0.8, "low": 0.7, "high": 0.9}, "n": 6}},
    }
    champion = factories.make_model(project, ModelVersion.Stage.CHAMPION, scores=scores, promoted_by=manager)
    run = TrainingRun.objects.create(
        project=project, number=1, dataset=dataset, base_model=champion, created_by=manager, epochs=3
    )
    RunMetric.objects.create(run=run, sequence=1, values={"event": "epoch", "epoch": 1, "loss": 0.5})
    candidate = factories.make_model(project, run=run, parent=champion, scores=scores)
    clip = Clip.objects.order_by("id").first()
    assert clip is not None
    frame = clip.frames.get(index=0)
    Draft.objects.create(
        frame=frame,
        model_version=champion,
        png=b"x",
        sha256="0" * 64,
        confidence={"1": 0.9},
        uncertainty=0.3,
        backend="x",
    )
    revision = Revision.objects.get(annotation__frame=frame)
    point = {"x": 3, "y": 4, "text": "here"}
    Review.objects.create(revision=revision, reviewer=manager, verdict=Review.Verdict.ACCEPTED, points=[point])
    waiting = factories.make_clip_with_frames(project, "S9")
    factories.save_revision(waiting.frames.get(index=0), factories.boxes(), manager, Frame.State.SUBMITTED)
    export = Export.objects.create(dataset=dataset, format="png", created_by=manager)
    job = Job.objects.create(
        kind="train", queue="train", title="x", project=project, params={"run": run.pk}, created_by=manager
    )
    Job.objects.create(kind="export", queue="cpu", title="x", project=project, params={"export": export.pk})
    Clip.objects.create(
        project=project, subject=clip.subject, number=99, uploaded_by=manager, state="failed", byte_size=1, sha256="1"
    )
    create_token(manager, name="x", scope="read")
    audit.record(manager, "looked", project, project_id=project.pk, note="x")
    stop = {
        "direction": "forward",
        "key": 0,
        "steps": 1,
        "frame": frame.pk,
        "index": 0,
        "reason": "count",
        "message": "x",
    }
    carried = Propagation.objects.create(
        clip=clip, requested_by=manager, model_version=champion, direction="both", count=3, labels=[1],
        keys=[{"frame": frame.pk, "index": 0, "revision": 1}], stops=[stop], method="motion",
    )  # fmt: skip
    Proposal.objects.create(
        propagation=carried, frame=frame, requested_by=manager, keys=[{"index": 0, "revision": 1}], steps=1, score=0.9,
        flag="green", base=0, png=b"", sha256="",
    )  # fmt: skip
    return {"project_id": project.pk, "clip_id": clip.pk, "frame_id": frame.pk, "revision_id": revision.pk,
            "dataset_id": dataset.pk, "export_id": export.pk, "run_id": run.pk, "model_id": candidate.pk,
            "job_id": job.pk}  # fmt: skip


QUERIES = {
    "/api/models/{model_id}/compare": lambda world: f"?with={Project.objects.get(pk=world['project_id']).champion_id}",
    "/api/projects/{project_id}/queue": lambda world: "?role=review",
    "/api/clips/{clip_id}/images": lambda world: "?length=8",
    "/api/clips/{clip_id}/proposals": lambda world: "?masks=1",
}
# Files rather than JSON; each has tests of its own.
BYTES = ("/images", "/image", "/mask", "/draft", "/confidence", "/proposal", "/file")


def check(document: dict[str, Any], path: str, method: str, answer: Any) -> None:
    described = document["paths"][path][method]["responses"]
    assert str(answer.status_code) in described, f"{method} {path} answers {answer.status_code}: {answer.content[:300]}"
    wanted = described[str(answer.status_code)]["content"]["application/json"]["schema"]
    root = {**wanted, "components": document["components"]}
    errors = list(jsonschema.Draft202012Validator(root).iter_errors(answer.json()))
    assert not errors, f"{method} {path}: {[(list(each.absolute_path), each.message) for each in errors[:5]]}"


def test_every_answer_has_exactly_the_documented_fields(
    client: Client, schema: dict[str, Any], world: dict[str, int]
) -> None:
    document = strict(copy.deepcopy(schema))
    walked, empty = set(), set()
    for path, methods in schema["paths"].items():
        if "get" not in methods or path.endswith(BYTES):
            continue
        query = QUERIES.get(path, lambda world: "")(world)
        answer = client.get(path.format(**world) + query)
        check(document, path, "get", answer)
        walked.add(path)
        found = answer.json()
        if not (found["results"] if isinstance(found, dict) and "results" in found else found):
            empty.add(path)
    assert len(walked) >= 25
    assert empty == set(), "an empty list proves nothing about its rows"


def test_a_new_project_s_empty_answers_are_as_documented_too(
    client: Client, schema: dict[str, Any], project: Project
) -> None:
    document = strict(copy.deepcopy(schema))
    for path, methods in schema["paths"].items():
        if "get" in methods and path.startswith("/api/projects/{project_id}") and "preview" not in path:
            query = "?role=annotate" if path.endswith("queue") else ""
            check(document, path, "get", client.get(path.format(project_id=project.pk) + query))


def test_what_is_made_is_answered_as_documented(
    client: Client, schema: dict[str, Any], project: Project, manager: User
) -> None:
    document = strict(copy.deepcopy(schema))
    manager.is_staff = True
    manager.save()
    within: Callable[[str], str] = lambda path: path.format(project_id=project.pk, index=1)  # noqa: E731
    for path, method, body in [
        ("/api/auth/login", "post", {"username": manager.username, "password": "a long password"}),
        ("/api/projects", "post", {"name": "New", "preset": "one_lesion"}),
        ("/api/projects/{project_id}", "patch", {"description": "x"}),
        ("/api/projects/{project_id}/labels", "post", {"name": "x"}),
        ("/api/projects/{project_id}/labels/{index}", "patch", {"name": "y"}),
        ("/api/projects/{project_id}/labels/order", "put", {"indices": [3, 1, 2]}),
        ("/api/projects/{project_id}/members", "post", {"username": "new", "role": "viewer"}),
        ("/api/tokens", "post", {"name": "x"}),
    ]:
        check(document, path, method, getattr(client, method)(within(path), body, content_type="application/json"))


# --- metrics ---


def test_monitoring_sees_numbers_and_no_names(world: dict[str, int], project: Project) -> None:
    answer = Client().get("/metrics")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
    text = answer.content.decode()
    assert 'sonoloop_jobs{queue="train",state="queued"} 1\n' in text
    assert 'sonoloop_clips{state="ready"} 6\n' in text
    assert 'sonoloop_clips{state="failed"} 1\n' in text
    assert 'sonoloop_frames{state="accepted"} 15\n' in text
    assert 'sonoloop_frames{state="submitted"} 1\n' in text
    assert 'sonoloop_frames{state="untouched"} 2\n' in text
    for line in text.splitlines():
        assert re.fullmatch(r'# (HELP|TYPE) sonoloop_\w+ .+|sonoloop_\w+\{(\w+="\w+",?)+\} \d+', line), line
    assert project.name not in text
    assert "S1" not in text
    assert Client().post("/metrics").status_code == 405
