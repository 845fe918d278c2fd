{#
How many children enter and leave a cell for whole blocks of months: who stays for all months of a block is counted here,
who stays for some of them in int_cell__rate.
#}
with segments as (

    select
        segment.*,
        {{ dbt.datediff('run.window_starts_on', 'run.window_ends_on', 'month') }} + 1 as n_months
    from {{ ref('int_population__segment') }} as segment
    cross join {{ source('raw', 'run') }} as run

),

blocks as (
    {% for grain, length in grains() %}
    select
        population,
        '{{ grain }}' as grain,
        cell_key,
        {{ int_div('greatest(month_from - n_months % ' ~ length ~ ', 0) + ' ~ (length - 1), length) }} as block_from,
        {{ int_div('month_to - n_months % ' ~ length ~ ' + 1', length) }} as block_after
    from segments
    where month_to >= n_months % {{ length }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

edges as (

    select population, grain, block_from as block, cell_key, 1 as change from blocks where block_from < block_after
    union all
    select population, grain, block_after, cell_key, -1 from blocks where block_from < block_after

)

select
    population,
    grain,
    cast(block as smallint) as block,
    cell_key,
    cast(sum(change) as bigint) as n_full
from edges
group by population, grain, block, cell_key
