"""SQLite with turns for writers: the threads of one process wait for each other, not for the file.

SQLite itself has no queue: who meets a busy database sleeps and tries again, up to a tenth of a second at a time, and
of fifty people who save at once some wait for seconds. Between processes that stays; here each is woken in turn.
"""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

PATIENCE_S = 20.0
_locks: dict[str, threading.Lock] = {}
_making = threading.Lock()


def _lock_of(database: str) -> threading.Lock:
    with _making:
        return _locks.setdefault(database, threading.Lock())


class DatabaseWrapper(base.DatabaseWrapper):
    """Holds the process's own lock from BEGIN IMMEDIATE until the transaction has ended, however it ends."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._turn: threading.Lock | None = None

    def _start_transaction_under_autocommit(self) -> None:
        turn = _lock_of(str(self.settings_dict["NAME"]))
        if not turn.acquire(timeout=PATIENCE_S):
            raise OperationalError("database is locked")
        self._turn = turn
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]  # not in the stubs
        except BaseException:
            self._end_turn()
            raise

    def _commit(self) -> None:
        with self._ending():
            super()._commit()  # type: ignore[misc]  # not in the stubs

    def _rollback(self) -> None:
        with self._ending():
            super()._rollback()  # type: ignore[misc]  # not in the stubs

    def _close(self) -> None:
        with self._ending():
            super()._close()  # type: ignore[misc]  # not in the stubs

    @contextlib.contextmanager
    def _ending(self) -> Iterator[None]:
        try:
            yield
        finally:
            self._end_turn()

    def _end_turn(self) -> None:
        turn, self._turn = self._turn, None
        if turn is not None:
            turn.release()
