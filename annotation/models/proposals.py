"""What the model proposes to one person: rows of their own, that no step but a person's own save turns into work."""

from django.db import models

from annotation.models.clips import Clip, Frame
from annotation.models.jobs import Job
from annotation.models.projects import User


class Propagation(models.Model):
    """One request to carry the masks of key frames to the frames around them, and where each way ended."""

    class Direction(models.TextChoices):
        BOTH = "both"
        FORWARD = "forward"
        BACKWARD = "backward"

    class Method(models.TextChoices):
        PRIOR = "network with prior"  # the champion saw the moved mask
        MIXED = "network and motion"  # the champion takes no prior: its answer was mixed with the moved mask
        MOTION = "motion"  # there was no champion

    clip = models.ForeignKey(Clip, on_delete=models.CASCADE, related_name="propagations")
    requested_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")
    model_version = models.ForeignKey("ModelVersion", null=True, on_delete=models.SET_NULL, related_name="+")
    method = models.CharField(max_length=20, choices=Method, blank=True, default="")
    direction = models.CharField(max_length=8, choices=Direction)
    count = models.PositiveSmallIntegerField()
    keys = models.JSONField()  # [{"frame", "index", "revision"}]
    labels = models.JSONField(null=True)  # indices, or null for all
    stops = models.JSONField(default=list)  # [{"direction", "key", "steps", "frame", "index", "reason", "message"}]
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["clip", "requested_by"], name="propagation_of_person")]


class Proposal(models.Model):
    """A label map proposed for a frame to one person: one living row for each pair, the newest."""

    class Flag(models.TextChoices):
        GREEN = "green"
        AMBER = "amber"

    propagation = models.ForeignKey(Propagation, on_delete=models.CASCADE, related_name="proposals")
    frame = models.ForeignKey(Frame, on_delete=models.CASCADE, related_name="proposals")
    requested_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    keys = models.JSONField()  # [{"index", "revision"}] of the key frames it comes from: one, or the two around it
    steps = models.PositiveSmallIntegerField()
    score = models.FloatField()
    flag = models.CharField(max_length=5, choices=Flag)
    base = models.PositiveIntegerField()  # number of the revision it was made over, 0 for none
    png = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["frame", "requested_by"], name="one_proposal_per_person")]
