"""Settings: a value that fits is taken, one that does not is refused with a sentence that helps."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp import broker
from webapp.environment import BadSetting, read_flag, read_folder, read_list, read_number, read_url

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("text", "value"), [("1", True), ("yes", True), ("ON", True), ("0", False), ("false", False), ("", True)]
)
def test_flags_are_read(monkeypatch, text, value):
    monkeypatch.setenv("SONOLOOP_DEMO", text)
    assert read_flag("SONOLOOP_DEMO", True) is value


def test_a_flag_that_is_no_flag_is_refused_in_words(monkeypatch):
    monkeypatch.setenv("SONOLOOP_DEMO", "perhaps")
    with pytest.raises(BadSetting, match=r"SONOLOOP_DEMO is 'perhaps'; expected 1 or 0, for example SONOLOOP_DEMO=1"):
        read_flag("SONOLOOP_DEMO", True)


@pytest.mark.parametrize("text", ["eighty", "0", "65536", "80.5", "-1"])
def test_a_port_out_of_range_is_refused_in_words(monkeypatch, text):
    monkeypatch.setenv("SONOLOOP_PORT", text)
    with pytest.raises(BadSetting, match=f"SONOLOOP_PORT is '{text}'; expected a whole number from 1 to 65535"):
        read_number("SONOLOOP_PORT", 8000, low=1, high=65535)


@given(number=st.integers(1, 65535))
def test_every_port_in_range_is_read(number):
    os.environ["SONOLOOP_TEST_PORT"] = f" {number} "
    assert read_number("SONOLOOP_TEST_PORT", 8000, low=1, high=65535) == number


def test_lists_drop_blanks(monkeypatch):
    monkeypatch.setenv("SONOLOOP_ALLOWED_HOSTS", " a.example, ,b.example ")
    assert read_list("SONOLOOP_ALLOWED_HOSTS") == ["a.example", "b.example"]


def test_a_file_where_the_data_folder_should_be_is_refused(monkeypatch, tmp_path):
    path = tmp_path / "data"
    path.write_text("")
    monkeypatch.setenv("SONOLOOP_DATA", str(path))
    with pytest.raises(BadSetting, match="which is a file; expected a folder"):
        read_folder("SONOLOOP_DATA", tmp_path)


def test_a_bad_url_is_refused_without_repeating_its_password(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "http://user:secret@host/")
    with pytest.raises(BadSetting) as refusal:
        read_url("REDIS_URL", ("redis", "rediss", "unix"))
    assert "expected one of redis://, rediss://, unix://" in str(refusal.value)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("STORAGE_URL", "s3://bucket", "object storage arrives with a later version"),
        ("DATABASE_URL", "mysql://root:secret@host/db", "expected postgresql://user:password@host:5432/name"),
        ("SONOLOOP_SECRET_KEY", "short", "has 5 characters; expected at least 32"),
    ],
)
def test_settings_refuse_what_they_cannot_use(tmp_path, name, value, words):
    env = {**os.environ, "SONOLOOP_DATA": str(tmp_path / "data"), name: value}
    env.pop("DJANGO_SETTINGS_MODULE", None)
    done = subprocess.run(
        [sys.executable, "-c", "import webapp.settings"],
        env=env,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert words in done.stderr
    assert "secret@" not in done.stderr


def test_the_secret_key_is_made_once_for_its_owner_only(tmp_path):
    env = {**os.environ, "SONOLOOP_DATA": str(tmp_path / "data")}
    command = [sys.executable, "-c", "import webapp.settings as s; print(s.SECRET_KEY)"]
    keys = {
        subprocess.run(command, env=env, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    assert len(keys) == 1
    path = tmp_path / "data" / "secret_key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_broker_socket_always_fits_into_a_socket_address(monkeypatch, tmp_path):
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setenv("SONOLOOP_DATA", "/srv/sonoloop")
    assert broker.socket_path() == Path("/srv/sonoloop/broker/broker.sock")
    assert broker.redis_url() == "unix:///srv/sonoloop/broker/broker.sock"
    assert broker.celery_url() == "redis+socket:///srv/sonoloop/broker/broker.sock"
    paths = set()
    for last in ("one", "two"):
        monkeypatch.setenv("SONOLOOP_DATA", "/srv/" + "a-long-name/" * 20 + last)
        paths.add(broker.socket_path())
    assert len(paths) == 2
    assert all(len(os.fsencode(path)) <= broker.LONGEST_SOCKET_PATH for path in paths)


def test_an_external_broker_is_used_as_given(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere:6379/3")
    assert broker.redis_url() == broker.celery_url() == "redis://elsewhere:6379/3"


def test_the_broker_program_in_the_wheel_is_found_when_none_is_installed(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    found = broker.server_binary()
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    assert "Valkey" in version or "Redis" in version


def test_a_broker_program_on_path_comes_first(monkeypatch, tmp_path):
    program = tmp_path / "redis-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert broker.server_binary() == program
