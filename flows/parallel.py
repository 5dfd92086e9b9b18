"""Many calls at once, few of them waiting, so that memory doesn't grow with how many there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_parallel(
    call: Callable[[T], R], items: Iterable[T], threads: int, let_go: Callable[[], None]
) -> Iterator[tuple[T, Future[R]]]:
    """Calls a function for every item in threads, and gives each item with its ended future as soon as it ends.

    Each call runs in a copy of the caller's context, so that it belongs to the same flow run. When the iterator is
    closed early, calls that haven't begun are dropped, and those that have are let go and waited for.

    Args:
        call: What to call.
        items: Taken one by one, as places come free.
        threads: Calls at once.
        let_go: Ends what calls wait for, where the iterator is closed before they have ended.
    """
    with ThreadPoolExecutor(threads, thread_name_prefix="facility") as pool:
        under_way: dict[Future[R], T] = {}
        try:
            for item in items:
                under_way[pool.submit(copy_context().run, call, item)] = item
                if len(under_way) >= threads:
                    yield from _ended(under_way)
            while under_way:
                yield from _ended(under_way)
        finally:
            if under_way:
                for future in under_way:
                    future.cancel()
                let_go()


def _ended(under_way: dict[Future[R], T]) -> list[tuple[T, Future[R]]]:
    done, _ = wait(under_way, return_when=FIRST_COMPLETED)
    return [(under_way.pop(future), future) for future in done]
