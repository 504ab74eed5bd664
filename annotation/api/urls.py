"""The routes, one list per noun."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
