"""The API's description: valid, whole, and what is really sent; a client that is generated from it works."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openapi_python_client
import pytest
from jsonschema import Draft202012Validator
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_spec_validator import OpenAPIV31SpecValidator
from tests.system.telegram_house import photo
from tests.system.test_web_api import as_url, made
from tests.system.web_house import WebHouse, web_house
from tests.waiting import PATIENCE, wait_for

from unstill_bots.web.api import Api
from unstill_bots.web.problems import CODES
from unstill_bots.web.serving import API

PROGRAM = Path(__file__).with_name("api_program.py")
ITSELF = {("GET", "/openapi.json"), ("GET", "/docs")}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebHouse]:
    with web_house(
        tmp_path_factory.mktemp("description"), UNSTILL_WEB__UPLOAD_MOST="200000", UNSTILL_QUOTA__PERSON_JOBS="3"
    ) as web:
        yield web


@pytest.fixture
def described(house: WebHouse) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.get(f"{house.url}{API}/openapi.json").json()
    return answer


def operations(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            if method != "parameters":
                yield method.upper(), path, operation


def test_the_description_is_valid_and_its_routes_are_those_that_are_served(described: dict[str, Any]) -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(described).iter_errors()] == []
    api = Api.__new__(Api)
    served = {(route.method, route.path.removeprefix(API)) for route in api.routes()}
    assert {(method, path.replace("{id}", "{key}")) for method, path, _ in operations(described)} == served - ITSELF


def test_every_field_is_described_and_stands_in_the_documentation(house: WebHouse, described: dict[str, Any]) -> None:
    page = httpx.get(f"{house.url}{API}/docs").text
    schemas = described["components"]["schemas"]
    # the help of an option is a phrase, as everywhere
    options = schemas["ClipOptions"]["properties"]
    for name, schema in schemas.items():
        assert schema["description"].endswith("."), name
        for field, one in schema["properties"].items():
            assert "$ref" in one or one["description"].endswith(".") or field in options, (name, field)
            assert f"<code>{field}</code>" in page, (name, field)
    for method, path, operation in operations(described):
        assert operation["summary"].endswith(".")
        assert f'id="{operation["operationId"]}"><code>{method} {API}{path}</code>' in page
        assert set(operation["responses"]) >= {"401", "421", "500", "503"}
    # and whoever follows the type of a problem finds its sentence there
    assert [code for code in CODES if f'id="{code}"' not in page] == []
    assert set(schemas["Problem"]["properties"]["code"]["enum"]) == set(CODES)


def test_the_example_of_the_documentation_works(house: WebHouse, tmp_path: Path) -> None:
    # Given a photo, and the page of documentation
    (tmp_path / "photo.jpg").write_bytes(photo())
    found = re.search(r"<pre[^>]*>(curl .*?)</pre>", httpx.get(f"{house.url}{API}/docs").text)
    assert found is not None
    command = found[1].replace("&#34;", '"').replace("&amp;", "&")
    # When what stands there is typed
    done = subprocess.run(
        ["sh", "-c", f"{command} --silent --show-error --cookie-jar jar"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    # Then a clip is asked for
    assert json.loads(done.stdout)["id"]


def test_what_is_sent_is_what_is_described(house: WebHouse, described: dict[str, Any]) -> None:
    seen: set[tuple[str, str, int]] = set()
    with httpx.Client(base_url=f"{house.url}{API}", timeout=PATIENCE) as api:

        def sent(method: str, path: str, id: str = "", **given: Any) -> httpx.Response:
            """Send a request, and hold its answer against the description."""
            answer = api.request(method, path.replace("{id}", id), **given)
            response = described["paths"][path][method.lower()]["responses"].get(str(answer.status_code))
            assert response is not None, (method, path, answer.status_code, answer.text)
            if "$ref" in response:
                response = described["components"]["responses"][response["$ref"].rpartition("/")[2]]
            if not answer.content:
                assert "content" not in response
            else:
                kind = answer.headers["Content-Type"].partition(";")[0]
                schema = response["content"][kind]["schema"]
                if kind.endswith("json"):
                    whole = {**schema, "components": described["components"]}
                    errors = [error.message for error in Draft202012Validator(whole).iter_errors(answer.json())]
                    assert errors == [], (method, path, answer.text)
            seen.add((method, path, answer.status_code))
            return answer

        for path in ("/options", "/models", "/presets", "/status", "/healthz", "/clips"):
            sent("GET", path)
            sent("GET", path, headers={"Authorization": "Bearer wrong"})
        with house.house.gate() as gate:
            held = sent("POST", "/clips", files={"picture": photo()}, data={"prompt": f"{gate} waves"}).json()["id"]
            several = [("picture", photo()), ("picture", b"hello"), ("picture", photo("navy"))]
            beside = sent("POST", "/clips", files=several, data={"prompt": f"{gate} waves"}).json()
            assert beside["refused_code"] == "picture_unknown" and len(beside["ids"]) == 2
            wait_for(gate.reached, what="the render")
            assert sent("GET", "/clips/{id}", held).json()["state"] in ("received", "waiting", "loading", "rendering")
            full = sent("POST", "/clips", files={"picture": photo()}, data={"prompt": "waves"})
            assert (full.status_code, full.json()["code"]) == (429, "quota_person_jobs")
            sent("GET", "/clips/{id}/clip.mp4", held)
            sent("GET", "/clips/{id}/recipe", held)
            for id in beside["ids"]:
                sent("DELETE", "/clips/{id}", id)
        assert [made(api, id)["state"] for id in (held, *beside["ids"])] == ["done", "cancelled", "cancelled"]
        clip = sent("GET", "/clips/{id}", held).json()
        assert clip["clip"]["fps"] > 0 and clip["clip"]["render_seconds"] > 0
        sent("GET", "/clips")
        sent("GET", "/clips/{id}/events", held)
        whole = sent("GET", "/clips/{id}/clip.mp4", held)
        sent("GET", "/clips/{id}/clip.mp4", held, headers={"Range": "bytes=0-9"})
        sent("GET", "/clips/{id}/clip.mp4", held, headers={"Range": "bytes=99999999-"})
        sent("GET", "/clips/{id}/clip.mp4", held, headers={"If-None-Match": whole.headers["ETag"]})
        sent("GET", "/clips/{id}/poster.jpg", held)
        sent("GET", "/clips/{id}/recipe", held)
        sent("DELETE", "/clips/{id}", held)
        for method, path, _ in operations(described):
            if "{id}" in path:
                assert sent(method, path, held).status_code == 404
        image = {"images": [as_url(photo())], "prompt": "waves"}
        for status, given in (
            (400, {"content": b"{", "headers": {"Content-Type": "application/json"}}),
            (403, {"json": image, "headers": {"Sec-Fetch-Site": "cross-site"}}),
            (413, {"json": {"images": ["a" * 300_000]}}),
            (415, {"content": b"hello", "headers": {"Content-Type": "text/plain"}}),
            (421, {"json": image, "headers": {"Host": "elsewhere.example"}}),
            (422, {"json": {**image, "options": {"fps": 900}}}),
            (422, {"json": {**image, "colour": 1}}),
        ):
            assert sent("POST", "/clips", **given).status_code == status
    # Then every operation was seen to succeed
    assert {(method, path) for method, path, status in seen if status < 300} == {
        (method, path) for method, path, _ in operations(described)
    }


def test_a_client_that_is_generated_from_the_description_makes_a_clip(
    house: WebHouse, described: dict[str, Any], tmp_path: Path
) -> None:
    # Given a client that nobody wrote
    source = tmp_path / "openapi.json"
    source.write_text(json.dumps(described))
    as_bytes = "application/octet-stream"
    config = Config.from_sources(
        ConfigFile(
            package_name_override="unstill_api",
            content_type_overrides={"video/mp4": as_bytes, "image/jpeg": as_bytes},
            post_hooks=[],
        ),
        MetaType.NONE, document_source=source, file_encoding="utf-8", overwrite=True,
        output_path=tmp_path / "unstill_api",
    )  # fmt: skip
    errors = openapi_python_client.generate(config=config)
    assert [f"{error.header} {error.detail}" for error in errors] == []
    # When a program that knows nothing else asks by it, Then it has what it wants
    ann = house.visitor()
    ann.open()
    token = ann.post("/tokens", name="generated").text.partition('class="token">')[2].partition("<")[0]
    (tmp_path / "photo.png").write_bytes(photo())
    done = subprocess.run(
        [sys.executable, "-P", str(PROGRAM), f"{house.url}{API}", token, "photo.png"],
        cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, timeout=PATIENCE * 2,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
