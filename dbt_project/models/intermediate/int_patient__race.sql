with stated as (

    -- what the family itself said outranks what somebody observed, guessed or did not document
    select
        recorded.*,
        coalesce(categories.bit, 0) as bit,
        max(case when recorded.category <> '' then recorded.capture_rank else 0 end)
            over (partition by recorded.patient_key) as best_rank
    from {{ ref('int_patient__race_ethnicity') }} as recorded
    left join {{ ref('race_categories') }} as categories on recorded.category = categories.category

),

by_source as (

    select
        patient_key,
        bit_or(bit) as categories_mask,
        bit_or(bit) & 183 as race_mask,  -- without Hispanic (8) and another (64): these do not contradict a race
        max(case when category = 'HISP' then 1 else 0 end) as says_hispanic,
        max(case when category = 'NOT_HISP' then 1 else 0 end) as says_not_hispanic,
        max(case missing_reason
            when 'declined' then 4 when 'asked_unknown' then 3 when 'unmapped' then 2 when 'not_asked' then 1 else 0
        end) as missing_rank
    from stated
    where category = '' or capture_rank = best_rank
    group by patient_key, source_name, source_system

),

combined as (

    select
        patient_key,
        bit_or(categories_mask) as categories_mask,
        max(missing_rank) as missing_rank,
        count(*) filter (where race_mask > 0) as n_sources,
        coalesce(bit_and(race_mask) filter (where race_mask > 0), 0) as shared_mask,
        max(says_hispanic) = 1 and max(says_not_hispanic) = 1 as is_ethnicity_contradicted
    from by_source
    group by patient_key

)

select
    patient_key,
    case
        when is_ethnicity_contradicted or (n_sources > 1 and shared_mask = 0) then 260
        when categories_mask > 0 then categories_mask
        when missing_rank = 4 then 258
        when missing_rank = 3 then 257
        when missing_rank = 2 then 259
        else 256
    end as race_code
from combined
