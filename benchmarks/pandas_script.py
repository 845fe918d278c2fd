"""The same counting work as a competent pandas script: one row per child and period, attributes by `merge_asof`.

Reads a generated registry in Parquet and the code maps; uses nothing else of the pipeline.
"""

from __future__ import annotations

import argparse
import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd

SEEDS = Path(__file__).parents[1] / "seeds"
GRAINS = {"month": 1, "quarter": 3, "year": 12}
BITS = {
    "1002-5": 1,
    "2028-9": 2,
    "2054-5": 4,
    "2135-2": 8,
    "2118-8": 16,
    "2076-8": 32,
    "2131-1": 64,
    "2106-3": 128,
    "2186-5": 0,
}
CATEGORIES = {1: "AIAN", 2: "ASIAN", 4: "BLACK", 8: "HISP", 16: "MENA", 32: "NHPI", 64: "OTHER", 128: "WHITE"}
MISSING = {256: "not_asked", 257: "asked_unknown", 258: "declined", 259: "unmapped", 260: "conflict"}
PLAIN = ("language", "sex", "age_band", "payer", "poverty_quintile", "deprivation_quintile")
ROLL_UPS = ("race_omb2024_aoic", "race_omb2024_multi", "race_omb2024_freq", "race_omb1997_hispanic_first")
HBA1C = ["4548-4", "4549-2", "17855-8", "17856-6", "96595-4", "59261-8"]


def month(days: pd.Series, first: pd.Timestamp) -> pd.Series:
    """Months since the window's first month."""
    return (days.dt.year - first.year) * 12 + days.dt.month - first.month


def once(frame: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """Rows with a key of their own: identical repeats once, differing ones not at all."""
    distinct = frame.drop_duplicates()
    return distinct[~distinct.duplicated(key, keep=False)]


def read(registry: Path, table: str, dates: list[str]) -> pd.DataFrame:
    """One table with its dates parsed; rows whose date cannot be read are left out."""
    frame = pd.read_parquet(registry / f"{table}.parquet")
    for column in dates:
        parsed = pd.to_datetime(frame[column], errors="coerce")
        frame = frame[parsed.notna() | frame[column].isna()].assign(**{column: parsed})
    return frame


def codes(dimension: str) -> pd.DataFrame:
    """Stratum, code and whether it stands for a missing value."""
    strata = pd.read_csv(SEEDS / "strata.csv")
    chosen = strata[strata.dimension == dimension]
    return chosen.assign(missing=chosen.missing_reason.notna())[["stratum", "code", "missing"]]


def people(registry: Path, as_of: pd.Timestamp) -> pd.DataFrame:
    """One row per accepted child with race, language and sex codes and the day of diagnosis."""
    p = read(registry, "patients", ["birth_date", "enrolled_on", "left_on", "death_date"]).dropna(
        subset=["patient_id", "birth_date"]
    )
    p = p[~(p.left_on < p.enrolled_on) & ~(p.death_date < p.birth_date)]
    p = once(p, ["patient_id"])
    p = p[(p.birth_date <= as_of) & ~(p.enrolled_on > as_of)].set_index("patient_id")
    c = read(registry, "conditions", ["onset_on"]).join(p.birth_date, on="patient_id", how="inner")
    c = c[
        (c.onset_on >= c.birth_date)
        & (c.onset_on <= as_of)
        & c.code.str.startswith("E10")
        & ~c.code.str.startswith("E10.A")
    ]
    p["dx"] = c.groupby("patient_id").onset_on.min()
    p["race"] = race(registry, p, as_of).reindex(p.index).fillna(256).astype(int)
    p["language"] = language(registry, p, as_of).reindex(p.index).fillna(0).astype(int)
    words = {"f": 1, "female": 1, "m": 2, "male": 2, "x": 3, "other": 3, "nonbinary": 3, "u": 0, "unk": 0, "unknown": 0}
    p["sex"] = p.sex.str.lower().map(words).where(p.sex.isna() | p.sex.str.lower().isin(words), 6).fillna(0).astype(int)
    return p


def race(registry: Path, p: pd.DataFrame, as_of: pd.Timestamp) -> pd.Series:
    """A code per child: the bits of the categories, or 256 and above for why there is none."""
    r = read(registry, "race_ethnicity", ["recorded_on"]).join(p.birth_date, on="patient_id", how="inner")
    r = r[~(r.recorded_on < r.birth_date) & ~(r.recorded_on > as_of)]
    value = r.value.str.lower()
    r = r.assign(
        v=value,
        bit=value.map({k.lower(): b for k, b in BITS.items()}),
        rank=1 + r.capture_method.isin(["self", "proxy"]),
    )
    known = r.bit.notna()
    top = r["rank"].where(known, 0).groupby(r.patient_id).transform("max")
    r = r[~known | (r["rank"] == top)]
    reason = r.v.map(
        {"declined": 4, "refused": 4, "asku": 3, "asked_unknown": 3, "unk": 3, "unknown": 3, "not_asked": 1, "nask": 1}
    )
    reason = reason.fillna(2).where(r.v.notna(), 1)
    r = r.assign(miss=np.where(r.bit.notna(), 0, reason), h=r.v == "2135-2", nh=r.v == "2186-5")
    for name in CATEGORIES:
        r[name] = r.bit.fillna(0).astype(int) & name > 0
    s = r.groupby(["patient_id", "source_system"])[[*CATEGORIES, "h", "nh", "miss"]].max().astype(int)
    s["mask"] = sum(s[bit] * bit for bit in CATEGORIES)
    stated = s[s["mask"] & 183 > 0]
    shared = pd.Series(0, index=s.index.get_level_values(0).unique())
    n_stated = stated.groupby("patient_id").size().reindex(shared.index, fill_value=0)
    for bit in (1, 2, 4, 16, 32, 128):
        shared += bit * (stated[bit].groupby("patient_id").min().reindex(shared.index, fill_value=0))
    c = s.groupby("patient_id").max()
    mask = sum(c[bit] * bit for bit in CATEGORIES)
    conflict = (c.h.eq(1) & c.nh.eq(1)) | ((n_stated > 1) & shared.eq(0))
    missing = c.miss.map({4: 258, 3: 257, 2: 259}).fillna(256)
    return pd.Series(np.select([conflict, mask > 0], [260, mask], missing), index=c.index)


def language(registry: Path, p: pd.DataFrame, as_of: pd.Timestamp) -> pd.Series:
    """The language code last recorded, a known one before a missing one."""
    r = read(registry, "languages", ["recorded_on"]).join(p.birth_date, on="patient_id", how="inner")
    r = r[~(r.recorded_on < r.birth_date) & ~(r.recorded_on > as_of)]
    maps = pd.read_csv(SEEDS / "language_map.csv").merge(codes("language"), on="stratum").set_index("subtag")
    tag = r.language.str.lower().str.split("-").str[0]
    code = tag.map(maps.code).fillna(14).where(r.language.notna(), 0).astype(int)
    missing = tag.map(maps.missing).fillna(True).astype(bool)
    order = pd.DataFrame({"patient_id": r.patient_id, "missing": missing, "day": r.recorded_on, "code": code})
    order = order.sort_values(["missing", "day", "code"], ascending=[True, False, True], na_position="last")
    return order.drop_duplicates("patient_id").set_index("patient_id").code


def spans(registry: Path, table: str, p: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Spans that do not overlap: a later start ends an earlier span."""
    s = read(registry, table, ["starts_on", "ends_on"]).dropna(subset=["starts_on"])
    s = s[~(s.ends_on < s.starts_on)]
    if table == "addresses":
        known = s.tract_geoid.notna()
        s = s[~known | s.tract_geoid.str.fullmatch(r"\d{11}").fillna(False)]
    s = once(s, ["patient_id", "starts_on"]).join(p.birth_date, on="patient_id", how="inner")
    s = s[(s.starts_on <= as_of) & ~(s.ends_on < s.birth_date)]
    if table == "addresses":
        s = s[s.tract_geoid.isna() | (s.tract_vintage.astype(str) == "2020")]
    s = s.sort_values(["patient_id", "starts_on"])
    after = s.groupby("patient_id").starts_on.shift(-1)
    cut = after.notna() & (s.ends_on.isna() | (after <= s.ends_on))
    ends = s.ends_on.mask(cut, after - pd.Timedelta(days=1)).fillna(pd.Timestamp("2200-01-01"))
    return s.assign(starts_on=s.starts_on.astype("datetime64[us]"), ends_on=ends.astype("datetime64[us]"))


def quintiles(registry: Path) -> pd.DataFrame:
    """Fifths of the children by the poverty and the deprivation of their tract."""
    t = pd.read_csv(registry / "tracts.csv", dtype={"tract_geoid": str}).set_index("tract_geoid")
    out = {}
    for name, column in (("poverty_quintile", "poverty_share"), ("deprivation_quintile", "deprivation_index")):
        weight = t.child_population.groupby(t[column]).sum()
        middle = (weight.cumsum() - weight / 2) / weight.sum()
        out[name] = t[column].map(np.minimum(5, 1 + np.floor(5 * middle))).fillna(7).astype(int)
    return pd.DataFrame(out)


def periods(p: pd.DataFrame, first: pd.Timestamp, last: pd.Timestamp, n: int) -> pd.DataFrame:
    """One row per child and period in which the child was a member, with the member months and the last of them."""
    m = p.dropna(subset=["dx"]).reset_index()
    start = pd.concat([m.dx, m.enrolled_on.fillna(m.dx), m.birth_date], axis=1).max(axis=1)
    end = pd.concat(
        [m.left_on, m.death_date, m.birth_date + pd.DateOffset(years=21) - pd.Timedelta(days=1)], axis=1
    ).min(axis=1)
    end = end.fillna(last).clip(upper=last)
    established = pd.concat([start, m.dx + pd.Timedelta(days=90)], axis=1).max(axis=1)
    m = m.assign(m0=month(start, first).clip(lower=0), m1=month(end + pd.Timedelta(days=1), first) - 1)
    m = m.assign(e0=np.where(established <= end, month(established, first), 9999))[(start <= end) & (m.m0 <= m.m1)]
    rows = []
    for grain, length in GRAINS.items():
        offset = n % length
        for b in range(n // length):
            low, high = offset + b * length, offset + b * length + length - 1
            x = m[(m.m0 <= high) & (m.m1 >= low)]
            at = x.m1.clip(upper=high)
            rows.append(x.assign(grain=grain, b=b, at=at, d=at - x.m0.clip(lower=low) + 1, whole=x.m1 >= high))
    out = pd.concat(rows, ignore_index=True)
    ends = pd.date_range(first, periods=n, freq="MS") + pd.offsets.MonthEnd(0)
    out["day"] = ends.to_numpy()[out["at"]].astype("datetime64[us]")
    age = (
        out.day.dt.year
        - out.birth_date.dt.year
        - (
            out.day.dt.month * 100 + out.day.dt.day
            < (out.birth_date.dt.month * 100 + out.birth_date.dt.day).where(
                ~((out.birth_date.dt.month == 2) & (out.birth_date.dt.day == 29) & (out.day.dt.year % 4 != 0)), 228
            )
        )
    )
    out["age_band"] = np.searchsorted([6, 12, 18, 21, 45, 65], age, side="right") + 1
    return out


def held(rows: pd.DataFrame, spans: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """The span's columns that held on each row's day; 0 where none did."""
    left = rows[["patient_id", "day"]].reset_index().sort_values("day")
    got = pd.merge_asof(
        left, spans.sort_values("starts_on"), left_on="day", right_on="starts_on", by="patient_id"
    ).set_index("index")
    valid = got.ends_on >= got.day
    return got[columns].where(valid, 0).fillna(0).astype(int).reindex(rows.index)


def events(registry: Path, p: pd.DataFrame, first: pd.Timestamp, as_of: pd.Timestamp) -> pd.DataFrame:
    """Counted encounters with their month."""
    e = read(registry, "encounters", ["starts_on", "ends_on"]).dropna(subset=["encounter_id", "starts_on"])
    e = once(e[~(e.ends_on < e.starts_on)], ["encounter_id"]).join(
        p[["birth_date", "dx"]], on="patient_id", how="inner"
    )
    kind = e.encounter_class.str.lower()
    e = e[
        (e.starts_on >= e.birth_date)
        & (e.starts_on <= as_of)
        & ~(e.ends_on > as_of)
        & kind.isin(["ed", "inpatient", "outpatient"])
    ]
    kind = kind[e.index]
    stay = (e.ends_on.fillna(as_of) - e.starts_on).dt.days.clip(lower=1)
    return pd.DataFrame(
        {
            "patient_id": e.patient_id,
            "m": month(e.starts_on, first),
            "clinic_visits": (kind.eq("outpatient") & e.service.str.lower().eq("diabetes").fillna(False)).astype(int),
            "ed_visits": kind.eq("ed").astype(int),
            "dka_admissions": (
                kind.eq("inpatient")
                & e.primary_dx.isin(["E10.10", "E10.11"])
                & ((e.starts_on - e.dx).dt.days.abs() > 14)
            ).astype(int),
            "bed_days": stay.where(kind.eq("inpatient"), 0),
            "severe_hypoglycaemia": (kind.isin(["ed", "inpatient"]) & e.primary_dx.eq("E10.641")).astype(int),
        }
    )


def results(registry: Path, p: pd.DataFrame, first: pd.Timestamp, as_of: pd.Timestamp) -> pd.DataFrame:
    """The HbA1c in tenths that counts for each child and month: lowest of the latest day."""
    o = read(registry, "observations", ["observed_on", "resulted_on"]).dropna(subset=["observation_id", "observed_on"])
    o = once(o, ["observation_id"]).join(p.birth_date, on="patient_id", how="inner")
    o = o[(o.observed_on >= o.birth_date) & (o.observed_on <= as_of) & o.code.isin(HBA1C)]
    o = o[~(o.resulted_on < o.observed_on) & ~(o.resulted_on > as_of)]
    unit = o.unit.str.lower().fillna(pd.Series(np.where(o.code == "59261-8", "mmol/mol", "%"), index=o.index))
    value = pd.to_numeric(o.value, errors="coerce")
    pct = (0.0915 * value + 2.15).where(unit == "mmol/mol", value)
    o = o.assign(m=month(o.observed_on, first), pct=pct)[unit.isin(["%", "mmol/mol"]) & pct.between(3, 20)]
    o["tenths"] = np.floor(o.pct * 10 + 0.5).astype(int)
    o = o.sort_values(["patient_id", "m", "observed_on", "tenths"], ascending=[True, True, False, True])
    return o.drop_duplicates(["patient_id", "m"])[["patient_id", "m", "tenths"]]


def members_of(p: pd.DataFrame, members: pd.Index) -> dict[str, dict[int, list[str]]]:
    """Strata of each race code under each roll-up."""
    count = p.race[p.index.isin(members)].value_counts()
    out: dict[str, dict[int, list[str]]] = {name: {} for name in ROLL_UPS}
    for code in p.race.unique():
        names = sorted(name for bit, name in CATEGORIES.items() if code < 256 and code & bit)
        old = sorted({"WHITE" if name == "MENA" else name for name in names if name != "HISP"})
        if not names:
            for name in ROLL_UPS:
                out[name][code] = [MISSING[code]]
            continue
        single = names[0] if len(names) == 1 else "MULTI"
        out["race_omb2024_aoic"][code] = names
        out["race_omb2024_multi"][code] = [single]
        out["race_omb2024_freq"][code] = ["+".join(names) if count.get(code, 0) >= 100 else single]
        out["race_omb1997_hispanic_first"][code] = ["HISP" if "HISP" in names else old[0] if len(old) == 1 else "MULTI"]
    return out


def count(registry: Path, as_of: dt.date, n: int) -> pd.DataFrame:
    """Counts per measure, grain, period, site, stratifier and stratum."""
    last = pd.Timestamp(as_of)
    first = (last + pd.Timedelta(days=1)) - pd.DateOffset(months=n)
    p = people(registry, last)
    rows = periods(p, first, last, n)
    q = quintiles(registry)
    homes = spans(registry, "addresses", p, last)
    homes[list(q.columns)] = q.reindex(homes.tract_geoid).fillna(6).astype(int).to_numpy()
    homes.loc[homes.tract_geoid.isna(), list(q.columns)] = 0
    rows[list(q.columns)] = held(rows, homes, list(q.columns))
    payers = pd.read_csv(SEEDS / "payer_map.csv").merge(codes("payer"), on="stratum").set_index("value").code
    cover = spans(registry, "coverage", p, last)
    cover["payer"] = cover.payer.str.lower().map(payers).fillna(14).where(cover.payer.notna(), 0).astype(int)
    rows["payer"] = held(rows, cover, ["payer"]).payer

    got = (
        pd.merge_asof(
            rows[["patient_id", "at"]].reset_index().sort_values("at"),
            results(registry, p, first, last).sort_values("m"),
            left_on="at",
            right_on="m",
            by="patient_id",
            tolerance=11,
        )
        .set_index("index")
        .reindex(rows.index)
    )
    e = events(registry, p, first, last)
    names = list(e.columns[2:])
    span = rows[rows.grain == "month"].groupby("patient_id")["at"].agg(["min", "max"])
    e = e.join(span, on="patient_id", how="inner")
    e = e[e.m.between(e["min"], e["max"])]
    parts = []
    for grain, length in GRAINS.items():
        offset = n % length
        x = e[e.m >= offset]
        parts.append(
            x.assign(grain=grain, b=(x.m - offset) // length).groupby(["patient_id", "grain", "b"])[names].sum()
        )
    rows = rows.merge(pd.concat(parts).reset_index(), on=["patient_id", "grain", "b"], how="left")
    y = rows[names].fillna(0).astype(int)

    established = rows.whole & (rows["at"] >= rows.e0)
    tested = (established & got.tenths.notna().to_numpy()).astype(int)
    tenths = got.tenths.fillna(0).astype(int).to_numpy() * tested
    everyone = established.astype(int)
    low, high = ((tenths < 70) & (tested > 0)).astype(int), (tenths > 90).astype(int)
    sums: dict[tuple[str, str], pd.Series] = {}
    for measure, numerator, denominator in (
        ("hba1c_below_7", low, tested),
        ("hba1c_below_7_of_all", low, everyone),
        ("hba1c_above_9", high, tested),
        ("hba1c_above_9_or_untested", high + everyone - tested, everyone),
        ("hba1c_mean", tenths, tested),
        ("hba1c_tested", tested, everyone),
    ):
        for key, column in zip(
            ("n_patients", "numerator", "denominator", "sum_yy", "sum_yd", "sum_dd"),
            (denominator, numerator, denominator, numerator * numerator, numerator, denominator),
            strict=True,
        ):
            sums[measure, key] = column
    one, d = pd.Series(1, index=rows.index), rows.d
    for measure in names:
        for key, column in zip(
            ("n_patients", "numerator", "denominator", "sum_yy", "sum_yd", "sum_dd"),
            (one, y[measure], d, y[measure] ** 2, y[measure] * d, d * d),
            strict=True,
        ):
            sums[measure, key] = column
    wide = pd.DataFrame(sums)
    base = rows[["grain", "b", "race", *PLAIN]].assign(site=rows.site_id.fillna("not_recorded"))
    return roll_up(
        pd.concat([base, wide.set_axis(wide.columns.to_flat_index(), axis=1)], axis=1),
        members_of(p, pd.Index(rows.patient_id.unique())),
    )


def roll_up(cells: pd.DataFrame, strata: dict[str, dict[int, list[str]]]) -> pd.DataFrame:
    """Sums by every stratifier and by the crossing, per site and for all sites."""
    values = [column for column in cells.columns if isinstance(column, tuple)]
    dimensions = ["grain", "b", "site", "race", *PLAIN]
    cells = cells.groupby(dimensions, sort=False)[values].sum().reset_index()
    out = []

    def add(frame: pd.DataFrame, stratifier: str, stratum: str, quintile: str | None = None) -> None:
        keys = ["grain", "b", stratum] + ([quintile] if quintile else [])
        total = frame.groupby(keys, sort=False)[values].sum().reset_index().assign(site="all")
        sites = (
            []
            if quintile
            else [frame[frame.grain != "month"].groupby([*keys, "site"], sort=False)[values].sum().reset_index()]
        )
        for part in [total, *sites]:
            out.append(
                part.rename(columns={stratum: "stratum"}).assign(
                    stratifier=stratifier,
                    quintile=part[quintile] if quintile else -1,
                    stratum=lambda f: f.stratum.astype(str),
                )
            )

    add(cells.assign(everyone="0"), "overall", "everyone")
    for name in PLAIN:
        add(cells, name, name)
    race = cells.groupby(["grain", "b", "site", "race", "poverty_quintile"], sort=False)[values].sum().reset_index()
    for name in ROLL_UPS:
        frame = race.assign(group=race.race.map(strata[name])).explode("group")
        add(frame, name, "group")
        if name == "race_omb2024_multi":
            add(frame, "race_by_poverty", "group", "poverty_quintile")
    keys = ["grain", "b", "site", "stratifier", "stratum", "quintile"]
    wide = pd.concat(out, ignore_index=True).set_index(keys)[values]
    wide.columns = pd.MultiIndex.from_tuples(list(wide.columns), names=["measure_id", None])
    long = wide.stack("measure_id").reset_index()
    return long[(long.measure_id != "clinic_visits") | (long.grain != "month")]


def main() -> None:
    """Count and write the counts as Parquet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("registry", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--as-of", type=dt.date.fromisoformat, default=dt.date(2026, 6, 30))
    parser.add_argument("--months", type=int, default=36)
    arguments = parser.parse_args()
    columns = [
        "measure_id",
        "grain",
        "b",
        "site",
        "stratifier",
        "stratum",
        "quintile",
        "n_patients",
        "numerator",
        "denominator",
    ]
    counts = count(arguments.registry, arguments.as_of, arguments.months)
    counts[[*columns, "sum_yy", "sum_yd", "sum_dd"]].to_parquet(arguments.out, index=False)


if __name__ == "__main__":
    main()
