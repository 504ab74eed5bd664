"""Subjects, uploads, clips and their frames."""

import unicodedata
import uuid
from typing import Any

from django.db import models

from annotation.models.projects import Project, User


def subject_key(pseudonym: str) -> str:
    """What makes two spellings of a pseudonym one subject: `S1`, `s1` and `Ｓ１` are one, so are `P  1` and `P 1`."""
    plain = " ".join(unicodedata.normalize("NFKC", pseudonym).split())
    return unicodedata.normalize("NFKC", plain.casefold())


class SubjectKey(models.CharField):
    """Filled from the row's pseudonym when it is added, by `bulk_create` too."""

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        if add:
            setattr(model_instance, self.attname, subject_key(model_instance.pseudonym))  # type: ignore[attr-defined]
        return super().pre_save(model_instance, add)


class Subject(models.Model):
    """A patient under a pseudonym. A fixed test subject stays test in every dataset version."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="subjects")
    pseudonym = models.CharField(max_length=64)  # as it was first spelled
    key = SubjectKey(max_length=200, editable=False)
    is_test = models.BooleanField(default=False)
    next_clip_number = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "pseudonym"], name="pseudonym_unique"),
            models.UniqueConstraint(fields=["project", "key"], name="subject_key_unique"),
        ]

    def __str__(self) -> str:
        return self.pseudonym

    def in_test_of_a_dataset(self) -> bool:
        """Whether a frozen dataset version holds a frame of this subject on its test side."""
        return self.project.datasets.filter(items__frame__clip__subject=self, items__split="test").exists()


class Upload(models.Model):
    """A file on its way in (tus 1.0). Its name is never stored: a file name can name a patient.

    The bytes that arrived lie in `<data folder>/uploads/<id>`; the row is gone once a clip was made of them.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="uploads")
    created_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    subject = models.CharField(max_length=64)
    length = models.BigIntegerField()
    offset = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)


class Clip(models.Model):
    """One uploaded cine loop and what became of it."""

    class State(models.TextChoices):
        PROCESSING = "processing"
        READY = "ready"
        PARTIAL = "partial"  # damaged, but some frames were decoded
        FAILED = "failed"

    class Kind(models.TextChoices):
        VIDEO = "video"
        STILLS = "stills"

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="clips")
    subject = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="clips")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.VIDEO)
    state = models.CharField(max_length=12, choices=State, default=State.PROCESSING)
    state_reason = models.TextField(blank=True, default="")
    uploaded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    sha256 = models.CharField(max_length=64)
    byte_size = models.BigIntegerField()
    container = models.CharField(max_length=40, blank=True, default="")
    codec = models.CharField(max_length=40, blank=True, default="")
    width = models.PositiveIntegerField(default=0)
    height = models.PositiveIntegerField(default=0)
    is_grey = models.BooleanField(default=True)
    millimetres_per_pixel = models.FloatField(null=True)
    declared_frames = models.PositiveIntegerField(null=True)
    frame_count = models.PositiveIntegerField(default=0)
    duration_us = models.BigIntegerField(default=0)
    converter = models.CharField(max_length=40, blank=True, default="")
    pack_name = models.CharField(max_length=120, blank=True, default="")
    pack_size = models.BigIntegerField(default=0)

    # Stored counters, kept by the steps that change them: lists never count rows.
    selected_count = models.PositiveIntegerField(default=0)
    drafted_count = models.PositiveIntegerField(default=0)
    open_count = models.PositiveIntegerField(default=0)
    submitted_count = models.PositiveIntegerField(default=0)
    returned_count = models.PositiveIntegerField(default=0)
    accepted_count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "sha256"],
                condition=~models.Q(state="failed"),
                name="same_bytes_once_per_project",
            ),
            models.UniqueConstraint(fields=["subject", "number"], name="clip_number_unique"),
        ]
        indexes = [models.Index(fields=["project", "-id"])]


class Frame(models.Model):
    """One picture of a clip. Index, time, pixels and place in the pack never change after ingest."""

    class State(models.TextChoices):
        UNTOUCHED = "untouched"
        OPEN = "open"
        SUBMITTED = "submitted"
        RETURNED = "returned"
        ACCEPTED = "accepted"

    class Arm(models.TextChoices):
        RANKED = "ranked"
        RANDOM = "random"  # the control arm

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    clip = models.ForeignKey(Clip, on_delete=models.CASCADE, related_name="frames")
    index = models.PositiveIntegerField()
    time_us = models.BigIntegerField()
    pack_offset = models.BigIntegerField()
    pack_length = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    dhash = models.BigIntegerField()

    selected = models.BooleanField(default=False)
    # Copies of what the annotation and the newest draft say, so that the queue is one index scan.
    state = models.CharField(max_length=10, choices=State, default=State.UNTOUCHED)
    uncertainty = models.FloatField(
        default=-1.0
    )  # 0..1; -1 before the first draft (databases disagree on where NULLs sort)
    # Place in the queue of untouched frames: 0..1, larger first; -1 before it was ranked: then uncertainty decides.
    rank = models.FloatField(default=-1.0)
    arm = models.CharField(max_length=6, choices=Arm, blank=True, default="")  # by which rule it got its rank
    # 1 - the draft's mean Dice against what was last submitted; -1 before, and where the work grew from no draft.
    disagreement = models.FloatField(default=-1.0)
    gold = models.ForeignKey("Revision", null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["clip", "index"], name="frame_index_unique")]
        indexes = [
            models.Index(
                fields=["project", "state", "-uncertainty", "id"],
                condition=models.Q(selected=True),
                name="frame_queue",
            ),
            models.Index(
                fields=["project", "state", "-rank", "-uncertainty", "id"],
                condition=models.Q(selected=True),
                name="frame_rank",
            ),
            models.Index(
                fields=["project", "-disagreement", "id"],
                condition=models.Q(selected=True, state="submitted"),
                name="frame_review_queue",
            ),
            models.Index(fields=["project", "id"], condition=~models.Q(gold=None), name="frame_gold"),
        ]
