"""Training runs and model versions."""

import uuid

from django.db import models

from annotation.models.datasets import DatasetVersion
from annotation.models.projects import Project, User


class TrainingRun(models.Model):
    """Dataset version + configuration → metrics over time → checkpoints → a candidate."""

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        FINISHED = "finished"
        CANCELLED = "cancelled"
        FAILED = "failed"

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="runs")
    number = models.PositiveIntegerField()
    dataset = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="runs")
    base_model = models.ForeignKey("ModelVersion", null=True, on_delete=models.SET_NULL, related_name="+")
    config = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    error = models.TextField(blank=True, default="")
    epoch = models.PositiveIntegerField(default=0)
    epochs = models.PositiveIntegerField(default=0)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "number"], name="run_number_unique")]


class RunMetric(models.Model):
    """What one event of a run measured: {"loss", "val_dice", "learning_rate", …}."""

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="metrics")
    sequence = models.PositiveIntegerField()
    values = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "sequence"], name="metric_sequence_unique")]


class ModelVersion(models.Model):
    """Weights + architecture + label schema + lineage + test scores. A project has one champion."""

    class Stage(models.TextChoices):
        CANDIDATE = "candidate"
        CHAMPION = "champion"
        RETIRED = "retired"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="models")
    number = models.PositiveIntegerField()
    stage = models.CharField(max_length=10, choices=Stage, default=Stage.CANDIDATE)
    run = models.OneToOneField(TrainingRun, null=True, on_delete=models.SET_NULL, related_name="model")
    parent = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="+")
    replaced = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="+")
    architecture = models.JSONField(default=dict)
    labels = models.JSONField(default=list)  # [{"index", "name"}]
    weights_name = models.CharField(max_length=120)
    weights_sha256 = models.CharField(max_length=64)
    # The same network for fast drafts (ml.export), made from the weights: empty until it is. The weights are the truth.
    onnx_name = models.CharField(max_length=120, blank=True, default="")
    onnx_sha256 = models.CharField(max_length=64, blank=True, default="")
    byte_size = models.BigIntegerField(default=0)
    scores = models.JSONField(default=dict)  # as ml.evaluate writes them, on the locked test subjects
    note = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    promoted_at = models.DateTimeField(null=True)
    promoted_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="model_number_unique"),
            models.UniqueConstraint(
                fields=["project"], condition=models.Q(stage="champion"), name="one_champion_per_project"
            ),
        ]
