"""Public indices and census tables: what lands equals what pandas reads, and a whole run on them adds up.

The run has invented children in Hamilton County's real tracts: addresses come from a geocoder's output, deprivation is
the Child Opportunity Index upside down, and poverty is of tracts that only a crosswalk can bring to the addresses.
"""

from __future__ import annotations

import csv
import datetime as dt
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from orchestration.release.store import current_release
from orchestration.settings import AreaFilesSource, AreaMeasure, RegistryFilesSource, Settings
from orchestration.settings_area import (
    AcsColumn,
    AcsFilesSource,
    AdiFilesSource,
    CoiFilesSource,
    DepIndexFilesSource,
    GeocodeFilesSource,
    TractCrosswalkSource,
)
from orchestration.synthetic.registry import generate
from tests.support.real_runs import REALDATA, ask, real_folder
from tests.support.small_run import run_job
from tests.support.source_files import frame, pull_all

pytestmark = pytest.mark.skipif(not REALDATA, reason="EQUITY_REALDATA names no folder of public data to run on")

TRACT = "census_tract_id_2020"
S1701 = "ACSST5Y2024.S1701_2026-08-14T104646.zip"
POVERTY = "Estimate!!Percent below poverty level!!Population for whom poverty status is determined"
AS_OF = dt.date(2026, 6, 30)


def published(name: str) -> pd.DataFrame:
    """The file as it was published, keys as text."""
    return pd.read_csv(real_folder("area") / name, dtype={TRACT: str}).set_index(TRACT)


# --- What lands --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pulled(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    folder = real_folder("area")
    none: dict[str, Any] = {"tract_vintage": 2020, "deprivation": "none"}
    sources = (
        AdiFilesSource(
            name="adi", path=folder / "adi_us_tracts_2022.csv", data_year=2022, release="v4.0.1", unit="tract",
            key_column=TRACT, national_column="adi", also=("national",), **none,
        ),
        CoiFilesSource(
            name="coi", path=folder / "coi_us_tracts_2021.csv", data_year=2021, release="3.0-2021",
            also=("overall", "education", "health", "social"), **none,
        ),
        DepIndexFilesSource(
            name="dep", path=folder / "dep_index_us_tracts_2023.csv", data_year=2023,
            also=("dep_index", "poverty", "uninsured", "median_income"), **none,
        ),
        AcsFilesSource(
            name="s1701", path=folder / S1701, year=2024,
            columns=(
                AcsColumn(
                    measure="poverty", column="S1701_C03_001", label=POVERTY, direction="higher_is_worse", divisor=100
                ),
                AcsColumn(
                    measure="child_poverty", column="S1701_C03_002", label=f"{POVERTY}!!AGE!!Under 18 years",
                    direction="higher_is_worse", divisor=100,
                ),
                AcsColumn(
                    measure="older_workers", column="S1701_C01_028", direction="count",
                    label=_label("S1701_C01_028E"),
                ),
            ),
        ),
    )  # fmt: skip
    settings = Settings(data_dir=tmp_path_factory.mktemp("area"), sources=sources)
    files = [file for of_source in pull_all(settings).values() for file in of_source]
    assert {file.rows_quarantined for file in files} == {0}
    return frame(settings, "select * exclude (_extracted_at) from raw.tract_measures")


def download() -> list[list[str]]:
    with zipfile.ZipFile(real_folder("area") / S1701) as archive:
        text = archive.read("ACSST5Y2024.S1701-Data.csv").decode("utf-8-sig")
    return list(csv.reader(text.splitlines()))


def _label(code: str) -> str:
    codes, labels, *_ = download()
    return labels[codes.index(code)]


def values(pulled: pd.DataFrame, source: str, measure: str) -> pd.Series:
    of_measure = pulled[(pulled["source_name"] == source) & (pulled["measure"] == measure)]
    return pd.to_numeric(of_measure.set_index("tract_geoid")["value"])


@pytest.mark.parametrize(
    ("file", "source", "column", "measure", "direction"),
    [
        ("adi_us_tracts_2022.csv", "adi", "adi", "adi_national", "higher_is_worse"),
        ("coi_us_tracts_2021.csv", "coi", "coi", "coi_overall", "higher_is_better"),
        ("coi_us_tracts_2021.csv", "coi", "coi_education", "coi_education", "higher_is_better"),
        ("coi_us_tracts_2021.csv", "coi", "coi_health_env", "coi_health", "higher_is_better"),
        ("dep_index_us_tracts_2023.csv", "dep", "dep_index", "dep_index", "higher_is_worse"),
        ("dep_index_us_tracts_2023.csv", "dep", "dep_index_fraction_poverty", "dep_index_poverty", "higher_is_worse"),
        ("dep_index_us_tracts_2023.csv", "dep", "dep_index_fraction_insured", "dep_index_insured", "higher_is_better"),
        (
            "dep_index_us_tracts_2023.csv",
            "dep",
            "dep_index_median_income",
            "dep_index_median_income",
            "higher_is_better",
        ),
    ],
)
def test_an_index_is_the_published_one(
    pulled: pd.DataFrame, file: str, source: str, column: str, measure: str, direction: str
) -> None:
    expected, found = published(file)[column], values(pulled, source, measure)
    assert len(expected) == len(found) > 80_000
    pd.testing.assert_series_equal(
        found.sort_index(), expected.sort_index(), check_names=False, check_dtype=False, check_index_type=False, rtol=0
    )
    assert set(pulled.loc[pulled["measure"] == measure, "direction"]) == {direction}


def test_keys_of_all_states_and_of_connecticut(pulled: pd.DataFrame) -> None:
    assert {len(key) for key in pulled.loc[pulled["area_level"] == "tract", "tract_geoid"]} == {11}
    connecticut = {
        source: set(keys.str[2:5])
        for source, keys in pulled[pulled["tract_geoid"].str.startswith("09")].groupby("source_name")["tract_geoid"]
    }
    assert "110" in connecticut["adi"] and "001" not in connecticut["adi"]
    assert "001" in connecticut["coi"] and "110" not in connecticut["coi"]
    assert "110" in connecticut["s1701"]


def test_poverty_of_all_counties_is_the_downloaded_one(pulled: pd.DataFrame) -> None:
    codes, _, *rows = download()
    number = re.compile(r"-?\d+(\.\d+)?")
    for code, measure, divisor in (
        ("S1701_C03_001", "poverty", 100),
        ("S1701_C03_002", "child_poverty", 100),
        ("S1701_C01_028", "older_workers", 1),
    ):
        at, moe_at = codes.index(f"{code}E"), codes.index(f"{code}M")
        landed = pulled[(pulled["source_name"] == "s1701") & (pulled["measure"] == measure)]
        landed = landed.set_index("tract_geoid")
        assert len(landed) == len(rows) == 3222
        assert set(landed["area_level"]) == {"county"}
        for name, position in (("value", at), ("moe", moe_at)):
            expected = pd.Series(
                {
                    row[0][9:]: float(row[position]) / divisor if number.fullmatch(row[position]) else np.nan
                    for row in rows
                }
            )
            found = pd.to_numeric(landed[name])
            assert np.allclose(found.sort_index(), expected.sort_index(), rtol=0, atol=1e-12, equal_nan=True)
        assert (landed["value"].isna() == landed["missing_reason"].notna()).all()


def test_one_tract_in_two_publications(pulled: pd.DataFrame) -> None:
    acs = published("acs_measures_hamilton_2023.csv")["prop_poverty"]["39061000200"]
    assert (acs, values(pulled, "dep", "dep_index_poverty")["39061000200"]) == (0.4365, 0.436)


# --- A whole run -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry whose addresses stand in a geocoder's output; every seventh is not placed well enough."""
    folder = tmp_path_factory.mktemp("county")
    tracts = real_folder("area/acs_measures_hamilton_2023.csv")
    generate(folder / "registry", patients=300, seed=6, file_format="csv", as_of=AS_OF, months=24, tracts_file=tracts)
    path = folder / "registry" / "addresses.csv"
    with path.open(encoding="utf-8", newline="") as file:
        header, *lines = csv.reader(file)
    rows = pd.DataFrame([line for line in lines if len(line) == len(header)], columns=header)
    path.unlink()
    rows = rows[(rows["tract_vintage"] == "2020") & rows["tract_geoid"].str.fullmatch(r"\d{11}")].reset_index(drop=True)
    which = rows.index % 7
    rows["precision"] = np.where(which == 3, "zip", "range")
    rows["score"] = np.where(which == 5, "0.31", "0.95")
    rows["geocode_result"] = np.where(which == 1, "po_box", "geocoded")
    rows.rename(columns={"tract_geoid": "census_tract_id"}).drop(columns="tract_vintage").to_csv(
        folder / "geocoded.csv", index=False
    )
    keys = published("acs_measures_hamilton_2023.csv").index
    pd.DataFrame({"from_geoid": keys, "to_geoid": keys}).to_csv(folder / "crosswalk.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def county(registry: Path) -> Settings:
    area = real_folder("area")
    poverty = (
        AreaMeasure(measure="child_population", column="n_persons_under_18", direction="count"),
        AreaMeasure(measure="poverty", column="prop_poverty", direction="higher_is_worse"),
    )
    settings = Settings(
        data_dir=registry / "var",
        as_of=AS_OF,
        catchment_counties=("39061",),
        sources=(
            RegistryFilesSource(path=registry / "registry"),
            GeocodeFilesSource(name="homes", path=registry / "geocoded.csv", tract_vintage=2020),
            AreaFilesSource(
                name="acs", path=area / "acs_measures_hamilton_2023.csv", tract_column=TRACT, tract_vintage=2010,
                data_year=2023, measures=poverty,
            ),
            TractCrosswalkSource(
                name="crosswalk", path=registry / "crosswalk.csv", from_vintage=2010, to_vintage=2020, form="one_to_one"
            ),
            CoiFilesSource(
                name="coi", path=area / "coi_us_tracts_2021.csv", tract_vintage=2020, data_year=2021, release="3.0-2021"
            ),
        ),
    )  # fmt: skip
    run_job(settings)
    return settings


def fifths(burden: pd.Series, children: pd.Series) -> pd.Series:
    """The fifth in which the middle of a tract's children falls; equal tracts share one."""
    known = pd.DataFrame({"burden": burden, "children": children}).dropna(subset="burden").fillna({"children": 0})
    by_burden = known.groupby("burden")["children"].sum()
    middle = by_burden.cumsum() - by_burden / 2
    fifth = (np.floor(5 * middle / by_burden.sum()) + 1).clip(upper=5).astype(int)
    return known["burden"].map(fifth)


def test_poverty_is_carried_and_opportunity_turned_round(county: Settings) -> None:
    acs = published("acs_measures_hamilton_2023.csv")
    coi = published("coi_us_tracts_2021.csv")["coi"].reindex(acs.index)
    sql = (
        "select tract_geoid, poverty, poverty_quintile, deprivation_quintile from int_tract where tract_vintage = 2020"
    )
    found = pd.DataFrame(ask(county, f"{sql} and is_in_catchment"), columns=["tract", "poverty", "poor", "deprived"])
    found = found.set_index("tract")
    assert len(found) == len(acs) == 226
    assert np.allclose(found["poverty"].reindex(acs.index).astype(float), acs["prop_poverty"], equal_nan=True)
    children = acs["n_persons_under_18"]
    for column, burden in (("poor", acs["prop_poverty"]), ("deprived", -coi)):
        expected = fifths(burden, children)
        assert found[column].dropna().astype(int).to_dict() == expected.to_dict()


def test_addresses_are_placed_or_counted(county: Settings, registry: Path) -> None:
    given = pd.read_csv(registry / "geocoded.csv", dtype=str)
    reasons = dict(
        ask(
            county,
            "select reason, count(*) from quarantine where source_name = 'homes' and reason like 'address unusable%'"
            " group by all",
        )
    )
    # A row with another fault (an unknown person, a repeated day) is counted there.
    others = ask(county, "select count(*) from quarantine where source_name = 'homes'")[0][0] - sum(reasons.values())
    assert 0 <= len(given) * 3 / 7 - sum(reasons.values()) <= others + 3
    assert set(reasons) == {
        "address unusable: a post office box is no home",
        "address unusable: matched less precisely than a street",
        "address unusable: matched with too low a score",
    }
    assert ask(
        county, "select sum(rows_in - rows_used - rows_quarantined), sum(rows_in) > 0 from fct_conservation"
    ) == [(0, True)]


def test_the_match_rate_is_a_quality_metric(county: Settings) -> None:
    sql = (
        "select value, n from fct_quality where metric = 'geocode_match_rate' and grain = 'year' and site = 'all'"
        " and stratifier = ''"
    )
    latest = ask(county, f"{sql} order by period_starts_on desc limit 1")[0]
    homes = pd.DataFrame(
        ask(county, "select a.patient_key, geocode_status, a.starts_on, a.ends_on from int_address as a"),
        columns=["patient", "status", "first", "last"],
    )
    cohort = {patient for (patient,) in ask(county, "select patient_key from pop_t1d where ends_on >= '2026-06-30'")}
    here = homes[
        homes["patient"].isin(cohort) & (homes["last"].isna() | (pd.to_datetime(homes["last"]) >= "2026-06-30"))
    ]
    here = here[pd.to_datetime(here["first"]) <= "2026-06-30"]
    assert latest == (pytest.approx((here["status"] == "matched").mean(), abs=1e-9), len(here))
    assert 0.4 < latest[0] < 0.75


def test_the_match_rate_stands_by_group_too(county: Settings) -> None:
    """Groups of one grouping that do not overlap add up to everybody, and the release shows those of all sites."""
    slot = "metric = 'geocode_match_rate' and grain = 'year' and site = 'all'"
    whole = ask(
        county,
        f"select count(*), count(*) filter (where s.n = w.n and abs(s.matched - w.value * w.n) < 1e-6) from"
        f" (select period_starts_on, sum(n) as n, sum(value * n) as matched from fct_quality where {slot}"
        f" and stratifier = 'race_omb2024_multi' group by 1) as s"
        f" join (select * from fct_quality where {slot} and stratifier = '') as w using (period_starts_on)",
    )
    assert whole[0][0] == whole[0][1] == 3
    release = current_release(county)
    assert release is not None
    shown = pd.read_parquet(release / "tables" / "quality.parquet").query("metric == 'geocode_match_rate'")
    by_group = shown[shown["stratifier"].notna()]
    assert set(by_group["site"]) == {"all"}
    assert {"language", "race_omb2024_multi", "sex"} <= set(by_group["stratifier"])
    assert by_group["stratum_label"].notna().all()
    assert (by_group["disclosure_status"] == "published").any()
