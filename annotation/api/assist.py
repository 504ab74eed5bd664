"""What a model proposes to a person at work: masks carried along a clip, and the mask they point at."""

import base64
import binascii
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import audit, corrections, tasks
from annotation.api.clips import clip_for
from annotation.api.fields import checked, choice_in
from annotation.api.frames import ModelReference
from annotation.api.jobs import JobShape
from annotation.api.request import Request
from annotation.api.revisions import PNG, RevisionShape, frame_for, new_revision_row
from annotation.assist import clicks, propagation
from annotation.errors import BadRequest, Conflict, NotFound, SonoloopError
from annotation.models import Propagation, Proposal, Revision


class PropagateFields(serializers.Serializer):
    frame = serializers.IntegerField(required=False, help_text="a key frame's id; or several in frames")
    frames = serializers.ListField(
        child=serializers.IntegerField(), required=False, min_length=1, max_length=propagation.MOST_KEYS
    )
    direction = serializers.ChoiceField(Propagation.Direction.choices, default=Propagation.Direction.BOTH)
    count = serializers.IntegerField(
        min_value=1, max_value=propagation.MOST_STEPS, default=propagation.MOST_STEPS, help_text="frames each way"
    )
    labels = serializers.ListField(
        child=serializers.IntegerField(), required=False, min_length=1, max_length=254, help_text="only these"
    )


class PropagationJobShape(serializers.Serializer):
    job = JobShape()
    propagation = serializers.IntegerField()


class KeyShape(serializers.Serializer):
    frame = serializers.IntegerField()
    index = serializers.IntegerField()
    revision = serializers.IntegerField()


class StopShape(serializers.Serializer):
    """Where one way from one key frame ended; `frame` got no proposal when the reason is drift."""

    direction = serializers.ChoiceField(["forward", "backward"])
    key = serializers.IntegerField(help_text="index of the key frame")
    steps = serializers.IntegerField()
    frame = serializers.IntegerField(allow_null=True)
    index = serializers.IntegerField(allow_null=True)
    reason = serializers.ChoiceField(sorted(propagation.WORDS))
    message = serializers.CharField()


class PropagationShape(serializers.ModelSerializer):
    job = serializers.IntegerField(source="job_id", allow_null=True)
    keys = KeyShape(many=True)
    labels = serializers.ListField(child=serializers.IntegerField(), allow_null=True)
    model = ModelReference(source="model_version", allow_null=True)
    stops = StopShape(many=True)

    class Meta:
        model = Propagation
        fields = ["id", "job", "created_at", "direction", "count", "keys", "labels", "model", "method", "stops"]


class ProposalShape(serializers.Serializer):
    id = serializers.IntegerField()
    frame = serializers.IntegerField()
    index = serializers.IntegerField()
    selected = serializers.BooleanField()
    propagation = serializers.IntegerField()
    keys = serializers.ListField(child=serializers.IntegerField(), help_text="indices of the key frames it comes from")
    steps = serializers.IntegerField(help_text="to the nearest of them")
    score = serializers.FloatField(help_text="0..1")
    flag = serializers.ChoiceField(Proposal.Flag.choices)
    base = serializers.IntegerField(help_text="number of the revision it was made over, 0 for none")
    blocked = serializers.ChoiceField(
        ["moved", "submitted", "accepted", "other_person"], allow_null=True, help_text="why accept would refuse it"
    )
    sha256 = serializers.CharField()
    created_at = serializers.DateTimeField()
    png = serializers.CharField(allow_null=True, help_text="base64, with masks=1; else null")


class ProposalsShape(serializers.Serializer):
    propagations = PropagationShape(many=True)
    proposals = ProposalShape(many=True)


class Propagate(APIView):
    @extend_schema(request=PropagateFields, responses={202: PropagationJobShape})
    def post(self, request: Request, clip_id: int) -> Response:
        """Carry the newest masks of key frames to the frames around them; the result is proposals."""
        clip = clip_for(request.user, clip_id, "annotate")
        given = checked(PropagateFields, request.data)
        if ("frame" in given) == ("frames" in given):
            raise BadRequest("Name the key frame in frame, or several in frames.")
        wish = propagation.Wish(
            frames=given.get("frames") or [given["frame"]],
            direction=Propagation.Direction(given["direction"]),
            count=given["count"],
            labels=given.get("labels"),
        )
        with transaction.atomic():
            job, row = propagation.request_propagation(clip, wish, request.user)
            tasks.enqueue(job)
        return Response({"job": JobShape(job).data, "propagation": row.pk}, status=202)


class ClipProposals(APIView):
    @extend_schema(parameters=[OpenApiParameter("masks", bool)], responses=ProposalsShape)
    def get(self, request: Request, clip_id: int) -> Response:
        """The caller's living proposals in this clip, and where each propagation ended."""
        clip = clip_for(request.user, clip_id, "annotate")
        masks = choice_in(request, "masks", ["true", "false", "1", "0"], "0") in ("true", "1")
        rows = propagation.proposals_of(clip, request.user)
        blocked = propagation.blocked(rows, request.user)
        carried = Propagation.objects.filter(clip=clip, requested_by=request.user).select_related("model_version")
        if masks:
            audit.record_view(request.user, clip)
        return Response(
            {
                "propagations": PropagationShape(carried.order_by("-id")[:20], many=True).data,
                "proposals": [_proposal_row(row, blocked[row.pk], masks) for row in rows],
            }
        )

    @extend_schema(
        parameters=[OpenApiParameter("frames", str, description="ids, comma between")], responses={204: None}
    )
    def delete(self, request: Request, clip_id: int) -> Response:
        """Dismiss the caller's proposals in this clip, or those of some frames."""
        clip = clip_for(request.user, clip_id, "annotate")
        propagation.dismiss(clip, request.user, _ids_in(request, "frames"))
        return Response(status=204)


def _proposal_row(row: Proposal, blocked: str | None, masks: bool) -> dict[str, Any]:
    return {
        "id": row.pk,
        "frame": row.frame_id,
        "index": row.frame.index,
        "selected": row.frame.selected,
        "propagation": row.propagation_id,
        "keys": [key["index"] for key in row.keys],
        "steps": row.steps,
        "score": row.score,
        "flag": row.flag,
        "base": row.base,
        "blocked": blocked,
        "sha256": row.sha256,
        "created_at": row.created_at,
        "png": base64.b64encode(row.png).decode() if masks else None,
    }


def _ids_in(request: Request, name: str) -> list[int] | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    parts = text.split(",")
    if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
        raise BadRequest(f"{name} must be ids with commas between them; {text[:40]!r} came.")
    return [int(part) for part in parts]


class FrameProposal(APIView):
    @extend_schema(responses=PNG)
    def get(self, request: Request, frame_id: int) -> HttpResponse:
        """The caller's living proposal for this frame, as a label map."""
        frame = frame_for(request.user, frame_id, "annotate")
        row = Proposal.objects.filter(frame=frame, requested_by=request.user).first()
        if row is None:
            raise NotFound("There is no proposal of yours for this frame.", code="no_proposal")
        audit.record_view(request.user, frame.clip)
        headers = {"ETag": f'"p{row.pk}"', "Cache-Control": "private, no-cache"}
        return HttpResponse(bytes(row.png), content_type="image/png", headers=headers)


class AcceptFields(serializers.Serializer):
    frames = serializers.ListField(
        child=serializers.IntegerField(), required=False, max_length=propagation.MOST_FRAMES, help_text="frame ids"
    )


class SavedShape(serializers.Serializer):
    frame = serializers.IntegerField()
    revision = RevisionShape()


class RefusedShape(serializers.Serializer):
    frame = serializers.IntegerField()
    code = serializers.CharField()
    message = serializers.CharField()


class AcceptedShape(serializers.Serializer):
    saved = SavedShape(many=True)
    refused = RefusedShape(many=True)


class AcceptProposals(APIView):
    @extend_schema(request=AcceptFields, responses=AcceptedShape)
    def post(self, request: Request, clip_id: int) -> Response:
        """Save proposals as the caller's next revisions, each on its own; what cannot be is named with the reason."""
        clip = clip_for(request.user, clip_id, "annotate")
        given = checked(AcceptFields, request.data)

        def save(proposal: Proposal) -> Revision:
            made = corrections.Save(
                png=bytes(proposal.png),
                base=proposal.base,
                origin=Revision.Origin.PROPAGATED,
                provenance=propagation.provenance(proposal),
            )
            return corrections.save_mask(proposal.frame, made, by=request.user, may_reopen=False)

        saved, refused = propagation.accept(clip, request.user, given.get("frames"), save)
        return Response(
            {
                "saved": [{"frame": r.annotation.frame_id, "revision": new_revision_row(r)} for r in saved],
                "refused": [{"frame": f, "code": code, "message": message} for f, code, message in refused],
            }
        )


class TakenFields(serializers.Serializer):
    frame = serializers.IntegerField()
    revision = serializers.IntegerField(min_value=1, help_text="number of the revision accepting it made")


class TakeBackFields(serializers.Serializer):
    frames = serializers.ListField(child=TakenFields(), min_length=1, max_length=propagation.MOST_FRAMES)


class TakenBackShape(serializers.Serializer):
    taken_back = serializers.ListField(child=serializers.IntegerField(), help_text="frame ids, untouched again")
    refused = RefusedShape(many=True)


class TakeBackProposals(APIView):
    @extend_schema(request=TakeBackFields, responses=TakenBackShape)
    def post(self, request: Request, clip_id: int) -> Response:
        """Make frames untouched again whose only work is a mask the caller accepted; who saved since keeps theirs."""
        clip = clip_for(request.user, clip_id, "annotate")
        given = checked(TakeBackFields, request.data)
        frames = {frame.pk: frame for frame in clip.frames.filter(pk__in=[each["frame"] for each in given["frames"]])}
        taken: list[int] = []
        refused: list[dict[str, object]] = []
        for each in given["frames"]:
            try:
                if each["frame"] not in frames:
                    raise BadRequest(f"This clip has no frame {each['frame']}.", code="no_frame")
                corrections.take_back(frames[each["frame"]], each["revision"], by=request.user)
                taken.append(each["frame"])
            except SonoloopError as refusal:
                refused.append({"frame": each["frame"], "code": refusal.code, "message": refusal.message})
        return Response({"taken_back": taken, "refused": refused})


class ClickFields(serializers.Serializer):
    x = serializers.FloatField()
    y = serializers.FloatField()
    positive = serializers.BooleanField(help_text="whether the label is there or not")


class ScribbleFields(serializers.Serializer):
    points = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(), min_length=2, max_length=2),
        min_length=1,
        max_length=2000,
    )
    positive = serializers.BooleanField()


class AssistFields(serializers.Serializer):
    label = serializers.IntegerField()  # type: ignore[assignment]
    clicks = ClickFields(many=True, default=list)
    box = serializers.ListField(child=serializers.FloatField(), min_length=4, max_length=4, default=None)
    scribbles = ScribbleFields(many=True, default=list)
    prior = serializers.CharField(
        default=None, trim_whitespace=False, help_text="base64 PNG: the map on screen; left out: newest revision"
    )
    over = serializers.ListField(
        child=serializers.IntegerField(), default=list, max_length=254, help_text="labels it may paint over"
    )


class AssistAvailableShape(serializers.Serializer):
    available = serializers.BooleanField()
    code = serializers.CharField(help_text="empty when available")
    message = serializers.CharField()


class Assist(APIView):
    @extend_schema(responses=AssistAvailableShape)
    def get(self, request: Request, frame_id: int) -> Response:
        """Whether clicks work here; and the model is loaded, so that the first click need not wait."""
        frame = frame_for(request.user, frame_id, "annotate")
        try:
            champion = clicks.champion_for_clicks(frame.project)
        except Conflict as refusal:
            return Response({"available": False, "code": refusal.code, "message": refusal.message})
        tasks.request_warm_clicks(champion.pk)
        return Response({"available": True, "code": "", "message": f"Model {champion.number} takes clicks."})

    @extend_schema(request=AssistFields, responses=PNG)
    def post(self, request: Request, frame_id: int) -> HttpResponse:
        """The label map as the champion proposes it, given what the person points at. Nothing is stored."""
        frame = frame_for(request.user, frame_id, "annotate")
        given = checked(AssistFields, request.data)
        if len(given["clicks"]) > clicks.MOST_POINTS or len(given["scribbles"]) > clicks.MOST_POINTS:
            raise BadRequest(f"At most {clicks.MOST_POINTS} clicks and scribbles at once.")
        try:
            prior = None if given["prior"] is None else base64.b64decode(given["prior"], validate=True)
        except binascii.Error as fault:
            raise BadRequest("prior must be a PNG in base64.") from fault
        audit.record_view(request.user, frame.clip)
        told = clicks.ask(clicks.request_of(frame, {**given, "prior": prior}), tasks.send_clicks)
        headers = {
            "Cache-Control": "no-store",
            "Sonoloop-Score": str(told["score"]),
            "Sonoloop-Box": ",".join(map(str, told["box"])),
            "Sonoloop-Changed": str(told["changed"]),
            "Sonoloop-Model": str(told["model"]),
            "Sonoloop-Backend": told["backend"],
            "Sonoloop-Milliseconds": str(told["ms"]),
        }
        return HttpResponse(told["png"], content_type="image/png", headers=headers)


urlpatterns = [
    path("frames/<int:frame_id>/assist", Assist.as_view()),
    path("clips/<int:clip_id>/propagate", Propagate.as_view()),
    path("clips/<int:clip_id>/proposals", ClipProposals.as_view()),
    path("clips/<int:clip_id>/proposals/accept", AcceptProposals.as_view()),
    path("clips/<int:clip_id>/proposals/take-back", TakeBackProposals.as_view()),
    path("frames/<int:frame_id>/proposal", FrameProposal.as_view()),
]
