"""How much memory this process has needed, for commands that need much."""

from __future__ import annotations

import re
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


def peak_memory() -> int | None:
    """The most bytes of memory that this process has had at once; None where the system does not say.

    Linux is asked by its file: there, what `getrusage` answers begins with the size of the process that started this
    one.
    """
    if sys.platform == "win32":
        return None
    try:
        found = re.search(r"^VmHWM:\s*(\d+) kB$", STATUS.read_text(), re.MULTILINE)
    except OSError:
        found = None
    if found:
        return 1024 * int(found[1])
    from resource import RUSAGE_SELF, getrusage
    return getrusage(RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
