with ranked as (

    select
        language.patient_key,
        strata.code as language_code,
        row_number() over (
            partition by language.patient_key
            order by
                case when strata.missing_reason is null then 0 else 1 end asc,
                language.recorded_on desc nulls last,
                strata.code asc
        ) as recency
    from {{ ref('int_language__checked') }} as language
    inner join {{ ref('strata') }} as strata
        on strata.dimension = 'language' and language.stratum = strata.stratum
    where language.quarantine_reason is null

)

select
    patient_key,
    language_code
from ranked
where recency = 1
