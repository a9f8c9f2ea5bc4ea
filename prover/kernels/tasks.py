"""Tasks for the thread pool, and working memory that goes from task to task."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, TypeVar

from primitives import threads

Item = TypeVar("Item")
Space = TypeVar("Space")


def in_turn(task: Callable[[Item], None], items: Sequence[Item]) -> None:
    """Run task(item) for all items on the thread pool, each thread taking the next one."""
    queue, lock = iter(items), threading.Lock()

    def work(begin: int, end: int) -> None:
        while True:
            with lock:
                item = next(queue, None)
            if item is None:
                return
            task(item)

    threads.share(min(threads.count(), len(items)), work)


class Lender(Generic[Space]):
    """Keeps working memory between uses, so that its pages are touched once; at most two spaces a thread.

    Spaces that wait are dropped as soon as one is asked for that they cannot serve.

    Parameters
    ----------
    size_of : bytes of a space.
    """

    def __init__(self, size_of: Callable[[Space], int]) -> None:
        self._size_of, self._lock, self._free = size_of, threading.Lock(), list[tuple[Hashable, Space]]()

    @contextmanager
    def borrow(self, kind: Hashable, fits: Callable[[Space], bool], make: Callable[[], Space]) -> Iterator[Space]:
        """A space of the same kind that fits, or a new one."""
        with self._lock:
            found = next((k for k, (other, space) in enumerate(self._free) if other == kind and fits(space)), None)
            space = None if found is None else self._free.pop(found)[1]
            if space is None:
                self._free = []                    # what does not fit: its memory then goes into what does
        if space is None:
            space = make()
        try:
            yield space
        finally:
            with self._lock:
                self._free = [(kind, space), *self._free][:2 * threads.count()]

    def held(self) -> int:
        """Bytes of the spaces that nobody is using."""
        with self._lock:
            return sum(self._size_of(space) for _, space in self._free)

    def release(self) -> None:
        """Give them back to the system."""
        with self._lock:
            self._free = []
