"""Person-months of NHANES and of Synthea, read by pandas straight from their files: no mapping, no SQL, no pipeline.

What the examples' mappings mean is said a second time here, in other words, so that either can be wrong alone.
"""

from __future__ import annotations

import datetime as dt
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pandas as pd

from tests.support.person_months import STRATA
from tests.support.recount_rows import seed

# Three cycles of two years; the file's letter and the first of the two years.
CYCLES = {"G": 2011, "H": 2013, "I": 2015}
NHANES_RACE = {1: "HISP", 2: "HISP", 3: "WHITE", 4: "BLACK", 6: "ASIAN", 7: "OTHER"}  # RIDRETH3
AGES = {5: "age_00_05", 11: "age_06_11", 17: "age_12_17", 20: "age_18_20", 44: "age_21_44", 64: "age_45_64"}

# Type 1, type 2, not further specified, prediabetes (SNOMED CT).
SYNTHEA_DIABETES = ("46635009", "44054006", "73211009", "15777000")
SYNTHEA_RACE = {
    "white": "WHITE", "black": "BLACK", "asian": "ASIAN", "native": "AIAN", "hawaiian": "NHPI", "other": "OTHER",
}  # fmt: skip
SYNTHEA_CARE = {"emergency": "ED", "inpatient": "inpatient"}


def age_band(years: int) -> str:
    """The band of an age in whole years."""
    return next((band for oldest, band in AGES.items() if years <= oldest), "age_65_up")


def tenths(per_cent: object) -> int:
    """A result in tenths of a per cent; a half is rounded up."""
    return int((Decimal(str(per_cent)) * 10).quantize(Decimal(1), ROUND_HALF_UP))


def nhanes_people(folder: Path) -> pd.DataFrame:
    """The columns of the three cycles' files that count, one row per person who was told of diabetes."""
    cycles = []
    for letter, year in CYCLES.items():
        people, told, hba1c = (pd.read_csv(folder / f"{table}_{letter}.csv") for table in ("DEMO", "DIQ", "GHB"))
        joined = people.merge(told[["SEQN", "DIQ010"]], on="SEQN").merge(hba1c, on="SEQN", how="left")
        cycles.append(joined[joined["DIQ010"] == 1].assign(first_year=year))
    return pd.concat(cycles, ignore_index=True)


def nhanes_months(folder: Path) -> pd.DataFrame:
    """Twenty-four months a person: the cycle's two years, with the result known throughout the second."""
    rows = []
    for person in nhanes_people(folder).itertuples():
        race = NHANES_RACE[person.RIDRETH3]
        always = {
            "patient_id": str(person.SEQN),
            "site": "not_recorded",
            **{name: race for name in STRATA if name.startswith("race_")},
            "language": {1: "english", 2: "spanish"}.get(person.SIALANG, "not_recorded"),
            "sex": {1: "male", 2: "female"}[person.RIAGENDR],
            **{"payer": "not_recorded", "poverty_quintile": "no_address", "deprivation_quintile": "no_address"},
        }
        result = None if pd.isna(person.LBXGH) else tenths(person.LBXGH)
        for number in range(24):
            second_year = number >= 12
            rows.append(
                {
                    **always,
                    "month": pd.Period(year=person.first_year + second_year, month=number % 12 + 1, freq="M"),
                    "established": number >= 3,  # 90 days after 1 January: on the last day of April, not of March
                    "tenths": result if second_year else None,
                    "age_band": age_band(int(person.RIDAGEYR) - (not second_year)),
                }
            )
    return pd.DataFrame(rows)


def synthea_months(folder: Path, first: pd.Period, last: pd.Period) -> pd.DataFrame:
    """The months since somebody's first diagnosis, to the month before death if there was one."""
    names = ("patients", "conditions", "encounters", "observations", "payers")
    files = {name: pd.read_csv(folder / f"{name}.csv", dtype=str) for name in names}
    diabetes = files["conditions"][files["conditions"]["CODE"].isin(SYNTHEA_DIABETES)]
    onsets = diabetes.groupby("PATIENT")["START"].min()
    visits = files["encounters"].merge(files["payers"][["Id", "NAME"]], left_on="PAYER", right_on="Id")
    rows = []
    for person in files["patients"].fillna("").itertuples():
        if person.Id in onsets:
            onset = dt.date.fromisoformat(onsets[person.Id])
            own_visits = visits[visits["PATIENT"] == person.Id].sort_values("START", kind="stable")
            results = files["observations"].query("PATIENT == @person.Id and CODE == '4548-4'")
            for month in pd.period_range(first, last, freq="M"):
                day = month.end_time.date()
                if onset <= day and (not person.DEATHDATE or day <= dt.date.fromisoformat(person.DEATHDATE)):
                    rows.append(_synthea_month(person, month, day, onset, own_visits, results))
    return pd.DataFrame(rows)


def _synthea_month(
    person: object, month: pd.Period, day: dt.date, onset: dt.date, visits: pd.DataFrame, results: pd.DataFrame
) -> dict[str, object]:
    race, born = SYNTHEA_RACE[person.RACE], dt.date.fromisoformat(person.BIRTHDATE)  # type: ignore[attr-defined]
    both = person.ETHNICITY == "hispanic"  # type: ignore[attr-defined]
    one_name = "MULTI" if both else race
    begun = visits[visits["START"].str[:10] <= day.isoformat()]
    payers = {row["value"]: row["stratum"] for row in seed("payer_map")}
    row: dict[str, object] = {
        "patient_id": person.Id,  # type: ignore[attr-defined]
        "month": month,
        "site": "not_recorded",
        "established": onset + dt.timedelta(days=90) <= day,
        "tenths": _latest(results, day),
        "race_omb2024_aoic": f"{race}|HISP" if both else race,
        "race_omb2024_multi": one_name,
        "race_omb2024_freq": one_name,
        "race_omb1997_hispanic_first": "HISP" if both else race,
        "language": "not_recorded",
        "sex": {"M": "male", "F": "female"}[person.GENDER],  # type: ignore[attr-defined]
        "age_band": age_band(day.year - born.year - ((day.month, day.day) < (born.month, born.day))),
        "payer": payers.get(begun["NAME"].iloc[-1].lower(), "unmapped") if len(begun) else "not_recorded",
        "poverty_quintile": "no_address",
        "deprivation_quintile": "no_address",
    }
    in_month = visits[visits["START"].str[:7] == str(month)]
    care = in_month["ENCOUNTERCLASS"].map(SYNTHEA_CARE)
    days = pd.to_datetime(in_month["STOP"].str[:10]) - pd.to_datetime(in_month["START"].str[:10])
    row["ed_visits"] = int((care == "ED").sum())
    row["bed_days"] = int(days.dt.days.clip(lower=1)[care == "inpatient"].sum())
    return row


def _latest(results: pd.DataFrame, day: dt.date) -> int | None:
    """The lowest result of the latest day within the twelve months that end with this one."""
    begins = (pd.Period(day, freq="M") - 11).start_time.date().isoformat()
    days = results["DATE"].str[:10]
    inside = results[(days >= begins) & (days <= day.isoformat())]
    if inside.empty:
        return None
    return min(tenths(value) for value in inside.loc[days[inside.index] == days[inside.index].max(), "VALUE"])
