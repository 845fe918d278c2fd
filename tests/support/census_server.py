"""A Census Data API on loopback that answers in the documented shapes, and misbehaves when told to.

Tables of texts with a header row, every value text or null, the geography in the last columns; at most 50 variables a
call; a key on every query; plain text for a bad variable, a page for a bad key.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from orchestration.settings_area import ACS_MEASURES
from orchestration.sources.census_tables import labels_of

KEY = "0123456789abcdef0123456789abcdef01234567"
TRACTS = ("39061000200", "39061000700", "39017000100")
_PARTS = ("E", "M", "EA", "MA")
Cell = tuple[str | None, str | None, str | None, str | None]
Reply = tuple[int, dict[str, str], bytes]
KEY_PAGE = b"<html><head><title>Invalid Key</title></head><body>A valid <em>key</em> must be included</body></html>"


@dataclass
class CensusServer:
    """`cells`: (tract, variable) -> estimate, margin, annotations; what is not there is 10 +/- 5; of `tracts`.

    `faults` are replied in order before anything else; None lets one request through. `asked` are the queries.
    """

    year: int = 2023
    tracts: tuple[str, ...] = TRACTS
    cells: dict[tuple[str, str], Cell] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    faults: list[Reply | None] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    url: str = ""

    def __post_init__(self) -> None:
        for line, texts in labels_of(ACS_MEASURES, self.year).items():
            self.labels.setdefault(line, "Estimate!!" + texts[0].replace("Total", "Total:", 1))

    def reply(self, path: str) -> Reply:
        """What the server says to the request."""
        self.asked.append(path)
        if self.faults and (fault := self.faults.pop(0)) is not None:
            return fault
        parts = urlsplit(path)
        if parts.path == f"/data/{self.year}/acs/acs5/variables.json":
            variables = {f"{line}E": {"label": label, "concept": "x"} for line, label in self.labels.items()}
            return _json({"variables": {"NAME": {"label": "Geographic Area Name"}, **variables}})
        if parts.path != f"/data/{self.year}/acs/acs5":
            return 404, {"content-type": "text/html"}, b"<html>not found</html>"
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.keys.append(query.get("key"))
        if query.get("key") is None:
            return 302, {"location": "/data/missing_key.html", "content-type": "text/html"}, b""
        if query["key"] != KEY:
            return 200, {"content-type": "text/html"}, KEY_PAGE
        wanted = query["get"].split(",")
        if len(wanted) > 50:
            return 400, {"content-type": "text/plain"}, b"error: you may only request 50 variables at a time"
        for name in wanted:
            if name.removesuffix("A")[:-1] not in self.labels:
                return 400, {"content-type": "text/plain"}, f"error: unknown variable '{name}'".encode()
        return self._rows(wanted, query)

    def _rows(self, wanted: list[str], query: dict[str, str]) -> Reply:
        place = re.fullmatch(r"state:(\d\d) county:([\d,]+)", query["in"])
        assert place and query["for"] == "tract:*"
        tracts = [tract for tract in self.tracts if tract[:2] == place[1] and tract[2:5] in place[2].split(",")]
        if not tracts:
            return 204, {}, b""
        rows: list[list[str | None]] = [[*wanted, "state", "county", "tract"]]
        for tract in tracts:
            cells = [self.cell(tract, name) for name in wanted]
            rows.append([*cells, tract[:2], tract[2:5], tract[5:]])
        return _json(rows)

    def cell(self, tract: str, name: str) -> str | None:
        part = next(part for part in sorted(_PARTS, key=len, reverse=True) if name.endswith(part))
        cell = self.cells.get((tract, name.removesuffix(part)), ("10", "5", None, None))
        return cell[_PARTS.index(part)]


def _json(content: object) -> Reply:
    return 200, {"content-type": "application/json;charset=utf-8"}, json.dumps(content).encode()


@contextmanager
def serving(server: CensusServer) -> Iterator[CensusServer]:
    """Let the server listen on a free port of this machine; `url` is its base."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = server.reply(self.path)
            if status == 0:
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server.url = f"http://127.0.0.1:{http.server_port}/data"
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()
