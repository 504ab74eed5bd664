"""Requests share kept threads one after the other, never at once; writers of one process take turns."""

import asyncio
import threading
import time

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections, transaction

from webapp.threads import RequestThreads


def test_a_thread_is_used_again_but_never_by_two_requests_at_once() -> None:
    lent = RequestThreads(kept=2)

    async def request(wait_s: float = 0.0) -> tuple[int, int]:
        async with lent.borrow():
            first = await sync_to_async(threading.get_ident)()
            await asyncio.sleep(wait_s)
            return first, await sync_to_async(threading.get_ident)()

    async def story() -> None:
        one = await request()
        await asyncio.sleep(0.05)  # it is given back from within
        assert await request() == one
        await asyncio.sleep(0.05)
        at_once = await asyncio.gather(*(request(0.05) for _ in range(4)))
        assert all(first == second for first, second in at_once)
        assert len({first for first, _ in at_once}) == 4
        await asyncio.sleep(0.1)
        assert len(lent._idle) == 2

    asyncio.run(story())


def test_a_thread_whose_view_is_still_at_work_is_not_lent() -> None:
    lent = RequestThreads()
    ended = threading.Event()

    async def story() -> None:
        async def abandoned() -> int:
            async with lent.borrow():
                await sync_to_async(ended.wait)(5)
            return 0

        task = asyncio.create_task(abandoned())
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.sleep(0.05)
        assert not lent._idle
        ended.set()
        await asyncio.sleep(0.1)
        assert len(lent._idle) == 1

    asyncio.run(story())


@pytest.mark.django_db(transaction=True)
def test_writers_in_one_process_take_turns_and_a_failed_one_passes_its_turn_on() -> None:
    order: list[str] = []
    began = threading.Event()

    def first() -> None:
        try:
            with pytest.raises(ValueError, match="broken"), transaction.atomic():
                began.set()
                time.sleep(0.2)
                order.append("first")
                raise ValueError("broken")
        finally:
            connections.close_all()

    def second() -> None:
        began.wait(5)
        try:
            with transaction.atomic():
                order.append("second")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    # PostgreSQL locks rows: there the second need not wait.
    assert order == ["first", "second"] if connection.vendor == "sqlite" else len(order) == 2
