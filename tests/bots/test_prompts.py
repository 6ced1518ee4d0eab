"""Few words become a prompt by a language model, and whatever it does, there is a clip of the person's own words."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from pydantic import SecretStr
from tests.bots.test_courier import FrontEnd
from tests.bots.test_preparation import LARGE
from tests.prompt_endpoint import (
    PROMPT,
    Answer,
    PromptEndpoint,
    body,
    closes,
    completion,
    endless,
    hangs_up,
    says,
    status,
)
from tests.waiting import until

from unstill_bots.actions.preferences import Preferences
from unstill_bots.actions.switching import switch
from unstill_bots.actions.variations import AGAIN, LOOP, vary
from unstill_bots.host.circuit import Circuit
from unstill_bots.host.frontend import Services
from unstill_bots.host.prompt_findings import prompt_findings
from unstill_bots.host.troubles import prompts as trouble
from unstill_bots.intake import captions
from unstill_bots.intake.rewriter import PromptRewriter
from unstill_bots.intake.rewritten import LARGEST, Unusable, prompt_of
from unstill_bots.intake.rules import Terms
from unstill_bots.safety.words import WordList
from unstill_bots.terminal.recipe_caption import caption_of
from unstill_bots.text.chat_replies import ChatReplies
from unstill_config.catalog import Catalog
from unstill_config.errors import ConfigError
from unstill_config.prompt import Guide, Prompt
from unstill_config.settings import Quota, Settings
from unstill_queue.contract.jobs import Job, Request, Requester, Succeeded
from unstill_queue.contract.recipe import Recipe
from unstill_queue.redis.embedded import EmbeddedValkey
from unstill_queue.storage.base import Storage

CATALOG = Catalog.load()
EN = ChatReplies("en")
FREE = Quota(person_jobs=0, chat_jobs=0, person_seconds=0, chat_seconds=0)
DRAWS = "--model i2vgen-xl --seed 7"
SOON = 0.2
"""Seconds after which nobody waits any more, where a test is about that."""


@pytest.fixture(scope="module")
def server() -> Iterator[PromptEndpoint]:
    with PromptEndpoint().running() as endpoint:
        yield endpoint


@pytest.fixture
def endpoint(server: PromptEndpoint) -> PromptEndpoint:
    for kept in (server.bodies, server.headers, server.paths, server.then):
        kept.clear()
    server.answer = says(PROMPT)
    return server


Make = Callable[..., FrontEnd]


@pytest.fixture
async def make(valkey: EmbeddedValkey, storage: Storage, endpoint: PromptEndpoint) -> AsyncIterator[Make]:
    fronts: list[FrontEnd] = []

    def made(**prompt: object) -> FrontEnd:
        own = Prompt.model_validate({"url": endpoint.url, "model": "qwen", **prompt})
        fronts.append(FrontEnd(valkey.url, Settings(quota=FREE, prompt=own), storage))
        fronts[-1].chat.picture = LARGE
        # they share a server, and each asks for clips of its own
        fronts[-1]._count = 100 * len(fronts)
        return fronts[-1]

    yield made
    for front in fronts:
        await front.client.close()


async def job_of(front: FrontEnd, words: str) -> Job:
    """Ask for a clip, and return its job."""
    return await job(front, await front.queued(words))


async def job(front: FrontEnd, request: Request) -> Job:
    async def queued() -> bool:
        return (await front.ledger.read(request.id)).job is not None

    await until(queued, "the job")
    found = (await front.ledger.read(request.id)).job
    assert found is not None
    return found


async def finished(front: FrontEnd, made: Job) -> None:
    claim = await front.ledger.claim(made.parameters.model, made.id, "engine")
    assert claim is not None
    key = await front.storage.put(b"mp4 bytes", kind="clips", suffix=".mp4")
    synthetic = CATALOG.models[made.parameters.model].synthetic
    assert await front.ledger.finish(claim, Succeeded(key, 9, 64, 48, 2.0, 8.0, made.parameters, synthetic, 0.5))


async def test_few_words_become_a_prompt_and_the_answer_shows_both(make: Make, endpoint: PromptEndpoint) -> None:
    front = make(key=SecretStr("sk-one"))

    # Given a wish in another language, for a model that reads English
    made = await job_of(front, f"las olas {DRAWS}")

    # Then the model is given the prompt, and the job knows the person's own words
    assert (made.parameters.prompt, made.own_words, made.words) == (PROMPT, "las olas", "las olas")
    # and the endpoint was asked once, by the rules of that model, and told nothing of who asks
    assert (endpoint.paths, endpoint.wishes) == (["/v1/chat/completions"], ["las olas"])
    assert endpoint.headers[0]["Authorization"] == "Bearer sk-one"
    assert endpoint.bodies[0].keys() == {"model", "messages", "stream"} and endpoint.bodies[0]["model"] == "qwen"
    assert "Write in English, whatever language the wish is in." in endpoint.rules[0]
    assert "at most 40 words" in endpoint.rules[0] and "I2VGen-XL" in endpoint.rules[0]
    assert "a photo that you do not see" in endpoint.rules[0] and not endpoint.pictures
    assert made.requester.user not in json.dumps(endpoint.bodies) and made.id not in json.dumps(endpoint.bodies)

    # When the clip is there
    await finished(front, made)
    assert await front.courier.deliver(made.id)

    # Then the person reads their words, and what was made of them
    said = front.chat.now[-1]
    assert "“las olas”" in said and f"A language model made this prompt of the words: “{PROMPT}”" in said
    # and where words are covered, no note shows the prompt; nobody is told how to mend what they did not write
    endpoint.answer = says("Sea foam")
    hidden = await job(front, await front.queued(f"las olas {DRAWS}", spoiler=True))
    await finished(front, hidden)
    assert await front.courier.deliver(hidden.id)
    shown = front.chat.edited[-1].text
    assert shown.covered and "→ Sea foam" in shown.words and not any("foam" in note for note in shown.notes)
    assert shown.tip == ""


async def test_no_tip_shows_words_that_are_covered(make: Make, endpoint: PromptEndpoint) -> None:
    front = make()
    for spoiler, says_it in ((False, True), (True, False)):
        # Given a wish that a camera cannot fulfil
        made = await job(front, await front.queued("a dog dancing --model camera", spoiler=spoiler))
        await finished(front, made)
        assert await front.courier.deliver(made.id)
        # Then the tip says which one, but where the words are hidden
        assert ("dancing" in front.chat.edited[-1].text.tip) is says_it


async def test_a_recipe_has_both_and_makes_the_same_clip_without_asking(make: Make, endpoint: PromptEndpoint) -> None:
    front = make()
    made = await job_of(front, f"waves {DRAWS} --steps 20")
    recipe = Recipe("AI", "i2vgen-xl", made.parameters, made.finish, "Unstill", own_words=made.own_words)

    # Given its recipe as a clip carries it
    read = Recipe.load(recipe.dump())
    assert (read.own_words, read.parameters.prompt) == ("waves", PROMPT)
    assert PROMPT in read.comment() and "The person's words: waves." in read.comment()

    # When the same is asked for, by what the recipe says
    again = await job_of(front, str(caption_of(read, CATALOG)))

    # Then the model is given the same, and nobody was asked
    assert again.parameters == made.parameters
    assert endpoint.wishes == ["waves"]


async def test_another_clip_of_the_same_words_has_the_same_prompt_and_new_words_a_new_one(
    make: Make, endpoint: PromptEndpoint
) -> None:
    front = make()
    made = await job_of(front, f"waves {DRAWS}")
    await finished(front, made)

    for action in (AGAIN, LOOP):
        # When a button asks for another seed, or for a loop
        varied = await vary(await front.ledger.read(made.id), action, EN, front.pipeline, press=action)
        assert varied.request is not None
        other = await job(front, varied.request)
        # Then its prompt is the same, and nobody was asked; what is shown are the person's words
        assert (other.parameters.prompt, other.own_words) == (PROMPT, "waves")
        assert (other.parameters.seed != made.parameters.seed) == (action == AGAIN)
    assert endpoint.wishes == ["waves"]

    # When that clip's words are changed, they are the person's
    record = await front.ledger.read(made.id)
    assert captions.completed("--seed 9", record.request.words, CATALOG, "i2vgen-xl").startswith("waves ")
    # When one that waits is made by a model that is served instead, Then it is asked anew, as its guide is another
    waits = await front.queued(f"rain {DRAWS}")
    await front.ledger.engine("one", "wan-ti2v-5b", b"info")
    await until(lambda: _serves(front, "wan-ti2v-5b"), "the engine's being known")
    assert (await switch(await front.ledger.read(waits.id), EN, front.pipeline))[1]
    await until(lambda: endpoint.wishes == ["waves", "rain", "rain"], "the question")
    assert "English or Chinese" in endpoint.rules[2]
    # and a prompt that was kept is not used where the host's list has a word of it by now
    front.pipeline.safety.use(WordList(["palm leaves"]))
    kept = replace(front.request(f"waves {DRAWS}"), rewritten=PROMPT)
    assert await front.pipeline.enter(kept, start=False) and await front.pipeline.prepare(kept)
    assert (await job(front, kept)).parameters.prompt == "waves"


async def test_nothing_is_asked_where_words_are_to_stay_as_they_are(make: Make, endpoint: PromptEndpoint) -> None:
    front = make()
    # Given words that say so, words for a camera, which reads them itself, no words, and a sign that is none
    for words, kept in (
        (f"waves --exact {DRAWS}", "waves"), ("waves, zoom in --model camera", "waves, zoom in"),
        (DRAWS, ""), (f"… {DRAWS}", "…"),
    ):  # fmt: skip
        made = await job_of(front, words)
        assert (made.parameters.prompt, made.own_words) == (kept, "")
    # and a person who set it
    own = Preferences(exact=True)
    request = await front.pipeline.request(_pending(front), f"waves {DRAWS}", own=own)
    assert captions.parse(request.words, CATALOG).given["exact"] is True
    # and a chat that did
    front.rules = _exact
    assert (await job_of(front, f"waves {DRAWS} --exact no")).own_words == ""

    assert endpoint.bodies == []
    # Then only words that leave it open are rewritten, of which weights are taken off before
    front.rules = _free
    assert (await job_of(front, f"🌊 {DRAWS}")).own_words == "🌊"
    endpoint.bodies.clear()
    assert (await job_of(front, f"(waves:1.3) {DRAWS}")).own_words == "waves"
    assert endpoint.wishes == ["waves"]


async def test_what_a_person_set_since_holds_for_their_older_words(make: Make, endpoint: PromptEndpoint) -> None:
    # Given a clip of Ann's own words, as nothing was written, who then wants her words to stay as they are
    front, endpoint.answer = make(), status(400)
    made = await job_of(front, f"waves {DRAWS}")
    await finished(front, made)
    endpoint.answer = says(PROMPT)
    await front.pipeline.preferences.set(made.requester.person, Preferences(exact=True))

    # When she presses Again, Then her words go nowhere
    varied = await vary(await front.ledger.read(made.id), AGAIN, EN, front.pipeline, press="1")
    assert varied.request is not None
    assert (await job(front, varied.request)).parameters.prompt == "waves"
    assert endpoint.wishes == ["waves"]
    # but where she says so
    assert (await job_of(front, f"rain --exact no {DRAWS}")).parameters.prompt == PROMPT
    await front.pipeline.preferences.forget(made.requester.person)


async def _exact(request: Request) -> Terms:
    return Terms(rules=Preferences(exact=True))


async def _free(request: Request) -> Terms:
    return Terms()


async def _serves(front: FrontEnd, model: str) -> bool:
    return (await front.pipeline.serving.now()).names == (model,)


def _pending(front: FrontEnd) -> Any:
    class Pending:
        older = None

        def request(self, words: str, *, id: str | None = None) -> Request:
            return front.request(words)

    return Pending()


async def test_an_endpoint_that_sees_is_shown_a_small_copy(make: Make, endpoint: PromptEndpoint) -> None:
    # Given a photo of 960x720 pixels, and one that is stored already
    await job_of(make(sees=True), f"waves {DRAWS}")
    # Then a small copy goes along, without anything of the file but its pixels
    [seen] = endpoint.pictures
    assert (seen.format, seen.size) == ("JPEG", (512, 384))
    assert not dict(seen.getexif()) and not seen.info.keys() & {"exif", "icc_profile"}
    assert "the photo that you see" in endpoint.rules[0]


DEEP = b'{"choices": ' + b"[" * 5000
BAD: dict[str, Answer] = {
    "closed in the middle": closes,
    "closed at once": hangs_up,
    "too many requests": status(429),
    "an error": status(500),
    "not found": status(404),
    "a redirect": status(302, Location="http://127.0.0.1:1/"),
    "no JSON": body(b"<html>502 Bad Gateway</html>"),
    "other JSON": body(b'{"error": {"message": "model not found"}}'),
    "cut JSON": body(json.dumps(completion(PROMPT)).encode()[:-9]),
    "deep JSON": body(DEEP),
    "no UTF-8": body(b'{"choices": [{"message": {"content": "\xff\xfe"}}]}'),
    "no choice": body(b'{"choices": []}'),
    "no words": says(None),
    "parts": says([{"type": "text", "text": PROMPT}]),
    "cut": says(PROMPT, "length"),
    "filtered": says(PROMPT, "content_filter"),
    "packed": body(gzip.compress(json.dumps(completion(PROMPT)).encode()), Content_Encoding="gzip"),
    "endless": endless,
    "huge": says("waves " * 100_000),
    "padded": body(json.dumps(completion(PROMPT)).encode() + b" " * LARGEST),
}


async def written(rewriter: PromptRewriter, user: str, words: str = "waves") -> str | None:
    wish = await rewriter.wish(words, CATALOG.models["i2vgen-xl"], 0, None, Requester("telegram", user, user))
    return await rewriter.prompt(wish, CATALOG, lambda text: False) if wish else None


@pytest.mark.parametrize("how", BAD)
async def test_whatever_it_answers_no_prompt_is_made_of_it(endpoint: PromptEndpoint, how: str) -> None:
    endpoint.answer = BAD[how]
    assert await written(PromptRewriter(Prompt(url=endpoint.url, model="qwen")), "ann") is None
    assert len(endpoint.bodies) == 1


async def test_where_no_prompt_is_made_there_is_a_clip_of_the_persons_own_words(
    make: Make, endpoint: PromptEndpoint
) -> None:
    # Given one that fails, one that writes what cannot be used, and one that is slow
    for answer in (status(500), says("waves --seed 3"), endpoint.silent):
        endpoint.answer = answer
        made = await job_of(make(seconds=SOON), f"waves {DRAWS}")
        assert (made.parameters.prompt, made.own_words, made.notes) == ("waves", "", ())
    assert len(endpoint.bodies) == 3


async def test_nobody_waits_for_one_that_is_slow_and_one_that_is_gone_is_no_trouble(endpoint: PromptEndpoint) -> None:
    # Given one that is slow in either way, Then own words are used, until it is no longer asked
    for answer in (endpoint.silent, endpoint.drips):
        rewriter = PromptRewriter(Prompt(url=endpoint.url, model="qwen", seconds=SOON))
        endpoint.answer = answer
        while not rewriter.is_away:
            assert await written(rewriter, "ann") is None
        endpoint.answer, before = says(PROMPT), len(endpoint.bodies)
        assert await written(rewriter, "ann") is None
        assert len(endpoint.bodies) == before > 0
    # Given nobody at that address, and one to which no header can be sent
    before = len(endpoint.bodies)
    gone = Prompt(url="http://127.0.0.1:1/v1", model="qwen")
    for prompt in (gone, Prompt(url=endpoint.url, model="qwen", key=SecretStr("schlüssel-中"))):
        assert await written(PromptRewriter(prompt), "ann") is None
    assert len(endpoint.bodies) == before


async def test_whose_wishes_make_it_slow_takes_it_from_nobody_else(endpoint: PromptEndpoint) -> None:
    circuit = Circuit()
    hasty = PromptRewriter(Prompt(url=endpoint.url, model="qwen", seconds=SOON), circuit=circuit)
    patient = PromptRewriter(Prompt(url=endpoint.url, model="qwen"), circuit=circuit)
    # Given somebody for whose wishes it never ends
    endpoint.answer = endpoint.silent
    while circuit.is_ready("telegram:mallory"):
        assert await written(hasty, "mallory", "everything there is") is None
    # Then others are answered, and they themselves are not asked for
    endpoint.answer = says(PROMPT)
    assert await written(patient, "mallory") is None
    assert await written(patient, "ann") == PROMPT
    # until it has answered somebody
    assert await written(patient, "mallory") == PROMPT

    # When it does not take a wish, then it lives all the same
    for answer in (status(400), status(422)):
        endpoint.answer = answer
        for user in ("ann", "bob", "cleo", "dan"):
            assert await written(patient, user) is None
    endpoint.answer = says(PROMPT)
    assert await written(patient, "ann") == PROMPT


async def test_a_dead_endpoint_is_not_asked_for_each_photo_and_its_host_is_told(
    make: Make, endpoint: PromptEndpoint, storage: Storage
) -> None:
    now = [0.0]
    front = make()
    rewriter = PromptRewriter(front.pipeline.settings.prompt, circuit=Circuit(clock=lambda: now[0]))
    services = Services(front.pipeline.settings, CATALOG, front.client, storage, None, rewriter=rewriter)  # type: ignore[arg-type]  # no picture is read

    async def photos(count: int, *users: str) -> list[str | None]:
        """What is written for so many photos of each person, one after the other."""
        return [await written(rewriter, user) for _ in range(count) for user in users or ("ann",)]

    # Given six photos of one person while it fails, Then it is asked three times
    endpoint.answer = status(500)
    assert await photos(6) == [None] * 6
    assert len(endpoint.bodies) == 3
    # and once it has failed for three people, it is asked for nobody
    assert await photos(1, "bob", "cleo", "dan", "eve") == [None] * 4
    assert len(endpoint.bodies) == 5
    [result] = await trouble(services)
    assert result.bad and "own words are used" in result.say(EN)

    # When time has passed, one asks, and for longer then nobody
    now[0] = 31.0
    await photos(3, "dan", "eve")
    assert len(endpoint.bodies) == 6
    now[0] = 31.0 + 31.0
    await photos(1, "dan", "ann", "fay")
    assert len(endpoint.bodies) == 6

    # When it answers again, Then all are asked, and the host is told
    now[0], endpoint.answer = 200.0, says(PROMPT)
    assert await photos(1, "dan", "ann", "eve") == [PROMPT] * 3
    [result] = await trouble(services)
    assert not result.bad and "again" in result.well(EN)
    assert len(endpoint.bodies) == 9
    # One that writes nothing that may be used is not dead
    endpoint.answer = says("Sorry, I cannot help with that.")
    await photos(2, "ann", "bob", "cleo")
    assert len(endpoint.bodies) == 15
    # and one that says when to come again is left alone until then
    endpoint.answer = status(429, Retry_After="50")
    await photos(1, "ann", "bob")
    now[0], endpoint.answer = 249.0, says(PROMPT)
    assert await photos(1, "ann", "bob") == [None, None]
    assert len(endpoint.bodies) == 16
    now[0] = 251.0
    assert await photos(1) == [PROMPT]


async def test_the_hosts_list_of_words_holds_for_what_is_written(make: Make, endpoint: PromptEndpoint) -> None:
    front = make()
    front.pipeline.safety.use(WordList(["forbidden fruit"]))
    endpoint.answer = says("Waves roll in past a Forbidden-Fruit.")
    assert (await job_of(front, f"waves {DRAWS}")).parameters.prompt == "waves"


LATIN, ANY = Guide(words=40), Guide(languages=("Klingon",), words=40)


@pytest.mark.parametrize(
    ("written", "prompt"),
    [
        (PROMPT, PROMPT),
        (f'  "{PROMPT}"\n', PROMPT),
        (f"<think>They want waves --seed 3.\n@all</think>\n\n{PROMPT}", PROMPT),
        (f"```text\n{PROMPT}\n```", PROMPT),
        (f"**Prompt:** {PROMPT}", PROMPT),
        (f"Here is the rewritten prompt:\n\n“{PROMPT}”", PROMPT),
        ("# Waves\n- roll **slowly**\n- toward the *shore*", "Waves roll slowly toward the shore"),
        ("Waves\x00 roll\x1b[31m in\u202e slowly\u200b.", "Waves roll[31m in slowly."),
        ("((Waves)) roll in (slowly:1.4).", "Waves roll in slowly."),
        ("Waves roll in.Slowly, at dawn.", "Waves roll in. Slowly, at dawn."),
    ],
)
def test_the_prompt_is_found_in_what_is_written(written: str, prompt: str) -> None:
    assert prompt_of(written, LATIN, CATALOG) == prompt


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("", "empty"),
        ("   \n\x00 ", "empty"),
        ("... 123 !", "empty"),
        ("<think>I should say waves, but never end", "empty"),
        ("waves " * 200, "too_long"),
        ('{"prompt": "waves"}', "garbled"),
        ("waves --seed 3", "options"),
        ("waves —steps 100", "options"),
        ("waves roll in seed=3", "options"),
        ("waves --ar 16:9 --v 6", "options"),
        ("waves, -no people", "options"),
        ("waves::1 people::-0.5", "options"),
        ("waves for @everyone", "link"),
        ("waves for <@123456789>", "link"),
        ("waves ＠someone", "link"),
        ("waves, see https://example.com", "link"),
        ("waves at t.me/joinchat", "link"),
        ("waves roll past пример.рф, slowly, over the wide sunny beach at dawn", "link"),
        ("waves, then /forgetme", "link"),
        ("<b>waves</b>", "link"),
        ("I'm sorry, but I can't help with that.", "refusal"),
        ("As an AI language model, I do not see pictures.", "refusal"),
        ("抱歉，我无法满足这个要求。", "refusal"),
        ("海浪缓缓涌向岸边，夕阳温暖。", "language"),
        ("Волны медленно катятся к берегу.", "language"),
    ],
)
def test_what_is_no_prompt_is_not_taken(written: str, reason: str) -> None:
    with pytest.raises(Unusable) as caught:
        prompt_of(written, LATIN, CATALOG)
    assert caught.value.reason == reason


NASTY = (
    "waves", "roll", "slowly", " ", "\n", "\n- ", "--", "-", "—", "seed", " --seed 3", "seed=3", "::", "::-1", "(", ")",
    "[", "]", ":1.4", "@", "＠", "all", "<", ">", "|", "*", "**", "_", "`", "```", "#", "/", "/start", "https://",
    ".com", ".", ",", "“", '"', "\u202e", "\u200b", "\x00", "\x1b", "<think>", "</think>", "Negative prompt: ",
    "Steps: 20, ", "\\", "{", "5 seconds", "中", "!",
)  # fmt: skip


@given(st.lists(st.sampled_from(NASTY), max_size=12).map("".join))
@settings(max_examples=400, deadline=None)
def test_whatever_is_written_is_words_alone_where_it_is_taken(written: str) -> None:
    try:
        prompt = prompt_of(written, ANY, CATALOG)
    except Unusable:
        return
    # Then it reads back as itself, as a recipe's words are read, and sets nothing, where the length is given
    caption = captions.parse(f"{prompt} --num_frames 16", CATALOG, "i2vgen-xl")
    assert (caption.prompt, caption.given, caption.notes) == (prompt, {"num_frames": 16}, ())
    # and it names nobody, and nothing in it is unseen
    assert not set(prompt) & set("@＠<>\n\x00\x1b\u200b\u202e") and not re.search(r"(^|\s)/\w|://", prompt)


def test_a_model_that_reads_chinese_gets_it() -> None:
    wan = CATALOG.models["wan-ti2v-5b"].guide
    assert prompt_of("海浪缓缓涌向岸边。", wan, CATALOG) == "海浪缓缓涌向岸边。"
    assert prompt_of("bIQ'a' vIlegh", ANY, CATALOG) == "bIQ'a' vIlegh"
    assert prompt_of("Волны катятся.Закат.", ANY, CATALOG) == "Волны катятся. Закат."
    with pytest.raises(Unusable):
        prompt_of("Волны катятся", wan, CATALOG)


async def test_doctor_says_whether_it_writes(endpoint: PromptEndpoint) -> None:
    host = Settings(prompt=Prompt(url=endpoint.url, model="qwen"))
    [well] = await prompt_findings(host, EN)
    assert well.ok and PROMPT in well.text and endpoint.wishes == ["waves"]
    endpoint.answer = status(401)
    [wrong] = await prompt_findings(host, EN)
    assert not wrong.ok and "HTTP 401" in wrong.text and "UNSTILL_PROMPT__KEY" in wrong.mend
    # Given one that is to see pictures, Then it is shown one, and what refuses it is a matter of the settings
    sees = Settings(prompt=Prompt(url=endpoint.url, model="qwen", sees=True))
    endpoint.answer = status(400)
    [wrong] = await prompt_findings(sees, EN)
    assert len(endpoint.pictures) == 1 and "rejected" in wrong.text and "UNSTILL_PROMPT__SEES" in wrong.mend
    unsendable = Settings(prompt=Prompt(url=endpoint.url, model="qwen", key=SecretStr("schlüssel-中")))
    [wrong] = await prompt_findings(unsendable, EN)
    assert "no header can hold that key" in wrong.text and "UNSTILL_PROMPT__KEY" in wrong.mend
    assert "schlüssel" not in wrong.text
    endpoint.answer = says("I cannot do that.")
    [wrong] = await prompt_findings(host, EN)
    assert not wrong.ok and "refusal" in wrong.text
    assert await prompt_findings(Settings(), EN) == []


def test_who_asks_for_prompts_names_the_model_and_a_key_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-file\n")
    own = {"UNSTILL_PROMPT__URL": "http://host/v1/", "UNSTILL_PROMPT__MODEL": "m"}
    host = Settings.load({**own, "UNSTILL_PROMPT__KEY_FILE": str(tmp_path / "key")}, tmp_path)
    assert host.prompt.key == SecretStr("sk-file") and host.prompt.key in host.secrets()
    assert EN.leaves(host.prompt) != EN.leaves(Settings().prompt)
    # and there are not two things to sign in by, of which one would not be sent
    own |= {"UNSTILL_PROMPT__URL": "http://me:pass@host/v1", "UNSTILL_PROMPT__KEY": "sk-one"}
    with pytest.raises(ConfigError, match="set only one of them"):
        Settings.load(own, tmp_path)
