from __future__ import annotations

import json
import time
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from unstill_config.redaction import MARK, SHORTEST, Redactor

TOKEN = "123456789:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr"  # noqa: S105
# built like a real one: base64 of an id, a time and a signature
DISCORD = "MTAxMjM0NTY3ODkwMTIzNDU2Nw" + ".GaBcDe." + "abcdefghijklmnopqrstuvwxyz0123456789AB"

secrets = st.text(min_size=SHORTEST, max_size=40).filter(lambda text: text.strip() == text and text not in MARK)
ways = st.sampled_from(
    [
        str,
        repr,
        ascii,
        json.dumps,
        lambda text: json.dumps(text, ensure_ascii=False),
        lambda text: json.dumps({"a": [repr(text)]}),
        lambda text: json.dumps(json.dumps(text)),
        lambda text: repr(text.encode("utf-8", "surrogatepass")),
        lambda text: quote(text, errors="surrogatepass"),
        lambda text: quote_plus(text, errors="surrogatepass"),
        lambda text: quote(quote(text, errors="surrogatepass")),
    ]
)


@given(secret=secrets, before=st.text(), after=st.text())
def test_law_a_secret_inside_any_text_never_survives(secret: str, before: str, after: str) -> None:
    cleaned = Redactor([SecretStr(secret)]).clean(before + secret + after)

    assert secret not in cleaned


@given(secret=secrets, way=ways, before=st.text("ab \"'{", max_size=5))
def test_law_nor_does_it_when_it_is_written_in_another_way(secret: str, way: object, before: str) -> None:
    # Given the text as repr, JSON, bytes or a URL writes it
    assert callable(way)
    written = str(way(before + secret))
    form = str(way(secret)).strip("b\"'")

    cleaned = Redactor([SecretStr(secret)]).clean(written)

    assert secret not in cleaned
    assert form not in cleaned or form in MARK


@given(text=st.text("abc xyz/.,\n", max_size=200))
def test_law_a_text_without_secrets_stays_as_it_is(text: str) -> None:
    assert Redactor([SecretStr(TOKEN), None]).clean(text) == text


@given(text=st.text(max_size=80))
def test_law_what_is_clean_stays_as_it_is(text: str) -> None:
    redactor = Redactor([SecretStr(TOKEN)])
    once = redactor.clean(text + TOKEN)

    assert redactor.clean(once) == once


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"GET https://api.telegram.org/bot{TOKEN}/getMe", TOKEN),
        (f"GET https://api.telegram.org/file/bot{TOKEN.replace(':', '%3A')}/photos/1.jpg", TOKEN[12:]),
        (f"The token `{TOKEN}` was rejected by the server.", TOKEN),
        (f"Improper token has been passed: {DISCORD}", DISCORD),
        (f"{{'Authorization': 'Bot {DISCORD}'}}", DISCORD),
        ("Authorization: Bearer hunter22 and more", "hunter22"),
        ("[(b'authorization', b'Basic aHVudGVyMjI=')]", "aHVudGVyMjI"),
        ('{\\"Authorization\\": \\"Bot hunter22\\"}', "hunter22"),
        ("X-Telegram-Bot-Api-Secret-Token: hunter22", "hunter22"),
        ("Set-Cookie: a=hunter22; path=/", "hunter22"),
        (
            "POST https://discord.com/api/v10/webhooks/1234/aW50ZXJhY3Rpb246MTIzNDU2/messages",
            "aW50ZXJhY3Rpb246MTIzNDU2",
        ),
        ("/interactions/1234/aW50ZXJhY3Rpb246MTIzNDU2/callback", "aW50ZXJhY3Rpb246MTIzNDU2"),
        ("connecting to redis://worker:hunter22@valkey:6379/0", "hunter22"),
        ("rediss://:hunter%2522@valkey:6379/0", "hunter%2522"),
        ("https://b.s3.amazonaws.com/k?X-Amz-Expires=9&X-Amz-Signature=hunter22&x=1", "hunter22"),
        ("https://b/k?X-Amz-Credential=hunter22%2F20260101&x-amz-security-token=hunter22", "hunter22"),
        ("https://b/k?AWSAccessKeyId=hunter22&Signature=hunter22%3D", "hunter22"),
        ("https://b/k?X-Amz-Signature%3Dhunter22", "hunter22"),
        ("https://cdn.discordapp.com/a/b.png?ex=1&is=2&hm=hunter22", "hunter22"),
        ("key id AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
        ("client = S3(secret_access_key='hunter22')", "hunter22"),
        ('{"access_token": "hunter22"}', "hunter22"),
        ("\x1b[36mapi_key\x1b[0m=\x1b[35mhunter22\x1b[0m", "hunter22"),
    ],
)
def test_what_looks_like_a_secret_goes_though_nobody_named_it(text: str, secret: str) -> None:
    cleaned = Redactor([]).clean(text)

    assert secret not in cleaned
    assert MARK in cleaned
    assert cleaned[:4] == text[:4] or text.startswith(("key", "[", "{"))


@pytest.mark.parametrize(
    "text",
    [
        "GET https://api.telegram.org/ 200 OK in 0:00:12.345678",
        "rendered t:1234:5678 in 12:30, 1920x1080, seed=7, num_frames=72",
        "unstill_engine.renderers.camera:Camera at 0x7f3a5c1d2e10",
        "pictures/20261121/0123456789abcdef0123456789abcdef.png",
        "mail someone@example.com about https://example.com/a@b",
        'File "/usr/lib/python3.11/site-packages/telegram/ext/_application.py", line 12, in get',
        "the token was refused, the password is too short",
    ],
)
def test_ordinary_lines_stay(text: str) -> None:
    assert Redactor([SecretStr(TOKEN)]).clean(text) == text


def test_the_password_of_a_known_url_goes_wherever_it_stands() -> None:
    redactor = Redactor([SecretStr("redis://worker:p%40ss%20word@valkey:6379/0")])

    assert redactor.clean("AUTH worker p@ss word") == "AUTH worker ***"
    assert redactor.clean("p%40ss%20word") == "***"
    assert redactor.clean("valkey:6379") == "valkey:6379"


def test_a_long_secret_that_was_cut_short_goes_too() -> None:
    # Given libraries that shorten values, as pydantic and reprlib do
    redactor = Redactor([SecretStr(TOKEN)])

    assert redactor.clean(f"input_value='{TOKEN[:25]}...'") == "input_value='***...'"


def test_a_mark_and_its_neighbours_do_not_spell_the_secret_again() -> None:
    assert "****" not in Redactor([SecretStr("****")]).clean("*" * 23)


def test_short_secrets_do_not_blacken_the_log() -> None:
    assert Redactor([SecretStr("a"), SecretStr("")]).clean("a banana") == "a banana"


@pytest.mark.parametrize("piece", ["1", "a-", "token", "\\", "://", "x.", "authorization", '"', "%", "&sig="])
def test_a_line_of_a_megabyte_takes_its_time_but_not_more(piece: str) -> None:
    # Given a line made to let a careless pattern look at every pair of places
    line = piece * (1_000_000 // len(piece))
    redactor = Redactor([SecretStr(TOKEN), SecretStr('\\"' * 20), SecretStr("redis://:pw12@h")])

    started = time.process_time()
    redactor.clean(line)

    assert time.process_time() - started < 10
