"""Answers that belong to no step: the screens' page, and errors met before any API view is reached."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, ensure_csrf_cookie
from django.views.decorators.http import require_safe

NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Sonoloop</title>
<body style="font-family: sans-serif; max-width: 40em; margin: 4em auto">
<h1>The screens are not built yet</h1>
<p>The server runs, but <code>frontend/dist</code> is missing.
Stop it, run <code>make run</code>: that builds the screens and starts again.</p>
"""


def error(status: int, code: str, message: str, **detail: Any) -> JsonResponse:
    """An error in the API's one shape (DESIGN section 6)."""
    return JsonResponse({"error": {"code": code, "message": message, "detail": detail}}, status=status)


@never_cache
@ensure_csrf_cookie
@require_safe
def screens(request: HttpRequest) -> HttpResponse:
    """The one page of the browser application; its router knows the addresses behind it."""
    page = settings.FRONTEND_DIST / "index.html"
    last = request.path_info.rpartition("/")[2]
    if "." in last:  # a file that does not exist: a page in its place would be a confusing "script"
        return HttpResponse("There is no such file.\n", status=404, content_type="text/plain")
    if not page.is_file():
        return HttpResponse(NOT_BUILT, status=503)
    return HttpResponse(page.read_bytes())


@csrf_exempt  # "there is nothing" is the answer to a POST too
def no_such_endpoint(request: HttpRequest) -> JsonResponse:
    """An address under /api/ that nothing answers."""
    return error(404, "no_such_endpoint", "Nothing answers at this address; /api/schema/ lists what does.")


def locked_out(request: HttpRequest, response: Any = None, credentials: Any = None) -> JsonResponse:
    """Too many wrong passwords (called by django-axes)."""
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    answer = error(
        429,
        "too_many_attempts",
        f"Too many wrong passwords. Wait {minutes} minutes, then try again.",
        wait_minutes=minutes,
    )
    answer["Retry-After"] = str(minutes * 60)
    return answer


def csrf_failed(request: HttpRequest, reason: str = "") -> JsonResponse:
    """A change without the CSRF token (called by Django)."""
    return error(403, "csrf_failed", "This page is too old. Reload it and try again.", reason=reason)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A request Django refuses before any view, such as an unknown host name."""
    return error(400, "bad_request", "The server cannot read this request; check the address it was sent to.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A view said 404 outside the API's own error handling."""
    return error(404, "not_found", "There is nothing here, or you may not see it.")


def server_error(request: HttpRequest) -> HttpResponse:
    """A fault of ours; the log has the details."""
    return error(500, "server_error", "The server made a mistake; its log has the details. Try again.")
