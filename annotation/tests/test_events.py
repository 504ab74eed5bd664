"""`/api/events` over a real broker: members hear of changes in their projects, others hear nothing of them."""

import asyncio
import json
import subprocess
import threading
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.sessions.models import Session
from django.db import connections, transaction
from django.test import AsyncClient, Client

from annotation import events, people, projects
from annotation.api import events as stream
from annotation.models import Membership, Project, User
from annotation.tests import factories
from annotation.tests.clips import video
from annotation.tests.http import Api
from webapp.broker import server_binary
from webapp.tests.trees import PASSWORD, USER, running_tree, wait_until
from webapp.threads import FEW, KEPT, Handler

needs_rows = pytest.mark.django_db(transaction=True)


@pytest.fixture
def broker(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[redis.Redis]:
    """A real broker on a socket of its own."""
    folder = tmp_path_factory.mktemp("b")
    socket = folder / "s"
    command = [server_binary(), "--port", "0", "--unixsocket", socket, "--save", "", "--dir", folder]
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL)
    url = f"unix://{socket}"
    client = redis.Redis.from_url(url)
    try:
        wait_until("the broker's socket", lambda: socket.exists() and client.ping())
        monkeypatch.setattr(events, "redis_url", lambda: url)
        monkeypatch.setattr(stream, "redis_url", lambda: url)
        events._client.cache_clear()
        yield client
    finally:
        client.close()
        events._client.cache_clear()
        process.terminate()
        process.wait()


class Page:
    """An open page: what `/api/events` has told one person."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.told: AsyncIterator[bytes]

    async def open(self) -> "Page":
        client = AsyncClient()
        await client.aforce_login(self.user, backend="django.contrib.auth.backends.ModelBackend")
        answer = await client.get("/api/events")
        assert answer.status_code == 200
        assert answer["Content-Type"] == "text/event-stream"
        assert answer["Cache-Control"] == "no-store"
        self.told = aiter(answer.streaming_content)
        assert await anext(self.told) == b": listening\n\n"
        return self

    async def next(self) -> dict[str, Any]:
        """The next event; signs of life are passed over."""
        while True:
            text = (await anext(self.told)).decode()
            if not text.startswith(":"):
                head, _, data = text.partition("\n")
                assert head == "event: change"
                assert text.endswith("\n\n")
                told: dict[str, Any] = json.loads(data.removeprefix("data: "))
                assert set(told) == {"kind", "id", "project"}
                return told

    async def close(self) -> None:
        await self.told.aclose()  # type: ignore[attr-defined]


def test_nobody_hears_anything(db: None) -> None:
    answer = Client().get("/api/events")
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "not_signed_in"


@needs_rows
def test_a_revoked_token_and_another_method_are_refused(manager: User, client: Client) -> None:
    row, clear = people.create_token(manager, name="x", scope="read")
    people.revoke_token(manager, row.pk)
    for header in (f"Bearer {clear}", "Bearer", "Bearer x"):
        assert Client(headers={"Authorization": header}).get("/api/events").status_code == 401
    assert client.post("/api/events").status_code == 405
    manager.is_active = False
    manager.save()
    assert client.get("/api/events").status_code == 401


@needs_rows
def test_members_hear_of_their_project_and_strangers_do_not(
    broker: redis.Redis, project: Project, manager: User
) -> None:
    other = factories.make_project()
    viewer = factories.make_member(project, Membership.Role.VIEWER)

    @async_to_sync
    async def listen() -> None:
        member, stranger = await Page(viewer).open(), await Page(other.created_by).open()
        await sync_to_async(projects.add_label)(project, by=manager, name="needle")
        await sync_to_async(projects.add_label)(other, by=other.created_by, name="needle")
        assert await member.next() == {"kind": "project", "id": project.pk, "project": project.pk}
        # The first thing the stranger hears is of their own project, told after the other.
        assert await stranger.next() == {"kind": "project", "id": other.pk, "project": other.pk}
        await member.close()
        await stranger.close()

    listen()


@needs_rows
def test_who_joins_hears_and_who_leaves_hears_no_more(broker: redis.Redis, project: Project, manager: User) -> None:
    ann = factories.make_user()
    own = factories.make_project(manager=ann)

    @async_to_sync
    async def listen() -> None:
        page = await Page(ann).open()
        await sync_to_async(people.add_member)(project, username=ann.username, role="viewer", by=manager)
        assert (await page.next())["id"] == project.pk
        await sync_to_async(people.change_role)(project, ann.pk, role=None, by=manager)
        await sync_to_async(projects.add_label)(project, by=manager, name="needle")
        await sync_to_async(projects.add_label)(own, by=ann, name="needle")
        assert (await page.next())["id"] == own.pk
        await page.close()

    listen()


@needs_rows
def test_only_what_was_committed_is_told(broker: redis.Redis, project: Project, manager: User) -> None:
    def undone() -> None:
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            projects.add_label(project, by=manager, name="undone")
            raise ZeroDivisionError

    clip = factories.make_clip_with_frames(project)

    def done() -> None:
        with transaction.atomic():
            events.changed(clip)

    @async_to_sync
    async def listen() -> None:
        page = await Page(manager).open()
        await sync_to_async(undone)()
        await sync_to_async(done)()
        assert await page.next() == {"kind": "clip", "id": clip.pk, "project": project.pk}
        await page.close()

    listen()


@needs_rows
def test_a_change_without_a_broker_is_still_a_change(
    project: Project, manager: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setattr(events, "redis_url", lambda: f"unix://{tmp_path / 'nobody'}")
    events._client.cache_clear()
    projects.add_label(project, by=manager, name="needle")
    events._client.cache_clear()
    assert project.labels.filter(name="needle").exists()
    assert "an event was not told" in caplog.text


@needs_rows
def test_the_kinds_of_things_have_their_names_of_the_design(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(events, "_publish", lambda text: told.append(json.loads(text)))
    dataset = factories.make_dataset(project)
    model = factories.make_model(project)
    told.clear()
    rows = [project, dataset, model, dataset.items.first().frame]
    for row in rows:
        events.changed(row)
    assert [(each["kind"], each["id"]) for each in told] == [
        ("project", project.pk),
        ("dataset", dataset.pk),
        ("model", model.pk),
        ("frame", rows[3].pk),
    ]
    assert {each["project"] for each in told} == {project.pk}


@needs_rows
def test_a_page_of_a_person_who_signed_out_hears_no_more(
    broker: redis.Redis, project: Project, manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "ROLES_EVERY_S", 0.0)
    row, clear = people.create_token(manager, name="x", scope="read")

    @async_to_sync
    async def listen() -> None:
        answer = await AsyncClient().get("/api/events", headers={"Authorization": f"Bearer {clear}"})
        program = aiter(answer.streaming_content)
        assert await anext(program) == b": listening\n\n"
        page = await Page(manager).open()
        await sync_to_async(people.revoke_token)(manager, row.pk)
        await sync_to_async(Session.objects.all().delete)()
        await sync_to_async(projects.add_label)(project, by=manager, name="needle")
        with pytest.raises(StopAsyncIteration):
            await page.next()
        with pytest.raises(StopAsyncIteration):
            await anext(program)

    listen()
    assert not stream._open[manager.pk]


@needs_rows
def test_one_person_has_so_many_streams(manager: User, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(stream._open, manager.pk, stream.MOST_STREAMS)
    refused = client.get("/api/events")
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_many_streams")


@needs_rows
def test_sixty_pages_that_listen_hold_no_threads_and_no_connections(broker: redis.Redis, project: Project) -> None:
    users = [factories.make_member(project, "viewer") for _ in range(4)]
    headers = []
    for user in users:
        _, clear = people.create_token(user, name="x", scope="read")
        headers.append([(b"host", b"localhost"), (b"authorization", f"Bearer {clear}".encode())])
    handler = Handler()

    async def page(number: int, heard: asyncio.Queue[bytes], closed: asyncio.Event) -> None:
        scope = {
            "type": "http", "method": "GET", "path": "/api/events", "query_string": b"", "headers": headers[number % 4]
        }  # fmt: skip
        begin = iter([{"type": "http.request", "body": b""}])

        async def receive() -> dict[str, Any]:
            message = next(begin, None)
            if message is None:
                await closed.wait()
                return {"type": "http.disconnect"}
            return message

        async def send(message: Any) -> None:
            if message.get("body"):
                heard.put_nowait(message["body"])

        await handler(scope, receive, send)

    async def story() -> None:
        closed = asyncio.Event()
        heard: list[asyncio.Queue[bytes]] = [asyncio.Queue() for _ in range(60)]
        pages = [asyncio.create_task(page(number, queue, closed)) for number, queue in enumerate(heard)]
        for queue in heard:
            assert await asyncio.wait_for(queue.get(), 30) == b": listening\n\n"
        await sync_to_async(projects.add_label)(project, by=project.created_by, name="needle")
        for queue in heard:  # each has asked the database again by now
            while b"event: change" not in await asyncio.wait_for(queue.get(), 30):
                pass
        names = [thread.name for thread in threading.enumerate()]
        assert len([name for name in names if name.startswith("request")]) <= KEPT
        assert len([name for name in names if name.startswith("streams")]) <= FEW
        closed.set()
        await asyncio.gather(*pages)

    asyncio.run(story())
    for thread in [*handler.threads._idle, handler.threads.few]:
        for _ in range(FEW):
            thread.submit(connections.close_all)
        thread.shutdown()
    assert not any(stream._open[user.pk] for user in users)


# --- with every process ---


Told = list[dict[str, Any]]


def heard(url: str, token: str, enough: Callable[[Told], bool]) -> tuple[threading.Thread, Told]:
    """Listen as a program does, in a thread that ends when it is `enough`."""
    request = urllib.request.Request(url + "/api/events", headers={"Authorization": f"Bearer {token}"})
    response = urllib.request.urlopen(request, timeout=60)
    assert response.readline().startswith(b": listening")
    told: Told = []

    def read() -> None:
        with response:
            for line in response:
                if line.startswith(b"data: "):
                    told.append(json.loads(line[6:]))
                    if enough(told):
                        return

    thread = threading.Thread(target=read)
    thread.start()
    return thread, told


@pytest.mark.slow
@pytest.mark.processes
@pytest.mark.timeout(240)
def test_a_page_hears_what_the_worker_does_and_a_stranger_hears_nothing_of_it(tmp_path: Path) -> None:
    with running_tree(tmp_path / "data") as tree:
        admin = Api(tree.url, USER, PASSWORD)
        mine, theirs = (
            admin.call("POST", "/api/projects", {"name": name, "preset": "one_lesion"}).json()["id"]
            for name in ("Mine", "Theirs")
        )
        tokens = {}
        for name, project in (("ann", mine), ("bob", theirs)):
            new = {"username": name, "role": "viewer"}
            made = admin.call("POST", f"/api/projects/{project}/members", new).json()
            tokens[name] = Api(tree.url, name, made["password"]).headers["Authorization"].removeprefix("Bearer ")
        nobody = Api.__new__(Api)
        nobody.url, nobody.headers = tree.url, {}
        assert nobody.call("GET", "/api/events").status == 401

        source = tmp_path / "clip.avi"
        source.write_bytes(video(5))
        ann, ann_heard = heard(tree.url, tokens["ann"], lambda told: len(clips(told)) == 2)
        bob, bob_heard = heard(tree.url, tokens["bob"], bool)
        taken = admin.upload(mine, source, "S1").json()
        assert admin.wait_for_job(taken["job"]["id"])["state"] == "done"
        ann.join(timeout=60)
        assert not ann.is_alive(), ann_heard
        # Taken in by the web process, made ready by a worker; the job on its way there.
        assert {told["id"] for told in clips(ann_heard)} == {taken["clip"]["id"]}
        assert taken["job"]["id"] in {told["id"] for told in ann_heard if told["kind"] == "job"}
        assert {told["project"] for told in ann_heard} == {mine}

        assert bob_heard == []
        assert admin.call("PATCH", f"/api/projects/{theirs}", {"description": "x"}).status == 200
        bob.join(timeout=60)
        assert bob_heard == [{"kind": "project", "id": theirs, "project": theirs}]


def clips(told: Told) -> Told:
    return [each for each in told if each["kind"] == "clip"]
