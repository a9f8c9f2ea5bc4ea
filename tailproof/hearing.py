"""The log of a process that runs: events, a line of JSON each."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any


class Hearing:
    """What a process that runs says: counted, and written as one line of JSON each.

    write : of a line.
    """

    def __init__(self, write: Callable[[str], object]) -> None:
        self.counts: Counter[str] = Counter()
        self._write = write

    def __call__(self, event: str, **facts: Any) -> None:
        self.counts[event] += 1
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._write(json.dumps({"at": at, "event": event, **facts}, default=str))
