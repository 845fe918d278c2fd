"""Adds up person-months to the sums of every stratum, in pandas: what an independent count of raw files ends with.

A person-month is one row per person and month in which the person is in the population on the month's last day. It
shares no code and no SQL with the pipeline; which stratifier is given at which grain stands in seeds/stratifiers.csv.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from tests.support.recount_rows import seed

KEYS = ["measure_id", "grain", "period_starts_on", "site", "stratifier", "stratum", "stratifier_2", "stratum_2"]
SUMS = ["n_patients", "numerator", "denominator", "sum_yy", "sum_yd", "sum_dd"]
LENGTHS = {"month": 1, "quarter": 3, "year": 12}
RATES = ["bed_days", "clinic_visits", "dka_admissions", "ed_visits", "severe_hypoglycaemia"]
STRATA = ["race_omb2024_aoic", "race_omb2024_multi", "race_omb2024_freq", "race_omb1997_hispanic_first", "language"]
STRATA += ["sex", "age_band", "payer", "poverty_quintile", "deprivation_quintile"]


def strata_sums(months: pd.DataFrame, first: pd.Period, last: pd.Period) -> pd.DataFrame:
    """KEYS and SUMS, from person-months between two months.

    Columns of `months`: patient_id, month (monthly period), site, established (bool), tenths (HbA1c in tenths of a per
    cent, most recent of twelve months, missing when untested), one count per rate that occurs, and one column per
    stratifier; several categories of one person are separated by `|`.
    """
    n_months = last.ordinal - first.ordinal + 1
    months = months.assign(number=[month.ordinal - first.ordinal for month in months["month"]])
    counted = []
    for grain, length in LENGTHS.items():
        left_over = n_months % length  # periods are counted back from the window's end
        inside = months[months["number"].between(left_over, n_months - 1)].sort_values("number")
        inside = inside.assign(
            grain=grain,
            begins=left_over + (inside["number"] - left_over) // length * length,
        )
        starts = [(first + number).start_time for number in range(n_months)]
        inside["period_starts_on"] = inside["begins"].map(dict(enumerate(starts)))
        at_the_end = inside[(inside["number"] == inside["begins"] + length - 1) & inside["established"]]
        counted += [*_states(at_the_end), *_rates(inside)]
    return _summed(pd.concat(counted, ignore_index=True))


def _states(people: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """What holds for the people of the established population in a period's last month."""
    tested = people[people["tenths"].notna()]
    yield tested.assign(measure_id="hba1c_above_9", y=(tested["tenths"] > 90).astype(int), d=1)
    yield tested.assign(measure_id="hba1c_below_7", y=(tested["tenths"] < 70).astype(int), d=1)
    yield tested.assign(measure_id="hba1c_mean", y=tested["tenths"].astype(int), d=1)
    below_7, at_most_9 = (people["tenths"] < 70).astype(int), (people["tenths"] <= 90).astype(int)
    yield people.assign(measure_id="hba1c_below_7_of_all", y=below_7, d=1)
    yield people.assign(measure_id="hba1c_above_9_or_untested", y=1 - at_most_9, d=1)
    yield people.assign(measure_id="hba1c_tested", y=people["tenths"].notna().astype(int), d=1)


def _rates(months: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Events and months of each person in a period; the strata are those of the person's last month in it."""
    spent = months.assign(d=1)
    for measure_id in RATES:
        if measure_id == "clinic_visits" and (months["grain"] == "month").all():
            continue  # not given by month
        people = spent.assign(measure_id=measure_id, y=months.get(measure_id, 0))
        sums = people.groupby(["patient_id", "period_starts_on"])[["y", "d"]].sum()
        ends = people.drop_duplicates(["patient_id", "period_starts_on"], keep="last").drop(columns=["y", "d"])
        yield ends.join(sums, on=["patient_id", "period_starts_on"])


def _summed(rows: pd.DataFrame) -> pd.DataFrame:
    rows = rows.assign(overall="all", n_patients=1, numerator=rows["y"], denominator=rows["d"])
    rows = rows.assign(sum_yy=rows.y * rows.y, sum_yd=rows.y * rows.d, sum_dd=rows.d * rows.d)
    cells = ["measure_id", "grain", "period_starts_on", "site", "overall", *STRATA]
    rows = rows.groupby(cells, as_index=False)[SUMS].sum()  # people who share everything are added up only once
    parts = []
    for stratifier in seed("stratifiers"):
        name = stratifier["stratifier"]
        crossing = name == "race_by_poverty"
        grouped = rows.assign(
            stratifier=name,
            stratum=rows["race_omb2024_multi" if crossing else name].str.split("|"),
            stratifier_2="poverty_quintile" if crossing else "",
            stratum_2=rows["poverty_quintile"] if crossing else "",
        ).explode("stratum")
        parts.append(grouped[grouped["grain"].isin(stratifier["grains"].split())].assign(site="all"))
        parts.append(grouped[grouped["grain"].isin(stratifier["site_grains"].split())])
    # Where nobody's site is recorded, "not recorded" would say everything twice and is not given.
    if set(rows["site"]) == {"not_recorded"}:
        parts = parts[::2]
    together = pd.concat([part.groupby(KEYS, as_index=False)[SUMS].sum() for part in parts], ignore_index=True)
    together["period_starts_on"] = together["period_starts_on"].dt.date
    return together.astype(dict.fromkeys(SUMS, "int64"))
