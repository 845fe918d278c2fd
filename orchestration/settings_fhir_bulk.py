"""Settings of a `fhir_bulk` source: which export of which FHIR server, and who asks for it. No secret stands here."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from orchestration.settings_fhir import FhirReading

Version = Literal["auto", "1", "2", "3", "4"]
# What the registry is made of; EpisodeOfCare is read too, where a server has it.
DEFAULT_TYPES = (
    *("Condition", "Coverage", "Encounter", "Location"),
    *("Observation", "Organization", "Patient", "Provenance"),
)
_RESOURCE_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")
_FHIR_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Search results cannot be shaped in an export: it is a filter, nothing else.
_RESULT_PARAMETER = re.compile(r"[?&]_(include|revinclude|sort|count|summary|elements|contained|total|has)\b")


class FhirBulkSource(FhirReading):
    """An EHR that answers FHIR Bulk Data `$export`, versions 1 to 4, with SMART Backend Services or without.

    What names the server and the client stays out of dumps of the settings: a release must not carry it.
    """

    type: Literal["fhir_bulk"] = "fhir_bulk"
    name: str = "fhir_bulk"
    base_url: Annotated[str, Field(exclude=True)]
    level: Literal["group", "patient", "system"] = "group"
    group_id: Annotated[str | None, Field(exclude=True)] = None
    types: tuple[str, ...] = DEFAULT_TYPES
    type_filters: tuple[str, ...] = ()
    version: Version = "auto"
    mode: Literal["incremental", "full"] = "incremental"
    full_every_days: Annotated[int, Field(ge=1)] | None = None
    on_server_errors: Literal["warn", "refuse"] = "warn"
    client_id: Annotated[str | None, Field(exclude=True)] = None
    key_file: Annotated[Path | None, Field(exclude=True)] = None
    key_variable: Annotated[str | None, Field(exclude=True)] = None
    key_id: Annotated[str | None, Field(exclude=True)] = None
    token_url: Annotated[str | None, Field(exclude=True)] = None
    scopes: tuple[str, ...] = ()
    ca_file: Annotated[Path | None, Field(exclude=True)] = None
    proxy: Annotated[str | None, Field(exclude=True)] = None
    longest_pull_hours: Annotated[float, Field(gt=0, le=720)] = 24.0

    @field_validator("base_url", "token_url")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if not parts.hostname or parts.query or parts.fragment or parts.username or parts.password:
            raise ValueError("is an address without user, query and fragment, as in https://host/fhir")
        if not is_protected(value):
            raise ValueError("begins with https:// (http:// is for this machine only)")
        return value.rstrip("/")

    @field_validator("proxy")
    @classmethod
    def _proxy(cls, value: str | None) -> str | None:
        if value is not None:
            parts = urlsplit(value)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.path.strip("/"):
                raise ValueError("is an address without user and path, as in http://proxy.example.org:3128")
        return value

    @field_validator("types")
    @classmethod
    def _types(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "Patient" not in value or len(set(value)) != len(value):
            raise ValueError("names each type once, Patient among them")
        if not all(_RESOURCE_TYPE.fullmatch(name) for name in value):
            raise ValueError("names FHIR resource types")
        return value

    @field_validator("key_variable")
    @classmethod
    def _variable(cls, value: str | None) -> str | None:
        if value is not None and not _VARIABLE.fullmatch(value):
            raise ValueError("is the name of an environment variable, not the key itself")
        return value

    @field_validator("key_file")
    @classmethod
    def _file(cls, value: Path | None) -> Path | None:
        if value is not None and ("PRIVATE KEY" in str(value) or "\n" in str(value) or "{" in str(value)):
            raise ValueError("is the path of a file, not the key itself")
        return value

    @model_validator(mode="after")
    def _together(self) -> FhirBulkSource:
        if (self.level == "group") != (self.group_id is not None):
            raise ValueError('`group_id` goes with level = "group", and only with it')
        if self.group_id is not None and not _FHIR_ID.fullmatch(self.group_id):
            raise ValueError("`group_id` is a FHIR id: letters, digits, - and .")
        for one in self.type_filters:
            name, mark, query = one.partition("?")
            if not mark or not query or name not in self.types or _RESULT_PARAMETER.search(one):
                raise ValueError(
                    "each of `type_filters` is Type?search, of one of the `types`, without _sort and the like"
                )
        n_keys = (self.key_file is not None) + (self.key_variable is not None)
        if n_keys != (self.client_id is not None):
            raise ValueError("`client_id` goes with one private key: `key_file` or `key_variable`")
        return self


def is_protected(url: str) -> bool:
    """Whether what is sent there is encrypted on the way, or does not leave this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return True
    return parts.scheme == "http" and _is_loopback(parts.hostname or "")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
