"""Drafts by models, annotations by people, and the verdicts on them. Drafts and revisions never share a row."""

from django.db import models

from annotation.models.clips import Frame
from annotation.models.projects import User


class Draft(models.Model):
    """A label map a model version made for a frame. Never overwrites a revision; a person starts from it or not."""

    frame = models.ForeignKey(Frame, on_delete=models.CASCADE, related_name="drafts")
    model_version = models.ForeignKey("ModelVersion", on_delete=models.CASCADE, related_name="drafts")
    png = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    confidence = models.JSONField(default=dict)  # {"<label index>": 0..1}
    uncertainty = models.FloatField()
    confidence_map = models.BinaryField(null=True)  # PNG, see drafts.encode_confidence; null in drafts of old
    # What ranking needs, so that nothing has to be computed again for it: see drafts.rank_clip. Empty in drafts of old.
    scores = models.JSONField(default=dict)  # {"<label index>": 0..1}, doubt per label drawn; {"0": …} for none
    view = models.BinaryField(default=bytes)  # the picture at 8×8, int8: tells views apart
    backend = models.CharField(max_length=40)  # which runtime and precision computed it
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["frame", "model_version"], name="one_draft_per_model_version")]


class Annotation(models.Model):
    """The work on one frame: a chain of revisions and a state.

    `slot` 0 is the frame's common chain: whoever may edit continues it, and each revision knows its author.
    Other slots are kept for independent second readings.
    """

    frame = models.ForeignKey(Frame, on_delete=models.CASCADE, related_name="annotations")
    slot = models.PositiveSmallIntegerField(default=0)
    annotator = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    State = Frame.State

    state = models.CharField(max_length=10, choices=Frame.State, default=Frame.State.OPEN)
    head = models.PositiveIntegerField(default=0)  # number of the newest revision
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["frame", "slot"], name="one_chain_per_slot")]
        indexes = [models.Index(fields=["annotator", "state"], name="annotation_of_person")]


class Revision(models.Model):
    """One saved label map: immutable, numbered from 1 in its annotation."""

    class Origin(models.TextChoices):
        BLANK = "blank"
        DRAFT = "draft"
        PROPAGATED = "propagated"
        ASSISTED = "assisted"
        IMPORTED = "imported"
        RESTORED = "restored"
        HAND = "hand"

    annotation = models.ForeignKey(Annotation, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    parent = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="+")
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.HAND)
    draft = models.ForeignKey(Draft, null=True, on_delete=models.SET_NULL, related_name="+")
    png = models.BinaryField()
    sha256 = models.CharField(max_length=64)  # of the decoded pixels, row by row
    label_pixels = models.JSONField(default=dict)  # {"<label index>": pixels}
    active_seconds = models.FloatField(default=0)
    strokes = models.PositiveIntegerField(null=True)  # steps finished, undone and redone; null where nobody counted
    clicks = models.PositiveIntegerField(null=True)  # presses of the pointer on the picture
    pixels_changed = models.PositiveIntegerField(null=True)  # against the parent, else the draft, else background
    provenance = models.JSONField(default=dict)  # of what a model proposed: keys, steps, score, model
    draft_dice = models.FloatField(null=True)  # of the draft the chain grew from against this, 0..1
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["annotation", "number"], name="revision_number_unique")]
        # All that the activity of the last days needs, so that no row with its mask is read for it.
        indexes = [models.Index(fields=["created_at", "annotation", "active_seconds"], name="revision_activity")]


class Review(models.Model):
    """A reviewer's verdict on one revision. `points` are comments pinned to places: [{"x", "y", "text"}] in pixels.

    One that its reviewer took back stays in the history and counts for nothing.
    """

    class Verdict(models.TextChoices):
        ACCEPTED = "accepted"
        RETURNED = "returned"

    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="reviews")
    reviewer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    verdict = models.CharField(max_length=10, choices=Verdict)
    comment = models.TextField(blank=True, default="")
    points = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    taken_back_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["created_at"], name="review_activity")]
