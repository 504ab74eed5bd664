"""Export of 10 000 frames with masks, by the `cpu` worker of a running instance."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from benchmarks import _instance
from benchmarks._report import Row
from webapp.tests.trees import Tree

if TYPE_CHECKING:
    from annotation.models import DatasetVersion

FRAMES_PER_CLIP = 500
MOST_S, MOST_MB = 60, 300
GIVE_UP_S = 900
MB = 1_000_000


def build(frames: int) -> "DatasetVersion":
    """A frozen version of so many 640×480 frames, each with a gold mask of twelve labels."""
    from annotation import datasets

    project = _instance.make_project("Export")
    labels = list(project.labels.values_list("index", flat=True))
    for _ in range(frames // FRAMES_PER_CLIP):
        # One subject: the pictures come again in every clip, and must not stand on two sides of a split.
        _instance.accept_all(_instance.add_clip(project, "S1", FRAMES_PER_CLIP), labels)
    dataset = datasets.freeze(project, _instance.manager(), val=0, test=0)
    if dataset.frame_count != frames:
        raise RuntimeError(f"the dataset has {dataset.frame_count} frames, not {frames}")
    return dataset


def measure(client: _instance.Client, tree: Tree, dataset: "DatasetVersion") -> list[Row]:
    """Ask for both formats, one after the other; from the request until the file is ready."""
    worker = tree.child(r"celery .*--queues cpu")
    rows = []
    for kind in ("png", "coco"):
        _forget_peak(worker)
        began = time.monotonic()
        _, status, body, _ = client.call(
            "POST",
            f"/api/datasets/{dataset.pk}/exports",
            json.dumps({"format": kind}).encode(),
            Content_Type="application/json",
        )
        if status != 202:
            raise RuntimeError(f"the export was answered {status}: {body[:200]!r}")
        export = json.loads(body)["export"]["id"]
        size = _wait(client, export)
        seconds, peak = time.monotonic() - began, _peak_mb(worker)
        name = f"export {dataset.frame_count:,} frames as {kind}"
        rows += [
            Row(name, seconds, "s", f"≤ {MOST_S}", seconds <= MOST_S),
            Row(f"{name}, peak memory of the worker", peak, "MB", f"≤ {MOST_MB}", peak <= MOST_MB),
            Row(f"{name}, size", size / MB, "MB", "", None),
        ]
        _, status, body, _ = client.call("GET", f"/api/exports/{export}/file", Range=f"bytes={size - 1000}-")
        if (status, len(body)) != (206, 1000):
            raise RuntimeError(f"the last 1000 bytes were answered {status} with {len(body)} bytes: not resumable")
    return rows


def _wait(client: _instance.Client, export: int) -> int:
    give_up_at = time.monotonic() + GIVE_UP_S
    while time.monotonic() < give_up_at:
        row = json.loads(client.call("GET", f"/api/exports/{export}")[2])
        if row["state"] == "ready":
            return int(row["byte_size"])
        if row["state"] == "failed":
            raise RuntimeError(f"the export failed: {row['error']}")
        time.sleep(0.2)
    raise RuntimeError(f"the export was not ready after {GIVE_UP_S} s")


def _forget_peak(worker: psutil.Process) -> None:
    Path(f"/proc/{worker.pid}/clear_refs").write_text("5")  # proc(5): sets VmHWM back to what is used now


def _peak_mb(worker: psutil.Process) -> float:
    for line in Path(f"/proc/{worker.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / MB
    raise RuntimeError("the kernel does not tell the worker's peak memory")
