{#-
A measure is data: its definition stands in its model's `meta`, and nothing else in the project names it. `contributions`
says how patients contribute: `events` count rows of int_encounter (`counts`, a condition, and `amount`), `state` looks at
what holds at the end of a month (`numerator`, an expression; `denominator`: who has the state, or the whole population).
-#}

{# Definitions of all measures, in their order of presentation; `contributions` narrows them. Known once dbt executes. #}
{% macro measures(contributions=none) %}
    {%- set found = [] -%}
    {%- if execute -%}
        {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.config.meta.measure_id -%}
            {%- set meta = node.config.meta -%}
            {%- if contributions is none or meta.contributions == contributions -%}
                {%- do found.append(dict(meta, description=node.description)) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found | sort(attribute='measure_id') | sort(attribute='sort_order')) }}
{% endmacro %}

{# The definition of one measure. #}
{% macro measure(measure_id) %}
    {%- for definition in measures() if definition.measure_id == measure_id -%}
        {{ return(definition) }}
    {%- endfor -%}
    {%- if execute -%}
        {{ exceptions.raise_compiler_error("no model's meta has measure_id '" ~ measure_id ~ "'") }}
    {%- endif -%}
    {{ return({}) }}
{% endmacro %}

{# What one event measure counts, patient by patient. #}
{% macro event_contributions(measure_id) %}
{%- set definition = measure(measure_id) %}
select
    patient_key,
    month_number,
    {{ definition.amount or 1 }} as numerator
from {{ ref('int_encounter') }}
where {{ definition.counts or 'true' }}
{%- endmacro %}

{# What one state measure looks at, patient by patient: the numerator over a span of months. #}
{% macro state_contributions(measure_id) %}
{%- set definition = measure(measure_id) %}
select
    patient_key,
    month_from,
    month_to,
    {{ definition.numerator or 0 }} as numerator
from {{ ref('int_hba1c__state') }}
{%- endmacro %}

{# Names of the sums that state measures need per cell. A proportion's 0s and 1s are their own squares. #}
{% macro state_sums() %}
    {%- set sums = ['n_state'] -%}
    {%- for definition in measures('state') -%}
        {%- do sums.append('y_' ~ definition.measure_id) -%}
        {%- if definition.kind == 'mean' -%}{%- do sums.append('yy_' ~ definition.measure_id) -%}{%- endif -%}
    {%- endfor -%}
    {{ return(sums) }}
{% endmacro %}

{# A text literal. #}
{% macro text(value) -%}
    '{{ (value or '') | trim | replace("\n", " ") | replace("'", "''") }}'
{%- endmacro %}

{# How much one encounter counts for an event measure; 0 where the row is of another population. #}
{% macro counted_as_integer(measure, belongs) -%}
    {%- if belongs -%}
    cast(case when {{ measure.counts }} then {{ measure.amount or 1 }} else 0 end as smallint)
    {%- else -%}
    cast(0 as smallint)
    {%- endif -%}
{%- endmacro %}

{# Whether any of the conditions holds. #}
{% macro any_of(conditions) -%}
    {% for condition in conditions %}({{ condition }}){{ '\n    or ' if not loop.last }}{% else %}false{% endfor %}
{%- endmacro %}

{# Names of the populations of the measures, as an SQL list. #}
{% macro populations_of(chosen) -%}
    {% for name in chosen | map(attribute='population') | unique %}'{{ name }}'{{ ', ' if not loop.last }}{% else %}''{% endfor %}
{%- endmacro %}
