{#
Fifth (1 lowest burden, 5 highest) of `burden` among the rows where `included`, weighted by `weight`: a row lies in the
fifth in which the middle of its weight falls, and equal values share one fifth. NULL where the row is not included, has
no value, or nobody is there to weigh by.
#}
{% macro quintile(burden, included, weight) -%}
{%- set share -%}case when {{ included }} and {{ burden }} is not null then {{ weight }} else 0 end{%- endset -%}
{%- set everybody = 'sum(' ~ share ~ ') over (partition by tract_vintage)' -%}
    case
            when {{ included }} and {{ burden }} is not null and {{ everybody }} > 0
                then least(5, 1 + cast(floor(5.0 * (
                    sum({{ share }}) over (partition by tract_vintage order by {{ burden }} nulls last)
                    - sum({{ share }}) over (partition by tract_vintage, {{ burden }}) / 2.0
                ) / {{ everybody }}) as integer))
        end
{%- endmacro %}
