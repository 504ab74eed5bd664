"""`GET /metrics`: counts for a monitoring system, as Prometheus text. Numbers only: nothing names a person or study."""

from collections.abc import Iterable

from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from annotation.models import Clip, Frame, Job
from annotation.states import COUNTERS

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Jobs by queue and state, clips by state, selected frames by state. No sign-in, as monitoring expects."""
    jobs = Job.objects.values_list("queue", "state").annotate(Count("pk")).order_by("queue", "state")
    clips = dict(Clip.objects.values_list("state").annotate(Count("pk")).order_by("state"))
    lines = [
        *_family("sonoloop_jobs", "Jobs by queue and state.", _jobs(jobs)),
        *_family("sonoloop_clips", "Clips by state.", ((f'state="{s}"', clips.get(s, 0)) for s in Clip.State.values)),
        *_family("sonoloop_frames", "Frames chosen for annotation, by state.", _frames()),
    ]
    return HttpResponse("\n".join(lines) + "\n", content_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"})


def _family(name: str, help_text: str, values: Iterable[tuple[str, int]]) -> list[str]:
    """One metric in the text format: https://prometheus.io/docs/instrumenting/exposition_formats/"""
    return [
        f"# HELP {name} {help_text}",
        f"# TYPE {name} gauge",
        *(f"{name}{{{labels}}} {value}" for labels, value in values),
    ]


def _jobs(rows: Iterable[tuple[str, str, int]]) -> list[tuple[str, int]]:
    return [(f'queue="{queue}",state="{state}"', count) for queue, state, count in rows]


def _frames() -> list[tuple[str, int]]:
    """From the clips' stored counters: frames are never counted."""
    sums = Clip.objects.aggregate(selected=Sum("selected_count"), **{s: Sum(c) for s, c in COUNTERS.items()})
    known = {str(state): sums[state] or 0 for state in COUNTERS}
    untouched = (sums["selected"] or 0) - sum(known.values())
    return [(f'state="{state}"', value) for state, value in {str(Frame.State.UNTOUCHED): untouched, **known}.items()]
