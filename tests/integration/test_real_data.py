"""The whole job on public data: every stratum equals what pandas counts in the very same files, cell by cell.

Three examples: people in NHANES who were told of diabetes, Synthea's export, and invented children in the real tracts
of Hamilton County with the real poverty and deprivation of these tracts. What is compared is `fct_measure_stratum`:
counts before anything is suppressed. EQUITY_REALDATA names the folder with the files; without it each test is skipped.
"""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path

import pandas as pd
import pytest

from orchestration.release.store import current_release, verify_release
from orchestration.settings import Settings
from orchestration.synthetic.registry import generate
from tests.support import real_people
from tests.support.person_months import strata_sums
from tests.support.real_county import area_rows, registry_rows, unreadable_lines
from tests.support.real_runs import REALDATA, ask, counted_strata, differing_cells, real_folder, run_example
from tests.support.recount_measures import recount_measures
from tests.support.recount_people import recount_people
from tests.support.recount_rows import recount_rows
from tests.support.tiny_warehouse import Run

pytestmark = pytest.mark.skipif(not REALDATA, reason="EQUITY_REALDATA names no folder of public data to run on")

NHANES_WINDOW = (pd.Period("2011-01", "M"), pd.Period("2016-12", "M"))
SYNTHEA_WINDOW = (pd.Period("2021-03", "M"), pd.Period("2024-02", "M"))
CONSERVED = """
    select table_name, sum(rows_in), sum(rows_used), sum(rows_quarantined) from fct_conservation group by all
"""


def account(settings: Settings) -> dict[str, tuple[int, int]]:
    """Rows in and rows set aside per table, after making sure that no row is lost."""
    rows = {table: tuple(map(int, counts)) for table, *counts in ask(settings, CONSERVED)}
    assert [table for table, (came, used, aside) in rows.items() if came != used + aside] == []
    return {table: (came, aside) for table, (came, _, aside) in rows.items()}


def n_records(path: Path) -> int:
    """Records of a CSV file, without its header."""
    with path.open(encoding="utf-8", newline="") as file:
        return sum(1 for _ in csv.reader(file)) - 1


# --- NHANES ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def nhanes(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return run_example("nhanes", tmp_path_factory.mktemp("nhanes"), {"data": real_folder("ehr/nhanes")})


def test_nhanes_strata_equal_the_survey_s_files(nhanes: Settings) -> None:
    expected = strata_sums(real_people.nhanes_months(real_folder("ehr/nhanes")), *NHANES_WINDOW)
    assert differing_cells(counted_strata(nhanes), expected) == []
    hba1c = expected.query("measure_id == 'hba1c_above_9' and grain == 'year' and site == 'all' and numerator > 0")
    assert {"ASIAN", "BLACK", "HISP", "OTHER", "WHITE", "english", "spanish", "female", "male", "age_45_64"} <= set(
        hba1c["stratum"]
    )


def test_nhanes_by_race_in_2016_counted_in_one_line(nhanes: Settings) -> None:
    """The same once more without any of our helpers: tested people of the last cycle, and those above 9 %."""
    people = real_people.nhanes_people(real_folder("ehr/nhanes")).query("first_year == 2015 and LBXGH.notna()")
    by_race = people.groupby(people["RIDRETH3"].map(real_people.NHANES_RACE))["LBXGH"].agg(
        ["size", lambda x: (x > 9).sum()]
    )
    counted = ask(
        nhanes,
        "select stratum, denominator, numerator from fct_measure_stratum where measure_id = 'hba1c_above_9' and"
        " grain = 'year' and period_starts_on = '2016-01-01' and site = 'all' and stratifier = 'race_omb2024_multi'",
    )
    assert sorted(counted) == sorted(by_race.itertuples(name=None))


def test_nhanes_loses_nobody(nhanes: Settings) -> None:
    folder = real_folder("ehr/nhanes")
    cycles = [
        (pd.read_csv(folder / f"DIQ_{cycle}.csv"), pd.read_csv(folder / f"GHB_{cycle}.csv"))
        for cycle in real_people.CYCLES
    ]
    everybody = sum(n_records(folder / f"DEMO_{cycle}.csv") for cycle in real_people.CYCLES)
    assert account(nhanes) == {
        **dict.fromkeys(("patients", "race_ethnicity", "languages"), (everybody, 0)),
        "conditions": (sum(int((diabetes["DIQ010"] == 1).sum()) for diabetes, _ in cycles), 0),
        "observations": (sum(int(hba1c["LBXGH"].notna().sum()) for _, hba1c in cycles), 0),
    }


def test_nhanes_release_holds_what_has_no_address_and_hides_small_counts(nhanes: Settings) -> None:
    release = current_release(nhanes)
    assert release is not None
    assert verify_release(nhanes).findings == ()
    strata = pd.read_parquet(release / "tables" / "strata.parquet")
    shown = strata[strata["disclosure_status"] == "published"]
    assert not shown["numerator"].between(1, 10).any()
    assert not (shown["denominator"] - shown["numerator"])[shown["measure_id"] == "hba1c_above_9"].between(1, 10).any()
    assert set(strata.loc[strata["stratifier"].isin(["poverty_quintile", "payer"]), "quality_status"]) == {"hold"}
    by_race = shown.query("stratifier == 'race_omb2024_multi' and measure_id == 'hba1c_above_9' and site == 'all'")
    truth = counted_strata(nhanes).merge(by_race, on=["measure_id", "grain", "stratifier", "stratum", "site"])
    truth = truth[pd.to_datetime(truth["period_starts_on_x"]) == pd.to_datetime(truth["period_starts_on_y"])]
    assert len(truth) > 0
    assert (truth["numerator_x"] == truth["numerator_y"]).all() and (
        truth["denominator_x"] == truth["denominator_y"]
    ).all()


# --- Synthea -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def synthea(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return run_example("synthea", tmp_path_factory.mktemp("synthea"), {"data": real_folder("ehr/synthea_csv_27")})


def test_synthea_strata_equal_its_files(synthea: Settings) -> None:
    months = real_people.synthea_months(real_folder("ehr/synthea_csv_27"), *SYNTHEA_WINDOW)
    expected = strata_sums(months, *SYNTHEA_WINDOW)
    assert differing_cells(counted_strata(synthea), expected) == []
    reached = expected[expected["numerator"] > 0]
    assert {"ed_visits", "hba1c_mean", "hba1c_tested", "hba1c_below_7"} <= set(reached["measure_id"])


def test_synthea_loses_no_row(synthea: Settings) -> None:
    folder = real_folder("ehr/synthea_csv_27")
    rows = {
        table: n_records(folder / f"{table}.csv") for table in ("patients", "encounters", "conditions", "observations")
    }
    found = account(synthea)
    assert {table: found[table] for table in rows} == {table: (count, 0) for table, count in rows.items()}
    assert found["race_ethnicity"] == (2 * rows["patients"], 0)
    assert found["coverage"][1] == 0


def test_synthea_s_five_people_are_too_few_to_show(synthea: Settings) -> None:
    strata = pd.read_parquet(synthea.releases_dir / "current" / "tables" / "strata.parquet")
    assert set(strata.loc[strata["disclosure_status"] == "published", "numerator"]) <= {0}


# --- Hamilton County ---------------------------------------------------------------------------------------------

AS_OF = dt.date(2026, 6, 30)
WINDOW = Run(window_starts_on=dt.date(2023, 7, 1), window_ends_on=AS_OF, as_of=AS_OF, catchment_counties=("39061",))


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("registry")
    tracts = real_folder("area/acs_measures_hamilton_2023.csv")
    generate(folder, patients=600, seed=5, file_format="csv", as_of=AS_OF, months=36, tracts_file=tracts)
    return folder


@pytest.fixture(scope="module")
def hamilton(registry: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    data = {"data/registry": registry, "data/area": real_folder("area")}
    return run_example("hamilton", tmp_path_factory.mktemp("hamilton"), data, as_of=AS_OF)


def test_hamilton_strata_equal_the_registry_s_and_the_area_files(hamilton: Settings, registry: Path) -> None:
    tables = {**registry_rows(registry), "tract_measures": area_rows(real_folder("area"), "39061")}
    usable = recount_rows(tables, WINDOW)
    expected = recount_measures(recount_people(usable, WINDOW), usable, WINDOW)
    assert differing_cells(counted_strata(hamilton), expected) == []
    in_fifths = expected.query(
        "stratifier == 'deprivation_quintile' and measure_id == 'hba1c_tested' and grain == 'year'"
    )
    assert {"q1", "q2", "q3", "q4", "q5", "no_address", "tract_not_in_area_file"} <= set(in_fifths["stratum"])


def test_hamilton_s_fifths_hold_a_fifth_of_the_county_s_children(hamilton: Settings) -> None:
    acs = pd.read_csv(real_folder("area/acs_measures_hamilton_2023.csv"), dtype={"census_tract_id_2020": str})
    known = acs[acs["prop_poverty"].notna()].sort_values("prop_poverty")
    middle = known["n_persons_under_18"].cumsum() - known["n_persons_under_18"] / 2
    fifths = (5 * middle / known["n_persons_under_18"].sum()).astype(int).clip(upper=4) + 1
    ties = known["prop_poverty"].duplicated(keep=False)  # equal shares lie in one fifth, together: looked at elsewhere
    placed = dict(ask(hamilton, "select tract_geoid, poverty_quintile from int_tract where is_in_catchment"))
    assert len(placed) == len(acs) == 226
    expected = dict(zip(known["census_tract_id_2020"], fifths, strict=True))
    apart = known.loc[~ties, "census_tract_id_2020"]
    assert {tract: placed[tract] for tract in apart} == {tract: expected[tract] for tract in apart}
    assert {tract for tract, fifth in placed.items() if fifth is None} == set(acs["census_tract_id_2020"]) - set(
        expected
    )


def test_hamilton_accounts_for_every_line(hamilton: Settings, registry: Path) -> None:
    found = account(hamilton)
    tables = registry_rows(registry)
    unreadable = unreadable_lines(registry)
    usable = recount_rows({**tables, "tract_measures": area_rows(real_folder("area"), "39061")}, WINDOW).usable
    assert unreadable, "some lines of the registry cannot be read"
    for table, rows in tables.items():
        came = len(rows) + unreadable.get(table, 0)
        assert found[table] == (came, came - len(usable[table])), table
    n_area_cells = 2 * n_records(real_folder("area/acs_measures_hamilton_2023.csv"))
    assert found["tract_measures"] == (n_area_cells + n_records(real_folder("area/dep_index_us_tracts_2023.csv")), 0)
