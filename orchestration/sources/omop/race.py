"""Race and ethnicity: from `person`, from its source values where concept 0 says nothing, and from `observation`.

Each valid answer is kept beside any null flavour, and the warehouse lets the answer win (Themis). The day of an
observation is not taken as the day of recording: it is often just the last visit's.
"""

from __future__ import annotations

from orchestration.settings_omop import OmopSource
from orchestration.sources import sql
from orchestration.sources.layout import RACE_ETHNICITY
from orchestration.sources.omop import concepts
from orchestration.sources.omop.reading import Reading, Remark
from orchestration.sources.omop.rules import SourceValues, case_of, meant_by

_EHR, _SURVEY = "ehr", "survey"
_SEVERAL = concepts.listed(concepts.SEVERAL_RACES)
_NOT_SAID = sql.text(concepts.SEVERAL_NOT_SAID)
_UNSAID = Remark(
    f"value = {_NOT_SAID}",
    "people are recorded as of more than one race without saying which; they count as not recognized, not as another",
)
# A detailed race (Chinese, say) is of the nearest category above it.
_ABOVE = f"""
    select descendant_concept_id as concept_id,
        arg_min({case_of("ancestor_concept_id", {race: concepts.CATEGORIES[race] for race in concepts.RACES})},
            (min_levels_of_separation, ancestor_concept_id)) as category
    from concept_ancestor
    where ancestor_concept_id in ({concepts.listed(concepts.RACES)})
    group by descendant_concept_id
"""
_CAPTURE_WORDS = "('self', 'proxy', 'observed', 'imputed', 'unknown')"


def race(source: OmopSource, values: SourceValues) -> Reading:
    """One row per race in `person`; several where the source value names several and the concept cannot.

    A marker of several races gives way to the rows in `observation`, as does an answer that is repeated there.
    """
    answers = case_of("race_concept_id", concepts.NO_CATEGORY)
    no_category = f"race_concept_id in ({concepts.listed(concepts.NO_CATEGORY)})"
    select = f"""
        with above as ({_ABOVE}),
        {_details()},
        judged as (
            select
                main.person_id, main._source_row, main.race_concept_id,
                coalesce({case_of("main.race_concept_id", concepts.CATEGORIES)}, above.category) as category,
                {meant_by("main.race_source_value", values.as_map("race"))} as meant,
                details.categories
            from main
            left join above on main.race_concept_id = above.concept_id
            left join details on main.person_id = details.person_id
        ),
        answered as (
            select
                *,
                case
                    when category is not null then [category]
                    when {no_category} then [{answers}]
                    when race_concept_id in ({_SEVERAL}) and len(coalesce(meant, [])) < 2 then [{_NOT_SAID}]
                    else coalesce(meant, [null])
                end as answers
            from judged
        ),
        spread as (select person_id, _source_row, categories, unnest(answers) as answer from answered)
        select
            cast(person_id as varchar) as patient_id,
            {sql.text(_EHR)} as source_system,
            case when answer = 'more than one race' then {_NOT_SAID} else answer end as value,
            'unknown' as capture_method,
            _source_row
        from spread
        where
            categories is null
            or not (
                answer is null or answer in ({_NOT_SAID}, 'more than one race') or list_contains(categories, answer)
            )
        order by _source_row, value
    """
    looks_up = {"observation": _asked(), "concept_ancestor": ""}
    return Reading(RACE_ETHNICITY, "person", select, looks_up, leaves_out=True, remarks=(_UNSAID,))


def ethnicity(source: OmopSource, values: SourceValues) -> Reading:
    """One row per ethnicity in `person`; concept 0 may stand for several, and is read from the source value."""
    meanings = {concept: concepts.CATEGORIES[concept] for concept in (38003563, 38003564)}
    select = f"""
        with above as ({_ABOVE}),
        {_details()},
        spread as (
            select
                main.person_id, main._source_row, details.categories,
                unnest(case
                    when ethnicity_concept_id in ({concepts.listed([*meanings, *concepts.NO_ETHNICITY])})
                        then [{case_of("ethnicity_concept_id", {**meanings, **concepts.NO_ETHNICITY})}]
                    else {meant_by("ethnicity_source_value", values.as_map("ethnicity"))}
                end) as answer
            from main left join details on main.person_id = details.person_id
        )
        select
            cast(person_id as varchar) as patient_id,
            {sql.text(_EHR)} as source_system,
            answer as value,
            'unknown' as capture_method,
            _source_row
        from spread
        where answer is not null and not coalesce(list_contains(categories, answer), false)
        order by _source_row, value
    """
    looks_up = {"observation": _asked(), "concept_ancestor": ""}
    return Reading(RACE_ETHNICITY, "person", select, looks_up, leaves_out=True)


def details(source: OmopSource, values: SourceValues) -> Reading:
    """One row per answer in `observation`, by OHDSI's question (4013886) and by PEDSnet's (3050381)."""
    several = f"value_as_concept_id in ({_SEVERAL})"
    own_text = "coalesce(value_source_value, value_as_string)"
    select = f"""
        with above as ({_ABOVE}),
        spread as (
            select
                main.*,
                unnest(case
                    when {several} then []
                    when value_as_concept_id in ({concepts.listed(concepts.CATEGORIES)})
                        then [{case_of("value_as_concept_id", concepts.CATEGORIES)}]
                    when value_as_concept_id in ({concepts.listed(concepts.NO_CATEGORY)})
                        then [{case_of("value_as_concept_id", concepts.NO_CATEGORY)}]
                    when above.category is not null then [above.category]
                    else coalesce({meant_by(own_text, values.as_map("race"))}, [null])
                end) as answer
            from main left join above on main.value_as_concept_id = above.concept_id
            where {_asked()}
        )
        select
            cast(person_id as varchar) as patient_id,
            case when observation_type_concept_id in ({concepts.listed(concepts.SURVEY_TYPES)})
                then {sql.text(_SURVEY)} else {sql.text(_EHR)} end as source_system,
            case when answer = 'more than one race' then {_NOT_SAID} else answer end as value,
            case
                when lower(qualifier_source_value) in {_CAPTURE_WORDS} then lower(qualifier_source_value)
                when observation_type_concept_id in ({concepts.listed(concepts.OBSERVED_TYPES)}) then 'observed'
                else {case_of("observation_type_concept_id", dict(concepts.SURVEY_TYPES), "'unknown'")}
            end as capture_method,
            _source_row
        from spread
        order by _source_row, value
    """
    return Reading(RACE_ETHNICITY, "observation", select, {"concept_ancestor": ""}, leaves_out=True)


def _asked() -> str:
    return f"observation_concept_id in ({concepts.listed(concepts.RACE_QUESTIONS)})"


def _details() -> str:
    """A CTE: the categories that the EHR's rows in `observation` have for a person; surveys speak for themselves."""
    return f"""
        details as (
            select
                person_id,
                list(distinct coalesce({case_of("value_as_concept_id", concepts.CATEGORIES)}, above.category))
                as categories
            from observation left join above on observation.value_as_concept_id = above.concept_id
            where
                (value_as_concept_id in ({concepts.listed(concepts.CATEGORIES)}) or above.category is not null)
                and coalesce(observation_type_concept_id, 0) not in ({concepts.listed(concepts.SURVEY_TYPES)})
            group by person_id
        )"""
