from __future__ import annotations

import pickle
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from unstill_config.errors import ConfigError
from unstill_config.settings import PREFIX, Engine, Queue, Redis, Settings, Storage

TOKEN = "123456789:" + "AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr"


def wrong(environ: dict[str, str], folder: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        Settings.load(environ, folder)
    text = str(caught.value)
    assert "\n" not in text
    # neither the message nor the exception before it may hold what was written
    assert caught.value.__cause__ is None
    return text


def test_without_any_source_the_defaults_stand(tmp_path: Path) -> None:
    settings = Settings.load({}, tmp_path)

    assert settings == Settings()
    assert settings.telegram.token is None
    assert settings.engine.model == "camera"
    assert settings.environ() == {}


def test_environment_wins_over_dotenv_wins_over_toml_setting_by_setting(tmp_path: Path) -> None:
    # Given three sources that each say something that no other says
    (tmp_path / "unstill.toml").write_text("[quota]\nperson_jobs = 1\nchat_jobs = 1\nperson_seconds = 1\n")
    (tmp_path / ".env").write_text("UNSTILL_QUOTA__PERSON_JOBS=2\nUNSTILL_QUOTA__CHAT_JOBS=2\nOTHER=x\n")

    # When they are read
    quota = Settings.load({"UNSTILL_QUOTA__PERSON_JOBS": "3", "HOME": "/"}, tmp_path).quota

    # Then the nearest one counts, for each setting by itself
    assert (quota.person_jobs, quota.chat_jobs, quota.person_seconds, quota.chat_seconds) == (3, 2, 1, 7200)


def test_names_are_read_in_any_case_and_files_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("unstill_log__level=error\n", "utf-8-sig")
    (tmp_path / "unstill.toml").write_text('[log]\nformat = "json"\n', "utf-8-sig")

    log = Settings.load({}, tmp_path).log

    assert (log.level, log.format) == ("error", "json")


def test_dotenv_may_build_a_url_from_composes_own_variables(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("VALKEY_PASSWORD=pw\nUNSTILL_REDIS__URL=redis://:${VALKEY_PASSWORD}@valkey:6379/0\n")

    url = Settings.load({}, tmp_path).redis.url

    assert url is not None
    assert url.get_secret_value() == "redis://:pw@valkey:6379/0"


@pytest.mark.parametrize("empty", ["", "  "])
@pytest.mark.parametrize("name", ["TELEGRAM__TOKEN", "REDIS__URL", "ENGINE__FFMPEG", "STORAGE__S3_ENDPOINT"])
def test_an_empty_variable_means_none_and_hides_what_files_say(name: str, empty: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"UNSTILL_{name}=http://x\n".replace("http", "redis" if "REDIS" in name else "http"))

    settings = Settings.load({f"UNSTILL_{name}": empty}, tmp_path)

    group, field = name.lower().split("__")
    assert getattr(getattr(settings, group), field) is None


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("LOG__LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
        ("LOG__LEVEL", "", "'debug', 'info', 'warning' or 'error'"),
        ("ENGINE__MODEL", "", "at least 1 character"),
        ("ENGINE__DEVICE", "GPU 1", "cuda:1"),
        ("QUEUE__LEASE", "soon", "a valid number"),
        ("QUEUE__LEASE", "inf", "a finite number"),
        ("QUEUE__LEASE", "nan", "a finite number"),
        ("QUEUE__ATTEMPTS", "0", "greater than or equal to 1"),
        ("QUOTA__PERSON_JOBS", "1.5", "a valid integer"),
        ("STORAGE__URL", "/a/folder", "file:///a/folder"),
        ("STORAGE__URL", "file://folder", "file:///a/folder"),
        ("STORAGE__URL", "s3://", "s3://bucket/prefix"),
        ("STORAGE__S3_ENDPOINT", "minio:9000", "https://host"),
        ("TELEGRAM__API_URL", "api.telegram.org", "https://host"),
        ("TELEGRAM__API_URL", "https://", "https://host"),
        ("TELEGRAM__API_URL", "http://host:99999", "https://host"),
        ("DISCORD__API_URL", "ws://discord.com", "https://host"),
        ("DISCORD__GATEWAY_URL", "https://gateway.discord.gg", "wss://host"),
        ("DISCORD__CDN_HOSTS", "https://cdn.example", "host names"),
        ("DISCORD__CDN_HOSTS", "[1", "host names"),
    ],
)
def test_a_wrong_value_is_told_in_one_line_as_it_was_written(
    name: str, value: str, allowed: str, tmp_path: Path
) -> None:
    text = wrong({f"UNSTILL_{name}": value}, tmp_path)

    assert f"UNSTILL_{name} = {value!r} in the environment" in text
    assert allowed in text


def test_a_wrong_value_in_a_file_is_named_as_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "unstill.toml").write_text('[quota]\nperson_jobs = "many"\n')
    assert "quota.person_jobs = 'many' in unstill.toml" in wrong({}, tmp_path)

    (tmp_path / "unstill.toml").write_text("")
    (tmp_path / ".env").write_text("UNSTILL_QUOTA__PERSON_JOBS=many\n")
    assert "UNSTILL_QUOTA__PERSON_JOBS = 'many' in .env" in wrong({}, tmp_path)


@pytest.mark.parametrize(
    ("environ", "dotenv", "toml", "written", "near"),
    [
        ({"UNSTILL_TELEGRAM__TOKN": TOKEN}, "", "", "UNSTILL_TELEGRAM__TOKN", "UNSTILL_TELEGRAM__TOKEN"),
        ({"UNSTILL_TELEGRAM_TOKEN": TOKEN}, "", "", "UNSTILL_TELEGRAM_TOKEN", "UNSTILL_TELEGRAM__TOKEN"),
        ({"UNSTILL_LOG__LEVL": "info"}, "", "", "UNSTILL_LOG__LEVL = 'info'", "UNSTILL_LOG__LEVEL"),
        ({"UNSTILL_REDIS": "{}"}, "", "", "UNSTILL_REDIS", "UNSTILL_REDIS__URL"),
        ({}, "UNSTILL_LOG__LEVL=info", "", "UNSTILL_LOG__LEVL = 'info' in .env", "UNSTILL_LOG__LEVEL"),
        ({}, f"UNSTIL_TELEGRAM__TOKEN={TOKEN}", "", "UNSTIL_TELEGRAM__TOKEN", "UNSTILL_TELEGRAM__TOKEN"),
        ({}, "", f"[telegram]\ntokn = '{TOKEN}'", "telegram.tokn", "telegram.token"),
        ({}, "", f"[telegrm]\ntoken = '{TOKEN}'", "telegrm in unstill.toml", "[telegram]"),
    ],
)
def test_an_unknown_setting_is_told_with_the_nearest_known_one(
    environ: dict[str, str], dotenv: str, toml: str, written: str, near: str, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text(dotenv)
    (tmp_path / "unstill.toml").write_text(toml)

    text = wrong(environ, tmp_path)

    assert text.startswith(written)
    assert f"Did you mean {near}?" in text
    assert TOKEN not in text


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        ("x ==", "not valid TOML"),
        ("telegram = 3", "write [telegram]"),
        (f"[telegram]\ntoken = ['{TOKEN}']", "telegram.token = ***"),
        ("[redis]\nurl = 'http://user:hunter22@host'", "redis.url = ***"),
        ("[telegram]\napi_url = 'ftp://user:hunter22@host'", "telegram.api_url = 'ftp://***@host'"),
    ],
)
def test_a_wrong_file_is_one_line_that_holds_no_secret(toml: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "unstill.toml").write_text(toml)

    text = wrong({}, tmp_path)

    assert told in text
    assert TOKEN not in text
    assert "hunter22" not in text


@pytest.mark.parametrize("name", [".env", "unstill.toml"])
def test_a_file_that_cannot_be_read_is_told(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"\xff\xfe\x00")
    assert "save it as UTF-8" in wrong({}, tmp_path)

    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    assert "cannot be read: Is a directory" in wrong({}, tmp_path)


def test_a_line_of_dotenv_that_cannot_be_read_is_told_by_number_alone(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f'A=1\nUNSTILL_TELEGRAM__TOKEN="{TOKEN}\n')

    text = wrong({}, tmp_path)

    assert "Line 2" in text
    assert TOKEN not in text


def test_a_lease_has_to_outlast_a_beat(tmp_path: Path) -> None:
    assert "queue.beat (3) has to be less than queue.lease (2)" in wrong({"UNSTILL_QUEUE__LEASE": "2"}, tmp_path)


@pytest.mark.parametrize(
    "url",
    ["redis://h", "redis://h:1/", "redis://:p@h:6379/3", "rediss://u:p@h/0", "unix:///run/v.sock", "redis://[::1]:1/0"],
)
def test_redis_urls_that_are_taken(url: str) -> None:
    assert Redis(url=SecretStr(url)).url == SecretStr(url)


@pytest.mark.parametrize(
    "url", ["http://h", "localhost:6379", "redis://", "redis://h:x", "redis://h/db", "unix://", "redis://h /0"]
)
def test_redis_urls_that_are_not(url: str) -> None:
    with pytest.raises(ValidationError):
        Redis(url=SecretStr(url))


def test_hosts_come_with_commas_as_json_or_from_toml(tmp_path: Path) -> None:
    (tmp_path / "unstill.toml").write_text('[discord]\ncdn_hosts = ["CDN.example", "127.0.0.1:80"]\n')
    hosts = ("cdn.example", "127.0.0.1:80")

    assert Settings.load({}, tmp_path).discord.cdn_hosts == hosts
    for text in ("cdn.example, 127.0.0.1:80,", '["cdn.example", "127.0.0.1:80"]'):
        assert Settings.load({"UNSTILL_DISCORD__CDN_HOSTS": text}, tmp_path).discord.cdn_hosts == hosts


def test_home_is_expanded_when_the_settings_are_made_not_at_import(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Given a home that the process did not have when the module was imported
    monkeypatch.setenv("HOME", "/home/elsewhere")

    settings = Settings.load({"UNSTILL_ENGINE__SCRATCH": "~/scratch"}, tmp_path)

    assert settings.engine.scratch == Path("/home/elsewhere/scratch")
    assert settings.redis.data == Path("/home/elsewhere/.unstill/valkey")
    assert settings.storage.folder == Path("/home/elsewhere/.unstill/storage")


def test_storage_folder() -> None:
    assert Storage(url="file:///a/b%20c").folder == Path("/a/b c")
    assert Storage(url="s3://bucket/prefix").folder is None


def test_a_slash_at_the_end_of_an_api_url_does_not_count() -> None:
    settings = Settings.load({"UNSTILL_TELEGRAM__API_URL": "http://127.0.0.1:8081/"}, Path("/nowhere"))

    assert settings.telegram.api_url == "http://127.0.0.1:8081"


def test_settings_hold_still_and_hide_their_secrets() -> None:
    settings = Settings.load({"UNSTILL_TELEGRAM__TOKEN": TOKEN}, Path("/nowhere"))

    with pytest.raises(ValidationError):
        settings.log.level = "debug"
    assert TOKEN not in repr(settings) + str(settings) + settings.model_dump_json()
    assert settings.secrets() == (SecretStr(TOKEN),)


def test_settings_travel_by_pickle_and_by_environment(tmp_path: Path) -> None:
    settings = Settings(redis=Redis(url=SecretStr("redis://:pw@h/1")), engine=Engine(name=None, drain=0.1))
    environ = settings.environ()

    assert environ == {
        "UNSTILL_REDIS__URL": "redis://:pw@h/1",
        "UNSTILL_ENGINE__NAME": "",
        "UNSTILL_ENGINE__DRAIN": "0.1",
    }
    assert Settings.load(environ, tmp_path) == settings
    assert pickle.loads(pickle.dumps(settings)) == settings  # noqa: S301


_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "TELEGRAM__TOKEN": st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=50),
    "ENGINE__MODEL": st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1),
    "ENGINE__NAME": st.text(st.characters(codec="utf-8", categories=["L"]), max_size=9),
    "ENGINE__SCRATCH": st.sampled_from(["", "/a b", "~/c", "rel"]),
    "QUEUE__WAIT_HOURS": st.floats(min_value=1e-9, max_value=1e9).map(repr),
    "QUOTA__CHAT_JOBS": st.integers(0, 10**9).map(str),
    "DISCORD__CDN_HOSTS": st.lists(st.from_regex(r"[a-z]{1,5}\.[a-z]{2}", fullmatch=True)).map(",".join),
    "LOG__LEVEL": st.sampled_from(["debug", "info"]),
    "STORAGE__URL": st.sampled_from(["file:///x", "file://~/y", "s3://b/p"]),
}


@given(values=st.fixed_dictionaries({}, optional=_VALUES))
def test_law_environ_gives_the_same_settings_again(values: dict[str, str]) -> None:
    nowhere = Path("/nowhere")
    settings = Settings.load({PREFIX + name: value for name, value in values.items()}, nowhere)

    again = Settings.load(settings.environ(), nowhere)

    assert again == settings
    assert set(settings.environ()) == {PREFIX + name for name in values}


def test_importing_reads_nothing(tmp_path: Path) -> None:
    # Given an environment and files that `load` would refuse
    (tmp_path / ".env").write_text("UNSTILL_FOO=1\n")
    (tmp_path / "unstill.toml").write_text("x ==\n")
    watch = """
        import os, sys
        class Watched(dict):
            def __getitem__(self, name):
                assert not name.upper().startswith(b"UNSTILL"), name
                return super().__getitem__(name)
        opened = []
        sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
        os.environ._data = Watched(os.environ._data)
        import unstill_config.settings, unstill_config.logs
        print([name for name in opened if name.endswith((".env", ".toml"))])
    """

    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(watch)],
        cwd=tmp_path,
        env={"UNSTILL_FOO": "1", "UNSTILL_LOG__LEVEL": "loud"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (run.stdout, run.stderr, run.returncode) == ("[]\n", "", 0)


def test_groups_are_made_without_reading_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNSTILL_QUEUE__LEASE", "99")

    assert Settings().queue == Queue()
    assert Queue().lease == 10


def test_the_hosts_catalogue_is_found_through_the_settings(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[platforms.telegram]\nupload_limit = 2_000_000_000\n")

    catalog = Settings.load({"UNSTILL_CATALOG__FILE": str(file)}, tmp_path).load_catalog()

    assert catalog.platforms["telegram"].upload_limit == 2_000_000_000
