"""Sends requests: repeats what may succeed later, follows redirects of reads, and lets the token reach one origin only.

Statuses are the caller's to judge; only 429 and 5xx are repeated here, and 401 is answered with one new token.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Protocol, TypeVar

import httpx
import tenacity

from orchestration.errors import EquityError, SettingsError, SourceError
from orchestration.sources.fhir_bulk.addresses import origin_of, resolved, shown
from orchestration.sources.fhir_bulk.waiting import SHORTEST_SECONDS, Clock, bounded, retry_after

T = TypeVar("T")
ATTEMPTS = 5
RETRIED = frozenset({429, 500, 502, 503, 504})
_REDIRECTS, _MOST_REDIRECTS = frozenset({301, 302, 303, 307, 308}), 5
_TIMEOUT = httpx.Timeout(30.0, read=300.0)


class Tokens(Protocol):
    """Where bearer tokens come from."""

    def current(self) -> str:
        """A token that is not about to expire."""

    def renew(self) -> str:
        """A new token, whatever the old one's age."""


@dataclass(frozen=True)
class Call:
    """One request. `what` stands for its address in messages; `authorize`: with the token, where its origin allows.

    `content`: the body, or what makes one for each attempt; `retried` are the statuses that are repeated; `follow`:
    redirects are followed (reads only).
    """

    what: str
    url: str
    method: str = "GET"
    accept: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | Callable[[], bytes] | None = None
    authorize: bool = True
    follow: bool = False
    retried: frozenset[int] = RETRIED

    @property
    def where(self) -> str:
        """For messages."""
        return f"{self.what} at {shown(self.url)}"


class Again(Exception):
    """What was answered may be better next time. `found` says what was wrong; `after` how many seconds to wait."""

    def __init__(self, found: str, after: float | None = None) -> None:
        self.found, self.after = found, after
        super().__init__(found)


class Transport:
    """Requests to one FHIR server and to wherever it points; `home` is the only origin that may see the token."""

    def __init__(
        self,
        base_url: str,
        clock: Clock,
        *,
        ca_file: Path | None = None,
        proxy: str | None = None,
        attempts: int = ATTEMPTS,
    ) -> None:
        # These two log full addresses, which may hold ids or be keys to the data.
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self.home = origin_of(base_url)
        self.clock = clock
        self.tokens: Tokens | None = None
        self._attempts = attempts
        self._client = httpx.Client(
            verify=_trust(ca_file),
            proxy=proxy,
            timeout=_TIMEOUT,
            trust_env=False,
            headers={"User-Agent": "equity-pipeline"},
        )

    def __enter__(self) -> Transport:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.close()

    def send(self, call: Call) -> httpx.Response:
        """The answer, body included, whatever its status. Raises SourceError when there is none in the end."""

        def read(answer: httpx.Response) -> httpx.Response:
            answer.read()
            return answer

        return self.receive(call, read)

    def receive(self, call: Call, use: Callable[[httpx.Response], T]) -> T:
        """What `use` makes of the answer while its body is open. `use` may raise Again. Raises SourceError."""
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self._attempts),
            wait=_pause,
            retry=tenacity.retry_if_exception_type(Again),
            sleep=self.clock.sleep,
            reraise=True,
        )
        try:
            result: T = retrying(self._once, call, use)
            return result
        except Again as failure:
            raise SourceError(
                "the server answers within a few attempts",
                where=call.where,
                found=f"{failure.found}, {self._attempts} time(s)",
                remedy="pull again later: what is complete is kept, and the rest goes on from there",
            ) from None

    def _once(self, call: Call, use: Callable[[httpx.Response], T]) -> T:
        try:
            with closing(self._answer(call)) as answer:
                if answer.status_code in call.retried:
                    header = answer.headers.get("Retry-After")
                    raise Again(f"HTTP {answer.status_code}", retry_after(header, self.clock.now()))
                return use(answer)
        except httpx.TransportError as error:
            raise Again(_kind(error)) from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise _unusable(call, type(error).__name__) from None

    def _answer(self, call: Call) -> httpx.Response:
        """The answer behind all redirects. The token that ran out meanwhile is renewed once."""
        url, at_home, renewed = call.url, True, False
        for _ in range(_MOST_REDIRECTS + 2):
            # Once away, never again with the token, even where a redirect leads back.
            at_home = at_home and origin_of(url) == self.home
            token = self.tokens.current() if self.tokens and call.authorize and at_home else None
            answer = self._client.send(self._request(call, url, token), stream=True, follow_redirects=False)
            if answer.status_code == 401 and token and self.tokens and not renewed:
                answer.close()
                self.tokens.renew()
                renewed = True
            elif answer.status_code in _REDIRECTS:
                answer.close()
                url = self._next(call, url, answer)
            else:
                return answer
        raise _unusable(call, f"more than {_MOST_REDIRECTS} redirects")

    def _request(self, call: Call, url: str, token: str | None) -> httpx.Request:
        headers = {"Accept": call.accept, **call.headers}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        content = call.content() if callable(call.content) else call.content
        return self._client.build_request(call.method, url, headers=headers, content=content)

    def _next(self, call: Call, url: str, answer: httpx.Response) -> str:
        location = answer.headers.get("Location", "")
        if not call.follow or not location:
            raise _unusable(call, f"HTTP {answer.status_code}, a redirect")
        return resolved(url, location, call.what)


def _pause(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    told = error.after if isinstance(error, Again) else None
    return bounded(told if told is not None else SHORTEST_SECONDS * 2 ** (state.attempt_number - 1))


def _kind(error: httpx.TransportError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    if isinstance(error, httpx.ConnectError):
        return "no connection"
    return "the connection broke off"


def _unusable(call: Call, found: str) -> EquityError:
    return SourceError(
        "the server's answer can be used",
        where=call.where,
        found=found,
        remedy="correct `base_url` if it points elsewhere; else ask those who run the server",
    )


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    """This machine's certificates, and those of `ca_file` beside them."""
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(
                "`ca_file` holds certificates in PEM",
                where=str(ca_file),
                found=(error.strerror if isinstance(error, FileNotFoundError) else None) or "no certificate",
                remedy="name the file with the certificate of the authority that signed the server's",
            ) from None
    return context
