"""Drafts: frames × champion → a label map for each frame no person has touched, ranked by uncertainty.

Promise 1: a draft is a row of its own. This module writes Draft rows, a frame's uncertainty and a clip's count of
drafted frames, never a revision or a state; and a frame somebody began while the model computed gets no draft.
"""

import contextlib
import functools
import hashlib
import itertools
import os
import tempfile
from collections import Counter, deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import F, OuterRef, QuerySet, Subquery

from annotation import audit, events, files, jobs
from annotation.errors import Conflict
from annotation.formats.onnx import store_onnx
from annotation.formats.weights import refuse_foreign_labels
from annotation.models import Clip, Draft, Frame, Job, ModelVersion, Project, User

if TYPE_CHECKING:  # torch takes seconds and 300 MB: only the worker that drafts loads it, when it drafts
    from ml.predict import Prediction, Predictor

FRAMES_AT_ONCE = 16
AHEAD = 2
BACKGROUND = 0
CONFIDENCE_SIDE = 256  # about what the network sees: more would be made up
CONFIDENCE_STEP = 4
VIEW_STEPS = 127  # a descriptor's values as int8
NEIGHBOURS = 20  # clips whose ranks the control arm of a clip is drawn from
MOST_TRUST = 8.0  # the ranking's beta: 1 for the first model, one more for each, to this


def request_draft(clip: Clip, user: User | None) -> Job:
    """A job that drafts the clip's untouched selected frames, or the one that waits already; the caller queues it.

    Raises Conflict without a champion, or when the clip has no frames.
    """
    champion = _champion(clip.project)
    if clip.state not in (Clip.State.READY, Clip.State.PARTIAL):
        raise Conflict(f"This clip has no frames to draft (it is {clip.state}).", code="no_frames")
    params: dict[str, int | str | bool] = {"clip": clip.pk, "model": champion.pk}
    title = f"Draft clip {clip.number} of {clip.subject.pseudonym}"
    return _request(clip.project, user, title, params)


def request_redraft(model: ModelVersion, user: User | None) -> Job:
    """A job that drafts every untouched selected frame of the project with its champion; the caller queues it."""
    return _request(model.project, user, f"Redraft untouched frames with model {model.number}", {"model": model.pk})


def _request(project: Project, user: User | None, title: str, params: dict[str, int | str | bool]) -> Job:
    with transaction.atomic():
        same = Job.objects.filter(project=project, kind=Job.Kind.DRAFT, params=params, state=Job.State.QUEUED).first()
        if same:
            return same
        job = jobs.create(Job.Kind.DRAFT, queue="gpu", title=title, params=params, project=project, created_by=user)
        audit.record(user, "asked for drafts", job)
        return job


def draft_clip(attempt: jobs.Attempt, clip: Clip) -> None:
    """Draft the clip's selected frames that no person has touched and the champion has not drafted yet."""
    _draft(attempt, _champion(clip.project), _waiting(clip.project).filter(clip=clip))


def redraft_project(attempt: jobs.Attempt, project: Project) -> None:
    """Draft with the champion of this moment all such frames of the project."""
    _draft(attempt, _champion(project), _waiting(project))


def request_ranking(project: Project, user: User | None) -> Job | None:
    """A job that puts the untouched frames in the order the project asks for; the caller queues it.

    It is the job that drafts what is not drafted yet, which ends with the ranking. None without a champion.
    """
    if project.champion is None:
        return None
    title = f"Put untouched frames in a new order ({project.ranking})"
    return _request(project, user, title, {"model": project.champion.pk})


def _champion(project: Project) -> ModelVersion:
    champion = ModelVersion.objects.filter(project=project, stage=ModelVersion.Stage.CHAMPION).first()
    if champion is None:
        raise Conflict(
            "No champion yet: annotate the first frames, have them accepted, freeze a dataset and train a model.",
            code="no_champion",
        )
    return champion


def _waiting(project: Project) -> QuerySet[Frame]:
    return Frame.objects.filter(project=project, selected=True, state=Frame.State.UNTOUCHED)


def _draft(attempt: jobs.Attempt, champion: ModelVersion, waiting: QuerySet[Frame]) -> None:
    """Safe to run twice, and to stop between batches: what is drafted stays drafted."""
    drafted = Draft.objects.filter(model_version=champion).values("frame_id")
    ids = list(waiting.exclude(pk__in=drafted).order_by("clip_id", "index").values_list("pk", flat=True))
    stored, remark = 0, ""
    if ids:
        refuse_foreign_labels(champion.project, champion.labels)
        attempt.progress(0, len(ids), "Loading the model")
        predictor = load_predictor(champion.weights_name, champion.weights_sha256)
        living = [BACKGROUND, *champion.project.labels.filter(removed_at=None).values_list("index", flat=True)]
        drawn = np.zeros(256, np.uint8)  # a label removed since the training has no meaning: nobody could save it
        drawn[living] = living
        with contextlib.closing(_decoded_ahead(ids, predictor.backend.batch_size)) as groups:
            made: list[Draft] = []
            for frames, pictures in groups:
                predictions = predictor.predict_batch(pictures)
                made += [
                    _row(frame, champion, picture, prediction, drawn, predictor.backend.name)
                    for frame, picture, prediction in zip(frames, pictures, predictions, strict=True)
                ]
                if len(made) >= FRAMES_AT_ONCE:
                    stored, made = stored + store(attempt, made), []
                    attempt.progress(stored, len(ids), "Drafting")
            stored += store(attempt, made)
        remark = predictor.remark
    for clip in Clip.objects.filter(pk__in=waiting.order_by().values("clip")).order_by("pk"):
        rank_clip(attempt, champion, clip)
    with transaction.atomic():
        said = f"{stored} of {len(ids)} frames drafted. {remark}" if ids and remark else ""
        said = said or (f"{stored} of {len(ids)} frames drafted" if ids else "No untouched frame waits for a draft")
        attempt.complete(said)


@functools.lru_cache(maxsize=1)
def load_predictor(weights_name: str, sha256: str) -> "Predictor":
    """The model, kept by this process for the next clip. Raises Conflict when its file is not as registered.

    On a GPU the weights run by PyTorch; else their ONNX file, exported now for a model that has none yet.
    """
    from ml.errors import MlError
    from ml.predict import Predictor

    try:
        if _has_gpu():
            with _fetched(weights_name) as path:
                return Predictor.load(path, sha256=sha256)
        onnx_name, onnx_sha256 = _onnx_of(weights_name, sha256)
        with _fetched(onnx_name) as path:
            return Predictor.from_onnx(path, sha256=onnx_sha256, weights_sha256=sha256)
    except OSError as fault:
        raise Conflict("The model's weights are not on storage. Restore the data folder from a backup.") from fault
    except MlError as fault:
        raise Conflict(f"The model cannot be used: {fault}", code="bad_weights") from fault


def _has_gpu() -> bool:
    """Asked of the system, for torch takes seconds and 300 MB to say no."""
    return Path("/dev/nvidiactl").exists() and os.environ.get("CUDA_VISIBLE_DEVICES") != ""


@contextlib.contextmanager
def _fetched(name: str) -> Iterator[Path]:
    """A local copy of a stored file. Raises OSError when there is none."""
    with tempfile.TemporaryDirectory(prefix="weights-", dir=settings.FILE_UPLOAD_TEMP_DIR) as folder:
        path = Path(folder) / f"model{Path(name).suffix}"
        with default_storage.open(name) as stored:
            path.write_bytes(stored.read())
        yield path


def _onnx_of(weights_name: str, sha256: str) -> tuple[str, str]:
    """(name, SHA-256) of the ONNX file of these weights; made now for a model registered without."""
    from ml.weights import read_sealed

    models = ModelVersion.objects.filter(weights_name=weights_name, weights_sha256=sha256)
    known = models.exclude(onnx_name="").values_list("onnx_name", "onnx_sha256").first()
    if known:
        return known
    with _fetched(weights_name) as path:
        read_sealed(path, sha256)
        made = store_onnx(path)
    if models.filter(onnx_name="").update(onnx_name=made[0], onnx_sha256=made[1]):
        return made
    files.delete(made[0])  # another worker was faster, or the model is gone
    return models.values_list("onnx_name", "onnx_sha256").get()


def _pixels(frame: Frame) -> np.ndarray:
    """uint8 [H, W] or [H, W, 3] RGB, exactly as ingest stored it."""
    try:
        return files.decode_frame(files.read_slice(frame.clip.pack_name, frame.pack_offset, frame.pack_length))
    except OSError as fault:
        raise Conflict(
            "The clip's pixels are missing or cut short on storage. Restore the data folder from a backup.",
            code="pixels_missing",
        ) from fault


def _decoded_ahead(ids: list[int], at_once: int) -> Generator[tuple[list[Frame], list[np.ndarray]], None, None]:
    """The frames in order, `at_once` at a time, with their pixels, read and decoded by a thread while the network
    computes: it is two groups ahead at most, so memory stays bounded however long the clip is."""
    groups = _groups(ids, at_once)

    def decoded(group: list[Frame]) -> tuple[list[Frame], list[np.ndarray]]:
        return group, [_pixels(frame) for frame in group]

    with ThreadPoolExecutor(1, "decode") as thread:
        waiting = deque(thread.submit(decoded, group) for group in itertools.islice(groups, AHEAD))
        try:
            while waiting:
                ready = waiting.popleft().result()
                waiting.extend(thread.submit(decoded, group) for group in itertools.islice(groups, 1))
                yield ready
        finally:
            for unread in waiting:
                unread.cancel()


def _groups(ids: list[int], at_once: int) -> Iterator[list[Frame]]:
    """Rows are read here, in the thread that owns the connection."""
    rows: deque[Frame] = deque()
    for start in range(0, len(ids), FRAMES_AT_ONCE):
        some = Frame.objects.filter(pk__in=ids[start : start + FRAMES_AT_ONCE]).select_related("clip")
        rows.extend(some.order_by("clip_id", "index"))
        while rows and (len(rows) >= at_once or start + FRAMES_AT_ONCE >= len(ids)):
            yield [rows.popleft() for _ in range(min(at_once, len(rows)))]


def _row(
    frame: Frame, model: ModelVersion, picture: np.ndarray, prediction: "Prediction", drawn: np.ndarray, backend: str
) -> Draft:
    from ml.uncertainty import descriptor

    label_map = cv2.LUT(prediction.labelmap, drawn)
    grey = picture if picture.ndim == 2 else picture[..., 1]  # green is near enough to brightness to tell views apart
    return Draft(
        frame=frame,
        model_version=model,
        png=files.encode_label_map(label_map),
        sha256=hashlib.sha256(np.ascontiguousarray(label_map).data).hexdigest(),
        confidence={str(i): round(value, 4) for i, value in prediction.confidence.items() if drawn[i]},
        uncertainty=round(prediction.uncertainty, 6),
        confidence_map=encode_confidence(prediction.probability),
        scores={str(i): round(value, 4) for i, value in prediction.scores.items() if drawn[i] == i},
        view=np.rint(descriptor(grey) * VIEW_STEPS).astype(np.int8).tobytes(),
        backend=backend,
    )


def encode_confidence(probability: np.ndarray) -> bytes:
    """How sure the model is of what it drew at each place, as a small 8-bit grey PNG: 0 not at all, 255 certain.

    probability  float32 [H, W], 0..1, of the winning class (background included)
    returns      a PNG with the picture's proportions, its longest side at most 256; in steps of 4, which makes it a
                 few kB and errs by less than 0.01
    """
    height, width = probability.shape
    scale = min(1.0, CONFIDENCE_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    # Not by area: what is stretched from the network's square is given back, in a fifth of the time.
    small = cv2.resize(probability, size, interpolation=cv2.INTER_LINEAR)
    steps = np.rint(np.clip(small, 0, 1) * (255 / CONFIDENCE_STEP)) * CONFIDENCE_STEP
    return files.encode_label_map(np.minimum(steps, 255).astype(np.uint8))


def store(attempt: jobs.Attempt, drafts: list[Draft]) -> int:
    """Store the drafts, all by one model, of frames still untouched; returns how many. One small transaction.

    Raises LeaseLost when another attempt owns the job: nothing is written then.
    """
    with transaction.atomic():
        attempt.check()
        attempt.hold()
        by_frame = {draft.frame_id: draft for draft in drafts}
        # Locked in one order, as everywhere: a person who saves now waits for this, or this for them.
        waiting = Frame.objects.select_for_update().filter(pk__in=by_frame, selected=True, state=Frame.State.UNTOUCHED)
        untouched = list(waiting.order_by("pk"))
        before = set(Draft.objects.filter(frame__in=untouched).values_list("frame_id", flat=True))
        Draft.objects.bulk_create([by_frame[frame.pk] for frame in untouched], ignore_conflicts=True)
        if untouched:
            # From the rows just written: to name each value in the query, as bulk_update does, costs a millisecond.
            made = Draft.objects.filter(frame=OuterRef("pk"), model_version=drafts[0].model_version_id)
            locked = Frame.objects.filter(pk__in=[frame.pk for frame in untouched])
            locked.update(uncertainty=Subquery(made.values("uncertainty")))
        more = Counter(frame.clip_id for frame in untouched if frame.pk not in before)
        for clip_id in sorted({frame.clip_id for frame in untouched}):
            Clip.objects.filter(pk=clip_id).update(drafted_count=F("drafted_count") + more[clip_id])
            events.changed(Clip.objects.get(pk=clip_id))
    return len(untouched)


def rank_clip(attempt: jobs.Attempt, champion: ModelVersion, clip: Clip) -> None:
    """Give the clip's untouched frames with a draft of the champion their place in the queue, and their arm.

    Only this clip's frames are written, however many the project has: see `ml.uncertainty.place`. The same drafts and
    the same model give the same places. What a person has touched keeps the place and the arm it was met with.
    """
    from ml.uncertainty import Candidate, place

    project = champion.project
    before = Clip.objects.filter(project=project, pk__lt=clip.pk).order_by("-pk").values_list("pk", flat=True)
    ranked = Frame.objects.filter(clip__in=list(before[: NEIGHBOURS - 1]), arm=Frame.Arm.RANKED)
    with transaction.atomic():
        attempt.check()
        attempt.hold()
        frames = clip.frames.select_for_update().filter(selected=True, state=Frame.State.UNTOUCHED).order_by("pk")
        rows = {frame.pk: frame for frame in frames}
        made = Draft.objects.filter(model_version=champion, frame__clip=clip, frame_id__in=rows)
        candidates = [
            Candidate(
                key=frame_id,
                clip=clip.pk,
                time_us=rows[frame_id].time_us,
                scores={int(index): score for index, score in (scores or {"0": uncertainty}).items()},
                features=np.frombuffer(bytes(view) or bytes(64), np.int8).astype(np.float32) / VIEW_STEPS,
            )
            for frame_id, scores, uncertainty, view in made.values_list("frame_id", "scores", "uncertainty", "view")
        ]
        places = place(
            candidates,
            others=list(ranked.order_by("clip_id", "index").values_list("rank", flat=True)),
            beta=min(MOST_TRUST, float(champion.number)),
            seed=int.from_bytes(hashlib.sha256(f"{project.pk} {champion.pk} {clip.pk}".encode()).digest()[:8]),
            by_chance=project.ranking == Project.Ranking.RANDOM,
        )
        for each in places:
            rows[each.key].rank = each.rank
        Frame.objects.bulk_update([rows[each.key] for each in places], ["rank"], batch_size=500)
        for arm in Frame.Arm.values:
            clip.frames.filter(pk__in=[each.key for each in places if each.arm == arm]).update(arm=arm)
