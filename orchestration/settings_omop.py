"""Settings of the sources that come in somebody else's data model: an OMOP database or export, a Synthea export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OmopPostgres(_Strict):
    """Where an OMOP database on PostgreSQL is and as whom it is read. The password stands in the environment only."""

    host: str
    port: Annotated[int, Field(ge=1, le=65535)] = 5432
    database: str
    user: str
    password_variable: str | None = None
    role: str | None = None
    cdm_schema: str = "public"
    vocabulary_schema: str | None = None
    sslmode: Literal["disable", "prefer", "require", "verify-ca", "verify-full"] = "require"
    ssl_root_certificate: Path | None = None
    connect_timeout_seconds: Annotated[int, Field(ge=1, le=600)] = 30


class OmopSource(_Strict):
    """An OMOP CDM 5.4 instance: a folder of CSV, CSV.gz or Parquet files, a DuckDB file, or PostgreSQL."""

    type: Literal["omop"] = "omop"
    name: str = "omop"
    path: Path | None = None
    duckdb_schema: str = "main"
    postgres: OmopPostgres | None = None
    source_values: Path | None = None
    incomplete_birth_date: Literal["set_aside", "middle"] = "set_aside"
    condition_codes: Literal["source", "standard"] = "source"
    condition_types: tuple[int, ...] = ()
    site_from: Literal["person", "visits"] = "person"
    diabetes_services: tuple[str, ...] = ()
    tract_vintage: Literal[2010, 2020] = 2020
    location_tract_column: str | None = None

    @model_validator(mode="after")
    def _one_place(self) -> OmopSource:
        if (self.path is None) == (self.postgres is None):
            raise ValueError("an omop source has either `path` (a folder or a DuckDB file) or `postgres`")
        return self


class SyntheaSource(_Strict):
    """Synthea's CSV export: the folder with patients.csv, encounters.csv, conditions.csv and the others."""

    type: Literal["synthea"] = "synthea"
    name: str = "synthea"
    path: Path
