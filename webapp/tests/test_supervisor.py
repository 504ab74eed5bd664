"""`make run` as a person meets it: the real process tree, started, hurt and stopped."""

import re
import signal
import subprocess
import sys
import urllib.request

import psutil
import pytest

from webapp import supervisor
from webapp.tests.trees import launch, running_tree, wait_until

BROKER = "(valkey|redis)-server"
PARTS = (BROKER, "uvicorn", "--queues cpu", "--queues gpu", "--queues train", "manage.py housekeeping")


def ready(tree) -> bool:
    try:
        with urllib.request.urlopen(f"{tree.url}/readyz", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def gone(family) -> bool:
    # A zombie is a dead process whose parent has not looked yet (pid 1 of a container may never look).
    return all(not each.is_running() or each.status() == psutil.STATUS_ZOMBIE for each in family)


@pytest.mark.processes
@pytest.mark.slow
@pytest.mark.timeout(240)
class TestTree:
    def test_it_starts_stops_on_ctrl_c_and_starts_again_on_the_same_data(self, tmp_path):
        with running_tree(tmp_path / "data") as tree:
            first_port = tree.port
            assert ready(tree)
            assert [len(tree.find(part)) for part in PARTS] == [1] * len(PARTS)
            assert tree.url in tree.output()
            assert "admin" in tree.output()
            family = tree.family()
            assert tree.interrupt() == 0
            wait_until("every process to be gone", lambda: gone(family))
            assert "Stopped." in tree.output()
        with running_tree(tmp_path / "data", port=first_port) as tree:
            assert ready(tree)
            assert "as before" in tree.output()
            assert tree.interrupt() == 0

    def test_the_one_time_password_is_shown_once_and_is_in_no_log(self, tmp_path):
        with running_tree(tmp_path / "data", SONOLOOP_ADMIN_PASSWORD="") as tree:
            shown = re.search(r"password +(\S+) +\(shown only this once\)", tree.output())
            assert shown is not None, tree.output()
            password = shown[1]
            assert len(password) >= 12
            assert tree.interrupt() == 0
            for log in (tmp_path / "data" / "logs").iterdir():
                assert password not in log.read_text(errors="replace")
        with running_tree(tmp_path / "data", SONOLOOP_ADMIN_PASSWORD="") as tree:
            assert password not in tree.output()
            assert "shown only this once" not in tree.output()

    def test_nothing_outlives_a_killed_supervisor_and_the_next_start_works(self, tmp_path):
        with running_tree(tmp_path / "data") as tree:
            family = tree.family()
            tree.process.kill()
            tree.process.wait()
            wait_until("every orphan to be gone", lambda: gone(family), within_s=20)
        with running_tree(tmp_path / "data", port=tree.port) as tree:
            assert ready(tree)

    @pytest.mark.parametrize("part", ["uvicorn", "--queues gpu", BROKER])
    def test_a_killed_part_comes_back(self, tmp_path, part):
        with running_tree(tmp_path / "data") as tree:
            before = tree.child(part)
            before.kill()
            wait_until("a new process", lambda: part_is_new(tree, part, before.pid))
            wait_until("readiness", lambda: ready(tree))
            assert "ended by SIGKILL; starting it again in 1 s" in tree.output()

    def test_the_scheduler_reaches_a_worker_through_the_broker(self, tmp_path):
        with running_tree(tmp_path / "data") as tree:
            log = tree.folder / "logs" / "cpu.log"
            wait_until(
                "the sweep to succeed",
                lambda: re.search(r"annotation\.tasks\.sweep_leftovers\[\S+\] succeeded", log.read_text()),
                within_s=90,
            )

    def test_a_second_instance_on_the_same_data_is_refused_in_words(self, tmp_path):
        with running_tree(tmp_path / "data") as tree:
            second = launch(tmp_path / "data")
            assert second.process.wait(timeout=30) == 1
            assert f"another Sonoloop (process {tree.process.pid}) already runs on" in second.output()
            assert ready(tree)

    def test_a_taken_port_is_said_in_words(self, tmp_path):
        with running_tree(tmp_path / "one") as tree:
            second = launch(tmp_path / "two", port=tree.port)
            assert second.process.wait(timeout=30) == 1
            assert f"port {tree.port} is not free" in second.output()
            assert f"SONOLOOP_PORT={tree.port + 1}" in second.output()

    def test_a_long_data_path_works(self, tmp_path):
        with running_tree(tmp_path / ("a-rather-long-name" * 8) / "data") as tree:
            assert ready(tree)


def part_is_new(tree, part: str, old_pid: int) -> bool:
    found = tree.find(part)
    return bool(found) and found[0].pid != old_pid


def test_a_bad_setting_stops_the_start_in_words(tmp_path):
    refused = launch(tmp_path / "data", SONOLOOP_PORT="eighty")
    assert refused.process.wait(timeout=30) == 1
    assert "SONOLOOP_PORT is 'eighty'; expected a whole number" in refused.output()


@pytest.mark.processes
def test_a_part_that_keeps_dying_stops_everything_with_its_last_words(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("SONOLOOP_DATA", str(tmp_path))
    monkeypatch.setattr(supervisor, "DEATHS_ALLOWED", 2)
    tree = supervisor.Supervisor()
    tree.make_folders()
    failing = [sys.executable, "-c", "import sys; sys.exit('no such model')"]
    tree.children = [supervisor.Child("gpu", failing, {})]
    with pytest.raises(supervisor.CannotRun, match=r"(?s)`gpu` ended 2 times within a minute.*no such model"):
        while True:
            tree.tick()
    tree.stop_all()
    assert "starting it again in 1 s" in capsys.readouterr().out


@pytest.mark.processes
def test_work_that_does_not_end_is_ended_by_a_second_ctrl_c(monkeypatch, tmp_path):
    monkeypatch.setenv("SONOLOOP_DATA", str(tmp_path))
    tree = supervisor.Supervisor()
    tree.make_folders()
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(99)"
    )
    child = supervisor.Child("train", [sys.executable, "-c", stubborn], {})
    tree.children = [child]
    tree.tick()
    wait_until("the child to be up", lambda: "on" in (tmp_path / "logs" / "train.log").read_text())
    assert child.process is not None
    tree.stops_asked = 2  # Ctrl-C twice
    tree.stop_all()
    assert child.process.returncode == -signal.SIGKILL


def test_logs_are_rotated_and_their_number_is_limited(monkeypatch, tmp_path):
    monkeypatch.setattr(supervisor, "LOG_BYTES", 100)
    log = tmp_path / "web.log"
    with supervisor.open_log(log) as writer:
        for turn in range(6):
            writer.write(f"turn {turn} ".encode() + b"x" * 100)
            writer.flush()
            supervisor.rotate(log)
            assert log.read_bytes() == b""
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "web.log",
        "web.log.1",
        "web.log.2",
        "web.log.3",
    ]
    assert [(tmp_path / f"web.log.{n}").read_bytes()[:6] for n in (1, 2, 3)] == [
        b"turn 5",
        b"turn 4",
        b"turn 3",
    ]


def test_the_supervisor_needs_no_installed_package():
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            "import sys; sys.path.insert(0, '.'); import webapp.supervisor, webapp.node",
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
