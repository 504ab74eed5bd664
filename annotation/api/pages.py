"""Keyset pages: `?cursor=` and `?limit=`, no OFFSET and no COUNT, so the last page costs what the first does."""

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet
from drf_spectacular.utils import inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.errors import BadRequest


def limit_of(request: Request, *, default: int = 50, most: int = 500) -> int:
    """The page size asked for, between 1 and `most`."""
    text = request.query_params.get("limit", str(default))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= most:
        raise BadRequest(f"limit must be a whole number from 1 to {most}; {text!r} came.")
    return int(text)


Row = TypeVar("Row", bound=Model)


def page(
    request: Request,
    queryset: QuerySet[Row],
    render: Callable[[list[Row]], list[dict[str, Any]]],
    *,
    order: tuple[str, ...] = ("-id",),
    default: int = 50,
    most: int = 500,
) -> Response:
    """Answer one page of `queryset` ordered by `order` (fields without nulls, the last one unique).

    `render` gets the page's rows at once, so that it can fetch what belongs to them in one query.
    """
    limit = limit_of(request, default=default, most=most)
    cursor = request.query_params.get("cursor")
    if cursor:
        queryset = queryset.filter(_after(_decode(cursor, len(order)), order))
    rows = list(queryset.order_by(*order)[: limit + 1])
    more = len(rows) > limit
    rows = rows[:limit]
    after = _encode([getattr(rows[-1], field.lstrip("-")) for field in order]) if more else None
    return Response({"results": render(rows), "next": after})


def page_of(shape: type[serializers.BaseSerializer]) -> serializers.Serializer:
    """How a page of `shape` is described in the schema."""
    return inline_serializer(
        f"PageOf{shape.__name__.removesuffix('Shape')}",
        {
            "results": shape(many=True),
            "next": serializers.CharField(allow_null=True, help_text="cursor of the next page"),
        },
    )


def _after(values: list[Any], order: tuple[str, ...]) -> Q:
    """Rows that come after `values`: (a > A) or (a = A and b > B) or …"""
    result, equal = Q(pk__in=[]), Q()
    for field, value in zip(order, values, strict=True):
        name = field.lstrip("-")
        result |= equal & Q(**{f"{name}__{'lt' if field.startswith('-') else 'gt'}": value})
        equal &= Q(**{name: value})
    return result


def _encode(values: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def _decode(cursor: str, fields: int) -> list[Any]:
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        values = None
    if (
        not isinstance(values, list)
        or len(values) != fields
        or not all(isinstance(v, int | float | str) for v in values)
    ):
        raise BadRequest("cursor is not one this list gave out; leave it away to start at the first page.")
    return values
