"""The order in which the tests of a whole run begin: what takes longest first.

Files are handed to whichever process is free, so those that end the run have to be short: else one process works on
alone at the end.
"""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parent
LONGEST_FIRST = (
    "test_recipes.py",
    "test_same_conversations.py",
    "test_several_models.py",
    "test_safety_on_both.py",
    "test_forgetting_end_to_end.py",
    "test_kandinsky.py",
    "test_diffusers_running.py",
    "test_survival.py",
    "test_telegram_service.py",
    "test_oom_fallback.py",
    "test_telegram_mishaps.py",
    "test_telegram_group_rules.py",
    "test_i2vgen_fast_kernels.py",
    "test_talking_on.py",
    "test_process_deaths.py",
    "test_host_is_told.py",
    "test_pictures_cost.py",
    "test_words_alone.py",
    "test_two_pictures.py",
    "test_two_pictures_by_programs.py",
    "test_backup_restored.py",
    "test_telegram_kills.py",
    "test_chaos.py",
    "test_web_browser_looks.py",
    "test_web_browser.py",
    "test_web_refusals.py",
    "test_web_holds.py",
    "test_web_terminal.py",
    "test_web_browser_kills.py",
    "test_i2vgen_loading.py",
    "test_telegram_conversations.py",
    "test_same_on_both.py",
    "test_i2vgen_process.py",
    "test_embedded.py",
    "test_discord_service.py",
    "test_discord_kills.py",
    "test_server_trouble.py",
)
"""By name, as `--durations` shows them."""
THEN = ("system", "bots", "engine")
"""The folders that come after those files, and before all others."""


def rank(path: Path) -> tuple[int, int]:
    """Return what a test file is sorted by."""
    folder = path.relative_to(TESTS).parts[0]
    return (
        LONGEST_FIRST.index(path.name) if path.name in LONGEST_FIRST else len(LONGEST_FIRST),
        THEN.index(folder) if folder in THEN else len(THEN),
    )
