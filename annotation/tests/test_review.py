"""A reviewer takes verdicts back: frames are as before, the history keeps all, nobody's later work is undone."""

from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotation import corrections, datasets, events, files, review
from annotation.errors import SonoloopError
from annotation.models import Annotation, AuditEvent, Clip, Frame, Membership, Project, Review, User
from annotation.tests import factories
from annotation.tests.test_api_frames import counters, in_a_thread, until_a_lock_is_waited_for

ACCEPTED, RETURNED = Review.Verdict.ACCEPTED, Review.Verdict.RETURNED


@pytest.fixture
def clip(project: Project) -> Clip:
    clip = factories.make_clip_with_frames(project)
    for frame in clip.frames.all():
        factories.save_revision(frame, factories.boxes(), factories.make_user(), Frame.State.SUBMITTED)
    return clip


def at(clip: Clip, index: int) -> Frame:
    return Frame.objects.select_related("clip", "project", "gold").get(clip=clip, index=index)


def save(frame: Frame, by: User) -> None:
    """As a correction: the next revision, submitted."""
    base = frame.annotations.get().head
    png = files.encode_label_map(factories.boxes(seed=base))
    corrections.save_mask(frame, corrections.Save(png=png, base=base), by=by, may_reopen=True)
    corrections.submit(frame, by=by)


def take_back(client: Client, project: Project, *verdicts: Review | int) -> dict:
    body = {"reviews": [each if isinstance(each, int) else each.pk for each in verdicts]}
    answer = client.post(f"/api/projects/{project.pk}/reviews/take-back", body, content_type="application/json")
    assert answer.status_code == 200, answer.content
    return answer.json()


def codes(answer: dict) -> list[str]:
    assert answer["taken_back"] == []
    return [each["code"] for each in answer["refused"]]


def test_verdicts_taken_back_leave_the_frames_submitted_and_stay_in_the_history(
    client: Client, clip: Clip, project: Project, manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    monkeypatch.setattr(events, "changed", lambda row: told.append(row.pk))
    first = review.decide(at(clip, 0), verdict=ACCEPTED, by=manager)
    second = review.decide(at(clip, 1), verdict=RETURNED, by=manager, comment="look again")
    assert counters(clip) == {"selected": 3, "open": 0, "submitted": 1, "returned": 1, "accepted": 1}
    told.clear()

    answer = take_back(client, project, first, second)

    frames = [at(clip, 0).pk, at(clip, 1).pk]
    assert answer == {"taken_back": frames, "refused": []}
    assert counters(clip) == {"selected": 3, "open": 0, "submitted": 3, "returned": 0, "accepted": 0}
    assert told == frames
    for index in (0, 1):
        frame = at(clip, index)
        assert (frame.state, frame.gold, frame.annotations.get().state) == ("submitted", None, "submitted")
        assert client.get(f"/api/frames/{frame.pk}").json()["review"] is None
    waiting = client.get(f"/api/projects/{project.pk}/queue?role=review").json()["results"]
    assert {entry["frame"]["id"] for entry in waiting} == set(clip.frames.values_list("pk", flat=True))
    [revision] = client.get(f"/api/frames/{frames[1]}/revisions").json()
    [kept] = revision["reviews"]
    assert (kept["verdict"], kept["comment"]) == ("returned", "look again")
    assert kept["taken_back_at"] is not None
    assert client.get(f"/api/projects/{project.pk}/stats").json()["activity"][-1]["accepted"] == 0
    rows = AuditEvent.objects.filter(verb="took back", object_type="review", actor=manager, project=project)
    assert [row.detail for row in rows.order_by("pk")] == [
        {"verdict": "accepted", "frame": frames[0], "revision": 1},
        {"verdict": "returned", "frame": frames[1], "revision": 1},
    ]
    assert review.decide(at(clip, 0), verdict=ACCEPTED, by=manager)
    assert at(clip, 0).gold is not None


def test_the_gold_of_before_is_gold_again(client: Client, clip: Clip, project: Project, manager: User) -> None:
    frame = at(clip, 0)
    review.decide(frame, verdict=ACCEPTED, by=factories.make_member(project, Membership.Role.REVIEWER))
    save(frame, manager)
    newer = review.decide(frame, verdict=ACCEPTED, by=manager)
    assert at(clip, 0).gold.number == 2
    take_back(client, project, newer)
    assert (at(clip, 0).state, at(clip, 0).gold.number) == ("submitted", 1)


def test_gold_returned_by_mistake_is_accepted_again(
    client: Client, clip: Clip, project: Project, manager: User
) -> None:
    review.decide(at(clip, 0), verdict=ACCEPTED, by=factories.make_member(project, Membership.Role.REVIEWER))
    returned = review.decide(at(clip, 0), verdict=RETURNED, by=manager)
    assert at(clip, 0).gold is None
    take_back(client, project, returned)
    frame = at(clip, 0)
    assert (frame.state, frame.annotations.get().state, frame.gold.number) == ("accepted", "accepted", 1)
    assert counters(clip) == {"selected": 3, "open": 0, "submitted": 2, "returned": 0, "accepted": 1}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["accepted", "returned", "save", "submit", "take back"]), min_size=1, max_size=9))
def test_whatever_was_done_before_a_verdict_taking_it_back_changes_nothing(
    project: Project, manager: User, steps: list[str]
) -> None:
    clip = factories.make_clip_with_frames(project, frames=factories.noise(1))
    factories.save_revision(at(clip, 0), factories.boxes(), manager, Frame.State.SUBMITTED)

    def stand() -> tuple[str, str, int | None, dict[str, int]]:
        frame = at(clip, 0)
        return frame.state, frame.annotations.get().state, frame.gold_id, counters(clip)

    def judge(verdict: str) -> Review | None:
        try:
            return review.decide(at(clip, 0), verdict=Review.Verdict(verdict), by=manager)
        except SonoloopError:
            return None  # not to be judged as it is

    for step in steps:
        before = stand()
        if step in ("accepted", "returned"):
            judge(step)
        elif step == "save":
            save(at(clip, 0), manager)
        elif step == "submit" and before[0] == "returned":
            corrections.submit(at(clip, 0), by=manager)
        elif step == "take back":
            review.take_back(project, list(Review.objects.values_list("pk", flat=True)), by=manager)
    for verdict in ("accepted", "returned"):
        before = stand()
        given = judge(verdict)
        if given:
            taken, refused = review.take_back(project, [given.pk], by=manager)
            assert (taken, refused) == ([given], [])
            assert stand() == before


def test_what_happened_since_stands_and_is_told_by_name(
    client: Client, clip: Clip, project: Project, manager: User, sign_in: Callable[[User], Client]
) -> None:
    other = factories.make_member(project, Membership.Role.REVIEWER)
    saved = review.decide(at(clip, 0), verdict=ACCEPTED, by=manager)
    save(at(clip, 0), other)
    judged = review.decide(at(clip, 1), verdict=ACCEPTED, by=manager)
    theirs = review.decide(at(clip, 1), verdict=RETURNED, by=other)
    submitted = review.decide(at(clip, 2), verdict=RETURNED, by=manager)
    corrections.submit(at(clip, 2), by=other)
    before = list(Frame.objects.order_by("pk").values("state", "gold")), list(Review.objects.values())

    assert codes(take_back(client, project, saved, judged, submitted, theirs)) == [
        "saved_since", "judged_since", "submitted_since", "other_person",
    ]  # fmt: skip
    assert (list(Frame.objects.order_by("pk").values("state", "gold")), list(Review.objects.values())) == before
    # The other's own can go, and then the one before it; a second time there is nothing to take back.
    assert take_back(sign_in(other), project, theirs)["taken_back"] == [at(clip, 1).pk]
    assert at(clip, 1).state == "accepted"
    assert take_back(client, project, judged)["taken_back"] == [at(clip, 1).pk]
    assert codes(take_back(client, project, judged)) == ["taken_back"]


def test_what_a_dataset_version_holds_stays_gold(client: Client, project: Project, manager: User) -> None:
    verdicts = []
    for subject in ("S1", "S2", "S3", "S4", "S5"):
        clip = factories.make_clip_with_frames(project, subject, factories.noise(1))
        factories.save_revision(at(clip, 0), factories.boxes(), manager, Frame.State.SUBMITTED)
        verdicts.append(review.decide(at(clip, 0), verdict=ACCEPTED, by=manager))
    datasets.freeze(project, manager)
    [refused, *_] = take_back(client, project, *verdicts)["refused"]
    assert (refused["review"], refused["code"]) == (verdicts[0].pk, "frozen")
    assert "dataset version" in refused["message"]
    assert Frame.objects.filter(gold=None).count() == 0


def test_verdicts_elsewhere_are_not_there(client: Client, clip: Clip, project: Project, manager: User) -> None:
    elsewhere = factories.make_project()
    foreign = factories.make_clip_with_frames(elsewhere)
    factories.save_revision(at(foreign, 0), factories.boxes(), elsewhere.created_by, Frame.State.SUBMITTED)
    Membership.objects.create(project=elsewhere, user=manager, role=Membership.Role.REVIEWER)
    given = review.decide(at(foreign, 0), verdict=ACCEPTED, by=manager)
    answer = take_back(client, project, given, 10**9)
    assert codes(answer) == ["no_review", "no_review"]
    assert [each["frame"] for each in answer["refused"]] == [None, None]
    assert at(foreign, 0).state == "accepted"


def test_who_may_take_verdicts_back(
    ask_all: Callable[..., dict[str, int]],
    clip: Clip,
    project: Project,
    client: Client,
    sign_in: Callable[[User], Client],
) -> None:
    path = f"/api/projects/{project.pk}/reviews/take-back"
    given = review.decide(at(clip, 0), verdict=ACCEPTED, by=project.created_by)
    asked = {"data": {"reviews": [given.pk]}, "content_type": "application/json"}
    assert ask_all("post", path, **asked) == {
        "nobody": 401, "stranger": 404, "viewer": 403, "uploader": 403, "annotator": 403, "reviewer": 200,
    }  # fmt: skip
    assert at(clip, 0).state == "accepted"  # not the reviewer's own
    assert client.get(path).status_code == 405
    assert client.post("/api/projects/999999/reviews/take-back", **asked).status_code == 404
    for body in ({}, {"reviews": []}, {"reviews": ["x"]}, {"reviews": [1], "frames": [1]}, {"reviews": [1] * 1001}):
        assert client.post(path, body, content_type="application/json").status_code == 400, body
    # Who may no longer review cannot undo what they did while they could.
    Membership.objects.filter(user=project.created_by).update(role=Membership.Role.ANNOTATOR)
    assert client.post(path, **asked).status_code == 403
    assert at(clip, 0).state == "accepted"


def test_many_cost_as_many_queries_as_one(client: Client, project: Project, manager: User) -> None:
    def queries(clips: int) -> int:
        verdicts = []
        for _ in range(clips):
            clip = factories.make_clip_with_frames(project, "S1", factories.noise(2))
            for frame in clip.frames.select_related("clip", "project"):
                factories.save_revision(frame, factories.boxes(), manager, Frame.State.SUBMITTED)
                verdicts.append(review.decide(frame, verdict=ACCEPTED, by=manager))
        with CaptureQueriesContext(connection) as asked:
            assert len(take_back(client, project, *verdicts)["taken_back"]) == 2 * clips
        assert not any('."png"' in query["sql"] for query in asked)
        return len(asked)

    assert queries(1) == queries(20)


@pytest.mark.django_db(transaction=True)
def test_of_a_save_and_a_verdict_taken_back_one_waits_for_the_other(
    clip: Clip, project: Project, manager: User
) -> None:
    given = review.decide(at(clip, 0), verdict=ACCEPTED, by=manager)
    with transaction.atomic():
        png = files.encode_label_map(factories.boxes(seed=5))
        corrections.save_mask(at(clip, 0), corrections.Save(png=png, base=1), by=manager, may_reopen=True)
        other = in_a_thread(lambda: review.take_back(project, [given.pk], by=manager))
        until_a_lock_is_waited_for()
    taken, [refused] = other.result(timeout=30)
    assert (taken, refused.code) == ([], "saved_since")
    assert at(clip, 0).state == Annotation.State.OPEN


@pytest.mark.django_db(transaction=True)
def test_what_is_being_frozen_is_not_taken_back(project: Project, manager: User) -> None:
    clip = factories.make_clip_with_frames(project, "S9", factories.noise(1))
    factories.save_revision(at(clip, 0), factories.boxes(), manager, Frame.State.SUBMITTED)
    given = review.decide(at(clip, 0), verdict=ACCEPTED, by=manager)
    factories.make_gold(project)
    with transaction.atomic():
        datasets.freeze(project, manager)
        other = in_a_thread(lambda: review.take_back(project, [given.pk], by=manager))
        until_a_lock_is_waited_for()
    taken, [refused] = other.result(timeout=30)
    assert (taken, refused.code) == ([], "frozen")
    assert at(clip, 0).gold is not None
