"""`python -m benchmarks.clicks`: how long a person waits for the model's answer to clicks, against the process tree.

The demonstration's champion, frames of 640×480 of a simulated person it has not met. On each frame structure after
structure is pointed at, with one click, then two, up to five, the map so far sent along as the editor does: from the
request until the last byte of the proposed mask. The whole frame is computed at the network's own size, not a part of
it. Before all that the model is asked for, as the editor does when a person takes the tool in hand, and its first
answer is waited for: the worker exports weights that came without a graph, as the demonstration's do, and loads them.
"""

import base64
import json
import sys
import time

import numpy as np

from benchmarks import _instance
from benchmarks._report import Row, report
from webapp.tests.trees import running_tree

FRAMES = 8
CLICKS = 5
GIVE_UP_S = 60
SUBJECT = 100  # a simulated person that the champion has never seen


def prepare() -> tuple[str, list[int], np.ndarray]:
    """(token, frames, uint8 [T, H, W] true label maps). Needs `_instance.prepare`."""
    from annotation import demonstration, projects, registry
    from ml.phantom.clip import ClipSpec, simulate_clip

    owner = _instance.manager()
    project = projects.create_project(name="Clicks", by=owner, preset=demonstration.VIEW)
    made = simulate_clip(ClipSpec(demonstration.VIEW, SUBJECT, 0, frames=FRAMES, height=480, width=640))
    clip = _instance.add_clip(project, "S1", FRAMES, pictures=list(made.frames))
    registry.import_champion(project, demonstration.WEIGHTS, {})
    frames = list(clip.frames.order_by("index").values_list("pk", flat=True))
    return _instance.token_for(owner), frames, made.label_maps


def measure(client: _instance.Client, frames: list[int], truth: np.ndarray) -> list[Row]:
    """The rows. Raises RuntimeError for any answer but a mask."""
    rng = np.random.default_rng(0)
    seconds, in_worker, backend = [], [], ""
    waited = _until_it_answers(client, frames[0], truth[0], rng)
    for frame, labels in zip(frames, truth, strict=True):
        so_far = b""
        for label in [int(each) for each in np.unique(labels) if each]:
            for clicks in range(1, CLICKS + 1):
                spent, so_far, told = _ask(client, frame, labels, label, clicks, rng, so_far)
                seconds.append(spent * 1000)
                in_worker.append(float(told["Sonoloop-Milliseconds"]))
                backend = told["Sonoloop-Backend"]
    share = _instance.percentile
    p95 = share(seconds, 0.95)
    return [
        Row(f"answer to clicks by {backend}, {len(seconds)} of them, p50", share(seconds, 0.5), "ms", "", None),
        Row("answer to clicks, p95", p95, "ms", "≤ 500", p95 <= 500),
        Row("of it in the worker, p50", share(in_worker, 0.5), "ms", "", None),
        Row("the first answer of all: weights exported and loaded", waited, "s", "", None),
    ]


def _until_it_answers(client: _instance.Client, frame: int, labels: np.ndarray, rng: np.random.Generator) -> float:
    """Seconds from asking for the model until it has answered once. Raises RuntimeError when it never does."""
    began = time.monotonic()
    client.call("GET", f"/api/frames/{frame}/assist")
    while True:
        try:
            _ask(client, frame, labels, 1, 1, rng, b"")
        except RuntimeError:
            if time.monotonic() - began > GIVE_UP_S:
                raise
        else:
            return time.monotonic() - began


def _ask(client: _instance.Client, frame: int, labels: np.ndarray, label: int, clicks: int, rng, prior: bytes):
    """Point at so many places of the structure: (seconds, proposed mask as PNG, headers)."""
    rows, columns = np.nonzero(labels == label)
    places = rng.integers(0, len(rows), clicks)
    wish = {
        "label": label,
        "clicks": [{"x": int(columns[at]), "y": int(rows[at]), "positive": True} for at in places],
    } | ({"prior": base64.b64encode(prior).decode()} if prior else {})
    spent, status, body, told = client.call(
        "POST", f"/api/frames/{frame}/assist", json.dumps(wish).encode(), Content_Type="application/json"
    )
    if status != 200:
        raise RuntimeError(f"clicks were answered {status}: {body[:200]!r}")
    return spent, body, told


def main() -> int:
    """Measure and report."""
    with _instance.data_folder() as folder:
        _instance.prepare(folder)
        token, frames, truth = prepare()
        with running_tree(folder) as tree:
            rows = measure(_instance.Client(tree.port, token), frames, truth)
    report("clicks", rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
