"""Charts and aims in a release: every number must stand in strata or gaps, and text of registers is only ever text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orchestration.errors import BlockedError
from orchestration.release.columns_over_time import TABLES
from orchestration.release.store import verify_release
from orchestration.release.table_files import read_parquet
from orchestration.settings import Settings
from tests.support import release_warehouse as warehouse
from tests.support.release_building import build

NAMES = [name for name, _, _ in TABLES]


@pytest.fixture
def own(tmp_path: Path) -> Settings:
    """Settings with the small warehouse of `release_warehouse.py` in them, which has charts and an aim."""
    settings = Settings(title="Small", data_dir=tmp_path / "var")
    warehouse.build(settings)
    return settings


def test_a_release_holds_charts_and_aims(own: Settings) -> None:
    result = build(own)
    assert {name: result.rows[name] for name in NAMES} == {
        "chart_series": 2, "charts": 2, "aims": 1, "aim_targets": 2, "change_tests": 1, "drivers": 2,
    }  # fmt: skip
    assert verify_release(own).ok
    charts = read_parquet(result.path / "tables" / "charts.parquet").to_pylist()
    assert [(row["subject"], row["value"], row["signal"]) for row in charts] == [
        ("stratum", 40.0, None),
        ("gap", 15.0, None),
    ]
    aim = read_parquet(result.path / "tables" / "aims.parquet").to_pylist()[0]
    assert (aim["aim_title"], aim["status"], aim["process_value"]) == (
        "Bring group a within 5 points of group b",
        "too early",
        None,
    )


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("update publish.charts set value = 41 where subject = 'stratum'", "not the group's published value"),
        ("update publish.charts set value = 15.1 where subject = 'gap'", "not the published gap"),
        ("update publish.charts set reference_stratum = 'c' where subject = 'gap'", "not the published gap"),
        ("update publish.charts set stratum = 'd' where subject = 'stratum'", "not the group's published value"),
        ("update publish.charts set disclosure_status = 'suppressed'", "has a value"),
        ("update publish.charts set quality_status = 'hold'", "has a value"),
        ("update publish.charts set value = null, signal = 'trend of 7'", "a signal without a point"),
        ("update publish.charts set chart = 't'", "not a word of its vocabulary"),
        ("update publish.charts set chart = 'u'", "that its series does not have"),
        ("update publish.chart_series set chart_status = 'not drawn: held'", "that its series does not have"),
        ("update publish.charts set subject = 'child'", "unknown subject"),
        ("insert into publish.charts from publish.charts", "stands twice"),
        ("update publish.charts set subject = 'spread', stratum = 'd' where subject = 'stratum'", "spread of values"),
        ("update publish.aims set latest_value = 3", "latest_value is not a published number"),
        ("update publish.aims set stratum = 'd'", "latest_value is not a published number"),
        ("update publish.aims set baseline_in_release = 3", "baseline_in_release is not a published number"),
        ("update publish.aims set process_measure_id = 'share', process_value = 7", "process_value is not a published"),
        ("update publish.aims set status = 'nearly'", "not a word of its vocabulary"),
        ("update publish.aims set latest_value = null", "judged without its latest value"),
        ("update publish.aims set status = 'met', balancing_status = 'worse in b'", "signals worse"),
        ("update publish.aims set outcome = 'improved', balancing_status = 'worse in b'", "signals worse"),
        (
            "update publish.aim_targets set latest_value = 7 where stratum = 'b'",
            "latest_value is not a published number",
        ),
        ("update publish.aim_targets set aim_id = 'other' where stratum = 'b'", "aim_id is not in aims"),
        ("update publish.change_tests set driver_id = 'other'", "driver_id is not in drivers"),
        ("update publish.drivers set aim_id = 'other'", "aim_id is not in aims"),
    ],
)
def test_what_does_not_follow_from_strata_and_gaps_is_not_published(own: Settings, statement: str, said: str) -> None:
    with pytest.raises(BlockedError) as refused:
        build(own, statement)
    assert said in str(refused.value)
    assert "15.1" not in str(refused.value)


def test_text_of_registers_is_text(own: Settings) -> None:
    evil = '<script>alert(1)</script> =HYPERLINK("x") \u202e'
    quoted = evil.replace("'", "''")
    result = build(
        own,
        f"update publish.aims set title = '{quoted}', owner = '{quoted}'",
        f"update publish.change_tests set what = '=1+1 {quoted}'",
        f"update publish.drivers set label = '{quoted}'",
    )
    page = (result.path / "report" / "index.html").read_text(encoding="utf-8")
    assert page.count("<script") == 1, "the page's own"
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 4
    csv = (result.path / "tables" / "change_tests.csv").read_text(encoding="utf-8-sig")
    assert "\"'=1+1" in csv


def test_the_report_shows_the_aim_in_words_and_pictures(own: Settings) -> None:
    page = (build(own).path / "report" / "index.html").read_text(encoding="utf-8")
    assert re.search(r'<article class="card" data-measure="\w+" data-site="\w+" aria-labelledby="aim-1">', page)
    section = page[page.index('id="aims"') : page.index('id="held"')]
    assert section.count('role="img"') == 2
    for words in ("Too early", "Bring group a within 5 points", "Key driver diagram", "Call families before each visit",
                  "Safety check", "not yet", "An aim counts as met only when"):  # fmt: skip
        assert words in section


def test_without_aims_the_report_says_so(own: Settings) -> None:
    nothing = [f"delete from publish.{name}" for name in NAMES]
    page = (build(own, *nothing).path / "report" / "index.html").read_text(encoding="utf-8")
    assert "No aim is registered yet" in page
