"""What a text refuses, and how far each refusal reaches."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from unstill_engine.renderers.camera.moves import Axis, Move
from unstill_engine.renderers.camera.scanner import BREAK, Scanner
from unstill_engine.renderers.camera.vocabulary import Phrase, Reach

#: How many other words may stand between a refusal and what it refuses: "don't you dare zoom", "no sudden zoom".
_PATIENCE, _PATIENCE_BEFORE_NAMES = 3, 1
_DIRECTED = frozenset({Axis.ZOOM, Axis.PAN, Axis.TILT, Axis.ROLL})


class Refusal(msgspec.Struct):
    """One refusal of a clause.

    `names`: it stands before names ("no", "without"), and reaches over a list of them. `listed`: "or" or a comma
    carried it here. `others`: how many unknown words came since. `paced`: a pace stands before what it refuses.
    """

    names: bool = False
    listed: bool = False
    others: int = 0
    paced: bool = False

    @property
    def over(self) -> bool:
        return self.others > (_PATIENCE_BEFORE_NAMES if self.names else _PATIENCE)


class Refusals:
    """All that a text refuses.

    `firm` is never done, `weak` does not happen by itself: "no crash zoom" leaves a slow zoom to be asked for. `coming`
    refuses the next phrase. `past` refused the last one, which had the moves `denied`, and may be carried on.
    """

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        self.firm: list[Move] = []
        self.weak: list[Move] = []
        #: Up to here a list is known to go on.
        self._listed = 0
        self.end_clause()

    def end_clause(self) -> None:
        self.coming: Refusal | None = None
        self.past: Refusal | None = None
        self.denied: Sequence[Move] = ()

    def means(self, phrase: Phrase) -> bool:
        """Return whether the coming refusal may mean this phrase, even where it would not count as a wish."""
        refusal = self.coming
        if refusal is None or not phrase.moves:
            return False
        if refusal.listed or not directed(phrase.moves):
            return True
        if phrase.reach is Reach.CONTINUING:
            return not refusal.others
        return phrase.reach is not Reach.CAMERA_WORDS and not (refusal.names and refusal.others)

    def refuse(self, moves: Sequence[Move], *, counted: bool) -> None:
        """Refuse a phrase. `counted`: it would have been a wish."""
        paced = self.coming is not None and self.coming.paced
        # an orbit is neither every pan nor every zoom, but 推拉摇移 names each of its moves
        named = len(moves) == 1 or not any(move.direction for move in moves)
        # a crash zoom is not every zoom
        whole = all(move.strength == 1.0 or move.axis is Axis.SHAKE for move in moves)
        firm = counted and not paced and named and whole
        (self.firm if firm else self.weak).extend(moves)
        self.past, self.coming, self.denied = self.coming, None, moves

    def refuse_past(self, moves: Sequence[Move]) -> None:
        """Refuse what was said before the refusal."""
        self.firm.extend(moves)
        self.past, self.denied = Refusal(), moves

    def carry(self) -> None:
        """Refuse the next phrase as the last one was."""
        if self.past is not None and self.coming is None:
            self.coming = Refusal(names=self.past.names, listed=True)

    def weaken(self) -> None:
        """Refuse only a form of the moves that were denied last: "don't zoom in quickly"."""
        for move in self.denied:
            if move in self.firm:
                self.firm.remove(move)
                self.weak.append(move)

    def forgive(self) -> Sequence[Move]:
        """Return what was denied last, which was a wish after all: "don't zoom in too fast"."""
        for move in self.denied:
            (self.firm if move in self.firm else self.weak).remove(move)
        moves, self.past, self.denied = self.denied, None, ()
        return moves

    def stranger(self, *, spelled: bool) -> None:
        """Count an unknown word."""
        self.past = None
        if self.coming is not None:
            self.coming.others += 1
            if self.coming.over or not spelled:
                self.coming = None

    def goes_on(self, at: int, *, over_names: bool, over_all: bool = False) -> bool:
        """Return whether what follows a comma, a slash or "and" is refused with what stands before it.

        It is in a list that ends with a word of `carry`: "no zoom, pan or tilt". With `over_names` a bare name is, too:
        "no zoom, pan", with `over_all` a bare direction: "left/right". After the refusal of a move without a direction
        one with a direction is a wish: "no zoom, pan left".
        """
        scanner, text, words = self._scanner, self._scanner.text, self._scanner.words
        first = True
        while True:
            at = scanner.past_filler(at)
            if at < self._listed or words.carry.match(text, at):
                return True
            phrase, end = scanner.phrase(at, lambda phrase: True)
            if phrase is None or not phrase.moves or scanner.pace_within(at, end) != 1.0:
                return False
            if directed(phrase.moves) and not directed(self.denied):
                return False
            at = scanner.past_blank(end)
            if words.carry.match(text, at):
                self._listed = at
                return True
            bare = scanner.ends(scanner.past_filler(at)) or words.joiner.match(text, at)
            if first and bare and (over_all or (over_names and not directed(phrase.moves))):
                return True
            found = BREAK.match(text, at)
            if found is None or found[0] not in ",/+":
                return False
            at, first = found.end(), False


def directed(moves: Sequence[Move]) -> bool:
    """Return whether a phrase with these moves says which way it goes."""
    return any(move.direction != 0 and move.axis in _DIRECTED for move in moves[:1])
