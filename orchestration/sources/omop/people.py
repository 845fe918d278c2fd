"""Patients and languages out of `person`, with `observation_period`, `death` and `care_site`."""

from __future__ import annotations

from orchestration.settings_omop import OmopSource
from orchestration.sources.layout import LANGUAGES, PATIENTS
from orchestration.sources.omop import concepts
from orchestration.sources.omop.reading import Reading, Remark
from orchestration.sources.omop.rules import case_of

# The date's parts come first: a date and time may have been moved across midnight by a time zone.
_BIRTH = """
    coalesce(
        try_cast(format('{:04d}-{:02d}-{:02d}', year_of_birth, month_of_birth, day_of_birth) as date),
        case
            when
                coalesce(year_of_birth = year(born_at), true) and coalesce(month_of_birth = month(born_at), true)
                and coalesce(day_of_birth = day(born_at), true)
                then born_at
        end"""
# Halfway through what is not known: at most half a month, or half a year, away from the day itself.
_MIDDLE = """,
        case
            when day_of_birth is null
                then try_cast(format(
                    '{:04d}-{:02d}-{:02d}', year_of_birth, coalesce(month_of_birth, 7),
                    case when month_of_birth is null then 1 else 15 end
                ) as date)
        end"""
_MOST_VISITED = """
    select person_id, care_site_id from (
        select
            person_id, care_site_id,
            row_number() over (
                partition by person_id
                order by count(*) desc, max(cast(visit_start_date as varchar)) desc, care_site_id
            ) as place
        from visit_occurrence
        where care_site_id is not null
        group by person_id, care_site_id
    ) where place = 1
"""


def patients(source: OmopSource) -> Reading:
    """One row per person. Several observation periods become one span, from the first day of all to the last."""
    by_visits = source.site_from == "visits"
    select = f"""
        with person as (select *, try_cast(birth_datetime as date) as born_at from main),
        periods as (
            select
                person_id,
                min(cast(observation_period_start_date as varchar)) as enrolled_on,
                max(cast(observation_period_end_date as varchar)) as left_on
            from observation_period group by person_id
        ),
        deaths as (select person_id, min(cast(death_date as varchar)) as death_date from death group by person_id)
        {", visited as (" + _MOST_VISITED + ")" if by_visits else ""}
        select
            cast(person.person_id as varchar) as patient_id,
            {_BIRTH}{_MIDDLE if source.incomplete_birth_date == "middle" else ""}
            ) as birth_date,
            {case_of("gender_concept_id", concepts.SEXES, "gender_source_value")} as sex,
            coalesce(care_site_name, care_site_source_value, cast(care_site.care_site_id as varchar)) as site_id,
            periods.enrolled_on,
            periods.left_on,
            deaths.death_date,
            person._source_row
        from person
        left join periods on person.person_id = periods.person_id
        left join deaths on person.person_id = deaths.person_id
        {"left join visited on person.person_id = visited.person_id" if by_visits else ""}
        left join care_site on {"visited" if by_visits else "person"}.care_site_id = care_site.care_site_id
        order by person._source_row
    """
    looks_up = {"observation_period": "", "death": "", "care_site": ""}
    if by_visits:
        looks_up["visit_occurrence"] = "care_site_id is not null"
    return Reading(
        PATIENTS,
        "person",
        select,
        looks_up,
        remarks=(
            Remark(
                "birth_date is null",
                'people have no whole date of birth and are set aside; `incomplete_birth_date = "middle"` would take '
                "the middle of the month or year",
            ),
            Remark(
                "enrolled_on is null", "people have no observation period, so no first and last day of being followed"
            ),
        ),
    )


def languages(source: OmopSource) -> Reading:
    """One row per person with a language, as PEDSnet keeps it. Everybody else is left out."""
    name = "regexp_replace(lower(concept.concept_name), ' language$', '')"
    select = f"""
        select
            cast(main.person_id as varchar) as patient_id,
            {
        case_of(
            "main.language_concept_id",
            concepts.LANGUAGES,
            f"coalesce(case when main.language_concept_id > 0 then {name} end, main.language_source_value)",
        )
    } as language,
            main._source_row
        from main left join concept on main.language_concept_id = concept.concept_id
        where
            main.language_source_value is not null
            or main.language_concept_id not in (0, 44814650)
        order by main._source_row
    """
    return Reading(LANGUAGES, "person", select, {"concept": "domain_id = 'Language'"}, leaves_out=True)
