{#
Facts about the registry's structure on which the gate asserts. `rows` must be above 0; every other value must be 0.
#}
with checks as (

    select 'rows' as check_name, 'int_patient' as table_name, count(*) as value from {{ ref('int_patient') }}
    union all
    select 'rows', 'pop_t1d', count(*) from {{ ref('pop_t1d') }}
    union all
    select 'rows', 'fct_measure_stratum', count(*) from {{ ref('fct_measure_stratum') }}
    union all
    select 'duplicate_keys', 'int_patient', coalesce(sum(n_rows - 1), 0)
    from (
        select count(*) as n_rows
        from {{ ref('int_patient') }}
        group by source_name, patient_id
    )
    union all
    select 'duplicate_keys', 'pop_t1d', count(*) - count(distinct patient_key) from {{ ref('pop_t1d') }}
    union all
    select 'rows_lost', 'fct_conservation', coalesce(sum(abs(rows_in - rows_used - rows_quarantined)), 0)
    from {{ ref('fct_conservation') }}
    union all
    select 'orphan_rows', 'int_population__segment', count(*)
    from {{ ref('int_population__segment') }} as segment
    left join {{ ref('int_patient') }} as patient on segment.patient_key = patient.patient_key
    where patient.patient_key is null
    union all
    select 'inverted_spans', 'int_population__segment', count(*)
    from {{ ref('int_population__segment') }}
    where month_from > month_to
    union all
    select 'out_of_vocabulary', 'fct_measure_stratum', count(*)
    from (select distinct stratifier, stratum from {{ ref('fct_measure_stratum') }}) as found
    left join {{ ref('dim_stratum') }} as known
        on found.stratifier = known.stratifier and found.stratum = known.stratum
    where known.stratum is null
    union all
    select 'negative_counts', 'fct_measure_stratum', count(*)
    from {{ ref('fct_measure_stratum') }}
    where n_patients < 0 or numerator < 0 or denominator < 0
    union all
    select 'numerator_above_denominator', 'fct_measure_stratum', count(*)
    from {{ ref('fct_measure_stratum') }} as stratum
    inner join {{ ref('dim_measure') }} as measure on stratum.measure_id = measure.measure_id
    where measure.kind = 'proportion' and stratum.numerator > stratum.denominator

)

select
    check_name,
    table_name,
    cast(value as bigint) as value
from checks
