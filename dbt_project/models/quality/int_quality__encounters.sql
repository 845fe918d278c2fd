{#
Do encounters arrive at all? Share of a period's parts (quarters of a year; else the period itself) in which a site has at
least one event that a measure counts. Without records a rate is not zero: it is not known.
#}
with recorded as (

    select distinct
        rolled.grain,
        rolled.block,
        site.site
    from {{ ref('int_rollup__event') }} as rolled
    inner join {{ ref('dim_site') }} as site on site.site_code in (rolled.site_code, -1)
    where rolled.dimension = 'sex' and rolled.y > 0

),

parts as (

    select
        period.grain,
        period.period_starts_on,
        part.grain as part_grain,
        part.period_index as part_block
    from {{ ref('dim_period') }} as period
    inner join {{ ref('dim_period') }} as part
        on
            part.grain = case when period.grain = 'year' then 'quarter' else period.grain end
            and part.period_starts_on between period.period_starts_on and period.period_ends_on

),

heads as (

    select
        site,
        grain,
        period_starts_on,
        sum(n_patients) as n
    from {{ ref('int_quality__head') }}
    where field = 'sex' and (site = 'all' or grain <> 'month')
    group by site, grain, period_starts_on

)

select
    heads.site,
    heads.grain,
    heads.period_starts_on,
    'periods_with_records' as metric,
    count(recorded.site) / cast(count(*) as double) as value,
    heads.n
from heads
inner join parts on heads.grain = parts.grain and heads.period_starts_on = parts.period_starts_on
left join recorded
    on
        heads.site = recorded.site
        and parts.part_grain = recorded.grain
        and parts.part_block = recorded.block
where heads.n > 0
group by heads.site, heads.grain, heads.period_starts_on, heads.n
