{#
Sums of `sums` over cells, for every stratifier dimension and the declared crossing at each site. `relation` has
`cell_key`, the `keys` and the `sums`; the result has the keys, `site_code`, `dimension`, `code`, `code_2` and the sums.
#}
{% macro roll_up(relation, keys, sums) -%}
{%- set dimensions = ['race', 'language', 'sex', 'age_band', 'payer', 'poverty_quintile', 'deprivation_quintile'] -%}
{%- set key_list = keys | join(', ') -%}
    select
        {{ key_list }},
        site_code,
        case
            when race is not null and poverty_quintile is not null then 'race_by_poverty'
            {%- for dimension in dimensions %}
            when {{ dimension }} is not null then '{{ dimension }}'
            {%- endfor %}
        end as dimension,
        coalesce({{ dimensions | join(', ') }}) as code,
        case when race is not null then poverty_quintile end as code_2
        {%- for sum_column in sums %},
        cast(sum({{ sum_column }}) as bigint) as {{ sum_column }}
        {%- endfor %}
    from (
        select
            {{ key_list }},
            {{ cell_code('site') }} as site_code
            {%- for dimension in dimensions %},
            {{ cell_code(dimension) }} as {{ dimension }}
            {%- endfor %}
            {%- for sum_column in sums %},
            {{ sum_column }}
            {%- endfor %}
        from {{ relation }}
    )
    group by grouping sets (
        {%- for dimension in dimensions %}
        ({{ key_list }}, site_code, {{ dimension }}),
        {%- endfor %}
        ({{ key_list }}, site_code, race, poverty_quintile)
    )
{%- endmacro %}

{#
Rolled-up `relation` by stratifier and stratum instead of dimension and code, and for all sites together as well as for
each. Keys and sums as in `roll_up`.
#}
{% macro to_strata(relation, keys, sums) -%}
{%- set key_list = keys | join(', ') -%}
    select
        {{ key_list }},
        case when grouping(site_code) = 1 then -1 else site_code end as site_code,
        member.stratifier,
        member.stratum,
        member.stratum_2
        {%- for sum_column in sums %},
        cast(sum({{ sum_column }}) as bigint) as {{ sum_column }}
        {%- endfor %}
    from {{ relation }} as rolled
    inner join {{ ref('int_stratum__member') }} as member
        on
            rolled.dimension = member.dimension
            and rolled.code = member.code
            and coalesce(rolled.code_2, -1) = member.code_2
    group by grouping sets (
        ({{ key_list }}, site_code, member.stratifier, member.stratum, member.stratum_2),
        ({{ key_list }}, member.stratifier, member.stratum, member.stratum_2)
    )
{%- endmacro %}
