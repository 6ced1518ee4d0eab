"""`python -m unstill_bots.terminal`."""

from __future__ import annotations

import sys

from unstill_bots.terminal.commands import main

sys.exit(main())
