"""Keyset pages: `?cursor=` and `?limit=`, no OFFSET and no COUNT, so the last page costs what the first does."""

import base64
import binascii
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from drf_spectacular.utils import inline_serializer
from rest_framework import serializers
from rest_framework.response import Response

from annotation.api.request import Request
from annotation.errors import BadRequest


def limit_of(request: Request, *, default: int = 50, most: int = 500) -> int:
    """The page size asked for, between 1 and `most`."""
    text = request.query_params.get("limit", str(default))
    if not text.isascii() or not text.isdigit() or len(text) > 9 or not 1 <= int(text) <= most:
        raise BadRequest(f"limit must be a whole number from 1 to {most}; {text[:40]!r} came.")
    return int(text)


Row = TypeVar("Row", bound=Model)


def page(
    request: Request,
    queryset: QuerySet[Row] | Sequence[QuerySet[Row]],
    render: Callable[[list[Row]], list[dict[str, Any]]],
    *,
    order: tuple[str, ...] = ("-id",),
    default: int = 50,
    most: int = 500,
) -> Response:
    """Answer one page of `queryset` ordered by `order` (fields without nulls, the last one unique).

    Several querysets are one list, each beginning where the one before it ends: a list that no single index has in
    its order. `render` gets the page's rows at once, so that it can fetch what belongs to them in one query.
    """
    parts = [queryset] if isinstance(queryset, QuerySet) else queryset
    limit = limit_of(request, default=default, most=most)
    cursor = request.query_params.get("cursor")
    begin, values = _decode(cursor, len(parts), len(order)) if cursor else (0, None)
    found: list[tuple[int, Row]] = []
    for at in range(begin, len(parts)):
        for stretch in _stretches(values if at == begin else None, order):
            missing = limit + 1 - len(found)
            if missing:
                try:
                    rows = parts[at].filter(**stretch).order_by(*order)[:missing]
                except (TypeError, ValueError, OverflowError):  # values of other types than the fields have
                    raise _not_ours() from None
                found += [(at, row) for row in rows]
    after = None
    if len(found) > limit:
        at, last = found[limit - 1]
        after = _encode([at, *(getattr(last, field.lstrip("-")) for field in order)])
    return Response({"results": render([row for _, row in found[:limit]]), "next": after})


def page_of(shape: type[serializers.BaseSerializer]) -> serializers.Serializer:
    """How a page of `shape` is described in the schema."""
    return inline_serializer(
        f"PageOf{shape.__name__.removesuffix('Shape')}",
        {
            "results": shape(many=True),
            "next": serializers.CharField(allow_null=True, help_text="cursor of the next page"),
        },
    )


def _stretches(values: list[Any] | None, order: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """What comes after `values`, as filters to be asked one after the other: a = A, b > B; then a > A.

    Not one filter with OR between them: databases walk an index from its start for that.
    """
    if values is None:
        yield {}
        return
    names = [field.lstrip("-") for field in order]
    for last in reversed(range(len(order))):
        beyond = "lt" if order[last].startswith("-") else "gt"
        yield {**dict(zip(names[:last], values, strict=False)), f"{names[last]}__{beyond}": values[last]}


def _encode(values: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def _decode(cursor: str, parts: int, fields: int) -> tuple[int, list[Any]]:
    """(number of the queryset, values of the order's fields) of the last row given out."""
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        values = None
    if (
        not isinstance(values, list)
        or len(values) != fields + 1
        or not all(isinstance(v, int | float | str) for v in values)
        or any(isinstance(v, str) and "\0" in v for v in values)  # PostgreSQL refuses these
        or values[0] not in range(parts)
    ):
        raise _not_ours()
    return int(values[0]), values[1:]


def _not_ours() -> BadRequest:
    return BadRequest("cursor is not one this list gave out; leave it away to start at the first page.")
