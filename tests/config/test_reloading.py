"""Settings that are read anew while a program runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from structlog.testing import capture_logs

from unstill_config.errors import ConfigError
from unstill_config.reloading import Reloading
from unstill_config.settings import Settings

CINEMA = '[finishes.cinema]\ntitle = "21:9"\nwidth = 336\nheight = 144\n'


def started(folder: Path) -> tuple[Reloading, list[Settings]]:
    def load() -> Settings:
        return Settings.load({"UNSTILL_CATALOG__FILE": str(folder / "catalog.toml")}, folder)

    (folder / "catalog.toml").touch()
    settings = load()
    reloading, heard = Reloading(settings, settings.load_catalog(), load), list[Settings]()
    reloading.listen(heard.append)
    return reloading, heard


def reloaded(reloading: Reloading) -> list[Any]:
    with capture_logs() as lines:
        reloading.reload()
    return [{key: value for key, value in line.items() if key != "log_level"} for line in lines]


def test_quotas_and_catalogues_count_anew_and_what_does_not_is_named(tmp_path: Path) -> None:
    reloading, heard = started(tmp_path)
    catalog = reloading.catalog
    # When a quota, a shape, a value of a preset that ships, and a language change
    (tmp_path / ".env").write_text("UNSTILL_QUOTA__PERSON_JOBS=9\nUNSTILL_BOTS__LANGUAGE=zh_CN\n")
    (tmp_path / "catalog.toml").write_text(f'{CINEMA}[presets.preview]\nhelp = "small"\n')
    lines = reloaded(reloading)
    # Then who holds the catalogue sees it, and who listens is told
    assert catalog.finishes["cinema"].width == 336
    assert catalog.presets["preview"].help == "small"
    assert [settings.quota.person_jobs for settings in heard] == [9]
    assert lines == [
        {"event": "the settings were read anew", "changed": ["UNSTILL_QUOTA__PERSON_JOBS"]},
        {"event": "some settings count from the next start on", "settings": ["UNSTILL_BOTS__LANGUAGE"]},
    ]
    # When all is taken back
    (tmp_path / ".env").unlink()
    (tmp_path / "catalog.toml").write_text("")
    reloaded(reloading)
    # Then it is as before, in its order too
    assert list(catalog.finishes) == list(Settings().load_catalog().finishes)
    assert catalog == Settings().load_catalog()
    assert heard[-1] == Settings.load({"UNSTILL_CATALOG__FILE": str(tmp_path / "catalog.toml")}, Path("/nowhere"))


def test_a_file_that_settings_name_is_read_too_and_taken_only_where_all_is_right(tmp_path: Path) -> None:
    reloading, _ = started(tmp_path)
    taken: list[str] = []

    def load(settings: Settings) -> str:
        if not (tmp_path / "words").exists():
            raise ConfigError("There are no words.")
        return (tmp_path / "words").read_text()

    reloading.read(load, taken.append)
    (tmp_path / ".env").write_text("UNSTILL_QUOTA__PERSON_JOBS=9\n")
    assert [line["reason"] for line in reloaded(reloading)] == ["There are no words."]
    assert (taken, reloading.settings.quota.person_jobs) == ([], 5)
    (tmp_path / "words").write_text("zanzibar")
    (tmp_path / ".env").write_text("UNSTILL_QUOTA__PERSON_JOBS=many\n")
    reloaded(reloading)
    assert taken == []
    (tmp_path / ".env").unlink()
    reloaded(reloading)
    assert taken == ["zanzibar"]


def test_a_wrong_file_changes_nothing_and_is_said(tmp_path: Path) -> None:
    reloading, heard = started(tmp_path)
    before = reloading.catalog.model_copy(deep=True)
    for dotenv, toml, reason in (
        ("UNSTILL_QUOTA__PERSON_JOBS=many\n", CINEMA, "UNSTILL_QUOTA__PERSON_JOBS = 'many' in .env is wrong."),
        ("UNSTILL_QUOTA__PERSON_JOBS=9\n", CINEMA.replace("144", "143"), "finishes.cinema: width and height"),
        ("UNSTILL_QUOTA__PERSON_JOBS=9\n", "[finishes", "is not valid TOML"),
        ("UNSTILL_TELEGRAM__TOKEN_FILE=/nowhere/token\n", CINEMA, "there is no such file"),
    ):
        (tmp_path / ".env").write_text(dotenv)
        (tmp_path / "catalog.toml").write_text(toml)
        (line,) = reloaded(reloading)
        assert line["event"] == "the settings were not read anew and stay as they were"
        assert reason in line["reason"]
        assert (reloading.catalog, reloading.settings.quota.person_jobs, heard) == (before, 5, [])
