with edges as (

    select population, month_from as month_number, cell_key, 1 as change
    from {{ ref('int_population__segment') }}
    union all
    select population, month_to + 1, cell_key, -1
    from {{ ref('int_population__segment') }}

)

select
    population,
    cast(month_number as smallint) as month_number,
    cell_key,
    cast(sum(change) as bigint) as n_patients
from edges
group by population, month_number, cell_key
