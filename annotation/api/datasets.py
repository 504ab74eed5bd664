"""Dataset versions and their exports."""

from typing import Any

from django.db import transaction
from django.http import HttpResponseBase
from django.urls import path
from drf_spectacular.utils import OpenApiParameter, OpenApiTypes, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import audit, datasets, exports, tasks
from annotation.api.fields import checked, number_in
from annotation.api.jobs import JobShape
from annotation.api.pages import page, page_of
from annotation.api.ranges import stored_file
from annotation.api.request import Request
from annotation.errors import Conflict
from annotation.models import DatasetVersion, Export, User
from annotation.permissions import project_for, visible


class DatasetLabelShape(serializers.Serializer):
    index = serializers.IntegerField()
    name = serializers.CharField()
    color = serializers.CharField()


class LabelCountShape(serializers.Serializer):
    frames = serializers.IntegerField(help_text="frames that show the label")
    pixels = serializers.IntegerField()


class SplitCountShape(serializers.Serializer):
    frames = serializers.IntegerField()
    clips = serializers.IntegerField()
    subjects = serializers.IntegerField()
    labels = serializers.DictField(child=LabelCountShape(), help_text="by label index")


class CountsShape(serializers.Serializer):
    train = SplitCountShape()
    val = SplitCountShape()
    test = SplitCountShape()


class ExportShape(serializers.ModelSerializer):
    state = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()
    file_name = serializers.SerializerMethodField(help_text="the name a browser stores it under")
    job = serializers.SerializerMethodField(help_text="who writes it; null once the file is there")

    class Meta:
        model = Export
        fields = ["id", "format", "state", "error", "byte_size", "sha256", "created_at", "file_name", "job"]

    @extend_schema_field(serializers.ChoiceField(Export.State.choices))
    def get_state(self, export: Export) -> str:
        return exports.state_of(export)[0]

    def get_error(self, export: Export) -> str:
        return exports.state_of(export)[1]

    def get_file_name(self, export: Export) -> str:
        return f"dataset-{export.dataset.number}-{export.format}.zip"

    @extend_schema_field(JobShape(allow_null=True))
    def get_job(self, export: Export) -> dict[str, Any] | None:
        job = exports.job_of(export)
        return JobShape(job).data if job else None


class DatasetShape(serializers.ModelSerializer):
    """A frozen version: nothing in it changes again."""

    labels = DatasetLabelShape(many=True)
    counts = CountsShape()
    warnings = serializers.ListField(child=serializers.CharField())
    created_by = serializers.CharField(source="created_by.username")
    exports = ExportShape(many=True)

    class Meta:
        model = DatasetVersion
        fields = [
            "id", "number", "note", "sha256", "labels", "counts", "warnings", "frame_count", "created_by", "created_at",
            "exports",
        ]  # fmt: skip


class PreviewSubjectShape(serializers.Serializer):
    id = serializers.IntegerField()
    pseudonym = serializers.CharField()
    split = serializers.ChoiceField(["train", "val", "test"])
    frames = serializers.IntegerField()
    is_test = serializers.BooleanField(help_text="fixed to the test side for ever")


class PreviewShape(serializers.Serializer):
    counts = CountsShape()
    labels = DatasetLabelShape(many=True)
    frame_count = serializers.IntegerField()
    warnings = serializers.ListField(child=serializers.CharField())
    subjects = PreviewSubjectShape(many=True)


class NewDatasetFields(serializers.Serializer):
    val = serializers.FloatField(min_value=0, max_value=1, default=0.1, help_text="share of subjects")
    test = serializers.FloatField(min_value=0, max_value=1, default=0.2, help_text="share of subjects")
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, default=0)
    note = serializers.CharField(allow_blank=True, max_length=4000, default="")


class NewExportFields(serializers.Serializer):
    format = serializers.ChoiceField(Export.Format.choices)


def dataset_for(user: User, dataset_id: int, capability: str = "view") -> DatasetVersion:
    """The dataset version, if the person may do `capability` in its project."""
    rows = DatasetVersion.objects.select_related("project", "created_by").prefetch_related("exports__dataset")
    return visible(rows, user, capability, pk=dataset_id)


def export_for(user: User, export_id: int, capability: str = "view") -> Export:
    """The export, if the person may do `capability` in its project."""
    rows = Export.objects.select_related("dataset")
    return visible(rows, user, capability, path="dataset__project_id", pk=export_id)


class Datasets(APIView):
    """Dataset versions, newest first."""

    @extend_schema(responses=page_of(DatasetShape))
    def get(self, request: Request, project_id: int) -> Response:
        project = project_for(request.user, project_id)
        rows = project.datasets.select_related("created_by").prefetch_related("exports__dataset")
        return page(request, rows, lambda found: list(DatasetShape(found, many=True).data))

    @extend_schema(request=NewDatasetFields, responses={201: DatasetShape})
    def post(self, request: Request, project_id: int) -> Response:
        """Freeze what is accepted now. 409 `nothing_accepted`, or `split_leak` naming who is on two sides."""
        project = project_for(request.user, project_id, "manage")
        given = checked(NewDatasetFields, request.data)
        dataset = datasets.freeze(project, request.user, **given)
        return Response(DatasetShape(dataset).data, status=201)


class DatasetPreview(APIView):
    @extend_schema(
        parameters=[
            OpenApiParameter("val", float),
            OpenApiParameter("test", float),
            OpenApiParameter("seed", int),
        ],
        responses=PreviewShape,
    )
    def get(self, request: Request, project_id: int) -> Response:
        """What freezing now would give: which subject goes where, counts and warnings."""
        project = project_for(request.user, project_id)
        shares: dict[str, Any] = {
            "val": number_in(request, "val", 0.1, low=0, high=1),
            "test": number_in(request, "test", 0.2, low=0, high=1),
            "seed": int(number_in(request, "seed", 0, low=0, high=2**31 - 1)),
        }
        return Response(datasets.preview(project, **shares))


class DatasetView(APIView):
    @extend_schema(responses=DatasetShape)
    def get(self, request: Request, dataset_id: int) -> Response:
        return Response(DatasetShape(dataset_for(request.user, dataset_id)).data)


class NewExportShape(serializers.Serializer):
    export = ExportShape()
    job = JobShape()


class Exports(APIView):
    @extend_schema(request=NewExportFields, responses={202: NewExportShape})
    def post(self, request: Request, dataset_id: int) -> Response:
        """Write the version as one file, in the background."""
        dataset = dataset_for(request.user, dataset_id, "manage")
        given = checked(NewExportFields, request.data)
        with transaction.atomic():
            export, job = exports.request_export(dataset, request.user, given["format"])
            tasks.enqueue(job)
        return Response({"export": ExportShape(export).data, "job": JobShape(job).data}, status=202)


class ExportView(APIView):
    @extend_schema(responses=ExportShape)
    def get(self, request: Request, export_id: int) -> Response:
        return Response(ExportShape(export_for(request.user, export_id)).data)


class ExportFile(APIView):
    @extend_schema(
        parameters=[OpenApiParameter("Range", str, OpenApiParameter.HEADER)],
        responses={
            (200, "application/zip"): OpenApiTypes.BINARY,
            (206, "application/zip"): OpenApiTypes.BINARY,
        },
    )
    def get(self, request: Request, export_id: int) -> HttpResponseBase:
        """The file; a cut download goes on with Range and If-Range. Patients' pictures leave: managers only."""
        export = export_for(request.user, export_id, "manage")
        if export.state != Export.State.READY:
            state, error = exports.state_of(export)
            raise Conflict(f"This export is not ready ({state}). {error}".strip(), code="not_ready")
        audit.record(request.user, "downloaded", export, project_id=export.dataset.project_id)
        return stored_file(
            request,
            export.file_name,
            size=export.byte_size,
            etag=f'"{export.sha256}"',
            file_name=f"dataset-{export.dataset.number}-{export.format}.zip",
            content_type="application/zip",
        )


urlpatterns = [
    path("projects/<int:project_id>/datasets", Datasets.as_view()),
    path("projects/<int:project_id>/datasets/preview", DatasetPreview.as_view()),
    path("datasets/<int:dataset_id>", DatasetView.as_view()),
    path("datasets/<int:dataset_id>/exports", Exports.as_view()),
    path("exports/<int:export_id>", ExportView.as_view()),
    path("exports/<int:export_id>/file", ExportFile.as_view()),
]
