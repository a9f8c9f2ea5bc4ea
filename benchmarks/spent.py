"""Run a command; print its wall time in seconds and its peak memory in bytes, as a list in JSON.

    python -I -S spent.py COMMAND [ARGUMENT ...]

A process inherits the peak memory of the one it was started from, as the system counts it. So commands are not started
from the benchmark, which holds hundreds of MB, but from here: nothing is reported as less than this program's own ten.
"""

import json
import os
import sys
import time

if __name__ == "__main__":
    command = sys.argv[1:]
    silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    begin = time.perf_counter()
    process = os.posix_spawnp(command[0], command, os.environ, file_actions=silent)
    _, status, used = os.wait4(process, 0)
    seconds = time.perf_counter() - begin
    print(json.dumps([seconds, used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)]))
    sys.exit(os.waitstatus_to_exitcode(status))
