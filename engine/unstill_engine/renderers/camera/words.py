"""Words to moves: reads what the camera is told, in a prompt about something else or apart from one."""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from unstill_engine.renderers.camera.moves import GENTLE, Axis, Move
from unstill_engine.renderers.camera.vocabulary import LETTERS, Phrase, Reach, plain, vocabulary

_LENGTH_MOST = 1000
_BREAK = re.compile(r"[,.;:!?()\[\]\n。!?;—–…|/+>]+| -+ ")
_BLANK = re.compile(r"[^\S\n]+")
#: A word of a script that puts blanks between words.
_SPELLED = re.compile(rf"[{LETTERS}']+")
_JOINER = re.compile(rf"(?<=[{LETTERS}])[-_](?=[{LETTERS}])")
_COMMA = re.compile(r", ?")
_DRIFT_ALONE = 2.5
#: Chinese characters of other words, such as 跟随汽车, after which the camera is no longer what is spoken of.
_STRANGERS_MOST = 4


class Reading(msgspec.Struct, frozen=True):
    """What one text says: moves in order, moves refused, whether to stand still, a pace for all of it, and
    whether every word in it was the camera's.
    """

    moves: tuple[Move, ...] = ()
    refused: tuple[Move, ...] = ()
    still: bool = False
    pace: float = 1.0
    of_nothing_else: bool = False

    @property
    def decided(self) -> bool:
        return bool(self.moves) or self.still


@lru_cache(maxsize=64)
def direct(prompt: str, camera: str) -> tuple[Move, ...]:
    """The moves for a clip; none: the camera stands still. What `camera` says wins over the prompt. Never raises."""
    apart, within = read(camera, camera_words=True), read(prompt, camera_words=True)
    if not within.of_nothing_else:
        within = read(prompt, camera_words=False)
    chosen = apart if apart.decided else within
    if chosen.moves:
        moves = tuple(move for move in chosen.moves if chosen is apart or not _refuses(apart.refused, move))
        if moves:
            pace = chosen.pace if chosen is apart else apart.pace * chosen.pace
            return tuple(move.scaled(pace) for move in moves)
    if chosen.still:
        return ()
    pace = apart.pace * within.pace
    return tuple(move.scaled(pace) for move in _gentle((*apart.refused, *within.refused)))


def read(text: str, *, camera_words: bool) -> Reading:
    """Read one text. With `camera_words` all of it is about the camera, otherwise only what sounds like it.

    A word that nobody here knows closes the clause: after "the truck", "left" is where the truck went. A
    break, an opener or the camera's own name opens it again.
    """
    return _Reader(text, camera_words).read()


class _Reader:
    def __init__(self, text: str, camera_words: bool) -> None:
        self._words = vocabulary()
        folded = plain(plain(text[:_LENGTH_MOST], {}).lower().replace("’", "'"), self._words.fold)
        self._text = _BLANK.sub(" ", _JOINER.sub(" ", folded))
        self._camera_words = camera_words
        self._moves: list[Move] = []
        self._refused: list[Move] = []
        self._still = False
        self._overall = 1.0
        self._known = True
        self._break()

    def _break(self) -> None:
        self._open = True
        self._of_camera = False
        self._strangers = 0
        self._negated = False
        #: A phrase was just refused, and "or" may refuse the next one too.
        self._carry = False
        self._after_move = False
        self._pending = 1.0
        #: The last phrase's moves, where a pace that follows still belongs to them.
        self._last: slice | None = None
        #: The first move of those that one word after them refuses: "ズームもパンもしない".
        self._chain = len(self._moves)
        self._chained = False

    def read(self) -> Reading:
        at = 0
        while at < len(self._text):
            at = self._step(at)
        self._keep_pending()
        return Reading(tuple(self._moves), tuple(self._refused), self._still, self._overall, self._known)

    def _step(self, at: int) -> int:
        text = self._text
        if (found := _COMMA.match(text, at)) and self._words.goes_on.match(text, found.end()):
            # "Pan left, then right" is one clause
            return found.end()
        if found := _BREAK.match(text, at):
            self._keep_pending()
            self._break()
            return found.end()
        if found := _BLANK.match(text, at):
            return found.end()
        if self._after_move and (found := self._words.refused_after.match(text, at)):
            self._take_back()
            if not self._words.negation.match(text, at):
                return found.end()
        phrase, end = self._longest_phrase(at)
        pace_end = self._pace(at, end)
        if pace_end > end:
            return pace_end
        if phrase is not None:
            self._take(phrase, text[at:end])
            return end
        return self._word(at)

    def _longest_phrase(self, at: int) -> tuple[Phrase | None, int]:
        best: Phrase | None = None
        end = at
        if not self._words.starts.match(self._text, at):
            return best, end
        for phrase in self._words.phrases:
            if self._counts(phrase.reach) and (found := phrase.pattern.match(self._text, at)) and found.end() > end:
                best, end = phrase, found.end()
        return best, end

    def _counts(self, reach: Reach) -> bool:
        if self._camera_words or reach is Reach.ANYWHERE:
            return True
        if reach is Reach.OPENING:
            return self._open or self._of_camera
        if reach is Reach.OF_CAMERA:
            return self._of_camera
        return reach is Reach.CONTINUING and self._after_move

    def _take(self, phrase: Phrase, said: str) -> None:
        if self._negated:
            self._refused += phrase.moves
            self._negated, self._carry = False, True
        elif phrase.moves:
            pace = self._pending * _pace_within(said)
            start = len(self._moves)
            self._add([move.scaled(pace) for move in phrase.moves])
            if not self._chained:
                self._chain = min(start, len(self._moves) - 1)
            self._pending = 1.0
        else:
            self._still = True
        self._open = True
        self._after_move = bool(phrase.moves)
        self._chained = False

    def _take_back(self) -> None:
        """Refuse the phrase before, and those that a word of `carry` joined to it: "ズームもパンもしない"."""
        self._refused += self._moves[self._chain :]
        del self._moves[self._chain :]
        self._after_move, self._carry, self._last = False, True, None

    def _add(self, moves: list[Move]) -> None:
        """Append; but a direction said before or after its move, as in "从右向左缓慢移动", belongs to the one move."""
        before = self._moves[-1] if self._after_move and self._moves else None
        if (
            before is not None
            and len(moves) == 1
            and moves[0].axis is before.axis
            and 0 in (before.direction, moves[0].direction)
        ):
            factor = moves[0].strength * before.strength
            self._moves[-1] = Move(before.axis, before.direction or moves[0].direction, factor, before.hertz)
            return
        start = len(self._moves)
        self._moves += moves
        self._last = slice(start, len(self._moves))

    def _pace(self, at: int, beyond: int) -> int:
        """Take a pace word that starts here and is longer than the phrase found; returns its end, or `at`."""
        for pace in self._words.paces:
            found = pace.pattern.match(self._text, at)
            if found is None or found.end() <= beyond:
                continue
            factor = 1.0 if self._negated else pace.factor
            if self._last is not None and (pace.loose or self._after_move):
                self._moves[self._last] = [move.scaled(factor) for move in self._moves[self._last]]
            elif self._open or pace.loose:
                self._pending *= factor
            return found.end()
        return at

    def _word(self, at: int) -> int:
        text, words = self._text, self._words
        if found := words.negation.match(text, at):
            self._negated = self._open = True
            self._last, self._after_move = None, False
        elif found := words.carry.match(text, at):
            self._open, self._negated = True, self._negated or self._carry
            self._chained = self._after_move
        elif found := words.opener.match(text, at):
            self._open, self._negated, self._carry, self._last = True, False, False, None
        elif found := words.not_camera.match(text, at):
            self._open = self._of_camera = False
        elif found := words.camera.match(text, at):
            self._open = self._of_camera = True
            self._strangers = 0
        elif found := words.filler.match(text, at):
            pass
        else:
            return self._stranger(at)
        return found.end()

    def _stranger(self, at: int) -> int:
        found = _SPELLED.match(self._text, at)
        self._known = False
        self._open = self._after_move = self._negated = self._carry = False
        self._strangers += 1
        if found or self._strangers > _STRANGERS_MOST:
            self._of_camera = False
        if not self._camera_words:
            self._pending = 1.0
        return found.end() if found else at + 1

    def _keep_pending(self) -> None:
        if self._camera_words:
            self._overall *= self._pending
        self._pending = 1.0


def _pace_within(said: str) -> float:
    """The pace named inside a phrase, as in "zoom slowly in"."""
    for pace in vocabulary().paces:
        for at in range(len(said)):
            if not (at and _SPELLED.match(said, at - 1)) and pace.pattern.match(said, at):
                return pace.factor
    return 1.0


def _refuses(refused: tuple[Move, ...], move: Move) -> bool:
    return any(
        no.axis is move.axis and (0 in (no.direction, move.direction) or no.direction == move.direction)
        for no in refused
    )


def _gentle(refused: tuple[Move, ...]) -> tuple[Move, ...]:
    axes = {no.axis for no in refused if no.axis is not Axis.ZOOM or no.direction >= 0}
    left = tuple(move for move in GENTLE if move.axis not in axes)
    return left if Axis.ZOOM not in axes else tuple(move.scaled(_DRIFT_ALONE) for move in left)
