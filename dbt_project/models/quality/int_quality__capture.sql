{#
Default-value artefacts: the share of the commonest category among children who joined in the period, and how far it
lies from the same site's earlier periods (robust z: distance from their median in units of 1.4826 median absolute
deviations, at least 2 points).
#}
with joined as (

    select
        site.site,
        period.grain,
        period.period_index,
        period.period_starts_on,
        rollup.stratum,
        count(*) as n_stratum
    from {{ ref('int_patient') }} as patient
    cross join {{ source('raw', 'run') }} as run
    inner join {{ ref('dim_period') }} as period
        on
            coalesce(patient.enrolled_on, patient.diagnosed_on) between period.period_starts_on and period.period_ends_on
            and period.grain in ('month', 'quarter')
    inner join {{ ref('int_race__rollup') }} as rollup
        on patient.race_code = rollup.race_code and rollup.stratifier = 'race_omb1997_hispanic_first'
    inner join {{ ref('dim_site') }} as site on patient.site_code = site.site_code
    where patient.race_code < 256
    group by site.site, period.grain, period.period_index, period.period_starts_on, rollup.stratum

),

modal as (

    select
        site,
        grain,
        period_index,
        period_starts_on,
        max(n_stratum) / cast(sum(n_stratum) as double) as share,
        sum(n_stratum) as n
    from joined
    group by site, grain, period_index, period_starts_on

),

earlier as (

    select
        modal.site,
        modal.grain,
        modal.period_index,
        median(before.share) as median_share,
        count(*) as n_before
    from modal
    inner join modal as before
        on modal.site = before.site and modal.grain = before.grain and before.period_index < modal.period_index
    group by modal.site, modal.grain, modal.period_index

),

spread as (

    select
        earlier.*,
        (
            select median(abs(before.share - earlier.median_share)) from modal as before
            where
                before.site = earlier.site and before.grain = earlier.grain
                and before.period_index < earlier.period_index
        ) as deviation
    from earlier
    where n_before >= 3

)

select 'race_ethnicity' as field, site, grain, period_starts_on, 'modal_capture_share' as metric, share as value, n
from modal
union all
select 'race_ethnicity', modal.site, modal.grain, modal.period_starts_on, 'modal_capture_share_baseline_median',
    spread.median_share, modal.n
from modal inner join spread using (site, grain, period_index)
union all
select 'race_ethnicity', modal.site, modal.grain, modal.period_starts_on, 'modal_capture_share_z',
    (modal.share - spread.median_share) / greatest(1.4826 * spread.deviation, 0.02), modal.n
from modal inner join spread using (site, grain, period_index)
