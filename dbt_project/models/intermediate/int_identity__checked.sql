with repeats as (

    {{ repeated_keys(ref('stg_registry__identity_map'), ['record_source', 'patient_id'], same_content(['person_id'])) }}

),

known as (

    select distinct
        patient.source_name,
        patient.patient_id
    from {{ ref('stg_registry__patients') }} as patient
    inner join {{ ref('stg_registry__identity_map') }} as staged
        on patient.patient_id = staged.patient_id and patient.source_name = staged.record_source

),

final as (

    select
        staged.source_name,
        staged.record_source,
        staged.patient_id,
        staged.person_id,
        coalesce(
            staged.row_fault,
            repeats.repeat_fault,
            case when known.patient_id is null then 'no source has a patient of that source_name and patient_id' end
        ) as quarantine_reason,
        staged._source_file,
        staged._source_row
    from {{ ref('stg_registry__identity_map') }} as staged
    left join known
        on staged.patient_id = known.patient_id and staged.record_source = known.source_name
    left join repeats
        on
            staged.source_name = repeats.source_name
            and staged._source_file = repeats._source_file
            and staged._source_row = repeats._source_row

)

select * from final
