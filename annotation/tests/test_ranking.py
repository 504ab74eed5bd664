"""The order of the queue: clips in turn, one frame in five by chance, the same again for the same drafts."""

import numpy as np
import pytest
from django.db import connection
from django.test import Client

from annotation import drafts, jobs, queries
from annotation.models import Clip, Draft, Frame, Job, Membership, ModelVersion, Project
from annotation.tests import factories

pytestmark = pytest.mark.django_db
JSON = "application/json"


@pytest.fixture
def champion(project: Project) -> ModelVersion:
    return factories.make_model(project, "champion")


def drafted_clip(model: ModelVersion, count: int, subject: str = "S1", scores=lambda at: {"1": 0.1 + at / 100}) -> Clip:
    """A clip with a frame each half second and drafts as `drafts.store` leaves them, without a network."""
    pictures = factories.noise(count, seed=count)
    clip = factories.make_clip_with_frames(model.project, subject, pictures)
    for at, frame in enumerate(clip.frames.order_by("index")):
        Frame.objects.filter(pk=frame.pk).update(time_us=at * 500_000, uncertainty=max(scores(at).values()))
        Draft.objects.create(
            frame=frame, model_version=model, png=b"", sha256="", uncertainty=0.5, backend="", scores=scores(at),
            view=np.random.default_rng(at).integers(-50, 50, 64).astype(np.int8).tobytes(),
        )  # fmt: skip
    return clip


def work(job: Job) -> Job:
    """Do a draft job as the worker does: all is drafted, so only the ranking is left."""
    if "clip" in job.params:
        clip = Clip.objects.select_related("project").get(pk=job.params["clip"])
        jobs.run(job.pk, lambda attempt: drafts.draft_clip(attempt, clip))
    else:
        jobs.run(job.pk, lambda attempt: drafts.redraft_project(attempt, Project.objects.get(jobs=attempt.job)))
    job.refresh_from_db()
    assert job.state == Job.State.DONE, job.error
    return job


def rank(clip: Clip) -> None:
    work(drafts.request_draft(clip, clip.uploaded_by))


def places(clip: Clip) -> list[tuple[int, float, str]]:
    return list(clip.frames.order_by("index").values_list("index", "rank", "arm"))


def shown(client: Client, project: Project) -> list[int]:
    found, cursor = [], ""
    while cursor is not None:
        answer = client.get(f"/api/projects/{project.pk}/queue?role=annotate&limit=7{cursor}").json()
        found += [entry["frame"]["id"] for entry in answer["results"]]
        cursor = answer["next"] and f"&cursor={answer['next']}"
    return found


def test_clips_come_in_turn_and_frames_without_a_draft_come_last(
    client: Client, project: Project, champion: ModelVersion
) -> None:
    clips = [drafted_clip(champion, 12, f"S{n}") for n in range(4)]
    for clip in clips:
        rank(clip)
    bare = factories.make_clip_with_frames(project, "S9", factories.noise(2))
    order = [Frame.objects.get(pk=pk) for pk in shown(client, project)]
    assert len(order) == 4 * 12 + 2
    assert [frame.clip_id for frame in order[-2:]] == [bare.pk] * 2
    ranked = [frame for frame in order if frame.arm == Frame.Arm.RANKED]
    first: dict[int, list[int]] = {}
    for frame in ranked[:8]:
        first.setdefault(frame.clip_id, []).append(frame.time_us)
    assert {clip: len(times) for clip, times in first.items()} == {clip.pk: 2 for clip in clips}
    assert all(abs(one - other) >= 1_000_000 for one, other in first.values())


def test_the_same_drafts_give_the_same_places_and_another_model_others(champion: ModelVersion) -> None:
    clip = drafted_clip(champion, 12)
    rank(clip)
    before = places(clip)
    Frame.objects.update(rank=-1, arm="")
    rank(clip)
    assert places(clip) == before
    ModelVersion.objects.filter(pk=champion.pk).update(stage="retired")
    second = factories.make_model(champion.project, "champion")
    Draft.objects.update(model_version=second)
    rank(clip)
    assert places(clip) != before


def test_what_a_person_touched_keeps_its_place_and_other_clips_are_not_written(champion: ModelVersion) -> None:
    clip, other = drafted_clip(champion, 4), drafted_clip(champion, 4, "S2")
    touched = clip.frames.get(index=1)
    factories.save_revision(touched, factories.boxes(), clip.uploaded_by)
    rank(clip)
    touched.refresh_from_db()
    assert (touched.rank, touched.arm) == (-1, "")
    assert {(index, where) for index, where, _ in places(other)} == {(index, -1.0) for index in range(4)}
    assert all(0 < where <= 1 and arm for index, where, arm in places(clip) if index != 1)


def test_drafts_of_old_without_scores_are_ranked_too(champion: ModelVersion) -> None:
    clip = drafted_clip(champion, 3)
    Draft.objects.update(scores={}, view=b"")
    rank(clip)
    assert {arm for _, _, arm in places(clip)} == {Frame.Arm.RANKED}  # nobody knows whether they show anything


def test_the_setting_puts_all_in_another_order_and_back(
    client: Client, project: Project, champion: ModelVersion
) -> None:
    clip = drafted_clip(champion, 12, scores=lambda at: {"1": 0.2} if at else {"0": 0.9})
    rank(clip)
    before = shown(client, project)
    path = f"/api/projects/{project.pk}"
    assert client.patch(path, {"ranking": "sometimes"}, content_type=JSON).status_code == 400
    assert client.patch(path, {"name": "Another"}, content_type=JSON).json()["ranking"] == "uncertain"
    assert not Job.objects.filter(state=Job.State.QUEUED).exists()
    assert client.patch(path, {"ranking": "random"}, content_type=JSON).json()["ranking"] == "random"
    work(Job.objects.get(state=Job.State.QUEUED))
    after = shown(client, project)
    assert after != before and sorted(after) == sorted(before)
    assert after[-1] == clip.frames.get(index=0).pk  # nothing drawn in it
    assert set(clip.frames.values_list("arm", flat=True)) == {Frame.Arm.RANDOM}
    client.patch(path, {"ranking": "uncertain"}, content_type=JSON)
    work(Job.objects.get(state=Job.State.QUEUED))
    assert shown(client, project) == before


def test_only_a_manager_switches_and_without_a_champion_no_job_is_made(
    client: Client, project: Project, sign_in
) -> None:
    path = f"/api/projects/{project.pk}"
    reviewer = sign_in(factories.make_member(project, Membership.Role.REVIEWER))
    assert reviewer.patch(path, {"ranking": "random"}, content_type=JSON).status_code == 403
    assert client.patch(path, {"ranking": "random"}, content_type=JSON).status_code == 200
    assert not Job.objects.exists()


def test_the_queue_is_one_walk_along_an_index(project: Project) -> None:
    clip = factories.make_clip_with_frames(project, frames=factories.noise(1))
    only = clip.frames.get()
    Frame.objects.bulk_create(  # PostgreSQL reads a table of a few rows in any way that costs it the same
        Frame(project=project, clip=clip, index=at, time_us=at, pack_offset=0, pack_length=1, sha256=only.sha256,
              dhash=only.dhash, selected=True, rank=at % 7 / 7, uncertainty=at % 31 / 31)
        for at in range(1, 4000)
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE annotation_frame")
    untouched = queries.queue(project, "annotate", project.created_by)[-1]
    stretches = (
        {"rank": 3 / 7, "uncertainty": 3 / 31, "id__gt": only.pk + 5},
        {"rank": 3 / 7, "uncertainty__lt": 3 / 31},
        {"rank__lt": 3 / 7},
    )
    for stretch in ({}, *stretches):
        plan = untouched.filter(**stretch).order_by("-rank", "-uncertainty", "id")[:50].explain()
        assert "frame_rank" in plan and "TEMP B-TREE" not in plan and "Sort" not in plan, plan


def test_effort_is_told_by_arm(client: Client, project: Project) -> None:
    clip = factories.make_clip_with_frames(project, frames=factories.noise(4))
    frames = list(clip.frames.order_by("index"))
    for frame, arm, seconds, changed in zip(
        frames, ("ranked", "ranked", "random", ""), (10, 30, 5, 99), (0.2, -1, 0.1, 0.9), strict=True
    ):
        factories.accept(frame, factories.boxes(), project.created_by)
        frame.annotations.get().revisions.update(active_seconds=seconds)
        Frame.objects.filter(pk=frame.pk).update(arm=arm, disagreement=changed)
    told = client.get(f"/api/projects/{project.pk}/effort").json()["by_arm"]
    assert told == [
        {"arm": "ranked", "frames": 2, "median_active_seconds": 20, "changed": 0.2},
        {"arm": "random", "frames": 1, "median_active_seconds": 5, "changed": 0.1},
    ]
    empty = client.get(f"/api/projects/{factories.make_project(manager=project.created_by).pk}/effort").json()
    assert empty["by_arm"][0] == {"arm": "ranked", "frames": 0, "median_active_seconds": None, "changed": None}
