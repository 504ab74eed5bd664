"""Background work: what runs, for whom, how far, why it failed; cancel and retry."""

from django.db import transaction
from django.db.models import Q, QuerySet
from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import frames, jobs, tasks
from annotation.api.fields import choice_in, shape_all
from annotation.api.pages import page, page_of
from annotation.api.request import Request
from annotation.errors import BadRequest, NotFound
from annotation.models import Job, Membership, User
from annotation.permissions import project_for, require

# What beginning work of a kind asks for; other kinds: manage.
STARTS: dict[str, str] = {Job.Kind.INGEST: "upload", Job.Kind.DRAFT: "annotate", Job.Kind.PROPAGATE: "annotate"}


class JobShape(serializers.ModelSerializer):
    project = serializers.IntegerField(source="project_id", allow_null=True)
    created_by = serializers.CharField(source="created_by.username", default=None, allow_null=True)
    seconds_left = serializers.SerializerMethodField(help_text="at the pace so far; null when that cannot be told")

    class Meta:
        model = Job
        fields = [
            "id", "kind", "title", "project", "state", "progress_done", "progress_total", "message", "error",
            "attempts", "cancel_requested", "created_by", "created_at", "started_at", "ended_at", "seconds_left",
        ]  # fmt: skip

    def get_seconds_left(self, job: Job) -> float | None:
        if job.state != Job.State.RUNNING or not job.started_at or not job.progress_done or not job.progress_total:
            return None
        spent = (timezone.now() - job.started_at).total_seconds()
        return max(0.0, round(spent / job.progress_done * (job.progress_total - job.progress_done), 1))


def _visible_jobs(user: User) -> QuerySet[Job]:
    """Jobs of the person's projects; those of the instance itself are for its administrators."""
    mine = Q(project__in=Membership.objects.filter(user=user).values("project"))
    return Job.objects.select_related("created_by").filter(mine | Q(project=None) if user.is_staff else mine)


def _job_for(user: User, job_id: int, capability: str | None = None) -> Job:
    job = _visible_jobs(user).filter(pk=job_id).first()
    if job is None:
        raise NotFound("There is no such job, or it is not shared with you.")
    if capability and job.project_id:
        # Who began it must still be allowed to begin such work: a role can be taken away.
        require(user, job.project_id, STARTS.get(job.kind, capability) if job.created_by_id == user.pk else capability)
    return job


class Jobs(APIView):
    """Jobs, newest first."""

    @extend_schema(responses=page_of(JobShape))
    def get(self, request: Request) -> Response:
        rows = _visible_jobs(request.user)
        project = request.query_params.get("project")
        if project:
            if not project.isascii() or not project.isdigit() or len(project) > 18:
                raise BadRequest(f"project must be a project's id; {project[:40]!r} came.")
            rows = rows.filter(project=project_for(request.user, int(project)))
        state = choice_in(request, "state", list(Job.State.values))
        if state:
            rows = rows.filter(state=state)
        return page(request, rows, lambda found: shape_all(JobShape, found))


class JobView(APIView):
    @extend_schema(responses=JobShape)
    def get(self, request: Request, job_id: int) -> Response:
        return Response(JobShape(_job_for(request.user, job_id)).data)


class CancelJob(APIView):
    @extend_schema(request=None, responses=JobShape)
    def post(self, request: Request, job_id: int) -> Response:
        """Stop the job: at once when it waits, at its next step when it runs. Its starter or a manager may."""
        job = _job_for(request.user, job_id, "manage")
        with transaction.atomic():
            job = jobs.request_cancel(job, request.user)
            if job.kind == Job.Kind.INGEST and job.state == Job.State.CANCELLED:
                frames.give_up(job)  # no worker will
        return Response(JobShape(job).data)


class RetryJob(APIView):
    @extend_schema(request=None, responses=JobShape)
    def post(self, request: Request, job_id: int) -> Response:
        """Run a failed, cancelled or quarantined job again. Its starter or a manager may."""
        job = _job_for(request.user, job_id, "manage")
        with transaction.atomic():
            job = tasks.enqueue(jobs.retry(job, request.user))
        return Response(JobShape(job).data)


urlpatterns = [
    path("jobs", Jobs.as_view()),
    path("jobs/<int:job_id>", JobView.as_view()),
    path("jobs/<int:job_id>/cancel", CancelJob.as_view()),
    path("jobs/<int:job_id>/retry", RetryJob.as_view()),
]
