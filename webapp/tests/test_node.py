"""Which Node.js may build the screens."""

import os
import subprocess

import pytest

from webapp.node import is_fit, node_folder


@pytest.mark.parametrize("version", ["v20.19.0", "v20.20.2\n", "v22.12.0", "v24.19.0"])
def test_a_node_that_can_run_vite_is_fit(version):
    assert is_fit(version)


@pytest.mark.parametrize("version", ["v18.20.0", "v20.18.3", "v21.7.0", "v22.11.0", "", "node: not found"])
def test_a_node_that_cannot_is_not(version):
    assert not is_fit(version)


def test_the_node_in_the_wheel_is_used_when_path_has_an_old_one(monkeypatch, tmp_path):
    for name in ("node", "npm"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\necho v12.22.0\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    folder = node_folder()
    assert folder != tmp_path
    env = {**os.environ, "PATH": f"{folder}:/usr/bin:/bin"}
    version = subprocess.run(["node", "--version"], env=env, capture_output=True, text=True, check=True).stdout
    assert is_fit(version)
    for name in ("npm", "npx"):
        done = subprocess.run([name, "--version"], env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout[0].isdigit()
