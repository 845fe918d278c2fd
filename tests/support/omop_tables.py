"""Small OMOP tables as text, written as CSV files, and what a pull makes of them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from orchestration.settings import Settings
from orchestration.settings_omop import OmopSource
from orchestration.sources.pull import pull_source
from orchestration.sources.raw_zone import PulledFile
from tests.support.source_files import query

AS_OF = dt.date(2026, 6, 30)
PERSON = "person_id gender_concept_id year_of_birth month_of_birth day_of_birth race_concept_id ethnicity_concept_id"
ONE = "1 8507 2010 5 31 8527 38003564"
# The concepts that the tests' codes need; the id says nothing but in the table.
CONCEPTS = """
    concept_id  concept_name            domain_id    vocabulary_id  concept_code
    0           No_matching_concept     Metadata     None           No_matching_concept
    3004410     HbA1c                   Measurement  LOINC          4548-4
    8554        percent                 Unit         UCUM           %
    9579        millimole_per_mole      Unit         UCUM           mmol/mol
    8753        millimole_per_liter     Unit         UCUM           mmol/L
    201254      Type_1_diabetes         Condition    SNOMED         46635009
    45533017    Type_1_diabetes         Condition    ICD10CM        E10.9
    45548022    DKA                     Condition    ICD10CM        E10.10
    4182347     Somali_language         Language     SNOMED         1
    331         Medicaid                Payer        SOPT           21
"""


def table(text: str) -> str:
    """CSV out of lines of words: `-` is an empty value, `_` a blank within one."""
    lines = [line.split() for line in text.strip().splitlines()]
    return "".join(",".join("" if word == "-" else word.replace("_", " ") for word in line) + "\n" for line in lines)


def header(columns: str) -> str:
    """The header of a `table` whose column names hold underscores."""
    return ",".join(columns.split()) + "\n"


class Omop:
    """A folder of OMOP files and its source; every table as a header of column names and rows."""

    def __init__(self, root: Path, **changes: object) -> None:
        self.root, self.folder, self.said = root, root / "omop", list[str]()
        self.folder.mkdir()
        self.source = OmopSource(path=self.folder, **changes)  # type: ignore[arg-type]
        lines = CONCEPTS.strip().splitlines()
        self.write("concept", lines[0], "\n".join(lines[1:]))

    @property
    def settings(self) -> Settings:
        return Settings(data_dir=self.root / "var", as_of=AS_OF, sources=(self.source,))

    def write(self, name: str, columns: str, rows: str, suffix: str = ".csv") -> Path:
        path = self.folder / f"{name}{suffix}"
        path.write_text(header(columns) + table(rows), encoding="utf-8")
        return path

    def pull(self) -> list[PulledFile]:
        self.said.clear()
        return pull_source(self.source, self.settings, self.said.append)

    def rows(self, name: str, columns: str) -> list[tuple[Any, ...]]:
        """Those columns of a table of the layout, once pulled, in order."""
        self.pull()
        return query(self.settings, f"select {columns} from raw.{name} order by all")
