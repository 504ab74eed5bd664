"""What people make of a frame: masks saved as revisions, submitting them, and the verdicts on them."""

import re
from typing import Any

from django.db.models import Prefetch
from django.http import HttpResponse
from django.urls import path
from drf_spectacular.utils import OpenApiParameter, OpenApiTypes, extend_schema
from rest_framework import serializers
from rest_framework.parsers import BaseParser
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import audit, corrections, review
from annotation.api.fields import checked, choice_in, number_in
from annotation.api.request import Request
from annotation.assist import propagation
from annotation.errors import BadRequest, Conflict, PreconditionRequired
from annotation.models import Frame, Review, Revision, User
from annotation.permissions import project_for, visible, visible_as

LARGEST_MASK = 64 << 20
MOST_REVISIONS = 500
MOST_REVIEWS = 1000
MOST_SECONDS = 86_400  # nobody is active for more than a day between two saves
MOST_COUNTED = 100_000
# Vary: on a shared machine the next person has another session, and does not get these from the cache.
NEVER_CHANGES = {"Cache-Control": "private, max-age=31536000, immutable", "Vary": "Cookie, Authorization"}
PNG = {(200, "image/png"): OpenApiTypes.BINARY}
ETAG = re.compile(r'(?:W/)?"r(\d{1,9})"')


def frame_for(user: User, frame_id: int, capability: str = "view") -> Frame:
    """The frame, if the person may do `capability` in its project."""
    rows = Frame.objects.select_related("clip__subject", "project")
    return visible(rows, user, capability, pk=frame_id)


class PointFields(serializers.Serializer):
    x = serializers.FloatField()
    y = serializers.FloatField()
    text = serializers.CharField(max_length=2000, allow_blank=True)


class ReviewShape(serializers.ModelSerializer):
    revision = serializers.IntegerField(source="revision.number")
    reviewer = serializers.CharField(source="reviewer.username")
    points = PointFields(many=True)

    class Meta:
        model = Review
        fields = ["id", "revision", "reviewer", "verdict", "comment", "points", "created_at", "taken_back_at"]


class RevisionShape(serializers.ModelSerializer):
    parent = serializers.IntegerField(source="parent.number", default=None, allow_null=True)  # type: ignore[assignment]
    author = serializers.CharField(source="author.username")
    label_pixels = serializers.DictField(child=serializers.IntegerField())
    provenance = serializers.DictField(help_text="of the proposal it was made from; empty when of none")
    reviews = ReviewShape(many=True)

    class Meta:
        model = Revision
        fields = [
            "id", "number", "parent", "author", "origin", "active_seconds", "strokes", "clicks", "pixels_changed",
            "provenance", "draft_dice", "label_pixels", "sha256", "created_at", "reviews",
        ]  # fmt: skip


def new_revision_row(revision: Revision) -> dict[str, Any]:
    """A revision saved just now as RevisionShape shows it. By hand: that would ask for reviews it cannot have."""
    return {
        "id": revision.pk,
        "number": revision.number,
        "parent": revision.number - 1 if revision.parent_id else None,
        "author": revision.author.username,
        "origin": revision.origin,
        "active_seconds": revision.active_seconds,
        "strokes": revision.strokes,
        "clicks": revision.clicks,
        "pixels_changed": revision.pixels_changed,
        "provenance": revision.provenance,
        "draft_dice": revision.draft_dice,
        "label_pixels": revision.label_pixels,
        "sha256": revision.sha256,
        "created_at": revision.created_at,
        "reviews": [],
    }


class PngBody(BaseParser):
    """The body of a PUT, as bytes."""

    media_type = "image/png"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        data: bytes = stream.read(LARGEST_MASK + 1)
        if len(data) > LARGEST_MASK:
            raise BadRequest(f"A mask of more than {LARGEST_MASK >> 20} MB came; no label map is that large.")
        return data


class FrameMask(APIView):
    """The frame's label map as people have saved it."""

    parser_classes = [PngBody]

    @extend_schema(responses=PNG)
    def get(self, request: Request, frame_id: int) -> HttpResponse:
        """The newest revision, ETag "r<N>"; all background with ETag "r0" while nothing is saved."""
        frame = frame_for(request.user, frame_id)
        annotation = corrections.annotation_of(frame)
        png, number = corrections.blank_png(frame), 0
        if annotation:
            head = corrections.head_of(annotation)
            png, number = bytes(head.png), head.number
        audit.record_view(request.user, frame.clip)
        headers = {"ETag": f'"r{number}"', "Cache-Control": "private, no-cache"}
        if headers["ETag"] in request.headers.get("If-None-Match", ""):
            return HttpResponse(status=304, headers=headers)
        return HttpResponse(png, content_type="image/png", headers=headers)

    @extend_schema(
        parameters=[
            OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, required=True, description='"r<N>"'),
            OpenApiParameter(
                "Sonoloop-User", int, OpenApiParameter.HEADER, description="who drew it: 409 when another is signed in"
            ),
            OpenApiParameter("origin", str, enum=list(Revision.Origin.values)),
            OpenApiParameter("active_seconds", float, description="0 to 86400, since this person's last save of it"),
            OpenApiParameter("strokes", int, description="steps made, taken back and made again, 0 to 100000"),
            OpenApiParameter("clicks", int, description="presses of the pointer on the picture, 0 to 100000"),
            OpenApiParameter("draft", int, description="id of the draft it started from"),
            OpenApiParameter("proposal", int, description="id of the proposal it was made from"),
        ],
        request={"image/png": OpenApiTypes.BINARY},
        responses=RevisionShape,
    )
    def put(self, request: Request, frame_id: int) -> Response:
        """Save the next revision. Missing If-Match: 428; somebody saved since: 412; a wrong label map: 400."""
        rows = Frame.objects.select_related("clip")
        frame, role = visible_as(rows, request.user, "annotate", pk=frame_id)
        if request.headers.get("Sonoloop-User", str(request.user.pk)) != str(request.user.pk):
            raise Conflict(
                "Somebody else has signed in meanwhile; sign in again as who drew this.", code="other_person"
            )
        draft_id = request.query_params.get("draft")
        save = corrections.Save(
            png=_png_of(request),
            base=_base(request),
            origin=Revision.Origin(choice_in(request, "origin", list(Revision.Origin.values), "hand")),
            active_seconds=number_in(request, "active_seconds", 0, low=0, high=MOST_SECONDS),
            strokes=_count_in(request, "strokes"),
            clicks=_count_in(request, "clicks"),
            draft=corrections.draft_of(frame, int(number_in(request, "draft", low=1, high=2**62)))
            if draft_id
            else None,
            provenance=_provenance(frame, request),
        )
        revision = corrections.save_mask(frame, save, by=request.user, may_reopen=role in ("reviewer", "manager"))
        return Response(new_revision_row(revision), headers={"ETag": f'"r{revision.number}"'})


def _png_of(request: Request) -> bytes:
    body: object = request.data
    return body if isinstance(body, bytes) else b""  # no body at all is parsed to something else


def _provenance(frame: Frame, request: Request) -> dict[str, Any]:
    """What is kept of the proposal that the query string names."""
    if "proposal" not in request.query_params:
        return {}
    named = int(number_in(request, "proposal", low=1, high=2**62))
    return propagation.provenance(propagation.proposal_of(frame, request.user, named))


def _count_in(request: Request, name: str) -> int | None:
    """A whole number of the query string; None where nobody counted. Raises BadRequest for anything else."""
    if name not in request.query_params:
        return None
    value = number_in(request, name, low=0, high=MOST_COUNTED)
    if value != int(value):
        raise BadRequest(f"{name} must be a whole number; {request.query_params[name]!r} came.")
    return int(value)


def _base(request: Request) -> int:
    header = request.headers.get("If-Match")
    if header is None:
        raise PreconditionRequired(
            'Send If-Match with the ETag that GET gave, for example "r3" ("r0" when nothing is saved yet), '
            "so that nobody's work is overwritten."
        )
    match = ETAG.fullmatch(header.strip())
    if match is None:
        raise BadRequest(f'If-Match must be an ETag like "r3"; {header[:40]!r} came.')
    return int(match.group(1))


class FrameRevisions(APIView):
    @extend_schema(responses=RevisionShape(many=True))
    def get(self, request: Request, frame_id: int) -> Response:
        """The frame's newest 500 revisions, newest first, with the verdicts on them."""
        frame = frame_for(request.user, frame_id)
        rows = (
            Revision.objects.filter(annotation__frame=frame)
            .select_related("author", "parent")
            .prefetch_related("reviews__reviewer", Prefetch("reviews__revision", Revision.objects.only("number")))
            .defer("png", "parent__png")
            .order_by("-id")
        )
        return Response(RevisionShape(rows[:MOST_REVISIONS], many=True).data)


class RevisionMask(APIView):
    @extend_schema(responses=PNG)
    def get(self, request: Request, revision_id: int) -> HttpResponse:
        """One revision's label map; it never changes."""
        rows = Revision.objects.select_related("annotation__frame__clip")
        revision = visible(rows, request.user, path="annotation__frame__project_id", pk=revision_id)
        audit.record_view(request.user, revision.annotation.frame.clip)
        headers = {"ETag": f'"{revision.sha256}"', **NEVER_CHANGES}
        return HttpResponse(bytes(revision.png), content_type="image/png", headers=headers)


class StateShape(serializers.Serializer):
    state = serializers.ChoiceField(Frame.State.choices)


class SubmitFrame(APIView):
    @extend_schema(
        parameters=[
            OpenApiParameter(
                "If-Match",
                str,
                OpenApiParameter.HEADER,
                description='"r<N>" you looked at; 412 if it is not the newest',
            )
        ],
        request=None,
        responses=StateShape,
    )
    def post(self, request: Request, frame_id: int) -> Response:
        """Hand the newest revision to the reviewers."""
        frame = frame_for(request.user, frame_id, "annotate")
        seen = _base(request) if "If-Match" in request.headers else None
        return Response({"state": corrections.submit(frame, by=request.user, number=seen).state})


class ReviewFields(serializers.Serializer):
    verdict = serializers.ChoiceField(Review.Verdict.choices)
    comment = serializers.CharField(allow_blank=True, max_length=4000, default="")
    points = PointFields(many=True, required=False)
    revision = serializers.IntegerField(
        required=False, min_value=1, help_text="the number you looked at; 412 if it is not the newest"
    )


class ReviewFrame(APIView):
    @extend_schema(request=ReviewFields, responses=ReviewShape)
    def post(self, request: Request, frame_id: int) -> Response:
        """Accept the newest revision (it becomes gold), or return it with comments."""
        frame = frame_for(request.user, frame_id, "review")
        given = checked(ReviewFields, request.data)
        verdict = review.decide(
            frame,
            verdict=Review.Verdict(given["verdict"]),
            by=request.user,
            comment=given["comment"],
            points=given.get("points", ()),
            number=given.get("revision"),
        )
        return Response(ReviewShape(verdict).data)


class TakeBackReviewsFields(serializers.Serializer):
    reviews = serializers.ListField(child=serializers.IntegerField(), min_length=1, max_length=MOST_REVIEWS)


class RefusedReviewShape(serializers.Serializer):
    review = serializers.IntegerField()
    frame = serializers.IntegerField(allow_null=True)
    code = serializers.CharField()
    message = serializers.CharField()


class ReviewsTakenBackShape(serializers.Serializer):
    taken_back = serializers.ListField(child=serializers.IntegerField(), help_text="frame ids")
    refused = RefusedReviewShape(many=True)


class TakeBackReviews(APIView):
    @extend_schema(request=TakeBackReviewsFields, responses=ReviewsTakenBackShape)
    def post(self, request: Request, project_id: int) -> Response:
        """Undo the caller's own verdicts where nothing happened since: their frames are as they were before."""
        project = project_for(request.user, project_id, "review")
        given = checked(TakeBackReviewsFields, request.data)
        taken, refused = review.take_back(project, given["reviews"], by=request.user)
        return Response(
            {
                "taken_back": [each.revision.annotation.frame_id for each in taken],
                "refused": [
                    {"review": each.review, "frame": each.frame, "code": each.code, "message": each.message}
                    for each in refused
                ],
            }
        )


urlpatterns = [
    path("projects/<int:project_id>/reviews/take-back", TakeBackReviews.as_view()),
    path("frames/<int:frame_id>/mask", FrameMask.as_view()),
    path("frames/<int:frame_id>/revisions", FrameRevisions.as_view()),
    path("frames/<int:frame_id>/submit", SubmitFrame.as_view()),
    path("frames/<int:frame_id>/review", ReviewFrame.as_view()),
    path("revisions/<int:revision_id>/mask", RevisionMask.as_view()),
]
