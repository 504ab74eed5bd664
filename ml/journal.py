"""What a training run says while it runs: one JSON object per line in metrics.jsonl, flushed at once."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

_STEP_INTERVAL = 0.5  # seconds between "step" events: enough for a live curve


class Journal:
    """Appends events to a file. After a kill the last line may be torn: opening again cuts it off."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            whole = path.read_bytes()
            with path.open("r+b") as file:
                file.truncate(whole.rfind(b"\n") + 1)
        self._file = path.open("a", encoding="utf-8")  # open for as long as the run
        self._last_step = 0.0

    def write(self, event: str, **values: Any) -> None:
        """Append one event. Values must be plain; NaN is refused, for JSON has none."""
        self._file.write(json.dumps({"event": event, **values}, allow_nan=False) + "\n")
        self._file.flush()

    def write_step(self, **values: Any) -> None:
        """Append a "step" event, unless the last one was less than half a second ago."""
        now = time.monotonic()
        if now - self._last_step >= _STEP_INTERVAL:
            self._last_step = now
            self.write("step", **values)

    def close(self) -> None:
        """Close the file; writing again fails."""
        self._file.close()
