"""Asking for drafts."""

from django.db import transaction
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import drafts, tasks
from annotation.api.jobs import JobShape
from annotation.api.request import Request
from annotation.models import Clip
from annotation.permissions import visible


class DraftJobShape(serializers.Serializer):
    job = JobShape()


class DraftClip(APIView):
    @extend_schema(request=None, responses={202: DraftJobShape})
    def post(self, request: Request, clip_id: int) -> Response:
        """Draft the clip's selected frames that nobody has touched, with the champion; 409 without one."""
        rows = Clip.objects.select_related("project", "subject")
        clip = visible(rows, request.user, "annotate", pk=clip_id)
        with transaction.atomic():
            job = tasks.enqueue(drafts.request_draft(clip, request.user))
        return Response({"job": JobShape(job).data}, status=202)


urlpatterns = [
    path("clips/<int:clip_id>/draft", DraftClip.as_view()),
]
