"""`python -m benchmarks.editor`: the editor in a real Chromium, on a real clip of a running instance.

Three projects: 1024×768 with twelve labels for opening, stepping and painting; 640×480 at 30 fps for playing and for
visiting a thousand frames; 4096×3072 for painting. The browser is driven by `editor.mjs`, which hands back raw times in
milliseconds; what they are held against stands here. Each series is taken in three rounds, and the row tells the round
with the lowest median: other work on the machine can only make a round slower. Long tasks are counted in all rounds.
`load` in the result is the machine's.

`python -m benchmarks.editor frames play` measures these parts alone (see `PARTS`) and keeps nothing; with `--add` they
are kept beside what the same commit has measured of the others. `steps` runs in Node, the rest in Chromium.
"""

import argparse
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
PARTS = ("frames", "paint", "steps", "large", "play", "memory")
STEPPED_FRAMES = 80
PLAYED_FRAMES = 300
LARGE = (4096, 3072)
LARGE_FRAMES = 8
GIVE_UP_S = 1800
MOST_SCRIPTS_KB = 350
MOST_GROWTH_MB = 40
MOST_STEPS_MB = 50


def build() -> dict[str, Any]:
    """Rows for both projects; returns what the browser must know of them."""
    still = _instance.make_project("Paint")
    labels = list(still.labels.values_list("index", flat=True))
    painted = _instance.add_clip(still, "S1", STEPPED_FRAMES, width=1024, height=768)
    _instance.accept_all(painted, labels)
    moving = _instance.make_project("Play")
    played = _instance.add_clip(moving, "S1", PLAYED_FRAMES)
    _instance.accept_all(played, labels)
    large = _instance.make_project("Large")
    vast = _instance.add_clip(large, "S1", LARGE_FRAMES, width=LARGE[0], height=LARGE[1])
    _instance.accept_all(vast, labels)
    return {
        "large": {"project": large.pk, "frame": vast.frames.get(index=0).pk, "frames": LARGE_FRAMES},
        "paint": {"project": still.pk, "frames": list(painted.frames.order_by("index").values_list("pk", flat=True))},
        "play": {"project": moving.pk, "frame": played.frames.get(index=0).pk, "frames": PLAYED_FRAMES},
    }


def measure(tree: Tree, clips: dict[str, Any], parts: list[str]) -> list[Row]:
    """Drive the browser through these parts and judge what it measured. Raises CalledProcessError when it fails."""
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
                "SONOLOOP_PARTS": json.dumps(parts),
                "SONOLOOP_OUT": str(out),
            },
            check=True,
            timeout=GIVE_UP_S,
        )
        measured = json.loads(out.read_text())
    return rows_of(measured)


def rows_of(measured: dict[str, Any]) -> list[Row]:
    """Judge what the browser measured, part by part."""
    judges = {
        "frames": _frames,
        "paint": _paint,
        "steps": _steps,
        "large": _large,
        "play": _play,
        "memory": _memory,
    }
    return [row for part, judge in judges.items() if part in measured for row in judge(measured[part])]


def _frames(found: dict[str, Any]) -> list[Row]:
    share = _instance.percentile
    opened, stepped = _best(found["open"]), _best(found["next"])
    scripts = _gzip_kb(found["scripts"])
    return [
        _within("open a frame with 12 labels, from the click until drawn, median", share(opened["ms"], 0.5), 150),
        _within("open a frame with 12 labels, p95", share(opened["ms"], 0.95), 150),
        _within("next frame, prefetched, median", share(stepped["ms"], 0.5), 30),
        _within("next frame, prefetched, p95", share(stepped["ms"], 0.95), 30),
        *_tasks("changing frame", [ms for each in (*found["open"], *found["next"]) for ms in each["tasks"]]),
        Row("scripts of the editor screen, gzip", scripts, "kB", f"≤ {MOST_SCRIPTS_KB}", scripts <= MOST_SCRIPTS_KB),
    ]


def _paint(found: dict[str, Any]) -> list[Row]:
    share = _instance.percentile
    undone = _best(found["undo"])
    presses = share([ms for each in found["brush"] for ms in each["presses"]], 0.95)
    return [
        *_brush(found["brush"], "", 16),
        Row("of them presses of the pointer, with the wait for the screen's refresh, p95", presses, "ms", "", None),
        *_tasks("painting and saving", found["tasks"]),
        Row("undo, key → pixels, median", share(undone["ms"], 0.5), "ms", "", None),
        _within("undo, key → pixels, p95", share(undone["ms"], 0.95), 16),
        *_tasks("undoing", [ms for each in found["undo"] for ms in each["tasks"]]),
    ]


def _steps(series: list[dict[str, Any]]) -> list[Row]:
    """Undo steps in the engine alone: how many are kept, what they weigh, how long the slowest takes."""
    share = _instance.percentile
    rows = []
    for each in series:
        brush = f"{each['size']} px{' through a threshold' if each['threshold'] else ''}"
        name = f"{each['of']} strokes of {brush} at {each['width']}×{each['height']}"
        is_kept = each["steps"] == each["of"] and each["megabytes"] <= MOST_STEPS_MB
        rows += [
            Row(f"{name}: undo steps kept", each["steps"], "", str(each["of"]), each["steps"] == each["of"]),
            Row(f"{name}: their memory", each["megabytes"], "MB", f"≤ {MOST_STEPS_MB}", is_kept),
            _within(f"{name}: undo in the engine, slowest", max(each["ms"]), 16),
            Row(f"{name}: copy for the device after its paint, p95", share(each["copied"], 0.95), "ms", "", None),
        ]
    return rows


def _large(found: dict[str, Any]) -> list[Row]:
    share = _instance.percentile
    where = f"{LARGE[0]}×{LARGE[1]}"
    return [
        *_brush(found["brush"], f"{where}, ", 33),
        *_tasks(f"painting and saving at {where}", found["tasks"]),
        Row(f"{where}, next frame, prefetched, median", share(_best(found["next"])["ms"], 0.5), "ms", "", None),
        *_tasks(f"changing frame at {where}", [ms for each in found["next"] for ms in each["tasks"]]),
    ]


def _play(found: dict[str, Any]) -> list[Row]:
    rows = []
    for name, played in (("", found["plain"]), (", window and level set", found["displayed"])):
        best = min(played, key=lambda each: (each["dropped"], each["waits"]))
        rows += [
            Row(f"frames shown of {best['due']} due, 30 fps with masks{name}", best["shown"], "", "", None),
            Row(f"dropped frames{name}, in the best round", best["dropped"], "", "0", best["dropped"] == 0),
            Row(f"dropped frames{name}, in the worst round", max(each["dropped"] for each in played), "", "", None),
            Row(f"waits for data after the first second{name}", best["waits"], "", "0", best["waits"] == 0),
        ]
    return rows


def _memory(visited: dict[str, Any]) -> list[Row]:
    growth = visited["late"] - visited["early"]
    return [
        Row(f"memory of the page after {visited['visits']} frames", visited["late"], "MB", "", None),
        Row("of it since a quarter of them", growth, "MB", f"≤ {MOST_GROWTH_MB}", growth <= MOST_GROWTH_MB),
    ]


def _best(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """The round with the lowest median."""
    return min(rounds, key=lambda each: _instance.percentile(each["ms"], 0.5))


def _brush(series: list[dict[str, Any]], where: str, budget_ms: int) -> list[Row]:
    """Rows of the best round of every brush and number of strokes."""
    share = _instance.percentile
    rows = []
    for size, after in dict.fromkeys((each["size"], each["after"]) for each in series):
        best = _best([each for each in series if (each["size"], each["after"]) == (size, after)])
        name = f"{where}brush of {size} px after {after} strokes, pointer event → pixels"
        rows.append(Row(f"{name}, median", share(best["ms"], 0.5), "ms", "", None))
        rows.append(_within(f"{name}, p95", share(best["ms"], 0.95), budget_ms))
    return rows


def _tasks(when: str, tasks: list[float]) -> list[Row]:
    return [
        Row(f"tasks > 50 ms while {when}", len(tasks), "", "0", not tasks),
        Row(f"the longest task while {when}", max(tasks, default=0.0), "ms", "", None),
    ]


def _within(what: str, measured: float, budget_ms: int) -> Row:
    return Row(what, measured, "ms", f"≤ {budget_ms}", measured <= budget_ms)


def _gzip_kb(paths: list[str]) -> float:
    """Size together of the built files at these addresses, each compressed by itself."""
    dist = REPOSITORY / "frontend" / "dist"
    return sum(len(gzip.compress((dist / path.lstrip("/")).read_bytes(), 9)) for path in paths) / 1000


def main() -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(description="The editor in a real Chromium.")
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="measure these alone and keep nothing")
    parser.add_argument("--add", action="store_true", help="keep them beside what the same commit measured before")
    asked = parser.parse_args()
    parts = asked.parts
    with _instance.data_folder() as folder:
        _instance.prepare(folder)
        clips = build()
        with running_tree(folder) as tree:
            rows = measure(tree, clips, parts or list(PARTS))
    report("editor", rows, keep=asked.add or not parts, add=asked.add)
    return 0


if __name__ == "__main__":
    sys.exit(main())
