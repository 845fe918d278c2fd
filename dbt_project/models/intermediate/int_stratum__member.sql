with race as (

    select race_code, stratifier, stratum from {{ ref('int_race__rollup') }}

)

select dimension, code, -1 as code_2, dimension as stratifier, stratum, '' as stratum_2
from {{ ref('strata') }}
where dimension <> 'race_missing'
union all
select 'sex', code, -1, 'overall', 'all', ''
from {{ ref('strata') }}
where dimension = 'sex'
union all
select 'race', race_code, -1, stratifier, stratum, ''
from race
union all
select 'race_by_poverty', race.race_code, fifth.code, 'race_by_poverty', race.stratum, fifth.stratum as stratum_2
from race
cross join {{ ref('strata') }} as fifth
where race.stratifier = 'race_omb2024_multi' and fifth.dimension = 'poverty_quintile'
