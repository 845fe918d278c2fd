with organization as (

    select id, any_value(name) as name
    from organization_current
    group by id

),

same_name as (

    select name from organization where name is not null group by name having count(*) > 1

),

site as (

    -- the name is what a team recognises; where two share one, the identifier tells them apart
    select
        organization.id,
        case when organization.name is null or same_name.name is not null then organization.id else organization.name end
            as site_id
    from organization
    left join same_name on organization.name = same_name.name

),

visited as (

    -- where no managing organization is recorded: the one that saw the person most often, of several the last one
    select
        patient_id,
        arg_max(organization_id, {'n': n, 'latest': latest, 'id': organization_id}) as organization_id
    from (
        select patient_id, organization_id, count(*) as n, max(starts_on) as latest
        from encounter_site
        where organization_id is not null
        group by patient_id, organization_id
    )
    group by patient_id

),

followed as (

    select
        reference_id(patient.reference, 'Patient') as patient_id,
        min(first_day(period.start)) as enrolled_on,
        case when count(*) = count(period."end") then max(last_day_of(period."end")) end as left_on
    from episodeofcare_current
    where
        coalesce(status, '') not in ('entered-in-error', 'cancelled', 'planned', 'waitlist')
        and list_contains(
            flatten(list_transform(type, lambda t: words_of(t))), getvariable('registry_episode_type')
        )
    group by 1

),

person as (

    select
        *,
        coalesce(
            reference_id(managingOrganization.reference, 'Organization'),
            (
                select any_value(known.id)
                from organization_identifier as known
                where known.reference = managingOrganization.reference
            )
        ) as managing_id,
        list_filter(extension, lambda e: ends_with(e.url, '/us-core-birthsex'))[1].valueCode as birth_sex,
        list_filter(extension, lambda e: ends_with(e.url, '/us-core-sex'))[1] as core_sex
    from patient_current

)

select
    person.file_no,
    person.line,
    1 as position,
    cast(null as varchar) as left_out,
    case
        when person.id in (select merge_circle.patient_id from merge_circle) then 'merge links lead in a circle'
    end as fault,
    person.id as patient_id,
    person.birthDate as birth_date,
    coalesce(
        case coalesce(person.core_sex.valueCoding.code, person.core_sex.valueCode)
            when '248152002' then 'F' when '248153007' then 'M'
        end,
        case when person.birth_sex in ('F', 'M') then person.birth_sex end,
        person.gender
    ) as sex,
    coalesce(site.site_id, person.managing_id, person.managingOrganization.display, seen.site_id, visited.organization_id)
        as site_id,
    followed.enrolled_on,
    followed.left_on,
    first_day(person.deceasedDateTime) as death_date
from person
left join followed on person.id = followed.patient_id
left join visited on person.id = visited.patient_id
left join site on person.managing_id = site.id
left join site as seen on visited.organization_id = seen.id
