"""Addresses: /api/ for programs and the screens, four for machines, everything else is a screen."""

from django.urls import include, path, re_path

from annotation.api.metrics import metrics
from annotation.api.schema import describe
from webapp import health, views

urlpatterns = [
    path("api/schema/", describe, name="schema"),
    path("api/", include("annotation.api.urls")),
    re_path(r"^api(?:/.*)?$", views.no_such_endpoint),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", metrics),
    re_path(r"^(?!api/).*$", views.screens),
]
handler400 = "webapp.views.bad_request"
handler404 = "webapp.views.not_found"
handler500 = "webapp.views.server_error"
