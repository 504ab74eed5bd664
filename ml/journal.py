"""What a training run says while it runs: one JSON object per line in metrics.jsonl, flushed at once."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, TextIO

_STEP_INTERVAL = 0.5  # seconds between "step" events: enough for a live curve


class Journal:
    """Appends events to a file; without a path it says nothing (all processes of a run but the first).

    After a kill the last line may be torn: opening again cuts it off.
    """

    def __init__(self, path: Path | None) -> None:
        self._last_step = 0.0
        self._file: TextIO | None = None
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            whole = path.read_bytes()
            with path.open("r+b") as file:
                file.truncate(whole.rfind(b"\n") + 1)
        self._file = path.open("a", encoding="utf-8")  # open for as long as the run

    def write(self, event: str, **values: Any) -> None:
        """Append one event. Values must be plain; NaN is refused, for JSON has none."""
        line = json.dumps({"event": event, **values}, allow_nan=False) + "\n"
        if self._file is not None:
            self._file.write(line)
            self._file.flush()

    def write_step(self, **values: Any) -> None:
        """Append a "step" event, unless the last one was less than half a second ago."""
        now = time.monotonic()
        if now - self._last_step >= _STEP_INTERVAL:
            self._last_step = now
            self.write("step", **values)

    def close(self) -> None:
        """Close the file; writing again fails."""
        if self._file is not None:
            self._file.close()
