"""Tables by site and period: every cell is the release's row, and what is left out is said."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest

from orchestration.release import report_sites
from tests.support.release_frames import FIRST_YEAR, HELD, QUARTER, SUPPRESSED, measure, page, stratum, tables

E = {"site": "site_e", "site_label": "Site E"}
UNDER_WAY = {"grain": "quarter", "period_starts_on": date(2026, 7, 1), "is_complete_period": False}


def section(**rows: list[dict[str, Any]]) -> str:
    return page(**rows).split('id="sites"', 1)[1].split('id="aims"', 1)[0]


def grid(html: str, site: str) -> list[list[str]]:
    """The site's table, row by row, as text."""
    body = html.split(f'<div data-site="{site}"', 1)[1].split("</table>", 1)[0]
    return [
        [" ".join(re.sub(r"<[^>]*>", " ", cell).split()) for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)]
        for row in re.findall(r"<tr>.*?</tr>", body, re.DOTALL)
    ]


ROWS = [
    stratum("Everyone", stratifier="overall", stratifier_label="Everyone", value=28.4, ci_low=26.0, ci_high=30.9),
    stratum("Asian", value=0.0, ci_low=0.0, ci_high=3.4, quality_status="warn", quality_reasons="Codes changed"),
    stratum("Asian", **QUARTER, value=31.5),
    stratum("Asian", **UNDER_WAY, value=77.7),
    stratum("White", **SUPPRESSED),
    stratum("Asian", **E, **HELD),
    stratum("Asian", **{**E, **FIRST_YEAR}, value=21.1),
    stratum("Asian", **{**E, **QUARTER}, value=88.8),
    stratum("Declined", **E, value=None, ci_low=None, ci_high=None, is_missing_category=True),
]


def test_a_site_has_its_years_and_all_sites_quarters_too() -> None:
    html = section(strata=ROWS)
    race = ["Race and ethnicity, multiracial combined"]
    assert grid(html, "all") == [
        ["Group", "Jul 2025 to Jun 2026", "Apr 2026 to Jun 2026"],
        ["Everyone", "28.4 (26.0 to 30.9)", "not applicable"],
        race,
        ["Asian", "zero (0.0 to 3.4) ▲ shown with caution", "31.5 (24.1 to 36.7)"],
        ["White", "suppressed", "not applicable"],
    ]
    assert grid(html, "site_e") == [
        ["Group", "Jul 2023 to Jun 2024", "Jul 2025 to Jun 2026"],
        race,
        ["Asian", "21.1 (24.1 to 36.7)", "held"],
        ["Missing: Declined", "not applicable", "not applicable"],
    ]
    assert "77.7" not in html and "88.8" not in html
    assert html.count("Held here:") == 1 and str(HELD["quality_reasons"]) in html


def test_where_single_sites_have_too_much_their_earliest_years_are_left_out_and_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(report_sites, "MOST_CELLS", 2)
    html = section(strata=ROWS)
    assert "21.1" not in html and "For single sites Jul 2023 to Jun 2024 is left out here" in html
    assert "held" in grid(html, "site_e")[2]
    monkeypatch.setattr(report_sites, "MOST_CELLS", 1)
    html = section(strata=ROWS)
    assert 'data-site="site_e"' not in html and "Jul 2025 to Jun 2026 are left out here" in html
    assert grid(html, "all")[1] == ["Everyone", "28.4 (26.0 to 30.9)", "not applicable"]


def test_of_twenty_measures_at_seven_sites_nothing_is_left_out() -> None:
    measures = [measure(measure_id=f"m{n}", sort_order=n) for n in range(20)]
    groups, sites = [f"A group of children {n}" for n in range(27)], ["all", *(f"site_{n}" for n in range(7))]
    rows = [
        stratum(group, measure_id=f"m{n}", site=site, site_label=site, **{**period})
        for n in range(20) for site in sites for group in groups
        for period in (FIRST_YEAR, {**FIRST_YEAR, "period_starts_on": date(2024, 7, 1)}, {})
    ]  # fmt: skip
    by_site = report_sites.by_site(tables(strata=rows)["strata"], measures)
    assert by_site["left_out"] == []
    assert [len(item["sites"]) for item in by_site["measures"]] == [8] * 20


def test_a_label_from_data_is_text() -> None:
    evil = '"><script>alert(1)</script>'
    html = section(strata=[stratum(evil, site=evil, site_label=evil, stratifier_label=evil, period_label=evil)])
    assert "<script" not in html and html.count("&lt;script&gt;") >= 6


def test_the_key_to_the_signs_is_there_once() -> None:
    html = page(strata=ROWS)
    key = html.split('<details id="signs"', 1)[1].split("</details>", 1)[0]
    for sign in ("●", "▲", "○", "◆", "■", "suppressed", "not applicable", "Missing:", "zero", "–"):
        assert key.count(sign) == 1, sign
