-- What the SELECTs share. References: 'Patient/1', 'https://host/fhir/Patient/1/_history/2' and 'urn:uuid:1' are one.
create macro reference_id(reference, kind) as case
    when starts_with(reference, 'urn:uuid:') then substr(reference, 10)
    when starts_with(reference, kind || '/') and strpos(substr(reference, length(kind) + 2), '/') = 0
        then nullif(substr(reference, length(kind) + 2), '')
    else nullif(regexp_extract(reference, '(?:^|/)' || kind || '/([^/?#]+)(?:/_history/.*)?$', 1), '')
end;

-- A date of a FHIR date, dateTime or instant, as it stands there: the day where it was recorded. A year or month stands
-- for its first day, or for its last where it ends something.
create macro first_day(moment) as case length(moment)
    when 4 then moment || '-01-01' when 7 then moment || '-01' else left(moment, 10)
end;
create macro last_day_of(moment) as case length(moment)
    when 4 then moment || '-12-31'
    when 7 then coalesce(cast(last_day(try_cast(moment || '-01' as date)) as varchar), moment)
    else left(moment, 10)
end;

-- ICD-10-CM before other codings; a SNOMED CT code that the seed knows becomes ICD-10-CM, another code stays itself.
create macro icd_dotted(code) as case
    when regexp_full_match(code, '[A-Z][0-9][0-9A-Z][0-9A-Z]{1,4}') then left(code, 3) || '.' || substr(code, 4)
    else code
end;
create macro icd_of(codings) as icd_dotted(upper(trim(list_filter(
    codings, lambda c: c.code is not null and (contains(c.system, 'icd-10-cm') or c.system = 'urn:oid:2.16.840.1.113883.6.90')
)[1].code)));
create macro diagnosis_code(codings) as coalesce(
    icd_of(codings),
    getvariable('snomed_map')[list_filter(codings, lambda c: c.system = 'http://snomed.info/sct'
        and map_contains(getvariable('snomed_map'), c.code))[1].code],
    icd_dotted(upper(trim(list_filter(codings, lambda c: c.code is not null and contains(c.system, 'icd-10'))[1].code))),
    list_filter(codings, lambda c: c.code is not null)[1].code
);

-- The first of `candidates` that the vocabulary knows, else the first one that says anything.
create macro first_known(candidates, vocabulary) as coalesce(
    list_filter(candidates, lambda c: list_contains(vocabulary, lower(trim(c))))[1],
    list_filter(candidates, lambda c: trim(c) <> '')[1]
);
create macro words_of(concept) as list_concat(
    list_transform(coalesce(concept.coding, []), lambda c: c.code),
    [concept.text],
    list_transform(coalesce(concept.coding, []), lambda c: c.display)
);

-- The category of the CDC Race and Ethnicity code system (urn:oid:2.16.840.1.113883.6.238) that a detailed code belongs
-- to: its codes are numbered along its hierarchy. Middle Eastern or North African stays itself; the roll-up to White
-- under the 1997 standard is made where groups are formed. Other codes stay as they are.
create macro race_category(code) as case
    when not regexp_full_match(code, '[0-9]{4}-[0-9]') then code
    when try_cast(left(code, 4) as integer) between 1002 and 2027 then '1002-5'
    when try_cast(left(code, 4) as integer) between 2028 and 2053 then '2028-9'
    when try_cast(left(code, 4) as integer) between 2054 and 2075 then '2054-5'
    when try_cast(left(code, 4) as integer) between 2076 and 2105 then '2076-8'
    when try_cast(left(code, 4) as integer) = 2500 then '2076-8'
    when try_cast(left(code, 4) as integer) between 2106 and 2117 then '2106-3'
    when try_cast(left(code, 4) as integer) between 2118 and 2129 then '2118-8'
    when try_cast(left(code, 4) as integer) between 2135 and 2185 then '2135-2'
    else code
end;
create macro says_declined(words) as regexp_matches(
    lower(words), 'declin|refus|prefer(red|s)? not|(chose|choose|chooses|wish|wishes) not|not to (answer|disclose|say)'
);
