{# Children of the population per field and category at the end of each period. #}
select
    case stratum_month.stratifier
        when 'race_omb2024_multi' then 'race_ethnicity' when 'poverty_quintile' then 'address'
        else stratum_month.stratifier
    end as field,
    site.site,
    period.grain,
    period.period_index,
    period.period_starts_on,
    stratum_month.stratum,
    stratum.is_missing,
    stratum.missing_reason,
    stratum_month.n_patients
from {{ ref('int_stratum__month') }} as stratum_month
inner join {{ ref('dim_period') }} as period on stratum_month.month_number = period.last_month_number
inner join {{ ref('dim_site') }} as site on stratum_month.site_code = site.site_code
inner join {{ ref('dim_stratum') }} as stratum
    on stratum_month.stratifier = stratum.stratifier and stratum_month.stratum = stratum.stratum
where
    stratum_month.population = 't1d'
    and stratum_month.stratifier in ('race_omb2024_multi', 'language', 'payer', 'sex', 'poverty_quintile')
