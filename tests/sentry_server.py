"""An HTTP server that takes what sentry-sdk sends, and keeps it as text."""

from __future__ import annotations

import contextlib
import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class SentryServer:
    """`dsn` is where to send reports; `bodies` are those that came, unpacked."""

    def __init__(self) -> None:
        self.bodies: list[str] = []
        kept = self.bodies

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                kept.append(body.decode())
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.dsn = f"http://0123456789abcdef@127.0.0.1:{self.port}/42"

    def events(self) -> list[dict[str, Any]]:
        """The errors that were reported: of each envelope the item behind its two heads."""
        found = []
        for body in list(self.bodies):
            _, head, item, *_ = body.splitlines()
            if json.loads(head)["type"] == "event":
                found.append(json.loads(item))
        return found

    @contextlib.contextmanager
    def running(self) -> Iterator[SentryServer]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()
