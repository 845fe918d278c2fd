"""Settings of a `fhir_bulk` source: what cannot be meant is refused, and what is secret is not shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from orchestration.errors import SettingsError
from orchestration.settings import PROJECT_ROOT, load_settings
from orchestration.settings_fhir_bulk import DEFAULT_TYPES, FhirBulkSource
from orchestration.sources.fhir.resources import TYPES

GOOD: dict[str, Any] = {"base_url": "https://ehr.example.org/fhir", "group_id": "g-1"}


@pytest.mark.parametrize(
    "own",
    [
        {},
        {"base_url": "http://127.0.0.1:8000/fhir"},
        {"base_url": "http://[::1]:8000/fhir"},
        {"base_url": "http://localhost/fhir"},
        {"level": "system", "group_id": None},
        {"client_id": "a", "key_file": "k.pem"},
        {"proxy": "http://proxy.example.org:3128"},
        {"client_id": "a", "key_variable": "EQUITY_KEY"},
        {"type_filters": ["Observation?category=laboratory&code=4548-4,17856-6"]},
    ],
)
def test_good_settings(own: dict[str, Any]) -> None:
    FhirBulkSource.model_validate({**GOOD, **own})


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"base_url": "http://ehr.example.org/fhir"}, "begins with https"),
        ({"base_url": "http://127.0.0.1.example.org/fhir"}, "begins with https"),
        ({"base_url": "ftp://ehr.example.org/fhir"}, "begins with https"),
        ({"base_url": "https://user:word@ehr.example.org/fhir"}, "without user"),
        ({"base_url": "https://ehr.example.org/fhir?key=1"}, "without user, query"),
        ({"base_url": "ehr.example.org"}, "is an address"),
        ({"token_url": "http://ehr.example.org/token"}, "begins with https"),
        ({"group_id": None}, "`group_id` goes with"),
        ({"level": "patient"}, "`group_id` goes with"),
        ({"group_id": "../Patient"}, "a FHIR id"),
        ({"types": []}, "Patient among them"),
        ({"types": ["Condition"]}, "Patient among them"),
        ({"types": ["Patient", "Patient"]}, "each type once"),
        ({"types": ["Patient", "Condition,Device"]}, "FHIR resource types"),
        ({"type_filters": ["Observation"]}, "Type?search"),
        ({"type_filters": ["Device?x=1"]}, "one of the `types`"),
        ({"type_filters": ["Observation?code=1&_sort=date"]}, "without _sort"),
        ({"type_filters": ["Observation?_include=Observation:subject"]}, "without _sort"),
        ({"client_id": "a"}, "one private key"),
        ({"key_file": "k.pem"}, "one private key"),
        ({"client_id": "a", "key_file": "k.pem", "key_variable": "K"}, "one private key"),
        ({"client_id": "a", "key_variable": "-----BEGIN PRIVATE KEY-----"}, "not the key itself"),
        ({"client_id": "a", "key_file": "-----BEGIN PRIVATE KEY-----"}, "not the key itself"),
        ({"client_id": "a", "key_file": '{"kty": "EC"}'}, "not the key itself"),
        ({"longest_pull_hours": 0}, "greater than 0"),
        ({"proxy": "http://user:word@proxy.example.org"}, "without user"),
        ({"proxy": "proxy.example.org:3128"}, "without user"),
        ({"versoin": "2"}, "not permitted"),
    ],
)
def test_what_cannot_be_meant_is_refused(own: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as error:
        FhirBulkSource.model_validate({**GOOD, **own})
    assert said in error.value.errors()[0]["msg"]


def test_the_types_asked_for_are_those_that_are_read() -> None:
    assert set(DEFAULT_TYPES) == set(TYPES) - {"EpisodeOfCare"}  # which few servers have


def test_every_setting_is_documented() -> None:
    page = (PROJECT_ROOT / "docs" / "sources" / "fhir_bulk.md").read_text(encoding="utf-8")
    assert {name for name in FhirBulkSource.model_fields if f"| `{name}` |" not in page} == set()


@pytest.mark.parametrize(
    "line",
    [
        'base_url = "https://user:Pa55word@ehr.example.org/fhir"',
        'proxy = "http://user:Pa55word@proxy.example.org"',
        'key_variable = "-----BEGIN PRIVATE KEY-----Pa55word"',
        'key_file = "-----BEGIN PRIVATE KEY-----Pa55word"',
        'client_secret = "Pa55word"',
    ],
)
def test_a_secret_in_the_wrong_place_is_not_repeated(tmp_path: Path, line: str) -> None:
    base = "" if line.startswith("base_url") else 'base_url = "https://ehr.example.org/fhir"\n'
    text = f'[[sources]]\ntype = "fhir_bulk"\ngroup_id = "g"\n{base}{line}\n'
    (tmp_path / "equity.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match="may be a secret") as error:
        load_settings(tmp_path / "equity.toml")
    assert "Pa55word" not in str(error.value)
