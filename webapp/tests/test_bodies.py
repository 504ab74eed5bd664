"""What a request may carry: strangers little, people what their work needs; refused in words, and never on /tmp."""

import asyncio
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from annotation import people
from annotation.tests import factories
from webapp import bodies
from webapp.threads import FEW, Handler

MB = 1 << 20
UPLOAD = "/api/uploads/00000000-0000-0000-0000-000000000000"
needs_rows = pytest.mark.django_db(transaction=True)


@pytest.fixture
def handler() -> Iterator[Handler]:
    made = Handler()
    yield made
    for thread in [*made.threads._idle, made.threads.few]:
        for _ in range(FEW):
            thread.submit(connections.close_all)
        thread.shutdown()


@pytest.fixture
def token(db: None) -> str:
    return f"Bearer {people.create_token(factories.make_user(), name='x', scope='write')[1]}"


class Asked:
    """The answer to a request of `size` bytes, and how many of them were taken."""

    def __init__(self, handler: Handler, method: str, path: str, size: int, *, chunked: bool = False, **headers: str):
        self.taken, self.status, self.body = 0, 0, b""
        self._left, self._looked = size, None
        sent = {"host": "localhost", **headers} | ({} if chunked else {"content-length": str(size)})
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": b"",
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in sent.items()],
        }
        asyncio.run(bodies.with_limits(handler)(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        if not self._left and self.taken:
            await asyncio.sleep(60)  # nothing more comes, and nobody hangs up
        part = min(MB, self._left)
        self._left -= part
        self.taken += part
        return {"type": "http.request", "body": bytes(part), "more_body": self._left > 0}

    async def _send(self, message: Any) -> None:
        self.status = message.get("status", self.status)
        self.body += message.get("body", b"")

    @property
    def code(self) -> str:
        return str(json.loads(self.body)["error"]["code"])


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(("method", "path"), [("POST", "/api/auth/login"), ("POST", "/"), ("PUT", UPLOAD)])
def test_a_large_body_is_refused_before_anyone_looks_at_it(
    handler: Handler, method: str, path: str, chunked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "get_response", pytest.fail)
    answer = Asked(handler, method, path, 5 * MB, chunked=chunked)
    assert (answer.status, answer.code) == (413, "too_large")
    assert answer.taken == 5 * MB  # dropped, so that the client reads the answer


@needs_rows
def test_a_small_body_passes(handler: Handler) -> None:
    assert Asked(handler, "POST", "/api/auth/login", 2 * MB, content_type="text/plain").status == 415


@needs_rows
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/projects/1/clips"), ("PATCH", UPLOAD), ("PUT", "/api/frames/1/mask")],
)
@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer x"}, {"cookie": "sonoloop_session=x"}])
def test_a_stranger_may_not_send_much_where_people_may(
    handler: Handler, method: str, path: str, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "get_response", pytest.fail)
    answer = Asked(handler, method, path, 8 * MB, **headers)
    assert (answer.status, answer.code) == (401, "not_signed_in")


@needs_rows
@pytest.mark.parametrize(
    ("method", "path", "fits", "too_large"),
    [("POST", "/api/projects/1/clips", 20 * MB, 9 << 30), ("PATCH", UPLOAD, 16 * MB, 17 * MB),
     ("PUT", "/api/frames/1/mask", 20 * MB, 65 * MB)],
)  # fmt: skip
def test_a_person_may_send_what_the_work_needs(
    handler: Handler, token: str, method: str, path: str, fits: int, too_large: int
) -> None:
    assert Asked(handler, method, path, fits, authorization=token).status == 404
    assert Asked(handler, method, path, too_large, authorization=token).status == 413
    assert Asked(handler, method, path, fits, authorization=token, chunked=True).status == 413


@needs_rows
def test_a_session_counts_until_it_ends(handler: Handler) -> None:
    browser = Client()
    browser.force_login(factories.make_user(), backend="django.contrib.auth.backends.ModelBackend")
    cookie = f"sonoloop_session={browser.cookies['sonoloop_session'].value}"
    assert Asked(handler, "PATCH", UPLOAD, 8 * MB, cookie=cookie).status == 403  # only the CSRF token is missing
    browser.logout()
    assert Asked(handler, "PATCH", UPLOAD, 8 * MB, cookie=cookie).status == 401


@needs_rows
def test_a_disk_without_room_is_told_before_anything_is_taken(
    handler: Handler, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("annotation.ingest.uploads.KEEP_FREE", 1 << 60)
    answer = Asked(handler, "PATCH", UPLOAD, 8 * MB, authorization=token)
    assert (answer.status, answer.code) == (507, "no_space")


@needs_rows
def test_bytes_on_their_way_in_lie_in_the_data_folder_only(
    handler: Handler, token: str, settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path
    outside = tmp_path / "elsewhere"
    monkeypatch.setattr("tempfile.tempdir", str(outside))  # which does not exist: who writes there fails
    seen: list[Path] = []
    original = handler.get_response

    def looking(request: Any) -> Any:
        for opened in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                seen.extend({opened.readlink()} if tmp_path in opened.readlink().parents else ())
        return original(request)

    monkeypatch.setattr(handler, "get_response", looking)
    assert Asked(handler, "PATCH", UPLOAD, 8 * MB, authorization=token).status == 404
    assert len(seen) == 1
    assert not list(tmp_path.iterdir())
