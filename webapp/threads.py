"""Each request in one thread, from its first middleware to its view, and the threads kept for further requests.

Django under ASGI makes a new thread for every request, which opens the database anew, and goes from the event loop to
that thread and back for every middleware: together that cost more than most views.
"""

from collections import deque
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import django
from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.db import connections
from django.http import HttpRequest, HttpResponseBase

KEPT = 8


class RequestThreads:
    """Lends one thread per request. As many as are asked for: a slow download must not keep others waiting."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._idle: deque[ThreadPoolExecutor] = deque()

    @asynccontextmanager
    async def borrow(self) -> AsyncIterator[None]:
        """Within this, all synchronous code of the request runs in one thread that no other request uses."""
        try:
            thread = self._idle.pop()  # the one used last: its connection's cache is warm
        except IndexError:
            thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="request")
        try:
            async with ThreadSensitiveContext(executor=thread):
                yield
        finally:
            # Through its own queue: when the browser went away, the view may still be at work in it.
            thread.submit(self._give_back, thread)

    def _give_back(self, thread: ThreadPoolExecutor) -> None:
        if len(self._idle) < self._kept:
            self._idle.append(thread)
            return
        connections.close_all()
        thread.shutdown(wait=False)


class Handler(ASGIHandler):
    """Django's handler with the middleware chain as WSGI has it; async views still run on the event loop."""

    def __init__(self) -> None:
        super().__init__()
        self._threads = RequestThreads()

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        return await sync_to_async(self.get_response, thread_sensitive=True)(request)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async with self._threads.borrow():
            await super().__call__(scope, receive, send)


def get_application() -> Handler:
    """Set Django up and return its handler: `django.core.asgi.get_asgi_application`, with threads as above."""
    django.setup(set_prefix=False)
    return Handler()
