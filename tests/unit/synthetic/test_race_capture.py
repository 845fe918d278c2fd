"""What the records say of race: each reason for a missing value, the site that decays, the one with a default."""

from __future__ import annotations

import pandas as pd
import pytest

from orchestration.synthetic.truth import Truth
from tests.unit.synthetic.reading import Registry

RACES = {"1002-5", "2028-9", "2054-5", "2076-8", "2106-3", "2118-8"}
GROUPS = RACES | {"2131-1", "2135-2"}


def _status(rows: pd.DataFrame) -> str:
    """What a careful reader finds in one child's records; what the family said itself stands before all else."""
    if rows["value"].isin(GROUPS | {"2186-5"}).any():
        said = rows[rows["value"].isin(GROUPS | {"2186-5"})]
        own = said["capture_method"].isin(["self", "proxy"])
        said = said[own] if own.any() else said
        values = set(said["value"])
        by_system = [set(found) & RACES for _, found in said.groupby("source_system")["value"]]
        by_system = [races for races in by_system if races]
        if {"2135-2", "2186-5"} <= values or (len(by_system) == 2 and not by_system[0] & by_system[1]):
            return "conflict"
        if values & GROUPS:
            return "recorded"
    values = set(rows["value"])
    for status, marks in (("declined", {"declined"}), ("asked_unknown", {"ASKU", "UNK"}), ("unmapped", {"local-17"})):
        if values & marks:
            return status
    return "not_asked"


@pytest.fixture(scope="module")
def captured(demo: tuple[Truth, Registry]) -> pd.DataFrame:
    """One row per child: its status, site and days."""
    usable = demo[1].usable
    people = usable["patients"].set_index("patient_id")
    status = {patient: _status(rows) for patient, rows in usable["race_ethnicity"].groupby("patient_id")}
    people["status"] = pd.Series(status).reindex(people.index).fillna("not_asked")
    return people


def test_children_by_status(demo: tuple[Truth, Registry], captured: pd.DataFrame) -> None:
    counts = captured["status"].value_counts().to_dict()
    assert counts == demo[0].race_capture["children_by_status"]
    assert set(counts) == {"recorded", "not_asked", "asked_unknown", "declined", "unmapped", "conflict"}


def test_capture_decays_at_one_site_only(demo: tuple[Truth, Registry]) -> None:
    completeness = pd.DataFrame(demo[0].race_capture["completeness"]).set_index("on")
    assert (completeness["site_e"][completeness.index <= "2024-12-31"] > 0.9).all()
    assert (completeness["site_e"][completeness.index >= "2025-09-30"] < 0.8).all()
    assert completeness["site_e"].iloc[-1] < 0.7
    others = completeness.drop(columns=["all", "site_e"])
    assert (others > 0.9).all().all()
    assert (completeness["all"] > 0.9).mean() > 0.7
    assert completeness["all"].min() > 0.85


def test_one_site_records_its_default_for_new_children(demo: tuple[Truth, Registry], captured: pd.DataFrame) -> None:
    first = demo[1].usable["race_ethnicity"]
    white = set(first[first["value"] == "2106-3"]["patient_id"]) - set(first[first["value"] == "2135-2"]["patient_id"])
    since = pd.Timestamp(demo[0].race_capture["default_value"]["from"])
    new = captured[captured["enrolled_on"] >= since]
    share = new.index.isin(white).astype(float)
    by_site = pd.Series(share, index=new["site_id"]).groupby(level=0).mean()
    assert by_site["site_f"] > 0.9
    assert by_site.drop("site_f").max() < 0.75
    before = captured[(captured["site_id"] == "site_f") & (captured["enrolled_on"] < since)]
    assert before.index.isin(white).mean() < 0.7


def test_several_groups_and_the_2024_category_are_there(demo: tuple[Truth, Registry]) -> None:
    rows = demo[1].usable["race_ethnicity"]
    ehr = rows[(rows["source_system"] == "ehr") & rows["value"].isin(GROUPS)]
    assert (ehr.groupby("patient_id").size() > 1).mean() > 0.05
    assert set(rows[rows["value"] == "2118-8"]["standard"]) == {"omb2024"}
    assert {"self", "proxy", "observed", "unknown"} == set(rows["capture_method"])
    assert (rows["value"] == "").any()
