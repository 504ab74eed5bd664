"""Model versions: lineage, scores, comparison, promotion and the way back."""

import json
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import drafts, registry, tasks
from annotation.api.fields import checked, number_in
from annotation.api.jobs import JobShape
from annotation.api.pages import page, page_of
from annotation.api.request import Request
from annotation.api.runs import NumberedReference
from annotation.errors import BadRequest, NotFound
from annotation.formats import scores
from annotation.models import ModelVersion, User
from annotation.permissions import project_for, visible

MOST_VERDICTS = 1000
# A verdict draws the subjects 2000 times; lists show many. By the two models and all that was measured of them.
_verdicts: dict[tuple[int, int, str], tuple[str, dict[str, Any]]] = {}


class IntervalShape(serializers.Serializer):
    """A mean and its 95 % interval; null where nothing can be said."""

    mean = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)


class LabelScoreShape(serializers.Serializer):
    name = serializers.CharField()
    dice = IntervalShape()
    measures = serializers.DictField(child=IntervalShape(), help_text="as of the whole")
    n = serializers.IntegerField(help_text="test frames that show the label")


class ScoresShape(serializers.Serializer):
    """Scores on the locked test subjects."""

    split = serializers.CharField(help_text="test: the locked subjects")
    subjects = serializers.IntegerField()
    frames = serializers.IntegerField()
    unit = serializers.ChoiceField(["mm", "px"], allow_null=True, help_text="of hd95 and of the 2 in nsd_2")
    dice = IntervalShape()
    measures = serializers.DictField(
        child=IntervalShape(), help_text="hd95, nsd_2, presence_f1, ece; none of them in models scored before they were"
    )
    labels = serializers.DictField(child=LabelScoreShape(), help_text="by label index")


@extend_schema_field({"oneOf": [{"$ref": "#/components/schemas/ScoresShape"}, {"type": "object", "maxProperties": 0}]})
class MaybeScores(serializers.JSONField):
    """Scores, or an empty object when the model was not scored."""


class ModelLabelShape(serializers.Serializer):
    index = serializers.IntegerField()
    name = serializers.CharField()


class GateShape(serializers.Serializer):
    """Whether a model may take the champion's place without a person overriding the gate."""

    passed = serializers.BooleanField(allow_null=True, help_text="null: the gate cannot decide")
    verdict = serializers.CharField(help_text="one sentence")
    reasons = serializers.ListField(child=serializers.CharField(), help_text="what speaks against it; parts of it")


class ModelShape(serializers.ModelSerializer):
    """A model version. `champion` comes in the context."""

    run = NumberedReference(allow_null=True)
    dataset = serializers.SerializerMethodField()
    parent = NumberedReference(allow_null=True)
    replaced = NumberedReference(allow_null=True)
    architecture = serializers.DictField()
    labels = ModelLabelShape(many=True)
    scores = serializers.SerializerMethodField()
    promoted_by = serializers.CharField(source="promoted_by.username", default=None, allow_null=True)
    verdict = serializers.SerializerMethodField(help_text="a candidate against the champion, in one sentence")
    gate = serializers.SerializerMethodField(help_text="of a candidate, where there is a champion")

    class Meta:
        model = ModelVersion
        fields = [
            "id", "number", "stage", "run", "dataset", "parent", "replaced", "architecture", "labels", "byte_size",
            "scores", "note", "created_at", "promoted_at", "promoted_by", "verdict", "gate",
        ]  # fmt: skip

    @extend_schema_field(NumberedReference(allow_null=True))
    def get_dataset(self, model: ModelVersion) -> dict[str, Any] | None:
        return NumberedReference(model.run.dataset).data if model.run else None

    @extend_schema_field(MaybeScores)
    def get_scores(self, model: ModelVersion) -> dict[str, Any]:
        return scores.shown(model.scores)

    def get_verdict(self, model: ModelVersion) -> str | None:
        found = self._compared(model)
        return found[0] if found else None

    @extend_schema_field(GateShape(allow_null=True))
    def get_gate(self, model: ModelVersion) -> dict[str, Any] | None:
        found = self._compared(model)
        return found[1] if found else None

    def _compared(self, model: ModelVersion) -> tuple[str, dict[str, Any]] | None:
        champion = self.context["champion"]
        if model.stage != ModelVersion.Stage.CANDIDATE or champion is None:
            return None
        key = (model.pk, champion.pk, json.dumps([model.scores, champion.scores], sort_keys=True))
        if key not in _verdicts:
            if len(_verdicts) >= MOST_VERDICTS:
                _verdicts.clear()
            found = registry.compare(model, champion)
            _verdicts[key] = found["verdict"], found["gate"]
        return _verdicts[key]


class LabelDifferenceShape(serializers.Serializer):
    index = serializers.IntegerField()
    name = serializers.CharField()
    difference = serializers.FloatField(help_text="candidate minus champion")
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)


class MeasureDifferenceShape(serializers.Serializer):
    labels = LabelDifferenceShape(many=True)
    difference = IntervalShape(allow_null=True)
    why_not = serializers.CharField(allow_blank=True, help_text="why it cannot be compared; empty when it can")


class ComparisonShape(serializers.Serializer):
    candidate = MaybeScores()
    champion = ScoresShape(allow_null=True)
    labels = LabelDifferenceShape(many=True)
    difference = IntervalShape(allow_null=True)
    measures = serializers.DictField(
        child=MeasureDifferenceShape(), help_text="hd95, nsd_2, presence_f1, ece: candidate minus champion"
    )
    gate = GateShape(allow_null=True, help_text="null without a champion")
    comparable = serializers.BooleanField(help_text="both were scored on the very same test frames")
    verdict = serializers.CharField()


class PromotionFields(serializers.Serializer):
    redraft = serializers.BooleanField(default=False, help_text="draft all frames no person has touched anew")
    override = serializers.BooleanField(default=False, help_text="promote it although it does not pass the gate")
    note = serializers.CharField(
        default="", allow_blank=True, max_length=500, help_text="why the gate is overridden; kept in the audit trail"
    )


class PromotionShape(serializers.Serializer):
    model = ModelShape()
    job = JobShape(allow_null=True)


def _rows() -> QuerySet[ModelVersion]:
    return ModelVersion.objects.select_related("project", "run__dataset", "parent", "replaced", "promoted_by")


def model_for(user: User, model_id: int, capability: str = "view") -> ModelVersion:
    """The model version, if the person may do `capability` in its project."""
    return visible(_rows(), user, capability, pk=model_id)


def shaped(rows: list[ModelVersion]) -> list[dict[str, Any]]:
    """Models of one project as the API shows them."""
    champion = registry.champion_of(rows[0].project) if rows else None
    return list(ModelShape(rows, many=True, context={"champion": champion}).data)


class Models(APIView):
    """Model versions, newest first."""

    @extend_schema(responses=page_of(ModelShape))
    def get(self, request: Request, project_id: int) -> Response:
        project = project_for(request.user, project_id)
        return page(request, _rows().filter(project=project), shaped)


class ModelView(APIView):
    @extend_schema(responses=ModelShape)
    def get(self, request: Request, model_id: int) -> Response:
        return Response(shaped([model_for(request.user, model_id)])[0])


class PromoteModel(APIView):
    @extend_schema(request=PromotionFields, responses=PromotionShape)
    def post(self, request: Request, model_id: int) -> Response:
        """Make it the champion; with `redraft`, draft the frames no person has touched with it.

        A model that does not pass the gate is refused (409 `gate_not_passed`) unless `override` comes with a `note`.
        """
        model = model_for(request.user, model_id, "manage")
        given = checked(PromotionFields, request.data)
        if given["override"] and not given["note"]:
            raise BadRequest("Overriding the gate needs a note: say why this model is promoted all the same.")
        redraft = given["redraft"]
        with transaction.atomic():
            registry.promote(model, request.user, override=given["note"] if given["override"] else "")
            model = _rows().get(pk=model.pk)
            job = tasks.enqueue(drafts.request_redraft(model, request.user)) if redraft else None
        return Response({"model": shaped([model])[0], "job": JobShape(job).data if job else None})


class RollBackModel(APIView):
    @extend_schema(request=None, responses=ModelShape)
    def post(self, request: Request, model_id: int) -> Response:
        """The champion this one replaced is champion again; answers that one."""
        again = registry.rollback(model_for(request.user, model_id, "manage"), request.user)
        return Response(shaped([_rows().get(pk=again.pk)])[0])


class CompareModels(APIView):
    @extend_schema(
        parameters=[OpenApiParameter("with", int, description="another model; the champion when left out")],
        responses=ComparisonShape,
    )
    def get(self, request: Request, model_id: int) -> Response:
        """Per label, with intervals, on the same test frames."""
        model = model_for(request.user, model_id)
        if "with" in request.query_params:
            wanted = int(number_in(request, "with", low=1, high=2**62))
            other = ModelVersion.objects.filter(project_id=model.project_id, pk=wanted).first()
            if other is None:
                raise NotFound("There is no such model in this project to compare with.")
        else:
            other = registry.champion_of(model.project)
        return Response(registry.compare(model, other))


urlpatterns = [
    path("projects/<int:project_id>/models", Models.as_view()),
    path("models/<int:model_id>", ModelView.as_view()),
    path("models/<int:model_id>/promote", PromoteModel.as_view()),
    path("models/<int:model_id>/rollback", RollBackModel.as_view()),
    path("models/<int:model_id>/compare", CompareModels.as_view()),
]
