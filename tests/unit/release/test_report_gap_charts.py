"""Gaps over time without an aim: the largest of each measure and grouping, drawn from the published points."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest

from tests.support.release_frames import FIRST_YEAR, HELD, SUPPRESSED, gap, page, points, series, stratum

NO_GAP = dict.fromkeys(("difference", "difference_low", "difference_high", "ratio", "is_meaningful"))


def section(**rows: list[dict[str, Any]]) -> str:
    return page(**{"strata": [stratum("White")], **rows}).split('id="charts"', 1)[1].split('id="sites"', 1)[0]


def text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", "", re.sub(r"<svg.*?</svg>", "", html, flags=re.DOTALL)).split())


def test_the_largest_gap_is_drawn_and_its_points_stand_in_a_table() -> None:
    marked = points("black", 19.25, signal="beyond limits", signal_meaning="concern")
    html = section(
        gaps=[gap("Black", **{**FIRST_YEAR, "difference": 8.5}), gap("Asian", difference=3.0), gap("Black")],
        chart_series=[series("black"), series("asian")],
        charts=[*points("black", 11.5, None, 0.0), *marked, *points("asian", 2.0)],
    )
    assert html.count('role="img"') == 1 and "gap of Black beside White over time" in html
    said = text(html)
    assert "Jul 2023 to Jun 2024 8.5; Jul 2025 to Jun 2026 12.4." in said
    assert "the level in Jan 2024 to Dec 2024" in said and "Latest point: within chance." in said
    body = html.split("<tbody>", 1)[1].split("</tbody>", 1)[0]
    rows = [re.findall(r">([^<>]+)</t[hd]>", row) for row in body.strip().split("\n")]
    assert rows == [
        ["Month 1", "11.5", "12.0", "7.5 to 16.5", "none"],
        ["Month 2", "suppressed", "12.0", "7.5 to 16.5", "none"],
        ["Month 3", "zero", "12.0", "7.5 to 16.5", "none"],
        ["Month 1", "19.2", "12.0", "7.5 to 16.5", "beyond limits (concern)"],
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"reliability_status": "unreliable"},
        {"is_missing_category": True},
        {**NO_GAP, "disclosure_status": "suppressed"},
        {**NO_GAP, "quality_status": "hold"},
        {"difference": -2.0},
        {"site": "site_a"},
        {"grain": "quarter"},
    ],
)
def test_only_a_reliable_gap_of_a_known_group_at_all_sites_is_followed(change: dict[str, Any]) -> None:
    html = section(gaps=[gap("Black", **change)], chart_series=[series("black")], charts=points("black", 11.5))
    assert "none is followed here" in html and "11.5" not in html


def test_a_chart_that_is_not_drawn_is_named_with_the_reason() -> None:
    given = [gap("Black"), gap("Black", **{**FIRST_YEAR, **NO_GAP, **SUPPRESSED})]
    said = text(
        section(gaps=given, chart_series=[series("black", chart_status="not drawn: too many points suppressed")])
    )
    assert "No chart: too many points suppressed." in said and "Jul 2023 to Jun 2024 suppressed" in said
    assert "No chart: this release follows no such gap by month." in text(section(gaps=given))


def test_years_that_are_held_or_have_nobody_are_two_words() -> None:
    later = {**FIRST_YEAR, "period_starts_on": date(2024, 7, 1), "period_label": "Jul 2024 to Jun 2025"}
    held = {**FIRST_YEAR, **NO_GAP, **HELD}
    said = text(section(gaps=[gap("Black"), gap("Black", **held), gap("Black", **{**later, **NO_GAP})]))
    assert "Jul 2023 to Jun 2024 held" in said and "Jul 2024 to Jun 2025 not applicable" in said


def test_a_gap_with_an_aim_is_drawn_under_the_aims_only() -> None:
    of = {"measure_id": "hba1c_above_9", "stratifier": "race_omb2024_multi"}
    aim = {**of, "aim_id": "a", "aim_title": "Aim", "site": "all", "stratum": "black", "reference_stratum": "white",
           "baseline_starts_on": date(2024, 1, 1), "baseline_ends_on": date(2024, 12, 31), "by_when": date(2027, 1, 1),
           "status": "on track", "status_reason": "as planned", "outcome": "not yet", "owner": "the team"}  # fmt: skip
    rows: dict[str, Any] = {"gaps": [gap("Black")], "chart_series": [series("black")], "charts": points("black", 11.5)}
    html = section(**rows, aims=[aim])
    assert 'role="img"' not in html and "under the aims" in html
    elsewhere = section(**rows, aims=[{**aim, "site": "site_a"}])
    assert elsewhere.count('role="img"') == 1, "an aim of one site is not about all sites"
