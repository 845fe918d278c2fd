{# Where an accepted row came from is not kept: only rows set aside need their source line. #}
with repeats as (

    {{ repeated_keys(ref('stg_registry__encounters'), ['encounter_id'], same_content(
        ['patient_id', 'encounter_class_code', 'service', 'primary_dx', 'starts_on', 'ends_on'])) }}

),

judged as (

    select
        patient.patient_key,
        {{ month_number('staged.starts_on', 'run.window_starts_on') }} as month_number,
        class_map.encounter_class,
        lower(staged.service) = 'diabetes' as is_diabetes_service,
        diagnosis.diagnosis_group,
        cast(case
            when class_map.encounter_class = 'inpatient'
                then greatest({{ dbt.datediff('staged.starts_on', 'coalesce(staged.ends_on, run.as_of)', 'day') }}, 1)
            else 0
        end as integer) as bed_days,
        abs({{ dbt.datediff('patient.diagnosed_on', 'staged.starts_on', 'day') }}) <= 14 as is_at_diagnosis,
        coalesce(
            staged.row_fault,
            case when class_map.encounter_class is null then 'encounter_class is not a known class' end,
            repeats.repeat_fault,
            {{ patient_fault('staged.starts_on', 'starts_on') }},
            case when staged.ends_on > run.as_of then 'ends_on is in the future' end
        ) as quarantine_reason,
        staged.source_name,
        staged._source_file,
        staged._source_row
    from {{ ref('stg_registry__encounters') }} as staged
    cross join {{ source('raw', 'run') }} as run
    left join {{ ref('int_patient__record') }} as patient
        on staged.patient_id = patient.patient_id and staged.source_name = patient.source_name
    left join {{ ref('encounter_class_map') }} as class_map
        on lower(staged.encounter_class_code) = class_map.value
    left join {{ ref('diagnosis_groups') }} as diagnosis
        on upper(trim(staged.primary_dx)) = diagnosis.code
    left join repeats
        on
            staged.source_name = repeats.source_name
            and staged._source_file = repeats._source_file
            and staged._source_row = repeats._source_row

),

final as (

    select
        patient_key,
        month_number,
        encounter_class,
        is_diabetes_service,
        diagnosis_group,
        bed_days,
        is_at_diagnosis,
        quarantine_reason,
        source_name,
        case when quarantine_reason is not null then _source_file end as _source_file,
        case when quarantine_reason is not null then _source_row end as _source_row
    from judged

)

select * from final
