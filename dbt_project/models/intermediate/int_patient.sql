with diagnosed as (

    select
        condition.patient_key,
        min(condition.onset_on) as diagnosed_on
    from {{ ref('int_condition__checked') }} as condition
    cross join {{ source('raw', 'run') }} as run
    where
        condition.quarantine_reason is null
        and {{ starts_with_any('condition.condition_code', 'run.condition_prefixes') }}
        and not {{ starts_with_any('condition.condition_code', 'run.excluded_condition_prefixes') }}
    group by condition.patient_key

),

sites as (

    select
        site,
        cast(row_number() over (order by site) as integer) as site_code
    from (
        select distinct site
        from {{ ref('int_patient__person') }}
        where site <> ''
    )

),

final as (

    select
        patient.patient_key,
        patient.person_source as source_name,
        patient.person_id as patient_id,
        patient.site,
        coalesce(sites.site_code, 0) as site_code,
        coalesce(race.race_code, 256) as race_code,
        coalesce(language.language_code, 0) as language_code,
        case when patient.sex_code is null then 0 else coalesce(sex.code, 6) end as sex_code,
        patient.birth_date,
        diagnosed.diagnosed_on,
        patient.enrolled_on,
        patient.left_on,
        patient.death_date
    from {{ ref('int_patient__person') }} as patient
    left join diagnosed on patient.patient_key = diagnosed.patient_key
    left join sites on patient.site = sites.site
    left join {{ ref('int_patient__race') }} as race on patient.patient_key = race.patient_key
    left join {{ ref('int_patient__language') }} as language on patient.patient_key = language.patient_key
    left join {{ ref('sex_map') }} as sex_map on patient.sex_code = sex_map.value
    left join {{ ref('strata') }} as sex on sex.dimension = 'sex' and sex_map.stratum = sex.stratum

)

select * from final
