"""The routes, one list per noun."""

from annotation.api import clips, events, frames, jobs, people, projects, schema  # noqa: F401 - schema registers itself

urlpatterns = [
    *people.urlpatterns,
    *projects.urlpatterns,
    *clips.urlpatterns,
    *frames.urlpatterns,
    *jobs.urlpatterns,
    *events.urlpatterns,
]
