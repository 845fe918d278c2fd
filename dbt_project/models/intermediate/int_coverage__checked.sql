with repeats as (

    {{ repeated_keys(ref('stg_registry__coverage'), ['patient_id', 'starts_on'], same_content(
        ['payer_code', 'ends_on'])) }}

),

final as (

    select
        staged.source_name,
        patient.patient_key,
        case
            when staged.payer_code is null then 'not_recorded' else coalesce(map.stratum, 'unmapped')
        end as stratum,
        staged.starts_on,
        staged.ends_on,
        coalesce(
            staged.row_fault,
            repeats.repeat_fault,
            case
                when patient.patient_key is null then 'patient_id has no patient row that is used'
                when staged.starts_on > run.as_of then 'starts_on is in the future'
                when staged.ends_on < patient.birth_date then 'ends_on is before birth'
            end
        ) as quarantine_reason,
        staged._source_file,
        staged._source_row
    from {{ ref('stg_registry__coverage') }} as staged
    cross join {{ source('raw', 'run') }} as run
    left join {{ ref('int_patient__accepted') }} as patient
        on staged.patient_id = patient.patient_id and staged.source_name = patient.source_name
    left join {{ ref('payer_map') }} as map on staged.payer_code = map.value
    left join repeats
        on
            staged.source_name = repeats.source_name
            and staged._source_file = repeats._source_file
            and staged._source_row = repeats._source_row

)

select * from final
