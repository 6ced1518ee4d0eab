"""Replies: every sentence, in every language we have, complete; and none anywhere else."""

from __future__ import annotations

import ast
import importlib.util
import re
import string
from collections.abc import Callable, Iterator, Set
from pathlib import Path
from typing import get_args

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.bots.able_models import with_abilities

import unstill_bots
from unstill_bots.actions.commands import nearest, offered
from unstill_bots.discord.marks import Markdown
from unstill_bots.intake.captions import parse
from unstill_bots.intake.pictures import PictureError
from unstill_bots.intake.served import Served
from unstill_bots.telegram.marks import Html
from unstill_bots.text.advice import Advice
from unstill_bots.text.chat_replies import ChatReplies
from unstill_bots.text.extraction import messages, path
from unstill_bots.text.pages import Item, Page, Section
from unstill_bots.text.parts import units
from unstill_bots.text.replies import CAPTION_LENGTH, Replies
from unstill_bots.text.sentences import ADVICE, ALLOWED, FAILURES, NOTES, PICTURES, WITHOUT
from unstill_config.catalog import Catalog
from unstill_config.languages import LANGUAGES, SOURCE
from unstill_config.platforms import PLATFORMS
from unstill_queue.contract import codes
from unstill_queue.contract.errors import Allowed, OptionError, QuotaExceeded
from unstill_queue.contract.jobs import Cancelled, Failed, Parameters, Progress, Succeeded
from unstill_queue.contract.options import LAST_IMAGE, OPTIONS, PROMPT_MAX
from unstill_queue.contract.resolving import allowed_by, resolve
from unstill_queue.storage.folder import Why

CATALOG = Catalog.load()
PACKAGE = Path(unstill_bots.__file__).parent
EN, ZH = Replies("en"), Replies("zh-hans")
TRANSLATED = [language for language in LANGUAGES if language != SOURCE]


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def catalogue(language: str) -> dict[str, Message]:
    with path(language).open("rb") as file:
        read = read_po(file, locale=language)
    return {message.id if isinstance(message.id, str) else message.id[0]: message for message in read if message.id}


def succeeded(prompt: str = "Waves", notes: tuple[str, ...] = (), synthetic: bool = True) -> Succeeded:
    parameters = Parameters(model="camera", prompt=prompt, seed=7, num_frames=72, fps=24, resolution=512)
    return Succeeded(
        clip="clips/x", size=1, width=640, height=480, duration=3.0, fps=24, parameters=parameters,
        synthetic=synthetic, render_seconds=1.0, notes=notes,
    )  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_are_quoted_as_in_the_language_and_fit(language: str) -> None:
    begins, ends = LANGUAGES[language].quotes
    text = Replies(language).clip_text(succeeded("Waves and more waves " * 5), ())
    # Given room for all of the words, and for a part of them
    whole = len(text.plain())
    assert text.plain(whole).startswith(f"{begins}Waves") and f"waves {ends}\n" in text.plain(whole)
    assert f"…{ends}\n" in text.plain(whole - 1) and len(text.plain(whole - 1)) <= whole - 1


# -- the catalogue is complete


def test_extraction_finds_the_sentences_of_code_options_and_catalogues() -> None:
    found = {message if isinstance(message, str) else message[0] for message in messages(CATALOG)}

    assert {
        "You are next.",
        "{count} other is ahead of you.",
        "{option} cannot be {value}: it takes {allowed}.",
    } <= found
    for table in (FAILURES, WITHOUT, PICTURES, NOTES, ADVICE):
        assert {sentence if isinstance(sentence, str) else sentence[0] for sentence in table.values()} <= found
    assert {option.help for option in OPTIONS} <= found
    assert {preset.help for preset in CATALOG.presets.values()} <= found


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_sentence_is_translated_with_the_same_placeholders(language: str) -> None:
    known = catalogue(language)

    for message in messages(CATALOG):
        ids = (message,) if isinstance(message, str) else message
        translated = known[ids[0]]
        strings = (translated.string,) if isinstance(translated.string, str) else tuple(translated.string or ())
        assert all(strings), f"not translated: {ids[0]}"
        assert not translated.fuzzy
        for number, text in enumerate(strings):
            # the form of one alone need not name how many
            one = len(strings) == 2 and number == 0
            assert placeholders(text) in [placeholders(ids[0 if one else -1]), placeholders(ids[-1])], ids[0]
            # a word that is the same in both bears the comment "same"; nothing else may be as in English
            assert text not in ids or "same" in translated.user_comments, f"not translated: {ids[0]}"


@pytest.mark.parametrize("language", TRANSLATED)
def test_the_catalogue_holds_nothing_that_is_no_longer_said(language: str) -> None:
    found = {message if isinstance(message, str) else message[0] for message in messages(CATALOG)}

    assert set(catalogue(language)) == found


# -- and nothing is said elsewhere

SPEAKING = {"say", "revise", "deliver", "call", "show", "echo", "print", "_answer", "_show_text"}
SILENT = {"sentences.py", "replies.py", "guide_words.py", "extraction.py"}


def spoken_literals(source: str) -> Iterator[tuple[int, str]]:
    """Literal sentences handed to a call that shows them to a person."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name not in SPEAKING:
            continue
        for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
            for part in ast.walk(argument):
                if isinstance(part, ast.Constant) and isinstance(part.value, str) and is_sentence(part.value):
                    yield node.lineno, part.value


def is_sentence(text: str) -> bool:
    return re.search(r"[^\W\d_]{2,} [^\W\d_]{2,}|[\u4e00-\u9fff]{2,}", text) is not None


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("await chat.say(to, 'Your clip is ready.')", ["Your clip is ready."]),
        ("chat.revise(to, note, text=f'You are {n} in line')", ["You are ", " in line"]),
        ("chat.say(to, '已经完成')", ["已经完成"]),
        ("chat.say(to, replies.failed(Failed('too_big', '')))", []),
        ("log.info('the status message is gone')", []),
    ],
)
def test_the_search_for_sentences_finds_them(code: str, found: list[str]) -> None:
    assert [text for _, text in spoken_literals(code)] == [text for text in found if is_sentence(text)]


def test_no_front_end_shows_a_sentence_of_its_own() -> None:
    found = [
        f"{file.relative_to(PACKAGE)}:{line}: {text}"
        for file in PACKAGE.rglob("*.py")
        if file.name not in SILENT
        for line, text in spoken_literals(file.read_text("utf-8"))
    ]

    assert found == []


# -- languages


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("zh", "zh_CN"),
        ("zh-hans", "zh_CN"),
        ("zh-CN", "zh_CN"),
        ("en-GB", "en"),
        ("fi", "en"),
        ("", "en"),
    ],
)
def test_a_platform_s_tag_finds_the_closest_language(tag: str, language: str) -> None:
    assert Replies(tag).language == language


SAYINGS: list[Callable[[Replies], str]] = [
    lambda replies: replies.received(),
    lambda replies: replies.received(0),
    lambda replies: replies.queued(3, 130),
    lambda replies: replies.queued(1, None),
    lambda replies: replies.queued(None),
    lambda replies: replies.progress(Progress("loading")),
    lambda replies: replies.progress(Progress("encoding")),
    lambda replies: replies.progress(Progress("rendering")),
    lambda replies: replies.progress(Progress("rendering", 3, 10)),
    lambda replies: replies.progress(Progress("rendering", 3, 10, 42.0)),
    lambda replies: replies.disclosure(True),
    lambda replies: replies.disclosure(False),
    lambda replies: replies.disclosure(True, filled=True),
    lambda replies: replies.disclosure(True, 0),
    lambda replies: replies.disclosure(True, 2),
    lambda replies: replies.cancelled("telegram:1"),
    lambda replies: replies.cancelled("system"),
    lambda replies: replies.call(succeeded()),
    lambda replies: replies.call(Failed("x", "")),
    lambda replies: replies.call(Cancelled("system")),
    lambda replies: replies.no_picture(),
    lambda replies: replies.not_yours(),
    lambda replies: replies.cannot_cancel(),
    lambda replies: replies.unknown_job(),
    lambda replies: replies.engine_offline(),
    *(
        lambda replies, q=quota, s=scope: replies.quota(QuotaExceeded(q, s, 5, 5))
        for quota in ("jobs", "seconds")
        for scope in ("person", "chat")
    ),
    *(lambda replies, s=seconds: replies.duration(s) for seconds in (0, 5, 40, 130, 7200, 1e9)),
]


@pytest.mark.parametrize("say", SAYINGS)
def test_every_saying_is_said_in_both_languages(say: Callable[[Replies], str]) -> None:
    english, chinese = say(EN), say(ZH)

    assert english
    assert not re.search(r"[\u4e00-\u9fff]", english)
    assert re.search(r"[\u4e00-\u9fff]", chinese)
    assert not re.search(r"[A-Za-z]{3,}", chinese)
    assert "{" not in english + chinese


def test_figures_stand_in_their_places() -> None:
    assert EN.queued(3, 130) == "2 others are ahead of you. Ready in about 3 min."
    assert EN.queued(2) == "1 other is ahead of you."
    assert EN.queued(1, 20) == "You are next. Ready in about 20 s."
    assert ZH.queued(3, 130) == "前面还有 2 个任务。约 3 分钟后完成。"
    assert EN.progress(Progress("rendering", 12, 50, 41)) == "Rendering: 24 %, about 45 s left."


@settings(max_examples=200)
@given(st.floats(allow_nan=True, allow_infinity=True))
def test_any_duration_can_be_said(seconds: float) -> None:
    assert EN.duration(seconds)


# -- outcomes


def test_a_clip_says_what_it_is_and_how_it_was_made() -> None:
    text = EN.done(succeeded(notes=("picture_first_frame", "frames_changed:16", "new_code")), Advice("speed"))

    assert text.splitlines() == [
        "“Waves”",
        "3 s, 640 × 480, seed 7.",
        "Made by AI from a still picture.",
        "The picture moves already; its first frame was used.",
        "The model makes 16 frames, the nearest it can to what was asked.",
        "Tip: Say in which direction or how fast; “slow motion” often helps.",
    ]
    assert "AI drew none of it" in EN.done(succeeded(synthetic=False))
    filled = EN.done(replace(succeeded(), filled=True))
    assert "AI judged its depth, and what it hides was filled in." in filled and "Made by AI" not in filled


@settings(max_examples=100)
@given(st.text(max_size=600), st.integers(40, 1200))
def test_the_text_under_a_clip_is_never_too_long(prompt: str, length: int) -> None:
    for replies in (EN, ZH):
        assert len(replies.done(succeeded(prompt), Advice("subject"), length=length)) <= length
        assert len(replies.done(succeeded("{x}" + prompt), Advice("subject"))) <= CAPTION_LENGTH


@pytest.mark.parametrize("replies", [EN, ZH], ids=["en", "zh_CN"])
def test_every_failure_is_said_and_an_unknown_one_too(replies: Replies) -> None:
    said = {code: replies.failed(with_parameters(code)) for code in (*codes.FAILURES, "new_code")}

    assert said["new_code"] == said["unknown"]
    assert len(set(said.values())) == len(codes.FAILURES)
    assert not any("INTERNAL" in text or "{" in text or "?" in text for text in said.values())


def with_parameters(code: str) -> Failed:
    return Failed(code, "INTERNAL", dict.fromkeys(codes.FAILURES.get(code, ()), "7"))


def test_the_table_of_codes_and_the_sentences_are_of_one_mind() -> None:
    # Given the table that queue, engine and front ends share, Then there is one sentence for each code, and no other
    assert sorted(codes.FAILURES) == sorted([*FAILURES, *PICTURES])
    # and each says just what its code's parameters say
    for code, sentence in (FAILURES | PICTURES).items():
        many = sentence if isinstance(sentence, str) else sentence[1]
        assert placeholders(many) == codes.FAILURES[code], code


@pytest.mark.parametrize("code", codes.FAILURES)
def test_a_failure_is_said_in_each_language_in_its_own_words(code: str) -> None:
    english = EN.failed(with_parameters(code))

    for language in TRANSLATED:
        assert Replies(language).failed(with_parameters(code)) != english


@pytest.mark.parametrize("replies", [EN, ZH], ids=["en", "zh_CN"])
def test_what_the_former_version_wrote_is_said_without_parameters(replies: Replies) -> None:
    # Given its failures, which had an English sentence and no parameters
    for code in (code for code in FAILURES if codes.FAILURES[code]):
        said = replies.failed(Failed(code, "The English of the former version. Try again."))
        # Then they are said by their code, and nothing is missing in the sentence
        assert said == replies.gettext(WITHOUT[code])
        assert not {"?", "{"} & set(said) and "former" not in said
    # and its refusals were sentences already
    assert replies.failed(Failed(codes.SAID, "{x} 不行?")) == "{x} 不行?"


@pytest.mark.parametrize(
    ("tries", "said"),
    [
        ("1", "The engine stopped while it"),
        ("2", "The engine stopped 2 times while"),
        ("some", "The engine stopped some times"),
    ],
)
def test_how_often_the_engine_stopped_is_said_as_it_was(tries: str, said: str) -> None:
    assert said in EN.failed(Failed("engine_lost", details={"tries": tries}))


FAILING = {
    "Failed", "JobError", "ClipError", "EncoderKilled", "RenderError", "EngineError", "NotLoaded", "FetchError",
    "PictureError", "Unfit",
}  # fmt: skip


def failures_in(package: str, calls: Set[str] = FAILING) -> Iterator[tuple[str, set[str]]]:
    """The failure codes that a package's source names, and the parameters beside them; read without importing it."""
    spec = importlib.util.find_spec(package)
    assert spec is not None and spec.submodule_search_locations
    for file in Path(spec.submodule_search_locations[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                code = node.args[0] if node.args else None
                if name in calls and isinstance(code, ast.Constant) and isinstance(code.value, str):
                    yield code.value, named(node)


def named(call: ast.Call) -> set[str]:
    """The parameters that a call gives by name, or in a dictionary."""
    keywords = {keyword.arg or "" for keyword in call.keywords} - {"details"}
    dictionaries = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "details")]
    keys = (key for each in dictionaries if isinstance(each, ast.Dict) for key in each.keys)
    return keywords | {key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}


def test_every_failure_that_the_code_names_is_in_the_table_with_its_parameters() -> None:
    packages = ("unstill_queue", "unstill_engine", "unstill_bots")
    found = [failure for package in packages for failure in failures_in(package)]

    # and those that are put together from what the system says of a folder
    put_together = {f"{what}_{why}" for what in ("disk", "storage") for why in get_args(Why)}

    assert {"engine_lost", "too_big", "picture_too_many_bytes"} <= {code for code, _ in found}
    assert put_together | {code for code, _ in found} <= set(codes.FAILURES)
    for code, parameters in found:
        assert parameters - {"reason"} in (codes.FAILURES[code], set()), code
        assert parameters or not codes.FAILURES[code] or code in WITHOUT or code in PICTURES, code


@pytest.mark.parametrize("replies", [EN, ZH], ids=["en", "zh_CN"])
def test_every_note_is_said_with_its_parameters(replies: Replies) -> None:
    # Given the notes that a clip can have, Then each has one sentence, which says just what its parameters say
    assert sorted(codes.NOTES) == sorted(NOTES)
    for code, sentence in NOTES.items():
        assert placeholders(sentence) == codes.NOTES[code], code
    said = [replies.note(codes.note(code, **dict.fromkeys(names, "7"))) for code, names in codes.NOTES.items()]
    assert len(set(said)) == len(codes.NOTES)
    assert not any({"{", "?"} & set(text) for text in said)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("memory_split", ("memory_split", {"value": ""})),
        ("smaller:480x320", ("smaller", {"value": "480x320"})),
        ("prompt_shortened:wie a=b, c:d", ("prompt_shortened", {"wie a": "b", "value": "wie a=b, c:d"})),
        ("memory_fewer:asked=8,chosen=4", ("memory_fewer", {"asked": "8", "chosen": "4", "value": "asked=8,chosen=4"})),
    ],
)
def test_notes_are_read_as_the_former_version_wrote_them(text: str, read: tuple[str, dict[str, str]]) -> None:
    assert codes.read_note(text) == read
    code, parameters = read
    named = {name: value for name, value in parameters.items() if name in codes.NOTES[code]}
    assert codes.note(code, **named) == text


def test_every_note_that_the_engine_names_is_in_the_table_with_its_parameters() -> None:
    found = [call for call in failures_in("unstill_engine", {"note"}) if call[0]]

    assert len(found) >= 10
    assert all(codes.NOTES.get(code, frozenset({"no such code"})) == parameters for code, parameters in found), found


def sentences_on_the_wire(source: str) -> Iterator[int]:
    """The lines where a failure is given a message beside its code."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and (getattr(node.func, "id", "") or getattr(node.func, "attr", "")) == "Failed":
            messages = [*node.args[1:2], *(keyword.value for keyword in node.keywords if keyword.arg == "message")]
            if any(isinstance(message, ast.JoinedStr | ast.Constant) for message in messages):
                yield node.lineno


@pytest.mark.parametrize("package", ["unstill_queue", "unstill_engine"])
def test_no_sentence_crosses_the_wire_beside_a_code(package: str) -> None:
    assert list(sentences_on_the_wire("Failed('x')\nFailed('x', 'No.')\njobs.Failed('x', message=f'{y}')")) == [2, 3]

    spec = importlib.util.find_spec(package)
    assert spec is not None and spec.submodule_search_locations
    files = Path(spec.submodule_search_locations[0]).rglob("*.py")

    assert {file: lines for file in files if (lines := [*sentences_on_the_wire(file.read_text("utf-8"))])} == {}


@pytest.mark.parametrize("code", PICTURES)
def test_a_picture_s_refusal_says_the_same_in_its_exception_and_in_english(code: str) -> None:
    details = {name: "7" for name in placeholders(PICTURES[code])}
    error = PictureError(code, details)

    assert EN.picture_error(error) == str(error)
    assert ZH.picture_error(error) != str(error)


# -- options


def test_what_options_take_is_said_by_a_sentence_for_each_code() -> None:
    assert sorted(ALLOWED) == sorted(codes.ALLOWED)
    assert all(placeholders(sentence) == codes.ALLOWED[code] for code, sentence in ALLOWED.items())

    found = [*failures_in("unstill_queue", {"Allowed"}), *failures_in("unstill_bots", {"Allowed"})]
    assert {code for code, _ in found} >= {"names", "flag", "text", "with_model", "seconds_at_fps"}
    assert all(codes.ALLOWED.get(code, frozenset({"no such code"})) == parameters for code, parameters in found), found


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_what_an_option_takes_is_said_in_both_languages(option: object) -> None:
    declared = next(one for one in OPTIONS if one == option)
    allowed = declared.allowed(CATALOG)
    names = {word for name in declared.choices_in(CATALOG) for word in re.findall(r"[A-Za-z]{3,}", name)}

    assert EN.allowed(allowed) and not {"{", "?"} & set(EN.allowed(allowed))
    assert set(re.findall(r"[A-Za-z]{3,}", ZH.allowed(allowed))) <= names
    assert declared.name in ZH.option_help(declared, CATALOG)


@pytest.mark.parametrize(
    ("caption", "english", "chinese"),
    [
        ("--sead 7", "There is no option --sead. Did you mean --seed?", "没有 --sead 这个选项。你是指 --seed 吗？"),
        (
            "--qqqq",
            "There is no option --qqqq. The help lists them all.",
            "没有 --qqqq 这个选项。帮助中列出了全部选项。",
        ),
        (
            "--seconds 99",
            "--seconds cannot be 99: it takes 0.334 to 20 seconds at 24 fps. Did you mean 20?",
            "--seconds 不能是 99：可以是 0.334 到 20 秒（每秒 24 帧）。你是指 20 吗？",
        ),
        ("--fade=x", "--fade cannot be x: it takes yes or no.", "--fade 不能是 x：可以是 是或否。"),
        ("--fade --seed", "--seed needs a value: it takes a whole number from 0 to 4294967295.", None),
        ("x" * 33_000, "Your words are too long: this takes text of up to 6000 characters. Shorten them.", None),
        (
            "--fps 60 --seconds 12",
            "--seconds cannot be 12: it takes 0.134 to 8 seconds at 60 fps. Did you mean 8?",
            "--seconds 不能是 12：可以是 0.134 到 8 秒（每秒 60 帧）。你是指 8 吗？",
        ),
    ],
)
def test_a_wrong_option_is_explained(caption: str, english: str, chinese: str | None) -> None:
    with pytest.raises(OptionError) as refusal:
        parse(caption, CATALOG, "camera")

    assert EN.option_error(refusal.value) == english
    if chinese is not None:
        assert ZH.option_error(refusal.value) == chinese


def test_words_with_braces_are_only_words() -> None:
    assert "{0.__class__}" in EN.option_error(OptionError("{x}", "{0.__class__}", Allowed("names", names="{y}")))


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_help_is_short_and_its_pages_list_everything(language: str, platform: str) -> None:
    able = with_abilities(CATALOG, "i2vgen-xl", LAST_IMAGE)
    replies, everything = ChatReplies(language), Served.of(able, set(able.models), "i2vgen-xl", rewrites=True)
    help = str(replies.overview(offered(platform), draws=True))
    tips = [str(replies.tips(draws=draws)) for draws in (True, False)]
    pages = "\n".join([str(replies.options(everything)), str(replies.presets(everything)), *tips])

    # what not every model does is said where it is served
    two, none = [replies.abilities(Served.of(able, {model}, model)) for model in ("i2vgen-xl", "camera")]
    assert len(two) == 1 and none == ()
    assert two[0] in str(replies.overview(offered(platform), draws=True, also=two)) and two[0] not in help
    # one line a command under a few headings, and no option
    assert all(f"\n/{command.name}: " in help for command in offered(platform))
    assert help.count("--") == 1
    assert len(help.split("\n")) < 25
    assert all(f"--{name}" in pages for option in OPTIONS for name in (option.name, *option.aliases))
    assert all(f"\n{name}: " in pages for name in CATALOG.presets)
    assert sum(page.count("\n") for page in tips) == len(ADVICE)
    assert "{" not in help + pages


def test_the_help_promises_nothing_but_what_is_served() -> None:
    replies, served = ChatReplies("en"), Served.of(CATALOG, {"camera"}, "i2vgen-xl")
    pages = (
        replies.overview(offered("telegram"), draws=served.draws),
        replies.options(served),
        replies.presets(served),
        replies.tips(draws=served.draws),
    )
    text = "\n".join(map(str, pages))

    assert "i2vgen-xl" not in text
    assert "--negative_prompt" not in text
    assert "clouds, light" not in text
    assert "Waves rolling" not in text
    assert text.count("Zoom in slowly") == 3


@pytest.mark.parametrize("model", CATALOG.models)
def test_the_help_advises_nothing_that_the_model_refuses(model: str) -> None:
    served = Served.of(CATALOG, {model}, model)
    for replies in (EN, ChatReplies("zh_CN")):
        options = str(ChatReplies(replies.language).options(served))
        for option in served.options:
            # Given what the help says that an option takes
            allowed = allowed_by(option, CATALOG.models[model], served.offered)
            assert replies.allowed(allowed) in options
            # When the least, the most or any name of that is typed, Then it is taken
            bounds = [allowed.details[bound] for bound in ("least", "most", "only") if bound in allowed.details]
            names = allowed.details["names"].split(", ") if "names" in allowed.details else []
            for value in ["yes"] if allowed.code == "flag" else [] if allowed.code == "text" else [*bounds, *names]:
                caption = parse(f"waves --{option.name} {value}", CATALOG, model)
                resolve(caption.prompt, caption.given, CATALOG, default_model=model)
    # and all examples of the pages can be sent as they are
    replies = ChatReplies("en")
    said = (replies.overview([], draws=served.draws), replies.options(served), replies.presets(served))
    examples = re.findall(r"^.*(?:Zoom in|Waves).* --.*$", "\n".join(map(str, said)), re.MULTILINE)
    assert len(examples) == 3
    for example in examples:
        parse(example, CATALOG, model)


def test_the_help_says_of_each_model_what_it_takes_where_they_differ_and_advises_no_guidance_that_is_refused() -> None:
    both = Served.of(CATALOG, set(CATALOG.models), "camera")
    page = str(ChatReplies("en").options(both))
    assert "Camera, Depth: a whole number from 8 to 480 frames; I2VGen-XL: a whole number from 8 to 32 frames" in page
    assert "Camera, Depth: 256, 512, 720, 768, 1024, 1080; I2VGen-XL: 512, 768, 1024" in page

    fixed = CATALOG.models["i2vgen-xl"]
    fixed = fixed.model_copy(update={"ranges": {**fixed.ranges, "guidance_scale": (1.0, 9.0)}})
    narrow = CATALOG.model_copy(update={"models": {"i2vgen-xl": fixed}})
    for catalog, said in ((CATALOG, True), (narrow, False)):
        served = Served.of(catalog, {"i2vgen-xl"}, "i2vgen-xl")
        tips = str(ChatReplies("en").tips(draws=served.draws, guided=served.guided))
        assert ("set the guidance" in tips) is said


def test_what_is_typed_is_set_apart_and_a_command_can_be_pressed_on_each_platform() -> None:
    page = Page(
        (Section("A & <b>", (Item("/queue: *your* </b> clips, /nothing", ("--s", "a_b")), Item("or and/queue"))),)
    )
    discord = Markdown()
    discord.links["queue"] = "</queue:7>"

    assert page.drawn(Html()) == (
        "<b>A &amp; &lt;b&gt;</b>\n"
        "<code>--s</code>, <code>a_b</code>: /queue: *your* &lt;/b&gt; clips, /nothing\n"
        "or and/queue"
    )
    assert page.drawn(discord) == (
        "**A & <b>**\n`--s`, `a_b`: </queue:7>: \\*your\\* </b> clips, /nothing\nor and/queue"
    )
    assert str(page) == "A & <b>\n--s, a_b: /queue: *your* </b> clips, /nothing\nor and/queue"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("animat", "There is no command /animat. Did you mean /animate?"),
        ("setings", "There is no command /setings. Did you mean /settings?"),
        ("imagine", "There is no command /imagine. Send /help to see them all."),
        ("x", "There is no command /x. Send /help to see them all."),
    ],
)
def test_a_command_that_is_none_is_answered_in_one_line(name: str, said: str) -> None:
    assert ChatReplies("en").unknown_command(name, nearest(name, "telegram")) == said


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_what_is_made_of_the_longest_words_still_fits(language: str) -> None:
    replies = ChatReplies(language)
    words = "海浪 & 🌊 " * (PROMPT_MAX // 7)

    # an attachment's description takes 1,024 characters, as the platform counts them
    assert 900 < units(replies.alt_text(words)) <= 1024
    # and what is to be copied stands in one message, or is left to the person's own
    assert len(replies.ask_anew("a" * 1024).drawn(Html())) < 4096
    assert "a" * 50 not in str(replies.ask_anew("a" * 4000))
