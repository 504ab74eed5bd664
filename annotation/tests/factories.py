"""Real rows and real files for tests, made directly: no step of the loop has to work for another's test to run."""

import hashlib
import itertools
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from django.conf import settings
from django.db import transaction

from annotation import files, states
from annotation.ingest.sink import dhash
from annotation.models import (
    Annotation,
    Clip,
    DatasetVersion,
    Frame,
    Label,
    Membership,
    ModelVersion,
    Project,
    Revision,
    Subject,
    User,
)

_numbers = itertools.count(1)
_made_onnx: dict[str, bytes] = {}
COLORS = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")


def make_user(name: str = "") -> User:
    return User.objects.create_user(name or f"person{next(_numbers)}", password="a long password")


def make_project(*, labels: tuple[str, ...] = ("bone", "dura"), manager: User | None = None) -> Project:
    """A project with its manager, and labels 1, 2, … of these names."""
    manager = manager or make_user()
    project = Project.objects.create(
        name=f"Project {next(_numbers)}", created_by=manager, next_label_index=len(labels) + 1
    )
    Membership.objects.create(project=project, user=manager, role=Membership.Role.MANAGER)
    for index, name in enumerate(labels, start=1):
        Label.objects.create(project=project, index=index, name=name, color=COLORS[index % len(COLORS)], position=index)
    return project


def make_member(project: Project, role: str) -> User:
    user = make_user()
    Membership.objects.create(project=project, user=user, role=role)
    return user


def noise(frames: int = 3, height: int = 64, width: int = 80, seed: int | None = None) -> np.ndarray:
    """Different pictures, uint8 [T, H, W]: smooth blobs, so that no two clips look alike at any scale."""
    rng = np.random.default_rng(next(_numbers) if seed is None else seed)
    return np.stack([cv2.resize(rng.integers(0, 256, (8, 8), np.uint8), (width, height)) for _ in range(frames)])


def make_clip_with_frames(project: Project, subject: str = "S1", frames: np.ndarray | None = None) -> Clip:
    """A ready clip with a real pack; every frame is selected. frames: uint8 [T, H, W] or [T, H, W, 3]."""
    pictures = noise() if frames is None else frames
    number = next(_numbers)
    owner, _ = Subject.objects.get_or_create(project=project, pseudonym=subject)
    clip = Clip.objects.create(
        project=project,
        subject=owner,
        number=owner.next_clip_number,
        state=Clip.State.READY,
        uploaded_by=project.created_by,
        sha256=hashlib.sha256(f"clip {number}".encode()).hexdigest(),
        byte_size=1,
        width=pictures.shape[2],
        height=pictures.shape[1],
        is_grey=pictures.ndim == 3,
        frame_count=len(pictures),
        selected_count=len(pictures),
        millimetres_per_pixel=0.2,
        pack_name=f"clips/test-{number}/frames.pack",
    )
    owner.next_clip_number += 1
    owner.save()
    local = Path(settings.FILE_UPLOAD_TEMP_DIR) / f"pack-{number}"
    writer = files.PackWriter(local)
    rows = []
    for index, picture in enumerate(pictures):
        stored = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        offset, length = writer.append(cv2.imencode(".png", stored)[1].tobytes())
        rows.append(
            Frame(
                project=project,
                clip=clip,
                index=index,
                time_us=index * 40_000,
                pack_offset=offset,
                pack_length=length,
                sha256=hashlib.sha256(np.ascontiguousarray(picture).data).hexdigest(),
                dhash=dhash(picture),
                selected=True,
            )
        )
    writer.close()
    clip.pack_size = local.stat().st_size
    clip.save(update_fields=["pack_size"])
    files.store_once(clip.pack_name, local)
    Frame.objects.bulk_create(rows)
    return clip


@transaction.atomic
def save_revision(frame: Frame, label_map: np.ndarray, user: User, state: str = Frame.State.OPEN) -> Revision:
    """The next revision of a frame, in this state."""
    chain, _ = Annotation.objects.get_or_create(frame=frame, defaults={"annotator": user})
    chain.head += 1
    chain.state = state
    chain.save()
    counts = np.bincount(label_map.ravel(), minlength=256)
    revision = Revision.objects.create(
        annotation=chain,
        number=chain.head,
        author=user,
        png=files.encode_label_map(label_map),
        sha256=hashlib.sha256(np.ascontiguousarray(label_map).data).hexdigest(),
        label_pixels={str(index): int(n) for index, n in enumerate(counts) if n},
    )
    states.move(frame, Frame.State(state))
    return revision


def accept(frame: Frame, label_map: np.ndarray, user: User) -> Revision:
    """Make this label map the frame's gold."""
    revision = save_revision(frame, label_map, user, Frame.State.ACCEPTED)
    Frame.objects.filter(pk=frame.pk).update(gold=revision)
    return revision


def boxes(height: int = 64, width: int = 80, labels: tuple[int, ...] = (1, 2), seed: int = 0) -> np.ndarray:
    """A label map with a few rectangles of each label, uint8 [H, W]."""
    rng = np.random.default_rng(seed)
    label_map = np.zeros((height, width), np.uint8)
    for index in labels:
        top, left = int(rng.integers(0, height - 16)), int(rng.integers(0, width - 16))
        label_map[top : top + 12, left : left + 15] = index
    return label_map


def make_gold(project: Project, subjects: int = 5, frames: int = 3) -> list[Clip]:
    """One clip with accepted frames for each of S1, S2, …"""
    clips = []
    for number in range(1, subjects + 1):
        clip = make_clip_with_frames(project, f"S{number}", noise(frames))
        for frame in clip.frames.all():
            accept(frame, boxes(clip.height, clip.width, seed=frame.pk), project.created_by)
        clips.append(clip)
    return clips


def make_dataset(project: Project | None = None, **choices: Any) -> DatasetVersion:
    """A frozen dataset version over five subjects."""
    from annotation import datasets

    project = project or make_project()
    make_gold(project)
    return datasets.freeze(project, project.created_by, **choices)


def make_model(project: Project, stage: str = ModelVersion.Stage.CANDIDATE, **columns: object) -> ModelVersion:
    """A model version row without weights on storage."""
    number = ModelVersion.objects.filter(project=project).count() + 1
    labels = [{"index": label.index, "name": label.name} for label in project.labels.all()]
    model = ModelVersion.objects.create(
        **{
            "project": project,
            "number": number,
            "stage": stage,
            "labels": labels,
            "weights_name": f"models/none-{project.pk}-{number}.safetensors",
            "weights_sha256": "0" * 64,
            **columns,
        }
    )
    if stage == ModelVersion.Stage.CHAMPION:
        Project.objects.filter(pk=project.pk).update(champion=model)
        project.refresh_from_db()
    return model


def write_weights(
    path: Path, labels: tuple[str, ...] = ("bone", "dura"), *, seed: int = 0, image_size: int = 128
) -> Path:
    """Weights of a tiny untrained network for labels 1, 2, …, as `ml.train` would write them."""
    import torch

    from ml.checkpoint import WeightsInfo, save_model
    from ml.config import ModelConfig
    from ml.labels import LabelSchema
    from ml.model import AAUNet

    torch.manual_seed(seed)
    config = ModelConfig.from_plain({"widths": [8, 8, 8, 8, 8], "kernels": [1, 3], "num_labels": len(labels)})
    schema = LabelSchema(tuple(enumerate(labels, start=1)))
    save_model(path, AAUNet(config), WeightsInfo(config, schema, image_size, "0" * 64))
    return path


def _exported(path: Path, sha256: str) -> bytes:
    """The ONNX file of these weights, made once: most tests draft with the same ones."""
    if sha256 not in _made_onnx:
        from ml.export import export

        _made_onnx[sha256] = export(path)
    return _made_onnx[sha256]


def store_weights(model: ModelVersion, path: Path, *, exported: bool = False) -> ModelVersion:
    """Put a weights file on storage as this model's, and say so in its row. The file is gone afterwards.

    exported  with its ONNX file, as training leaves a model; without, the first drafts make it, in seconds
    """
    model.weights_name = f"models/test-{next(_numbers)}.safetensors"
    model.weights_sha256 = files.sha256_of(path)
    if exported:
        onnx = path.with_suffix(".onnx")
        onnx.write_bytes(_exported(path, model.weights_sha256))
        model.onnx_name = model.weights_name.replace(".safetensors", ".onnx")
        model.onnx_sha256 = files.sha256_of(onnx)
        files.store_once(model.onnx_name, onnx)
    files.store_once(model.weights_name, path)
    model.save()
    return model
