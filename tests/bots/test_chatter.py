"""Words that ask for nothing are told from wishes, in every language that has such words."""

from __future__ import annotations

import pytest

from unstill_bots.text.chatter import is_again, is_chatter

CHATTER = [
    "wow nice!",
    "thanks",
    "Thank you so much!!!",
    "thx :)",
    "That's so cooool 😍😍",
    "soooo niceee",
    "love it!",
    "I love this, great job",
    "hahahaha",
    "LOL",
    "Hello?",
    "good morning everyone",
    "ok",
    "10/10",
    "🔥🔥🔥",
    "<3",
    "👩‍🚀❤️",
    "...",
    "Danke schön!",
    "Das sieht ja echt super aus!!",
    "guten Morgen alle",
    "¡Muchas gracias!",
    "¡Qué bonito quedó!",
    "jajaja",
    "Merci beaucoup !",
    "C'est vraiment magnifique",
    "谢谢！",
    "太棒了👍",
    "哈哈哈哈",
    "你好",
    "真好看啊",
    "谢谢 thanks!",
    "this is the best clip",
]
WISHES = [
    "",
    "nice, but slower please",
    "slower",
    "waves",
    "zoom in",
    "a man waves hello",
    "hello kitty dances",
    "again",
    "he smiles",
    "ha ha land in the rain",
    "thanks, now with rain",
    "--seed 7",
    "make it 5s long",
    "fire",
    "schön, aber langsamer bitte",
    "die Wellen",
    "noch langsamer",
    "bonito, pero más lento",
    "las olas",
    "joli, mais plus lent",
    "les vagues",
    "很好看，但是慢一点",
    "再慢一点",
    "海浪",
    "wave",
    "x" * 1000,
]


@pytest.mark.parametrize("words", CHATTER)
def test_thanks_praise_greetings_laughter_and_emoji_ask_for_nothing(words: str) -> None:
    assert is_chatter(words)
    assert not is_again(words)


@pytest.mark.parametrize("words", WISHES)
def test_whatever_says_more_is_a_wish(words: str) -> None:
    assert not is_chatter(words)


@pytest.mark.parametrize(
    "words",
    [
        "again",
        "Again!",
        "again please",
        "nice, again",
        "one more time",
        "再来一次",
        "再来一个吧",
        "好，再来一次",
        "Noch einmal bitte",
        "super, nochmal",
        "otra vez, por favor",
        "genial, una vez más",
        "encore une fois, s'il te plaît",
    ],
)
def test_the_same_once_more_is_told_from_other_words(words: str) -> None:
    assert is_again(words) and not is_chatter(words)


@pytest.mark.parametrize("words", ["again with rain", "noch einmal mit Regen", "another dog runs", "slower", "", "🔁"])
def test_what_says_more_than_again_is_not_only_that(words: str) -> None:
    assert not is_again(words)
