"""Frames: lists, pictures, drafts, masks for playing, and the queues people work through."""

import base64
import logging
from typing import Any

from django.db.models import OuterRef, Subquery
from django.http import HttpResponse
from django.urls import path
from drf_spectacular.utils import OpenApiParameter, OpenApiTypes, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import audit, corrections, files, queries
from annotation.api.clips import clip_for
from annotation.api.fields import choice_in, number_in
from annotation.api.pages import page, page_of
from annotation.api.request import Request
from annotation.api.revisions import NEVER_CHANGES, PNG, ReviewShape, frame_for
from annotation.errors import BadRequest, Conflict, NotFound
from annotation.models import Clip, Draft, Frame, Review, Revision
from annotation.permissions import project_for

LARGEST_SLICE = 32 << 20
MOST_MASKS = 2000
log = logging.getLogger(__name__)


class FrameShape(serializers.Serializer):
    """One picture of a clip, and the place of its PNG in the clip's pack."""

    id = serializers.IntegerField()
    index = serializers.IntegerField()
    time_us = serializers.IntegerField(help_text="presentation time, microseconds")
    selected = serializers.BooleanField()
    state = serializers.ChoiceField(Frame.State.choices)
    uncertainty = serializers.FloatField(allow_null=True, help_text="0..1, of the newest draft")
    disagreement = serializers.FloatField(
        allow_null=True, help_text="0..1: 1 - mean Dice of the draft against what was last submitted"
    )
    offset = serializers.IntegerField()
    length = serializers.IntegerField()


FRAME_COLUMNS = (
    "id",
    "index",
    "time_us",
    "selected",
    "state",
    "uncertainty",
    "disagreement",
    "pack_offset",
    "pack_length",
)


def frame_row(frame: Frame) -> dict[str, Any]:
    """A frame as the API shows it. By hand: lists hold thousands, and a serializer costs more than the query."""
    return {
        "id": frame.pk,
        "index": frame.index,
        "time_us": frame.time_us,
        "selected": frame.selected,
        "state": frame.state,
        "uncertainty": frame.uncertainty if frame.uncertainty >= 0 else None,
        "disagreement": frame.disagreement if frame.disagreement >= 0 else None,
        "offset": frame.pack_offset,
        "length": frame.pack_length,
    }


class ModelReference(serializers.Serializer):
    id = serializers.IntegerField()
    number = serializers.IntegerField()


class DraftShape(serializers.ModelSerializer):
    model = ModelReference(source="model_version")
    confidence = serializers.DictField(child=serializers.FloatField(), help_text="per label index, 0..1")

    class Meta:
        model = Draft
        fields = ["id", "model", "confidence", "uncertainty", "backend", "created_at"]


class ShortSubject(serializers.Serializer):
    id = serializers.IntegerField()
    pseudonym = serializers.CharField()


class FrameClipShape(serializers.ModelSerializer):
    subject = ShortSubject()
    project = serializers.IntegerField(source="project_id")

    class Meta:
        model = Clip
        fields = [
            "id", "number", "subject", "width", "height", "frame_count", "is_grey", "millimetres_per_pixel", "project"
        ]  # fmt: skip


class AnnotationShape(serializers.Serializer):
    state = serializers.ChoiceField(Frame.State.choices)
    head = serializers.IntegerField(help_text="number of the newest revision")
    annotator = serializers.CharField(help_text="who began it")
    author = serializers.CharField(help_text="who saved the newest revision")
    origin = serializers.ChoiceField(Revision.Origin.choices)
    updated_at = serializers.DateTimeField()


class FrameDetailShape(FrameShape):
    clip = FrameClipShape()
    annotation = AnnotationShape(allow_null=True)
    gold_revision = serializers.IntegerField(allow_null=True)
    draft = DraftShape(allow_null=True)
    review = ReviewShape(allow_null=True, help_text="the newest verdict that stands")
    previous_selected = serializers.IntegerField(allow_null=True)
    next_selected = serializers.IntegerField(allow_null=True)


def newest_draft(frame: Frame) -> Draft | None:
    return Draft.objects.select_related("model_version").filter(frame=frame).order_by("-id").first()


class ClipFrameShape(FrameShape):
    revision = serializers.IntegerField(help_text="number of the newest revision; 0 while no person's work stands")


class ClipFrames(APIView):
    """A clip's frames, by index or most uncertain first."""

    @extend_schema(
        parameters=[
            OpenApiParameter("selected", bool),
            OpenApiParameter("state", str, enum=list(Frame.State.values)),
            OpenApiParameter("order", str, enum=["index", "uncertainty"]),
        ],
        responses=page_of(ClipFrameShape),
    )
    def get(self, request: Request, clip_id: int) -> Response:
        clip = clip_for(request.user, clip_id)
        rows = Frame.objects.filter(clip=clip).only(*FRAME_COLUMNS)
        selected = choice_in(request, "selected", ["true", "false", "1", "0"])
        if selected:
            rows = rows.filter(selected=selected in ("true", "1"))
        state = choice_in(request, "state", list(Frame.State.values))
        if state:
            rows = rows.filter(state=state)
        order = choice_in(request, "order", ["index", "uncertainty"], "index")
        keys = ("index", "id") if order == "index" else ("-uncertainty", "id")

        def shown(found: list[Frame]) -> list[dict[str, Any]]:
            heads = dict(corrections.standing().filter(frame__clip=clip).values_list("frame", "head"))
            return [{**frame_row(frame), "revision": heads.get(frame.pk, 0)} for frame in found]

        return page(request, rows, shown, order=keys, default=500, most=5000)


class ClipImages(APIView):
    """A slice of the clip's pack: whole PNGs back to back, cut by the offsets of the frames list."""

    @extend_schema(
        parameters=[OpenApiParameter("offset", int), OpenApiParameter("length", int)],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, clip_id: int) -> HttpResponse:
        clip = clip_for(request.user, clip_id)
        offset = int(number_in(request, "offset", 0, low=0, high=2**62))
        length = int(number_in(request, "length", low=1, high=LARGEST_SLICE))
        if offset + length > clip.pack_size:
            raise BadRequest(f"The pack has {clip.pack_size} bytes; {length} from {offset} were asked for.")
        return _unchanging(
            request, clip, f'"{clip.uuid.hex}-{offset}-{length}"', offset, length, "application/octet-stream"
        )


class FrameImage(APIView):
    @extend_schema(responses=PNG)
    def get(self, request: Request, frame_id: int) -> HttpResponse:
        """The frame's pixels, lossless."""
        frame = frame_for(request.user, frame_id)
        return _unchanging(request, frame.clip, f'"{frame.sha256}"', frame.pack_offset, frame.pack_length, "image/png")


def _unchanging(request: Request, clip: Clip, etag: str, offset: int, length: int, content_type: str) -> HttpResponse:
    """Answer a slice of a pack, or 304 to who has it: pixels never change under an address."""
    audit.record_view(request.user, clip)
    headers = {"ETag": etag, **NEVER_CHANGES}
    if etag in request.headers.get("If-None-Match", ""):
        return HttpResponse(status=304, headers=headers)
    try:
        data = files.read_slice(clip.pack_name, offset, length)
    except OSError as fault:
        log.error("the pack of clip %d cannot be read: %s", clip.pk, type(fault).__name__)
        raise Conflict(
            "The pixels of this clip are missing on the server. Whoever runs it can restore its files from a backup.",
            code="pixels_missing",
        ) from fault
    return HttpResponse(data, content_type=content_type, headers=headers)


MASKS = {
    (200, "application/json"): {
        "type": "object",
        "description": "by frame index",
        "additionalProperties": {
            "type": "object",
            "required": ["png", "kind"],
            "properties": {
                "png": {"type": "string", "description": "base64 of the label map's PNG"},
                "kind": {"type": "string", "enum": ["revision", "draft"]},
            },
        },
    }
}


class ClipMasks(APIView):
    """The masks of a stretch of frames, for playing: each frame's newest revision, else its newest draft."""

    @extend_schema(
        parameters=[OpenApiParameter("from", int), OpenApiParameter("to", int)],
        responses=MASKS,
    )
    def get(self, request: Request, clip_id: int) -> Response:
        clip = clip_for(request.user, clip_id)
        first = int(number_in(request, "from", 0, low=0, high=2**31))
        last = int(number_in(request, "to", first + MOST_MASKS - 1, low=first, high=first + MOST_MASKS - 1))
        stretch = Frame.objects.filter(clip=clip, index__gte=first, index__lte=last)
        newest = Draft.objects.filter(frame=OuterRef("pk")).order_by("-id").values("png")[:1]
        saved = (
            Revision.objects.filter(annotation__frame=OuterRef("pk"), annotation__slot=corrections.SLOT)
            .exclude(annotation__state=Frame.State.UNTOUCHED)
            .order_by("-number")
            .values("png")[:1]
        )
        rows = stretch.annotate(draft_png=Subquery(newest), saved_png=Subquery(saved)).values_list(
            "index", "saved_png", "draft_png"
        )
        audit.record_view(request.user, clip)
        return Response(
            {
                str(index): {
                    "png": base64.b64encode(saved_png or draft_png).decode(),
                    "kind": "revision" if saved_png else "draft",
                }
                for index, saved_png, draft_png in rows
                if saved_png or draft_png
            }
        )


class FrameView(APIView):
    @extend_schema(responses=FrameDetailShape)
    def get(self, request: Request, frame_id: int) -> Response:
        """The frame with what people and models have made of it."""
        frame = frame_for(request.user, frame_id)
        annotation = corrections.annotation_of(frame)
        draft = newest_draft(frame)
        verdict = (
            Review.objects.select_related("revision", "reviewer")
            .defer("revision__png")
            .filter(revision__annotation__frame=frame, taken_back_at=None)
            .order_by("-id")
            .first()
        )
        chosen = Frame.objects.filter(clip_id=frame.clip_id, selected=True)
        before = chosen.filter(index__lt=frame.index).order_by("-index").values_list("pk", flat=True).first()
        after = chosen.filter(index__gt=frame.index).order_by("index").values_list("pk", flat=True).first()
        shown = None
        if annotation:
            head = annotation.revisions.select_related("author").defer("png").get(number=annotation.head)
            shown = {
                "state": annotation.state,
                "head": annotation.head,
                "annotator": annotation.annotator.username,
                "author": head.author.username,
                "origin": head.origin,
                "updated_at": annotation.updated_at,
            }
        return Response(
            {
                **frame_row(frame),
                "clip": FrameClipShape(frame.clip).data,
                "annotation": AnnotationShape(shown).data if shown else None,
                "gold_revision": frame.gold_id,
                "draft": DraftShape(draft).data if draft else None,
                "review": ReviewShape(verdict).data if verdict else None,
                "previous_selected": before,
                "next_selected": after,
            }
        )


class FrameDraft(APIView):
    @extend_schema(responses=PNG)
    def get(self, request: Request, frame_id: int) -> HttpResponse:
        """The newest draft's label map."""
        frame = frame_for(request.user, frame_id)
        draft = newest_draft(frame)
        if draft is None:
            raise NotFound("This frame has no draft.", code="no_draft")
        audit.record_view(request.user, frame.clip)
        return HttpResponse(
            bytes(draft.png),
            content_type="image/png",
            headers={"ETag": f'"d{draft.pk}"', "Cache-Control": "private, no-cache"},
        )


class FrameDraftConfidence(APIView):
    @extend_schema(responses=PNG)
    def get(self, request: Request, frame_id: int) -> HttpResponse:
        """How sure the model is of the newest draft, place by place: 8-bit grey, 255 certain, in small."""
        frame = frame_for(request.user, frame_id)
        draft = newest_draft(frame)
        if draft is None:
            raise NotFound("This frame has no draft.", code="no_draft")
        if draft.confidence_map is None:
            raise NotFound(
                "This draft was made before confidence was kept; the next redraft has it.", code="no_confidence"
            )
        audit.record_view(request.user, frame.clip)
        return HttpResponse(
            bytes(draft.confidence_map),
            content_type="image/png",
            headers={"ETag": f'"d{draft.pk}"', "Cache-Control": "private, no-cache"},
        )


class QueueClipShape(serializers.Serializer):
    id = serializers.IntegerField()
    number = serializers.IntegerField()
    subject = ShortSubject()
    width = serializers.IntegerField()
    height = serializers.IntegerField()


class QueueEntryShape(serializers.Serializer):
    frame = FrameShape()
    clip = QueueClipShape()


class Queue(APIView):
    """What waits for this person: frames to annotate, or to review."""

    @extend_schema(
        parameters=[
            OpenApiParameter("role", str, enum=["annotate", "review"]),
            OpenApiParameter("order", str, enum=["uncertainty", "disagreement"], description="of the review queue"),
        ],
        responses=page_of(QueueEntryShape),
    )
    def get(self, request: Request, project_id: int) -> Response:
        role = choice_in(request, "role", ["annotate", "review"], "annotate")
        order = choice_in(request, "order", ["uncertainty", "disagreement"], "uncertainty")
        if order == "disagreement" and role != "review":
            raise BadRequest("Only the review queue can be ordered by disagreement; leave order away.")
        project = project_for(request.user, project_id, role)
        parts = queries.queue(project, role, request.user)
        return page(
            request,
            [part.select_related("clip__subject") for part in parts],
            lambda found: [{"frame": frame_row(frame), "clip": QueueClipShape(frame.clip).data} for frame in found],
            order=(f"-{order}", "id") if role == "review" else ("-rank", "-uncertainty", "id"),
        )


urlpatterns = [
    path("clips/<int:clip_id>/frames", ClipFrames.as_view()),
    path("clips/<int:clip_id>/images", ClipImages.as_view()),
    path("clips/<int:clip_id>/masks", ClipMasks.as_view()),
    path("frames/<int:frame_id>", FrameView.as_view()),
    path("frames/<int:frame_id>/image", FrameImage.as_view()),
    path("frames/<int:frame_id>/draft", FrameDraft.as_view()),
    path("frames/<int:frame_id>/draft/confidence", FrameDraftConfidence.as_view()),
    path("projects/<int:project_id>/queue", Queue.as_view()),
]
