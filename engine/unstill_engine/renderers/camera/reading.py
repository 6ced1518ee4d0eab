"""What one text says of a camera, word by word."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from unstill_engine.renderers.camera.moves import Move
from unstill_engine.renderers.camera.refusals import Refusal, Refusals
from unstill_engine.renderers.camera.scanner import BLANK, BREAK, COMMA, SPELLED, WRITTEN, Scanner
from unstill_engine.renderers.camera.vocabulary import Pace, Phrase, Reach
from unstill_engine.renderers.camera.wishes import Wishes

#: Chinese characters of other words, such as 跟随汽车, after which the camera is no longer what is spoken of.
_STRANGERS_MOST = 4
_LISTING = frozenset(",/+")
#: The pace of what is not to be "too fast", and of what is not to be "too slow".
_NOT_TOO_FAST, _NOT_TOO_SLOW = 0.6, 1.3


class Reading(msgspec.Struct, frozen=True):
    """What one text says: moves in order, moves refused, whether to stand still, a pace for all of it, and
    whether every word in it was the camera's.

    `unwanted` are moves that are not to happen by themselves, but may where they are asked for. `unread` has verbs of
    the camera with the unknown word after each.
    """

    moves: tuple[Move, ...] = ()
    refused: tuple[Move, ...] = ()
    still: bool = False
    pace: float = 1.0
    of_nothing_else: bool = False
    unwanted: tuple[Move, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def decided(self) -> bool:
        return bool(self.moves) or self.still


def read(text: str, *, camera_words: bool) -> Reading:
    """Read one text. With `camera_words` all of it is about the camera, otherwise only what sounds like it.

    A word that nobody here knows closes the clause: after "the truck", "left" is where the truck went. A
    break, an opener or the camera's own name opens it again.
    """
    return _Reader(text, camera_words).read()


class _Reader:
    def __init__(self, text: str, camera_words: bool) -> None:
        self._scanner = Scanner(text)
        self._text, self._words = self._scanner.text, self._scanner.words
        self._amounts = self._scanner.amounts
        self._camera_words = camera_words
        self._wishes = Wishes()
        self._refusals = Refusals(self._scanner)
        self._unread: list[str] = []
        self._still = False
        self._overall = 1.0
        self._known = True
        self._break()

    def _break(self) -> None:
        self._open = True
        self._of_camera = False
        self._strangers = 0
        self._refusals.end_clause()
        self._wishes.end_clause()
        #: A pace that follows is more than is wanted.
        self._too = False
        self._after_move = False
        #: Where the last phrase starts, if it is a move without a direction, which a word that follows may say.
        self._bare: int | None = None
        #: Such a move ends the clause before.
        self._bare_before = False

    def read(self) -> Reading:
        at = 0
        while at < len(self._text):
            at = self._step(at)
        self._measure(at)
        self._keep_pending()
        return Reading(
            moves=tuple(self._wishes.moves),
            refused=tuple(self._refusals.firm),
            unwanted=tuple(self._refusals.weak),
            still=self._still,
            pace=self._overall,
            of_nothing_else=self._known,
            unread=tuple(self._unread),
        )

    def _step(self, at: int) -> int:
        text = self._text
        self._measure(at)
        if (found := COMMA.match(text, at)) and self._words.goes_on.match(text, found.end()):
            # "Pan left, then right" is one clause
            return found.end()
        if found := BLANK.match(text, at):
            return found.end()
        if self._after_move and (found := self._words.refused_after.match(text, at)):
            # what is refused after it was said does not refuse what follows
            self._refusals.firm += self._wishes.take_back()
            self._after_move, self._bare = False, None
            if not self._words.negation.match(text, at):
                return found.end()
        if text[at] in "([" and self._refusals.coming:
            return at + 1
        if found := BREAK.match(text, at):
            self._end_clause(found[0], found.end())
            return found.end()
        phrase, end = self._scanner.phrase(at, lambda each: self._counts(each) or self._refusals.means(each))
        pace, pace_end = self._scanner.pace(at, end)
        if pace is not None:
            too = self._too or self._words.excess.match(text, at) is not None
            self._too = False
            if text[at - 1 : at] == "、" and self._scanner.phrase(self._scanner.past_filler(pace_end), self._counts)[0]:
                # "右にパン、少しズームイン": behind this comma, a pace that has a move behind it is that one's
                self._wishes.last = None
            self._pace(pace, too)
            return pace_end
        if phrase is not None:
            self._take(phrase, at, end)
            return end
        return self._word(at)

    def _end_clause(self, mark: str, end: int) -> None:
        self._keep_pending()
        past, of_camera, bare = self._refusals.past, self._of_camera, self._bare is not None
        carried = (
            past is not None
            and mark in _LISTING
            and self._refusals.goes_on(end, over_names=mark != "," or past.names, over_all=mark == "/")
        )
        self._break()
        self._bare_before = bare
        if carried:
            self._refusals.past, self._of_camera = past, of_camera
            self._refusals.carry()

    def _counts(self, phrase: Phrase) -> bool:
        reach = phrase.reach
        if self._camera_words or reach is Reach.ANYWHERE:
            return True
        if reach is Reach.OPENING:
            return self._open or self._of_camera
        if reach is Reach.OF_CAMERA:
            return self._of_camera
        return reach is Reach.CONTINUING and self._after_move

    def _take(self, phrase: Phrase, at: int, end: int) -> None:
        refusals, wishes, self._bare = self._refusals, self._wishes, None
        within = self._scanner.pace_within(at, end)
        if refusals.coming and within != 1.0:
            # "don't slowly zoom in" is a refusal of that form, "not too slowly" a wish
            self._pace(Pace(phrase.pattern, within), self._too)
            within = 1.0
        if refusals.coming and not phrase.moves:
            # neither a wish to stand still, nor all that is refused: "不要平稳后拉"
            self._after_move = False
        elif refusals.coming:
            refusals.refuse(phrase.moves, counted=self._counts(phrase))
            wishes.last, self._after_move = None, False
        elif phrase.moves:
            wishes.pace *= within
            alone = phrase.reach in (Reach.CAMERA_WORDS, Reach.CONTINUING)
            # "zoom (out)" is one move, and so is "rotate links"
            wishes.add(phrase.moves, continuing=self._after_move or (self._bare_before and alone), direction=alone)
            self._after_move = True
            self._measure(end - 1)
            undirected = len(phrase.moves) == 1 and wishes.moves and wishes.moves[-1].direction == 0
            if undirected and not self._words.object.search(self._text[at:end]):
                self._bare = at
        else:
            self._still, self._after_move = True, False
            if self._scanner.refuses_within(at, end):
                # "does not move, zoom or pan"
                refusals.refuse_past(())
        self._open, self._too, self._bare_before = True, False, False
        wishes.chain(False)

    def _take_back(self, moves: Sequence[Move]) -> None:
        """Refuse what was a wish."""
        self._refusals.refuse_past(moves)
        self._after_move, self._bare = False, None

    def _measure(self, at: int) -> None:
        """Read the amounts that stood up to here."""
        while self._amounts and self._amounts[0].at <= at:
            if taken_back := self._wishes.measure(self._amounts.pop(0), ahead=self._open):
                self._take_back(taken_back)

    def _pace(self, pace: Pace, too: bool) -> None:
        refusals, wishes, factor = self._refusals, self._wishes, pace.factor
        restrained = _NOT_TOO_FAST if factor > 1 else _NOT_TOO_SLOW
        if refusals.coming and too:
            # "zoom in, but not too fast"
            refusals.coming, factor = None, restrained
        elif refusals.coming:
            refusals.coming.paced = True
            return
        elif refusals.denied and too:
            # "don't zoom in too fast"
            wishes.add(refusals.forgive(), continuing=False, direction=False)
            self._after_move, factor = True, restrained
        elif refusals.denied:
            # "don't zoom in quickly"
            refusals.weaken()
            return
        if wishes.last is not None and (pace.loose or self._after_move or too):
            wishes.scale(factor)
        elif self._open or pace.loose:
            wishes.pace *= factor

    def _word(self, at: int) -> int:
        text, words, refusals = self._text, self._words, self._refusals
        if words.object.match(text, at):
            self._bare = None
        if found := words.excess.match(text, at):
            self._too = True
            return found.end()
        self._too = False
        if words.chain.match(text, at):
            self._wishes.chain(self._after_move)
        opener, without = words.opener.match(text, at), words.without.match(text, at)
        found = without or words.negation.match(text, at)
        if opener and refusals.coming and words.filler.match(text, at):
            # "let" opens a clause, but not in "don't let it zoom"
            opener = None
        # "don't stop zooming"
        if found and not (opener and opener.end() > found.end()):
            refusals.coming = Refusal(names=without is not None)
            self._open, self._after_move, self._bare = True, False, None
        elif (found := words.carry.match(text, at)) or (
            refusals.past and (found := words.joiner.match(text, at)) and refusals.goes_on(found.end(), over_names=True)
        ):
            self._open = True
            refusals.carry()
        elif found := opener:
            self._open, self._wishes.last, self._bare = True, None, None
            refusals.end_clause()
        elif found := words.not_camera.match(text, at):
            self._known = self._open = self._of_camera = False
        elif found := words.camera.match(text, at):
            self._open = self._of_camera = True
            self._strangers, self._bare = 0, None
        elif found := words.filler.match(text, at):
            pass
        else:
            return self._stranger(at)
        return found.end()

    def _stranger(self, at: int) -> int:
        found = SPELLED.match(self._text, at)
        end = found.end() if found else at + 1
        if self._bare is not None and (written := WRITTEN.match(self._text, at)):
            self._unknown_direction(self._text[self._bare : written.end()])
        self._known = self._open = self._after_move = self._bare_before = False
        self._bare = self._wishes.amount = None
        if found or not self._of_camera:
            # "镜头不要水平向左移动": what is said of a camera that was named is still refused
            self._refusals.stranger(spelled=found is not None)
        self._strangers += 1
        if found or self._strangers > _STRANGERS_MOST:
            self._of_camera = False
        if not self._camera_words:
            self._wishes.pace = 1.0
        return end

    def _unknown_direction(self, said: str) -> None:
        """Leave out the last move: which way it goes stands in a word that nobody here knows."""
        self._refusals.weak.append(self._wishes.moves.pop())
        self._unread.append(said)
        self._wishes.last = None

    def _keep_pending(self) -> None:
        if self._camera_words:
            self._overall *= self._wishes.pace
        self._wishes.pace = 1.0
