"""Other records: who must not count, who comes and goes, moves, insurance, late results, units."""

from __future__ import annotations

import pandas as pd
import pytest

from orchestration.synthetic.planted import SITES
from orchestration.synthetic.truth import Truth
from tests.unit.synthetic.reading import Registry

AS_OF = pd.Timestamp(2026, 6, 30)


def test_presymptomatic_children_have_no_other_diabetes_code(demo: tuple[Truth, Registry]) -> None:
    truth, registry = demo
    coded = registry.usable["conditions"]
    coded = coded[coded["code"].str.startswith("E10")]
    clinical = set(coded[~coded["code"].str.startswith("E10.A")]["patient_id"])
    only_early = set(coded["patient_id"]) - clinical
    assert len(only_early) == truth.other["presymptomatic_only"] > 10
    assert set(coded["patient_id"]) == set(registry.usable["patients"]["patient_id"])


def test_children_come_and_go_and_stay_in_the_age_range(demo: tuple[Truth, Registry]) -> None:
    truth, registry = demo
    people = registry.usable["patients"]
    age = (AS_OF - people["birth_date"]).dt.days / 365.25
    at_entry = (people["enrolled_on"] - people["birth_date"]).dt.days / 365.25
    assert at_entry.min() > 0
    assert age[people["left_on"].isna() & people["death_date"].isna()].max() < 22.1
    entered = people["enrolled_on"].dt.to_period("Q").value_counts()
    assert (entered[pd.period_range("2023Q3", "2026Q2", freq="Q")] > 30).all()
    assert people["left_on"].notna().sum() == truth.other["left"] > 300
    assert 1 <= people["death_date"].notna().sum() == truth.other["deaths"] < 15
    assert (people["left_on"].dropna() > people["enrolled_on"][people["left_on"].notna()]).all()
    assert set(people["site_id"]) == set(SITES)


def test_nothing_happens_after_leaving(demo: tuple[Truth, Registry]) -> None:
    usable = demo[1].usable
    people = usable["patients"].set_index("patient_id")
    last = people[["left_on", "death_date"]].min(axis=1).fillna(AS_OF)
    for table, column in (("encounters", "starts_on"), ("observations", "observed_on")):
        assert (usable[table][column] <= usable[table]["patient_id"].map(last)).all()


def test_addresses_follow_each_other(demo: tuple[Truth, Registry]) -> None:
    truth, registry = demo
    homes = registry.usable["addresses"].sort_values(["patient_id", "starts_on"])
    following = homes.groupby("patient_id")["starts_on"].shift(-1)
    ended = homes["ends_on"].notna() & following.notna()
    assert ((following - homes["ends_on"])[ended].dt.days == 1).all()
    assert (homes.groupby("patient_id").size() > 1).sum() > 200
    assert set(homes["tract_geoid"].str[:5]) == {"99001", "99002"}
    assert (homes["tract_geoid"].str[:5] == "99001").mean() > 0.97
    assert registry.usable["patients"]["patient_id"].isin(homes["patient_id"]).mean() == pytest.approx(0.99, abs=0.006)
    assert truth.other["moves"] >= (homes.groupby("patient_id").size() - 1).sum()


def test_results_are_known_by_the_extract_day_and_some_came_late(demo: tuple[Truth, Registry]) -> None:
    truth, registry = demo
    results = registry.usable["observations"]
    assert (results["resulted_on"].dropna() <= AS_OF).all()
    delay = (results["resulted_on"] - results["observed_on"]).dt.days
    assert (delay.dropna() >= 0).all()
    late = (delay >= 14).sum()
    assert 0.95 * truth.other["late_results_in_extract"] < late <= truth.other["late_results_in_extract"]
    assert truth.other["results_not_yet_reported"] > 5


def test_units_and_decimals(demo: tuple[Truth, Registry]) -> None:
    results = demo[1].usable["observations"]
    value = pd.to_numeric(results["value"])
    in_pct = results["unit"] == "%"
    assert value[in_pct].between(4, 17.5).all()
    assert (value[in_pct] * 10).sub((value[in_pct] * 10).round()).abs().max() < 1e-6
    assert (results["code"] == "59261-8").mean() == pytest.approx(0.08, abs=0.01)
    assert value[results["unit"] == "mmol/mol"].between(20, 170).all()
    assert set(results[results["unit"] == "mmol/mol"]["code"]) == {"59261-8"}


def test_stays_have_ends_and_the_first_admission_is_often_at_diagnosis(demo: tuple[Truth, Registry]) -> None:
    usable = demo[1].usable
    stays = usable["encounters"][usable["encounters"]["encounter_class"] == "inpatient"]
    open_ended = stays["ends_on"].isna()
    assert (stays["starts_on"][open_ended] > AS_OF - pd.Timedelta(days=25)).all()
    coded = usable["conditions"]
    coded = coded[~coded["code"].str.startswith("E10.A") & coded["code"].str.startswith("E10")]
    onset = coded.groupby("patient_id")["onset_on"].min()
    dka = stays[stays["primary_dx"].isin(["E10.10", "E10.11"])]
    at_diagnosis = (dka["starts_on"] - dka["patient_id"].map(onset)).dt.days.abs() <= 14
    new = (onset > pd.Timestamp(2022, 5, 1)).sum()
    assert 0.2 < at_diagnosis.sum() / new < 0.6
    assert {"E10.641"} <= set(usable["encounters"][usable["encounters"]["encounter_class"] == "ED"]["primary_dx"])


def test_languages_and_payers_are_varied(demo: tuple[Truth, Registry]) -> None:
    usable = demo[1].usable
    assert {"en", "es", "es-MX", "ar", "so", "zho"} <= set(usable["languages"]["language"])
    assert {"commercial", "medicaid", "CHIP", "self_pay", ""} <= set(usable["coverage"]["payer"])
    assert (usable["coverage"].groupby("patient_id").size() > 1).sum() > 200
