"""The whole job on public OMOP files (1,130 people): every stratum equals what pandas reads in the same files."""

from __future__ import annotations

import datetime as dt

import pytest

from orchestration.release.store import verify_release
from orchestration.settings import Settings
from tests.support.real_omop import layout_rows, read
from tests.support.real_runs import REALDATA, ask, counted_strata, differing_cells, real_folder, run_example
from tests.support.recount_measures import recount_measures
from tests.support.recount_people import recount_people
from tests.support.recount_rows import recount_rows
from tests.support.tiny_warehouse import Run

pytestmark = pytest.mark.skipif(not REALDATA, reason="EQUITY_REALDATA names no folder of public data to run on")

WINDOW = Run(
    window_starts_on=dt.date(2015, 7, 1),
    window_ends_on=dt.date(2018, 6, 30),
    as_of=dt.date(2018, 6, 30),
    age_below_years=130,
    condition_prefixes=("46635009", "44054006", "73211009", "15777000"),
    excluded_condition_prefixes=(),
)
FOLDER = "ehr/omop_csv_1130"


@pytest.fixture(scope="module")
def omop(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return run_example("omop", tmp_path_factory.mktemp("omop"), {"data": real_folder(FOLDER)})


def test_strata_equal_the_files(omop: Settings) -> None:
    usable = recount_rows(layout_rows(real_folder(FOLDER)), WINDOW)
    expected = recount_measures(recount_people(usable, WINDOW), usable, WINDOW)
    expected = expected[expected["site"] == "all"]  # nobody has a care site, so "not recorded" would repeat everything
    assert differing_cells(counted_strata(omop), expected) == []
    reached = expected[expected["numerator"] > 0]
    assert {"ed_visits", "bed_days", "hba1c_tested", "hba1c_below_7"} <= set(reached["measure_id"])
    assert {"HISP", "AIAN", "ASIAN", "BLACK", "WHITE"} <= set(reached["stratum"])
    assert verify_release(omop).findings == ()


def test_every_row_is_used_or_set_aside_and_the_zeros_among_results_are_no_outcomes(omop: Settings) -> None:
    folder = real_folder(FOLDER)
    found = {
        table: (int(came), int(used), int(aside))
        for table, came, used, aside in ask(
            omop,
            "select table_name, sum(rows_in), sum(rows_used), sum(rows_quarantined) from fct_conservation group by all",
        )
    }
    assert [table for table, (came, used, aside) in found.items() if came != used + aside] == []
    people, visits, conditions = (
        len(read(folder, table)) for table in ("person", "visit_occurrence", "condition_occurrence")
    )
    assert {table: came for table, (came, _, _) in found.items()} == {
        "patients": people, "race_ethnicity": 2 * people, "encounters": visits, "conditions": conditions,
        "observations": 199_514, "languages": 0,
    }  # fmt: skip
    results = read(folder, "measurement")
    hba1c = results[(results["measurement_concept_id"] == "3004410") & (results["measurement_date"] <= "2018-06-30")]
    below = int((hba1c["value_as_number"].astype(float) < 3).sum())
    aside = ask(
        omop,
        "select count(*) from quarantine where table_name = 'observations' and reason = 'HbA1c is outside 3 to 20 %'",
    )
    assert aside == [(below,)] and below > 500
