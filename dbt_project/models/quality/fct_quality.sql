with measured as (

    select field, site, grain, period_starts_on, '' as measure_id, metric, value, n
    from {{ ref('int_quality__completeness') }}
    union all
    select field, site, grain, period_starts_on, '', metric, value, n from {{ ref('int_quality__stability') }}
    union all
    select field, site, grain, period_starts_on, '', metric, value, n from {{ ref('int_quality__capture') }}
    union all
    select field, site, grain, period_starts_on, '', metric, value, n from {{ ref('int_quality__census') }}
    union all
    select field, site, grain, period_starts_on, '', metric, value, n from {{ ref('int_quality__area') }}
    union all
    select field, site, grain, period_starts_on, measure_id, metric, value, n
    from {{ ref('int_quality__differential') }}
    union all
    select 'birth_date', site, grain, period_starts_on, '', metric, value, n from {{ ref('int_quality__birth_date') }}
    union all
    select 'encounters', site, grain, period_starts_on, '', metric, value, n from {{ ref('int_quality__encounters') }}
    union all
    select
        'hba1c', site, grain, period_starts_on, '', 'completeness', numerator / cast(denominator as double), denominator
    from {{ ref('fct_measure_stratum') }}
    where measure_id = 'hba1c_tested' and stratifier = 'overall' and denominator > 0

),

by_stratum as (

    select *, '' as stratifier, '' as stratum from measured
    union all
    select
        'address', site, grain, period_starts_on, '', 'geocode_match_rate', n_matched / cast(n as double), n,
        stratifier, stratum
    from {{ ref('int_quality__geocode') }}
    where stratifier <> 'overall'

)

select
    field,
    site,
    grain,
    period_starts_on,
    measure_id,
    stratifier,
    stratum,
    metric,
    round(cast(value as double), 9) as value,  -- float sums differ in their last digits from run to run
    cast(n as bigint) as n
from by_stratum
