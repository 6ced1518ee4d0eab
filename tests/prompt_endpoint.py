"""An HTTP server in place of a language model's, which answers as a test says: well, badly, late, or not at all."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image

PROMPT = "Gentle waves roll toward the shore while palm leaves sway in warm evening light."

Answer = Callable[[BaseHTTPRequestHandler], None]
"""Writes one answer."""


def completion(content: object, finish_reason: str = "stop") -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish_reason}
    return {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}


def body(data: bytes, status: int = 200, **headers: str) -> Answer:
    """An answer of these bytes, whole."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    return answer


def says(content: object, finish_reason: str = "stop") -> Answer:
    """What a language model says."""
    return body(json.dumps(completion(content, finish_reason)).encode())


def status(code: int, **headers: str) -> Answer:
    return body(b'{"error": {"message": "no"}}', code, **headers)


def closes(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection in the middle of the answer."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [')


def hangs_up(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection without an answer."""


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    with contextlib.suppress(OSError):
        while True:
            handler.wfile.write(b" " * 65536)


class PromptEndpoint:
    """`url` is its base, `bodies` and `headers` are those of what it was asked. `answer` may be changed at any time;
    `then` are the answers of the next questions, before that one. `opened` lets go what `silent` and `drips` hold.
    """

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.answer: Answer = says(PROMPT)
        self.then: list[Answer] = []
        self.opened = threading.Event()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sent = self.rfile.read(int(self.headers["Content-Length"]))
                endpoint.paths.append(self.path)
                endpoint.headers.append(dict(self.headers))
                endpoint.bodies.append(json.loads(sent))
                answer = endpoint.then.pop(0) if endpoint.then else endpoint.answer
                with contextlib.suppress(OSError):
                    answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def silent(self, handler: BaseHTTPRequestHandler) -> None:
        """Say nothing until the test lets go."""
        self.opened.wait()

    def drips(self, handler: BaseHTTPRequestHandler) -> None:
        """Send a byte now and then, so that no read of its own takes long."""
        handler.send_response(200)
        handler.end_headers()
        while not self.opened.wait(0.02):
            handler.wfile.write(b" ")

    @property
    def wishes(self) -> list[str]:
        """The words that it was asked for."""
        return [said.partition("\n")[2] for body in self.bodies for said in [_texts(body["messages"][1])[0]]]

    @property
    def rules(self) -> list[str]:
        return [_texts(body["messages"][0])[0] for body in self.bodies]

    @property
    def pictures(self) -> list[Image.Image]:
        """The pictures that it was shown."""
        parts = [part for body in self.bodies for part in _parts(body["messages"][1]) if part["type"] == "image_url"]
        datas = [part["image_url"]["url"].removeprefix("data:image/jpeg;base64,") for part in parts]
        return [Image.open(io.BytesIO(base64.b64decode(data))) for data in datas]

    @contextlib.contextmanager
    def running(self) -> Iterator[PromptEndpoint]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield self
        finally:
            self.opened.set()
            self._server.shutdown()
            thread.join()
            self._server.server_close()


def _parts(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _texts(message: dict[str, Any]) -> list[str]:
    return [part["text"] for part in _parts(message) if part["type"] == "text"]
