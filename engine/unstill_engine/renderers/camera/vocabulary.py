"""The camera's words and the moves they mean, as data: English and Chinese."""

from __future__ import annotations

from unstill_engine.renderers.camera.grammar import Phrase, Reach, compiled
from unstill_engine.renderers.camera.moves import Axis, Move

ZOOM_IN, ZOOM_OUT, ZOOM = Move(Axis.ZOOM, 1), Move(Axis.ZOOM, -1), Move(Axis.ZOOM)
LEFT, RIGHT, PAN = Move(Axis.PAN, -1), Move(Axis.PAN, 1), Move(Axis.PAN)
UP, DOWN, TILT = Move(Axis.TILT, 1), Move(Axis.TILT, -1), Move(Axis.TILT)
CLOCKWISE, COUNTER, ROLL = Move(Axis.ROLL, 1), Move(Axis.ROLL, -1), Move(Axis.ROLL)
CLOSER_A_BIT = ZOOM_IN.scaled(0.4)
SHAKE = Move(Axis.SHAKE, 1, 1.0, hertz=4.0)
HANDHELD = Move(Axis.SHAKE, 1, 1.1, hertz=1.0)
KEN_BURNS = (ZOOM_IN, PAN.scaled(0.45), TILT.scaled(0.3))
VERTIGO = ZOOM_IN.scaled(1.8)

_C, _N, _F, _O, _A = Reach.CAMERA_WORDS, Reach.CONTINUING, Reach.OF_CAMERA, Reach.OPENING, Reach.ANYWHERE

_ENGLISH: tuple[tuple[str, Reach, tuple[Move, ...]], ...] = (
    # zoom
    (r"zoom(?:s|ed|ing)?{obj}{adv} ?(?:{in}|on(?:to)?|towards?)", _A, (ZOOM_IN,)),
    (r"zoom(?:s|ed|ing)?{obj}{adv} ?{out}", _A, (ZOOM_OUT,)),
    (r"zoom(?:s|ing)?(?! (?:call|meeting|lens|class|video|session|background|room))", _O, (ZOOM,)),
    (r"(?:crash|snap|punch) zoom", _A, (ZOOM_IN.scaled(1.7),)),
    (r"(?:dolly zoom|zolly|(?:vertigo|hitchcock) (?:effect|shot|zoom))", _A, (VERTIGO,)),
    (r"vertigo", _C, (VERTIGO,)),
    (r"push(?:es|ing)?{obj}{adv} (?:in|closer|forward)(?! (?:line|the|a) )", _O, (ZOOM_IN,)),
    (r"(?:pull|back)(?:s|ing)?{obj}{adv} (?:out|back|away)(?! (?:the|a|his|her) )", _O, (ZOOM_OUT,)),
    (r"dolly(?:ing)?{obj}{adv} {in}", _A, (ZOOM_IN,)),
    (r"dolly(?:ing)?{obj}{adv} {out}", _A, (ZOOM_OUT,)),
    (r"dolly(?: shot)?(?! the)", _C, (ZOOM_IN,)),
    (r"ken burns(?: effect| style)?", _A, KEN_BURNS),
    # sideways and up
    (r"pan(?:s|ned|ning)?{obj}{adv}(?: from)?(?: the)? left to (?:the )?right", _A, (RIGHT,)),
    (r"pan(?:s|ned|ning)?{obj}{adv}(?: from)?(?: the)? right to (?:the )?left", _A, (LEFT,)),
    (r"(?:from )?(?:the )?left to (?:the )?right", _F, (RIGHT,)),
    (r"(?:from )?(?:the )?right to (?:the )?left", _F, (LEFT,)),
    (r"pan(?:s|ning)?{obj}{adv}{to} {left}(?! (?:behind|alone|unattended|on the (?:stove|table)))", _O, (LEFT,)),
    (r"pan(?:s|ning)?{obj}{adv}{to} {right}", _O, (RIGHT,)),
    (r"(?:left|leftward) pan", _A, (LEFT,)),
    (r"(?:right|rightward) pan", _A, (RIGHT,)),
    (r"pan(?:s|ning)?{obj}{adv}{to} {up}", _O, (UP,)),
    (r"pan(?:s|ning)?{obj}{adv}{to} {down}", _O, (DOWN,)),
    (r"{a pan}{to} {left}", _A, (LEFT,)), (r"{a pan}{to} {right}", _A, (RIGHT,)),
    (r"{a pan}{to} {up}", _A, (UP,)), (r"{a pan}{to} {down}", _A, (DOWN,)),
    (r"{a pan}(?! (?:of|flute|pizza|fried|with) )", _A, (PAN,)),
    (r"pan(?: shot| across| around)|panning(?: shot)?(?! for)", _O, (PAN,)),
    (r"pan(?:s|ning)?(?! (?:flute|pizza|fried))", _F, (PAN,)),
    (r"tilt(?:s|ing)?{obj}{adv}{to} {up}", _O, (UP,)),
    (r"tilt(?:s|ing)?{obj}{adv}{to} {down}", _O, (DOWN,)),
    (r"tilt(?:s|ing)?{obj}{adv}{to} {left}", _O, (COUNTER,)),
    (r"tilt(?:s|ing)?{obj}{adv}{to} {right}", _O, (CLOCKWISE,)),
    (r"tilt(?:s|ing)?(?! shift)", _F, (TILT,)),
    (r"{truck}{obj}{adv}{to} {left}(?! (?:the|his|her) )", _O, (LEFT,)),
    (r"{truck}{obj}{adv}{to} {right}", _O, (RIGHT,)),
    (r"(?:truck(?:s|ing)?|track(?:s|ing)?)(?! stop)", _F, (PAN,)),
    (r"(?:pedestal|crane|boom|jib)(?:s|ing)?(?: shot)?{obj}{adv} {up}", _O, (UP,)),
    (r"(?:pedestal|crane|boom|jib)(?:s|ing)?(?: shot)?{obj}{adv} {down}", _O, (DOWN,)),
    (r"(?:crane|pedestal|jib) shot", _A, (UP,)),
    (r"(?:ris(?:e|es|ing)|ascend(?:s|ing)?|lifts?)", _F, (UP,)),
    (r"(?:lower(?:s|ing)?|descend(?:s|ing)?|sinks?)", _F, (DOWN,)),
    # what the camera does by name
    (r"{go}{adv}{to} {left}", _F, (LEFT,)), (r"{move}{adv}{to} {left}", _A, (LEFT,)),
    (r"{go}{adv}{to} {right}", _F, (RIGHT,)), (r"{move}{adv}{to} {right}", _A, (RIGHT,)),
    (r"{go}{adv}{to} {up}", _F, (UP,)), (r"{move}{adv}{to} {up}", _A, (UP,)),
    (r"{go}{adv}{to} {down}", _F, (DOWN,)), (r"{move}{adv}{to} {down}", _A, (DOWN,)),
    (r"{go}{adv}{to} {in}", _F, (ZOOM_IN,)), (r"{move}{adv}{to} {in}", _A, (ZOOM_IN,)),
    (r"{go}{adv}{to} {out}", _F, (ZOOM_OUT,)), (r"{move}{adv}{to} {out}", _A, (ZOOM_OUT,)),
    # turning
    (r"{rotate}{obj}{adv}{to} (?:{cw}|right)|(?:turn|twist){obj}{adv} {cw}", _O, (CLOCKWISE,)),
    (r"{rotate}{obj}{adv}{to} (?:{ccw}|left)|(?:turn|twist){obj}{adv} {ccw}", _O, (COUNTER,)),
    (r"{rotates}{adv}{to} (?:{cw}|right)", _F, (CLOCKWISE,)),
    (r"{rotates}{adv}{to} (?:{ccw}|left)", _F, (COUNTER,)),
    (r"{cw}(?: (?:rotation|roll|spin|turn))?", _F, (CLOCKWISE,)), (r"{cw} (?:rotation|roll)", _O, (CLOCKWISE,)),
    (r"{ccw}(?: (?:rotation|roll|spin|turn))?", _F, (COUNTER,)), (r"{ccw} (?:rotation|roll)", _O, (COUNTER,)),
    (r"rotate(?! (?:the|his|her) )|rotate (?:the )?(?:camera|view|shot|frame|picture|photo|image)", _O, (ROLL,)),
    (r"rotat(?:es|ing|ion)|rolls|rolling|spins|spinning|twist(?:s|ing)", _F, (ROLL,)),
    (r"roll|spin|twist", _C, (ROLL,)),
    (r"barrel roll", _A, (ROLL.scaled(2.0),)),
    (r"dutch (?:angle|tilt)", _A, (ROLL,)),
    # round about
    (r"(?:orbit|arc|circl)(?:e|s|es|ing)?(?: shot)?{obj}{adv}{to} (?:{left}|{cw})", _O, (LEFT, CLOSER_A_BIT)),
    (r"(?:orbit|arc|circl)(?:e|s|es|ing)?(?: shot)?{obj}{adv}{to} (?:{right}|{ccw})", _O, (RIGHT, CLOSER_A_BIT)),
    (r"(?:orbit(?:ing)?|arc|360) shot", _A, (PAN, CLOSER_A_BIT)),
    (r"orbit(?: around)?", _O, (PAN, CLOSER_A_BIT)),
    (r"(?:orbit(?:s|ing)?|circl(?:e|es|ing)|arc(?:s|ing)?)(?: around)?", _F, (PAN, CLOSER_A_BIT)),
    # unsteady
    (r"camera shak(?:e|es|ing)|shak(?:y|ing) ?(?:cam|camera|shot|footage|video)|shake the camera", _A, (SHAKE,)),
    (r"shak(?:e|es|y|ing)|jitter(?:s|ing|y)?|vibrat(?:e|es|ing|ion)|trembl(?:es|ing)|wobbl(?:e|es|ing|y)",
     _F, (SHAKE,)),
    (r"hand ?held (?:camera|cam|shot|footage|video|style|look|feel|movement|motion|effect)", _A, (HANDHELD,)),
    (r"hand ?held(?= *(?:$|[,.;:!?]))", _O, (HANDHELD,)),
    (r"hand ?held", _F, (HANDHELD,)),
    # not at all
    (r"{still} (?:camera|cam|shot|frame|view|tripod)", _A, ()),
    (r"(?:no|without(?: any)?|zero) (?:camera )?(?:movement|motion|moves?)(?: of the camera)?", _C, ()),
    (r"(?:no|without(?: any)?|zero) camera (?:movement|motion|moves?)", _A, ()),
    (r"(?:do not|don't|dont|never) move the (?:camera|shot|view|frame)", _A, ()),
    (r"(?:do not|don't|dont|never) move(?: the camera)?", _C, ()),
    (r"(?:does not|doesn't|do not|don't) move", _F, ()),
    (r"{still}", _F, ()),
    (r"none|off|stop|tripod|nothing|hold", _C, ()),
    # alone among camera words, or as more of a move just named
    (r"{in}", _C, (ZOOM_IN,)), (r"(?:and|then|&) (?:back )?{in}", _N, (ZOOM_IN,)),
    (r"{out}", _C, (ZOOM_OUT,)), (r"(?:and|then|&) (?:back )?{out}", _N, (ZOOM_OUT,)),
    (r"{left}{more}", _N, (LEFT,)), (r"{right}{more}", _N, (RIGHT,)),
    (r"{up}{more}", _N, (UP,)), (r"{down}{more}", _N, (DOWN,)),
)  # fmt: skip

_VERBS = {
    "still": r"(?:static|still|fixed|stationary|locked(?: off| down)?|motionless)",
    "more": r"(?! (?:close|on|at|in|to|into|front|here|there|now|next|before|after|behind|against|by|the)(?![a-z]))",
    "truck": r"(?:truck(?:ing)?|track(?:s|ing)?|slid(?:e|es|ing)|dolly(?:ing)?)(?: shot)?",
    "rotates": r"(?:rotat(?:es|ing|ion)|roll(?:s|ing)?|spin(?:s|ning)?|twist(?:s|ing)?)",
    "rotate": r"(?:rotat(?:e|es|ed|ing|ion)|roll|spin)",
    "a pan": r"(?:slow|gentle|smooth|quick|fast|whip|horizontal|camera) pan",
    "go": r"(?:mov(?:e|es|ing)|glid(?:e|es|ing)|drift(?:s|ing)?|slid(?:e|es|ing)|travel(?:s|ing)?|fl(?:y|ies|ying)"
    r"|goes|go|pull(?:s|ing)?|push(?:es|ing)?|look(?:s|ing)?|turn(?:s|ing)?|swing(?:s|ing)?|sweep(?:s|ing)?)",
    "move": r"(?:mov(?:e|ing)|slide|push|pull|point|turn) (?:the |your )?(?:camera|cam|view|lens)",
}

_CHINESE: tuple[tuple[str, Reach, tuple[Move, ...]], ...] = (
    (r"(?:镜头|画面)?{慢}(?:放大(?!镜(?!头))|拉近|推近|推镜头?)|变焦推进", _A, (ZOOM_IN,)),
    (r"{慢}(?:推进|推入|推向|前推)", _O, (ZOOM_IN,)), (r"{慢}(?:靠近|前进|前移|向前|推(?![着开门车]))", _F, (ZOOM_IN,)),
    (r"(?:镜头|画面)?{慢}(?:缩小|拉远|拉镜头?|推远)", _A, (ZOOM_OUT,)),
    (r"{慢}(?:后拉|拉出|拉开)", _O, (ZOOM_OUT,)), (r"{慢}(?:远离|后退|后移|向后|拉(?![着开手住]))", _F, (ZOOM_OUT,)),
    (r"变焦", _O, (ZOOM,)),
    (r"希区柯克(?:式)?(?:变焦|镜头)?|滑动变焦|眩晕(?:镜头|效果)", _A, (VERTIGO,)),
    (r"肯·?伯恩斯(?:效果)?", _A, KEN_BURNS),
    (r"[从由]?左{朝}右{慢}{横}", _O, (RIGHT,)), (r"[从由]?右{朝}左{慢}{横}", _O, (LEFT,)),
    (r"[从由]?左{朝}右", _F, (RIGHT,)), (r"[从由]?右{朝}左", _F, (LEFT,)),
    (r"{朝}左{侧}{慢}{横镜}", _A, (LEFT,)), (r"{朝}右{侧}{慢}{横镜}", _A, (RIGHT,)),
    (r"{朝}左{侧}{慢}{横}|左[移摇]镜?头?|{横}{朝}左{侧}", _O, (LEFT,)),
    (r"{朝}右{侧}{慢}{横}|右[移摇]镜?头?|{横}{朝}右{侧}", _O, (RIGHT,)),
    (r"{朝}左{侧}", _F, (LEFT,)), (r"左{侧}", _C, (LEFT,)), (r"{朝}右{侧}", _F, (RIGHT,)), (r"右{侧}", _C, (RIGHT,)),
    (r"{慢}(?:平移|横移|横摇)", _O, (PAN,)), (r"{慢}(?:摇镜头?|平移镜头)", _A, (PAN,)),
    (r"{慢}(?:移动|运镜|摇(?![着晃头篮]))", _F, (PAN,)),
    (r"{朝}上{侧}{慢}(?:{横}|抬|仰)|上[移摇]|{横}{朝}上|升镜头?|抬高镜头|仰拍", _O, (UP,)),
    (r"{朝}下{侧}{慢}(?:{横}|俯|降)|下[移摇]|{横}{朝}下|降镜头?|降低镜头", _O, (DOWN,)),
    (r"{朝}上{侧}|{慢}(?:上升|升高|抬高|升起|抬起)", _F, (UP,)), (r"上", _C, (UP,)),
    (r"{朝}下{侧}|{慢}(?:下降|降低)", _F, (DOWN,)), (r"下", _C, (DOWN,)),
    (r"逆时针(?:方向)?{慢}(?:旋转|转动|转|滚动)?|{慢}(?:旋转|转动|转)逆时针", _O, (COUNTER,)),
    (r"顺时针(?:方向)?{慢}(?:旋转|转动|转|滚动)?|{慢}(?:旋转|转动|转)顺时针", _O, (CLOCKWISE,)),
    (r"{慢}旋转(?!木马|楼梯|餐厅|门|的|着的)|旋转(?:镜头|画面)", _O, (ROLL,)), (r"{慢}(?:转动|翻滚|滚动)", _F, (ROLL,)),
    (r"环绕(?:镜头|拍摄|运镜)", _A, (PAN, CLOSER_A_BIT)), (r"{慢}(?:环绕|围绕|绕)", _F, (PAN, CLOSER_A_BIT)),
    (r"镜头{慢}[抖晃震]动?|抖动镜头|画面[抖晃]动", _A, (SHAKE,)),
    (r"{慢}(?:抖动|晃动|震动|摇晃|抖)(?!的)", _O, (SHAKE,)),
    (r"手持(?:镜头|拍摄|摄影|相机|感|效果|风格)", _A, (HANDHELD,)), (r"手持", _F, (HANDHELD,)),
    (r"(?:静止|固定)的?(?:镜头|机位|相机|摄像机)", _A, ()),
    (r"(?:不要|别|不)(?:移动|动)(?:镜头|相机)|镜头(?:保持)?(?:不动|不移动|不要动|别动)|(?:没有|无)运镜", _A, ()),
    (r"静止|固定|不动|(?:不要|别|不)(?:移动|动)", _F, ()),
)  # fmt: skip

_CHINESE_PARTS = {
    "侧": r"(?:边|侧|方)?",
    "横镜": r"(?:平移镜头|摇镜头?|运镜|移镜头?|平移|横移|摇移|横摇)",
    "横": r"(?:平移镜头|摇镜头?|运镜|移镜头?|平移|横移|摇移|横摇|移动|摇动|移|摇|转)",
}


def _phrases(table: tuple[tuple[str, Reach, tuple[Move, ...]], ...], parts: dict[str, str]) -> tuple[Phrase, ...]:
    return tuple(Phrase(compiled(pattern, **parts), reach, moves) for pattern, reach, moves in table)


ENGLISH, CHINESE = _phrases(_ENGLISH, _VERBS), _phrases(_CHINESE, _CHINESE_PARTS)
