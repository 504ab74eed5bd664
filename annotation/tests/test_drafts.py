"""Drafts: made for frames nobody has touched, and never in anybody's way (promise 1)."""

import hashlib
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.utils import timezone

from annotation import drafts, jobs, registry
from annotation.errors import Conflict
from annotation.models import Annotation, Clip, Draft, Frame, Job, ModelVersion, Revision
from annotation.tests.factories import (
    accept,
    boxes,
    make_clip_with_frames,
    make_model,
    make_project,
    noise,
    save_revision,
    store_weights,
    write_weights,
)

REPOSITORY = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh_process():
    """The model a worker keeps must not outlive a test."""
    kept = drafts.load_predictor
    kept.cache_clear()
    yield
    kept.cache_clear()


@pytest.fixture
def project(tmp_path):
    project = make_project()
    add_champion(project, tmp_path)
    return project


def add_champion(project, folder, seed=0, labels=("bone", "dura"), **columns):
    ModelVersion.objects.filter(project=project, stage="champion").update(stage="retired")
    model = make_model(
        project, "champion", labels=[{"index": i, "name": n} for i, n in enumerate(labels, 1)], **columns
    )
    return store_weights(model, write_weights(folder / f"weights{seed}", labels, seed=seed), exported=True)


def draft(clip):
    """Ask for drafts and do the work, as the worker does; returns the ended job."""
    job = drafts.request_draft(clip, clip.uploaded_by)
    jobs.run(job.pk, lambda attempt: drafts.draft_clip(attempt, Clip.objects.select_related("project").get(pk=clip.pk)))
    job.refresh_from_db()
    return job


def decoded(png):
    return cv2.imdecode(np.frombuffer(bytes(png), np.uint8), cv2.IMREAD_UNCHANGED)


def test_every_selected_untouched_frame_gets_a_draft_with_confidence_and_uncertainty(project):
    clip = make_clip_with_frames(project, frames=noise(5))
    Frame.objects.filter(clip=clip, index=4).update(selected=False)
    job = draft(clip)
    assert (job.state, job.message) == (Job.State.DONE, "4 of 4 frames drafted"), job.error
    clip.refresh_from_db()
    assert clip.drafted_count == 4
    for frame in clip.frames.filter(selected=True):
        made = frame.drafts.get()
        label_map = decoded(made.png)
        assert label_map.shape == (64, 80)
        assert hashlib.sha256(label_map.tobytes()).hexdigest() == made.sha256
        drawn = set(np.unique(label_map)) - {0}
        assert {int(index) for index in made.confidence} == drawn
        assert all(0 <= value <= 1 for value in made.confidence.values())
        assert frame.uncertainty == made.uncertainty
        assert 0 <= made.uncertainty <= 1
        assert decoded(made.confidence_map).shape == label_map.shape
        assert made.backend.startswith("openvino-")
    assert not clip.frames.get(index=4).drafts.exists()


def test_the_confidence_map_is_small_and_says_at_each_place_how_sure_the_model_is():
    probability = np.full((480, 640), 0.9, np.float32)
    probability[:, 320:] = 0.25
    png = drafts.encode_confidence(probability)
    shown = decoded(png)
    assert (shown.shape, shown.dtype) == ((192, 256), np.uint8)
    assert np.allclose(shown[:, :128] / 255, 0.9, atol=0.01)
    assert np.allclose(shown[:, 128:] / 255, 0.25, atol=0.01)
    tiny = decoded(drafts.encode_confidence(np.linspace(0, 1, 70, dtype=np.float32)[None]))
    assert (tiny[0, 0], tiny[0, -1]) == (0, 255)
    assert tiny.shape == (1, 70)


def test_drafting_twice_changes_nothing(project):
    clip = make_clip_with_frames(project)
    draft(clip)
    before = list(Draft.objects.order_by("pk").values())
    assert draft(clip).message == "No untouched frame waits for a draft"
    assert list(Draft.objects.order_by("pk").values()) == before
    clip.refresh_from_db()
    assert clip.drafted_count == 3


def test_colour_clips_are_drafted_from_what_ingest_stored(project):
    pictures = np.random.default_rng(0).integers(0, 256, (2, 50, 70, 3), np.uint8)
    clip = make_clip_with_frames(project, frames=pictures)
    assert draft(clip).state == Job.State.DONE
    assert {decoded(made.png).shape for made in Draft.objects.all()} == {(50, 70)}


@pytest.mark.parametrize("state", ["open", "submitted", "returned", "accepted"])
def test_a_frame_a_person_has_touched_is_not_drafted(project, state):
    clip = make_clip_with_frames(project, frames=noise(2))
    touched, untouched = clip.frames.order_by("index")
    save_revision(touched, boxes(), project.created_by, state)
    draft(clip)
    assert not touched.drafts.exists()
    assert untouched.drafts.exists()


def everything_people_made():
    return (
        list(Revision.objects.order_by("pk").values()),
        list(Annotation.objects.order_by("pk").values()),
        list(Frame.objects.order_by("pk").values("pk", "state", "gold_id")),
    )


def test_a_draft_that_arrives_late_changes_nothing_a_person_saved(project, monkeypatch):
    """Somebody saves while the model computes: after the frames were chosen, before the drafts are stored."""
    clip = make_clip_with_frames(project, frames=noise(3))
    saved_by_person = boxes(seed=7)
    predictor = drafts.load_predictor(project.champion.weights_name, project.champion.weights_sha256)
    made = []

    class Late:
        backend, remark = predictor.backend, predictor.remark

        def predict_batch(self, images):
            predictions = predictor.predict_batch(images)
            if not made:  # pictures come one by one
                save_revision(clip.frames.get(index=1), saved_by_person, project.created_by)
                made.append(everything_people_made())
            return predictions

    monkeypatch.setattr(drafts, "load_predictor", lambda *_: Late())
    job = draft(clip)
    assert job.message == "2 of 3 frames drafted"
    assert everything_people_made() == made[0]
    late = clip.frames.get(index=1)
    assert not late.drafts.exists()
    assert decoded(late.annotations.get().revisions.get().png).tobytes() == saved_by_person.tobytes()
    assert late.uncertainty == Frame._meta.get_field("uncertainty").default
    clip.refresh_from_db()
    assert clip.drafted_count == 2


def test_after_a_promotion_only_untouched_frames_are_drafted_anew(project, tmp_path):
    clip, other = make_clip_with_frames(project), make_clip_with_frames(project, "S2")
    draft(clip)
    old = Draft.objects.get(frame__clip=clip, frame__index=0)
    accept(clip.frames.get(index=0), boxes(), project.created_by)
    before = everything_people_made()
    second = add_champion(project, tmp_path, seed=1)

    job = drafts.request_redraft(second, project.created_by)
    jobs.run(job.pk, lambda attempt: drafts.redraft_project(attempt, project))
    job.refresh_from_db()
    assert (job.state, job.message) == (Job.State.DONE, "5 of 5 frames drafted")
    assert everything_people_made() == before
    assert list(Draft.objects.filter(frame=old.frame)) == [old]
    for frame in Frame.objects.filter(state=Frame.State.UNTOUCHED):
        assert frame.drafts.order_by("-pk").first().model_version == second
        assert frame.uncertainty == frame.drafts.get(model_version=second).uncertainty
    for row, count in ((clip, 3), (other, 3)):
        row.refresh_from_db()
        assert row.drafted_count == count  # frames with a draft, not drafts


def test_without_a_champion_nothing_is_queued_and_the_words_say_what_to_do():
    clip = make_clip_with_frames(make_project())
    with pytest.raises(Conflict, match="No champion yet: annotate the first frames") as refusal:
        drafts.request_draft(clip, clip.uploaded_by)
    assert refusal.value.code == "no_champion"
    assert not Job.objects.exists()


def test_a_clip_without_frames_is_refused(project):
    clip = make_clip_with_frames(project)
    Clip.objects.filter(pk=clip.pk).update(state=Clip.State.PROCESSING)
    clip.refresh_from_db()
    with pytest.raises(Conflict, match="no frames to draft"):
        drafts.request_draft(clip, clip.uploaded_by)


def test_asking_twice_while_it_waits_gives_one_job(project):
    clip = make_clip_with_frames(project)
    assert drafts.request_draft(clip, clip.uploaded_by) == drafts.request_draft(clip, clip.uploaded_by)
    assert drafts.request_draft(make_clip_with_frames(project), clip.uploaded_by).pk != Job.objects.first().pk


def test_a_model_for_other_labels_is_refused_in_words(project, tmp_path):
    add_champion(project, tmp_path, seed=1, labels=("bone", "dura", "lesion"))
    job = draft(make_clip_with_frames(project))
    assert job.state == Job.State.FAILED
    assert "draws labels the project does not have: 3 lesion" in job.error
    assert not Draft.objects.exists()


def test_a_label_removed_since_the_training_is_not_drawn(project):
    clip = make_clip_with_frames(project, frames=noise(4))
    draft(clip)
    drawn = {index for made in Draft.objects.all() for index in np.unique(decoded(made.png)).tolist()} - {0}
    assert drawn, "the untrained network of this seed draws nothing; choose another seed"
    Draft.objects.all().delete()
    project.labels.filter(index__in=drawn).update(removed_at=timezone.now())
    draft(clip)
    for made in Draft.objects.all():
        assert not decoded(made.png).any()
        assert made.confidence == {}


def never_exported(model):
    ModelVersion.objects.filter(pk=model.pk).update(onnx_name="", onnx_sha256="")


def tamper(model):
    with Path(default_storage.path(model.weights_name)).open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x55")
    never_exported(model)
    return "SHA-256 differs"


def remove(model):
    default_storage.delete(model.weights_name)
    never_exported(model)
    return "weights are not on storage"


@pytest.mark.parametrize("harm", [tamper, remove])
def test_weights_that_are_not_as_registered_are_refused_in_words(project, harm):
    words = harm(project.champion)
    job = draft(make_clip_with_frames(project))
    assert job.state == Job.State.FAILED
    assert words in job.error


def spoil(model):
    with Path(default_storage.path(model.onnx_name)).open("r+b") as file:
        file.truncate(5000)
    return "not the file that was registered: its SHA-256 differs"


def exchange(model):
    """Somebody puts the graph of another model in its place, and its SHA-256 into the row."""
    other = make_model(model.project, "retired", labels=model.labels)
    store_weights(other, write_weights(Path(settings.FILE_UPLOAD_TEMP_DIR) / "other", seed=5), exported=True)
    ModelVersion.objects.filter(pk=model.pk).update(onnx_name=other.onnx_name, onnx_sha256=other.onnx_sha256)
    return "made from other weights"


@pytest.mark.parametrize("harm", [spoil, exchange])
def test_a_bad_onnx_file_is_refused_in_words_and_the_old_model_still_drafts(project, harm):
    old = project.champion
    bad = make_model(project, "candidate", labels=old.labels)
    store_weights(bad, write_weights(Path(settings.FILE_UPLOAD_TEMP_DIR) / "bad", seed=4), exported=True)
    words = harm(bad)
    drafts.load_predictor.cache_clear()
    registry.promote(bad, None, override="a test of what follows")

    clip = make_clip_with_frames(project)
    job = draft(clip)
    assert job.state == Job.State.FAILED
    assert words in job.error
    registry.rollback(ModelVersion.objects.get(pk=bad.pk), project.created_by)
    assert draft(clip).message == "3 of 3 frames drafted"


def test_a_model_is_exported_once_and_drafted_from_without_torch(project):
    never_exported(project.champion)
    draft(make_clip_with_frames(project))
    model = ModelVersion.objects.get(stage="champion")
    assert model.onnx_name.endswith(".onnx") and default_storage.exists(model.onnx_name)
    drafts.load_predictor.cache_clear()
    drafts.load_predictor(model.weights_name, model.weights_sha256)
    again = ModelVersion.objects.get(stage="champion")
    assert (again.onnx_name, again.onnx_sha256) == (model.onnx_name, model.onnx_sha256)


def test_many_frames_come_back_each_with_its_own_draft(project):
    """Frames are read ahead in groups; none may be lost, doubled or exchanged."""
    pictures = noise(37)
    clip = make_clip_with_frames(project, frames=pictures)
    assert draft(clip).message == "37 of 37 frames drafted"
    predictor = drafts.load_predictor(project.champion.weights_name, project.champion.weights_sha256)
    for made in Draft.objects.select_related("frame"):
        [wanted] = predictor.predict_batch([pictures[made.frame.index]])
        assert np.array_equal(decoded(made.png), wanted.labelmap)


def test_a_cancelled_job_keeps_what_is_drafted_and_can_go_on(project, monkeypatch):
    monkeypatch.setattr(drafts, "FRAMES_AT_ONCE", 4)
    clip = make_clip_with_frames(project, frames=noise(9))
    job = drafts.request_draft(clip, clip.uploaded_by)
    stored = drafts.store

    def store_and_ask_to_stop(attempt, made):
        count = stored(attempt, made)
        Job.objects.filter(pk=job.pk).update(cancel_requested=True)
        return count

    monkeypatch.setattr(drafts, "store", store_and_ask_to_stop)
    jobs.run(job.pk, lambda attempt: drafts.draft_clip(attempt, clip))
    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED
    assert Draft.objects.count() == 4
    monkeypatch.setattr(drafts, "store", stored)
    assert draft(clip).message == "5 of 5 frames drafted"


def test_an_attempt_that_lost_its_lease_stores_nothing(project):
    clip = make_clip_with_frames(project, frames=noise(1))
    attempt = jobs.claim(drafts.request_draft(clip, clip.uploaded_by).pk)
    made = Draft(
        frame=clip.frames.get(), model_version=project.champion, png=b"", sha256="", uncertainty=0.5, backend=""
    )
    Job.objects.update(lease=Job.new_lease())
    with pytest.raises(jobs.LeaseLost):
        drafts.store(attempt, [made])
    assert not Draft.objects.exists()


def test_a_worker_that_shuts_down_puts_the_job_back(project):
    clip = make_clip_with_frames(project)
    job = drafts.request_draft(clip, clip.uploaded_by)
    jobs.worker_leaves()
    try:
        jobs.run(job.pk, lambda attempt: drafts.draft_clip(attempt, clip))
    finally:
        jobs.worker_leaves(False)
    job.refresh_from_db()
    assert (job.state, job.attempts) == (Job.State.QUEUED, 0)
    assert draft(clip).state == Job.State.DONE


@pytest.mark.parametrize("module", ["annotation.api.urls", "annotation.tasks", "webapp.asgi", "webapp.urls"])
def test_web_and_cpu_processes_load_no_torch(module):
    code = (
        f"import django; django.setup(); import importlib, sys; importlib.import_module({module!r});"
        "import annotation.api.drafts, annotation.api.runs, annotation.api.models, annotation.api.datasets;"
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'torch', 'ml', 'openvino'}))"
    )
    env = {"DJANGO_SETTINGS_MODULE": "webapp.settings_for_tests", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, env=env, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "[]", done.stderr
