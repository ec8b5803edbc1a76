"""Run one command and write down what it took: `python -I -S stopwatch.py REPORT COMMAND...`.

A process of its own, because Linux counts the memory of whoever starts a program as the program's: this one is smaller
than anything that it measures. CPU time is that of the command and of all its children that it has waited for; memory
is that of the largest of them (https://man7.org/linux/man-pages/man2/getrusage.2.html).
"""

import os
import sys
import time

report, command = sys.argv[1], sys.argv[2:]
started = time.perf_counter()
process = os.posix_spawnp(command[0], command, os.environ)
_, status, usage = os.wait4(process, 0)
seconds = time.perf_counter() - started
# macOS counts in bytes what Linux counts in KiB.
peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
with open(report, "w", encoding="ascii") as file:  # noqa: PTH123 (pathlib would be a third of this process)
    file.write(f"{seconds!r} {usage.ru_utime + usage.ru_stime!r} {peak}")
sys.exit(os.waitstatus_to_exitcode(status) and 1)
