"""Background work as people see it, and the audit trail."""

import uuid

from django.db import models

from annotation.models.projects import Project, User


class Job(models.Model):
    """One piece of background work. This row is the truth; the message in the queue is only a hint."""

    class Kind(models.TextChoices):
        INGEST = "ingest"
        DRAFT = "draft"
        PROPAGATE = "propagate"
        EXPORT = "export"
        TRAIN = "train"
        DEMONSTRATION = "demonstration"

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"
        QUARANTINED = "quarantined"  # crashed three times: a person must look

    kind = models.CharField(max_length=16, choices=Kind)
    queue = models.CharField(max_length=12)
    project = models.ForeignKey(Project, null=True, on_delete=models.CASCADE, related_name="jobs")
    params = models.JSONField(default=dict)  # ids only
    title = models.CharField(max_length=160)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")

    state = models.CharField(max_length=12, choices=State, default=State.QUEUED)
    progress_done = models.PositiveIntegerField(default=0)
    progress_total = models.PositiveIntegerField(default=0)
    message = models.CharField(max_length=200, blank=True, default="")
    error = models.TextField(blank=True, default="")
    cancel_requested = models.BooleanField(default=False)

    attempts = models.PositiveSmallIntegerField(default=0)
    lease = models.UUIDField(null=True)  # changes with every attempt: an old attempt can no longer write
    lease_expires_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)  # when the hint last went to the broker

    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["project", "-id"]),
            models.Index(fields=["state", "lease_expires_at"]),
        ]

    @staticmethod
    def new_lease() -> uuid.UUID:
        return uuid.uuid4()


class AuditEvent(models.Model):
    """Who did or saw what, when. Rows are only ever added."""

    at = models.DateTimeField(auto_now_add=True)
    actor = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    project = models.ForeignKey(Project, null=True, on_delete=models.SET_NULL, related_name="+")
    verb = models.CharField(max_length=40)
    object_type = models.CharField(max_length=24)
    object_id = models.CharField(max_length=40)
    detail = models.JSONField(default=dict)
    # Set for views of pictures only: one row per person, clip and hour, however many frames are shown.
    view_key = models.CharField(max_length=80, null=True, unique=True)  # noqa: DJ001 - NULLs are not unique, "" is

    class Meta:
        indexes = [models.Index(fields=["project", "-id"])]
