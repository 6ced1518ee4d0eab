"""What a host takes and shows: the rating of pictures, and words of the host's own list."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from unstill_config.kinds import Group, Location

Policy = Literal["allow", "spoiler", "refuse"]
POLICIES: tuple[Policy, ...] = ("refuse", "spoiler", "allow")
"""What is done with a picture that is rated as for adults, the strictest first."""


class Safety(Group):
    """`rating`: pictures and clips are rated, which needs the extra unstill-bots[safety]. A probability of `threshold`
    or more counts as a picture for adults; `policy` says what is done with one where a chat has chosen nothing, and
    `age_restricted` in channels that the platform itself keeps for adults. `loosest`: the least strict policy that a
    chat's admins may choose. `words`: a file of words that are not taken, an entry a line.
    """

    words: Location | None = None
    rating: bool = False
    threshold: float = Field(default=0.8, ge=0, le=1)
    policy: Policy = "refuse"
    age_restricted: Policy = "spoiler"
    loosest: Policy = "spoiler"

    @property
    def choices(self) -> tuple[Policy, ...]:
        """The policies that admins of a chat may choose, the strictest first; none where pictures are not rated."""
        if not self.rating:
            return ()
        return POLICIES[: 1 + max(POLICIES.index(self.loosest), POLICIES.index(self.policy))]
