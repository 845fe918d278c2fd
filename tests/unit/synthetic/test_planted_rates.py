"""What was planted can be found again in the files, by a plain computation, within sampling error."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from orchestration.synthetic.planted import Planted
from orchestration.synthetic.registry import generate
from orchestration.synthetic.truth import Truth
from tests.unit.synthetic.reading import HBA1C_CODES, Registry, read_registry

AS_OF = dt.date(2026, 6, 30)
YEARS = [pd.Timestamp(year, 6, 30) for year in (2024, 2025, 2026)]
BITS = {"1002-5": "AIAN", "2028-9": "ASIAN", "2054-5": "BLACK", "2135-2": "HISP", "2118-8": "MENA", "2076-8": "NHPI",
        "2131-1": "OTHER", "2106-3": "WHITE"}  # fmt: skip


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> tuple[Truth, Registry, pd.DataFrame]:
    """A registry in which race is recorded as the families say it, and one row per child with group, fifth and span."""
    folder = tmp_path_factory.mktemp("planted")
    honest = Planted(
        decay_site=None, default_site=None, not_asked=0, asked_unknown=0, declined=0, unmapped=0, conflict=0,
        survey_share=1.0,
        moves_per_year=0.0, no_address=0.0, outside_county=0.0,
    )  # fmt: skip
    truth = generate(folder, patients=12_000, seed=3, as_of=AS_OF, planted=honest)
    read = read_registry(folder, AS_OF)
    return truth, read, _children(read, pd.read_csv(folder / "tracts.csv", dtype={"tract_geoid": str}))


def _children(read: Registry, tracts: pd.DataFrame) -> pd.DataFrame:
    usable = read.usable
    people = usable["patients"].set_index("patient_id")
    coded = usable["conditions"]
    is_t1d = coded["code"].str.startswith("E10") & ~coded["code"].str.startswith("E10.A")
    people["onset"] = coded[is_t1d].groupby("patient_id")["onset_on"].min()
    people = people[people["onset"].notna()].copy()
    people["begins"] = people[["onset", "enrolled_on"]].max(axis=1)
    adult = people["birth_date"] + pd.DateOffset(years=21) - pd.Timedelta(days=1)
    window_ends = pd.Series(YEARS[-1], index=people.index)
    people["ends"] = pd.concat([people[["left_on", "death_date"]], adult, window_ends], axis=1).min(axis=1)
    recorded = usable["race_ethnicity"].assign(group=usable["race_ethnicity"]["value"].map(BITS)).dropna(subset="group")
    # the survey's answer stands where there is one; staff had no way to record it otherwise
    surveyed = recorded[recorded["source_system"] == "survey"]["patient_id"]
    recorded = recorded[~recorded["patient_id"].isin(surveyed) | (recorded["source_system"] == "survey")]
    groups = recorded.groupby("patient_id")["group"].agg(
        lambda found: "MULTI" if found.nunique() > 1 else found.iloc[0]
    )
    people["race"] = groups
    # tracts of the same poverty lie together, in the fifth in which the middle of their children falls
    children = tracts.dropna(subset="poverty_share").groupby("poverty_share")["child_population"].sum()
    middle = (children.cumsum() - children / 2) / children.sum()
    fifth_of_poverty = (np.floor(5 * middle) + 1).astype(int).map("q{}".format)
    fifth = tracts.set_index("tract_geoid")["poverty_share"].map(fifth_of_poverty)
    home = usable["addresses"].drop_duplicates("patient_id", keep="last").set_index("patient_id")["tract_geoid"]
    people["poverty_quintile"] = home.map(fifth)
    return people


def _events(read: Registry, people: pd.DataFrame) -> pd.DataFrame:
    made = read.usable["encounters"].join(people, on="patient_id", how="inner")
    made = made[(made["starts_on"] >= made["begins"]) & (made["starts_on"] <= made["ends"])]
    is_dka = made["primary_dx"].isin(["E10.10", "E10.11"])
    at_diagnosis = (made["starts_on"] - made["onset"]).dt.days.abs() <= 14
    inpatient, is_ed = made["encounter_class"] == "inpatient", made["encounter_class"] == "ED"
    days = (made["ends_on"].fillna(pd.Timestamp(AS_OF)) - made["starts_on"]).dt.days.clip(lower=1)
    return made.assign(
        ed_visits=is_ed,
        dka_admissions=inpatient & is_dka & ~at_diagnosis,
        clinic_visits=(made["encounter_class"] == "outpatient") & (made["service"] == "diabetes"),
        severe_hypoglycaemia=(made["primary_dx"] == "E10.641") & (inpatient | is_ed),
        bed_days=np.where(inpatient, days, 0),
    )


@pytest.mark.parametrize("stratifier", ["race", "poverty_quintile"])
def test_event_rates(registry: tuple[Truth, Registry, pd.DataFrame], stratifier: str) -> None:
    truth, read, people = registry
    events = _events(read, people)
    multiplier = {
        "ed_visits": 100,
        "dka_admissions": 100,
        "clinic_visits": 1,
        "severe_hypoglycaemia": 100,
        "bed_days": 1000,
    }
    worst = []
    for rate in truth.rates:
        if rate["stratifier"] != stratifier or rate["measure"] not in multiplier or rate["denominator"] < 200:
            continue
        last = pd.Timestamp(rate["year_ends_on"])
        first = last - pd.DateOffset(years=1) + pd.Timedelta(days=1)
        mine = people[people[stratifier] == rate["stratum"]]
        days = (mine["ends"].clip(upper=last) - mine["begins"].clip(lower=first)).dt.days + 1
        years = days.clip(lower=0).sum() / 365.25
        assert years == pytest.approx(rate["denominator"], rel=0.002), rate
        counted = events[(events[stratifier] == rate["stratum"]) & events["starts_on"].between(first, last)]
        amount = counted[rate["measure"]].astype(float)
        by_child = amount.groupby(counted["patient_id"]).sum()
        error = np.sqrt((by_child**2).sum()) / years * multiplier[rate["measure"]]
        worst.append((amount.sum() / years * multiplier[rate["measure"]] - rate["planted"]) / error)
    assert len(worst) > 40
    assert np.abs(worst).max() < 4.5
    assert abs(np.mean(worst)) < 0.4  # no drift in one direction


def _latest_hba1c(read: Registry, people: pd.DataFrame, last: pd.Timestamp) -> pd.DataFrame:
    results = read.usable["observations"]
    results = results[results["code"].isin(HBA1C_CODES)].assign(number=lambda frame: pd.to_numeric(frame["value"]))
    is_ifcc = (results["unit"] == "mmol/mol") | (results["code"] == "59261-8")
    pct = np.where(is_ifcc, 0.0915 * results["number"] + 2.15, results["number"])
    results = results.assign(tenths=np.round(pct * 10).astype(int))
    results = results[results["observed_on"].between(last - pd.Timedelta(days=364), last)]
    latest = results.sort_values(["observed_on", "observation_id"]).drop_duplicates("patient_id", keep="last")
    who = people[
        (people[["begins"]].assign(old=people["onset"] + pd.Timedelta(days=90)).max(axis=1) <= last)
        & (people["ends"] >= last)
    ]
    return latest.set_index("patient_id")[["tenths"]].join(who, how="inner")


@pytest.mark.parametrize("stratifier", ["race", "poverty_quintile"])
def test_hba1c_shares(registry: tuple[Truth, Registry, pd.DataFrame], stratifier: str) -> None:
    truth, read, people = registry
    tested = {last: _latest_hba1c(read, people, last) for last in YEARS}
    n_compared = 0
    for rate in truth.rates:
        if rate["stratifier"] != stratifier or not rate["measure"].startswith("hba1c") or rate["denominator"] < 100:
            continue
        frame = tested[pd.Timestamp(rate["year_ends_on"])]
        tenths = frame[frame[stratifier] == rate["stratum"]]["tenths"]
        met = tenths > 90 if rate["measure"] == "hba1c_above_9" else tenths < 70
        assert len(tenths) == pytest.approx(rate["denominator"], rel=0.01), rate
        share = 100 * met.mean()
        assert share == pytest.approx(rate["realised"], abs=1.5), rate
        assert abs(share - rate["planted"]) < 4 * 50 / np.sqrt(len(tenths)), rate
        n_compared += 1
    assert n_compared > 25


def test_the_gap_narrows_where_care_was_changed(registry: tuple[Truth, Registry, pd.DataFrame]) -> None:
    truth, read, people = registry
    sites = truth.gap["change_test"]["sites"]
    gaps = {}
    for last in (YEARS[0], YEARS[-1]):
        frame = _latest_hba1c(read, people, last)
        frame["above"] = frame["tenths"] > 90
        for where, mine in (("changed", frame["site_id"].isin(sites)), ("others", ~frame["site_id"].isin(sites))):
            share = frame[mine].groupby("race")["above"].mean() * 100
            gaps[last, where] = share["BLACK"] - share["WHITE"]
    assert gaps[YEARS[0], "changed"] > 10
    assert gaps[YEARS[-1], "changed"] < gaps[YEARS[0], "changed"] - 6
    assert gaps[YEARS[-1], "others"] > 8


def test_the_demo_has_plausible_levels_and_a_visible_gap(demo: tuple[Truth, Registry]) -> None:
    truth, _ = demo
    level = {rate["measure"]: rate["realised"] for rate in truth.rates
             if rate["stratifier"] == "overall" and rate["year_ends_on"] == "2026-06-30"}  # fmt: skip
    expected = {"hba1c_above_9": (30, 4), "hba1c_below_7": (20, 4), "ed_visits": (40, 5), "dka_admissions": (8, 2),
                "bed_days": (400, 60), "clinic_visits": (3.3, 0.2), "severe_hypoglycaemia": (4, 1.2)}  # fmt: skip
    for measure, (value, tolerance) in expected.items():
        assert level[measure] == pytest.approx(value, abs=tolerance), measure
    points = [year["realised_points"] for year in truth.gap["years"]]
    assert points[0] == pytest.approx(15, abs=2)
    assert points[-1] == pytest.approx(8, abs=2)
    per_child = {table: rows / 2400 for table, rows in truth.rows.items()}
    assert per_child["encounters"] == pytest.approx(20, abs=1)
    assert per_child["observations"] == pytest.approx(10, abs=0.5)
