"""Encounters, diagnoses and results out of `visit_occurrence`, `condition_occurrence` and `measurement`."""

from __future__ import annotations

from orchestration.settings_omop import OmopSource
from orchestration.sources import sql
from orchestration.sources.layout import CONDITIONS, ENCOUNTERS, OBSERVATIONS
from orchestration.sources.omop import concepts
from orchestration.sources.omop.reading import Reading, Remark
from orchestration.sources.omop.rules import case_of, ranked

_BOTH = "['inpatient', 'ED']"
# A code without its dot, as billing systems write it: three characters, then the rest.
_ICD_10_CM = "'[A-TV-Z][0-9][0-9A-B][0-9A-Z]{1,4}'"


def _classes() -> str:
    """The classes of a visit as a list: by its concept, else by the ancestors of it, else what the source says."""
    ids = concepts.listed(concepts.VISIT_CLASSES)
    both = concepts.EMERGENCY_AND_INPATIENT
    return f"""case
        when visit_concept_id = {both} then {_BOTH}
        when visit_concept_id in ({ids}) then [{case_of("visit_concept_id", dict(concepts.VISIT_CLASSES))}]
        when list_contains(above, {both}) then {_BOTH}
        when list_contains(above, 9203) then ['ED']
        when list_contains(above, 9201) then ['inpatient']
        when list_contains(above, 9202) or list_contains(above, 5083) then ['outpatient']
        else [coalesce(visit_source_value, 'not recorded')]
    end"""


def encounters(source: OmopSource) -> Reading:
    """One row per visit; two, ED and inpatient, for a visit that was both. The main diagnosis is one stated as such."""
    services = ", ".join(sql.text(text.lower()) for text in source.diabetes_services) or "null"
    is_main = (
        f"condition_status_concept_id in ({concepts.listed(concepts.PRIMARY_STATUSES)})"
        f" or condition_type_concept_id in ({concepts.listed(concepts.PRIMARY_TYPES)})"
    )
    status_rank = ranked("condition_status_concept_id", concepts.PRIMARY_STATUSES)
    type_rank = ranked("condition_type_concept_id", concepts.PRIMARY_TYPES, len(concepts.PRIMARY_STATUSES))
    select = f"""
        with ancestors as (
            select descendant_concept_id as concept_id, list(ancestor_concept_id) as above
            from concept_ancestor where ancestor_concept_id in ({concepts.listed(concepts.VISIT_ANCESTORS)})
            group by descendant_concept_id
        ),
        main_diagnosis as (
            select visit_occurrence_id,
                arg_min({_code(source)}, (least({status_rank}, {type_rank}), condition_occurrence_id)) as code
            from condition_occurrence
            {_CONDITION_CONCEPTS}
            where visit_occurrence_id is not null and ({is_main})
            group by visit_occurrence_id
        ),
        visits as (
            select
                main.*, main_diagnosis.code as primary_dx,
                case
                    when provider.specialty_concept_id in ({concepts.listed(concepts.DIABETES_SPECIALTIES)})
                        or lower(provider.specialty_source_value) in ({services})
                        or lower(care_site.care_site_name) in ({services})
                        or lower(care_site.care_site_source_value) in ({services})
                        then 'diabetes'
                    else provider.specialty_source_value
                end as service,
                {_classes()} as classes
            from main
            left join ancestors on main.visit_concept_id = ancestors.concept_id
            left join main_diagnosis on main.visit_occurrence_id = main_diagnosis.visit_occurrence_id
            left join provider on main.provider_id = provider.provider_id
            left join care_site on main.care_site_id = care_site.care_site_id
        )
        select
            visit_occurrence_id || case when is_both and encounter_class = 'ED' then '-ED' else '' end as encounter_id,
            cast(person_id as varchar) as patient_id,
            encounter_class,
            service,
            visit_start_date as starts_on,
            case when is_both and encounter_class = 'ED' then visit_start_date else visit_end_date end as ends_on,
            primary_dx,
            _source_row
        from (select *, unnest(classes) as encounter_class, len(classes) > 1 as is_both from visits)
        order by _source_row, encounter_class desc
    """
    looks_up = {"condition_occurrence": is_main, "concept": "", "concept_ancestor": "", "provider": "", "care_site": ""}
    return Reading(
        ENCOUNTERS,
        "visit_occurrence",
        select,
        looks_up,
        remarks=(Remark("primary_dx is null", "encounters have no diagnosis that is stated to be the main one"),),
    )


_CONDITION_CONCEPTS = """
    left join concept as source_concept on condition_source_concept_id = source_concept.concept_id
        and source_concept.concept_id > 0
    left join concept as standard_concept on condition_concept_id = standard_concept.concept_id
        and standard_concept.concept_id > 0
"""


def _code(source: OmopSource) -> str:
    """A diagnosis's code: the source's (usually ICD-10-CM), else the standard concept's (SNOMED CT); or the reverse."""
    dotted = (
        f"case when regexp_full_match(upper(condition_source_value), {_ICD_10_CM})"
        " then upper(condition_source_value[1:3] || '.' || condition_source_value[4:])"
        " else condition_source_value end"
    )
    if source.condition_codes == "standard":
        return f"coalesce(standard_concept.concept_code, source_concept.concept_code, {dotted})"
    return f"coalesce(source_concept.concept_code, {dotted}, standard_concept.concept_code)"


def conditions(source: OmopSource) -> Reading:
    """One row per condition occurrence of the types that count as a recorded diagnosis, all when none is named."""
    types = source.condition_types
    chosen = f"where condition_type_concept_id in ({concepts.listed(types)})" if types else ""
    select = f"""
        select
            cast(person_id as varchar) as patient_id,
            {_code(source)} as code,
            condition_start_date as onset_on,
            main._source_row
        from main
        {_CONDITION_CONCEPTS}
        {chosen}
        order by main._source_row
    """
    return Reading(CONDITIONS, "condition_occurrence", select, {"concept": ""}, leaves_out=bool(types))


def observations(source: OmopSource) -> Reading:
    """One row per measurement, its LOINC code from the concept, its unit from the unit's concept or the source."""
    select = f"""
        select
            cast(measurement_id as varchar) as observation_id,
            cast(person_id as varchar) as patient_id,
            coalesce(standard.concept_code, own.concept_code, measurement_source_value) as code,
            measurement_date as observed_on,
            coalesce(cast(value_as_number as varchar), value_source_value) as value,
            case
                when starts_with(coalesce(unit.concept_code, unit_source_value), '%') then '%'
                else coalesce(
                    {case_of("unit_concept_id", dict(concepts.UNITS))}, unit.concept_code, unit_source_value
                )
            end as unit,
            main._source_row
        from main
        left join concept as standard
            on measurement_concept_id = standard.concept_id and standard.vocabulary_id = 'LOINC'
        left join concept as own
            on measurement_source_concept_id = own.concept_id and own.vocabulary_id = 'LOINC'
        left join concept as unit on unit_concept_id = unit.concept_id and unit.vocabulary_id = 'UCUM'
        order by main._source_row
    """
    return Reading(OBSERVATIONS, "measurement", select, {"concept": "vocabulary_id in ('LOINC', 'UCUM')"})
