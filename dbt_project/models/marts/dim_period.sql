with months as (

    select
        window_starts_on,
        cast({{ months_in_window() }} as integer) as n_months
    from {{ source('raw', 'run') }}

),

grains as (
    {% for grain, length in grains() %}
    select '{{ grain }}' as grain, {{ length }} as length, window_starts_on, n_months from months
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

blocks as (

    select
        grain,
        length,
        window_starts_on,
        n_months % length as offset_months,
        cast(unnest(range({{ int_div('n_months', 'length') }})) as integer) as period_index
    from grains

),

final as (

    select
        grain,
        period_index,
        length as n_months,
        offset_months + period_index * length + length - 1 as last_month_number,
        cast({{ dbt.dateadd('month', 'offset_months + period_index * length', 'window_starts_on') }} as date)
            as period_starts_on,
        {{ plus_days(dbt.dateadd('month', 'offset_months + (period_index + 1) * length', 'window_starts_on'), -1) }}
            as period_ends_on,
        true as is_complete
    from blocks

)

select
    *,
    case
        when grain = 'month' then strftime(period_starts_on, '%b %Y')
        else strftime(period_starts_on, '%b %Y') || ' to ' || strftime(period_ends_on, '%b %Y')
    end as period_label
from final
