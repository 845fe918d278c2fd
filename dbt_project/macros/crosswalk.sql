{#
A measure of several parts of a tract as one value. Counts add up by weight, and are not known where a part is not.
Shares, indices and medians are averaged by the children of each part, else by its people or land area, else by weight;
where less than half of that has a value, the average is not known.
#}
{% macro carried_value() -%}
    {%- set by_children = 'parts.weight * parts.n_children' -%}
    case
            when wanted.direction = 'count'
                then case when count(found.area_value) = count(*) then {{ carried_sum() }} end
            when count(parts.n_children) = count(*) and sum({{ by_children }}) > 0
                then {{ carried_average(by_children) }}
            when count(parts.part_size) = count(*) and sum(parts.part_size) > 0
                then {{ carried_average('parts.part_size') }}
            else {{ carried_average('parts.weight') }}
        end
{%- endmacro %}

{# Float sums differ in their last digits from run to run. #}
{% macro carried_sum() -%} round(sum(parts.weight * found.area_value), 6) {%- endmacro %}

{% macro carried_average(weight) -%}
    case
                    when sum({{ weight }}) filter (where found.area_value is not null) * 2 >= sum({{ weight }})
                        then round(
                            sum({{ weight }} * found.area_value)
                            / nullif(sum({{ weight }}) filter (where found.area_value is not null), 0), 9
                        )
                end
{%- endmacro %}
