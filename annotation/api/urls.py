"""The routes, one list per noun."""

from annotation.api import (  # noqa: F401 - schema registers itself
    assist,
    clips,
    datasets,
    drafts,
    events,
    frames,
    jobs,
    models,
    people,
    projects,
    revisions,
    runs,
    schema,
)

urlpatterns = [
    *people.urlpatterns,
    *projects.urlpatterns,
    *clips.urlpatterns,
    *frames.urlpatterns,
    *revisions.urlpatterns,
    *drafts.urlpatterns,
    *assist.urlpatterns,
    *datasets.urlpatterns,
    *runs.urlpatterns,
    *models.urlpatterns,
    *jobs.urlpatterns,
    *events.urlpatterns,
]
