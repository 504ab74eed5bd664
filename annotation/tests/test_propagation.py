"""Propagation: proposals beside what people saved, never instead of it (promise 1); accepted one by one."""

from datetime import timedelta

import cv2
import numpy as np
import pytest
from django.test import Client
from django.utils import timezone

from annotation import corrections, drafts, files, jobs, review
from annotation.assist import propagation
from annotation.models import Clip, Frame, Job, Membership, Project, Propagation, Proposal, Review, Revision, User
from annotation.tests import factories

HEIGHT, WIDTH = 96, 128


@pytest.fixture
def clip(project: Project) -> Clip:
    """Nine frames of one texture that moves right by 1 px a frame, two of them selected."""
    rng = np.random.default_rng(1)
    big = cv2.GaussianBlur(rng.integers(0, 255, (HEIGHT, WIDTH + 40), np.uint8), (0, 0), 1.5)
    frames = np.stack([np.ascontiguousarray(big[:, 20 - t : 20 - t + WIDTH]) for t in range(9)])
    made = factories.make_clip_with_frames(project, frames=frames)
    made.frames.exclude(index__in=(2, 4, 6)).update(selected=False)
    Clip.objects.filter(pk=made.pk).update(selected_count=3)
    return made


def box(shift: int = 0, label: int = 1) -> np.ndarray:
    label_map = np.zeros((HEIGHT, WIDTH), np.uint8)
    label_map[30:60, 40 + shift : 80 + shift] = label
    return label_map


def at(clip: Clip, index: int) -> Frame:
    return clip.frames.select_related("clip__project").get(index=index)


def propagate(client: Client, clip: Clip, *indices: int, **wish: object) -> Job:
    """Ask for it over the API and do the work here."""
    body = {"frames": [at(clip, index).pk for index in indices], **wish}
    answer = client.post(f"/api/clips/{clip.pk}/propagate", body, content_type="application/json")
    assert answer.status_code == 202, answer.content
    return work(answer.json()["propagation"])


def work(pk: int) -> Job:
    row = Propagation.objects.select_related("clip__project", "requested_by").get(pk=pk)
    assert row.job
    jobs.run(row.job.pk, lambda attempt: propagation.propagate(attempt, row, drafts.load_predictor))
    row.job.refresh_from_db()
    return row.job


def shown(client: Client, clip: Clip, query: str = "") -> dict[int, dict]:
    answer = client.get(f"/api/clips/{clip.pk}/proposals{query}")
    assert answer.status_code == 200, answer.content
    return {row["index"]: row for row in answer.json()["proposals"]}


def accept(client: Client, clip: Clip, frames: list[Frame] | None = None) -> dict:
    body = {} if frames is None else {"frames": [frame.pk for frame in frames]}
    answer = client.post(f"/api/clips/{clip.pk}/proposals/accept", body, content_type="application/json")
    assert answer.status_code == 200, answer.content
    return answer.json()


def everything_people_made() -> list:
    revisions = Revision.objects.order_by("pk").values_list("pk", "number", "sha256", "origin")
    return [*revisions, *Frame.objects.order_by("pk").values_list("pk", "state", "selected")]


def test_a_mask_is_carried_both_ways_and_changes_nothing_a_person_saved(
    client: Client, clip: Clip, manager: User
) -> None:
    factories.save_revision(at(clip, 4), box(), manager)
    before = everything_people_made()

    job = propagate(client, clip, 4, count=3)

    assert (job.state, job.kind) == (Job.State.DONE, Job.Kind.PROPAGATE), job.error
    assert everything_people_made() == before
    rows = shown(client, clip, "?masks=1")
    assert sorted(rows) == [1, 2, 3, 5, 6, 7]
    for index, row in rows.items():
        frame = at(clip, index)
        answer = client.get(f"/api/frames/{frame.pk}/proposal")
        assert answer["ETag"] == f'"p{row["id"]}"'
        carried = files.stored_label_map(answer.content)
        truth = box(index - 4)
        assert 2 * ((carried == 1) & (truth == 1)).sum() / ((carried == 1).sum() + (truth == 1).sum()) > 0.93
        assert (row["steps"], row["keys"], row["base"], row["blocked"]) == (abs(index - 4), [4], 0, None)
        assert row["selected"] == frame.selected
    [told] = client.get(f"/api/clips/{clip.pk}/proposals").json()["propagations"]
    assert (told["method"], told["model"], told["job"]) == ("motion", None, job.pk)
    assert {(stop["direction"], stop["reason"]) for stop in told["stops"]} == {
        ("forward", "count"),
        ("backward", "count"),
    }


def test_a_scene_cut_gets_no_proposal_and_says_why(client: Client, clip: Clip, project: Project, manager: User) -> None:
    here = np.stack([files.decode_frame(files.read_slice(clip.pack_name, f.pack_offset, f.pack_length))
                     for f in clip.frames.order_by("index")[:4]])  # fmt: skip
    there = np.stack([cv2.GaussianBlur(np.random.default_rng(9).integers(0, 255, (HEIGHT, WIDTH), np.uint8), (0, 0), 2)]
                     * 3)  # fmt: skip
    cut = factories.make_clip_with_frames(project, "S2", np.concatenate([here, there]))
    factories.save_revision(at(cut, 0), box(-4), manager)

    propagate(client, cut, 0)

    assert sorted(shown(client, cut)) == [1, 2, 3]
    [stop] = [s for s in client.get(f"/api/clips/{cut.pk}/proposals").json()["propagations"][0]["stops"] if s["frame"]]
    assert stop["index"] == 4
    assert stop["reason"] in ("scene_change", "low_confidence")
    assert stop["message"]


def test_finished_frames_are_keys_too_and_nothing_goes_past_them(client: Client, clip: Clip, manager: User) -> None:
    factories.save_revision(at(clip, 2), box(-2), manager)
    factories.accept(at(clip, 6), box(2), manager)

    propagate(client, clip, 2)

    rows = shown(client, clip)
    assert sorted(rows) == [0, 1, 3, 4, 5, 7, 8]
    assert rows[4]["keys"] == [2, 6]
    assert rows[8]["keys"] == [6]
    saved = accept(client, clip, [at(clip, 4)])["saved"][0]["revision"]
    keys = Revision.objects.filter(annotation__frame__index__in=(2, 6)).order_by("annotation__frame__index")
    assert saved["provenance"]["keys"] == [key.pk for key in keys]


def test_only_the_labels_asked_for_are_carried(client: Client, clip: Clip, manager: User) -> None:
    both = box()
    both[70:90, 40:80] = 2
    factories.save_revision(at(clip, 4), both, manager)
    own = np.zeros_like(both)
    own[:10, :10] = 2
    own[10:20, :10] = 1
    factories.save_revision(at(clip, 5), own, manager)

    propagate(client, clip, 4, direction="forward", count=2, labels=[1])

    carried = files.stored_label_map(client.get(f"/api/frames/{at(clip, 5).pk}/proposal").content)
    assert (carried[:10, :10] == 2).all()  # as the frame had it
    assert not carried[75:85].any()  # label 2 of the key is not carried
    assert not carried[10:20, :10].any()  # where label 1 was, it is no more
    assert (carried[35:55, 50:75] == 1).all()


def test_accepting_saves_the_persons_own_revisions_that_can_be_undone(
    client: Client, clip: Clip, manager: User
) -> None:
    factories.save_revision(at(clip, 4), box(), manager)
    propagate(client, clip, 4)
    row = shown(client, clip)[6]

    answer = accept(client, clip)

    assert [each["frame"] for each in answer["saved"]] == [at(clip, 2).pk, at(clip, 6).pk]  # selected and untouched
    assert answer["refused"] == []
    revision = answer["saved"][1]["revision"]
    assert (revision["author"], revision["origin"], revision["number"]) == (manager.username, "propagated", 1)
    assert revision["sha256"] == row["sha256"] == revision["provenance"]["proposal_sha256"]
    key = Revision.objects.get(annotation__frame__index=4)
    kept = {name: revision["provenance"][name] for name in ("kind", "keys", "steps", "score", "flag", "method")}
    assert kept == {
        "kind": "propagated",
        "keys": [key.pk],
        "steps": 2,
        "score": row["score"],
        "flag": row["flag"],
        "method": "motion",
    }
    assert at(clip, 6).state == Frame.State.OPEN
    assert 6 not in shown(client, clip)


def take_back(client: Client, clip: Clip, *frames: tuple[Frame, int]) -> dict:
    body = {"frames": [{"frame": frame.pk, "revision": number} for frame, number in frames]}
    answer = client.post(f"/api/clips/{clip.pk}/proposals/take-back", body, content_type="application/json")
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_what_is_taken_back_is_untouched_again_and_begins_afresh(
    client: Client, clip: Clip, project: Project, manager: User, sign_in
) -> None:
    factories.save_revision(at(clip, 4), box(), manager)
    propagate(client, clip, 4)
    counted = client.get(f"/api/projects/{project.pk}/stats").json()
    accept(client, clip)
    frame = at(clip, 6)

    assert take_back(client, clip, (frame, 1), (at(clip, 2), 1)) == {
        "taken_back": [frame.pk, at(clip, 2).pk],
        "refused": [],
    }

    detail = client.get(f"/api/frames/{frame.pk}").json()
    assert (detail["state"], detail["annotation"]) == ("untouched", None)
    assert client.get(f"/api/projects/{project.pk}/stats").json()["untouched"] == counted["untouched"]
    mask = client.get(f"/api/frames/{frame.pk}/mask")
    assert mask["ETag"] == '"r0"'
    assert not files.stored_label_map(mask.content).any()
    assert str(frame.index) not in client.get(f"/api/clips/{clip.pk}/masks").json()
    listed = client.get(f"/api/clips/{clip.pk}/frames?selected=true").json()["results"]
    assert {row["index"]: row["revision"] for row in listed} == {2: 0, 4: 1, 6: 0}
    assert client.post(f"/api/frames/{frame.pk}/submit").json()["error"]["code"] == "nothing_saved"
    assert [frame.pk, at(clip, 2).pk] == [
        entry["frame"]["id"] for entry in reversed(_queue(client, project)) if entry["frame"]["state"] == "untouched"
    ]
    # Nothing is gone: it is in the history. It is offered again, and may be accepted again.
    assert [r["origin"] for r in client.get(f"/api/frames/{frame.pk}/revisions").json()] == ["propagated"]
    propagate(client, clip, 4)
    assert (shown(client, clip)[6]["base"], shown(client, clip)[6]["blocked"]) == (0, None)
    [again] = accept(client, clip, [frame])["saved"]
    assert (again["revision"]["number"], again["revision"]["parent"]) == (2, None)
    assert take_back(client, clip, (frame, 2))["taken_back"] == [frame.pk]
    # Another person begins it, from nothing; of two with the same beginning one wins.
    other = factories.make_member(project, Membership.Role.ANNOTATOR)
    png = {"data": files.encode_label_map(box(5)), "content_type": "image/png", "headers": {"If-Match": '"r0"'}}
    saved = sign_in(other).put(f"/api/frames/{frame.pk}/mask", **png)
    assert (saved.status_code, saved["ETag"], saved.json()["parent"]) == (200, '"r3"', None)
    assert client.get(f"/api/frames/{frame.pk}").json()["annotation"]["annotator"] == other.username
    assert client.put(f"/api/frames/{frame.pk}/mask", **png).status_code == 412


def _queue(client: Client, project: Project) -> list[dict]:
    return client.get(f"/api/projects/{project.pk}/queue").json()["results"]


def test_a_frame_taken_back_is_drafted_as_before(client: Client, clip: Clip, project: Project, manager: User, tmp_path):
    factories.save_revision(at(clip, 4), box(), manager)
    propagate(client, clip, 4)
    accept(client, clip)
    take_back(client, clip, (at(clip, 6), 1))
    model = factories.make_model(project, "champion")
    factories.store_weights(model, factories.write_weights(tmp_path / "w.safetensors"))
    job = drafts.request_draft(clip, manager)
    jobs.run(job.pk, lambda attempt: drafts.draft_clip(attempt, clip))
    job.refresh_from_db()
    assert job.state == Job.State.DONE, job.error
    assert list(clip.frames.filter(drafts__isnull=False)) == [at(clip, 6)]


def test_only_what_was_carried_to_an_untouched_frame_is_taken_back(
    client: Client, clip: Clip, project: Project, manager: User, sign_in
) -> None:
    other = factories.make_member(project, Membership.Role.ANNOTATOR)
    factories.save_revision(at(clip, 4), box(), manager)
    factories.save_revision(at(clip, 3), box(9), manager)
    propagate(client, clip, 4)
    accept(client, clip, [at(clip, index) for index in (1, 2, 3, 5, 6)])
    factories.save_revision(at(clip, 2), box(9), other)
    corrections.submit(at(clip, 5), by=manager)
    before = everything_people_made()

    wanted = [(at(clip, index), number) for index, number in ((2, 1), (3, 2), (4, 1), (5, 1), (7, 1))]
    answer = take_back(client, clip, *wanted)
    assert answer["taken_back"] == []
    codes = ["stale_revision", "not_carried", "not_carried", "not_open", "not_open"]
    assert [each["code"] for each in answer["refused"]] == codes
    theirs = take_back(sign_in(other), clip, (at(clip, 6), 1))
    assert theirs["refused"][0]["code"] == "not_carried"
    elsewhere = factories.make_clip_with_frames(project, "S2")
    foreign = take_back(client, clip, (elsewhere.frames.get(index=0), 1))
    assert foreign["refused"][0]["code"] == "no_frame"
    assert [row for row in everything_people_made() if row in before] == before


def test_a_context_frame_is_accepted_by_name_and_selected_by_that(client: Client, clip: Clip, manager: User) -> None:
    factories.save_revision(at(clip, 4), box(), manager)
    propagate(client, clip, 4)
    assert not at(clip, 5).selected
    assert [each["frame"] for each in accept(client, clip, [at(clip, 5)])["saved"]] == [at(clip, 5).pk]
    assert at(clip, 5).selected
    clip.refresh_from_db()
    assert clip.selected_count == 4


def test_what_people_did_meanwhile_is_refused_by_name_and_stays(
    client: Client, clip: Clip, project: Project, manager: User
) -> None:
    other = factories.make_member(project, Membership.Role.ANNOTATOR)
    factories.save_revision(at(clip, 4), box(), manager)
    factories.save_revision(at(clip, 3), box(9), manager)
    factories.save_revision(at(clip, 1), box(9), other)
    propagate(client, clip, 4)
    factories.save_revision(at(clip, 2), box(9), manager)  # late arrival: saved while the model computed
    factories.save_revision(at(clip, 5), box(9), manager, Frame.State.SUBMITTED)
    factories.accept(at(clip, 6), box(9), manager)
    before = everything_people_made()
    indices = (1, 2, 5, 6, 8, 4)
    blocked = {index: row["blocked"] for index, row in shown(client, clip).items()}
    assert blocked == {0: None, 1: "other_person", 2: "moved", 3: None, 5: "submitted", 6: "accepted", 7: None, 8: None}

    answer = accept(client, clip, [at(clip, index) for index in indices])

    codes = {at(clip, i).pk: each for i, each in zip(indices, ("other_person", "moved", "submitted", "accepted", "",
                                                               "no_proposal"), strict=True)}  # fmt: skip
    assert {each["frame"]: each["code"] for each in answer["refused"]} == {k: v for k, v in codes.items() if v}
    assert all(each["message"] for each in answer["refused"])
    assert [each["frame"] for each in answer["saved"]] == [at(clip, 8).pk]
    assert [row for row in everything_people_made() if row in before] == [
        row for row in before if row[0] != at(clip, 8).pk or len(row) == 4
    ]
    # Over one's own open work, by name: the next revision, and the one before it is still there.
    [mine] = accept(client, clip, [at(clip, 3)])["saved"]
    assert (mine["revision"]["number"], mine["revision"]["parent"]) == (2, 1)


def test_saving_by_hand_keeps_where_it_came_from(client: Client, clip: Clip, manager: User) -> None:
    factories.save_revision(at(clip, 4), box(), manager)
    propagate(client, clip, 4)
    row, frame = shown(client, clip)[6], at(clip, 6)
    png = files.encode_label_map(box(5))
    address = f"/api/frames/{frame.pk}/mask?origin=propagated&proposal="
    saved = client.put(address + str(row["id"]), png, content_type="image/png", headers={"If-Match": '"r0"'})
    assert saved.status_code == 200, saved.content
    assert saved.json()["provenance"]["steps"] == 2
    assert saved.json()["sha256"] != saved.json()["provenance"]["proposal_sha256"]
    foreign = client.put(address + "99999", png, content_type="image/png", headers={"If-Match": '"r1"'})
    assert foreign.status_code == 400
    assert Revision.objects.filter(annotation__frame=frame).count() == 1


def test_a_second_propagation_replaces_the_first(client: Client, clip: Clip, manager: User) -> None:
    factories.save_revision(at(clip, 4), box(), manager)
    propagate(client, clip, 4, count=4)
    first = {row["id"] for row in shown(client, clip).values()}
    propagate(client, clip, 4, count=2)
    rows = shown(client, clip)
    assert {index for index, row in rows.items() if row["id"] not in first} == {2, 3, 5, 6}
    assert {index for index, row in rows.items() if row["id"] in first} == {0, 1, 7, 8}


def test_proposals_are_one_persons_own(client: Client, clip: Clip, project: Project, manager: User, sign_in) -> None:
    factories.save_revision(at(clip, 4), box(), manager)
    propagate(client, clip, 4)
    other = sign_in(factories.make_member(project, Membership.Role.ANNOTATOR))
    assert shown(other, clip) == {}
    assert other.get(f"/api/frames/{at(clip, 5).pk}/proposal").json()["error"]["code"] == "no_proposal"
    assert accept(other, clip, [at(clip, 5)])["refused"][0]["code"] == "no_proposal"
    assert other.delete(f"/api/clips/{clip.pk}/proposals").status_code == 204
    assert len(shown(client, clip)) == 8
    assert client.delete(f"/api/clips/{clip.pk}/proposals?frames={at(clip, 5).pk}").status_code == 204
    assert sorted(shown(client, clip)) == [0, 1, 2, 3, 6, 7, 8]
    assert client.delete(f"/api/clips/{clip.pk}/proposals").status_code == 204
    assert shown(client, clip) == {}


def test_with_a_champion_it_is_asked_and_named(client: Client, clip: Clip, project: Project, manager: User, tmp_path):
    model = factories.make_model(project, "champion")
    factories.store_weights(model, factories.write_weights(tmp_path / "w.safetensors"))
    factories.save_revision(at(clip, 4), box(), manager)
    job = propagate(client, clip, 4, count=2)
    assert job.state == Job.State.DONE, job.error
    [told] = client.get(f"/api/clips/{clip.pk}/proposals").json()["propagations"]
    assert told["model"] == {"id": model.pk, "number": model.number}
    assert told["method"] in ("network with prior", "network and motion")


def test_an_attempt_that_lost_its_lease_stores_nothing(client: Client, clip: Clip, manager: User) -> None:
    factories.save_revision(at(clip, 4), box(), manager)
    wish = propagation.Wish(frames=[at(clip, 4).pk], count=1)
    job, row = propagation.request_propagation(clip, wish, manager)
    attempt = jobs.claim(job.pk)
    assert attempt
    Job.objects.update(lease=Job.new_lease())
    with pytest.raises(jobs.LeaseLost):
        propagation.propagate(attempt, row, drafts.load_predictor)
    assert not Proposal.objects.exists()


def test_what_nobody_took_up_is_swept(client: Client, clip: Clip, manager: User) -> None:
    factories.save_revision(at(clip, 4), box(), manager)
    propagate(client, clip, 4)
    assert propagation.sweep() == 0
    long_ago = timezone.now() - timedelta(days=20)
    Proposal.objects.update(created_at=long_ago)
    Propagation.objects.update(created_at=long_ago)
    assert propagation.sweep() == 8
    assert not Propagation.objects.exists()


@pytest.mark.parametrize(
    ("wish", "status", "words"),
    [
        ({}, 400, "Name the key frame"),
        ({"frame": 10**9}, 400, "no frame"),
        ({"count": 31}, 400, "30"),
        ({"direction": "up"}, 400, "up"),
        ({"labels": [7]}, 400, "labels"),
        ({"labels": []}, 400, ""),
        ({"key": 3}, 400, "Unknown fields"),
        ({}, 409, "no saved mask"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(client: Client, clip: Clip, wish: dict, status: int, words: str):
    if status == 409 or (wish and "frame" not in wish):
        wish = {"frame": at(clip, 4).pk, **wish}
    answer = client.post(f"/api/clips/{clip.pk}/propagate", wish, content_type="application/json")
    assert answer.status_code == status, answer.content
    assert words in answer.json()["error"]["message"]
    assert not Propagation.objects.exists()


ROUTES = [
    ("post", "/api/clips/{clip}/propagate"),
    ("get", "/api/clips/{clip}/proposals"),
    ("delete", "/api/clips/{clip}/proposals"),
    ("post", "/api/clips/{clip}/proposals/accept"),
    ("post", "/api/clips/{clip}/proposals/take-back"),
    ("get", "/api/frames/{frame}/proposal"),
]


@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_strangers_viewers_wrong_methods_and_bad_ids(
    client: Client, clip: Clip, project: Project, sign_in, method, route
):
    address = route.format(clip=clip.pk, frame=at(clip, 0).pk)
    nobody = Client()
    assert getattr(nobody, method)(address).status_code == 401
    assert getattr(sign_in(factories.make_user()), method)(address).status_code == 404
    viewer = sign_in(factories.make_member(project, Membership.Role.VIEWER))
    assert getattr(viewer, method)(address).status_code == 403
    assert client.put(address).status_code == 405
    assert getattr(client, method)(route.format(clip=10**9, frame=10**9)).status_code == 404


def test_undone_acceptance_can_go_to_review_as_any_work(client: Client, clip: Clip, project: Project, manager: User):
    factories.save_revision(at(clip, 4), box(), manager)
    propagate(client, clip, 4)
    accept(client, clip, [at(clip, 6)])
    frame = at(clip, 6)
    corrections.submit(frame, by=manager)
    review.decide(frame, verdict=Review.Verdict.ACCEPTED, by=factories.make_member(project, Membership.Role.REVIEWER))
    assert at(clip, 6).gold is not None
