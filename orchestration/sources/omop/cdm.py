"""The tables and columns of OMOP CDM 5.4 that are read, and of PEDSnet's extension of it. No patient data here.

Source: OMOP Common Data Model 5.4 (ohdsi.github.io/CommonDataModel); PEDSnet's `location_history` and `location_fips`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from orchestration.sources.omop import concepts

# integer: a number or NULL. text: trimmed, '' as NULL. as_is: dates and values, which the warehouse's checks judge.
Kind = Literal["integer", "text", "as_is"]


@dataclass(frozen=True)
class CdmTable:
    """One table. `needed` columns must be there; `key` tells its rows apart where it is looked up.

    `else_columns`: which column stands in for one that is absent. `wanted`: an SQL condition for the rows that are read
    from a database, and where the table is looked up; the files of a folder are read whole.
    """

    name: str
    columns: Mapping[str, Kind]
    needed: tuple[str, ...]
    key: str
    else_columns: Mapping[str, str] = field(default_factory=dict)
    wanted: str = ""
    is_vocabulary: bool = False


def _integers(*names: str) -> dict[str, Kind]:
    return {name: "integer" for name in names}


def _texts(*names: str) -> dict[str, Kind]:
    return {name: "text" for name in names}


def _as_is(*names: str) -> dict[str, Kind]:
    return {name: "as_is" for name in names}


_TABLES = (
    CdmTable(
        "person",
        {
            **_integers("person_id", "gender_concept_id", "year_of_birth", "month_of_birth", "day_of_birth"),
            **_as_is("birth_datetime"),
            **_integers("race_concept_id", "ethnicity_concept_id", "location_id", "care_site_id"),
            **_texts("gender_source_value", "race_source_value", "ethnicity_source_value"),
            **_integers("language_concept_id"),
            **_texts("language_source_value"),
        },
        ("person_id", "gender_concept_id", "year_of_birth", "race_concept_id", "ethnicity_concept_id"),
        "person_id",
    ),
    CdmTable(
        "observation_period",
        {
            **_integers("observation_period_id", "person_id"),
            **_as_is("observation_period_start_date", "observation_period_end_date"),
        },
        ("person_id", "observation_period_start_date", "observation_period_end_date"),
        "observation_period_id",
    ),
    CdmTable(
        "death",
        {**_integers("person_id"), **_as_is("death_date")},
        ("person_id", "death_date"),
        "person_id",
        {"death_date": "death_datetime"},
    ),
    CdmTable(
        "visit_occurrence",
        {
            **_integers("visit_occurrence_id", "person_id", "visit_concept_id", "provider_id", "care_site_id"),
            **_as_is("visit_start_date", "visit_end_date"),
            **_texts("visit_source_value"),
        },
        ("visit_occurrence_id", "person_id", "visit_concept_id", "visit_start_date", "visit_end_date"),
        "visit_occurrence_id",
        {"visit_start_date": "visit_start_datetime", "visit_end_date": "visit_end_datetime"},
    ),
    CdmTable(
        "condition_occurrence",
        {
            **_integers("condition_occurrence_id", "person_id", "condition_concept_id", "visit_occurrence_id"),
            **_integers("condition_type_concept_id", "condition_status_concept_id", "condition_source_concept_id"),
            **_as_is("condition_start_date"),
            **_texts("condition_source_value"),
        },
        ("condition_occurrence_id", "person_id", "condition_concept_id", "condition_start_date"),
        "condition_occurrence_id",
        {"condition_start_date": "condition_start_datetime"},
    ),
    CdmTable(
        "measurement",
        {
            **_integers("measurement_id", "person_id", "measurement_concept_id", "measurement_source_concept_id"),
            **_integers("unit_concept_id"),
            **_as_is("measurement_date", "value_as_number"),
            **_texts("measurement_source_value", "unit_source_value", "value_source_value"),
        },
        ("measurement_id", "person_id", "measurement_concept_id", "measurement_date", "value_as_number"),
        "measurement_id",
        {"measurement_date": "measurement_datetime"},
    ),
    CdmTable(
        "observation",
        {
            **_integers("observation_id", "person_id", "observation_concept_id", "observation_type_concept_id"),
            **_integers("value_as_concept_id"),
            **_texts("value_as_string", "value_source_value", "qualifier_source_value"),
        },
        ("observation_id", "person_id", "observation_concept_id", "value_as_concept_id"),
        "observation_id",
        wanted=f"observation_concept_id in ({concepts.listed(concepts.RACE_QUESTIONS)})",
    ),
    CdmTable(
        "payer_plan_period",
        {
            **_integers("payer_plan_period_id", "person_id", "payer_concept_id"),
            **_as_is("payer_plan_period_start_date", "payer_plan_period_end_date"),
            **_texts("payer_source_value"),
        },
        ("person_id", "payer_plan_period_start_date", "payer_plan_period_end_date"),
        "payer_plan_period_id",
    ),
    CdmTable("location", _integers("location_id"), ("location_id",), "location_id"),
    CdmTable(
        "location_history",
        {
            **_integers("location_history_id", "location_id", "entity_id"),
            **_texts("domain_id"),
            **_as_is("start_date", "end_date"),
        },
        ("location_id", "entity_id", "start_date"),
        "location_history_id",
        {"start_date": "start_datetime", "end_date": "end_datetime"},
    ),
    CdmTable(
        "location_fips",
        {
            **_integers("geocode_id", "location_id", "geocode_year"),
            **_texts("geocode_state", "geocode_county", "geocode_tract"),
        },
        ("location_id", "geocode_state", "geocode_county", "geocode_tract", "geocode_year"),
        "geocode_id",
    ),
    CdmTable(
        "care_site",
        {**_integers("care_site_id"), **_texts("care_site_name", "care_site_source_value")},
        ("care_site_id",),
        "care_site_id",
    ),
    CdmTable(
        "provider",
        {**_integers("provider_id", "specialty_concept_id"), **_texts("specialty_source_value")},
        ("provider_id",),
        "provider_id",
    ),
    CdmTable(
        "concept",
        {**_integers("concept_id"), **_texts("concept_name", "domain_id", "vocabulary_id", "concept_code")},
        ("concept_id", "vocabulary_id", "concept_code"),
        "concept_id",
        is_vocabulary=True,
    ),
    CdmTable(
        "concept_ancestor",
        _integers("ancestor_concept_id", "descendant_concept_id", "min_levels_of_separation"),
        ("ancestor_concept_id", "descendant_concept_id", "min_levels_of_separation"),
        "descendant_concept_id",
        wanted=f"ancestor_concept_id in ({concepts.listed(concepts.ANCESTORS)})",
        is_vocabulary=True,
    ),
)

CDM: dict[str, CdmTable] = {table.name: table for table in _TABLES}
REQUIRED = ("person", "concept")
