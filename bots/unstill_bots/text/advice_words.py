"""The words that the guide looks for, in English and Chinese."""

from __future__ import annotations

import msgspec


class Words(msgspec.Struct, frozen=True):
    """Latin ones match as whole words, Chinese ones anywhere."""

    latin: tuple[str, ...]
    chinese: tuple[str, ...]


def _words(latin: str, chinese: str) -> Words:
    return Words(tuple(word.replace("_", " ") for word in latin.split()), tuple(chinese.split()))


ACTIONS = _words(
    "move moves blow blows flow flows roll rolls drift drifts fall falls rise rises fly flies run runs walk walks "
    "dance dances jump jumps turn turns spin spins smile smiles laugh laughs wave blink blinks nod nods sway sways "
    "burn burns flicker flickers glow glows shine shines ripple ripples crash crashes swim swims drive drives "
    "float floats look looks talk talks speak speaks breathe breathes wag wags open opens close closes grow grows "
    "bloom blooms melt melts explode explodes splash splashes pour pours rain rains snow snows swing swings "
    "zoom zooms pan pans tilt tilts rotate rotates orbit orbits dolly shake shakes pass passes ride rides animate",
    "动 走 跑 跳 飞 飘 流 滚 涌 落 升 转 笑 眨 挥 点头 摇 燃烧 闪 发光 荡漾 游 行驶 说话 呼吸 开放 盛开 融化 爆炸 "
    "飞溅 倒 下雨 下雪 吹 旋 推 拉近 拉远 放大 缩小 平移 漂 翻 起伏 经过 骑",
)
DIRECTIONS = _words(
    "left right up down upward upwards downward downwards forward forwards backward backwards away toward towards "
    "in out into across around through over past along clockwise counterclockwise closer behind",
    "左 右 上 下 前 后 远 近 向 朝 顺时针 逆时针 穿过 沿着 周围",
)
SPEEDS = _words(
    "slow slowly slow-motion gentle gently soft softly fast quick quickly rapid rapidly sudden suddenly calm calmly "
    "steadily gradually timelapse time-lapse wildly gracefully",
    "慢 缓 轻 快 迅速 猛 突然 渐渐 逐渐 平稳 延时",
)
SMOOTH = _words("natural naturally smooth smoothly fluid fluidly gracefully gently", "自然 流畅 平滑 顺滑 柔和 轻轻")
PLACES = _words(
    "sky sea ocean beach lake river mountain mountains forest street city night sunset sunrise dawn dusk sun light "
    "rain snow fog mist room studio background wind field park garden desert stars moon clouds underwater indoors "
    "outdoors",
    "天空 海 湖 河 山 森林 街 城市 夜 日落 日出 阳光 光 雨 雪 雾 房间 背景 风 田 公园 花园 沙漠 星 月 云 水下 室内",
)
LETTERING = _words(
    "poster posters text letters lettering sign signs logo logos menu book newspaper subtitle subtitles caption "
    "banner label",
    "海报 文字 字母 招牌 标志 标识 菜单 书本 报纸 字幕 横幅 标签",
)
BUSY = _words("crowd crowds crowded busy market leaves confetti pattern patterned", "人群 拥挤 集市 热闹 图案 树叶")
CAMERA = _words(
    "zoom zooms zooming pan pans panning tilt tilts tilting rotate rotates rotating roll dolly truck pedestal orbit "
    "push pull shake handheld camera static still closer away",
    "镜头 放大 缩小 拉近 拉远 推近 推进 平移 摇镜 左移 右移 上移 下移 向左 向右 旋转 抖动 手持 静止 环绕",
)

USUAL_VERB = "moving gently"
USUAL_VERB_ZH = "轻轻摆动"
SUGGESTIONS: tuple[tuple[Words, str, str], ...] = (
    (_words("sea ocean wave waves beach water lake river", "海 浪 水 湖 河"), "rolling in", "翻滚"),
    (_words("cloud clouds sky fog mist smoke", "云 天空 雾 烟"), "drifting", "飘动"),
    (
        _words("hair dress flag grass tree trees flower flowers leaf", "头发 裙 旗 草 树 花 叶"),
        "swaying in the wind",
        "随风摇摆",
    ),
    (_words("fire flame flames candle candles", "火 蜡烛"), "flickering", "闪烁"),
    (_words("dog cat puppy kitten horse bird", "狗 猫 马 鸟"), "turning its head", "转头"),
    (
        _words("man woman boy girl child person people face portrait she he", "男 女 孩 人 脸 肖像 她 他"),
        "smiling and turning",
        "微笑着转头",
    ),
    (_words("car cars train bus boat ship bike plane", "车 船 飞机"), "driving past", "驶过"),
    (_words("city street night light lights", "城市 街 夜 灯"), "glowing", "闪烁"),
)
