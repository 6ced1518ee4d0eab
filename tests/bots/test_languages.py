"""What holds for every language of the list: its tags, its plurals, what is typed in it, and the platforms' limits."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from babel.messages.catalog import Catalog as Messages
from babel.messages.pofile import read_po

from unstill_bots.actions.commands import COMMANDS, is_help
from unstill_bots.actions.option_offers import offers
from unstill_bots.discord.localized import (
    ANIMATE,
    ANIMATE_AVATAR,
    DESCRIPTIONS,
    OWN_NAMES,
    REPORT_CLIP,
    described,
    is_name,
)
from unstill_bots.discord.modals import LABEL_MOST, TITLE_MOST
from unstill_bots.intake.captions import parse
from unstill_bots.intake.served import Served
from unstill_bots.telegram.menu import CODES, menus
from unstill_bots.telegram.profile import texts
from unstill_bots.text.chat_replies import ChatReplies
from unstill_bots.text.extraction import path
from unstill_bots.text.language import Sentences
from unstill_bots.text.pairs import asks_for_both
from unstill_bots.text.parts import units
from unstill_bots.text.server_replies import ServerReplies
from unstill_bots.web.visitor import language_of
from unstill_config import languages
from unstill_config.catalog import Catalog
from unstill_config.languages import LANGUAGES, SOURCE, Language, closest, first_subtag, in_general
from unstill_engine.renderers.camera.words import direct
from unstill_queue.contract.codes import note
from unstill_queue.contract.errors import OptionError
from unstill_queue.contract.options import OPTIONS, find
from unstill_queue.contract.typed_words import LANGUAGES as TYPED

CATALOG = Catalog.load()
TRANSLATED = [language for language in LANGUAGES if language != SOURCE]
each_language = pytest.mark.parametrize("language", TRANSLATED)


# -- tags


@pytest.fixture
def several(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list with two languages of one first subtag, and one that names its region."""
    listed = {
        "en": Language("English"),
        "zh_CN": Language("简体中文"),
        "es": Language("Español"),
        "pt_BR": Language("Português"),
        "zh_TW": Language("繁體中文", also=("zh_Hant", "zh_HK", "zh_MO")),
    }
    monkeypatch.setattr(languages, "LANGUAGES", listed)


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("zh", "zh_CN"),
        ("zh-hans", "zh_CN"),
        ("zh-Hans-HK", "zh_CN"),
        ("zh-SG", "zh_CN"),
        ("zh-TW", "zh_TW"),
        ("ZH_tw", "zh_TW"),
        ("zh-HK", "zh_TW"),
        ("zh-hant", "zh_TW"),
        ("zh-Hant-HK", "zh_TW"),
        ("zh-Hant-CN", "zh_TW"),
        ("pt", "pt_BR"),
        ("pt-br", "pt_BR"),
        ("pt-PT", "pt_BR"),
        ("es-419", "es"),
        ("es-ES", "es"),
        ("en-US", "en"),
        ("fi", "en"),
        ("-", "en"),
        ("", "en"),
    ],
)
def test_a_tag_finds_the_language_of_its_script_or_region_else_the_first_one(
    several: None, tag: str, language: str
) -> None:
    assert closest(tag) == language


def test_of_several_languages_the_first_one_stands_for_them_all(several: None) -> None:
    assert [tag for tag in languages.LANGUAGES if in_general(tag)] == ["en", "zh_CN", "es", "pt_BR"]
    # and a browser gets the first that there is of what it accepts
    assert language_of("fi, zh-HK;q=0.8, zh;q=0.9") == "zh_CN"
    assert language_of("fi, zh-HK;q=0.9, en;q=0.8") == "zh_TW"


@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_language_finds_itself_by_each_tag_that_it_names(tag: str) -> None:
    assert closest(tag) == closest(tag.replace("_", "-").lower()) == tag
    assert all(closest(each) == tag for each in LANGUAGES[tag].also)
    # Telegram knows two letters
    assert all(re.fullmatch("[a-z]{2}", code) for code in CODES if code)
    assert first_subtag(tag) in CODES or tag == SOURCE


# -- sentences

TYPED_AS_IT_IS = re.compile(r"(?<!\w)/[a-z]+|--[a-z][a-z-]+|UNSTILL_[A-Z_]+|@\w+|`[^`]+`|platform:id")


def spoken(language: str) -> Messages:
    with path(language).open("rb") as file:
        return read_po(file, locale=language)


def sentences(language: str) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return each message of a language with its translations; several of both where it has a plural."""

    def several(text: object) -> tuple[str, ...]:
        return (text,) if isinstance(text, str) else tuple(text) if isinstance(text, list | tuple) else ()

    return [(several(message.id), several(message.string)) for message in spoken(language) if message.id]


@each_language
def test_plurals_are_by_the_language_s_own_rule(language: str) -> None:
    known, own = spoken(language), Messages(language)
    assert (known.num_plurals, known.plural_expr) == (own.num_plurals, own.plural_expr)
    assert {len(strings) for ids, strings in sentences(language) if len(ids) > 1} == {own.num_plurals}
    # and the right one is said
    said = Sentences(language)
    shown = {said.ngettext("{count} clip waits.", "{count} clips wait.", count) for count in range(1, 30)}
    assert len({re.sub(r"\d+", "", text) for text in shown}) in (own.num_plurals, own.num_plurals - 1)


@each_language
def test_punctuation_and_line_breaks_are_those_of_the_sentence(language: str) -> None:
    for ids, strings in sentences(language):
        for text in strings:
            assert text == text.strip() and "  " not in text, text
            assert text.count("\n") == ids[-1].count("\n"), text
            # what is typed stays as it is read: commands, options, names of settings
            assert sorted(TYPED_AS_IT_IS.findall(text)) == sorted(TYPED_AS_IT_IS.findall(ids[-1])), text


OTHERWISE = {
    "de": r"\b(Ihnen|Ihr(e[nmrs]?)?|\w+en Sie)\b",
    "es": r"\b[Uu]sted(es)?\b",
    "fr": r"\b([Vv]ous(?! a bloqués, toi)|[Vv]otre|[Vv]os|vôtres?)\b|\b(?!assez|chez|Assez|Chez)\w+ez\b",
    "pt_BR": r"\b([Tt]u|[Tt]ua?s?|[Tt]eus?|ti)\b",
    "ru": r"\b([Тт]ы|тебя|тебе|твой|твоя|твоё|твои|твоего)\b",
    "zh_CN": "您",
    "zh_TW": "您",
}
"""By what a language would address people another way than its other sentences do."""
TERMS = {
    "de": [("bestell", "anfordern")],
    "es": [("alarg", "continuar"), ("aviso", "denuncia")],
    "fr": [("allong", "prolonger")],
    "ru": [("снимка", "картинка"), ("ришлите", "отправьте")],
    "ja": [("いちばん", "一番"), ("長くできる", "続きを作る"), ("往復", "ループ"), ("オプション", "設定項目")],
    "zh_CN": [("短片", "视频"), ("拉近", "推近"), ("往返", "首尾相接")],
}
"""Words for which another one stands in the other sentences."""


@each_language
def test_people_are_addressed_in_one_way_and_things_have_one_name(language: str) -> None:
    said = [text for _, strings in sentences(language) for text in strings]
    pattern = OTHERWISE.get(language)
    assert [text for text in said if pattern and re.search(pattern, text)] == []
    for other, term in TERMS.get(language, []):
        assert [text for text in said if other in text] == [], f"{other}: it is called {term}"
    # and the look at a clip, and the preset, are two things
    early, preset = (Sentences(language).gettext(name).lower() for name in ("Early look", "Preview"))
    assert early != preset


@each_language
def test_quotes_and_apostrophes_are_those_of_the_language(language: str) -> None:
    for ids, strings in sentences(language):
        for text in strings:
            begins, ends = map(str.strip, LANGUAGES[language].quotes)
            assert text.count(begins) == text.count(ends) >= ids[-1].count("“"), text
            assert not (set("„“”«»「」") - {begins, ends}) & set(text), text
            assert language != "fr" or not re.search(r"\w'\w", text), text


# -- what is typed


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_replies_say_that_an_option_takes_can_be_typed(language: str) -> None:
    said, typed = Sentences(language), TYPED[language]
    # Given yes and no as they are said, When one is typed, Then it is taken
    for words, value in ((typed.yes, True), (typed.no, False)):
        for word in words.split():
            assert parse(f"waves --loop {word}", CATALOG).given == {"loop": value}, word
        assert any(word in said.gettext("yes or no").lower() for word in words.split())
        assert said.gettext("yes" if value else "no").lower() in words.split()
    # and units, glued or not
    for option, unit in (("seconds", "seconds"), ("num_frames", "frames"), ("resolution", "px")):
        named = said.gettext(unit).lower()
        number = "512" if unit == "px" else "10"
        for text in (f"{number} {named}", f"{number}{named}"):
            assert parse(f"waves --{option} {text}", CATALOG).given == {option: int(number)}, text
    for word in typed.unset.split():
        assert parse(f"waves --seconds {word}", CATALOG).given == {}, word
        # a name is never taken for that
        assert not any(word in {*option.choices_in(CATALOG), *option.synonyms} for option in OPTIONS), word
    for word in typed.random.split():
        assert find("seed").leaves_open(word), word


@pytest.mark.parametrize("language", LANGUAGES)
def test_decimals_are_written_as_in_the_language_and_may_be_typed_so(language: str) -> None:
    said = ChatReplies(language)
    point = "." if language in ("en", "zh_CN", "zh_TW", "ja") else ","
    # Given what an option takes, When its number is typed as it is said, Then it is taken
    takes = said.allowed(find("seconds").allowed(CATALOG))
    least = f"0{point}2"
    assert re.findall(r"\d+[.,]\d+", takes) == [least]
    assert parse(f"waves --seconds {least}", CATALOG).given == {"seconds": 0.2}
    # and so is what is wrong, and what is near it
    with pytest.raises(OptionError) as raised:
        parse(f"waves --seconds 5{point}5", CATALOG, "i2vgen-xl")
    assert f"5{point}5" in said.option_error(raised.value)
    with pytest.raises(OptionError) as raised:
        parse("waves --seconds 0.0001", CATALOG)
    assert f"0{point}0001" in said.option_error(raised.value)
    # and there is none between thousands, nor behind a whole number
    assert [said.number(number) for number in (1234.5, 24.0)] == [f"1234{point}5", "24"]
    # What somebody typed stays as it was
    assert "2.5" in said.note(note("option_overruled", asked="2.5", chosen="--seconds 3"))


# -- limits


def test_menus_and_profiles_fit_on_telegram() -> None:
    for _, _, offered in menus():
        assert all(1 <= len(command.description) <= 256 for command in offered)
    for name, _, text in texts():
        assert 1 <= len(text) <= (120 if name == "short_description" else 512), text


UNDER_A_BUTTON: list[Callable[[ChatReplies], str]] = [
    ChatReplies.settings_for_admins,
    ChatReplies.already,
    ChatReplies.deleted,
    ChatReplies.cannot_delete,
    ChatReplies.not_your_clip,
    ChatReplies.not_yours,
    ChatReplies.cannot_cancel,
    ChatReplies.unknown_job,
    ChatReplies.no_longer_there,
    ChatReplies.unproven_words,
    ChatReplies.nothing_to_delete,
    lambda replies: replies.unproven("/delete@a_bot_with_a_long_name_bot"),
]
"""What Telegram shows for a moment, or in a window with a button: 200 characters."""


@each_language
def test_what_is_said_under_a_button_fits(language: str) -> None:
    replies = ChatReplies(language)
    for say in UNDER_A_BUTTON:
        assert 1 <= units(say(replies)) <= 200, say(replies)


@each_language
def test_commands_options_and_forms_fit_on_discord_without_being_cut(language: str) -> None:
    replies = ServerReplies(language)
    names = [replies.translated(name).lower() for name in (*OWN_NAMES, *COMMANDS)]
    options = [replies.translated(option.name).lower() for option in OPTIONS]
    assert all(map(is_name, (*names, *options))), [name for name in (*names, *options) if not is_name(name)]
    own = {replies.translated(name).lower() for name in ("image", "prompt")}
    assert len({*options, *own}) == len(options) + 2
    for text in DESCRIPTIONS.values():
        assert 1 <= len(replies.translated(text)) <= 100, replies.translated(text)
    for option in OPTIONS:
        assert not described(option, CATALOG, replies).endswith("…"), option.name
    for text in (ANIMATE, ANIMATE_AVATAR, REPORT_CLIP):
        assert 1 <= len(replies.translated(text)) <= 32
    served = Served.of(CATALOG, set(CATALOG.models), "camera")
    for option in OPTIONS:
        if option.catalogue:
            for title, _ in offers(option, served, replies, "i2vgen-xl"):
                assert 1 <= len(title) <= 100, title
    assert len(replies.modal_title()) <= TITLE_MOST
    labels = [replies.modal_picture(), *replies.modal_options()]
    for text in (*labels, *(replies.modal_words(draws=synthetic) for synthetic in (True, False))):
        assert 1 <= len(text) <= LABEL_MOST, text


# -- words that are shown and may be typed


@each_language
def test_camera_words_that_are_shown_move_the_camera_as_the_english_ones(language: str) -> None:
    said = ChatReplies(language)
    shown = ["Zoom in slowly, then pan left --seconds 3", "Zoom in slowly", *CATALOG.models["camera"].moves]
    for text in shown:
        typed = parse(said.translated(text), CATALOG, "camera")
        english = parse(text, CATALOG, "camera")
        assert typed.given == english.given, text
        assert axes(typed.prompt) == axes(english.prompt), said.translated(text)


def axes(prompt: str) -> set[tuple[str, int]]:
    """Return which ways a camera goes."""
    return {(str(move.axis), move.direction) for move in direct(prompt, "")}


@each_language
def test_words_that_are_quoted_do_what_is_said_of_them(language: str) -> None:
    said = ChatReplies(language)
    two = said.gettext("Two pictures sent together become one clip by words such as “from this one to that one”.")
    assert asks_for_both(quoted(two)), two
    zoom = said.gettext("How should the camera move? Write a few words, such as “zoom in”, or choose:")
    assert axes(quoted(zoom)) == {("zoom", 1)}, zoom
    assert is_help(said.gettext("help"))


@pytest.mark.parametrize(
    ("words", "both"),
    [
        ("verwandle das erste in das zweite Bild", True),
        ("ein Übergang zwischen den beiden Bildern", True),
        ("ein Mann geht von links nach rechts", False),
        ("de la primera imagen a la segunda", True),
        ("empieza con la primera y termina con la segunda", True),
        ("la ola va de izquierda a derecha", False),
        ("transforme la première en la seconde", True),
        ("une transition entre les deux images", True),
        ("elle passe la seconde et file de gauche à droite", False),
        ("from one photo to the other", True),
        ("from one side to the other", False),
        ("von einem Bild zum anderen", True),
        ("von einem Ufer zum anderen", False),
        ("de una foto a la otra", True),
        ("de un lado a otro", False),
        ("d’une image à l’autre", True),
        ("d’une rive à l’autre", False),
        ("从一张照片变到另一张", True),
    ],
)
def test_a_clip_of_two_pictures_is_asked_for_in_ones_own_language(words: str, both: bool) -> None:
    assert asks_for_both(words) is both


def quoted(text: str) -> str:
    """Return what stands in the quotes of a sentence."""
    found = re.search("[“„«「『]\\s*(.+?)\\s*[”“»」』]", text)
    assert found, text
    return found[1]
