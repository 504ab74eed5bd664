"""The web application as uvicorn sees it: Django, with one access line per request."""

import logging
import os
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")

from webapp.bodies import App, Message, Receive, Scope, Send, with_limits
from webapp.threads import get_application

log = logging.getLogger("access")


def with_access_log(app: App) -> App:
    """Log method, path, status, milliseconds. uvicorn's own log adds the query string, which may identify."""

    async def logged(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await app(scope, receive, send)
        began = time.monotonic()
        status = 0

        async def noting_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            return await app(scope, receive, noting_send)
        finally:
            elapsed_ms = (time.monotonic() - began) * 1000
            # !a: a path with control characters must not start a log line of its own.
            log.info("%s %s %d %.0f ms", scope["method"], ascii(scope["path"])[1:-1], status, elapsed_ms)

    return logged


application = with_access_log(with_limits(get_application()))
