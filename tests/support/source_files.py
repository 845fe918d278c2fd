"""Small source files on disk, and what a pull makes of them, for the tests of the sources."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from orchestration.settings import RegistryFilesSource, Settings, Source
from orchestration.sources.pull import pull_source
from orchestration.sources.raw_zone import PulledFile, RawZone, zone_of
from orchestration.sources.warehouse import prepare

AS_OF = dt.date(2026, 6, 30)
PATIENTS = "patient_id,birth_date,sex\np1,2010-01-01,F\np2,2011-02-02,M\n"


@dataclass
class Place:
    """A folder for one registry (`data`), its settings, and what was said during the last pull."""

    root: Path
    said: list[str] = field(default_factory=list)
    mode: str = "snapshot"
    has_mapping: bool = False
    name: str = "registry"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def source(self) -> RegistryFilesSource:
        mapping = self.root / "mapping.yml" if self.has_mapping else None
        return RegistryFilesSource(name=self.name, path=self.data, mapping=mapping, mode=self.mode)

    @property
    def settings(self) -> Settings:
        return Settings(data_dir=self.root / "var", as_of=AS_OF, sources=(self.source,))

    @property
    def zone(self) -> RawZone:
        return zone_of(self.settings.raw_dir, self.name)

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def write_parquet(self, name: str, query: str) -> Path:
        path = self.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with duckdb.connect() as con:
            con.execute(f"copy ({query}) to '{path}' (format parquet)")
        return path

    def map(self, yaml: str) -> None:
        self.has_mapping = True
        (self.root / "mapping.yml").write_text(yaml, encoding="utf-8")

    def pull(self) -> list[PulledFile]:
        self.said.clear()
        return pull_source(self.source, self.settings, self.said.append)

    def rows(self, table: str, columns: str = "*") -> list[tuple[Any, ...]]:
        """The rows of `raw.<table>` in the warehouse that is prepared for it."""
        return query(self.settings, f"select {columns} from raw.{table} order by all")


def query(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    """Prepare the warehouse anew and ask it."""
    prepare(settings, "run-1", "tests")
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as con:
        return con.execute(sql).fetchall()


def frame(settings: Settings, sql: str) -> pd.DataFrame:
    """The same as a frame."""
    prepare(settings, "run-1", "tests")
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as con:
        return con.execute(sql).df()


def pull_all(settings: Settings) -> dict[str, list[PulledFile]]:
    """Pull every source of the settings, by its name."""
    sources: tuple[Source, ...] = settings.sources
    return {source.name: pull_source(source, settings, lambda _: None) for source in sources}
