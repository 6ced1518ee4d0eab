"""The one record of every job, and the only way to change its state.

Each method is one transition of the script in `lua/`: atomic, timed by Redis, and safe to repeat when its
answer was lost. Times are in seconds here and in milliseconds in the script.
"""

from __future__ import annotations

from unstill_queue.ledger.census import CensusTaker
from unstill_queue.ledger.delivery import Delivery
from unstill_queue.ledger.engine import EngineSide
from unstill_queue.ledger.forget import Forget
from unstill_queue.ledger.intake import Intake
from unstill_queue.ledger.outcomes import EXPIRED, INTAKE_FAILED
from unstill_queue.ledger.records import (
    REFIT_LANE,
    REFITS_MOST,
    Claim,
    Forgotten,
    Place,
    Reaped,
    Record,
    Shut,
    Spent,
    Used,
)
from unstill_queue.ledger.upkeep import Upkeep

__all__ = [
    "EXPIRED",
    "INTAKE_FAILED",
    "REFITS_MOST",
    "REFIT_LANE",
    "Claim",
    "Forgotten",
    "Ledger",
    "Place",
    "Reaped",
    "Record",
    "Shut",
    "Spent",
    "Used",
]


class Ledger(Intake, EngineSide, Delivery, Forget, Upkeep, CensusTaker):
    """The ledger on one Redis or Valkey, 6.2 or newer. `names`: of the front end that accepts, or looks at quotas."""
