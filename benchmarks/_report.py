"""How every benchmark reports: a table on the console, `benchmarks/results/<name>.json` on disk."""

import json
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True)
class Row:
    """One measured thing against its budget. `ok` is None where there is no budget."""

    what: str
    measured: float
    unit: str
    budget: str
    ok: bool | None


def report(name: str, rows: list[Row], *, keep: bool = True, add: bool = False) -> None:
    """Print the rows and, to be kept, write them down with date, commit and machine; misses stay in the table.

    With `add`, other rows that the same commit wrote before stay.
    """
    width = max(len(row.what) for row in rows)
    print(f"{'':{width}}  {'measured':>12}  budget")
    for row in rows:
        verdict = {True: "ok", False: "MISSED", None: ""}[row.ok]
        print(f"{row.what:{width}}  {row.measured:>8.4g} {row.unit:<4} {row.budget:>10}  {verdict}")
    if not keep:
        return
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    kept = {row["what"]: row for row in _rows_of_commit(path)} if add else {}
    text = json.dumps(
        {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "commit": commit(),
            "machine": machine(),
            "rows": list((kept | {row.what: asdict(row) for row in rows}).values()),
        },
        indent=1,
    )
    path.write_text(text + "\n")


def _rows_of_commit(path: Path) -> list[dict[str, Any]]:
    """Rows in a results file of the commit that is checked out now; none where files differ from it."""
    now = commit()
    if now.endswith("+") or not path.exists():
        return []
    result = json.loads(path.read_text())
    return list(result["rows"]) if result["commit"] == now else []


def write_rows(rows: list[Row], path: Path) -> None:
    """What a measuring child hands back to `rows_of_child`."""
    path.write_text(json.dumps([asdict(row) for row in rows]))


def rows_of_child(module: str, **env: str) -> list[Row]:
    """Run `python -m module <file>` with these variables set, and read the rows it wrote to the file.

    For what needs a process like a worker's. Raises CalledProcessError when the child fails.
    """
    with tempfile.TemporaryDirectory(prefix="sonoloop-bench-") as folder:
        path = Path(folder) / "rows.json"
        subprocess.run([sys.executable, "-m", module, str(path)], env={**os.environ, **env}, check=True)
        return [Row(**row) for row in json.loads(path.read_text())]


def commit() -> str:
    """The commit that was measured, with "+" when files differ from it."""
    git = ["git", "-C", str(RESULTS.parent)]
    head = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    dirty = subprocess.run(
        [*git, "status", "--porcelain", "--untracked-files=no", "--", ":/", ":!/benchmarks/results"],
        capture_output=True,
        text=True,
    ).stdout.strip()
    return f"{head}{'+' if dirty else ''}"


def machine() -> dict[str, Any]:
    """What was measured on: processor, cores, memory, Python."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": names[0] if names else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gb": round(memory_bytes / 1e9, 1),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
    }
