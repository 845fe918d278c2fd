"""The registry layout as data: which tables a registry consists of, their columns and what each column means.

Pulling, mapping files, the warehouse's views and the documentation page all read it here and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass

# Part of every extract's identity: raise it when the meaning of a pulled column changes, and everything is pulled anew.
LAYOUT_VERSION = 2


@dataclass(frozen=True)
class Column:
    """One column. `is_optional`: its values may be empty and the column may be left out. `type`: as an empty view."""

    name: str
    meaning: str
    is_optional: bool = False
    type: str = "VARCHAR"


@dataclass(frozen=True)
class Table:
    """One table: what a row is, and its columns in order. Without `is_required` the files may be absent."""

    name: str
    grain: str
    columns: tuple[Column, ...]
    is_required: bool = False

    @property
    def column_names(self) -> tuple[str, ...]:
        """Every column, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def required_names(self) -> tuple[str, ...]:
        """The columns that a file must have."""
        return tuple(column.name for column in self.columns if not column.is_optional)


def _optional(name: str, meaning: str) -> Column:
    return Column(name, meaning, is_optional=True)


_PATIENT_ID = Column("patient_id", "the person, as in `patients`")

PATIENTS = Table(
    "patients",
    "person",
    (
        Column("patient_id", "the registry's own identifier of the person"),
        Column("birth_date", "date of birth, 1900 or later"),
        Column("sex", "F, M, X or U, or the words of `seeds/sex_map.csv`"),
        _optional(
            "site_id",
            "clinic that looks after the person; not `all` or `not_recorded`, which have a meaning of their own",
        ),
        _optional("enrolled_on", "first day the registry follows the person"),
        _optional("left_on", "last day the registry follows the person"),
        _optional("death_date", "date of death"),
    ),
    is_required=True,
)
RACE_ETHNICITY = Table(
    "race_ethnicity",
    "value that one source recorded for a person: several rows for several races, for ethnicity, for each source",
    (
        _PATIENT_ID,
        Column("source_system", "system or form that recorded the value"),
        Column("value", "code or text, as in `seeds/race_ethnicity_map.csv`; empty means that nobody asked"),
        _optional("standard", "omb1997 or omb2024: the standard that the form followed"),
        _optional("capture_method", "self, proxy, observed, imputed or unknown"),
        _optional("recorded_on", "day it was recorded"),
    ),
)
LANGUAGES = Table(
    "languages",
    "language recorded for a person",
    (
        _PATIENT_ID,
        Column("language", "BCP 47 tag or ISO 639 code"),
        _optional("recorded_on", "day it was recorded"),
    ),
)
ADDRESSES = Table(
    "addresses",
    "span of time that a person lived in one census tract",
    (
        _PATIENT_ID,
        Column("tract_geoid", "11 digits as text, leading zero included"),
        Column("tract_vintage", "2010 or 2020: the census whose tracts these are"),
        Column("starts_on", "first day at the address"),
        _optional("ends_on", "last day at the address; empty while it holds"),
        _optional("registry_source", "name of the source whose person this is, where it is another one"),
        _optional("geocode_status", "matched, or why what the geocoder found cannot be used"),
        _optional("geocode_precision", "what the geocoder matched: range, street, …"),
        _optional("geocode_score", "the geocoder's score, 0 to 1"),
    ),
)
COVERAGE = Table(
    "coverage",
    "span of time that a person had one payer",
    (
        _PATIENT_ID,
        Column("payer", "code or text, as in `seeds/payer_map.csv`"),
        Column("starts_on", "first day covered"),
        _optional("ends_on", "last day covered; empty while it holds"),
    ),
)
ENCOUNTERS = Table(
    "encounters",
    "encounter",
    (
        Column("encounter_id", "the source's identifier of the encounter"),
        _PATIENT_ID,
        Column("encounter_class", "ED, inpatient or outpatient, or the words of `seeds/encounter_class_map.csv`"),
        _optional("service", "diabetes, primary_care, …: who saw the person"),
        Column("starts_on", "first day of the encounter"),
        _optional("ends_on", "day of discharge; empty while an inpatient stay lasts"),
        _optional("primary_dx", "ICD-10-CM code of the main reason"),
    ),
)
CONDITIONS = Table(
    "conditions",
    "diagnosis recorded for a person",
    (
        _PATIENT_ID,
        Column("code", "ICD-10-CM, or whatever coding the cohort's `condition_prefixes` name"),
        Column("onset_on", "day of onset or of first record"),
    ),
)
OBSERVATIONS = Table(
    "observations",
    "result",
    (
        Column("observation_id", "the source's identifier of the result"),
        _PATIENT_ID,
        Column("code", "LOINC; `seeds/hba1c_codes.csv` lists the HbA1c codes"),
        Column("observed_on", "day the sample was taken"),
        Column("value", "the result; HbA1c in % (NGSP) or mmol/mol (IFCC)"),
        _optional("unit", "% or mmol/mol for HbA1c; empty means the usual unit of the code"),
        _optional("resulted_on", "day the result came in"),
    ),
)
TRACT_MEASURES = Table(
    "tract_measures",
    "tract, measure and category of an area source",
    (
        Column("tract_geoid", "11 digits as text; 5 where `area_level` is county"),
        Column("tract_vintage", "2010 or 2020", type="INTEGER"),
        Column("data_year", "last year of the data", type="INTEGER"),
        Column("measure", "child_population, poverty, deprivation, children_by_race, or another that is kept beside"),
        Column("category", "race category of children_by_race, else ''"),
        Column("value", "the number as text; NULL where the source says that it is missing"),
        Column("direction", "higher_is_worse, higher_is_better, count or composition"),
        _optional("area_level", "tract or county; empty means tract"),
        _optional("moe", "margin of error of the value, 90 %, as text"),
        Column("is_unreliable", "whether the coefficient of variation is above the limit", True, "BOOLEAN"),
        _optional("missing_reason", "why there is no value, as the source says it"),
        _optional("release", "edition of the index, or vintage of the survey"),
    ),
)
TRACT_CROSSWALK = Table(
    "tract_crosswalk",
    "part of a tract of one census in a tract of another",
    (
        Column("from_geoid", "11 digits as text"),
        Column("from_vintage", "2010 or 2020", type="INTEGER"),
        Column("to_geoid", "11 digits as text"),
        Column("to_vintage", "2010 or 2020", type="INTEGER"),
        Column("weight", "share of the from-tract that lies in the to-tract; sums to 1 per from-tract", type="DOUBLE"),
        Column("part_size", "land area in m² or people of the part, as `basis` says", True, "DOUBLE"),
        Column("basis", "what the shares are of: people, land area, or supplied"),
    ),
)

IDENTITY_MAP = Table(
    "identity_map",
    "record that belongs to a person",
    (
        Column("record_source", "`name` of the source that has the record"),
        Column("patient_id", "the record, as in that source's `patients`"),
        Column("person_id", "the person: records with the same one are one person's"),
    ),
)

REGISTRY: dict[str, Table] = {
    table.name: table
    for table in (
        *(PATIENTS, RACE_ETHNICITY, LANGUAGES, ADDRESSES, COVERAGE),
        *(ENCOUNTERS, CONDITIONS, OBSERVATIONS),
    )
}
# Every table that the warehouse shows in schema `raw`.
RAW_TABLES: dict[str, Table] = {
    **REGISTRY,
    IDENTITY_MAP.name: IDENTITY_MAP,
    TRACT_MEASURES.name: TRACT_MEASURES,
    TRACT_CROSSWALK.name: TRACT_CROSSWALK,
}
