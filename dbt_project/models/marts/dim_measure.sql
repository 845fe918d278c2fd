{% for definition in measures() %}
select
    '{{ definition.measure_id }}' as measure_id,
    {{ text(definition.title) }} as title,
    {{ text(definition.description.split(" One row per")[0]) }} as description,
    '{{ definition.population }}' as population,
    '{{ definition.kind }}' as kind,
    '{{ definition.family }}' as family,
    '{{ definition.direction }}' as direction,
    {{ text(definition.unit) }} as unit,
    cast({{ definition.multiplier }} as double) as multiplier,
    cast({{ definition.numerator_low | default('null') }} as integer) as numerator_low,
    cast({{ definition.numerator_high | default('null') }} as integer) as numerator_high,
    '{{ definition.counts_what }}' as counts_what,
    '{{ definition.denominator_unit }}' as denominator_unit,
    '{{ definition.untested_convention or '' }}' as untested_convention,
    '{{ definition.grains | join(',') }}' as grains,
    {{ text(definition.exclusions) }} as exclusions,
    {{ text(definition.steward) }} as steward,
    {{ text(definition.citation) }} as citation,
    {{ definition.sort_order }} as sort_order
{{ 'union all' if not loop.last }}
{%- endfor %}
