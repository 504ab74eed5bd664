"""`manage.py housekeeping`: the scheduler. Puts lost jobs back in the queue, asks for a sweep once a day.

A process of its own: a worker may decode or train for hours, and what watches it must not wait behind that. Stopping
it at any moment is safe, for all it knows are rows.
"""

import logging
import time
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError, connection

from annotation import tasks

REAP_EVERY_S = 20.0
SWEEP_EVERY_S = 24 * 60 * 60.0

log = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Look for lost jobs every 20 s and ask for a sweep once a day, until it is stopped."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        """Never returns."""
        swept_at: float | None = None
        while True:
            swept_at = look(swept_at)
            time.sleep(REAP_EVERY_S)


def look(swept_at: float | None) -> float | None:
    """One look at the jobs. `swept_at` is when a sweep was last asked for, by the monotonic clock; returns the same."""
    try:
        tasks.reap_jobs()
    except DatabaseError as fault:
        log.warning("no look at the jobs: the database gave no answer (%s)", type(fault).__name__)
    finally:
        connection.close()  # a broken connection stays broken
    now = time.monotonic()
    due = swept_at is None or now - swept_at >= SWEEP_EVERY_S
    return now if due and tasks.request_sweep() else swept_at
