"""Training runs and their curves."""

from typing import Any

from django.db import transaction
from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import tasks, training
from annotation.api.fields import checked, number_in
from annotation.api.jobs import JobShape
from annotation.api.pages import page, page_of
from annotation.api.request import Request
from annotation.errors import BadRequest
from annotation.models import DatasetVersion, ModelVersion, RunMetric, TrainingRun, User
from annotation.permissions import project_for, visible

MOST_METRICS = 5000


class NumberedReference(serializers.Serializer):
    """A short reference to a numbered thing."""

    id = serializers.IntegerField(source="pk")
    number = serializers.IntegerField()


class RunShape(serializers.ModelSerializer):
    """A run. `jobs`, by run id, comes in the context."""

    dataset = NumberedReference()
    base_model = NumberedReference(allow_null=True)
    config = serializers.DictField()
    state = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()
    created_by = serializers.CharField(source="created_by.username")
    model = serializers.SerializerMethodField()
    job = serializers.SerializerMethodField()

    class Meta:
        model = TrainingRun
        fields = [
            "id", "number", "dataset", "base_model", "config", "state", "error", "epoch", "epochs", "created_by",
            "created_at", "started_at", "ended_at", "model", "job",
        ]  # fmt: skip

    @extend_schema_field(serializers.ChoiceField(TrainingRun.State.choices))
    def get_state(self, run: TrainingRun) -> str:
        return training.state_of(run, self.context["jobs"].get(run.pk))[0]

    def get_error(self, run: TrainingRun) -> str:
        return training.state_of(run, self.context["jobs"].get(run.pk))[1]

    @extend_schema_field(NumberedReference(allow_null=True))
    def get_model(self, run: TrainingRun) -> dict[str, Any] | None:
        made: ModelVersion | None = getattr(run, "model", None)
        return NumberedReference(made).data if made else None

    @extend_schema_field(JobShape(allow_null=True))
    def get_job(self, run: TrainingRun) -> dict[str, Any] | None:
        job = self.context["jobs"].get(run.pk)
        return JobShape(job).data if job else None


class RunStartedShape(serializers.Serializer):
    run = RunShape()
    job = JobShape()


class NewRunFields(serializers.Serializer):
    dataset = serializers.IntegerField(help_text="id of a dataset version of the project")
    epochs = serializers.IntegerField(min_value=1, max_value=training.MOST_EPOCHS, required=False)
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, default=0)
    from_champion = serializers.BooleanField(default=True)


METRICS = {
    (200, "application/json"): {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["sequence", "event"],
            "properties": {
                "sequence": {"type": "integer"},
                "event": {"type": "string", "enum": ["start", "step", "epoch", "notice", "end", "failed", "stopped"]},
                "epoch": {"type": "integer"},
                "loss": {"type": "number"},
                "val_dice": {"type": ["number", "null"]},
            },
            "additionalProperties": True,
        },
    }
}


def run_for(user: User, run_id: int, capability: str = "view") -> TrainingRun:
    """The run, if the person may do `capability` in its project."""
    rows = TrainingRun.objects.select_related("project", "dataset", "base_model", "created_by", "model")
    return visible(rows, user, capability, pk=run_id)


def shaped(rows: list[TrainingRun]) -> list[dict[str, Any]]:
    """Runs of one project as the API shows them, their jobs in one query."""
    found = training.jobs_of(rows[0].project_id, [run.pk for run in rows]) if rows else {}
    return list(RunShape(rows, many=True, context={"jobs": found}).data)


class Runs(APIView):
    """Training runs, newest first."""

    @extend_schema(responses=page_of(RunShape))
    def get(self, request: Request, project_id: int) -> Response:
        project = project_for(request.user, project_id)
        return page(request, project.runs.select_related("dataset", "base_model", "created_by", "model"), shaped)

    @extend_schema(request=NewRunFields, responses={202: RunStartedShape})
    def post(self, request: Request, project_id: int) -> Response:
        """Train on a dataset version, in the background."""
        project = project_for(request.user, project_id, "manage")
        given = checked(NewRunFields, request.data)
        dataset = DatasetVersion.objects.filter(project=project, pk=given.pop("dataset")).first()
        if dataset is None:
            raise BadRequest("dataset is not a dataset version of this project.")
        with transaction.atomic():
            run, job = training.request_run(project, request.user, dataset, **given)
            tasks.enqueue(job)
        return Response({"run": shaped([run])[0], "job": JobShape(job).data}, status=202)


class RunView(APIView):
    @extend_schema(responses=RunShape)
    def get(self, request: Request, run_id: int) -> Response:
        return Response(shaped([run_for(request.user, run_id)])[0])


class RunMetrics(APIView):
    @extend_schema(
        parameters=[OpenApiParameter("after", int, description="only what came after this sequence number")],
        responses=METRICS,
    )
    def get(self, request: Request, run_id: int) -> Response:
        """What the run has measured, oldest first, at most 5000 at once. An epoch told twice: the later line counts."""
        run = run_for(request.user, run_id)
        after = int(number_in(request, "after", 0, low=0, high=2**31 - 1))
        rows = RunMetric.objects.filter(run=run, sequence__gt=after).order_by("sequence")
        return Response(
            [{"sequence": number, **values} for number, values in rows.values_list("sequence", "values")[:MOST_METRICS]]
        )


class CancelRun(APIView):
    @extend_schema(request=None, responses=RunShape)
    def post(self, request: Request, run_id: int) -> Response:
        """Stop the run at its next step; it can be resumed."""
        run = training.cancel(run_for(request.user, run_id, "manage"), request.user)
        return Response(shaped([run])[0])


class ResumeRun(APIView):
    @extend_schema(request=None, responses=RunShape)
    def post(self, request: Request, run_id: int) -> Response:
        """Go on from the last checkpoint of a cancelled or failed run."""
        run = run_for(request.user, run_id, "manage")
        with transaction.atomic():
            tasks.enqueue(training.resume(run, request.user))
        run.refresh_from_db()
        return Response(shaped([run])[0])


urlpatterns = [
    path("projects/<int:project_id>/runs", Runs.as_view()),
    path("runs/<int:run_id>", RunView.as_view()),
    path("runs/<int:run_id>/metrics", RunMetrics.as_view()),
    path("runs/<int:run_id>/cancel", CancelRun.as_view()),
    path("runs/<int:run_id>/resume", ResumeRun.as_view()),
]
