"""Addresses (PEDSnet's location history, else the last known address) and insurance."""

from __future__ import annotations

from orchestration.settings_omop import OmopSource
from orchestration.sources import sql
from orchestration.sources.layout import ADDRESSES, COVERAGE
from orchestration.sources.omop.reading import Reading, Remark

# Source of payment typology: the first digit is the kind of payer.
_PAYERS = {"1": "medicare", "2": "medicaid", "3": "other government", "5": "private", "6": "private", "8": "self_pay"}


def location_history(source: OmopSource) -> Reading:
    """One row per person and span in `location_history`, with the tract that `location_fips` has for the place.

    Where a place has tracts of several censuses, the one of `tract_vintage` is taken. Places of others are left out.
    """
    select = f"""
        with fips as (
            select
                location_id, geocode_year,
                geocode_state || geocode_county || geocode_tract as tract_geoid,
                row_number() over (
                    partition by location_id
                    order by
                        case when geocode_year = {source.tract_vintage} then 0 else 1 end, geocode_year desc, geocode_id
                ) as place
            from location_fips
        )
        select
            cast(main.entity_id as varchar) as patient_id,
            fips.tract_geoid,
            coalesce(fips.geocode_year, {source.tract_vintage}) as tract_vintage,
            main.start_date as starts_on,
            main.end_date as ends_on,
            main._source_row
        from main left join fips on main.location_id = fips.location_id and fips.place = 1
        where coalesce(upper(main.domain_id) = 'PERSON', true)
        order by main._source_row
    """
    return Reading(
        ADDRESSES,
        "location_history",
        select,
        {"location_fips": ""},
        leaves_out=True,
        remarks=(Remark("tract_geoid is null", "addresses have no tract in location_fips"),),
    )


def last_known(source: OmopSource, tract_column: str) -> Reading:
    """One row per person with a place: the last known one, from the first day the registry follows the person."""
    select = f"""
        with periods as (
            select person_id, min(cast(observation_period_start_date as varchar)) as starts_on
            from observation_period group by person_id
        )
        select
            cast(main.person_id as varchar) as patient_id,
            location.{sql.name(tract_column)} as tract_geoid,
            {source.tract_vintage} as tract_vintage,
            periods.starts_on,
            main._source_row
        from main
        left join location on main.location_id = location.location_id
        left join periods on main.person_id = periods.person_id
        where main.location_id is not null
        order by main._source_row
    """
    said = "addresses are the last known ones: OMOP keeps no earlier ones, so moves cannot be seen"
    return Reading(
        ADDRESSES,
        "person",
        select,
        {"location": "", "observation_period": ""},
        leaves_out=True,
        remarks=(Remark("true", said),),
    )


def coverage(source: OmopSource) -> Reading:
    """One row per payer plan period. A payer concept of the typology is read by its first digit."""
    cases = " ".join(f"when {sql.text(digit)} then {sql.text(word)}" for digit, word in _PAYERS.items())
    select = f"""
        select
            cast(main.person_id as varchar) as patient_id,
            coalesce(
                case when concept.vocabulary_id = 'SOPT' then case left(concept.concept_code, 1) {cases} end end,
                main.payer_source_value
            ) as payer,
            main.payer_plan_period_start_date as starts_on,
            main.payer_plan_period_end_date as ends_on,
            main._source_row
        from main left join concept on main.payer_concept_id = concept.concept_id
        order by main._source_row
    """
    return Reading(COVERAGE, "payer_plan_period", select, {"concept": "vocabulary_id = 'SOPT'"})
