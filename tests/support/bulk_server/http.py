"""A real HTTP server on loopback that answers with what a function returns, and keeps a list of what it was asked."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import urlsplit


@dataclass(frozen=True, eq=False)
class Request:
    """What arrived. `query` is not decoded; header names are lower-case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def token(self) -> str | None:
        return self.headers.get("authorization")


@dataclass(frozen=True)
class Answer:
    """What goes back. With `cut_at`, the connection ends after so many bytes of the body."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut_at: int | None = None

    def but(self, **changes: object) -> Answer:
        return replace(self, **changes)  # type: ignore[arg-type]


class LoopbackServer:
    """Answers on a port of its own until the `with` block ends. `asked`: every request, in order of arrival."""

    def __init__(self, route: Callable[[Request], Answer] | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.asked: list[Request] = []
        self.failures: list[BaseException] = []
        self._route = route
        self._tls = tls
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def origin(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, request: Request) -> Answer:
        assert self._route is not None
        return self._route(request)

    def __enter__(self) -> LoopbackServer:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        assert self.failures == []


def _handler(server: LoopbackServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, parts.path, parts.query, headers, body)
            server.asked.append(request)
            try:
                answer = server.answer(request)
            except BaseException as error:
                server.failures.append(error)
                answer = Answer(599)
            self._send(answer)

        def _send(self, answer: Answer) -> None:
            try:
                self.send_response(answer.status)
                for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body if answer.cut_at is None else answer.body[: answer.cut_at])
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the client was killed
            if answer.cut_at is not None:
                self.wfile.flush()
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True

        do_GET = do_POST = do_DELETE = do_PUT = _serve

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
