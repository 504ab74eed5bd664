"""Frozen dataset versions and their exports."""

from django.db import models

from annotation.models.annotations import Revision
from annotation.models.clips import Frame
from annotation.models.projects import Project, User


class DatasetVersion(models.Model):
    """A frozen list of (frame, gold revision, split), with a hash over all of it. Nothing in it changes again."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="datasets")
    number = models.PositiveIntegerField()
    note = models.TextField(blank=True, default="")
    sha256 = models.CharField(max_length=64)
    labels = models.JSONField()  # [{"index", "name", "color"}] as they were
    counts = (
        models.JSONField()
    )  # {"<split>": {"frames", "clips", "subjects", "labels": {"<index>": {"frames", "pixels"}}}}
    warnings = models.JSONField(default=list)  # sentences
    frame_count = models.PositiveIntegerField()
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="dataset_number_unique")]


class DatasetItem(models.Model):
    """One frame with its gold revision and its side of the split."""

    class Split(models.TextChoices):
        TRAIN = "train"
        VALIDATION = "val"
        TEST = "test"

    dataset = models.ForeignKey(DatasetVersion, on_delete=models.CASCADE, related_name="items")
    frame = models.ForeignKey(Frame, on_delete=models.PROTECT, related_name="+")
    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="+")
    split = models.CharField(max_length=5, choices=Split)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dataset", "frame"], name="frame_once_per_dataset")]


class Export(models.Model):
    """A file made from a dataset version."""

    class State(models.TextChoices):
        WRITING = "writing"
        READY = "ready"
        FAILED = "failed"

    class Format(models.TextChoices):
        PNG = "png"
        COCO = "coco"

    dataset = models.ForeignKey(DatasetVersion, on_delete=models.CASCADE, related_name="exports")
    format = models.CharField(max_length=8, choices=Format)
    state = models.CharField(max_length=8, choices=State, default=State.WRITING)
    error = models.TextField(blank=True, default="")
    file_name = models.CharField(max_length=120, blank=True, default="")
    byte_size = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True, default="")
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
