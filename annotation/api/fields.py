"""Reading what a request carries."""

from collections.abc import Iterable
from typing import Any

from rest_framework import serializers

from annotation.api.request import Request
from annotation.errors import BadRequest


def checked(fields: type[serializers.Serializer], data: object, *, partial: bool = False) -> dict[str, Any]:
    """The fields of a request body, checked. Raises ValidationError (400) for wrong ones.

    Unknown fields are refused too: a misspelt setting that is silently dropped looks like one that was stored.
    """
    form = fields(data=data, partial=partial)
    form.is_valid(raise_exception=True)
    _refuse_unknown(form, data)
    return dict(form.validated_data)


def _refuse_unknown(form: serializers.Serializer, data: object) -> None:
    if not isinstance(data, dict):
        return
    unknown = sorted(set(data) - set(form.fields))
    if unknown:
        raise BadRequest(f"Unknown fields: {', '.join(unknown)}. Expected: {', '.join(form.fields)}.")
    for name, field in form.fields.items():
        if isinstance(field, serializers.ListSerializer) and isinstance(field.child, serializers.Serializer):
            for row in data.get(name) or ():
                _refuse_unknown(field.child, row)


def shape_all(shape: type[serializers.BaseSerializer], rows: Iterable[Any], **context: Any) -> list[dict[str, Any]]:
    """Rows as the API shows them."""
    return [dict(row) for row in shape(list(rows), many=True, context=context).data]


def number_in(request: Request, name: str, default: float | None = None, *, low: float, high: float) -> float:
    """A number of the query string between `low` and `high`. Raises BadRequest when absent (no default) or outside."""
    text = request.query_params.get(name)
    if text is None:
        if default is None:
            raise BadRequest(f"{name} is missing; expected a number from {low:g} to {high:g}.")
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise BadRequest(f"{name} must be a number from {low:g} to {high:g}; {text!r} came.")
    return value


def choice_in(request: Request, name: str, choices: list[str], default: str = "") -> str:
    """One word of the query string out of `choices`. Raises BadRequest for another."""
    text = request.query_params.get(name, default)
    if text != default and text not in choices:
        raise BadRequest(f"{name} must be one of {', '.join(choices)}; {text!r} came.")
    return text
