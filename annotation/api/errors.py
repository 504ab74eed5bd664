"""One handler turns every refusal into `{"error": {"code", "message", "detail"}}`."""

import errno
import logging
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.exceptions import ValidationError as ModelValidationError
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_exception_handler

from annotation.errors import SonoloopError
from annotation.ingest.uploads import NoSpace

log = logging.getLogger(__name__)


def body(code: str, message: str, detail: object = None) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "detail": detail or {}}}


def exception_handler(exception: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's hook. Unknown exceptions stay None: Django logs them and answers through `server_error`."""
    if isinstance(exception, SonoloopError):
        return Response(body(exception.code, exception.message, exception.detail), status=exception.status)
    if isinstance(exception, RequestDataTooBig):
        return Response(body("too_large", "This request carries more than is accepted here."), status=413)
    if isinstance(exception, OSError) and exception.errno in (errno.ENOSPC, errno.EDQUOT):
        log.error("the disk is full")
        return Response(body(NoSpace.code, NoSpace.sentence), status=NoSpace.status)
    if isinstance(exception, ModelValidationError):
        detail = exception.message_dict if hasattr(exception, "error_dict") else exception.messages
        return Response(body("bad_request", _sentence(detail)), status=400)
    if isinstance(exception, exceptions.ValidationError):
        return Response(body("bad_request", _sentence(exception.detail), exception.detail), status=400)

    response = drf_exception_handler(exception, context)
    if response is None:
        return None
    if isinstance(exception, Http404):
        code, message = "not_found", "There is nothing here, or it is not shared with you."
    elif isinstance(exception, PermissionDenied):
        code, message = "forbidden", "You may not do this."
    elif isinstance(exception, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        response.status_code = 401
        code, message = "not_signed_in", "Sign in first, or send a valid token."
    elif isinstance(exception, exceptions.APIException):
        codes = exception.get_codes()
        code, message = (codes if isinstance(codes, str) else "error"), str(exception.detail)
    else:
        code, message = "error", "The request was refused."
    response.data = body(code, message)
    return response


def _sentence(detail: object, field: str = "") -> str:
    """Flatten a serializer's error tree into one line a person can read."""
    if isinstance(detail, dict):
        return " ".join(
            _sentence(value, "" if key in ("non_field_errors", "__all__") else str(key))
            for key, value in detail.items()
        )
    if isinstance(detail, list):
        return " ".join(_sentence(value, field) for value in detail)
    return f"{field}: {detail}" if field else str(detail)
