"""Which SELECTs run for the OMOP tables that are there, and what the operator should know about those that are not."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from orchestration.settings_omop import OmopSource
from orchestration.sources.omop import care, people, places, race
from orchestration.sources.omop.cdm import CDM
from orchestration.sources.omop.reading import Reading
from orchestration.sources.omop.rules import load_source_values


@dataclass(frozen=True)
class Plan:
    """SELECTs in the layout's order of tables, and notes."""

    readings: tuple[Reading, ...]
    notes: tuple[str, ...]


def plan_readings(source: OmopSource, tables: Collection[str]) -> Plan:
    """The plan for a source that has these `tables`. Raises SettingsError when the list of source values is wrong."""
    values = load_source_values(source.source_values)
    readings = [people.patients(source), race.race(source, values), race.ethnicity(source, values)]
    if "observation" in tables:
        readings.append(race.details(source, values))
    readings.append(people.languages(source))
    if "location_history" in tables:
        readings.append(places.location_history(source))
    elif source.location_tract_column and "location" in tables:
        readings.append(places.last_known(source, source.location_tract_column))
    for table, reading in (
        ("payer_plan_period", places.coverage),
        ("visit_occurrence", care.encounters),
        ("condition_occurrence", care.conditions),
        ("measurement", care.observations),
    ):
        if table in tables:
            readings.append(reading(source))
    return Plan(tuple(readings), _notes(source, tables, {reading.table.name for reading in readings}))


def _notes(source: OmopSource, tables: Collection[str], filled: set[str]) -> tuple[str, ...]:
    absent = [table for table in CDM if table not in tables]
    notes = [f"{source.name} has no {', '.join(absent)}"] if absent else []
    if "addresses" not in filled:
        notes.append(
            f"{source.name} has no addresses with tracts of its own: neither location_history nor"
            " `location_tract_column` is there, so a geocoder's file (geocode_files) would have to bring them"
        )
    if "concept_ancestor" in absent and "visit_occurrence" in tables:
        notes.append(
            f"{source.name}: without concept_ancestor only the visit concepts in docs/sources/omop.md have a class"
        )
    return tuple(notes)
