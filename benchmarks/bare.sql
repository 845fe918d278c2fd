-- The pipeline's counting work as one bare hand-written DuckDB script: registry in, counts per stratum out, and nothing
-- else (no quarantine, no quality, no gate, no statistics). `{registry}` is a generated registry in Parquet.
create temp table run as select date '{as_of}' as as_of, date '{first}' as first_day, date '{last}' as last_day, {months} as n;

create temp table area as
with t as (
    select tract_geoid::varchar as tract, child_population as w, poverty_share as p, deprivation_index as d
    from read_csv('{registry}/tracts.csv', types = {{'tract_geoid': 'VARCHAR'}}))
select tract,
    least(5, 1 + floor(5.0 * (sum(case when p is not null then w end) over (order by p nulls last)
        - sum(w) over (partition by p) / 2.0) / sum(case when p is not null then w end) over ())::int) as pov,
    least(5, 1 + floor(5.0 * (sum(case when d is not null then w end) over (order by d nulls last)
        - sum(w) over (partition by d) / 2.0) / sum(case when d is not null then w end) over ())::int) as dep
from t;

create temp table person as
with p as (
    select patient_id as id, any_value(coalesce(site_id, '')) as site, any_value(lower(sex)) as sex,
        any_value(try_cast(birth_date as date)) as born, any_value(try_cast(enrolled_on as date)) as enrolled,
        any_value(try_cast(left_on as date)) as left_on, any_value(try_cast(death_date as date)) as died
    from read_parquet('{registry}/patients*.parquet')
    where patient_id is not null and try_cast(birth_date as date) <= (select as_of from run)
        and coalesce(try_cast(enrolled_on as date) <= (select as_of from run), enrolled_on is null)
        and coalesce(try_cast(left_on as date) >= try_cast(enrolled_on as date), true)
        and coalesce(try_cast(death_date as date) >= try_cast(birth_date as date), death_date is null)
        and (left_on is null or try_cast(left_on as date) is not null)
    group by patient_id
    having count(distinct (site_id, sex, birth_date, enrolled_on, left_on, death_date)) <= 1 ),
dx as (
    select patient_id as id, min(try_cast(onset_on as date)) as dx
    from read_parquet('{registry}/conditions*.parquet') c join p on p.id = c.patient_id
    where starts_with(code, 'E10') and not starts_with(code, 'E10.A')
        and try_cast(onset_on as date) between born and (select as_of from run)
    group by patient_id)
select (row_number() over ())::int as k, p.*, dx.dx from p left join dx using (id);

create temp table race as
with m(v, b) as (values ('1002-5', 1), ('2028-9', 2), ('2054-5', 4), ('2135-2', 8), ('2118-8', 16), ('2076-8', 32),
        ('2131-1', 64), ('2106-3', 128), ('2186-5', 0)),
r as (
    select person.k, source_system as s, lower(value) as v, m.b, m.b is not null as known,
        case when capture_method in ('self', 'proxy') then 2 else 1 end as rank
    from read_parquet('{registry}/race_ethnicity*.parquet') e join person on person.id = e.patient_id
    left join m on m.v = lower(value)
    where coalesce(try_cast(recorded_on as date) between born and (select as_of from run), recorded_on is null)
        and coalesce(standard, 'omb2024') in ('omb1997', 'omb2024')
        and coalesce(capture_method, 'unknown') in ('self', 'proxy', 'observed', 'imputed', 'unknown')),
best as (select *, max(case when known then rank else 0 end) over (partition by k) as top from r),
per_source as (
    select k, s, bit_or(coalesce(b, 0)) as mask, bit_or(coalesce(b, 0)) & 183 as races, bool_or(v = '2135-2') as h,
        bool_or(v = '2186-5') as nh,
        max(case when v in ('declined', 'refused') then 4 when v in ('asku', 'unk', 'asked_unknown', 'unknown') then 3
            when not known and v not in ('not_asked', 'nask') then 2 else 0 end) as miss
    from best where not known or rank = top group by k, s)
select k, case when bool_or(h) and bool_or(nh) or (count(*) filter (races > 0) > 1 and bit_and(races) filter (races > 0) = 0)
        then 260 when bit_or(mask) > 0 then bit_or(mask)
        when max(miss) = 4 then 258 when max(miss) = 3 then 257 when max(miss) = 2 then 259 else 256 end as race
from per_source group by k;

create temp table lang as
with maps as (
    select subtag, s.code, s.missing_reason is not null as missing from read_csv('{seeds}/language_map.csv') m
    join read_csv('{seeds}/strata.csv') s on s.dimension = 'language' and s.stratum = m.stratum)
select k, arg_min(l, (missing, -coalesce(recorded - date '1900-01-01', -1), l)) as language from (
    select person.k, if(language is null, 0, coalesce(maps.code, 14)) as l, coalesce(missing, true) as missing,
        try_cast(recorded_on as date) as recorded
    from read_parquet('{registry}/languages*.parquet') e join person on person.id = e.patient_id
    left join maps on maps.subtag = lower(split_part(language, '-', 1))
    where coalesce(try_cast(recorded_on as date) between born and (select as_of from run), recorded_on is null))
group by k;

create temp table home as
with a as (
    select person.k, tract_geoid as tract, try_cast(starts_on as date) as s, try_cast(ends_on as date) as e,
        any_value(file_row_number) as row
    from read_parquet('{registry}/addresses*.parquet', file_row_number = true) x
    join person on person.id = x.patient_id
    where try_cast(starts_on as date) <= (select as_of from run)
        and (ends_on is null or try_cast(ends_on as date) >= greatest(try_cast(starts_on as date), born))
        and (tract_geoid is null or regexp_full_match(tract_geoid, '\d{{11}}')) and (tract_geoid is null or tract_vintage::int = 2020)
    group by all),
b as (select * from a qualify count(*) over (partition by k, s) = 1),
c as (select *, lead(s) over (partition by k order by s, row) as nx from b)
select k, s, case when nx <= coalesce(e, nx) then nx - 1 else e end as e,
    case when c.tract is null then 0 when area.tract is null then 6 else coalesce(pov, 7) end * 8
    + case when c.tract is null then 0 when area.tract is null then 6 else coalesce(dep, 7) end as code
from c left join area on area.tract = c.tract;

create temp table cover as
with maps as (
    select value, s.code from read_csv('{seeds}/payer_map.csv') m
    join read_csv('{seeds}/strata.csv') s on s.dimension = 'payer' and s.stratum = m.stratum),
a as (
    select person.k, if(payer is null, 0, coalesce(maps.code, 14)) as code,
        try_cast(starts_on as date) as s, try_cast(ends_on as date) as e, payer, any_value(file_row_number) as row
    from read_parquet('{registry}/coverage*.parquet', file_row_number = true) x
    join person on person.id = x.patient_id left join maps on maps.value = lower(payer)
    where try_cast(starts_on as date) <= (select as_of from run)
        and (ends_on is null or try_cast(ends_on as date) >= greatest(try_cast(starts_on as date), born))
    group by all),
b as (select * from a qualify count(*) over (partition by k, s) = 1),
c as (select *, lead(s) over (partition by k order by s, row) as nx from b)
select k, code, s, case when nx <= coalesce(e, nx) then nx - 1 else e end as e from c;

create macro mon(d) as ((year(d) - year((select first_day from run))) * 12 + month(d) - month((select first_day from run)))::int;
create temp table site as select site, row_number() over (order by site) as sc from (select distinct site from person);
create temp table mem as
with s as (
    select k, born, dx, greatest(dx, coalesce(enrolled, dx), born) as a,
        least(left_on, died, (born + interval 21 year)::date - 1, (select last_day from run)) as z
    from person where dx is not null)
select k, born, greatest(mon(a), 0) as m0, mon(z + 1) - 1 as m1, greatest(mon(greatest(a, dx + 90)), 0) as e0,
    greatest(a, dx + 90) <= z as est
from s where a <= z and mon(z + 1) > greatest(mon(a), 0);

create temp table seg as
with fixed as (
    select mem.*, ((coalesce(race, 256) * 16 + coalesce(language, 0)) * 8
        + case when sex is null then 0 when sex in ('f', 'female') then 1 when sex in ('m', 'male') then 2
            when sex in ('x', 'other', 'nonbinary') then 3 when sex in ('u', 'unk', 'unknown') then 0 else 6 end) * 64 + sc as f
    from mem join person using (k) join site using (site) left join race using (k) left join lang using (k)),
ch as (
    select k, m0 as m, 0 as a, 0 as p, 0 as g from mem
    union all select k, mon(s), (s - date '1900-01-01') * 64 + code, 0, 0 from home
    union all select k, mon(e + 1), (e + 1 - date '1900-01-01') * 64, 0, 0 from home where e is not null
    union all select k, mon(s), 0, (s - date '1900-01-01') * 64 + code, 0 from cover
    union all select k, mon(e + 1), 0, (e + 1 - date '1900-01-01') * 64, 0 from cover where e is not null
    union all select k, mon((born + to_years(y))::date), 0, 0, g from mem,
        (values (0, 1), (6, 2), (12, 3), (18, 4), (21, 5), (45, 6), (65, 7)) t(y, g)),
starts as (
    select k, greatest(m, m0) as m, max(a) as a, max(p) as p, max(g) as g
    from ch join mem using (k) where m <= m1 group by all),
r as (
    select k, m, lead(m) over w as nm, max(a) over w % 64 as a, max(p) over w % 64 as p, max(g) over w as g
    from starts window w as (partition by k order by m))
select k, m::smallint as m0, coalesce(nm - 1, m1)::smallint as m1, fixed.m0 as p0, fixed.m1 as p1,
    fixed.e0, fixed.est, (((f::bigint * 16 + g) * 16 + p) * 64 + a) as c
from r join fixed using (k);

create temp table ev as
with e as (
    select patient_id, try_cast(starts_on as date) as d, lower(encounter_class) as class, lower(service) as service,
        primary_dx as code, coalesce(try_cast(ends_on as date), (select as_of from run)) - try_cast(starts_on as date) as los,
        encounter_id, ends_on
    from read_parquet('{registry}/encounters*.parquet')
    where try_cast(starts_on as date) is not null and (ends_on is null or try_cast(ends_on as date)
        between try_cast(starts_on as date) and (select as_of from run)) and encounter_id is not null),
dup as (
    select encounter_id, count(distinct (patient_id, d, class, service, code, ends_on)) as versions, min(d) as d
    from e where encounter_id in (select encounter_id from e group by 1 having count(*) > 1) group by 1),
kept as (
    select * exclude (encounter_id, ends_on) from e where encounter_id not in (select encounter_id from dup)
    union all
    select * exclude (encounter_id, ends_on) from e join (select encounter_id from dup where versions = 1) using (encounter_id)
    qualify row_number() over (partition by encounter_id) = 1),
n as (
    select k, mon(d) as m, (class = 'outpatient' and coalesce(service = 'diabetes', false))::int as clinic, (class = 'ed')::int as ed,
        (class = 'inpatient' and coalesce(code in ('E10.10', 'E10.11'), false) and abs(d - dx) > 14)::int as dka,
        case when class = 'inpatient' then greatest(los, 1) else 0 end as bed,
        (class in ('ed', 'inpatient') and coalesce(code = 'E10.641', false))::int as hypo
    from kept join person on person.id = patient_id
    where class in ('ed', 'inpatient', 'outpatient') and d between born and (select as_of from run))
select n.*, mem.m0, mem.m1 from n join mem using (k)
where m between mem.m0 and mem.m1 and clinic + ed + dka + bed + hypo > 0;

create temp table st as
with o as (
    select observation_id, patient_id, try_cast(observed_on as date) as d, code, unit, try_cast(value as double) as v,
        resulted_on from read_parquet('{registry}/observations*.parquet')
    where try_cast(observed_on as date) is not null and code is not null and observation_id is not null
        and (resulted_on is null or try_cast(resulted_on as date) is not null)),
dup as (
    select observation_id, count(distinct (patient_id, d, code, unit, v)) as versions from o
    where observation_id in (select observation_id from o group by 1 having count(*) > 1) group by 1),
kept as (
    select * from o where observation_id not in (select observation_id from dup)
    union all
    select o.* from o join dup using (observation_id) where versions = 1 qualify row_number() over (partition by observation_id) = 1),
h as (
    select k, d, case when lower(coalesce(unit, if(code = '59261-8', 'mmol/mol', '%'))) = 'mmol/mol' then 0.0915 * v + 2.15 else v end as pct
    from kept join person on person.id = patient_id
    where code in ('4548-4', '4549-2', '17855-8', '17856-6', '96595-4', '59261-8') and d between born and (select as_of from run)
        and coalesce(try_cast(resulted_on as date) between d and (select as_of from run), true)
        and lower(coalesce(unit, '%')) in ('%', 'mmol/mol')),
l as (
    select k, mon(d) as m, max((d - date '1900-01-01') * 1000 + 999 - round(pct * 10)::int) as x
    from h where pct between 3 and 20 and mon(d) >= -11 group by all)
select k, greatest(m, 0)::smallint as m0, least(m + 11, lead(m, 1, 9999) over (partition by k order by m) - 1)::smallint as m1,
    (999 - x % 1000)::smallint as v
from l qualify m1 >= 0;

create temp table hd as
with x as (
    select 0 as pop, m0 as a, m1 as z, c from seg
    union all select 1, greatest(m0, e0), m1, c from seg where est and m1 >= e0)
select pop, m, c, sum(q) as n from (select pop, a as m, c, 1 as q from x union all select pop, z + 1, c, -1 from x) group by all;

create temp table sd as
with x as (
    select c, greatest(st.m0, seg.m0, e0) as a, least(st.m1, seg.m1) as z, v
    from st join seg on st.k = seg.k and st.m0 <= seg.m1 and st.m1 >= greatest(seg.m0, e0) and est and seg.m1 >= e0)
select m, c, sum(q) as t, sum(q * (v < 70)::int) as lt7, sum(q * (v > 90)::int) as gt9, sum(q * v::int) as s, sum(q * v::int * v::int) as ss
from (select a as m, c, v, 1 as q from x union all select z + 1, c, v, -1 from x) group by all;

create temp table rt as
with g(grain, l) as (values ('month', 1), ('quarter', 3), ('year', 12)),
y as (
    {blocks}),
placed as (
    select y.*, l, o, least(y.m1, o + b * l + l - 1) - greatest(y.m0, o + b * l) + 1 as d, c
    from y join seg on seg.k = y.k and least(y.m1, o + b * l + l - 1) between seg.m0 and seg.m1),
part as (
    select grain, b, c, 0 as leavers, -(s % l) as d, (l - s % l) * (l - s % l) - l * l as dd
    from (select *, greatest(m0 - n % l, 0) as s, m1 - n % l as e, greatest(m0 - n % l, 0) // l as b
          from mem, g, (select n from run) where l > 1) q join seg on seg.k = q.k and n % l + b * l + l - 1 between seg.m0 and seg.m1
    where s % l > 0 and e >= b * l + l - 1
    union all
    select grain, b, c, 1, e - greatest(s, b * l) + 1, (e - greatest(s, b * l) + 1) ** 2
    from (select *, greatest(m0 - n % l, 0) as s, m1 - n % l as e, (m1 - n % l) // l as b
          from mem, g, (select n from run) where l > 1 and m1 >= n % l) q join seg on seg.k = q.k and q.m1 between seg.m0 and seg.m1
    where (e + 1) % l > 0)
select grain, b, c, 0 as leavers, 0 as d, 0 as dd, sum(clinic) as clinic, sum(clinic * clinic) as clinic_yy, sum(clinic * d) as clinic_yd,
    sum(ed) as ed, sum(ed * ed) as ed_yy, sum(ed * d) as ed_yd, sum(dka) as dka, sum(dka * dka) as dka_yy, sum(dka * d) as dka_yd,
    sum(bed) as bed, sum(bed * bed) as bed_yy, sum(bed * d) as bed_yd, sum(hypo) as hypo, sum(hypo * hypo) as hypo_yy, sum(hypo * d) as hypo_yd
from placed group by all
union all
select grain, b, c, sum(leavers), sum(d), sum(dd), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 from part group by all;

create macro cut(c, w, s) as ((c // w) % s)::int;
create macro site_of(c) as cut(c, 16 * 16 * 64, 64);
create macro sex_of(c) as cut(c, 16 * 16 * 64 * 64, 8);
create macro language_of(c) as cut(c, 16 * 16 * 64 * 64 * 8, 16);
create macro race_of(c) as cut(c, 16 * 16 * 64 * 64 * 8 * 16, 512);

create temp table up_h as
select pop, m, sc, case when r is not null and v is not null then 'rp' when r is not null then 'race' when l is not null then 'language'
        when x is not null then 'sex' when g is not null then 'age_band' when p is not null then 'payer'
        when v is not null then 'poverty_quintile' else 'deprivation_quintile' end as dim,
    coalesce(r, l, x, g, p, v, w) as code, case when r is not null then v end as code2, sum(n) as n
from (select *, site_of(c) as sc, race_of(c) as r, language_of(c) as l, sex_of(c) as x, cut(c, 1024, 16) as g, cut(c, 64, 16) as p,
        cut(c, 8, 8) as v, cut(c, 1, 8) as w from hd)
group by grouping sets ((pop, m, sc, r), (pop, m, sc, l), (pop, m, sc, x), (pop, m, sc, g), (pop, m, sc, p), (pop, m, sc, v),
    (pop, m, sc, w), (pop, m, sc, r, v));

create temp table up_s as
select m, sc, case when r is not null and v is not null then 'rp' when r is not null then 'race' when l is not null then 'language'
        when x is not null then 'sex' when g is not null then 'age_band' when p is not null then 'payer'
        when v is not null then 'poverty_quintile' else 'deprivation_quintile' end as dim,
    coalesce(r, l, x, g, p, v, w) as code, case when r is not null then v end as code2,
    sum(t) as t, sum(lt7) as lt7, sum(gt9) as gt9, sum(s) as s, sum(ss) as ss
from (select *, site_of(c) as sc, race_of(c) as r, language_of(c) as l, sex_of(c) as x, cut(c, 1024, 16) as g, cut(c, 64, 16) as p,
        cut(c, 8, 8) as v, cut(c, 1, 8) as w from sd)
group by grouping sets ((m, sc, r), (m, sc, l), (m, sc, x), (m, sc, g), (m, sc, p), (m, sc, v), (m, sc, w), (m, sc, r, v));

create temp table up_r as
select grain, b, sc, case when r is not null and v is not null then 'rp' when r is not null then 'race' when l is not null then 'language'
        when x is not null then 'sex' when g is not null then 'age_band' when p is not null then 'payer'
        when v is not null then 'poverty_quintile' else 'deprivation_quintile' end as dim,
    coalesce(r, l, x, g, p, v, w) as code, case when r is not null then v end as code2, {rate_sums}
from (select *, site_of(c) as sc, race_of(c) as r, language_of(c) as l, sex_of(c) as x, cut(c, 1024, 16) as g, cut(c, 64, 16) as p,
        cut(c, 8, 8) as v, cut(c, 1, 8) as w from rt)
group by grouping sets ((grain, b, sc, r), (grain, b, sc, l), (grain, b, sc, x), (grain, b, sc, g), (grain, b, sc, p), (grain, b, sc, v),
    (grain, b, sc, w), (grain, b, sc, r, v));

create temp table member as
with cat(bit, name, old) as (values (1, 'AIAN', 'AIAN'), (2, 'ASIAN', 'ASIAN'), (4, 'BLACK', 'BLACK'), (8, 'HISP', 'HISP'),
        (16, 'MENA', 'WHITE'), (32, 'NHPI', 'NHPI'), (64, 'OTHER', 'OTHER'), (128, 'WHITE', 'WHITE')),
n as (select coalesce(race, 256) as code, count(mem.k) as n from person left join race using (k) left join mem using (k) group by 1),
s as (select code, n, count(*) as q, string_agg(name, '+' order by name) as names,
        count(distinct old) filter (name <> 'HISP') as q97, min(old) filter (name <> 'HISP') as r97, bool_or(name = 'HISP') as h
    from n join cat on code < 256 and code & bit > 0 group by all),
rr as (
    select code, 'race_omb2024_multi' as stratifier, if(q = 1, names, 'MULTI') as stratum from s
    union all select code, 'race_omb2024_freq', if(q = 1 or n >= 100, names, 'MULTI') from s
    union all select code, 'race_omb1997_hispanic_first', case when h then 'HISP' when q97 = 1 then r97 else 'MULTI' end from s
    union all select code, 'race_omb2024_aoic', name from n join cat on code < 256 and code & bit > 0
    union all select code, x, ['not_asked', 'asked_unknown', 'declined', 'unmapped', 'conflict'][code - 255] from n,
        (values ('race_omb2024_multi'), ('race_omb2024_freq'), ('race_omb1997_hispanic_first'), ('race_omb2024_aoic')) t(x) where code > 255)
select 'race' as dim, code, stratifier, stratum from rr
union all select 'rp', code, 'race_by_poverty', stratum from rr where stratifier = 'race_omb2024_multi'
union all select 'sex', unnest(range(8)), 'overall', '0'
union all select d, unnest(range(16)), d, unnest(range(16))::varchar
    from (values ('language'), ('sex'), ('age_band'), ('payer'), ('poverty_quintile'), ('deprivation_quintile')) t(d);

create temp table block as
select grain, l, n % l + b * l + l - 1 as m, b from (values ('month', 1), ('quarter', 3), ('year', 12)) t(grain, l), run, range(n // l) r(b);

create temp table hs as
with x as (
    select pop, m, if(grouping(sc) = 1, -1, sc) as sc, stratifier, stratum, coalesce(code2, -1) as q, sum(n) as n
    from up_h join member using (dim, code)
    group by grouping sets ((pop, m, sc, stratifier, stratum, code2), (pop, m, stratifier, stratum, code2)))
select k.*, mm.m, sum(coalesce(n, 0)) over (partition by k.pop, k.sc, k.stratifier, k.stratum, k.q order by mm.m) as n
from (select distinct pop, sc, stratifier, stratum, q from x) k cross join (select m from block where grain = 'month') mm
left join x using (pop, sc, stratifier, stratum, q, m);

create temp table ss as
with x as (
    select m, if(grouping(sc) = 1, -1, sc) as sc, stratifier, stratum, coalesce(code2, -1) as q, sum(t) as t, sum(lt7) as lt7,
        sum(gt9) as gt9, sum(s) as s, sum(ss) as ss
    from up_s join member using (dim, code) group by grouping sets ((m, sc, stratifier, stratum, code2), (m, stratifier, stratum, code2)))
select k.*, sum(coalesce(t, 0)) over w as t, sum(coalesce(lt7, 0)) over w as lt7, sum(coalesce(gt9, 0)) over w as gt9,
    sum(coalesce(x.s, 0)) over w as s, sum(coalesce(x.ss, 0)) over w as ss
from (select sc, stratifier, stratum, q, m, n from hs where pop = 1) k left join x using (sc, stratifier, stratum, q, m)
window w as (partition by k.sc, k.stratifier, k.stratum, k.q order by k.m);

create temp table rs as
with x as (
    select grain, b, if(grouping(sc) = 1, -1, sc) as sc, stratifier, stratum, coalesce(code2, -1) as q, {rate_sums}
    from up_r join member using (dim, code)
    group by grouping sets ((grain, b, sc, stratifier, stratum, code2), (grain, b, stratifier, stratum, code2)))
select hs.sc, hs.stratifier, hs.stratum, hs.q, block.grain, block.b, n + coalesce(leavers, 0) as n, n * l + coalesce(d, 0) as d,
    n * l * l + coalesce(dd, 0) as dd, x.* exclude (grain, b, sc, stratifier, stratum, q, leavers, d, dd)
from hs join block using (m) left join x using (grain, b, sc, stratifier, stratum, q) where pop = 0;

create temp table counts as
with long as (
    {state_rows}
    union all
    {rate_rows})
select measure_id, grain, b, coalesce(site.site, if(sc = -1, 'all', 'not_recorded')) as site, stratifier, stratum, q as quintile,
    n::bigint as n_patients, y::bigint as numerator, d::bigint as denominator, yy::bigint as sum_yy, yd::bigint as sum_yd,
    dd::bigint as sum_dd
from long left join site using (sc)
where sc = -1 or (grain <> 'month' and stratifier <> 'race_by_poverty');
