"""The routes, one list per noun."""

from annotation.api import clips, datasets, drafts, events, frames, jobs, models, people, projects, runs, schema  # noqa: F401 - schema registers itself

urlpatterns = [
    *people.urlpatterns,
    *projects.urlpatterns,
    *clips.urlpatterns,
    *frames.urlpatterns,
    *drafts.urlpatterns,
    *datasets.urlpatterns,
    *runs.urlpatterns,
    *models.urlpatterns,
    *jobs.urlpatterns,
    *events.urlpatterns,
]
