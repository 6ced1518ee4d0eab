"""A Hugging Face Hub on the loopback that has one model: the few calls by which a client fetches a repository."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

REPO = "somebody/tiny"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """The files of a folder as repository `REPO`, branch main.

    `sizes` are told in place of a file's own size; those that are `missing` are told of, and not to be had.
    `gated`: it has to be asked for, and nobody who comes here has.
    """

    def __init__(
        self,
        folder: Path,
        sizes: dict[str, int] | None = None,
        missing: set[str] | None = None,
        *,
        gated: bool = False,
    ) -> None:
        self.gated = gated
        self.folder = folder
        self.sizes = sizes or {}
        self.missing = missing or set()
        self.fetched: list[str] = []

    @property
    def tree(self) -> list[dict[str, Any]]:
        files = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return [self._entry(path) for path in files]

    def _entry(self, path: Path) -> dict[str, Any]:
        name = path.relative_to(self.folder).as_posix()
        oid = hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest()
        return {"type": "file", "path": name, "size": self.sizes.get(name, path.stat().st_size), "oid": oid}

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body."""
        if path == f"/api/models/{REPO}/revision/main":
            siblings = [{"rfilename": entry["path"]} for entry in self.tree]
            return 200, {}, json.dumps({"id": REPO, "sha": COMMIT, "siblings": siblings}).encode()
        if path == f"/api/models/{REPO}/tree/{COMMIT}":
            return 200, {}, json.dumps(self.tree).encode()
        if self.gated:
            return 403, {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access to it is restricted."}, b""
        prefix = f"/{REPO}/resolve/{COMMIT}/"
        file = self.folder / path.removeprefix(prefix)
        if path.removeprefix(prefix) in self.missing:
            return 410, {}, b""
        if path.startswith(prefix) and file.is_file():
            etag = f'"{self._entry(file)["oid"]}"'
            return 200, {"ETag": etag, "X-Repo-Commit": COMMIT}, file.read_bytes()
        code = "RevisionNotFound" if path.startswith(f"/api/models/{REPO}/") else "RepoNotFound"
        return 404, {"X-Error-Code": code, "X-Error-Message": "Not here."}, b""


@contextmanager
def serving(hub: Hub) -> Iterator[str]:
    """The URL while it is served."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def _answer(self, *, with_body: bool) -> None:
            path = unquote(urlsplit(self.path).path)
            status, headers, body = hub.answer(path)
            file = path.partition(f"/resolve/{COMMIT}/")[2]
            if with_body and file:
                hub.fetched.append(file)
            length = len(body) if with_body else hub.sizes.get(file, len(body))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(length)}.items():
                self.send_header(name, value)
            self.end_headers()
            if with_body:
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing on stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
