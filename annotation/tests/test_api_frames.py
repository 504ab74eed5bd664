"""Masks over the API: exact, never overwritten in silence, refused in words (promises 1, 2, 6)."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotation import corrections, files, frames, review, states
from annotation.errors import Conflict
from annotation.models import Annotation, AuditEvent, Clip, Draft, Frame, Membership, Project, Review, Revision, User
from annotation.tests import factories


@pytest.fixture
def clip(project: Project) -> Clip:
    return factories.make_clip_with_frames(project)


@pytest.fixture
def frame(clip: Clip) -> Frame:
    return clip.frames.get(index=0)


def put(client: Client, frame: Frame, label_map: np.ndarray | bytes, etag: str | None = '"r0"', query: str = ""):
    png = label_map if isinstance(label_map, bytes) else files.encode_label_map(label_map)
    headers = {"If-Match": etag} if etag is not None else {}
    return client.put(f"/api/frames/{frame.pk}/mask{query}", png, content_type="image/png", headers=headers)


def counters(clip: Clip) -> dict[str, int]:
    clip.refresh_from_db()
    return {name: getattr(clip, f"{name}_count") for name in ("selected", "open", "submitted", "returned", "accepted")}


def test_an_untouched_frame_answers_all_background_as_r0(client: Client, frame: Frame) -> None:
    answer = client.get(f"/api/frames/{frame.pk}/mask")
    assert answer.status_code == 200
    assert answer["ETag"] == '"r0"'
    label_map = files.decode_label_map(answer.content, height=64, width=80, allowed={0})
    assert not label_map.any()


def test_a_saved_mask_comes_back_pixel_for_pixel_and_byte_for_byte(client: Client, frame: Frame) -> None:
    label_map = factories.boxes()
    label_map[0, :7] = 255
    png = files.encode_label_map(label_map)

    saved = put(client, frame, png, query="?origin=hand&active_seconds=12.5")

    assert saved.status_code == 200, saved.content
    assert saved["ETag"] == '"r1"'
    answer = client.get(f"/api/frames/{frame.pk}/mask")
    assert answer["ETag"] == '"r1"'
    assert answer.content == png
    shown = client.get(f"/api/frames/{frame.pk}/revisions").json()
    assert [(row["number"], row["origin"], row["active_seconds"]) for row in shown] == [(1, "hand", 12.5)]
    assert shown[0]["label_pixels"] == {
        str(index): int((label_map == index).sum()) for index in np.unique(label_map) if index
    }
    assert client.get(f"/api/revisions/{shown[0]['id']}/mask").content == png


def test_the_frames_of_a_clip_tell_their_newest_revision(client: Client, clip: Clip, frame: Frame) -> None:
    put(client, frame, factories.boxes(), '"r0"')
    put(client, frame, factories.boxes(), '"r1"')
    listed = client.get(f"/api/clips/{clip.pk}/frames").json()["results"]
    assert {row["id"]: row["revision"] for row in listed if row["revision"]} == {frame.pk: 2}


def test_effort_is_counted_with_each_revision(client: Client, project: Project, frame: Frame) -> None:
    """Two strips of 10 pixels drafted; the person keeps one, moves a half of the other away, then adds a pixel."""
    drafted = np.zeros((64, 80), np.uint8)
    drafted[10, :10], drafted[20, :10] = 1, 2
    draft = Draft.objects.create(
        frame=frame,
        model_version=factories.make_model(project),
        png=files.encode_label_map(drafted),
        sha256="0" * 64,
        uncertainty=0.5,
        backend="test",
    )
    kept = drafted.copy()
    kept[20, 5:10] = 0

    first = put(client, frame, kept, query=f"?origin=draft&draft={draft.pk}&active_seconds=3&strokes=2&clicks=4").json()
    kept[40, 40] = 1
    second = put(client, frame, kept, etag='"r1"').json()

    assert (first["active_seconds"], first["strokes"], first["clicks"]) == (3, 2, 4)
    assert (first["pixels_changed"], first["draft_dice"]) == (5, pytest.approx((1 + 10 / 15) / 2))
    assert (second["strokes"], second["clicks"], second["pixels_changed"]) == (None, None, 1)
    assert second["draft_dice"] == pytest.approx((20 / 21 + 10 / 15) / 2)
    assert client.get(f"/api/frames/{frame.pk}/revisions").json() == [second, first]


def test_a_blank_frame_has_no_draft_to_compare_with(client: Client, frame: Frame) -> None:
    saved = put(client, frame, factories.boxes()).json()
    assert saved["pixels_changed"] == np.count_nonzero(factories.boxes())
    assert saved["draft_dice"] is None


def test_text_hidden_in_a_mask_is_not_stored(client: Client, frame: Frame) -> None:
    png = files.encode_label_map(factories.boxes())
    hidden = b"Comment\x00Jane Doe"
    import struct
    import zlib

    chunk = struct.pack(">I", len(hidden)) + b"tEXt" + hidden + struct.pack(">I", zlib.crc32(b"tEXt" + hidden))
    assert put(client, frame, png[:33] + chunk + png[33:]).status_code == 200
    assert b"Jane" not in bytes(Revision.objects.get().png)


def test_a_save_without_if_match_is_asked_for_one(client: Client, frame: Frame) -> None:
    answer = put(client, frame, factories.boxes(), etag=None)
    assert answer.status_code == 428
    assert answer.json()["error"]["code"] == "if_match_required"
    assert not Revision.objects.exists()


@pytest.mark.parametrize("etag", ["r1", "*", '"1"', '"r1", "r2"', ""])
def test_an_if_match_that_is_no_revision_is_refused(client: Client, frame: Frame, etag: str) -> None:
    assert put(client, frame, factories.boxes(), etag=etag).status_code == 400
    assert not Revision.objects.exists()


def test_a_stale_save_is_told_what_is_newer(
    client: Client, frame: Frame, project: Project, sign_in: Callable[[User], Client]
) -> None:
    other = factories.make_member(project, Membership.Role.ANNOTATOR)
    assert put(client, frame, factories.boxes(seed=1)).status_code == 200
    assert put(sign_in(other), frame, factories.boxes(seed=2), etag='"r1"').status_code == 200

    answer = put(client, frame, factories.boxes(seed=3), etag='"r1"')

    assert answer.status_code == 412
    detail = answer.json()["error"]["detail"]
    newest = Revision.objects.get(number=2)
    assert (detail["number"], detail["author"]) == (2, other.username)
    assert detail["at"] == newest.created_at.isoformat()
    assert Revision.objects.count() == 2


def test_a_base_that_never_was_is_refused(client: Client, frame: Frame) -> None:
    assert put(client, frame, factories.boxes(), etag='"r4"').status_code == 412
    assert not Annotation.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("saved_before", [0, 1])
def test_of_eight_racers_one_wins(
    client: Client, frame: Frame, sign_in: Callable[[User], Client], project: Project, saved_before: int
) -> None:
    for number in range(saved_before):
        assert put(client, frame, factories.boxes(), etag=f'"r{number}"').status_code == 200
    racers = [sign_in(factories.make_member(project, Membership.Role.ANNOTATOR)) for _ in range(8)]
    gate, statuses = threading.Barrier(8), []

    def race(number: int) -> None:
        gate.wait()
        answer = put(racers[number], frame, factories.boxes(seed=number), etag=f'"r{saved_before}"')
        statuses.append(answer.status_code)
        connection.close()

    threads = [threading.Thread(target=race, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [200] + [412] * 7
    assert Revision.objects.count() == saved_before + 1
    assert counters(frame.clip)["open"] == 1


@pytest.mark.parametrize(
    ("png", "says"),
    [
        (files.encode_label_map(np.zeros((80, 64), np.uint8)), "64×80 pixels, the frame is 80×64"),
        (cv2.imencode(".png", np.zeros((64, 80, 3), np.uint8))[1].tobytes(), "RGB"),
        (cv2.imencode(".png", np.zeros((64, 80), np.uint16))[1].tobytes(), "16"),
        (files.encode_label_map(np.full((64, 80), 7, np.uint8)), "index 7 at column 0, row 0"),
        (files.encode_label_map(np.zeros((64, 80), np.uint8))[:-20], "PNG"),
        (b"not a picture", "PNG"),
        (b"", "PNG"),
    ],
    ids=["size", "colour", "16 bit", "unknown label", "cut short", "text", "empty"],
)
def test_a_wrong_mask_is_refused_with_what_came_and_what_was_expected(
    client: Client, frame: Frame, png: bytes, says: str
) -> None:
    answer = put(client, frame, png)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "bad_mask"
    assert says in error["message"]
    assert not Revision.objects.exists()


def test_a_removed_label_does_not_block_a_frame_that_holds_it(client: Client, frame: Frame, project: Project) -> None:
    assert put(client, frame, factories.boxes()).status_code == 200
    assert client.delete(f"/api/projects/{project.pk}/labels/2").status_code == 204
    assert put(client, frame, factories.boxes(), etag='"r1"').status_code == 200


def test_a_late_draft_changes_nothing_a_person_saved(client: Client, frame: Frame, project: Project) -> None:
    png = files.encode_label_map(factories.boxes())
    assert put(client, frame, png).status_code == 200
    model = factories.make_model(project)
    draft_png = files.encode_label_map(np.ones((64, 80), np.uint8))
    Draft.objects.create(
        frame=frame, model_version=model, png=draft_png, sha256="0" * 64, uncertainty=0.5, backend="test"
    )
    answer = client.get(f"/api/frames/{frame.pk}/mask")
    assert (answer["ETag"], answer.content) == ('"r1"', png)
    assert client.get(f"/api/frames/{frame.pk}/draft").content == draft_png
    masks = client.get(f"/api/clips/{frame.clip_id}/masks").json()
    assert masks["0"]["kind"] == "revision"


def test_how_sure_the_model_was_is_told_with_the_draft(
    client: Client, frame: Frame, project: Project, ask_all: Callable[..., dict[str, int]]
) -> None:
    path = f"/api/frames/{frame.pk}/draft/confidence"
    assert client.get(path).json()["error"]["code"] == "no_draft"
    old = Draft.objects.create(
        frame=frame, model_version=factories.make_model(project), png=b"", sha256="0" * 64, uncertainty=0.5, backend="t"
    )
    assert client.get(path).json()["error"]["code"] == "no_confidence"
    Draft.objects.filter(pk=old.pk).update(confidence_map=b"picture")
    seen = AuditEvent.objects.count()
    answer = client.get(path)
    assert (answer.content, answer["Content-Type"], answer["ETag"]) == (b"picture", "image/png", f'"d{old.pk}"')
    assert AuditEvent.objects.count() == seen + 1
    assert client.post(path).status_code == 405
    assert client.get("/api/frames/999999/draft/confidence").status_code == 404
    answers = ask_all("get", path)
    assert (answers["nobody"], answers["stranger"], answers["viewer"], answers["annotator"]) == (401, 404, 200, 200)


def test_the_loop_of_states_keeps_the_counters_right(client: Client, frame: Frame, clip: Clip) -> None:
    assert client.post(f"/api/frames/{frame.pk}/submit").json()["error"]["code"] == "nothing_saved"
    put(client, frame, factories.boxes())
    assert counters(clip) == {"selected": 3, "open": 1, "submitted": 0, "returned": 0, "accepted": 0}

    assert client.post(f"/api/frames/{frame.pk}/submit").json() == {"state": "submitted"}
    assert client.post(f"/api/frames/{frame.pk}/submit").json() == {"state": "submitted"}
    assert counters(clip)["submitted"] == 1

    verdict = {"verdict": "returned", "comment": "look again", "points": [{"x": 3, "y": 4, "text": "here"}]}
    answer = client.post(f"/api/frames/{frame.pk}/review", verdict, content_type="application/json")
    assert answer.status_code == 200, answer.content
    assert counters(clip) == {"selected": 3, "open": 0, "submitted": 0, "returned": 1, "accepted": 0}
    assert client.get(f"/api/frames/{frame.pk}").json()["review"]["points"] == verdict["points"]

    put(client, frame, factories.boxes(seed=4), etag='"r1"')
    client.post(f"/api/frames/{frame.pk}/submit")
    accepted = {"verdict": "accepted", "revision": 2}
    assert client.post(f"/api/frames/{frame.pk}/review", accepted, content_type="application/json").status_code == 200
    assert counters(clip) == {"selected": 3, "open": 0, "submitted": 0, "returned": 0, "accepted": 1}
    frame.refresh_from_db()
    assert frame.gold is not None
    assert frame.gold.number == 2


def test_submitting_an_older_revision_than_the_newest_is_refused(client: Client, frame: Frame) -> None:
    put(client, frame, factories.boxes())
    put(client, frame, factories.boxes(seed=9), etag='"r1"')

    answer = client.post(f"/api/frames/{frame.pk}/submit", headers={"If-Match": '"r1"'})
    assert answer.status_code == 412, answer.content
    assert answer.json()["error"]["code"] == "stale_revision"
    assert answer.json()["error"]["detail"]["number"] == 2
    assert client.get(f"/api/frames/{frame.pk}").json()["state"] == "open"

    answer = client.post(f"/api/frames/{frame.pk}/submit", headers={"If-Match": '"r2"'})
    assert answer.json() == {"state": "submitted"}


def test_a_verdict_on_an_older_revision_is_refused(client: Client, frame: Frame) -> None:
    put(client, frame, factories.boxes())
    client.post(f"/api/frames/{frame.pk}/submit")
    put(client, frame, factories.boxes(seed=9), etag='"r1"')
    client.post(f"/api/frames/{frame.pk}/submit")
    verdict = {"verdict": "accepted", "revision": 1}
    answer = client.post(f"/api/frames/{frame.pk}/review", verdict, content_type="application/json")
    assert answer.status_code == 412
    assert answer.json()["error"]["detail"]["number"] == 2
    frame.refresh_from_db()
    assert frame.gold is None


def test_own_work_is_refused_where_the_project_says_so(
    client: Client, frame: Frame, project: Project, sign_in: Callable[[User], Client]
) -> None:
    client.patch(f"/api/projects/{project.pk}", {"forbid_own_review": True}, content_type="application/json")
    put(client, frame, factories.boxes())
    client.post(f"/api/frames/{frame.pk}/submit")
    accept = {"verdict": "accepted"}
    own = client.post(f"/api/frames/{frame.pk}/review", accept, content_type="application/json")
    assert (own.status_code, own.json()["error"]["code"]) == (403, "own_work")
    assert client.get(f"/api/projects/{project.pk}/queue?role=review").json()["results"] == []

    other = sign_in(factories.make_member(project, Membership.Role.REVIEWER))
    assert len(other.get(f"/api/projects/{project.pk}/queue?role=review").json()["results"]) == 1
    answer = other.post(f"/api/frames/{frame.pk}/review", accept, content_type="application/json")
    assert answer.status_code == 200


def test_an_annotator_cannot_change_what_is_accepted_and_a_reviewer_can(
    client: Client, frame: Frame, project: Project, sign_in: Callable[[User], Client]
) -> None:
    gold = factories.accept(frame, factories.boxes(), project.created_by)
    annotator = sign_in(factories.make_member(project, Membership.Role.ANNOTATOR))
    assert put(annotator, frame, factories.boxes(seed=1), etag='"r1"').status_code == 409
    assert put(client, frame, factories.boxes(seed=1), etag='"r1"').status_code == 200
    frame.refresh_from_db()
    assert frame.state == Frame.State.OPEN
    assert frame.gold == gold  # until another revision is accepted


def test_gold_stays_while_a_reviewers_change_of_it_is_returned(client: Client, frame: Frame, project: Project) -> None:
    gold = factories.accept(frame, factories.boxes(), project.created_by)
    assert put(client, frame, factories.boxes(seed=1), etag='"r1"').status_code == 200
    client.post(f"/api/frames/{frame.pk}/submit")
    returned = {"verdict": "returned", "comment": "the old one was right"}
    assert client.post(f"/api/frames/{frame.pk}/review", returned, content_type="application/json").status_code == 200
    frame.refresh_from_db()
    assert (frame.state, frame.gold) == (Frame.State.RETURNED, gold)


def test_gold_that_is_taken_back_is_gold_no_more(client: Client, frame: Frame, project: Project) -> None:
    factories.accept(frame, factories.boxes(), project.created_by)
    answer = client.post(f"/api/frames/{frame.pk}/review", {"verdict": "returned"}, content_type="application/json")
    assert answer.status_code == 200
    frame.refresh_from_db()
    assert (frame.state, frame.gold) == (Frame.State.RETURNED, None)


def until_a_lock_is_waited_for() -> None:
    """On PostgreSQL, wait until some transaction waits for another; on SQLite writers take turns as they begin."""
    if connection.vendor != "postgresql":
        return
    for _ in range(200):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        threading.Event().wait(0.05)
    raise AssertionError("nobody waits for a lock")


def in_a_thread(work: Callable[[], object]) -> Future[object]:
    """Start `work` in a thread with a connection of its own."""

    def run() -> object:
        try:
            return work()
        finally:
            connection.close()

    pool = ThreadPoolExecutor(1)
    started = pool.submit(run)
    pool.shutdown(wait=False)
    return started


@pytest.mark.django_db(transaction=True)
def test_a_save_that_meets_the_acceptance_does_not_open_the_frame_again(frame: Frame, project: Project) -> None:
    annotator = factories.make_member(project, Membership.Role.ANNOTATOR)
    factories.save_revision(frame, factories.boxes(), annotator, Frame.State.SUBMITTED)
    save = corrections.Save(png=files.encode_label_map(factories.boxes(seed=1)), base=1)
    with transaction.atomic():
        review.decide(frame, verdict=Review.Verdict.ACCEPTED, by=project.created_by)
        other = in_a_thread(lambda: corrections.save_mask(frame, save, by=annotator, may_reopen=False))
        until_a_lock_is_waited_for()
    with pytest.raises(Conflict, match="This frame is accepted"):
        other.result(timeout=30)
    frame.refresh_from_db()
    assert frame.state == Frame.State.ACCEPTED
    assert Revision.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_choosing_frames_and_saving_one_wait_for_each_other(frame: Frame, clip: Clip, project: Project) -> None:
    with transaction.atomic():
        Frame.objects.select_for_update().get(pk=frame.pk)  # as a save begins
        other = in_a_thread(lambda: frames.select(clip, by=project.created_by, indices=[1]))
        until_a_lock_is_waited_for()
        states.move(frame, Frame.State.OPEN)
    assert other.result(timeout=30) == clip
    assert list(clip.frames.filter(selected=True).order_by("index").values_list("index", flat=True)) == [0, 1]
    assert counters(clip) == {"selected": 2, "open": 1, "submitted": 0, "returned": 0, "accepted": 0}


def test_a_save_answers_with_the_revision_as_the_list_of_revisions_shows_it(client: Client, frame: Frame) -> None:
    for base in (0, 1):
        saved = put(client, frame, factories.boxes(seed=base), etag=f'"r{base}"').json()
        assert client.get(f"/api/frames/{frame.pk}/revisions").json()[0] == saved
        assert saved["parent"] == (base or None)


def test_the_queue_shows_returned_then_begun_then_the_most_uncertain(
    client: Client, clip: Clip, project: Project
) -> None:
    fourth = factories.make_clip_with_frames(project, "S2", factories.noise(2))
    frames = [*clip.frames.order_by("index"), *fourth.frames.order_by("index")]
    for frame, uncertainty in zip(frames, (0.1, 0.9, 0.2, 0.5, -1.0), strict=True):
        Frame.objects.filter(pk=frame.pk).update(uncertainty=uncertainty)
    factories.save_revision(frames[0], factories.boxes(), project.created_by, Frame.State.RETURNED)
    factories.save_revision(frames[2], factories.boxes(), project.created_by)
    expected = [frames[0].pk, frames[2].pk, frames[1].pk, frames[3].pk, frames[4].pk]

    whole = client.get(f"/api/projects/{project.pk}/queue?role=annotate").json()
    assert [entry["frame"]["id"] for entry in whole["results"]] == expected

    paged, cursor = [], None
    while True:
        more = f"&cursor={cursor}" if cursor else ""
        answer = client.get(f"/api/projects/{project.pk}/queue?role=annotate&limit=2{more}").json()
        paged += [entry["frame"]["id"] for entry in answer["results"]]
        cursor = answer["next"]
        if not cursor:
            break
    assert paged == expected


def test_the_review_queue_can_begin_with_what_people_changed_most(client: Client, clip: Clip, project: Project) -> None:
    drawn = factories.boxes()
    moved = np.roll(drawn, 9, axis=1)
    frames = list(clip.frames.order_by("index"))
    model = factories.make_model(project)
    for frame, saved in zip(frames, (drawn, moved, drawn), strict=True):
        query = ""
        if frame != frames[2]:
            png = files.encode_label_map(drawn)
            draft = Draft.objects.create(
                frame=frame, model_version=model, png=png, sha256="0" * 64, uncertainty=0.5, backend="test"
            )
            # Work that grew from no draft (a mask carried over) is compared with the frame's own.
            query = f"?draft={draft.pk}" if frame == frames[0] else "?origin=propagated"
        put(client, frame, saved, query=query)
        client.post(f"/api/frames/{frame.pk}/submit")

    answer = client.get(f"/api/projects/{project.pk}/queue?role=review&order=disagreement").json()

    found = {entry["frame"]["id"]: entry["frame"]["disagreement"] for entry in answer["results"]}
    assert list(found) == [frames[1].pk, frames[0].pk, frames[2].pk]
    assert found[frames[0].pk] == 0
    assert found[frames[1].pk] > 0.1
    assert found[frames[2].pk] is None
    refused = client.get(f"/api/projects/{project.pk}/queue?role=annotate&order=disagreement")
    assert refused.status_code == 400


def test_what_somebody_began_who_has_left_is_everybodys(
    client: Client, clip: Clip, project: Project, sign_in: Callable[[User], Client]
) -> None:
    begun, returned, kept = clip.frames.order_by("index")
    people = [factories.make_member(project, Membership.Role.ANNOTATOR) for _ in range(4)]
    demoted, gone, stays, asks = people
    factories.save_revision(begun, factories.boxes(), demoted)
    factories.save_revision(returned, factories.boxes(), gone, Frame.State.RETURNED)
    factories.save_revision(kept, factories.boxes(), stays)

    def waits_for(user: User) -> list[int]:
        answer = sign_in(user).get(f"/api/projects/{project.pk}/queue?role=annotate").json()
        return [entry["frame"]["id"] for entry in answer["results"]]

    assert waits_for(asks) == []
    Membership.objects.filter(user=demoted).update(role=Membership.Role.VIEWER)
    Membership.objects.filter(user=gone).delete()
    assert waits_for(asks) == [returned.pk, begun.pk]
    assert waits_for(stays) == [returned.pk, begun.pk, kept.pk]
    User.objects.filter(pk=stays.pk).update(is_active=False)
    assert waits_for(asks) == [returned.pk, begun.pk, kept.pk]


def test_pictures_are_the_stored_bytes_cached_for_ever_and_every_look_is_on_record(
    client: Client, frame: Frame, clip: Clip
) -> None:
    answer = client.get(f"/api/frames/{frame.pk}/image")
    assert answer.content == files.read_slice(clip.pack_name, frame.pack_offset, frame.pack_length)
    assert "immutable" in answer["Cache-Control"]
    assert "private" in answer["Cache-Control"]
    again = client.get(f"/api/frames/{frame.pk}/image", headers={"If-None-Match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")

    rows = client.get(f"/api/clips/{clip.pk}/frames").json()["results"]
    total = sum(row["length"] for row in rows)
    whole = client.get(f"/api/clips/{clip.pk}/images?offset=0&length={total}").content
    for row in rows:
        piece = whole[row["offset"] : row["offset"] + row["length"]]
        assert piece == client.get(f"/api/frames/{row['id']}/image").content
    assert client.get(f"/api/clips/{clip.pk}/images?offset=0&length={total + 1}").status_code == 400
    assert AuditEvent.objects.filter(verb="viewed", object_id=str(clip.pk)).count() == 1


def test_who_may_read_and_who_may_save(ask_all: Callable[..., dict[str, int]], frame: Frame, clip: Clip) -> None:
    for path in ("", "/image", "/mask", "/revisions"):
        assert ask_all("get", f"/api/frames/{frame.pk}{path}") == {
            "nobody": 401, "stranger": 404, "viewer": 200, "uploader": 200, "annotator": 200, "reviewer": 200,
        }  # fmt: skip
    for path in ("frames", "masks", "images?length=10"):
        assert ask_all("get", f"/api/clips/{clip.pk}/{path}")["stranger"] == 404
    saving = ask_all(
        "put",
        f"/api/frames/{frame.pk}/mask",
        data=files.encode_label_map(factories.boxes()),
        content_type="image/png",
        headers={"If-Match": '"r0"'},
    )
    assert saving == {
        "nobody": 401, "stranger": 404, "viewer": 403, "uploader": 403, "annotator": 200, "reviewer": 412,
    }  # fmt: skip
    reviewing = ask_all(
        "post", f"/api/frames/{frame.pk}/review", data={"verdict": "accepted"}, content_type="application/json"
    )
    assert reviewing == {
        "nobody": 401, "stranger": 404, "viewer": 403, "uploader": 403, "annotator": 403, "reviewer": 409,
    }  # fmt: skip


@pytest.mark.parametrize(
    "path", ["frames/999999", "frames/999999/mask", "revisions/999999/mask", "clips/999999/frames"]
)
def test_what_is_not_there_is_404_in_the_shape_of_errors(client: Client, path: str) -> None:
    answer = client.get(f"/api/{path}")
    assert answer.status_code == 404
    assert set(answer.json()["error"]) == {"code", "message", "detail"}


def test_wrong_methods_and_wrong_queries_are_refused_in_words(client: Client, frame: Frame, clip: Clip) -> None:
    assert client.delete(f"/api/frames/{frame.pk}").status_code == 405
    for query in ("limit=0", "limit=x", "cursor=zzz", "state=odd", "order=odd", "selected=maybe"):
        answer = client.get(f"/api/clips/{clip.pk}/frames?{query}")
        assert answer.status_code == 400, query
        assert answer.json()["error"]["message"]
    assert put(client, frame, factories.boxes(), query="?origin=magic").status_code == 400
    for effort in ("active_seconds=-1", "active_seconds=90000", "active_seconds=nan", "strokes=1.5", "clicks=1e9"):
        refused = put(client, frame, factories.boxes(), query=f"?{effort}")
        assert refused.status_code == 400
        assert effort.split("=")[0] in refused.json()["error"]["message"]
    assert put(client, frame, factories.boxes(), query="?draft=12").status_code == 400


@pytest.mark.parametrize("frames", [2, 40])
def test_a_list_costs_the_same_queries_at_any_length(
    client: Client, project: Project, frames: int, django_assert_max_num_queries
) -> None:
    clip = factories.make_clip_with_frames(project, "S9", factories.noise(frames))
    for frame in clip.frames.all():
        factories.save_revision(frame, factories.boxes(), project.created_by, Frame.State.SUBMITTED)
    for path in (f"clips/{clip.pk}/frames", f"projects/{project.pk}/queue?role=review", f"clips/{clip.pk}/masks"):
        with django_assert_max_num_queries(9):
            assert client.get(f"/api/{path}").status_code == 200


def test_pictures_kept_by_a_browser_are_for_this_session_only(client: Client, frame: Frame) -> None:
    answer = client.get(f"/api/frames/{frame.pk}/image")
    assert "immutable" in answer["Cache-Control"]
    assert {"Cookie", "Authorization"} <= set(answer["Vary"].replace(" ", "").split(","))


def test_missing_pixels_are_said_in_words(client: Client, frame: Frame) -> None:
    files.delete(frame.clip.pack_name)
    for path in (f"/api/frames/{frame.pk}/image", f"/api/clips/{frame.clip_id}/images?offset=0&length=10"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "pixels_missing")


def test_lists_of_revisions_leave_the_masks_where_they_are(client: Client, frame: Frame) -> None:
    put(client, frame, factories.boxes(), '"r0"')
    put(client, frame, factories.boxes(), '"r1"')
    client.post(f"/api/frames/{frame.pk}/submit")
    client.post(f"/api/frames/{frame.pk}/review", {"verdict": "returned", "comment": "x"}, "application/json")
    for path in ("", "/revisions"):
        with CaptureQueriesContext(connection) as asked:
            assert client.get(f"/api/frames/{frame.pk}{path}").status_code == 200
        columns = [
            query["sql"] for query in asked if '."png"' in query["sql"] and "annotation_revision" in query["sql"]
        ]
        assert columns == []


def test_strokes_are_not_saved_under_the_name_of_who_signed_in_meanwhile(
    client: Client, frame: Frame, project: Project, manager: User
) -> None:
    other = factories.make_member(project, Membership.Role.ANNOTATOR)
    png = files.encode_label_map(factories.boxes())

    def save(user: User) -> int:
        headers = {"If-Match": '"r0"', "Sonoloop-User": str(user.pk)}
        path = f"/api/frames/{frame.pk}/mask"
        return client.put(path, png, content_type="image/png", headers=headers).status_code

    assert save(other) == 409
    assert not Revision.objects.exists()
    assert save(manager) == 200
