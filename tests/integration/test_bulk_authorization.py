"""SMART Backend Services, and where the token may go: to the FHIR server's own origin, and nowhere else."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestration.errors import EquityError, SettingsError, SourceError
from tests.support.bulk_place import CONDITIONS, PATIENTS, BulkPlace, bulk_place
from tests.support.bulk_server.faults import instead, redirect_to
from tests.support.bulk_server.http import Answer, LoopbackServer, Request
from tests.support.bulk_server.keys import EC_ID, RSA_ID, ec_key, pem, private_jwk, rsa_key
from tests.support.bulk_server.server import FILE, file_answer

EVERYTHING = {"Patient": list(PATIENTS), "Condition": list(CONDITIONS)}
VARIABLE = "EQUITY_TEST_BULK_KEY"


def jwk_set() -> str:
    return json.dumps({"keys": [private_jwk(rsa_key(), RSA_ID), private_jwk(ec_key(), EC_ID)]})


KEYS: dict[str, tuple[Callable[[], str], str | None, str]] = {
    "RSA as PEM": (lambda: pem(rsa_key()), RSA_ID, "RS384"),
    "EC as PEM": (lambda: pem(ec_key()), EC_ID, "ES384"),
    "RSA as JWK": (lambda: json.dumps(private_jwk(rsa_key(), RSA_ID)), None, "RS384"),
    "EC as JWK": (lambda: json.dumps(private_jwk(ec_key(), EC_ID)), None, "ES384"),
    "EC out of a set": (jwk_set, EC_ID, "ES384"),
    "PEM on one line": (lambda: pem(ec_key()).replace("\n", "\\n"), EC_ID, "ES384"),
}


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("place_of_key", ["file", "variable"])
def test_keys_of_both_kinds_from_a_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, place_of_key: str
) -> None:
    text, key_id, algorithm = KEYS[name]
    with bulk_place(tmp_path) as place:
        if place_of_key == "file":
            (tmp_path / "own").write_text(text(), encoding="utf-8")
            place.own = {"key_file": tmp_path / "own", "key_id": key_id}
        else:
            monkeypatch.setenv(VARIABLE, text())
            place.own = {"key_file": None, "key_variable": VARIABLE, "key_id": key_id}
        assert place.lines(place.fetch()) == EVERYTHING
        assert place.server.authorization.algorithms == [algorithm]


def test_an_assertion_lasts_five_minutes_at_most_and_is_used_once(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        now = place.time.now().timestamp()
        place.server.script["token"].append(instead(503))
        place.fetch()
        claims = place.server.authorization.claims
        assert len(claims) == 2 and claims[0]["jti"] != claims[1]["jti"]
        assert 0 < claims[0]["exp"] - now <= 300
        assert {one["aud"] for one in claims} == {place.server.authorization.token_url}


@pytest.mark.parametrize(
    ("capabilities", "scope"),
    [
        (("permission-v2", "permission-v1"), "system/Condition.rs system/Patient.rs"),
        (("permission-v1",), "system/Condition.read system/Patient.read"),
        ((), "system/Condition.rs system/Patient.rs"),  # from the scopes that it offers
    ],
)
def test_scopes_are_asked_for_in_the_servers_version(tmp_path: Path, capabilities: tuple[str, ...], scope: str) -> None:
    with bulk_place(tmp_path) as place:
        place.server.authorization.capabilities = capabilities
        place.fetch()
        assert place.server.authorization.scopes_asked == [scope]


def test_scopes_of_the_settings_replace_those_derived(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.own = {"scopes": ("system/*.rs",)}
        place.fetch()
        assert place.server.authorization.scopes_asked == ["system/*.rs"]


@pytest.mark.parametrize(
    ("granted", "missing"),
    [
        ("system/Patient.rs", "Condition"),
        ("system/Patient.rs system/Condition.r", "Condition"),
        ("system/Patient.rs system/Condition.rs?category=x", "Condition"),
        ("system/Patient.write system/Condition.cud", "Condition, Patient"),
        ("", "Condition, Patient"),
        ("system/*.read", ""),
        ("system/Patient.* system/Condition.cruds launch", ""),
    ],
)
def test_a_grant_that_is_too_narrow_is_named(tmp_path: Path, granted: str, missing: str) -> None:
    with bulk_place(tmp_path) as place:
        place.server.authorization.granted = granted
        if missing:
            with pytest.raises(SourceError) as error:
                place.fetch()
            assert error.value.found == f"it does not grant {missing}"
            assert "types" in error.value.remedy
            assert place.server.passed["start"] == 0
        else:
            assert place.lines(place.fetch()) == EVERYTHING


def test_a_token_is_renewed_before_it_expires(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.server.polls, place.server.retry_after = 10, "100"
        place.fetch()
        # 1,000 seconds with tokens of 300: none is used up to its last moment, so that none is ever refused.
        assert place.server.passed["token"] == 4
        assert place.server.refused_tokens == 0


def test_a_token_that_expires_in_the_middle_is_renewed_once_and_costs_no_attempt(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        seen: list[int] = []

        def forget(number: int) -> None:
            if number == 1 and not seen:
                seen.append(number)
                place.server.authorization.tokens.clear()

        place.server.before_token_check = forget
        assert place.lines(place.fetch()) == EVERYTHING
        assert place.server.passed["token"] == 2
        assert place.time.slept == [1.0]  # the poll; nothing was counted as a failure


def test_a_token_that_is_never_accepted_is_renewed_once_only(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.own = {"version": "2"}
        place.server.before_token_check = lambda number: place.server.authorization.tokens.clear()
        with pytest.raises(SourceError, match=r"HTTP 401 \(1 × error/login\)"):
            place.fetch()
        assert place.server.passed["token"] == 2


def test_a_bare_400_at_a_renewal_is_tried_again(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.server.polls, place.server.retry_after = 3, "100"
        place.server.script["token"].extend([lambda right: right, instead(400)])
        assert place.lines(place.fetch()) == EVERYTHING


@pytest.mark.parametrize(
    ("own", "found"),
    [
        ({"client_id": "somebody-else"}, "HTTP 400 (invalid_client)"),
        ({"key_id": EC_ID}, "HTTP 400 (invalid_client)"),
        ({"key_id": "no-such"}, "HTTP 400 (invalid_client)"),
    ],
)
def test_a_client_that_is_not_known_as_it_says(tmp_path: Path, own: dict[str, str], found: str) -> None:
    with bulk_place(tmp_path) as place:
        place.own = own
        with pytest.raises(SourceError) as error:
            place.fetch()
        assert error.value.found == found
        assert "the token endpoint" in error.value.where


def test_a_server_without_smart_configuration(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.server.script["discovery"].extend([instead(404)] * 2)
        with pytest.raises(SourceError, match="says under"):
            place.fetch()
        place.own = {"token_url": place.server.authorization.token_url}
        assert place.lines(place.fetch()) == EVERYTHING


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "no such key"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n", "no such key"),
        ('{"kty": "RSA", "n": "AQAB", "e": "AQAB"}', "no such key"),
        ("{broken", "no such key"),
        ("small", "no such key"),
        ("P-256", "no such key"),
        ("two", "2 private keys"),
        ("nameless", "no `kid` in it"),
    ],
)
def test_a_key_that_cannot_be_used(tmp_path: Path, text: str, found: str) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    made: dict[str, Callable[[], str]] = {
        "small": lambda: pem(rsa.generate_private_key(65537, 1024)),
        "P-256": lambda: pem(ec.generate_private_key(ec.SECP256R1())),
        "two": jwk_set,
        "nameless": lambda: pem(rsa_key()),
    }
    content = made[text]() if text in made else text
    with bulk_place(tmp_path) as place:
        (tmp_path / "own").write_text(content, encoding="utf-8")
        place.own = {"key_file": tmp_path / "own", "key_id": None if text in ("two", "nameless") else RSA_ID}
        with pytest.raises(SettingsError) as error:
            place.fetch()
        assert found in error.value.found
        assert not any(len(word) > 12 and word in str(error.value) for word in content.split())
        assert place.server.asked == []


def test_a_key_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with bulk_place(tmp_path) as place:
        place.own = {"key_file": tmp_path / "absent"}
        with pytest.raises(SettingsError, match="No such file"):
            place.fetch()
        place.own = {"key_file": None, "key_variable": VARIABLE}
        with pytest.raises(SettingsError, match=VARIABLE):
            place.fetch()


# Where the token may go.


def other_host(lines: dict[str, tuple[str, ...]]) -> Callable[[Request], Answer]:
    """A file server that refuses whoever shows it a token."""

    def route(request: Request) -> Answer:
        if request.token is not None:
            return Answer(500)
        return file_answer(lines[request.path.rsplit("/", 1)[-1]], compress=True)

    return route


LINES = {"0": PATIENTS[:2], "1": PATIENTS[2:], "2": CONDITIONS}


def test_no_token_where_the_manifest_wants_none(tmp_path: Path) -> None:
    with bulk_place(tmp_path, requires_token=False) as place:
        assert place.lines(place.fetch()) == EVERYTHING
        files = [request for request in place.server.asked if request.path.startswith(FILE)]
        assert len(files) == 3 and all(request.token is None for request in files)


@pytest.mark.parametrize("requires_token", [True, False])
def test_no_token_to_files_on_another_host(tmp_path: Path, requires_token: bool) -> None:
    with LoopbackServer(other_host(LINES)) as other, bulk_place(tmp_path, requires_token=requires_token) as place:
        place.server.files_origin = other.origin
        assert place.lines(place.fetch()) == EVERYTHING
        assert len(other.asked) == 3 and all(request.token is None for request in other.asked)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_is_followed_without_the_token(tmp_path: Path, status: int) -> None:
    with LoopbackServer(other_host(LINES)) as other, bulk_place(tmp_path) as place:
        place.server.script["file"].extend([redirect_to(f"{other.origin}/signed/{number}", status) for number in LINES])
        assert place.lines(place.fetch()) == EVERYTHING
        assert len(other.asked) == 3 and all(request.token is None for request in other.asked)


def test_a_redirect_that_leads_back_does_not_bring_the_token_back(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        back = f"{place.server.origin}/elsewhere/0"
        with LoopbackServer(lambda request: redirect_to(back)(Answer(200))) as other:
            place.server.script["file"].append(redirect_to(f"{other.origin}/0"))
            assert place.lines(place.fetch()) == EVERYTHING  # nothing was there, so that the manifest was read anew
            (returned,) = place.server.asked_under("/elsewhere/")
            assert returned.token is None and other.asked[0].token is None


def test_a_redirect_within_the_server_keeps_the_token(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.server.script["file"].append(redirect_to(f"{FILE}0/0"))
        assert place.lines(place.fetch()) == EVERYTHING
        assert place.server.downloads()[f"{FILE}0/0"] == 2


def test_redirects_do_not_go_on_for_ever(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.server.script["file"].extend([redirect_to(f"{FILE}0/0")] * 20)
        with pytest.raises(SourceError, match="more than 5 redirects"):
            place.fetch()


@pytest.mark.parametrize("what", ["token", "start", "delete"])
def test_what_is_sent_is_never_redirected(tmp_path: Path, what: str) -> None:
    with LoopbackServer(lambda request: Answer(500)) as other, bulk_place(tmp_path) as place:
        place.server.script[what].extend([redirect_to(f"{other.origin}/", 307)] * 3)
        if what == "delete":
            place.fetch()
        else:
            with pytest.raises(SourceError, match="a redirect"):
                place.fetch()
        assert other.asked == []


def test_a_redirect_out_of_encryption_is_refused(tmp_path: Path) -> None:
    with bulk_place(tmp_path) as place:
        place.server.script["file"].append(redirect_to("http://elsewhere.example.org/0"))
        with pytest.raises(SourceError, match="begins with https"):
            place.fetch()


def test_a_status_address_on_another_host_gets_no_token(tmp_path: Path) -> None:
    with LoopbackServer(lambda request: Answer(401)) as other, bulk_place(tmp_path) as place:
        place.server.script["start"].append(
            lambda right: right.but(headers={"Content-Location": f"{other.origin}/status/1"})
        )
        with pytest.raises(SourceError, match="HTTP 401"):
            place.fetch()
        assert other.asked and all(request.token is None for request in other.asked)


def test_nothing_secret_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with bulk_place(tmp_path) as place:
        place.fetch()
        tokens = place.server.authorization.tokens
    said = caplog.text + repr(place.said) + repr(place.source)
    assert tokens and not any(token in said for token in tokens)
    assert not any(word in said for word in ("patient-777", "secret-", "PRIVATE KEY", "client_assertion="))


def test_a_certificate_of_an_own_authority(tmp_path: Path) -> None:
    from tests.support.bulk_server.certificate import self_signed

    context, certificate = self_signed(tmp_path)
    with bulk_place(tmp_path, tls=context) as place:
        refused(place, "no connection")
        (tmp_path / "empty.pem").write_text("", encoding="utf-8")
        place.own = {"ca_file": tmp_path / "empty.pem"}
        refused(place, "no certificate")
        place.own = {"ca_file": certificate}
        assert place.server.origin.startswith("https://")
        assert place.lines(place.fetch()) == EVERYTHING


def refused(place: BulkPlace, found: str) -> None:
    with pytest.raises(EquityError) as error:
        place.fetch()
    assert found in error.value.found


def test_a_release_names_neither_server_nor_client(tmp_path: Path) -> None:
    from orchestration.release.manifest import public_settings

    with bulk_place(tmp_path) as place:
        public: Any = json.dumps(public_settings(place.settings))
    assert "127.0.0.1" not in public and "t1d" not in public and "equity-test-client" not in public
    assert "fhir_bulk" in public
