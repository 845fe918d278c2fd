"""The server: routes requests, checks every header of each, and misbehaves where its script says so."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import ssl
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from typing import Any

from tests.support.bulk_server.authorization import Authorization
from tests.support.bulk_server.faults import Fault, outcome
from tests.support.bulk_server.http import Answer, LoopbackServer, Request
from tests.support.bulk_server.jobs import Content, Job, Misunderstood, understood
from tests.support.bulk_server.keys import public_jwks

BASE = "/fhir/r4"
GUIDE = "http://hl7.org/fhir/uv/bulkdata"
STATUS, FILE = "/jobs/patient-777/", "/files/patient-777/"


class BulkServer(LoopbackServer):
    """`version` is what it speaks; `exports` what the first, the second … export holds (the last one again and again).

    `script[what]` holds faults for the next answers of one kind: discovery, token, metadata, start, status, page, file,
    delete; `passed[what]` counts the answers. What a client does against the standard is collected in `violations`.
    """

    def __init__(
        self, exports: list[Content], *, version: str = "2", now: Callable[[], dt.datetime] | None = None,
        secure: bool = True, requires_token: bool = True, tls: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        super().__init__(tls=tls)
        self.version, self.exports, self.secure, self.requires_token = version, exports, secure, requires_token
        self.authorization = Authorization(now or (lambda: dt.datetime.now(dt.UTC)), public_jwks(), self.origin)
        self.definitions: list[str] = []
        self.instantiates: list[str] = []
        self.jobs: list[Job] = []
        self.script: dict[str, deque[Fault]] = defaultdict(deque)
        self.passed: Counter[str] = Counter()
        self.violations: list[str] = []
        self.polls, self.page_size, self.compress = 1, 0, True
        self.progress, self.retry_after = "Processing 42% of Ann Example", "1"
        self.files_origin = self.origin
        self.wrong_counts: dict[str, int] = {}
        self.jobs_without_counts = False
        self.before_file: Callable[[int], None] = lambda number: None
        self.before_token_check: Callable[[int], None] = lambda number: None
        self.before_status: Callable[[], object] = lambda: None
        self.refused_tokens = 0
        self.signature, self.same_addresses = "", False

    @property
    def base_url(self) -> str:
        return f"{self.origin}{BASE}"

    def answer(self, request: Request) -> Answer:
        what, respond = self._routed(request)
        self.passed[what] += 1
        right = respond(request)
        return self.script[what].popleft()(right) if self.script[what] else right

    def asked_under(self, path: str) -> list[Request]:
        """Requests whose path begins so."""
        return [request for request in self.asked if request.path.startswith(path)]

    def downloads(self) -> Counter[str]:
        """How often each file was asked for."""
        return Counter(request.path for request in self.asked_under(FILE))

    def _routed(self, request: Request) -> tuple[str, Callable[[Request], Answer]]:
        path = request.path
        if path == f"{BASE}/.well-known/smart-configuration":
            return "discovery", lambda _: self.authorization.configuration() if self.secure else Answer(404)
        if path == "/auth/token":
            return "token", self.authorization.token
        if path == f"{BASE}/metadata":
            return "metadata", self._metadata
        if path.endswith("/$export"):
            return "start", self._start
        if path.startswith(STATUS):
            return ("delete", self._delete) if request.method == "DELETE" else self._looked_after(request)
        if path.startswith(FILE):
            return "file", self._file
        return "nothing", lambda _: Answer(404)

    def _looked_after(self, request: Request) -> tuple[str, Callable[[Request], Answer]]:
        return ("page", self._status) if request.query else ("status", self._status)

    def _require(self, request: Request, **expected: str | None) -> None:
        for name, value in expected.items():
            found = request.headers.get(name.replace("_", "-"))
            if found != value:
                self.violations.append(f"{request.method} {request.path}: {name} is {found!r} instead of {value!r}")

    def _lets_in(self, request: Request, number: int = -1) -> bool:
        """Whether the token is good; `number` is that of a file, −1 for anything else."""
        if not self.secure:
            return True
        self.before_token_check(number)
        accepted = self.authorization.accepts(request.token)
        self.refused_tokens += not accepted
        return accepted

    def _metadata(self, request: Request) -> Answer:
        self._require(request, accept="application/fhir+json", authorization=None)
        operations = [{"name": "export", "definition": one} for one in self.definitions]
        resource = {"type": "Group", "operation": operations}
        content = {
            "resourceType": "CapabilityStatement",
            "instantiates": self.instantiates,
            "rest": [{"mode": "server", "resource": [resource]}],
        }
        return _json(200, content)

    def _start(self, request: Request) -> Answer:
        if request.method != ("POST" if self.version == "4" else "GET"):
            return _json(405, outcome("not-supported"))
        self._require(request, accept="application/fhir+json", prefer="respond-async")
        if not self._lets_in(request):
            return _json(401, outcome("login"))
        try:
            asked = understood(request, self.version)
        except Misunderstood:
            return _json(400, outcome("invalid"))
        number = len(self.jobs)
        content = self.exports[min(number, len(self.exports) - 1)]
        self.jobs.append(Job(number, asked, content, self.polls, wrong_counts=self.wrong_counts))
        return Answer(202, b"", {"Content-Location": f"{self.origin}{STATUS}{number}"})

    def _status(self, request: Request) -> Answer:
        self._require(request, accept="application/json")
        if not self._lets_in(request):
            return _json(401, outcome("login"))
        job = self._job(request)
        self.before_status()
        if job.deleted:
            return _json(404, outcome("not-found"))
        if job.polls_left > 0:
            job.polls_left -= 1
            return Answer(202, b"", self._how_long())
        return _json(200, self._page(job, int(request.query.removeprefix("page=") or 0)))

    def _how_long(self) -> dict[str, str]:
        told = {"Retry-After": self.retry_after} if self.retry_after else {}
        return {"X-Progress": self.progress, **told}

    def _page(self, job: Job, number: int) -> dict[str, Any]:
        number_in_address = 0 if self.same_addresses else job.number
        address = f"{self.files_origin}{FILE}{number_in_address}/"
        content = job.manifest(self.version, address, self.requires_token, self.signature)
        if self.jobs_without_counts:
            content["output"] = [{key: one[key] for key in ("type", "url")} for one in content["output"]]
        if self.page_size:
            first = number * self.page_size
            whole = content["output"]
            content["output"] = whole[first : first + self.page_size]
            if first + self.page_size < len(whole):
                url = f"{self.origin}{STATUS}{job.number}?page={number + 1}"
                content["link"] = [{"relation": "self", "url": "x"}, {"relation": "next", "url": url}]
            else:
                return content
            content.pop("deleted", None)
            content["outcome" if self.version == "4" else "error"] = []
        return content

    def _file(self, request: Request) -> Answer:
        self._require(request, accept="application/fhir+ndjson", accept_encoding="gzip")
        job_number, file_number = request.path.removeprefix(FILE).split("/")
        if not self.requires_token:
            self._require(request, authorization=None)
        elif not self._lets_in(request, int(file_number)):
            return _json(401, outcome("login"))
        self.before_file(int(file_number))
        return file_answer(self.jobs[int(job_number)].files()[int(file_number)][2], self.compress)

    def _delete(self, request: Request) -> Answer:
        self._require(request, accept="application/fhir+json")
        if not self._lets_in(request):
            return _json(401, outcome("login"))
        self._job(request).deleted = True
        return Answer(202)

    def _job(self, request: Request) -> Job:
        return self.jobs[int(request.path.removeprefix(STATUS))]


def file_answer(lines: tuple[str, ...], compress: bool) -> Answer:
    """A file of an export."""
    text = "".join(f"{line}\n" for line in lines).encode()
    headers = {"Content-Type": "application/fhir+ndjson"}
    return (
        Answer(200, gzip.compress(text), {**headers, "Content-Encoding": "gzip"})
        if compress
        else Answer(200, text, headers)
    )


def _json(status: int, content: dict[str, Any]) -> Answer:
    return Answer(status, json.dumps(content).encode(), {"Content-Type": "application/fhir+json"})
