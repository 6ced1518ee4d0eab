"""How camera words stand in a sentence, as data: paces, refusals, and the small words between."""

from __future__ import annotations

import re
from enum import IntEnum

import msgspec

from unstill_engine.renderers.camera.moves import Move


class Reach(IntEnum):
    """Where a phrase counts. A picture's description is full of words that a camera also knows."""

    CAMERA_WORDS = 0  #: only in a text that is all camera words
    CONTINUING = 1  #: also right after a move: "pan left and up"
    OF_CAMERA = 2  #: also where the camera was just named: "the camera moves left"
    OPENING = 3  #: also where a clause opens: "slowly pan left", but not "the frying pan left on the stove"
    ANYWHERE = 4


class Phrase(msgspec.Struct, frozen=True):
    """What is said, and the moves that it means. No moves: the camera stands still."""

    pattern: re.Pattern[str]
    reach: Reach
    moves: tuple[Move, ...]


class Pace(msgspec.Struct, frozen=True):
    """A word that makes a move smaller or larger. A `loose` one need not stand beside its move."""

    pattern: re.Pattern[str]
    factor: float
    loose: bool = False


def compiled(pattern: str, **parts: str) -> re.Pattern[str]:
    """A blank stands for any run of blanks, {name} for a part; a Latin word ends where its letters do."""
    for name, part in (*_PARTS.items(), *parts.items()):
        pattern = pattern.replace(f"{{{name}}}", part)
    blanks = pattern.replace(" ?", " *").replace(" ", "[ ]+").replace("[ ]+*", "[ ]*")
    return re.compile(rf"(?:{blanks})(?![a-z])")


_PARTS = {
    "obj": r"(?: (?:(?:the |your )?(?:camera|cam|view|shot|frame|lens)))?",
    "adv": r"(?: (?:very )?(?:[a-z]{2,12}ly|slow|fast|quick|a bit|a little|all the way))?",
    "to": r"(?: over| across| from)?(?: to| towards?)?(?: the)?",
    "in": r"(?:in|into|inwards?|closer|nearer|forwards?)",
    "out": r"(?:out|outwards?|back|backwards?|away)",
    "left": r"(?:left|leftwards?)",
    "right": r"(?:right|rightwards?)",
    "up": r"(?:up|upwards?|skywards?)",
    "down": r"(?:down|downwards?)",
    "cw": r"(?:clockwise|clock wise|cw)",
    "ccw": r"(?:counter ?clockwise|anti ?clockwise|ccw)",
    "慢": r"(?:非常|很|极)?(?:缓慢|缓缓|慢慢|慢速|快速|迅速|轻轻|稍微|慢|快)?地?",
    "朝": r"(?:向|往|朝|到|至)",
}

PACES: tuple[Pace, ...] = tuple(
    Pace(compiled(pattern), factor, loose)
    for pattern, factor, loose in (
        (r"(?:very|extremely|really|super) slow(?:ly)?", 0.3, True),
        (r"slowly", 0.5, True),
        (r"slow(?:er)?(?: motion| mo)?", 0.5, False),
        (r"gently|subtly|slightly|softly|a (?:bit|little)(?: bit)?", 0.55, True),
        (r"gentle|subtle|slight|soft|small|tiny", 0.55, False),
        (r"(?:very|extremely|really|super) (?:fast|quick(?:ly)?|rapid(?:ly)?)", 2.2, True),
        (r"quickly|rapidly|swiftly|speedily", 1.7, True),
        (r"fast(?:er)?(?! food| fashion| asleep)|quick|rapid|swift", 1.7, False),
        (r"dramatically|strongly|heavily|wildly", 1.5, True),
        (r"dramatic|strong|extreme|heavy|intense|big", 1.5, False),
        (r"(?:非常|很|极其?|特别)(?:缓慢|慢)地?", 0.3, True),
        (r"(?:缓慢|慢慢|缓缓|慢速|徐徐)地?|慢(?:一点|一些|点|些)|慢(?!动作|跑)", 0.5, True),
        (r"(?:轻微|稍微|微微|略微|轻轻)地?|一点点?", 0.55, True),
        (r"(?:非常|很|极其?|特别)(?:快速|快|迅速)地?", 2.2, True),
        (r"(?:快速|迅速|急速|飞快|急)地?|快(?:一点|一些|点|些)|快(?!餐|乐|门|递|照|艇)", 1.7, True),
        (r"(?:大幅|剧烈|强烈)度?地?", 1.5, True),
    )
)

#: Said before a phrase, these refuse it; "or" and its like carry a refusal on.
NEGATION = compiled(
    r"(?:no|not|without|never|don't|dont|avoid|do not|does not|doesn't|won't"
    r"|不要?(?![断停同])|别|勿|无需?|没有|禁止|避免|请勿)(?:any)?"
)
CARRY = compiled(r"(?:or|nor|neither|either|、|或者?|和|也不要?)")
#: The camera's names: after one, up to the next word that is not of the camera, its own verbs count.
CAMERA = compiled(
    r"(?:camera|cam|cameraman|lens|viewpoint|(?:镜头|画面)(?![里前中外内]|下(?![移摇降]))|相机|摄像机|摄影机|运镜)"
)
#: These name a thing in the picture.
NOT_CAMERA = compiled(r"(?:holding|holds|hold|his|her|their|my) (?:an? |the )?(?:[a-z]+ )?camera")
#: A clause opens after these.
OPENER = compiled(
    r"(?:and|then|with|while|plus|also|but|using|as we|we|followed by|&"
    r"|然后|接着|同时|并且?|再|随后|请|以及|让|使|把|将)"
)
#: Words that change nothing: what was open stays open.
FILLER = compiled(
    r"(?:不断|不停|持续|连续|an?|any|is|are|be|to|will|should|can|must|please|starts?|begins?|keeps?|stays?|holds?|remains?|it|very|too|so|just|only"
    r"|cinematic|smooth|continuous|steady|nice|long|single|shot|effect|[a-z]{2,14}ly|[的地着了得有点一些会在保持开始正方向])"
)
TRADITIONAL = str.maketrans(
    "從縮遠鏡頭動轉順時針緩靜進後開無機攝橫擺離繞圍壓輕劇強別請讓將當",
    "从缩远镜头动转顺时针缓静进后开无机摄横摆离绕围压轻剧强别请让将当",
)
