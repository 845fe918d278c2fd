"""Asks the Census Data API, carefully: the key stays secret, answers are kept, busy servers are given time.

An answer is kept in the raw zone under a hash of its request (without the key) and never asked for again. What the
answers mean is `census_tables` and `census_acs`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from orchestration.errors import SourceError

if TYPE_CHECKING:
    import httpx
    from pydantic import SecretStr
    from tenacity import RetryCallState

_LARGEST_ANSWER = 128 * 1024**2
_LONGEST_WAIT_SECONDS = 300.0
_SOON = frozenset({429, 500, 502, 503, 504})
_KEY_REMEDY = "check the key in the environment variable that `api_key_variable` names; a new one must be activated"


class _Again(Exception):
    """Worth asking once more. `wait`: seconds that the server asks for, else None. Holds nothing of the request."""

    def __init__(self, found: str, wait: float | None = None) -> None:
        self.found, self.wait = found, wait
        super().__init__(found)


@dataclass
class CensusClient:
    """`base_url` without a slash at its end; `folder` for the answers; `key` is called when a request has to go out.

    `first_wait_seconds` doubles from attempt to attempt, unless the server says how long.
    """

    base_url: str
    folder: Path
    key: Callable[[], SecretStr]
    say: Callable[[str], None]
    attempts: int = 6
    timeout_seconds: float = 60.0
    first_wait_seconds: float = 1.0
    asked: int = field(default=0, init=False)

    def get(self, path: str, params: dict[str, str], *, with_key: bool = True) -> tuple[Path, Any]:
        """The answer's file and its JSON, from the raw zone where it is there. Raises SourceError."""
        request = f"{self.base_url}/{path}" + (f"?{_query(params)}" if params else "")
        name = hashlib.sha256(request.encode()).hexdigest()[:32]
        answer = self.folder / f"{name}.json"
        if answer.is_file():
            return answer, self._json(answer.read_bytes(), request)
        body = self._ask(path, params, with_key, request)
        parsed = self._json(body, request)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.folder / f"{name}.request.txt").write_text(request + "\n", encoding="utf-8")
        writing = self.folder / f".{name}.writing"
        writing.write_bytes(body)
        writing.chmod(0o400)
        os.replace(writing, answer)
        return answer, parsed

    def _ask(self, path: str, params: dict[str, str], with_key: bool, request: str) -> bytes:
        import httpx
        from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

        # Its lines at level INFO have whole addresses, and so the key.
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
        key = self.key().get_secret_value().strip() if with_key else ""
        url = f"{self.base_url}/{path}?{_query({**params, 'key': key} if with_key else params)}"
        is_local = self.base_url.startswith("http://")
        retrying = Retrying(
            retry=retry_if_exception_type(_Again),
            stop=stop_after_attempt(self.attempts),
            wait=self._wait,
            before_sleep=self._say_wait,
            reraise=True,
        )
        # No redirect is followed: the key would go along.
        with httpx.Client(timeout=self.timeout_seconds, follow_redirects=False, trust_env=not is_local) as client:
            try:
                body: bytes = retrying(self._once, client, url, request, key)
            except _Again as error:
                raise SourceError(
                    "the census server answers",
                    where=_short(request),
                    found=f"{error.found}, {self.attempts} times",
                    remedy="try again later; answers that came are kept, so the pull goes on where it stopped",
                ) from None
        return body

    def _once(self, client: httpx.Client, url: str, request: str, key: str) -> bytes:
        import httpx

        self.asked += 1
        try:
            with client.stream("GET", url) as response:
                body = b""
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > _LARGEST_ANSWER:
                        raise _refused(request, "it is larger than 128 MiB", "ask for fewer counties")
        except httpx.HTTPError as error:
            raise _Again(f"no answer ({type(error).__name__})") from None
        status, kind = response.status_code, response.headers.get("content-type", "")
        if status in _SOON:
            raise _Again(f"status {status}", _seconds(response.headers.get("retry-after"), request))
        if status == 200 and "json" in kind:
            return body
        raise _explained(request, status, kind, response.headers.get("location", ""), _words(body, key))

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, _Again) and error.wait is not None:
            return error.wait
        seconds = self.first_wait_seconds * 2.0 ** (state.attempt_number - 1)
        return float(min(seconds * random.uniform(1.0, 1.25), _LONGEST_WAIT_SECONDS))

    def _say_wait(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        seconds = state.next_action.sleep if state.next_action else 0.0
        self.say(f"the census server: {error}; asking again in {seconds:.0f} s")

    def _json(self, body: bytes, request: str) -> Any:
        try:
            return json.loads(body)
        except ValueError:
            raise _refused(
                request, "JSON that cannot be read", "pull again; delete the kept answer if it stays"
            ) from None


def _query(params: dict[str, str]) -> str:
    return urlencode(params, quote_via=quote, safe=":*,")


def _seconds(header: str | None, request: str) -> float | None:
    """Retry-After as seconds from now: it is a number or a date. Raises SourceError when it is too long to wait."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(header) - dt.datetime.now(dt.UTC)).total_seconds()
        except (TypeError, ValueError):
            return None
    if not seconds < _LONGEST_WAIT_SECONDS:
        raise _refused(request, f"it asks to wait for {seconds:.0f} s", "pull again after that time")
    return max(seconds, 0.0)


def _words(body: bytes, key: str) -> str:
    text = " ".join(body[:2000].decode("utf-8", errors="replace").split())[:300]
    return text.replace(key, "…") if key else text


def _explained(request: str, status: int, kind: str, location: str, words: str) -> SourceError:
    is_about_key = "key" in location.lower() or "key" in words.lower()
    if status in (401, 403) or ((status in (200, 301, 302, 303, 307) or "html" in kind) and is_about_key):
        return _refused(request, f"status {status}, a page about the key instead of data", _KEY_REMEDY)
    if status == 204:
        return _refused(request, "no data for these places (status 204)", "correct `counties` or `year`")
    if status == 400:
        return _refused(request, f"status 400: {words}", "see that the vintage has these variables and places")
    if status == 404:
        return _refused(request, "status 404", "the vintage may not be out yet: correct `year`")
    return _refused(request, f"status {status}, {kind or 'of no kind'}", f"see in a browser what {request} shows")


def _refused(request: str, found: str, remedy: str) -> SourceError:
    return SourceError("the census server gives data", where=_short(request), found=found, remedy=remedy)


def _short(request: str) -> str:
    """The address with the middle of a long list of variables left out."""
    return request if len(request) <= 160 else f"{request[:90]}…{request[-60:]}"
