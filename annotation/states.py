"""The one place where a frame's state changes, so that the clip's stored counters always agree with it."""

from collections import Counter, defaultdict
from collections.abc import Mapping

from django.db.models import F

from annotation.models import Clip, Frame

COUNTERS = {
    Frame.State.OPEN: "open_count",
    Frame.State.SUBMITTED: "submitted_count",
    Frame.State.RETURNED: "returned_count",
    Frame.State.ACCEPTED: "accepted_count",
}


def move(frame: Frame, to: Frame.State, **values: object) -> None:
    """Put the frame in another state and correct its clip's counters. Call inside a transaction.

    A frame a person works on counts as selected from then on. `values` are further columns of the frame.
    """
    row = Frame.objects.select_for_update().only("state", "selected", "clip_id").get(pk=frame.pk)
    if row.state != to or not row.selected or values:  # mostly not: every stroke saves an open frame again
        Frame.objects.filter(pk=row.pk).update(state=to, selected=True, **values)
    changes: dict[str, int] = {}
    if row.state in COUNTERS:
        changes[COUNTERS[Frame.State(row.state)]] = -1
    if to in COUNTERS:
        changes[COUNTERS[to]] = changes.get(COUNTERS[to], 0) + 1
    if not row.selected:
        changes["selected_count"] = 1
    steps = {name: F(name) + step for name, step in changes.items() if step}
    if steps:
        Clip.objects.filter(pk=row.clip_id).update(**steps)
    frame.state, frame.selected = to, True


def move_all(states: Mapping[int, Frame.State], gold: Mapping[int, int | None]) -> None:
    """As `move`, for many selected frames by id, each with its gold revision; no more queries for many than for one."""
    rows = list(Frame.objects.select_for_update().only("state", "clip_id").filter(pk__in=states).order_by("pk"))
    steps: dict[int, Counter[str]] = defaultdict(Counter)
    for row in rows:
        for state, step in ((row.state, -1), (states[row.pk], 1)):
            if state in COUNTERS:
                steps[row.clip_id][COUNTERS[Frame.State(state)]] += step
        row.state, row.gold_id = states[row.pk], gold[row.pk]
    Frame.objects.bulk_update(rows, ["state", "gold"])
    names = list(COUNTERS.values())
    clips = [Clip(pk=clip, **{name: F(name) + by[name] for name in names}) for clip, by in steps.items()]
    Clip.objects.bulk_update(clips, names)
