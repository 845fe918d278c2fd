with final as (

    select
        staged.source_name,
        patient.patient_key,
        staged.condition_code,
        staged.onset_on,
        coalesce(
            staged.row_fault,
            {{ patient_fault('staged.onset_on', 'onset_on') }}
        ) as quarantine_reason,
        staged._source_file,
        staged._source_row
    from {{ ref('stg_registry__conditions') }} as staged
    cross join {{ source('raw', 'run') }} as run
    left join {{ ref('int_patient__accepted') }} as patient
        on staged.patient_id = patient.patient_id and staged.source_name = patient.source_name

)

select * from final
