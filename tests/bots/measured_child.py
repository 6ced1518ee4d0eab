"""Runs the process that decodes, and writes down its peak of memory in bytes: `python measured_child.py FILE`.

The kernel counts into a process's peak what it was before it became another program. Under a test with much in memory
that would be the test's own; this one has a few MB.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

CHILD = [sys.executable, "-P", "-m", "unstill_bots.intake.picture.child"]

if __name__ == "__main__":
    pid = os.posix_spawn(sys.executable, CHILD, os.environ)
    _, status, usage = os.wait4(pid, 0)
    Path(sys.argv[1]).write_text(str(usage.ru_maxrss * 1024))
    sys.exit(os.waitstatus_to_exitcode(status) & 0xFF)
