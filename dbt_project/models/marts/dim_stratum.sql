with fixed as (

    select
        dimension as stratifier,
        stratum,
        label,
        sort_order,
        missing_reason is not null as is_missing,
        coalesce(missing_reason, '') as missing_reason
    from {{ ref('strata') }}
    where dimension <> 'race_missing'

),

combination as (

    select
        several.stratum,
        string_agg(distinct part.label, ' and ' order by part.label) as label
    from {{ ref('int_race__rollup') }} as several
    inner join {{ ref('race_categories') }} as part
        on ('+' || several.stratum || '+') like ('%+' || part.category || '+%')
    where several.stratum like '%+%'
    group by several.stratum

),

race as (

    select distinct
        rollup.stratifier,
        rollup.stratum,
        case
            when missing.label is not null then missing.label
            when rollup.stratum = 'MULTI' then 'Two or more groups'
            when rollup.stratifier = 'race_omb1997_hispanic_first' then categories.label_1997
            else coalesce(categories.label, combination.label)
        end as label,
        case
            when missing.label is not null then missing.sort_order
            when rollup.stratum = 'MULTI' then 50
            else coalesce(categories.sort_order, 40)
        end as sort_order,
        missing.label is not null as is_missing,
        coalesce(missing.missing_reason, '') as missing_reason
    from {{ ref('int_race__rollup') }} as rollup
    left join {{ ref('strata') }} as missing
        on missing.dimension = 'race_missing' and rollup.stratum = missing.stratum
    left join {{ ref('race_categories') }} as categories on rollup.stratum = categories.category
    left join combination on rollup.stratum = combination.stratum

)

select * from fixed
union all
select * from race
union all
-- the first group of the crossing, under the crossing's own name
select 'race_by_poverty', stratum, label, sort_order, is_missing, missing_reason
from race
where stratifier = 'race_omb2024_multi'
union all
select 'overall', 'all', 'Everyone', 0, false, ''
