"""The comparison of presets on a host's weights, here on a tiny model's random ones."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

import pytest
import torch
from tests.bench.compare_presets import MOST, main, psnr, ssim
from tests.engine.i2vgen_tiny import CATALOG, noisy_photo

PRESETS = """
[presets.unipc.models.tiny]
num_inference_steps = 2
scheduler = "unipc"

[presets.cache2.models.tiny]
num_inference_steps = 3
cache_interval = 2
"""


def test_presets_are_compared_with_a_finer_clip_in_a_table(
    tiny_i2vgen: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a host's model and presets, and a photo
    catalog = tmp_path / "catalog.toml"
    catalog.write_text(CATALOG.format(folder=tiny_i2vgen) + PRESETS, "utf-8")
    photo = noisy_photo(tmp_path, (64, 64))
    # When presets are compared, the reference among them
    presets = ["--steps 2", "--preset unipc", "--preset cache2", "--steps 4"]
    given = ["--model", "tiny", "--catalog", str(catalog), "--device", "cpu", "--seeds", "3", "--words", "sea"]
    assert main([str(photo), *given, "--reference", "--steps 4", "--presets", *presets]) == 0
    # Then a table tells of each, and of the scale
    printed = capsys.readouterr().out
    lines = [line.strip("| ").split(" | ") for line in printed.splitlines() if line.startswith("| ")]
    rows = {name: cells for name, *cells in lines}
    assert list(rows) == ["preset", *presets, "another seed"]
    assert [rows[preset][0] for preset in presets] == ["2", "2", "3", "4"]
    near = {name: (float(cells[3]), float(cells[4])) for name, cells in rows.items() if name != "preset"}
    assert near["--steps 4"] == (MOST, 1.0)
    assert all(near["another seed"][0] < near[preset][0] < MOST for preset in presets[:3])
    # and what could not be measured is said
    if importlib.util.find_spec("lpips") is None:
        assert rows["--steps 2"][5] == "not measured"
        assert "LPIPS was not measured: `pip install lpips` adds it." in printed


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"photo": "gone.png"}, "there is no photo at "),
        ({"photo": "catalog.toml"}, "the photo cannot be read: "),
        ({"--catalog": "gone.toml"}, "gone.toml cannot be read: No such file or directory."),
        ({"--weights": "/nowhere"}, "The model folder /nowhere is not whole: "),
        ({"--presets": "--frames 9"}, "`--frames 9` makes 9 frames of 64x64, the reference 8 frames of 64x64: "),
        ({"--presets": "--steps none"}, "--steps cannot be none"),
    ],
)
def test_what_cannot_be_compared_is_said_in_a_sentence(
    tiny_i2vgen: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], values: dict[str, str], told: str
) -> None:
    (tmp_path / "catalog.toml").write_text(CATALOG.format(folder=tiny_i2vgen), "utf-8")
    photo = noisy_photo(tmp_path, (64, 64))
    usual = {"--catalog": "catalog.toml", "--presets": "--steps 2", "--model": "tiny", "--device": "cpu"}
    given = {"photo": photo.name, "--reference": "--steps 4", **usual, **values}
    for name in ("photo", "--catalog"):
        given[name] = str(tmp_path / given[name])
    with pytest.raises(SystemExit) as ended:
        main([given.pop("photo"), *(f"{name}={value}" for name, value in given.items())])
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


def test_the_measures_are_those_that_were_published() -> None:
    dark, light = (torch.full((2, 3, 16, 16), level).double() for level in (100.0, 110.0))
    # of a difference of ten levels everywhere
    assert psnr(dark, light) == pytest.approx([20 * math.log10(255 / 10)] * 2)
    # where nothing but the brightness differs, SSIM is its first factor
    light_only = (2 * 100 * 110 + 6.5025) / (100**2 + 110**2 + 6.5025)
    assert ssim(dark, light) == pytest.approx([light_only] * 2, rel=1e-6)
    noise = torch.rand((1, 3, 32, 32), generator=torch.Generator().manual_seed(1)).double() * 255
    assert ssim(noise, noise) == pytest.approx([1.0]) and psnr(noise, noise) == pytest.approx([MOST])
    assert ssim(noise, 255 - noise)[0] < 0
