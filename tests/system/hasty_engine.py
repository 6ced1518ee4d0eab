"""An engine whose patience with storage is shorter than half a minute, for tests that wait for its end."""

from __future__ import annotations

import sys

from unstill_engine.__main__ import main
from unstill_engine.worker import job_run

if __name__ == "__main__":
    job_run.STORAGE_PATIENCE = 1.0
    sys.exit(main())
