"""How the API describes itself in OpenAPI."""

import functools
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.renderers import OpenApiJsonRenderer


class Schema(AutoSchema):
    """Operation ids from method and path: they stay put when a view is renamed, and never collide."""

    def get_operation_id(self) -> str:
        words = [part.strip("{}") for part in self.path.removeprefix("/api/").split("/")]
        return "_".join([self.method.lower(), *words])

    def get_tags(self) -> list[str]:
        return [self.path.removeprefix("/api/").split("/")[0]]


def complete_answers(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Say that every field of an answer is always there: serializers leave none out, null stands for nothing.

    What a request may leave out is described by components of its own, named ...Request.
    """
    for name, shape in result["components"]["schemas"].items():
        if "properties" in shape and not name.endswith("Request"):
            shape["required"] = list(shape["properties"])
    return result


class BearerScheme(OpenApiAuthenticationExtension):
    target_class = "annotation.api.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


@require_safe
def describe(request: HttpRequest) -> HttpResponse:
    """`GET /api/schema/`: the OpenAPI description as JSON, open to everybody."""
    return HttpResponse(_description(), content_type="application/vnd.oai.openapi+json")


@functools.cache
def _description() -> bytes:
    """Made once per process: it takes a good part of a second."""
    made = SchemaGenerator().get_schema(request=None, public=True)
    return bytes(OpenApiJsonRenderer().render(made))
