"""Projects, their labels, subjects, numbers and audit trail."""

from typing import Any

from django.db import transaction
from django.urls import path
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import audit, drafts, events, projects, queries, tasks
from annotation.api.fields import checked, shape_all
from annotation.api.pages import page, page_of
from annotation.api.request import Request
from annotation.errors import BadRequest
from annotation.models import AuditEvent, Frame, Label, Membership, Project, Subject
from annotation.permissions import CAPABILITIES, project_for, visible
from annotation.presets import PRESETS


class LabelShape(serializers.ModelSerializer):
    class Meta:
        model = Label
        fields = ["index", "name", "color", "key", "position"]


class PresetLabelShape(serializers.Serializer):
    index = serializers.IntegerField()
    name = serializers.CharField()
    color = serializers.CharField()
    key = serializers.CharField(allow_blank=True)


class PresetShape(serializers.Serializer):
    key = serializers.CharField()
    name = serializers.CharField()
    labels = PresetLabelShape(many=True)


class NumberedShape(serializers.Serializer):
    """A short reference to a numbered thing."""

    id = serializers.IntegerField(source="pk")
    number = serializers.IntegerField()


RIGHTS = sorted({right for rights in CAPABILITIES.values() for right in rights})


class ProjectShape(serializers.ModelSerializer):
    my_role = serializers.SerializerMethodField()
    may = serializers.SerializerMethodField()
    labels = serializers.SerializerMethodField()
    champion = NumberedShape(allow_null=True)

    class Meta:
        model = Project
        fields = [
            "id", "name", "description", "is_demonstration", "frames_per_clip", "forbid_own_review",
            "ranking", "created_at", "my_role", "may", "labels", "champion",
        ]  # fmt: skip

    @extend_schema_field(serializers.ChoiceField(Membership.Role.choices))
    def get_my_role(self, project: Project) -> str:
        return str(self.context["roles"][project.pk])

    @extend_schema_field(serializers.ListField(child=serializers.ChoiceField(RIGHTS)))
    def get_may(self, project: Project) -> list[str]:
        return list(CAPABILITIES[self.context["roles"][project.pk]])

    @extend_schema_field(LabelShape(many=True))
    def get_labels(self, project: Project) -> list[dict[str, Any]]:
        living = [label for label in project.labels.all() if label.removed_at is None]
        return shape_all(LabelShape, living)


def _shaped(request: Request, rows: list[Project]) -> list[dict[str, Any]]:
    roles = dict(Membership.objects.filter(user=request.user, project__in=rows).values_list("project_id", "role"))
    return shape_all(ProjectShape, rows, roles=roles)


class NewLabelFields(serializers.Serializer):
    name = serializers.CharField(max_length=80)
    color = serializers.RegexField(r"^#[0-9a-fA-F]{6}$", required=False)
    key = serializers.RegexField(r"^[0-9]?$", required=False, allow_blank=True)


class LabelChanges(NewLabelFields):
    name = serializers.CharField(max_length=80, required=False)


class ProjectChanges(serializers.Serializer):
    name = serializers.CharField(max_length=120, required=False)
    description = serializers.CharField(allow_blank=True, required=False, max_length=4000)
    frames_per_clip = serializers.IntegerField(min_value=1, max_value=10_000, required=False)
    forbid_own_review = serializers.BooleanField(required=False)
    ranking = serializers.ChoiceField(Project.Ranking.choices, required=False)


class NewProjectFields(serializers.Serializer):
    name = serializers.CharField(max_length=120)
    description = serializers.CharField(allow_blank=True, required=False, max_length=4000)
    preset = serializers.ChoiceField(list(PRESETS), required=False, allow_null=True)
    labels = NewLabelFields(many=True, required=False)


class Presets(APIView):
    """Label schemas a new project can start with."""

    @extend_schema(responses=PresetShape(many=True))
    def get(self, request: Request) -> Response:
        return Response([{"key": p.key, "name": p.name, "labels": p.labels()} for p in PRESETS.values()])


class Projects(APIView):
    """The projects the person is in."""

    @extend_schema(responses=page_of(ProjectShape))
    def get(self, request: Request) -> Response:
        mine = Project.objects.filter(memberships__user=request.user)
        rows = mine.select_related("champion").prefetch_related("labels")
        return page(request, rows, lambda found: _shaped(request, found))

    @extend_schema(request=NewProjectFields, responses={201: ProjectShape})
    def post(self, request: Request) -> Response:
        given = checked(NewProjectFields, request.data)
        project = projects.create_project(by=request.user, **given)
        return Response(_shaped(request, [project])[0], status=201)


class ProjectView(APIView):
    @extend_schema(responses=ProjectShape)
    def get(self, request: Request, project_id: int) -> Response:
        return Response(_shaped(request, [project_for(request.user, project_id)])[0])

    @extend_schema(request=ProjectChanges, responses=ProjectShape)
    def patch(self, request: Request, project_id: int) -> Response:
        project = project_for(request.user, project_id, "manage")
        changes = checked(ProjectChanges, request.data)
        ranking = project.ranking
        with transaction.atomic():
            project = projects.change_project(project, by=request.user, **changes)
            job = drafts.request_ranking(project, request.user) if project.ranking != ranking else None
            if job:
                tasks.enqueue(job)
        return Response(_shaped(request, [project])[0])


class Labels(APIView):
    """The label schema, in its order."""

    @extend_schema(responses=LabelShape(many=True))
    def get(self, request: Request, project_id: int) -> Response:
        return Response(LabelShape(projects.living_labels(project_for(request.user, project_id)), many=True).data)

    @extend_schema(request=NewLabelFields, responses={201: LabelShape})
    def post(self, request: Request, project_id: int) -> Response:
        project = project_for(request.user, project_id, "manage")
        label = projects.add_label(project, by=request.user, **checked(NewLabelFields, request.data))
        return Response(LabelShape(label).data, status=201)


class LabelView(APIView):
    @extend_schema(request=LabelChanges, responses=LabelShape)
    def patch(self, request: Request, project_id: int, index: int) -> Response:
        project = project_for(request.user, project_id, "manage")
        changes = checked(LabelChanges, request.data, partial=True)
        return Response(LabelShape(projects.change_label(project, index, by=request.user, **changes)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, project_id: int, index: int) -> Response:
        projects.remove_label(project_for(request.user, project_id, "manage"), index, by=request.user)
        return Response(status=204)


class OrderFields(serializers.Serializer):
    indices = serializers.ListField(child=serializers.IntegerField(), max_length=254)


class LabelOrder(APIView):
    @extend_schema(request=OrderFields, responses=LabelShape(many=True))
    def put(self, request: Request, project_id: int) -> Response:
        project = project_for(request.user, project_id, "manage")
        given = checked(OrderFields, request.data)
        return Response(LabelShape(projects.order_labels(project, given["indices"], by=request.user), many=True).data)


class SubjectShape(serializers.Serializer):
    """A patient's pseudonym and how far the work on their clips is."""

    id = serializers.IntegerField()
    pseudonym = serializers.CharField()
    is_test = serializers.BooleanField()
    clips = serializers.IntegerField()
    selected = serializers.IntegerField()
    drafted = serializers.IntegerField()
    open = serializers.IntegerField()
    submitted = serializers.IntegerField()
    returned = serializers.IntegerField()
    accepted = serializers.IntegerField()


NO_PROGRESS = dict.fromkeys(("clips", "selected", "drafted", "open", "submitted", "returned", "accepted"), 0)


def _subjects(rows: list[Subject]) -> list[dict[str, Any]]:
    progress = queries.subject_progress(rows)
    return [
        {"id": s.pk, "pseudonym": s.pseudonym, "is_test": s.is_test, **NO_PROGRESS, **progress.get(s.pk, {})}
        for s in rows
    ]


class Subjects(APIView):
    """The subjects of a project with their progress."""

    @extend_schema(responses=page_of(SubjectShape))
    def get(self, request: Request, project_id: int) -> Response:
        rows = Subject.objects.filter(project=project_for(request.user, project_id))
        return page(request, rows, _subjects, order=("pseudonym", "id"))


class SubjectChanges(serializers.Serializer):
    is_test = serializers.BooleanField()


class SubjectView(APIView):
    @extend_schema(request=SubjectChanges, responses=SubjectShape)
    def patch(self, request: Request, subject_id: int) -> Response:
        """Fix a subject to the test side for ever, or undo that while no dataset has used it."""
        subject = visible(Subject.objects.all(), request.user, "manage", pk=subject_id)
        given = checked(SubjectChanges, request.data)
        if subject.is_test and not given["is_test"] and subject.in_test_of_a_dataset():
            raise BadRequest("This subject is in the test side of a dataset version, so it stays a test subject.")
        with transaction.atomic():
            subject.is_test = given["is_test"]
            subject.save(update_fields=["is_test"])
            audit.record(request.user, "changed", subject, is_test=subject.is_test)
            events.changed(subject)
        return Response(_subjects([subject])[0])


class WaitingShape(serializers.Serializer):
    annotate = serializers.IntegerField()
    review = serializers.IntegerField()
    jobs = serializers.IntegerField()


class DayShape(serializers.Serializer):
    date = serializers.DateField()
    revisions = serializers.IntegerField()
    accepted = serializers.IntegerField()
    active_seconds = serializers.FloatField()


class ChampionShape(serializers.Serializer):
    id = serializers.IntegerField()
    number = serializers.IntegerField()
    dice = serializers.FloatField(allow_null=True)


class NewestDatasetShape(serializers.Serializer):
    id = serializers.IntegerField()
    number = serializers.IntegerField()
    frames = serializers.IntegerField()


class StatsShape(serializers.Serializer):
    """How far the loop is."""

    clips = serializers.IntegerField()
    subjects = serializers.IntegerField()
    frames = serializers.IntegerField()
    selected = serializers.IntegerField()
    drafted = serializers.IntegerField()
    untouched = serializers.IntegerField()
    open = serializers.IntegerField()
    submitted = serializers.IntegerField()
    returned = serializers.IntegerField()
    accepted = serializers.IntegerField()
    datasets = serializers.IntegerField()
    newest_dataset = NewestDatasetShape(allow_null=True)
    models = serializers.IntegerField()
    champion = ChampionShape(allow_null=True)
    waiting = WaitingShape()
    bottleneck = serializers.ChoiceField(
        ["upload", "annotate", "review", "freeze", "train", "promote"], allow_null=True
    )
    activity = DayShape(many=True, help_text="the last 14 days, in UTC")


class Stats(APIView):
    @extend_schema(responses=StatsShape)
    def get(self, request: Request, project_id: int) -> Response:
        return Response(queries.project_stats(project_for(request.user, project_id)))


class ArmShape(serializers.Serializer):
    """What accepted frames cost that came to people by one rule."""

    arm = serializers.ChoiceField(Frame.Arm.choices)
    frames = serializers.IntegerField(help_text="among the newest 1000 accepted")
    median_active_seconds = serializers.FloatField(allow_null=True)
    changed = serializers.FloatField(allow_null=True, help_text="0..1: mean of 1 - Dice of the drafts")


class EffortShape(serializers.Serializer):
    by_arm = ArmShape(many=True)


class Effort(APIView):
    """Whether showing the most uncertain frames first pays: beside frames drawn by chance."""

    @extend_schema(responses=EffortShape)
    def get(self, request: Request, project_id: int) -> Response:
        return Response({"by_arm": queries.effort_by_arm(project_for(request.user, project_id))})


class AuditShape(serializers.ModelSerializer):
    actor = serializers.CharField(source="actor.username", default=None, allow_null=True)
    detail = serializers.DictField()

    class Meta:
        model = AuditEvent
        fields = ["id", "at", "actor", "verb", "object_type", "object_id", "detail"]


class Audit(APIView):
    """Who did and saw what, newest first."""

    @extend_schema(responses=page_of(AuditShape))
    def get(self, request: Request, project_id: int) -> Response:
        project = project_for(request.user, project_id, "manage")
        rows = AuditEvent.objects.filter(project=project).select_related("actor")
        return page(request, rows, lambda found: shape_all(AuditShape, found))


urlpatterns = [
    path("presets", Presets.as_view()),
    path("projects", Projects.as_view()),
    path("projects/<int:project_id>", ProjectView.as_view()),
    path("projects/<int:project_id>/labels", Labels.as_view()),
    path("projects/<int:project_id>/labels/order", LabelOrder.as_view()),
    path("projects/<int:project_id>/labels/<int:index>", LabelView.as_view()),
    path("projects/<int:project_id>/subjects", Subjects.as_view()),
    path("projects/<int:project_id>/stats", Stats.as_view()),
    path("projects/<int:project_id>/effort", Effort.as_view()),
    path("projects/<int:project_id>/audit", Audit.as_view()),
    path("subjects/<int:subject_id>", SubjectView.as_view()),
]
