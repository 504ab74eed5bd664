"""`GET /api/events`: Server-Sent Events, so that pages move by themselves.

An async view: one waiting page costs a coroutine, not a thread. It passes on which thing changed and nothing of it.
"""

import asyncio
import contextlib
import json
import time
from collections import Counter
from collections.abc import AsyncIterator

import redis.asyncio
from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.urls import path

from annotation.api.authentication import person_of
from annotation.api.errors import body
from annotation.events import CHANNEL
from annotation.models import Membership, User
from webapp.broker import redis_url

ALIVE_EVERY_S = 15.0
ROLES_EVERY_S = 30.0
MOST_STREAMS = 20  # of one person
_open: Counter[int] = Counter()  # streams by user id; there is one web process


async def events(request: HttpRequest) -> HttpResponseBase:
    """Stream what changes in the person's projects."""
    if request.method != "GET":
        return JsonResponse(body("method_not_allowed", "Only GET works here."), status=405)
    user = await _who(request)
    if user is None:
        return JsonResponse(body("not_signed_in", "Sign in first, or send a valid token."), status=401)
    if _open[user.pk] >= MOST_STREAMS:
        message = f"{MOST_STREAMS} pages of yours listen already. Close some of them."
        return JsonResponse(body("too_many_streams", message), status=429)
    return StreamingHttpResponse(
        _stream(request, user),
        content_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


@sync_to_async
def _who(request: HttpRequest) -> User | None:
    return person_of(request.headers.get("Authorization", ""), request.COOKIES.get(settings.SESSION_COOKIE_NAME))


@sync_to_async
def _project_ids(user: User) -> set[int]:
    return set(Membership.objects.filter(user=user, user__is_active=True).values_list("project_id", flat=True))


async def _stream(request: HttpRequest, user: User) -> AsyncIterator[bytes]:
    _open[user.pk] += 1
    client = redis.asyncio.Redis.from_url(redis_url())
    listener = client.pubsub(ignore_subscribe_messages=True)
    try:
        await listener.subscribe(CHANNEL)
        yield b": listening\n\n"
        projects, asked_at = await _project_ids(user), time.monotonic()
        while True:
            message = await listener.get_message(timeout=ALIVE_EVERY_S)
            if time.monotonic() - asked_at > ROLES_EVERY_S:
                if await _who(request) != user:
                    return  # signed out, or the token was revoked
                projects, asked_at = await _project_ids(user), time.monotonic()
            if message is None:
                yield b": alive\n\n"
                continue
            told = json.loads(message["data"])
            if told["kind"] == "project":  # it may be new, or its people may have changed
                projects = await _project_ids(user)
            if told["project"] in projects or (told["project"] is None and user.is_staff):
                yield b"event: change\ndata: " + json.dumps(told).encode() + b"\n\n"
    except (redis.RedisError, ConnectionError):
        return  # the browser connects again by itself
    finally:
        _open[user.pk] -= 1
        with contextlib.suppress(redis.RedisError, ConnectionError, asyncio.CancelledError):
            await listener.aclose()
            await client.aclose()


urlpatterns = [path("events", events)]
