"""`python -m benchmarks.load`: saving masks, alone and by fifty people, against the real process tree.

Everybody saves masks of 640×480 with twelve labels, each on a frame of their own, over kept-open connections.
Three ways:
    alone        one person, one save after the other
    fifty        fifty people who each save every two seconds: autosave sends a stroke after about a second, and no
                 person paints without a break
    at once      fifty connections that save without any pause, and the same fifty asking for the empty view
                 /healthz, in turns: how many requests a second the server does of either
"""

import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from benchmarks import _instance
from benchmarks._report import Row, report
from webapp.tests.trees import running_tree

PEOPLE = 50
ALONE_SAVES = 200
FIFTY_S = 30.0
PAUSE_S = 2.0
ROUND_S = 6.0
ROUNDS = 3
MASKS = 8


@dataclass
class Person:
    """An annotator at work on one frame."""

    client: _instance.Client
    frame: int
    masks: list[bytes]
    number: int = 0  # of the newest revision
    seconds: list[float] = field(default_factory=list)

    def save(self) -> None:
        """Save the next mask, and note how long the answer took. Raises RuntimeError for any answer but 200."""
        mask = self.masks[self.number % len(self.masks)]
        spent, status, body, _ = self.client.call(
            "PUT",
            f"/api/frames/{self.frame}/mask?origin=hand&active_seconds=2",
            mask,
            If_Match=f'"r{self.number}"',
            Content_Type="image/png",
        )
        if status != 200:
            raise RuntimeError(f"a save was answered {status}: {body[:200]!r}")
        self.number += 1
        self.seconds.append(spent)

    def ask_nothing(self) -> None:
        """Ask for the empty view."""
        _, status, body, _ = self.client.call("GET", "/healthz")
        if status != 200:
            raise RuntimeError(f"/healthz answered {status}: {body[:200]!r}")


def prepare(people: int = PEOPLE) -> tuple[list[str], list[int], list[bytes]]:
    """Rows for everybody: (a token each, a frame each, masks to save). Needs `_instance.prepare`."""
    from annotation import files
    from annotation.models import Membership, User

    project = _instance.make_project("Load")
    clip = _instance.add_clip(project, "S1", people)
    tokens = []
    for number in range(people):
        user = User.objects.create(username=f"annotator{number}", password="!")
        Membership.objects.create(project=project, user=user, role=Membership.Role.ANNOTATOR)
        tokens.append(_instance.token_for(user))
    labels = list(range(1, 13))
    masks = [files.encode_label_map(_instance.label_map(seed, labels)) for seed in range(MASKS)]
    return tokens, list(clip.frames.order_by("index").values_list("pk", flat=True)), masks


def together(people: list[Person], work: Callable[[Person], None], for_s: float, pause_s: float = 0.0) -> int:
    """Everybody does `work` again and again for so long, each in a thread; returns how often it was done.

    With a pause they begin spread over it, and each keeps its own beat. The first fault of anybody is raised.
    """
    until = time.monotonic() + for_s
    stop = threading.Event()

    def run(place: int) -> int:
        due, count = time.monotonic() + pause_s * place / len(people), 0
        try:
            while not stop.is_set():
                time.sleep(max(0.0, due - time.monotonic()))
                if time.monotonic() >= until:
                    break
                work(people[place])
                count += 1
                due += pause_s
        except BaseException:
            stop.set()
            raise
        return count

    with ThreadPoolExecutor(len(people)) as threads:
        return sum(threads.map(run, range(len(people))))


def measure(people: list[Person]) -> list[Row]:
    """The rows, from warm-up to the last round."""
    alone = people[0]
    for _ in range(20):
        alone.save()
    alone.seconds.clear()
    for _ in range(ALONE_SAVES):
        alone.save()
    rows = _latencies("save a mask, alone", alone.seconds, 100)

    for each in people:
        each.seconds.clear()
    together(people, Person.save, FIFTY_S, PAUSE_S)
    spent = [seconds for each in people for seconds in each.seconds]
    rows += _latencies(f"save a mask, {len(people)} annotators, each every {PAUSE_S:g} s", spent, 300)

    saves = empty = 0
    for each in people:
        each.seconds.clear()
    for _ in range(ROUNDS):
        saves += together(people, Person.save, ROUND_S)
        empty += together(people, Person.ask_nothing, ROUND_S)
    span = ROUNDS * ROUND_S
    spent = [seconds for each in people for seconds in each.seconds]
    rows += _latencies(f"save a mask, {len(people)} at once without a pause", spent, 300)
    return [
        *rows,
        Row("saves", saves / span, "/s", "", None),
        Row("an empty view (/healthz)", empty / span, "/s", "", None),
        Row("saves over empty views", saves / empty, "×", "≥ 0.5", saves / empty >= 0.5),
    ]


def _latencies(what: str, seconds: list[float], budget_ms: int) -> list[Row]:
    p50, p95 = (_instance.percentile(seconds, share) * 1000 for share in (0.5, 0.95))
    return [
        Row(f"{what}, p50", p50, "ms", "", None),
        Row(f"{what}, p95", p95, "ms", f"≤ {budget_ms}", p95 <= budget_ms),
    ]


def main() -> int:
    """Measure and report."""
    with _instance.data_folder() as folder:
        _instance.prepare(folder)
        tokens, frames, masks = prepare()
        with running_tree(folder) as tree:
            people = [
                Person(_instance.Client(tree.port, token), frame, masks)
                for token, frame in zip(tokens, frames, strict=True)
            ]
            rows = measure(people)
    report("load", rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
