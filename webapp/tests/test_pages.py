"""What answers outside the API: the screens, the machine's questions, and errors in one shape."""

import asyncio
import logging

import pytest
from django.contrib.auth import authenticate, get_user_model, login
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client, RequestFactory

from annotation.api import schema
from webapp import health
from webapp.asgi import with_access_log


@pytest.fixture
def dist(tmp_path, settings):
    settings.FRONTEND_DIST = tmp_path
    return tmp_path


@pytest.mark.parametrize("address", ["/", "/projects/3", "/projects/3/clips", "/sign-in"])
def test_every_screen_address_gets_the_page_and_a_csrf_token(dist, address):
    (dist / "index.html").write_text("<!doctype html>the screens")
    answer = Client().get(address)
    assert answer.status_code == 200
    assert answer.content == b"<!doctype html>the screens"
    assert "csrftoken" in answer.cookies
    assert "no-cache" in answer["Cache-Control"]


def test_missing_screens_are_said_in_words(dist):
    answer = Client().get("/")
    assert answer.status_code == 503
    assert "not built yet" in answer.content.decode()


def test_a_missing_file_is_not_answered_with_the_page(dist):
    (dist / "index.html").write_text("<!doctype html>")
    answer = Client().get("/assets/gone-1234.js")
    assert answer.status_code == 404
    assert answer["Content-Type"] == "text/plain"


def test_the_page_carries_a_strict_content_policy(dist):
    (dist / "index.html").write_text("<!doctype html>")
    policy = Client().get("/")["Content-Security-Policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["script-src"] == "'self'"
    assert directives["default-src"] == "'self'"
    assert directives["img-src"] == "'self' blob: data:"
    assert directives["worker-src"] == "'self' blob:"
    assert directives["frame-ancestors"] == "'none'"


@pytest.mark.parametrize("method", ["get", "post", "put"])
@pytest.mark.parametrize("address", ["/api", "/api/", "/api/nothing-here", "/api/nothing/../here"])
def test_an_unknown_api_address_is_a_json_404(method, address):
    answer = getattr(Client(enforce_csrf_checks=True), method)(address)
    assert answer.status_code == 404
    assert set(answer.json()["error"]) == {"code", "message", "detail"}


def test_an_unknown_host_name_is_refused():
    answer = Client(headers={"host": "evil.example"}).get("/healthz")
    assert answer.status_code == 400


def test_the_process_says_that_it_is_alive():
    assert Client().get("/healthz").json() == {"status": "alive"}


@pytest.mark.django_db
def test_readiness_names_what_is_missing():
    answer = Client().get("/readyz")  # tests run without a broker
    assert answer.status_code == 503
    assert answer.json()["database"] == "ok"
    assert answer.json()["broker"].startswith("no answer")


@pytest.mark.django_db
def test_the_description_and_the_migrations_are_read_once(monkeypatch):
    for address in ("/api/schema/", "/readyz"):
        Client().get(address)
    monkeypatch.setattr(health, "MigrationExecutor", pytest.fail)
    monkeypatch.setattr(schema, "SchemaGenerator", pytest.fail)
    assert Client().get("/readyz").json()["database"] == "ok"
    assert Client().get("/api/schema/?x=1").json()["openapi"] == "3.1.0"


@pytest.mark.django_db
def test_the_eleventh_wrong_password_is_told_to_wait_and_others_are_not():
    get_user_model().objects.create_user(username="ann", password="right-password-1")
    get_user_model().objects.create_user(username="ben", password="right-password-2")

    def sign_in(username, password, address="10.0.0.1"):
        return authenticate(RequestFactory().post("/", REMOTE_ADDR=address), username=username, password=password)

    for _ in range(10):
        assert sign_in("ann", "wrong") is None
    assert sign_in("ann", "right-password-1") is None
    assert sign_in("ann", "right-password-1", address="10.0.0.2") is not None
    assert sign_in("ben", "right-password-2") is not None


@pytest.mark.django_db
def test_a_right_password_forgives_earlier_wrong_ones():
    get_user_model().objects.create_user(username="ann", password="right-password-1")
    request = RequestFactory().post("/")
    request.session = SessionStore()
    for _ in range(4):
        for _ in range(8):
            assert authenticate(request, username="ann", password="wrong") is None
        user = authenticate(request, username="ann", password="right-password-1")
        assert user is not None
        login(request, user)


def test_the_access_log_has_no_query_string(caplog):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 204, "headers": []})

    async def send(message):
        assert message["status"] == 204

    async def receive():
        return {"type": "http.request"}

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/a\nb",
        "query_string": b"name=Jane+Doe",
        "headers": [],
    }
    with caplog.at_level(logging.INFO, logger="access"):
        asyncio.run(with_access_log(app)(scope, receive, send))
    assert len(caplog.records) == 1
    assert caplog.records[0].getMessage().startswith("GET /a\\nb 204 ")
    assert "Jane" not in caplog.text
