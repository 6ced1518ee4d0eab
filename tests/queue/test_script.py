"""The ledger's script is made of one file a concern."""

from __future__ import annotations

from importlib import resources

from unstill_queue.ledger.script import LUA, script_text


def test_the_script_is_made_of_every_file_once() -> None:
    # Given all Lua files of the package
    files = [file for file in (resources.files("unstill_queue") / "ledger").joinpath("lua").iterdir()]
    # Then each is loaded, in one place of the order
    assert sorted(file.name for file in files) == sorted(f"{name}.lua" for name in LUA)
    # And the script holds every line of each
    assert all(file.read_text("utf-8") in script_text() for file in files)
