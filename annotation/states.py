"""The one place where a frame's state changes, so that the clip's stored counters always agree with it."""

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
