{#
Is a field missing more often for children who are in a measure's numerator than for the others? Difference in missing
share with its 95 % interval (Wald), for every proportion.
#}
with counts as (

    select
        stratum.measure_id,
        case stratum.stratifier
            when 'race_omb2024_multi' then 'race_ethnicity' when 'poverty_quintile' then 'address'
            else stratum.stratifier
        end as field,
        stratum.site,
        stratum.grain,
        stratum.period_starts_on,
        sum(stratum.numerator) as n_in,
        sum(stratum.denominator - stratum.numerator) as n_out,
        sum(case when label.is_missing then stratum.numerator else 0 end) as missing_in,
        sum(case when label.is_missing then stratum.denominator - stratum.numerator else 0 end) as missing_out
    from {{ ref('fct_measure_stratum') }} as stratum
    inner join {{ ref('dim_measure') }} as measure on stratum.measure_id = measure.measure_id
    inner join {{ ref('dim_stratum') }} as label
        on stratum.stratifier = label.stratifier and stratum.stratum = label.stratum
    where
        measure.kind = 'proportion'
        and stratum.stratifier in ('race_omb2024_multi', 'language', 'payer', 'poverty_quintile')
    group by stratum.measure_id, stratum.stratifier, stratum.site, stratum.grain, stratum.period_starts_on

),

differences as (

    select
        *,
        missing_in / cast(n_in as double) - missing_out / cast(n_out as double) as difference,
        1.959963984540054 * sqrt(
            missing_in / cast(n_in as double) * (1 - missing_in / cast(n_in as double)) / n_in
            + missing_out / cast(n_out as double) * (1 - missing_out / cast(n_out as double)) / n_out
        ) as half_width
    from counts
    where n_in > 0 and n_out > 0

)

select
    field, site, grain, period_starts_on, measure_id, 'differential_missing_rd' as metric, difference as value,
    least(n_in, n_out) as n
from differences
union all
select
    field, site, grain, period_starts_on, measure_id, 'differential_missing_low', difference - half_width,
    least(n_in, n_out)
from differences
union all
select
    field, site, grain, period_starts_on, measure_id, 'differential_missing_high', difference + half_width,
    least(n_in, n_out)
from differences
