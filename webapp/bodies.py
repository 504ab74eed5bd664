"""How much a request may carry. Asked before Django, which writes a whole body to disk before it knows who sends it."""

import asyncio
import errno
import json
import re
import shutil
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

from django.conf import settings

from webapp.threads import Handler

Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]

LARGEST_PIECE = 16 << 20  # of a resumable upload; the screens send 8 MiB
DROPPED = 64 << 20
NO_SPACE = 507, "no_space", "The server's disk is full. Nothing was stored; ask whoever runs it."


def with_limits(handler: Handler) -> App:
    """Refuse bodies that are too large with 413, and large ones of unknown people with 401.

    At most `DATA_UPLOAD_MAX_MEMORY_SIZE` bytes pass without a question. More only where clips, their pieces and
    masks go, only with a Content-Length, only from a person with a session or a token, and while the disk has room.
    """
    from annotation.api.authentication import is_known  # these need Django set up
    from annotation.api.revisions import LARGEST_MASK
    from annotation.ingest.uploads import KEEP_FREE, LARGEST_UPLOAD

    small = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    large = [
        ("POST", re.compile(r"/api/projects/\d+/clips"), LARGEST_UPLOAD + small),
        ("PATCH", re.compile(r"/api/uploads/[0-9a-f-]{36}"), LARGEST_PIECE),
        ("PUT", re.compile(r"/api/frames/\d+/mask"), LARGEST_MASK),
    ]

    async def refusal(scope: Scope, announced: str, limit: int) -> tuple[int, str, str] | None:
        if not announced.isdigit() or int(announced) <= small:
            return None
        if int(announced) > limit:
            return _too_large(limit)
        given = _header(scope, b"authorization"), _header(scope, b"cookie")
        if not await asyncio.get_running_loop().run_in_executor(handler.threads.few, is_known, *given):
            return 401, "not_signed_in", "Sign in first, or send a valid token."
        if shutil.disk_usage(settings.FILE_UPLOAD_TEMP_DIR).free < int(announced) + KEEP_FREE:
            return NO_SPACE
        return None

    async def limited(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await handler(scope, receive, send)
            return
        announced = _header(scope, b"content-length")
        limit = small
        for method, route, size in large:
            if announced and scope["method"] == method and route.fullmatch(scope["path"]):
                limit = size
        refused = await refusal(scope, announced, limit)
        count = 0
        began = False

        async def counted_receive() -> Message:
            nonlocal count, refused
            message = await receive()
            count += len(message.get("body", b""))
            if count <= limit:
                return message
            refused = _too_large(limit)
            return {"type": "http.disconnect"}  # Django then forgets the request without a word

        async def noting_send(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        if not refused:
            try:
                await handler(scope, counted_receive, noting_send)
            except OSError as fault:
                if fault.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise
                refused = NO_SPACE
        if refused and not began:
            await _refuse(*refused, receive=receive, send=send)

    return limited


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def _too_large(limit: int) -> tuple[int, str, str]:
    return 413, "too_large", f"At most {limit:,} bytes are accepted here. Nothing was stored."


async def _refuse(status: int, code: str, message: str, *, receive: Receive, send: Send) -> None:
    body = json.dumps({"error": {"code": code, "message": message, "detail": {}}}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    # Many clients read no answer before they have sent everything, so some of it is taken and dropped.
    left = DROPPED
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    while left > 0:
        part = await receive()
        left -= len(part.get("body", b""))
        if part["type"] == "http.disconnect" or not part.get("more_body", False):
            break
    await send({"type": "http.response.body"})
