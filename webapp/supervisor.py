"""`python -m webapp.supervisor`: a whole Sonoloop as one process tree over one data folder.

    supervisor ── broker      valkey-server, unless REDIS_URL names one
               ├─ web         uvicorn, the screens and the API
               ├─ cpu         a worker: decode, export
               ├─ gpu         a worker: drafts
               ├─ interactive a worker: clicks, that a person waits for
               ├─ train       a worker: training runs
               └─ scheduler   puts lost jobs back in the queue, asks for a sweep once a day

A child that dies is started again, later each time; one that keeps dying stops everything, with its last
words. Ctrl-C lets running work finish for a while, a second Ctrl-C does not. No child outlives this process.
Standard library only: this process stays small, and no library can crash it.
"""

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO, Any

from webapp import broker, processes
from webapp.environment import BadSetting, read_number, read_text

TICK_S = 0.1
READY_WITHIN_S = 120.0
DRAIN_S = 20.0  # how long running work may go on after the first Ctrl-C
BROKER_STOP_S = 5.0
DEATHS_ALLOWED = 5  # within DEATHS_WINDOW_S, then everything stops
DEATHS_WINDOW_S = 60.0
LOG_BYTES = 5_000_000
LOG_GENERATIONS = 3

# For processes that compute. LIMITS.md section 3: glibc gives freed tensors back to the system at once and asks for
# them again; without that, CPU training is up to 1.9 times faster. The tunable asks for memory in pages of 2 MB where
# the system gives them on request ("madvise"): `python -m benchmarks.model` tells what that is worth.
COMPUTING_MEMORY = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "-1",
    "MALLOC_TOP_PAD_": "268435456",
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}
# Processes that compute nothing: one arithmetic thread, few memory pools.
SMALL = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}


class CannotRun(Exception):
    """Why Sonoloop cannot start or go on, in words for the person at the console."""


class StopAsked(Exception):
    """Ctrl-C or a termination signal came while something was being waited for."""


@dataclass
class Child:
    """One process of the tree, and how it has behaved so far."""

    name: str
    command: list[str]
    extra_env: dict[str, str]
    process: "subprocess.Popen[bytes] | None" = None
    deaths: deque[float] = field(default_factory=lambda: deque(maxlen=DEATHS_ALLOWED))
    start_again_at: float = 0.0


class Supervisor:
    """Starts, watches and stops the tree. One instance per process, one process per data folder."""

    def __init__(self) -> None:
        """Read the settings this process needs. Raises BadSetting."""
        self.data = broker.data_folder()
        self.host = read_text("SONOLOOP_HOST", "127.0.0.1")
        self.port = read_number("SONOLOOP_PORT", 8000, low=1, high=65535)
        self.logs = self.data / "logs"
        self.own_broker = not broker.external_broker_url()
        self.children: list[Child] = []
        self.stops_asked = 0
        self.lock: IO[str] | None = None

    # --- The whole story ---------------------------------------------------------------------

    def run(self) -> int:
        """Start, watch until told to stop, stop. Returns the exit status."""
        os.umask(0o077)  # whatever this tree writes is for its owner only
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.on_signal)
        status = 0
        try:
            self.make_folders()
            self.take_lock()
            self.check_port()
            say("Sonoloop starts ...")
            if self.own_broker:
                self.start_broker()
            first = self.prepare_database()
            self.start_children()
            self.wait_until_ready()
            self.print_welcome(first)
            while True:
                self.tick()
        except StopAsked:
            say("\nStopping: running work may finish. Ctrl-C again stops at once.")
        except (CannotRun, BadSetting) as reason:
            say(f"\nSonoloop cannot run: {reason}")
            status = 1
        finally:
            self.stop_all()
        if status == 0:
            say("Stopped.")
        return status

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """Count; `tick` and `stop_all` look at the count."""
        self.stops_asked += 1

    # --- Before the first child --------------------------------------------------------------

    def make_folders(self) -> None:
        """The data folder and its parts, for their owner only."""
        for folder in (self.data, self.logs, broker.socket_path().parent):
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as fault:
                raise CannotRun(
                    f"the folder {folder} cannot be made ({fault.strerror}); "
                    "point SONOLOOP_DATA at a place you may write to"
                ) from None
        sockets = broker.socket_path().parent
        # It may be in the shared temporary folder, where somebody else could have made it before us.
        if sockets.stat().st_uid != os.getuid() or sockets.is_symlink():
            raise CannotRun(f"{sockets} belongs to somebody else; choose a shorter SONOLOOP_DATA path")
        sockets.chmod(0o700)

    def take_lock(self) -> None:
        """Refuse a second instance on the same data. The lock goes with this process, however it goes."""
        path = self.data / "supervisor.lock"
        self.lock = path.open("a+")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.lock.seek(0)
            holder = self.lock.read().strip() or "unknown"
            raise CannotRun(
                f"another Sonoloop (process {holder}) already runs on {self.data}. "
                "Stop it first, or give this one its own folder: SONOLOOP_DATA=./other make run"
            ) from None
        self.lock.truncate(0)
        self.lock.write(f"{os.getpid()}\n")
        self.lock.flush()

    def check_port(self) -> None:
        """Say in words that the port is taken, instead of letting the web server die of it."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.host, self.port))
            except OSError as fault:
                raise CannotRun(
                    f"address {self.host}, port {self.port} is not free ({fault.strerror}). "
                    f"Stop the program there, or choose another port: SONOLOOP_PORT={self.port + 1} make run"
                ) from None

    # --- Starting ----------------------------------------------------------------------------

    def start_broker(self) -> None:
        """Start the embedded broker and wait until it answers."""
        path = broker.socket_path()
        settings = {
            "port": "0",
            "unixsocket": str(path),
            "unixsocketperm": "700",
            "dir": str(self.data / "broker"),
            "appendonly": "yes",  # queued messages survive a restart
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            "loglevel": "notice",
        }
        (self.data / "broker").mkdir(mode=0o700, exist_ok=True)
        command = [str(broker.server_binary())]
        for name, value in settings.items():
            command += [f"--{name}", value]
        self.children.append(Child("broker", command, {}))
        self.wait_for("the broker", lambda: answers_ping(path))

    def prepare_database(self) -> dict[str, Any]:
        """Bring the tables up to date and make the first manager. Returns what `first_start` reports."""
        output = self.run_to_end("prepare", [sys.executable, "manage.py", "prepare"])
        try:
            report = json.loads(output.strip().splitlines()[-1])
        except (ValueError, IndexError):
            raise CannotRun(f"`manage.py first_start` did not report as JSON but {output[-200:]!r}") from None
        if not isinstance(report, dict):
            raise CannotRun(f"`manage.py first_start` reported {report!r}, not a JSON object")
        return report

    def start_children(self) -> None:
        """Describe the tree; `tick` starts what is not running."""
        python = sys.executable
        web = [
            python,
            "-m",
            "uvicorn",
            "webapp.asgi:application",
            "--host",
            self.host,
            "--port",
            str(self.port),
        ]
        # The access log is our own (webapp.asgi); open event streams end after five seconds of draining.
        web += ["--no-access-log", "--no-server-header", "--lifespan", "off", "--log-level", "warning"]
        web += ["--timeout-graceful-shutdown", "5"]
        self.children += [
            Child("web", web, SMALL),
            Child("cpu", worker("cpu"), SMALL),
            Child("gpu", worker("gpu"), COMPUTING_MEMORY),
            Child("train", worker("train"), COMPUTING_MEMORY),
            Child("interactive", worker("interactive"), COMPUTING_MEMORY),
            Child("scheduler", [python, "manage.py", "housekeeping"], SMALL),
        ]

    def wait_until_ready(self) -> None:
        """Wait until the web server says that it, the database and the broker work together."""
        here = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104 - compared
        here = f"[{here}]" if ":" in here and not here.startswith("[") else here
        self.wait_for("the web server", lambda: answers_ready(f"http://{here}:{self.port}/readyz"))

    def print_welcome(self, first: dict[str, Any]) -> None:
        """Address, user, the password if it was made just now, and how to stop."""
        shown = "localhost" if self.host in ("127.0.0.1", "0.0.0.0", "::", "::1") else self.host  # noqa: S104
        lines = [("address", f"http://{shown}:{self.port}")]
        if first.get("username"):
            lines.append(("user", str(first["username"])))
        if first.get("password"):
            lines.append(("password", f"{first['password']}   (shown only this once)"))
        elif first.get("created"):
            lines.append(("password", "the one in SONOLOOP_ADMIN_PASSWORD"))
        else:
            lines.append(("password", "as before"))
        lines += [("data", str(self.data)), ("logs", str(self.logs))]
        say("\n  Sonoloop is running.\n")
        for name, value in lines:
            say(f"    {name:<10}{value}")
        say("\n  Ctrl-C stops everything.\n")

    # --- Watching ----------------------------------------------------------------------------

    def tick(self) -> None:
        """One look at everything. Raises StopAsked, or CannotRun when a child keeps dying."""
        if self.stops_asked:
            raise StopAsked
        now = time.monotonic()
        for child in self.children:
            if child.process is not None and child.process.poll() is not None:
                self.note_death(child, now)
            if child.process is None and now >= child.start_again_at:
                self.start(child)
        for log in self.logs.glob("*.log"):
            rotate(log)
        time.sleep(TICK_S)

    def start(self, child: Child) -> None:
        """Start one child, its output appended to its log."""
        env = {**child.extra_env, **os.environ, "PYTHONUNBUFFERED": "1"}
        with open_log(self.logs / f"{child.name}.log") as log:
            child.process = processes.start(child.command, env=env, output=log, errors=log)

    def note_death(self, child: Child, now: float) -> None:
        """Plan the next start of a child that ended by itself, later each time."""
        assert child.process is not None
        how = describe_exit(child.process.returncode)
        processes.kill_group(child.process)  # what it left behind
        child.process = None
        child.deaths.append(now)
        recent = [moment for moment in child.deaths if now - moment < DEATHS_WINDOW_S]
        log = self.logs / f"{child.name}.log"
        if len(recent) >= DEATHS_ALLOWED:
            raise CannotRun(
                f"`{child.name}` ended {len(recent)} times within a minute, last {how}. "
                f"Its log is {log}; it ends with:\n{last_lines(log)}"
            )
        delay_s = 2.0 ** (len(recent) - 1)
        child.start_again_at = now + delay_s
        say(f"  `{child.name}` ended {how}; starting it again in {delay_s:.0f} s (log: {log})")

    def wait_for(self, what: str, answers: Any) -> None:
        """Tick until `answers()` is true. Raises CannotRun after READY_WITHIN_S."""
        give_up_at = time.monotonic() + READY_WITHIN_S
        while not answers():
            if time.monotonic() > give_up_at:
                raise CannotRun(f"{what} did not answer within {READY_WITHIN_S:.0f} s; look into {self.logs}")
            self.tick()

    def run_to_end(self, name: str, command: list[str]) -> str:
        """Run one command to its end, watching the others meanwhile. Returns its output."""
        log_path = self.logs / f"{name}.log"
        with open_log(log_path) as log:
            process = processes.start(command, env=os.environ, output=subprocess.PIPE, errors=log)
        try:
            while process.poll() is None:
                self.tick()  # its output is a line or two: the pipe never fills
        finally:
            processes.kill_group(process)
        assert process.stdout is not None
        with process.stdout:
            output = process.stdout.read().decode(errors="replace")
        if process.returncode != 0:
            raise CannotRun(
                f"`{name}` ended {describe_exit(process.returncode)}. "
                f"Its log is {log_path}; it ends with:\n{last_lines(log_path)}"
            )
        return output

    # --- Stopping ----------------------------------------------------------------------------

    def stop_all(self) -> None:
        """Everything but the broker first, then the broker: finishing work still needs it."""
        everybody = [child for child in self.children if child.name != "broker"]
        self.stop(everybody, within_s=DRAIN_S)
        self.stop([child for child in self.children if child.name == "broker"], within_s=BROKER_STOP_S)
        self.children.clear()
        if self.lock is not None:
            self.lock.close()

    def stop(self, children: list[Child], *, within_s: float) -> None:
        """Ask, wait, kill what is left. A further Ctrl-C ends the waiting."""
        running = [child.process for child in children if child.process is not None]
        for process in running:
            if process.poll() is None:
                process.terminate()
        give_up_at = time.monotonic() + within_s
        while any(process.poll() is None for process in running):
            if time.monotonic() > give_up_at or self.stops_asked > 1:
                break
            time.sleep(TICK_S)
        for child in children:
            if child.process is None:
                continue
            if child.process.poll() is None:
                say(f"  `{child.name}` was still busy; ending it. Its job goes on after the next start.")
            processes.kill_group(child.process)


def worker(queue: str) -> list[str]:
    """The command of a worker that takes one message at a time from one queue.

    `solo` runs the work in the worker's own process: a quarter of the memory of a pool. If the work crashes
    it, the supervisor starts it again and the job's row knows how often that happened.
    """
    return [
        *(sys.executable, "-m", "celery", "-A", "webapp", "worker", "--pool", "solo", "--queues", queue),
        *("--hostname", f"{queue}@%h", "--loglevel", "INFO"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    ]


def answers_ping(path: Path) -> bool:
    """Whether the broker behind this socket answers."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(1)
        try:
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def answers_ready(url: str) -> bool:
    """Whether the web server says 200."""
    # No proxy, whatever the environment says: this is our own machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def describe_exit(status: int) -> str:
    """An exit status in words."""
    if status >= 0:
        return f"with status {status}"
    try:
        return f"by {signal.Signals(-status).name}"
    except ValueError:
        return f"by signal {-status}"


def open_log(path: Path) -> IO[bytes]:
    """Open a log for appending, readable by its owner only."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab")


def rotate(log: Path) -> None:
    """Keep a log below LOG_BYTES, and LOG_GENERATIONS older ones.

    Its writer has it open, so it is copied and emptied rather than renamed; lines written between the two
    are lost, which a log may.
    """
    if log.stat().st_size < LOG_BYTES:
        return
    for number in range(LOG_GENERATIONS - 1, 0, -1):
        older = log.with_name(f"{log.name}.{number}")
        if older.exists():
            older.replace(log.with_name(f"{log.name}.{number + 1}"))
    shutil.copy(log, log.with_name(f"{log.name}.1"))
    os.truncate(log, 0)


def last_lines(log: Path, count: int = 12) -> str:
    """The end of a log, indented."""
    lines = log.read_text(errors="replace").splitlines()[-count:]
    return "\n".join(f"    {line}" for line in lines)


def say(text: str) -> None:
    """One message to the person at the console."""
    print(text, flush=True)


def main() -> int:
    """Run the tree; returns the exit status."""
    try:
        supervisor = Supervisor()
    except BadSetting as reason:
        say(f"Sonoloop cannot run: {reason}")
        return 1
    return supervisor.run()


if __name__ == "__main__":
    sys.exit(main())
