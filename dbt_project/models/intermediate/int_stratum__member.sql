{# Which stratum a dimension's code belongs to, under each stratifier; several where groups overlap. #}
with single as (

    select dimension, code, dimension as stratifier, stratum
    from {{ ref('strata') }}
    where dimension <> 'race_missing'

),

quintiles as (

    select code, stratum from {{ ref('strata') }} where dimension = 'poverty_quintile'

)

select dimension, code, -1 as code_2, stratifier, stratum, '' as stratum_2 from single
union all
select 'sex', code, -1, 'overall', 'all', '' from {{ ref('strata') }} where dimension = 'sex'
union all
select 'race', race_code, -1, stratifier, stratum, '' from {{ ref('int_race__rollup') }}
union all
select 'race_by_poverty', race.race_code, quintiles.code, 'race_by_poverty', race.stratum, quintiles.stratum
from {{ ref('int_race__rollup') }} as race
cross join quintiles
where race.stratifier = 'race_omb2024_multi'
