with final as (

    select
        staged.source_name,
        patient.patient_key,
        staged.source_system,
        coalesce(map.category, '') as category,
        case
            when staged.recorded_value is null then 'not_asked'
            when map.value is null then 'unmapped'
            else coalesce(map.missing_reason, '')
        end as missing_reason,
        staged.standard,
        staged.capture_method,
        staged.recorded_on,
        coalesce(
            staged.row_fault,
            {{ patient_fault('staged.recorded_on', 'recorded_on') }}
        ) as quarantine_reason,
        staged._source_file,
        staged._source_row
    from {{ ref('stg_registry__race_ethnicity') }} as staged
    cross join {{ source('raw', 'run') }} as run
    left join {{ ref('int_patient__accepted') }} as patient
        on staged.patient_id = patient.patient_id and staged.source_name = patient.source_name
    left join {{ ref('race_ethnicity_map') }} as map
        on staged.recorded_value = map.value

)

select * from final
