"""Projects, label schemas, progress and the audit trail over the API."""

import base64
import json
import math
from collections.abc import Callable

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotation import projects, states
from annotation.errors import NotFound
from annotation.models import AuditEvent, Clip, Frame, Label, Membership, Project, Review, Subject, User
from annotation.presets import PRESETS
from annotation.tests import factories

JSON = "application/json"
NOT_MINE = {"nobody": 401, "stranger": 404}
READERS = {"viewer": 200, "uploader": 200, "annotator": 200, "reviewer": 200}
REFUSED = dict.fromkeys(READERS, 403)


def send(client: Client, method: str, path: str, body: object):
    return getattr(client, method)(path, body, content_type=JSON)


def forged(values: list[object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def code(answer) -> str:
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "detail"}
    return str(error["code"])


@pytest.fixture
def staff(manager: User) -> User:
    manager.is_staff = True
    manager.save()
    return manager


# --- projects ---


def test_the_presets_are_the_structures_of_each_view(client: Client) -> None:
    shown = {preset["key"]: preset for preset in client.get("/api/presets").json()}
    assert list(shown) == ["lumbar_pso", "lumbar_transverse", "one_lesion"]
    assert len(shown["lumbar_pso"]["labels"]) == 9
    assert len(shown["lumbar_transverse"]["labels"]) == 11
    for preset in shown.values():
        labels = preset["labels"]
        assert [label["index"] for label in labels] == list(range(1, len(labels) + 1))
        assert len({label["color"] for label in labels}) == len(labels)
        keys = [label["key"] for label in labels if label["key"]]
        assert len(set(keys)) == len(keys) == min(10, len(labels))
    assert client.post("/api/presets").status_code == 405
    assert Client().get("/api/presets").status_code == 401


@pytest.mark.parametrize("preset", [*PRESETS, None])
def test_a_new_project_has_its_preset_s_labels_and_its_maker_as_manager(
    client: Client, staff: User, preset: str | None
) -> None:
    body = {"name": "A study", "description": "why", "preset": preset, "labels": [{"name": "needle", "key": ""}]}
    answer = send(client, "post", "/api/projects", body)
    assert answer.status_code == 201
    made = answer.json()
    names = list(PRESETS[preset].structures) if preset else []
    assert [label["name"] for label in made["labels"]] == [*names, "needle"]
    assert [label["index"] for label in made["labels"]] == list(range(1, len(names) + 2))
    assert made["my_role"] == "manager"
    assert made["may"] == ["view", "upload", "annotate", "review", "manage"]
    assert (made["champion"], made["is_demonstration"], made["description"]) == (None, False, "why")
    assert client.get("/api/projects").json() == {"results": [made], "next": None}
    assert client.get(f"/api/projects/{made['id']}").json() == made


def test_only_an_administrator_makes_projects(client: Client, db: None) -> None:
    answer = send(client, "post", "/api/projects", {"name": "A study"})
    assert (answer.status_code, code(answer)) == (403, "forbidden")
    assert not Project.objects.exists()


def test_a_taken_name_is_a_conflict_on_making_and_renaming(client: Client, staff: User, project: Project) -> None:
    for taken in (project.name, f"  {project.name} "):
        answer = send(client, "post", "/api/projects", {"name": taken})
        assert (answer.status_code, code(answer)) == (409, "name_taken")
    other = factories.make_project(manager=staff)
    answer = send(client, "patch", f"/api/projects/{other.pk}", {"name": project.name})
    assert (answer.status_code, code(answer)) == (409, "name_taken")
    assert send(client, "patch", f"/api/projects/{other.pk}", {"name": other.name}).status_code == 200


@pytest.mark.parametrize(
    "body",
    [{}, {"name": ""}, {"name": "x" * 121}, {"name": "A\x00"}, {"name": "A", "preset": "knee"},
     {"name": "A", "colour": 1}, {"name": "A", "labels": [{"name": "x", "colour": "#000000"}]},
     {"name": "A", "labels": [{"name": "x", "color": "red"}]}, {"name": "A", "labels": [{"name": "x", "key": "ab"}]},
     {"name": "A", "labels": "x"}, {"name": "A", "labels": [1]}, []],
)  # fmt: skip
def test_a_project_with_wrong_or_unknown_fields_is_not_made(client: Client, staff: User, body: object) -> None:
    answer = send(client, "post", "/api/projects", body)
    assert answer.status_code == 400
    assert code(answer) == "bad_request"
    assert not Project.objects.exists()
    assert not AuditEvent.objects.exists()


def test_two_labels_of_one_name_undo_the_whole_project(client: Client, staff: User) -> None:
    answer = send(client, "post", "/api/projects", {"name": "A", "labels": [{"name": "x"}, {"name": "x"}]})
    assert (answer.status_code, code(answer)) == (409, "name_taken")
    assert not Project.objects.exists()
    assert not AuditEvent.objects.exists()


def test_settings_change_within_their_limits(client: Client, project: Project) -> None:
    path = f"/api/projects/{project.pk}"
    changed = send(client, "patch", path, {"frames_per_clip": 5, "forbid_own_review": True}).json()
    assert (changed["frames_per_clip"], changed["forbid_own_review"]) == (5, True)
    for wrong in ({"frames_per_clip": 0}, {"frames_per_clip": 10_001}, {"frames_per_clip": None}, {"champion": 3}):
        assert send(client, "patch", path, wrong).status_code == 400
    assert send(client, "patch", path, {"name": "Renamed"}).json()["name"] == "Renamed"
    rows = AuditEvent.objects.filter(object_type="project", verb="changed").order_by("id")
    assert [row.detail["fields"] for row in rows] == [["forbid_own_review", "frames_per_clip"], ["name"]]


@pytest.mark.parametrize("what", ["", "/labels", "/subjects", "/stats", "/effort"])
def test_members_see_a_project_and_strangers_meet_404(
    client: Client, project: Project, ask_all: Callable[..., dict[str, int]], what: str
) -> None:
    assert ask_all("get", f"/api/projects/{project.pk}{what}") == NOT_MINE | READERS
    assert client.get(f"/api/projects/999999{what}").status_code == 404
    assert client.delete(f"/api/projects/{project.pk}{what}").status_code == 405


@pytest.mark.parametrize(
    ("method", "what", "body"),
    [("get", "/audit", None), ("patch", "", {"name": "x"}), ("post", "/labels", {"name": "x"}),
     ("patch", "/labels/1", {"name": "x"}), ("delete", "/labels/1", None),
     ("put", "/labels/order", {"indices": [2, 1]})],
)  # fmt: skip
def test_only_managers_change_a_project_and_read_its_audit(
    client: Client, project: Project, ask_all: Callable[..., dict[str, int]], method: str, what: str, body: object
) -> None:
    request = {} if body is None else {"data": body, "content_type": JSON}
    assert ask_all(method, f"/api/projects/{project.pk}{what}", **request) == NOT_MINE | REFUSED
    assert getattr(client, method)(f"/api/projects/{project.pk}{what}", **request).status_code < 300
    assert getattr(client, method)(f"/api/projects/999999{what}", **request).status_code == 404


def test_a_stranger_s_list_is_empty(project: Project, sign_in: Callable[[User], Client]) -> None:
    assert sign_in(factories.make_user()).get("/api/projects").json() == {"results": [], "next": None}
    assert Client().get("/api/projects").status_code == 401


def test_projects_come_in_pages_that_meet_without_gap(client: Client, manager: User) -> None:
    made = [factories.make_project(manager=manager).pk for _ in range(5)]
    seen, cursor = [], ""
    while cursor is not None:
        shown = client.get(f"/api/projects?limit=2{cursor and '&cursor=' + cursor}").json()
        seen += [row["id"] for row in shown["results"]]
        cursor = shown["next"]
    assert seen == made[::-1]


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=501", "limit=-1", "limit=x", f"limit={'9' * 5000}", "cursor=x", "cursor=WzFd%00",
     "cursor=%C3%A4", "cursor=" + "W1tb" * 9000,
     *(f"cursor={forged(row)}" for row in
       ([0, "abc"], [0, math.nan], [0, math.inf], [0, None], [1, 2], [0, 1, 2], [0]))],
)  # fmt: skip
def test_a_wrong_page_is_refused_in_words(client: Client, project: Project, query: str) -> None:
    answer = client.get(f"/api/projects?{query}")
    assert answer.status_code == 400
    assert code(answer) == "bad_request"


# --- labels ---


def test_labels_are_added_renamed_recoloured_and_removed(client: Client, project: Project) -> None:
    path = f"/api/projects/{project.pk}/labels"
    added = send(client, "post", path, {"name": "needle", "color": "#ABCDEF", "key": "7"})
    assert added.status_code == 201
    assert added.json() == {"index": 3, "name": "needle", "color": "#abcdef", "key": "7", "position": 3}
    changed = send(client, "patch", f"{path}/3", {"name": "needle tip", "color": "#123456", "key": ""})
    assert changed.json() == {"index": 3, "name": "needle tip", "color": "#123456", "key": "", "position": 3}
    taken = send(client, "patch", f"{path}/3", {"name": "bone"})
    assert (taken.status_code, code(taken)) == (409, "name_taken")
    assert client.delete(f"{path}/3").status_code == 204
    assert [label["name"] for label in client.get(path).json()] == ["bone", "dura"]
    for gone in (client.delete(f"{path}/3"), send(client, "patch", f"{path}/3", {"name": "x"})):
        assert gone.status_code == 404
    assert client.get(f"{path}/3").status_code == 405
    # A removed label's name is free, its index is not.
    assert send(client, "post", path, {"name": "needle tip"}).json()["index"] == 4


@pytest.mark.parametrize(
    "body",
    [{"color": "#12345"}, {"color": None}, {"key": "x"}, {"name": ""}, {"name": "x" * 81}, {"index": 9},
     {"position": 0}],
)  # fmt: skip
def test_a_wrong_label_change_changes_nothing(client: Client, project: Project, body: dict[str, object]) -> None:
    before = list(Label.objects.values())
    assert send(client, "patch", f"/api/projects/{project.pk}/labels/1", body).status_code == 400
    assert send(client, "post", f"/api/projects/{project.pk}/labels", {"name": "new", **body}).status_code == 400
    assert list(Label.objects.values()) == before


def test_an_order_names_every_label_once(client: Client, project: Project) -> None:
    path = f"/api/projects/{project.pk}/labels"
    answer = send(client, "put", f"{path}/order", {"indices": [2, 1]})
    assert [label["index"] for label in answer.json()] == [2, 1]
    assert [label["index"] for label in client.get(path).json()] == [2, 1]
    for wrong in ([1], [1, 1], [1, 2, 3], [], ["a", 1], [1, 2, 2]):
        assert send(client, "put", f"{path}/order", {"indices": wrong}).status_code == 400
    assert client.get(f"{path}/order").status_code == 405


def test_the_255th_label_is_refused_even_after_removals(client: Client, project: Project) -> None:
    Project.objects.update(next_label_index=254)
    path = f"/api/projects/{project.pk}/labels"
    assert send(client, "post", path, {"name": "the last"}).json()["index"] == 254
    assert client.delete(f"{path}/254").status_code == 204
    answer = send(client, "post", path, {"name": "one more"})
    assert (answer.status_code, code(answer)) == (409, "no_index")


def test_the_database_itself_refuses_an_index_twice(project: Project) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Label.objects.create(project=project, index=1, name="again", color="#000000", position=9)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from(["add", "remove", "rename", "order"]), st.integers(0, 5)), max_size=12))
def test_an_index_is_never_given_out_twice(project: Project, steps: list[tuple[str, int]]) -> None:
    """Whatever people do in whatever order: every index belongs to one label for ever."""
    with transaction.atomic():
        by = project.created_by
        given_out = [1, 2]
        for number, (step, choice) in enumerate(steps):
            living = projects.living_labels(project)
            if step == "add":
                given_out.append(projects.add_label(project, by=by, name=f"label {number}").index)
            elif step == "order":
                projects.order_labels(project, [label.index for label in living[::-1]], by=by)
            elif living:
                index = living[choice % len(living)].index
                if step == "remove":
                    projects.remove_label(project, index, by=by)
                else:
                    projects.change_label(project, index, by=by, name=f"renamed {number}")
        assert sorted(set(given_out)) == sorted(given_out) == list(range(1, len(given_out) + 1))
        assert sorted(project.labels.values_list("index", flat=True)) == given_out
        transaction.set_rollback(True)


# --- progress ---


def moved(frame: Frame, *path: Frame.State) -> None:
    for state in path:
        with transaction.atomic():
            states.move(frame, state)


def test_the_numbers_are_right_after_any_moves(client: Client, project: Project) -> None:
    state = Frame.State
    clip = factories.make_clip_with_frames(project, "S1", factories.noise(6))
    other = factories.make_clip_with_frames(project, "S2", factories.noise(2))
    Frame.objects.filter(clip=clip, index=5).update(selected=False)
    Clip.objects.filter(pk=clip.pk).update(selected_count=5)
    frames = list(clip.frames.order_by("index"))
    moved(frames[0], state.OPEN, state.SUBMITTED, state.ACCEPTED)
    moved(frames[1], state.OPEN, state.SUBMITTED, state.RETURNED)
    moved(frames[2], state.OPEN, state.SUBMITTED, state.RETURNED, state.OPEN, state.OPEN)
    moved(frames[3], state.OPEN, state.SUBMITTED)
    moved(frames[5], state.OPEN)  # not asked for, worked on: selected from then on
    moved(other.frames.get(index=0), state.OPEN, state.SUBMITTED, state.ACCEPTED, state.OPEN, state.SUBMITTED)
    Clip.objects.create(
        project=project, subject=clip.subject, number=99, uploaded_by=project.created_by, state="failed", byte_size=1
    )

    stats = client.get(f"/api/projects/{project.pk}/stats").json()

    wanted = {"clips": 2, "subjects": 2, "frames": 8, "selected": 8, "untouched": 2, "open": 2, "submitted": 2,
              "returned": 1, "accepted": 1, "drafted": 0, "datasets": 0, "models": 0}  # fmt: skip
    assert {name: stats[name] for name in wanted} == wanted
    assert stats["waiting"] == {"annotate": 5, "review": 2, "jobs": 0}
    assert (stats["newest_dataset"], stats["champion"], stats["bottleneck"]) == (None, None, "annotate")
    for each in (clip, other):
        each.refresh_from_db()
        rows = each.frames.filter(selected=True)
        assert each.selected_count == rows.count()
        for name, column in states.COUNTERS.items():
            assert getattr(each, column) == rows.filter(state=name).count()

    subjects = client.get(f"/api/projects/{project.pk}/subjects").json()["results"]
    assert subjects == [
        {"id": clip.subject_id, "pseudonym": "S1", "is_test": False, "clips": 1, "selected": 6, "drafted": 0,
         "open": 2, "submitted": 1, "returned": 1, "accepted": 1},
        {"id": other.subject_id, "pseudonym": "S2", "is_test": False, "clips": 1, "selected": 2, "drafted": 0,
         "open": 0, "submitted": 1, "returned": 0, "accepted": 0},
    ]  # fmt: skip


def test_the_last_14_days_are_counted_by_day(client: Client, project: Project, manager: User) -> None:
    frame = factories.make_clip_with_frames(project).frames.get(index=0)
    first = factories.save_revision(frame, factories.boxes(), manager)
    second = factories.save_revision(frame, factories.boxes(seed=1), manager)
    type(first).objects.filter(pk=first.pk).update(
        created_at=timezone.now() - timezone.timedelta(days=3), active_seconds=7.5
    )
    type(first).objects.filter(pk=second.pk).update(active_seconds=2)
    Review.objects.create(revision=second, reviewer=manager, verdict=Review.Verdict.ACCEPTED)
    days = client.get(f"/api/projects/{project.pk}/stats").json()["activity"]
    today = timezone.now().date()
    assert [day["date"] for day in days] == [str(today - timezone.timedelta(days=13 - n)) for n in range(14)]
    assert days[10] == {"date": days[10]["date"], "revisions": 1, "accepted": 0, "active_seconds": 7.5}
    assert days[13] == {"date": days[13]["date"], "revisions": 1, "accepted": 1, "active_seconds": 2.0}
    assert sum(day["revisions"] for day in days) == 2


def test_the_bottleneck_goes_round_the_loop(client: Client, project: Project, manager: User) -> None:
    def bottleneck() -> str | None:
        found = client.get(f"/api/projects/{project.pk}/stats").json()["bottleneck"]
        return None if found is None else str(found)

    assert bottleneck() == "upload"
    clip = factories.make_clip_with_frames(project)
    assert bottleneck() == "annotate"
    for frame in clip.frames.all():
        moved(frame, Frame.State.OPEN, Frame.State.SUBMITTED)
    assert bottleneck() == "review"
    for frame in clip.frames.all():
        moved(frame, Frame.State.ACCEPTED)
    assert bottleneck() == "freeze"
    factories.make_model(project)
    assert bottleneck() == "promote"


def test_a_subject_is_fixed_to_the_test_side(client: Client, project: Project, ask_all) -> None:
    subject = Subject.objects.create(project=project, pseudonym="S1")
    path = f"/api/subjects/{subject.pk}"
    assert send(client, "patch", path, {"is_test": True}).json()["is_test"] is True
    assert send(client, "patch", path, {"is_test": False}).json()["is_test"] is False
    assert send(client, "patch", path, {"pseudonym": "Jane"}).status_code == 400
    assert ask_all("patch", path, data={"is_test": True}, content_type=JSON) == NOT_MINE | REFUSED
    assert client.get(path).status_code == 405
    assert send(client, "patch", "/api/subjects/999999", {"is_test": True}).status_code == 404
    assert AuditEvent.objects.filter(object_type="subject").count() == 2


def test_a_test_subject_of_a_frozen_dataset_stays_one(client: Client, project: Project) -> None:
    factories.make_dataset(project, test=0.4)
    subject = Subject.objects.filter(
        clips__frames__in=project.datasets.get().items.filter(split="test").values("frame")
    )
    for each in subject.distinct():
        Subject.objects.filter(pk=each.pk).update(is_test=True)
        answer = send(client, "patch", f"/api/subjects/{each.pk}", {"is_test": False})
        assert answer.status_code == 400
        each.refresh_from_db()
        assert each.is_test


# --- the audit trail ---


def test_every_change_leaves_a_row_with_who_and_what(client: Client, project: Project, manager: User) -> None:
    path = f"/api/projects/{project.pk}"
    ann = factories.make_user()
    subject = Subject.objects.create(project=project, pseudonym="S1")
    clip = factories.make_clip_with_frames(project)
    steps = [
        ("patch", path, {"description": "x"}, "changed project"),
        ("post", f"{path}/labels", {"name": "needle"}, "created label"),
        ("patch", f"{path}/labels/3", {"color": "#000000"}, "changed label"),
        ("put", f"{path}/labels/order", {"indices": [3, 2, 1]}, "reordered labels project"),
        ("delete", f"{path}/labels/3", None, "removed label"),
        ("post", f"{path}/members", {"username": ann.username, "role": "viewer"}, "added membership"),
        ("patch", f"{path}/members/{ann.pk}", {"role": "annotator"}, "changed role membership"),
        ("delete", f"{path}/members/{ann.pk}", None, "removed membership"),
        ("patch", f"/api/subjects/{subject.pk}", {"is_test": True}, "changed subject"),
        ("patch", f"/api/clips/{clip.pk}", {"millimetres_per_pixel": 0.1}, "changed clip"),
        ("post", f"/api/clips/{clip.pk}/select", {"count": 2}, "selected frames clip"),
        ("delete", f"/api/clips/{clip.pk}", None, "deleted clip"),
    ]
    for method, address, body, _ in steps:
        assert send(client, method, address, body).status_code < 300, address
    shown = client.get(f"{path}/audit").json()["results"]
    assert [f"{row['verb']} {row['object_type']}" for row in shown][::-1] == [step[3] for step in steps]
    assert {row["actor"] for row in shown} == {manager.username}
    assert str(clip.pk) == shown[0]["object_id"]


def test_a_change_that_is_rolled_back_leaves_no_row(project: Project, manager: User) -> None:
    class Interrupted(Exception):
        pass

    with pytest.raises(Interrupted), transaction.atomic():
        projects.add_label(project, by=manager, name="needle")
        projects.change_project(project, by=manager, description="x")
        assert AuditEvent.objects.count() == 2
        raise Interrupted
    assert not AuditEvent.objects.exists()
    with pytest.raises(NotFound):
        projects.remove_label(project, 77, by=manager)
    assert not AuditEvent.objects.exists()
    assert Membership.objects.count() == 1
