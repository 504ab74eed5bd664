"""`python -m benchmarks.editor`: the editor in a real Chromium, on a real clip of a running instance.

Two projects: 1024×768 with twelve labels for opening, stepping and painting; 640×480 at 30 fps for playing. The browser
is driven by `editor.mjs`, which hands back raw times in milliseconds; what they are held against stands here.
"""

import gzip
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import _instance
from benchmarks._report import Row, report
from webapp.node import node_folder
from webapp.tests.trees import PASSWORD, REPOSITORY, USER, Tree, running_tree

SCRIPT = Path(__file__).with_name("editor.mjs")
STEPPED_FRAMES = 80
PLAYED_FRAMES = 300
GIVE_UP_S = 900


def build() -> dict[str, Any]:
    """Rows for both projects; returns what the browser must know of them."""
    still = _instance.make_project("Paint")
    labels = list(still.labels.values_list("index", flat=True))
    painted = _instance.add_clip(still, "S1", STEPPED_FRAMES, width=1024, height=768)
    _instance.accept_all(painted, labels)
    moving = _instance.make_project("Play")
    played = _instance.add_clip(moving, "S1", PLAYED_FRAMES)
    _instance.accept_all(played, labels)
    return {
        "paint": {"project": still.pk, "frames": list(painted.frames.order_by("index").values_list("pk", flat=True))},
        "play": {"project": moving.pk, "frame": played.frames.get(index=0).pk, "frames": PLAYED_FRAMES},
    }


def measure(tree: Tree, clips: dict[str, Any]) -> list[Row]:
    """Drive the browser and judge what it measured. Raises CalledProcessError when it fails."""
    with tempfile.TemporaryDirectory(prefix="sonoloop-bench-") as folder:
        out = Path(folder) / "measured.json"
        subprocess.run(
            [str(node_folder() / "node"), str(SCRIPT)],
            env={
                **os.environ,
                "SONOLOOP_URL": tree.url,
                "SONOLOOP_USER": USER,
                "SONOLOOP_PASSWORD": PASSWORD,
                "SONOLOOP_CLIPS": json.dumps(clips),
                "SONOLOOP_OUT": str(out),
            },
            check=True,
            timeout=GIVE_UP_S,
        )
        measured = json.loads(out.read_text())
    p95 = _instance.percentile
    rows = [
        _within("open a frame with 12 labels, from the click until drawn, median", p95(measured["open"], 0.5), 150),
        _within("open a frame with 12 labels, p95", p95(measured["open"], 0.95), 150),
        _within("next frame, prefetched, median", p95(measured["next"], 0.5), 30),
        _within("next frame, prefetched, p95", p95(measured["next"], 0.95), 30),
    ]
    for series in measured["brush"]:
        name = f"brush of {series['size']} px after {series['after']} strokes, pointer event → pixels"
        rows.append(Row(f"{name}, median", p95(series["ms"], 0.5), "ms", "", None))
        rows.append(_within(f"{name}, p95", p95(series["ms"], 0.95), 16))
        rows.append(Row(f"{name}, of it from the refresh on, p95", p95(series["drawing"], 0.95), "ms", "", None))
    longest = max(measured["long_tasks"], default=0.0)
    count = len(measured["long_tasks"])
    return [
        *rows,
        Row("tasks > 50 ms while painting", count, "", "0", count == 0),
        Row("the longest of them", longest, "ms", "", None),
        Row(f"frames shown of {measured['play']['due']} due, 30 fps", measured["play"]["shown"], "", "", None),
        Row(
            "dropped frames, 30 fps with masks", measured["play"]["dropped"], "", "0", measured["play"]["dropped"] == 0
        ),
        Row(
            "waits for data after the first second", measured["play"]["waits"], "", "0", measured["play"]["waits"] == 0
        ),
        Row("scripts of the editor screen, gzip", _gzip_kb(measured["scripts"]), "kB", "", None),
    ]


def _within(what: str, measured: float, budget_ms: int) -> Row:
    return Row(what, measured, "ms", f"≤ {budget_ms}", measured <= budget_ms)


def _gzip_kb(paths: list[str]) -> float:
    """Size together of the built files at these addresses, each compressed by itself."""
    dist = REPOSITORY / "frontend" / "dist"
    return sum(len(gzip.compress((dist / path.lstrip("/")).read_bytes(), 9)) for path in paths) / 1000


def main() -> int:
    """Measure and report."""
    with _instance.data_folder() as folder:
        _instance.prepare(folder)
        clips = build()
        with running_tree(folder) as tree:
            rows = measure(tree, clips)
    report("editor", rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
