"""Projects, the people in them, and the label schema."""

from django.contrib.auth.models import AbstractUser
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models


class User(AbstractUser):
    """A person or a program's owner. `is_staff` may create projects and see every job of the instance."""


class ApiToken(models.Model):
    """A program's key. Only its SHA-256 is stored; the token itself is shown once."""

    class Scope(models.TextChoices):
        READ = "read"
        WRITE = "write"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    scope = models.CharField(max_length=8, choices=Scope, default=Scope.WRITE)
    sha256 = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)


class Project(models.Model):
    """One study."""

    class Ranking(models.TextChoices):
        UNCERTAIN = "uncertain"  # with its control arm
        RANDOM = "random"

    name = models.CharField(max_length=120, unique=True)
    description = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    is_demonstration = models.BooleanField(default=False)

    # Settings a manager can change.
    frames_per_clip = models.PositiveIntegerField(
        default=16, validators=[MinValueValidator(1), MaxValueValidator(10_000)]
    )
    forbid_own_review = models.BooleanField(default=False)
    ranking = models.CharField(max_length=9, choices=Ranking, default=Ranking.UNCERTAIN)

    # An index is handed out once, even when its label is removed later.
    next_label_index = models.PositiveSmallIntegerField(default=1)
    champion = models.ForeignKey("ModelVersion", null=True, on_delete=models.SET_NULL, related_name="+")

    def __str__(self) -> str:
        return self.name


class Label(models.Model):
    """One structure. A removed label keeps its row, so that its index is never given to another."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="labels")
    index = models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(254)])
    name = models.CharField(max_length=80)
    color = models.CharField(max_length=7, validators=[RegexValidator(r"^#[0-9a-f]{6}$")])
    key = models.CharField(max_length=1, blank=True, default="")
    position = models.PositiveSmallIntegerField()
    removed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["position", "index"]
        constraints = [
            models.UniqueConstraint(fields=["project", "index"], name="label_index_never_reused"),
            models.UniqueConstraint(
                fields=["project", "name"], condition=models.Q(removed_at=None), name="label_name_unique"
            ),
        ]


class Membership(models.Model):
    """A person's role in a project. Each role may do what the ones named in `permissions.py` allow."""

    class Role(models.TextChoices):
        VIEWER = "viewer"
        UPLOADER = "uploader"
        ANNOTATOR = "annotator"
        REVIEWER = "reviewer"
        MANAGER = "manager"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "user"], name="one_role_per_person")]
