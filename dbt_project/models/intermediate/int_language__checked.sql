with final as (

    select
        staged.source_name,
        patient.patient_key,
        staged.recorded_on,
        case
            when staged.language_subtag is null then 'not_recorded' else coalesce(map.stratum, 'unmapped')
        end as stratum,
        coalesce(
            staged.row_fault,
            {{ patient_fault('staged.recorded_on', 'recorded_on') }}
        ) as quarantine_reason,
        staged._source_file,
        staged._source_row
    from {{ ref('stg_registry__languages') }} as staged
    cross join {{ source('raw', 'run') }} as run
    left join {{ ref('int_patient__accepted') }} as patient
        on staged.patient_id = patient.patient_id and staged.source_name = patient.source_name
    left join {{ ref('language_map') }} as map
        on staged.language_subtag = map.subtag

)

select * from final
