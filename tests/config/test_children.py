"""What child processes inherit: the allow-list itself, and that no place in the source goes around it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from unstill_config.children import SETTINGS, VARIABLES, Kind, child_environ
from unstill_config.settings import Settings

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path for package in ("config", "queue", "engine", "bots") for path in (ROOT / package).rglob("unstill_*/**/*.py")
)
SPAWNERS = {
    "subprocess": {"Popen", "run", "call", "check_call", "check_output", "getoutput", "getstatusoutput"},
    "os": {"system", "popen", "fork", "forkpty", "posix_spawn", "posix_spawnp", "startfile"}
    | {f"{kind}{how}" for kind in ("exec", "spawn") for how in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")},
    "pty": {"fork", "spawn"},
}
ANYWHERE = {"create_subprocess_exec", "create_subprocess_shell", "subprocess_exec", "subprocess_shell"}
# these start processes by themselves, or would hide a call from this test
NEVER_IMPORTED = {"multiprocessing", "imageio_ffmpeg", "pty"}
NEVER_FROM = {"subprocess", "os", "asyncio.subprocess"}
PASSES_DESCRIPTORS = {"server_process.py"}
"""The server inherits the lock of its data folder."""


def faults(source: str, file: str = "here.py") -> Iterator[str]:
    """What is wrong with the ways in which this source starts processes."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names):
                yield from (f"imports {one.name}" for one in names if one.name.split(".")[0] in NEVER_IMPORTED)
            case ast.ImportFrom(module=str(module), names=names):
                hidden = {*ANYWHERE, *(name for kind in SPAWNERS.values() for name in kind), "ProcessPoolExecutor"}
                if module.split(".")[0] in NEVER_IMPORTED:
                    yield f"imports {module}"
                yield from (
                    f"imports {one.name} from {module}"
                    for one in names
                    if one.name == "ProcessPoolExecutor" or (module in NEVER_FROM and one.name in hidden)
                )
            case ast.Attribute(attr="ProcessPoolExecutor"):
                yield "uses ProcessPoolExecutor"
            case ast.Call() if spawns(node):
                yield from faults_of(node, file)


def spawns(call: ast.Call) -> bool:
    match call.func:
        case ast.Attribute(value=ast.Name(id=module), attr=name) if name in SPAWNERS.get(module, ()):
            return True
        case ast.Attribute(attr=name):
            return name in ANYWHERE
    return False


def faults_of(call: ast.Call, file: str) -> Iterator[str]:
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    match given.get("env"):
        case ast.Call(func=ast.Name(id="child_environ"), args=[ast.Constant(value=kind), *_]) if kind in VARIABLES:
            pass
        case _:
            yield f"line {call.lineno}: env is no child_environ(kind)"
    if "close_fds" in given or ("pass_fds" in given and file not in PASSES_DESCRIPTORS):
        yield f"line {call.lineno}: descriptors are passed on"
    # asyncio's own subprocess_exec makes a pipe of it by default
    if "stdin" not in given and not ast.unparse(call.func).endswith(").subprocess_exec"):
        yield f"line {call.lineno}: standard input is the parent's"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_child_is_given_a_list_of_what_it_needs(path: Path) -> None:
    assert list(faults(path.read_text(), path.name)) == []


def test_every_kind_is_used_and_every_place_is_seen() -> None:
    used = [
        node.args[0].value
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "child_environ"
        if isinstance(node.args[0], ast.Constant)
    ]
    assert set(used) == set(VARIABLES) == set(get_args(Kind))
    # a place that this test does not take for one would have its list and be none
    places = [node for path in SOURCES for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    assert sum(map(spawns, places)) == len(used)


@pytest.mark.parametrize(
    "source",
    [
        "subprocess.run(['ls'], stdin=0, stdout=1)",
        "subprocess.Popen(['ls'], stdin=0, stdout=1, env=os.environ)",
        "subprocess.Popen(['ls'], stdin=0, stdout=1, env=child_environ(kind))",
        "subprocess.Popen(['ls'], stdin=0, stdout=1, env=child_environ('anything'))",
        "subprocess.Popen(['ls'], stdout=1, env=child_environ('ffmpeg'))",
        "subprocess.Popen(['ls'], stdin=0, stdout=1, env=child_environ('ffmpeg'), pass_fds=(3,))",
        "subprocess.Popen(['ls'], stdin=0, stdout=1, env=child_environ('ffmpeg'), close_fds=False)",
        "await asyncio.create_subprocess_exec('ls')",
        "await loop.subprocess_exec(lambda: None, 'ls')",
        "os.system('ls')",
        "os.execv('ls', [])",
        "import multiprocessing.pool",
        "from multiprocessing import Process",
        "from subprocess import run",
        "from asyncio.subprocess import create_subprocess_exec",
        "from concurrent.futures import ProcessPoolExecutor",
        "import concurrent.futures as f; f.ProcessPoolExecutor()",
        "import imageio_ffmpeg",
    ],
)
def test_a_way_around_the_list_is_seen(source: str) -> None:
    wrapped = f"async def f():\n    {source}\n" if source.startswith("await") else source
    assert list(faults(wrapped))


SECRETS = {
    "UNSTILL_TELEGRAM__TOKEN": "t",
    "UNSTILL_DISCORD__TOKEN": "d",
    "unstill_telegram__token": "lower",
    "UNSTILL_REDIS__URL": "redis://:pass@host",
    "UNSTILL_STORAGE__S3_SECRET_ACCESS_KEY": "s3",
    "AWS_SECRET_ACCESS_KEY": "aws",
    "HF_TOKEN": "hf",
    "HTTPS_PROXY": "http://me:pass@proxy",
    "https_proxy": "http://me:pass@proxy",
    "NVIDIA_API_KEY": "nv",
    "PYTHON_KEYRING_PASSWORD": "ring",
    "OPENAI_API_KEY": "other",
}
PLAIN = {"PATH": "/bin", "LANG": "C", "LC_ALL": "C", "TMPDIR": "/tmp", "LD_LIBRARY_PATH": "/lib"}  # noqa: S108
DOWNLOAD = {"HF_TOKEN", "HTTPS_PROXY", "https_proxy"}


@pytest.mark.parametrize(
    ("kind", "secrets"),
    [
        ("ffmpeg", set()),
        ("valkey", set()),
        ("guard", set()),
        ("nvidia-smi", set()),
        ("picture", set()),
        ("model", DOWNLOAD),
        (
            "engine",
            DOWNLOAD | {"UNSTILL_REDIS__URL", "UNSTILL_STORAGE__S3_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY"},
        ),
    ],
)
def test_of_secrets_a_child_gets_those_that_its_work_needs(kind: Kind, secrets: set[str]) -> None:
    given = child_environ(kind, SECRETS | PLAIN)
    assert given.keys() & SECRETS.keys() == secrets
    assert PLAIN.items() <= given.items()


def test_a_host_may_name_more_but_no_setting_of_ours() -> None:
    environ = {"MY_RENDERER": "x", "MY_OTHER": "y", "UNSTILL_TELEGRAM__TOKEN": "t"}
    names = ("MY_RENDERER", "UNSTILL_TELEGRAM__TOKEN", "U*")
    assert child_environ("model", environ, also=names) == {"MY_RENDERER": "x"}


def test_an_engine_is_given_all_settings_of_its_groups_and_they_are_the_same_settings() -> None:
    groups = {group for group, _ in Settings.known()}
    assert set(SETTINGS["engine"]) == groups - {
        *("bots", "safety", "prompt", "telegram", "discord", "web", "quota", "server"),
    }
    # Given settings of each group
    environ = {"UNSTILL_ENGINE__MODEL": "m", "UNSTILL_QUEUE__LEASE": "20", "UNSTILL_BOTS__LANGUAGE": "zh_CN"}
    settings = Settings.load(environ, Path("/nowhere"))
    theirs = Settings.load(child_environ("engine", settings.environ()), Path("/nowhere"))
    assert (theirs.engine, theirs.queue, theirs.bots.language) == (settings.engine, settings.queue, "en")
