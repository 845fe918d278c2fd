"""Writes a generated registry as OMOP CDM 5.4 tables, with PEDSnet's location history, column-wise in DuckDB.

What OMOP has no place for is lost as it is in practice: days on which race was recorded, all but the latest language,
the days on which results came in. Concept ids are those of the standardized vocabularies; codes without a well-known
one get a local id above two billion, as sites do.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path

import duckdb

from orchestration.synthetic.files import FileFormat
from orchestration.synthetic.layout import CONDITIONS, DIAGNOSES, RESULT_CODES, SERVICES, TABLES, Column
from orchestration.synthetic.planted import SITES

_LOCAL = 2_000_000_000
_TYPES = {"date": "date", "number": "double", "integer": "integer"}
PROBLEM_LIST, ENCOUNTER_RECORD = 32840, 32827
_PRIMARY_DIAGNOSIS, _EHR, _SURVEY = 32902, 32817, 32862
_SEXES = {"F": 8532, "M": 8507, "U": 8551, "X": 8521}
_RACES = {
    "1002-5": 8657, "2028-9": 8515, "2054-5": 8516, "2118-8": 38003615, "2076-8": 8557, "2131-1": 44814649,
    "2106-3": 8527,
}  # fmt: skip
_ETHNICITIES = {"2135-2": 38003563, "2186-5": 38003564}
_NO_ANSWER = {"ASKU": 44814653, "UNK": 44814653, "declined": 44814660}
_MULTIPLE_RACE, _NO_INFORMATION = 44814659, 44814650
_LANGUAGES = {
    "en": 4180186, "en-US": 4180186, "es": 4182511, "es-MX": 4182511, "spa": 4182511, "und": 44814653,
    "declined": 44814660,
}  # fmt: skip
_VISITS = {"outpatient": 9202, "ED": 9203, "inpatient": 9201}
_UNITS = {"%": 8554, "mmol/mol": 9579, "mg/dL": 8840}
_RESULTS = {"4548-4": 3004410, "17856-6": 3005673, "4549-2": 3003309, "2339-0": 3000483}
_ICD = {code: _LOCAL + number for number, code in enumerate(sorted({*DIAGNOSES, *CONDITIONS}))}
_LOINC = {code: _LOCAL + 1000 + number for number, code in enumerate(RESULT_CODES)}
_SITE = {site: number for number, site in enumerate(SITES, start=1)}
_SERVICE = {service: number for number, service in enumerate(SERVICES, start=1)}
_STANDARD = (
    (0, "No matching concept", "Metadata", "None", "No matching concept"),
    (201254, "Type 1 diabetes mellitus", "Condition", "SNOMED", "46635009"),
    (4180186, "English language", "Language", "SNOMED", "297487008"),
    (4182511, "Spanish language", "Language", "SNOMED", "297504001"),
    (8554, "percent", "Unit", "UCUM", "%"),
    (9579, "millimole per mole", "Unit", "UCUM", "mmol/mol"),
    (8840, "milligram per deciliter", "Unit", "UCUM", "mg/dL"),
    (9201, "Inpatient Visit", "Visit", "Visit", "IP"),
    (9202, "Outpatient Visit", "Visit", "Visit", "OP"),
    (9203, "Emergency Room Visit", "Visit", "Visit", "ER"),
)


def write_omop(registry: Path, directory: Path, file_format: FileFormat = "csv") -> None:
    """Write the OMOP tables of the CSV registry in `registry` into `directory`, each as one file.

    What still goes on at the end of the data (being followed, insured, in hospital) ends that day: the CDM needs an
    end. Lines that are no record are left out; a visit that contradicts itself does so in its own columns.
    """
    as_of = dt.date.fromisoformat(
        json.loads((registry / "truth.json").read_text(encoding="utf-8"))["generator"]["as_of"]
    )
    directory.mkdir(parents=True, exist_ok=True)
    con = duckdb.connect()
    try:
        for table, columns in TABLES.items():
            con.execute(f"create temp table {table} as {_rows(registry / f'{table}.csv', columns)}")
        con.execute(f"create macro as_of() as date '{as_of}'")
        con.execute("create macro number(id) as cast(substr(id, 2) as integer)")
        con.execute(f"create temp table concept as {_concepts()}")
        con.execute(f"create temp table place as {_PLACES}")
        for table, select in _SELECTS.items():
            options = "format csv, header" if file_format == "csv" else "format parquet, compression zstd"
            target = _text(str((directory / f"{table}.{file_format}").absolute()))
            con.execute(f"copy ({select}) to {target} ({options})")
    finally:
        con.close()


def _rows(path: Path, columns: tuple[Column, ...]) -> str:
    """The table's records with their types, and `place`, their order."""
    names = ", ".join(f"{_text(column.name)}: 'VARCHAR'" for column in columns)
    typed = ", ".join(
        f"try_cast({column.name} as {_TYPES.get(column.kind, 'varchar')}) as {column.name}" for column in columns
    )
    return f"""
        select {typed}, row_number() over () - 1 as place
        from read_csv(
            {_text(str(path.absolute()))}, auto_detect = false, header = true, delim = ',', columns = {{{names}}},
            ignore_errors = true
        )
    """


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _case(column: str, ids: Mapping[str, int], otherwise: str = "0") -> str:
    whens = " ".join(f"when {_text(word)} then {number}" for word, number in ids.items())
    return f"case {column} {whens} else {otherwise} end"


def _listed(words: Mapping[str, int]) -> str:
    return ", ".join(_text(word) for word in words)


def _concepts() -> str:
    rows = [
        *_STANDARD,
        *((_ICD[code], code, "Condition", "ICD10CM", code) for code in _ICD),
        *((number, code, "Measurement", "LOINC", code) for code, number in (*_RESULTS.items(), *_LOINC.items())),
    ]
    values = ", ".join(f"({number}, {', '.join(map(_text, words))})" for number, *words in rows)
    return f"""
        select
            concept_id, concept_name, domain_id, vocabulary_id, concept_class_id, 'S' as standard_concept, concept_code,
            date '1970-01-01' as valid_start_date, date '2099-12-31' as valid_end_date,
            cast(null as varchar) as invalid_reason
        from (
            select concept_id, concept_name, domain_id, vocabulary_id, domain_id as concept_class_id, concept_code
            from (values {values}) as listed (concept_id, concept_name, domain_id, vocabulary_id, concept_code)
        )
        order by concept_id
    """


# Each tract of each census, and the place that is not known, is one location.
_PLACES = """
    select
        cast(row_number() over (order by tract_geoid nulls last, tract_vintage) as integer) as location_id,
        tract_geoid, tract_vintage
    from (select distinct tract_geoid, tract_vintage from addresses)
"""
_RACE_OF_PERSON = f"""
    select
        patient_id,
        case count(distinct value) when 1 then min({_case("value", _RACES)}) else {_MULTIPLE_RACE} end
        as race_concept_id,
        string_agg(distinct value, '|' order by value) as race_source_value
    from race_ethnicity
    where source_system = 'ehr' and value in ({_listed(_RACES)})
    group by patient_id
"""
_ETHNICITY_OF_PERSON = f"""
    select
        patient_id,
        case count(distinct value) when 1 then min({_case("value", _ETHNICITIES)}) else 0 end as ethnicity_concept_id,
        string_agg(distinct value, '|' order by value) as ethnicity_source_value
    from race_ethnicity
    where source_system = 'ehr' and value in ({_listed(_ETHNICITIES)})
    group by patient_id
"""
_LANGUAGE_OF_PERSON = """
    select patient_id, arg_max(language, (recorded_on, place)) as language
    from languages
    where recorded_on <= as_of()
    group by patient_id
"""
_ANSWERS = {**_RACES, **_ETHNICITIES, **_NO_ANSWER}

_SELECTS = {
    "person": f"""
        select
            number(patients.patient_id) as person_id,
            {_case("sex", _SEXES)} as gender_concept_id,
            year(birth_date) as year_of_birth, month(birth_date) as month_of_birth, day(birth_date) as day_of_birth,
            cast(birth_date as timestamp) as birth_datetime,
            coalesce(race.race_concept_id, 0) as race_concept_id,
            coalesce(ethnicity.ethnicity_concept_id, 0) as ethnicity_concept_id,
            {_case("site_id", _SITE, "null")} as care_site_id,
            patients.patient_id as person_source_value, sex as gender_source_value,
            race.race_source_value, ethnicity.ethnicity_source_value,
            {_case("language", _LANGUAGES)} as language_concept_id, language as language_source_value
        from patients
        left join ({_RACE_OF_PERSON}) as race on patients.patient_id = race.patient_id
        left join ({_ETHNICITY_OF_PERSON}) as ethnicity on patients.patient_id = ethnicity.patient_id
        left join ({_LANGUAGE_OF_PERSON}) as language on patients.patient_id = language.patient_id
        order by patients.place
    """,
    "observation_period": f"""
        select
            cast(place + 1 as integer) as observation_period_id, number(patient_id) as person_id,
            enrolled_on as observation_period_start_date,
            coalesce(left_on, greatest(enrolled_on, as_of())) as observation_period_end_date,
            {_EHR} as period_type_concept_id
        from patients where enrolled_on is not null order by place
    """,
    "death": f"""
        select number(patient_id) as person_id, death_date, {_EHR} as death_type_concept_id
        from patients where death_date is not null order by place
    """,
    "observation": f"""
        select
            cast(place + 1 as integer) as observation_id, number(patient_id) as person_id,
            case source_system when 'survey' then 3050381 else 4013886 end as observation_concept_id,
            recorded_on as observation_date,
            case source_system when 'survey' then {_SURVEY} else {_EHR} end as observation_type_concept_id,
            case when value is null then {_NO_INFORMATION} else {_case("value", _ANSWERS)} end as value_as_concept_id,
            value as value_source_value, capture_method as qualifier_source_value
        from race_ethnicity order by place
    """,
    "care_site": "select * from (values "
    + ", ".join(f"({number}, {_text(site)})" for site, number in _SITE.items())
    + ") as listed (care_site_id, care_site_name)",
    "provider": "select * from (values "
    + ", ".join(f"({number}, {_text(service)})" for service, number in _SERVICE.items())
    + ") as listed (provider_id, specialty_source_value)",
    "location": "select location_id from place order by location_id",
    "location_history": """
        select
            cast(addresses.place + 1 as integer) as location_history_id, place.location_id, 'person' as domain_id,
            number(patient_id) as entity_id, starts_on as start_date, ends_on as end_date
        from addresses
        left join place
            on addresses.tract_geoid is not distinct from place.tract_geoid
            and addresses.tract_vintage is not distinct from place.tract_vintage
        order by addresses.place
    """,
    "location_fips": """
        select
            location_id as geocode_id, location_id, tract_geoid[1:2] as geocode_state,
            tract_geoid[3:5] as geocode_county, tract_geoid[6:] as geocode_tract, tract_vintage as geocode_year
        from place where tract_geoid is not null order by location_id
    """,
    "payer_plan_period": """
        select
            cast(place + 1 as integer) as payer_plan_period_id, number(patient_id) as person_id,
            starts_on as payer_plan_period_start_date,
            coalesce(ends_on, greatest(starts_on, as_of())) as payer_plan_period_end_date,
            0 as payer_concept_id, payer as payer_source_value
        from coverage order by place
    """,
    "visit_occurrence": f"""
        select
            number(encounter_id) as visit_occurrence_id, number(patient_id) as person_id,
            {_case("encounter_class", _VISITS)} as visit_concept_id,
            starts_on as visit_start_date,
            coalesce(
                ends_on, case encounter_class when 'inpatient' then greatest(starts_on, as_of()) else starts_on end
            ) + cast(dense_rank() over (partition by encounter_id order by primary_dx) - 1 as integer)
            as visit_end_date,
            {_EHR} as visit_type_concept_id, {_case("service", _SERVICE, "null")} as provider_id,
            encounter_class as visit_source_value
        from encounters order by place
    """,
    "condition_occurrence": f"""
        select
            cast(row_number() over (order by kind, place) as integer) as condition_occurrence_id, person_id,
            case when starts_with(code, 'E10') and not starts_with(code, 'E10.A') then 201254 else 0 end
            as condition_concept_id,
            day as condition_start_date, type as condition_type_concept_id, status as condition_status_concept_id,
            visit_occurrence_id, code as condition_source_value, {_case("code", _ICD)} as condition_source_concept_id
        from (
            select
                1 as kind, place, number(patient_id) as person_id, code, onset_on as day, {PROBLEM_LIST} as type,
                0 as status, cast(null as integer) as visit_occurrence_id
            from conditions
            union all
            select
                2, place, number(patient_id), primary_dx, starts_on, {ENCOUNTER_RECORD}, {_PRIMARY_DIAGNOSIS},
                number(encounter_id)
            from encounters where primary_dx is not null
        )
        order by kind, place
    """,
    "measurement": f"""
        select
            number(observation_id) as measurement_id, number(patient_id) as person_id,
            {_case("code", _RESULTS)} as measurement_concept_id, observed_on as measurement_date,
            {_EHR} as measurement_type_concept_id, value as value_as_number, {_case("unit", _UNITS)} as unit_concept_id,
            code as measurement_source_value, {_case("code", _LOINC)} as measurement_source_concept_id,
            unit as unit_source_value
        from observations order by place
    """,
    "concept": "select * from concept",
    "concept_ancestor": """
        select concept_id as ancestor_concept_id, concept_id as descendant_concept_id, 0 as min_levels_of_separation,
            0 as max_levels_of_separation
        from concept where domain_id = 'Visit' order by concept_id
    """,
    "cdm_source": """
        select
            'Invented registry' as cdm_source_name, 'invented' as cdm_source_abbreviation, 'nobody' as cdm_holder,
            as_of() as source_release_date, as_of() as cdm_release_date, '5.4' as cdm_version
    """,
}
