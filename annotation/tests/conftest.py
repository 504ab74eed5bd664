"""What the tests of the app share."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client

from annotation import tasks
from annotation.models import Job, Project, User
from annotation.tests import factories

REAL_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture
def real_data() -> Path:
    """The folder of real ultrasound; a machine without it says that the test did not run."""
    if not REAL_DATA.is_dir():
        pytest.skip("not run: the folder of real ultrasound is not on this machine")
    return REAL_DATA


@pytest.fixture
def manager(db: None) -> User:
    return factories.make_user("the manager")


@pytest.fixture
def project(manager: User) -> Project:
    return factories.make_project(manager=manager)


@pytest.fixture
def sign_in() -> Callable[[User], Client]:
    """A browser in which this person is signed in."""

    def signed_in(user: User) -> Client:
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return signed_in


@pytest.fixture
def client(sign_in: Callable[[User], Client], manager: User) -> Client:
    """The manager's browser."""
    return sign_in(manager)


@pytest.fixture
def work_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do queued work in this process as soon as its message would be sent. Real queues: test_real_*.py."""
    monkeypatch.setattr(tasks, "_send", lambda job_id: tasks.DOORS[Job.objects.get(pk=job_id).kind].run(job_id))


@pytest.fixture
def ask_all(sign_in: Callable[[User], Client], project: Project) -> Callable[..., dict[str, int]]:
    """Ask one route as each kind of person: {"nobody": status, "stranger": …, "viewer": …, …}."""

    def ask(method: str, path: str, **request: object) -> dict[str, int]:
        people = {"nobody": None, "stranger": factories.make_user()}
        people |= {
            role: factories.make_member(project, role) for role in ("viewer", "uploader", "annotator", "reviewer")
        }
        statuses = {}
        for name, user in people.items():
            browser = sign_in(user) if user else Client()
            statuses[name] = getattr(browser, method)(path, **request).status_code
        return statuses

    return ask
