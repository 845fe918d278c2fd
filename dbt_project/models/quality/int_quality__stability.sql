{#
Population stability index of each field's category shares against the period before, at the same site. Half a child is
added to each category so that an empty one does not make it infinite.
#}
with shares as (

    select
        field,
        site,
        grain,
        period_index,
        period_starts_on,
        stratum,
        (n_patients + 0.5) / sum(n_patients + 0.5) over (partition by field, site, grain, period_index) as share,
        sum(n_patients) over (partition by field, site, grain, period_index) as n
    from {{ ref('int_quality__head') }}
    where not is_missing

),

compared as (

    select
        *,
        lag(share) over (partition by field, site, grain, stratum order by period_index) as share_before,
        lag(n) over (partition by field, site, grain, stratum order by period_index) as n_before
    from shares

)

select
    field,
    site,
    grain,
    period_starts_on,
    'psi' as metric,
    sum((share - share_before) * ln(share / share_before)) as value,
    least(min(n), min(n_before)) as n
from compared
where n > 0 and n_before > 0
group by field, site, grain, period_starts_on
