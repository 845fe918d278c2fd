{#
Spans of one key follow each other: returns the spans that begin before an earlier one has ended, or end before they
begin. Ends are included; `open_end` is what an empty end stands for.
#}
{% test no_overlap(model, key, first, last, open_end=none) %}
{%- set ends = 'coalesce(' ~ last ~ ', ' ~ open_end ~ ')' if open_end else last %}
select *
from (
    select
        *,
        max({{ ends }}) over (
            partition by {{ key | join(', ') }} order by {{ first }} rows between unbounded preceding and 1 preceding
        ) as earlier_end
    from {{ model }}
) as spans
where {{ first }} <= earlier_end or {{ first }} > {{ last }}
{% endtest %}
