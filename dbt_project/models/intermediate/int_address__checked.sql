with repeats as (

    {{ repeated_keys(ref('stg_registry__addresses'), ['patient_id', 'starts_on'], same_content(
        ['tract_geoid', 'tract_vintage', 'ends_on', 'geocode_status'])) }}

),

known_vintages as (

    select distinct tract_vintage from {{ ref('int_tract') }}

),

final as (

    select
        staged.source_name,
        patient.patient_key,
        case when staged.geocode_fault is null then staged.tract_geoid end as tract_geoid,
        staged.tract_vintage,
        staged.starts_on,
        staged.ends_on,
        staged.geocode_status,
        coalesce(
            staged.row_fault,
            repeats.repeat_fault,
            case
                when
                    staged.tract_geoid is not null
                    and vintage.tract_vintage is null
                    and staged.geocode_fault is null
                    and exists (select 1 from known_vintages)
                    then 'tract is of another vintage than every area table'
            end,
            case
                when patient.patient_key is null then 'patient_id has no patient row that is used'
                when staged.starts_on > run.as_of then 'starts_on is in the future'
                when staged.ends_on < patient.birth_date then 'ends_on is before birth'
            end,
            staged.geocode_fault
        ) as quarantine_reason,
        staged.geocode_fault,
        staged._source_file,
        staged._source_row
    from {{ ref('stg_registry__addresses') }} as staged
    cross join {{ source('raw', 'run') }} as run
    left join {{ ref('int_patient__accepted') }} as patient
        on
            staged.patient_id = patient.patient_id
            and coalesce(staged.registry_source, staged.source_name) = patient.source_name
    left join known_vintages as vintage on staged.tract_vintage = vintage.tract_vintage
    left join repeats
        on
            staged.source_name = repeats.source_name
            and staged._source_file = repeats._source_file
            and staged._source_row = repeats._source_row

)

select * from final
