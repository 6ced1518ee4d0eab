"""Saved clips never overwrite anything."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from unstill_bots.terminal.naming import claim_path, stem_of

NOW = datetime(2026, 3, 9, 7, 5, 2, tzinfo=UTC)


def test_name_is_date_and_time(tmp_path: Path) -> None:
    assert claim_path(tmp_path / "new" / "folder", NOW) == tmp_path / "new" / "folder" / "video_20260309_070502.mp4"


def test_taken_names_are_left_alone(tmp_path: Path) -> None:
    # Given a clip that was saved in the same second, and a link that leads nowhere
    (tmp_path / "video_20260309_070502.mp4").write_bytes(b"mine")
    (tmp_path / "video_20260309_070502_2.mp4").symlink_to(tmp_path / "elsewhere")
    # When the next one is named, Then it gets the next free number
    assert claim_path(tmp_path, NOW).name == "video_20260309_070502_3.mp4"
    assert (tmp_path / "video_20260309_070502.mp4").read_bytes() == b"mine"
    assert not (tmp_path / "elsewhere").exists()


def test_many_at_once_get_one_each(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        paths = list(pool.map(lambda _: claim_path(tmp_path, NOW), range(200)))
    assert len(set(paths)) == 200


def test_a_clip_is_called_as_its_photo(tmp_path: Path) -> None:
    # Given photos of one name, of the longest that a file can have, and of one that begins with a dot
    names = ["beach.jpg", "elsewhere/beach.png", "海" * 80 + ".jpg", ".hidden.jpg", "IMG_1.2.JPG"]
    # When their clips are saved
    made = [claim_path(tmp_path, NOW, stem_of(name)).name for name in names]
    # Then each is known by its photo
    assert made == ["beach.mp4", "beach_2.mp4", "海" * 66 + ".mp4", "hidden.mp4", "IMG_1.2.mp4"]
    assert claim_path(tmp_path, NOW, stem_of(".")).name == "video_20260309_070502.mp4"
