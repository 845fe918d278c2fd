with ordered as (

    select
        coverage.patient_key,
        coverage.starts_on,
        coverage.ends_on,
        strata.code as payer_code,
        lead(coverage.starts_on) over (
            partition by coverage.patient_key order by coverage.starts_on, coverage.source_name, coverage._source_row
        ) as next_starts_on
    from {{ ref('int_coverage__checked') }} as coverage
    inner join {{ ref('strata') }} as strata
        on strata.dimension = 'payer' and coverage.stratum = strata.stratum
    where coverage.quarantine_reason is null

),

final as (

    select
        patient_key,
        payer_code,
        starts_on,
        case
            when next_starts_on <= coalesce(ends_on, next_starts_on) then {{ plus_days('next_starts_on', -1) }}
            else ends_on
        end as ends_on
    from ordered

)

select * from final
