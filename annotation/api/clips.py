"""Clips: upload (one request, or resumable by tus 1.0), list, look, select frames, delete."""

import base64
import binascii
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import audit, events, frames, queries, tasks
from annotation.api.fields import checked, choice_in, shape_all
from annotation.api.jobs import JobShape
from annotation.api.pages import page, page_of
from annotation.api.request import Request
from annotation.errors import BadRequest, Conflict, Forbidden, NotFound, SonoloopError
from annotation.ingest import uploads
from annotation.models import ApiToken, Clip, Frame, Job, Upload, User
from annotation.models.clips import subject_key
from annotation.permissions import project_for, require, visible

TUS = {"Tus-Resumable": "1.0.0"}
TUS_ABILITIES = {
    **TUS,
    "Tus-Version": "1.0.0",
    "Tus-Extension": "creation,termination",
    "Tus-Max-Size": str(uploads.LARGEST_UPLOAD),
}
PIECE = 1 << 20


class SubjectReference(serializers.Serializer):
    id = serializers.IntegerField()
    pseudonym = serializers.CharField()
    is_test = serializers.BooleanField()


class ClipShape(serializers.ModelSerializer):
    project = serializers.IntegerField(source="project_id")
    subject = SubjectReference()
    duration_seconds = serializers.SerializerMethodField()
    uploaded_by = serializers.CharField(source="uploaded_by.username")
    selected = serializers.IntegerField(source="selected_count")
    drafted = serializers.IntegerField(source="drafted_count")
    open = serializers.IntegerField(source="open_count")
    submitted = serializers.IntegerField(source="submitted_count")
    returned = serializers.IntegerField(source="returned_count")
    accepted = serializers.IntegerField(source="accepted_count")
    first_frame = serializers.SerializerMethodField(help_text="id of frame 0, for its picture")
    job = serializers.SerializerMethodField(help_text="the ingest job while it runs or when it failed")

    class Meta:
        model = Clip
        fields = [
            "id", "project", "subject", "number", "kind", "state", "state_reason", "width", "height", "is_grey",
            "millimetres_per_pixel", "frame_count", "declared_frames", "duration_seconds", "container", "codec",
            "byte_size", "created_at", "uploaded_by", "selected", "drafted", "open", "submitted", "returned",
            "accepted", "first_frame", "job",
        ]  # fmt: skip

    def get_duration_seconds(self, clip: Clip) -> float:
        return clip.duration_us / 1e6

    def get_first_frame(self, clip: Clip) -> int | None:
        return self.context["first_frames"].get(clip.pk)

    @extend_schema_field(JobShape(allow_null=True))
    def get_job(self, clip: Clip) -> dict[str, Any] | None:
        job = self.context["jobs"].get(clip.pk)
        return JobShape(job).data if job else None


def shaped(rows: list[Clip]) -> list[dict[str, Any]]:
    """Clips as the API shows them: two more queries for the whole page."""
    ids = [clip.pk for clip in rows]
    first = Frame.objects.filter(clip__in=ids, index=0).values_list("clip_id", "pk")
    at_work = [clip.pk for clip in rows if clip.state in (Clip.State.PROCESSING, Clip.State.FAILED)]
    at_work_jobs = queries.open_jobs(at_work) if at_work else {}
    return shape_all(ClipShape, rows, first_frames=dict(first), jobs=at_work_jobs)


def _clips() -> Any:
    return Clip.objects.select_related("subject", "uploaded_by", "project")


def clip_for(user: User, clip_id: int, capability: str = "view") -> Clip:
    """The clip, if the person may do `capability` in its project."""
    return visible(_clips(), user, capability, pk=clip_id)


def _complete(upload: Upload, user: User) -> tuple[Clip, Job]:
    """Make a clip of an upload whose bytes are all here. A refused upload is over; after a fault it can go on."""
    try:
        sha256 = uploads.inspect(upload)
        with transaction.atomic():
            clip = uploads.make_clip(upload, sha256)
            return clip, tasks.enqueue(frames.request_extract(clip, user))
    except SonoloopError:
        uploads.discard(upload)
        raise


class UploadFields(serializers.Serializer):
    file = serializers.FileField(allow_empty_file=True)
    subject = serializers.CharField(help_text="the subject's pseudonym", allow_blank=True, default="")


class NewClipShape(serializers.Serializer):
    clip = ClipShape()
    job = JobShape()


class Clips(APIView):
    """The clips of a project, newest first; upload one in a single request."""

    parser_classes = [MultiPartParser]

    @extend_schema(
        parameters=[
            OpenApiParameter("subject", str, description="pseudonym"),
            OpenApiParameter("state", str, enum=list(Clip.State.values)),
        ],
        responses=page_of(ClipShape),
    )
    def get(self, request: Request, project_id: int) -> Response:
        rows = _clips().filter(project=project_for(request.user, project_id))
        state = choice_in(request, "state", list(Clip.State.values))
        if state:
            rows = rows.filter(state=state)
        if request.query_params.get("subject"):
            pseudonym = uploads.checked_pseudonym(request.query_params["subject"])
            rows = rows.filter(subject__key=subject_key(pseudonym))
        return page(request, rows, shaped)

    @extend_schema(request={"multipart/form-data": UploadFields}, responses={202: NewClipShape})
    def post(self, request: Request, project_id: int) -> Response:
        project = project_for(request.user, project_id, "upload")
        given = checked(UploadFields, request.data)
        file = given["file"]
        upload = uploads.begin(project, subject=given["subject"], length=file.size, by=request.user)
        try:
            uploads.append(upload, 0, file.chunks())
            clip, job = _complete(upload, request.user)
        except BaseException:
            uploads.discard(upload)  # one request is the whole upload: nobody can go on with it
            raise
        return Response({"clip": shaped([clip])[0], "job": JobShape(job).data}, status=202)


class ClipChanges(serializers.Serializer):
    millimetres_per_pixel = serializers.FloatField(min_value=0.001, max_value=10, allow_null=True)


class ClipView(APIView):
    @extend_schema(responses=ClipShape)
    def get(self, request: Request, clip_id: int) -> Response:
        return Response(shaped([clip_for(request.user, clip_id)])[0])

    @extend_schema(request=ClipChanges, responses=ClipShape)
    def patch(self, request: Request, clip_id: int) -> Response:
        """Set the clip's scale."""
        clip = clip_for(request.user, clip_id, "manage")
        given = checked(ClipChanges, request.data)
        with transaction.atomic():
            clip.millimetres_per_pixel = given["millimetres_per_pixel"]
            clip.save(update_fields=["millimetres_per_pixel"])
            audit.record(request.user, "changed", clip, millimetres_per_pixel=clip.millimetres_per_pixel)
            events.changed(clip)
        return Response(shaped([clip])[0])

    @extend_schema(responses={204: None})
    def delete(self, request: Request, clip_id: int) -> Response:
        """Delete the clip with its frames and masks; refused once a dataset version holds any of them."""
        frames.remove_clip(clip_for(request.user, clip_id, "manage"), by=request.user)
        return Response(status=204)


class SelectFields(serializers.Serializer):
    count = serializers.IntegerField(min_value=1, max_value=10_000, required=False)
    indices = serializers.ListField(child=serializers.IntegerField(min_value=0), max_length=10_000, required=False)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if len(given) != 1:
            raise serializers.ValidationError("Send either count or indices.")
        return given


class SelectFrames(APIView):
    @extend_schema(request=SelectFields, responses=ClipShape)
    def post(self, request: Request, clip_id: int) -> Response:
        """Choose the frames people annotate: `count` spread evenly, or these `indices`."""
        clip = clip_for(request.user, clip_id, "annotate")
        return Response(shaped([frames.select(clip, by=request.user, **checked(SelectFields, request.data))])[0])


# --- tus 1.0: creation, HEAD, PATCH, termination -----------------------------------------------------------------


class AnyBytes(BaseParser):
    """Leaves the request's body alone, so that a view can read it as it arrives."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        return stream


def _metadata(header: str) -> dict[str, str]:
    """Upload-Metadata: `key base64, key base64`. Raises BadRequest when it is not that."""
    found = {}
    for pair in filter(None, (part.strip() for part in header.split(","))):
        key, _, value = pair.partition(" ")
        try:
            found[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise BadRequest(f"Upload-Metadata: the value of {key!a} is not base64 of UTF-8 text.") from None
    return found


def _whole_number(request: Request, header: str) -> int:
    text = request.headers.get(header, "")
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise BadRequest(f"The header {header} must be a whole number; {text[:40]!r} came.")
    return int(text)


class Uploads(APIView):
    """tus creation: announces an upload and answers where to send its bytes."""

    parser_classes = [AnyBytes]

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        return HttpResponse(status=204, headers=TUS_ABILITIES)

    @extend_schema(
        parameters=[
            OpenApiParameter("Upload-Length", int, OpenApiParameter.HEADER, required=True),
            OpenApiParameter(
                "Upload-Metadata", str, OpenApiParameter.HEADER, required=True, description="subject <base64>"
            ),
        ],
        request=None,
        responses={201: None},
    )
    def post(self, request: Request, project_id: int) -> HttpResponse:
        project = project_for(request.user, project_id, "upload")
        subject = _metadata(request.headers.get("Upload-Metadata", "")).get("subject", "")
        upload = uploads.begin(
            project, subject=subject, length=_whole_number(request, "Upload-Length"), by=request.user
        )
        return HttpResponse(status=201, headers={**TUS, "Location": f"/api/uploads/{upload.pk}"})


class UploadView(APIView):
    """One upload: how far it is (HEAD), more bytes (PATCH), give up (DELETE)."""

    parser_classes = [AnyBytes]

    def _upload(self, request: Request, upload_id: UUID) -> Upload:
        upload = uploads.upload_for(upload_id)
        if upload is None or upload.created_by_id != request.user.pk:
            raise NotFound("This upload has ended or was never begun. Start it again.")
        require(request.user, upload.project_id, "upload")
        return upload

    def _made(self, upload: Upload, user: User) -> dict[str, str]:
        clip, job = _complete(upload, user)
        return {"Sonoloop-Clip": str(clip.pk), "Sonoloop-Job": str(job.pk)}

    def head(self, request: Request, upload_id: UUID) -> HttpResponse:
        upload = self._upload(request, upload_id)
        offset = uploads.offset_of(upload)
        headers = {"Upload-Offset": str(offset), "Upload-Length": str(upload.length)}
        if offset == upload.length:
            if isinstance(request.auth, ApiToken) and request.auth.scope == ApiToken.Scope.READ:
                raise Forbidden("All bytes are here, but this token may only read: ask with one that may write.")
            # The server died between the last byte and the clip. A browser that hears "all is here" sends no more.
            headers |= self._made(upload, request.user)
        return HttpResponse(status=200, headers={**TUS, **headers, "Cache-Control": "no-store"})

    @extend_schema(
        parameters=[OpenApiParameter("Upload-Offset", int, OpenApiParameter.HEADER, required=True)],
        request={"application/offset+octet-stream": bytes},
        responses={204: None},
    )
    def patch(self, request: Request, upload_id: UUID) -> HttpResponse:
        """Append bytes. The one that completes the upload answers with Sonoloop-Clip and Sonoloop-Job."""
        upload = self._upload(request, upload_id)
        if request.content_type != "application/offset+octet-stream":
            raise Conflict("Send bytes as application/offset+octet-stream.", code="wrong_content_type")
        offset = uploads.append(upload, _whole_number(request, "Upload-Offset"), _pieces(request._request))
        headers = {**TUS, "Upload-Offset": str(offset)}
        if offset == upload.length:
            headers |= self._made(upload, request.user)
        return HttpResponse(status=204, headers=headers)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, upload_id: UUID) -> HttpResponse:
        uploads.discard(self._upload(request, upload_id))
        return HttpResponse(status=204, headers=TUS)


def _pieces(request: HttpRequest) -> Iterable[bytes]:
    while piece := request.read(PIECE):
        yield piece


urlpatterns = [
    path("projects/<int:project_id>/clips", Clips.as_view()),
    path("projects/<int:project_id>/uploads", Uploads.as_view()),
    path("uploads/<uuid:upload_id>", UploadView.as_view()),
    path("clips/<int:clip_id>", ClipView.as_view()),
    path("clips/<int:clip_id>/select", SelectFrames.as_view()),
]
