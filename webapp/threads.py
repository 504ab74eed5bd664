"""Each request in one thread, from its first middleware to its view, and the threads kept for further requests.

Django under ASGI makes a new thread for every request, which opens the database anew, and goes from the event loop to
that thread and back for every middleware: together that cost more than most views. An answer that streams gives its
thread back as soon as it begins: pages listen for hours, and each would hold a thread and a database connection.
"""

import tempfile
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

import django
from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler
from django.db import close_old_connections, connections
from django.http import HttpRequest, HttpResponseBase

KEPT = 8
FEW = 4

P = ParamSpec("P")
T = TypeVar("T")


class FewThreads(ThreadPoolExecutor):
    """Threads that all streams share for their short calls: no more than these, and no more connections."""

    def __init__(self) -> None:
        super().__init__(max_workers=FEW, thread_name_prefix="streams")

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        def call() -> T:
            close_old_connections()  # Django does this when a request begins and ends; these calls are between
            try:
                return fn(*args, **kwargs)
            finally:
                close_old_connections()

        return super().submit(call)


class Loan(Executor):
    """Runs what it is given in one thread until that is given back; from then on in `FewThreads`."""

    def __init__(self, thread: ThreadPoolExecutor, few: FewThreads, take_back: Callable[[ThreadPoolExecutor], None]):
        self._thread: ThreadPoolExecutor | None = thread
        self._few = few
        self._take_back = take_back

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        return (self._thread or self._few).submit(fn, *args, **kwargs)

    def give_back(self) -> None:
        """Return the thread; a second time changes nothing."""
        thread, self._thread = self._thread, None
        if thread is not None:
            # Through its own queue: when the browser went away, the view may still be at work in it.
            thread.submit(self._take_back, thread)


class RequestThreads:
    """Lends one thread per request. As many as are asked for: a slow view must not keep others waiting."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._idle: deque[ThreadPoolExecutor] = deque()
        self.few = FewThreads()

    @asynccontextmanager
    async def borrow(self) -> AsyncIterator[Loan]:
        """Within this, all synchronous code of the request runs in one thread that no other request uses."""
        try:
            thread = self._idle.pop()  # the one used last: its connection's cache is warm
        except IndexError:
            thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="request")
        loan = Loan(thread, self.few, self._take_back)
        try:
            async with ThreadSensitiveContext(executor=loan):
                yield loan
        finally:
            loan.give_back()

    def _take_back(self, thread: ThreadPoolExecutor) -> None:
        if len(self._idle) < self._kept:
            self._idle.append(thread)
            return
        connections.close_all()
        thread.shutdown(wait=False)


_loan: ContextVar[Loan] = ContextVar("loan")


class Handler(ASGIHandler):
    """Django's handler with the middleware chain as WSGI has it; async views still run on the event loop."""

    def __init__(self) -> None:
        super().__init__()
        self.threads = RequestThreads()

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        return await sync_to_async(self.get_response, thread_sensitive=True)(request)

    async def send_response(self, response: HttpResponseBase, send: Any) -> None:
        if response.streaming:
            _loan.get().give_back()
        await super().send_response(response, send)

    async def read_body(self, receive: Any) -> Any:
        """The body, as Django reads it, but never outside the data folder: Django's own goes to /tmp."""
        body = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - Django closes it
            max_size=settings.FILE_UPLOAD_MAX_MEMORY_SIZE, dir=str(settings.FILE_UPLOAD_TEMP_DIR)
        )
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise RequestAborted
                body.write(message.get("body", b""))
                if not message.get("more_body", False):
                    body.seek(0)
                    return body
        except BaseException:
            body.close()
            raise

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async with self.threads.borrow() as loan:
            _loan.set(loan)
            await super().__call__(scope, receive, send)


def get_application() -> Handler:
    """Set Django up and return its handler: `django.core.asgi.get_asgi_application`, with threads as above."""
    django.setup(set_prefix=False)
    return Handler()
