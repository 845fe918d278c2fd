{#
Default-value artefacts: the share of the commonest category among children who joined in the period, and how far it
lies from the same site's earlier periods (robust z: distance from their median in units of 1.4826 median absolute
deviations, at least 2 points).
#}
with modal as (

    select * from {{ ref('int_quality__modal_share') }}

),

pairs as (

    select
        modal.site,
        modal.grain,
        modal.period_index,
        earlier.share,
        median(earlier.share) over (partition by modal.site, modal.grain, modal.period_index) as median_share
    from modal
    inner join modal as earlier
        on modal.site = earlier.site and modal.grain = earlier.grain and modal.period_index > earlier.period_index

),

spread as (

    select
        site,
        grain,
        period_index,
        max(median_share) as median_share,
        median(abs(share - median_share)) as deviation
    from pairs
    group by site, grain, period_index
    having count(*) >= 3

)

select 'race_ethnicity' as field, site, grain, period_starts_on, 'modal_capture_share' as metric, share as value, n
from modal
union all
select
    'race_ethnicity', modal.site, modal.grain, modal.period_starts_on, 'modal_capture_share_baseline_median',
    spread.median_share, modal.n
from modal
inner join spread using (site, grain, period_index)
union all
select
    'race_ethnicity', modal.site, modal.grain, modal.period_starts_on, 'modal_capture_share_z',
    (modal.share - spread.median_share) / greatest(1.4826 * spread.deviation, 0.02), modal.n
from modal
inner join spread using (site, grain, period_index)
