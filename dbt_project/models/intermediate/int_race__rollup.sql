{#
What each combination of recorded categories means under each of the four named roll-ups. A reason for a missing value
stays that reason everywhere: it never becomes "other" or "multiracial".
#}
with combinations as (

    select
        patient.race_code,
        count(population.patient_key) as n_patients
    from {{ ref('int_patient') }} as patient
    left join {{ ref('pop_t1d') }} as population on patient.patient_key = population.patient_key
    group by patient.race_code

),

spelled as (

    select
        combinations.race_code,
        combinations.n_patients,
        count(*) as n_categories,
        string_agg(categories.category, '+' order by categories.category) as categories,
        count(distinct categories.category_1997) filter (where categories.category <> 'HISP') as n_races_1997,
        min(categories.category_1997) filter (where categories.category <> 'HISP') as race_1997,
        max(case when categories.category = 'HISP' then 1 else 0 end) as is_hispanic
    from combinations
    inner join {{ ref('race_categories') }} as categories
        on combinations.race_code < 256 and (combinations.race_code & categories.bit) > 0
    group by combinations.race_code, combinations.n_patients

),

exclusive as (

    select
        race_code,
        case when n_categories = 1 then categories else 'MULTI' end as combined_multiracial,
        case when n_categories = 1 or n_patients >= 100 then categories else 'MULTI' end as frequent,
        case when is_hispanic = 1 then 'HISP' when n_races_1997 = 1 then race_1997 else 'MULTI' end as hispanic_first
    from spelled

)

select race_code, 'race_omb2024_multi' as stratifier, combined_multiracial as stratum from exclusive
union all
select race_code, 'race_omb2024_freq', frequent from exclusive
union all
select race_code, 'race_omb1997_hispanic_first', hispanic_first from exclusive
union all
select combinations.race_code, 'race_omb2024_aoic', categories.category
from combinations
inner join {{ ref('race_categories') }} as categories
    on combinations.race_code < 256 and (combinations.race_code & categories.bit) > 0
union all
select combinations.race_code, rollups.stratifier, missing.stratum
from combinations
inner join {{ ref('strata') }} as missing
    on missing.dimension = 'race_missing' and combinations.race_code = missing.code
cross join {{ ref('stratifiers') }} as rollups
where rollups.stratifier like 'race_omb%'
