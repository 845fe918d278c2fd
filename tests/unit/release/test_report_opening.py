"""The opening: gaps in sentences with both groups' published numbers, whether they close, and what is not shown."""

from __future__ import annotations

import re
from typing import Any

import pytest

from orchestration.release import report_words as words
from tests.support.release_frames import (
    FIRST_YEAR,
    HELD,
    QUARTER,
    SUPPRESSED,
    change,
    gap,
    held,
    measure,
    page,
    stratum,
)


def opening(**rows: list[dict[str, Any]]) -> str:
    """The opening's text without markup."""
    part = page(**rows).split('id="start"', 1)[1].split('id="gaps"', 1)[0]
    return " ".join(re.sub(r"<[^>]*>", "", part).replace("&nbsp;", " ").split())


TWO = [stratum("Black", value=42.4), stratum("White", value=30.0), stratum("White", **FIRST_YEAR)]


def test_a_gap_is_a_sentence_with_the_published_numbers_of_both_groups() -> None:
    said = opening(strata=TWO, gaps=[gap("Black")], changes=[change("Black")])
    assert (
        "HbA1c above 9 %, by race and ethnicity, multiracial combined: 42.4 % of children tested in the group Black, "
        "30.0 in the group White; lower is better." in said
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "Too early to say: the gap was 14.1 in Jul 2023 to Jun 2024 and is 12.4 now, which may be chance"),
        ({"change_verdict": "narrowed"}, "Closing: the gap was 14.1 in Jul 2023 to Jun 2024 and is 12.4 now."),
        ({"change_verdict": "narrowed", "levelling_down": "yes"}, "which helps nobody"),
        ({"change_verdict": "widened"}, "Not closing: the gap was"),
        ({"change_verdict": "turned around", "difference_before": -3.0}, "Not closing: the gap was −3.0 in"),
        (
            {"disclosure_status": "suppressed", "difference_change": None},
            "Cannot be compared: the gap in Jul 2023 to Jun 2024 or now is suppressed",
        ),
        (
            {"quality_status": "hold", "difference_change": None},
            "Cannot be compared: the gap in Jul 2023 to Jun 2024 or now is held",
        ),
        ({"difference_change": None}, "Cannot be compared: the gap in Jul 2023 to Jun 2024 or now is not applicable"),
    ],
)
def test_whether_a_gap_closes_is_what_the_table_of_changes_says(given: dict[str, object], said: str) -> None:
    assert said in opening(strata=TWO, gaps=[gap("Black")], changes=[change("Black", **given)])


def test_gaps_are_counted_by_whether_they_close() -> None:
    gaps = [gap("Asian"), gap("Black"), gap("Hispanic")]
    changes = [change("Asian", change_verdict="narrowed"), change("Black", change_verdict="widened"),
               change("Hispanic"), change("Other", change_verdict="narrowed")]  # fmt: skip
    said = opening(strata=TWO, gaps=gaps, changes=changes)
    assert "Of the 3 clear gaps, beside Jul 2023 to Jun 2024:" in said
    assert "Closing: 1 gap." in said and "Not closing: 1 gap," in said and "Too early to say: 1 gap;" in said
    assert "1 other gap, which is not clear now, has become smaller" in said


def test_without_an_earlier_year_it_is_too_early() -> None:
    said = opening(strata=[stratum("Black"), stratum("White")], gaps=[gap("Black")])
    assert "Too early to say: there is no earlier whole year to compare with" in said
    assert "Of the 1 clear" not in said


def test_what_is_hidden_of_the_other_group_is_a_word_and_never_a_number() -> None:
    said = opening(strata=[stratum("Black", value=42.4), stratum("White", **SUPPRESSED)], gaps=[gap("Black")])
    assert "42.4 % of children tested in the group Black, suppressed in the group White" in said


def test_suppressed_held_and_not_applicable_are_counted_apart() -> None:
    nobody = dict.fromkeys(("value", "ci_low", "ci_high"))
    strata = [stratum("Asian", value=0.0), stratum("Black", **SUPPRESSED), stratum("Hispanic", **SUPPRESSED),
              stratum("Other", **HELD), stratum("White", **nobody), stratum("Not asked", is_missing_category=True),
              stratum("Asian", **QUARTER, **SUPPRESSED)]  # fmt: skip
    no_gap = dict.fromkeys(("difference", "ratio", "is_meaningful"))
    gaps = [gap("Asian"), gap("Black", **no_gap, disclosure_status="suppressed"),
            gap("Hispanic", **no_gap, quality_status="hold"), gap("Other", **no_gap, quality_status="hold"),
            gap("White", **no_gap)]  # fmt: skip
    said = opening(strata=strata, gaps=gaps, held=[held("site_e"), held("site_f")])
    assert "For this year at all sites, 1 number of 5 is shown, and 1 gap of 5." in said
    assert "Suppressed: 2 numbers and 1 gap." in said and "Held: 1 number and 2 gaps." in said
    assert "Not applicable: 1 number and 1 gap." in said
    assert "3 numbers are suppressed, and 2 results are held" in said


def test_few_gaps_are_told_the_largest_of_each_grouping_among_them() -> None:
    titles = [measure(measure_id=f"m{n}", title=f"Measure {n}", sort_order=n) for n in range(7)]
    race = [gap("Black", measure_id=f"m{n}", ratio=3.0 + n) for n in range(7)]
    payer = gap("Public", measure_id="m0", ratio=1.2, stratifier="payer", stratifier_label="Insurance")
    said = opening(measures=titles, strata=TWO, gaps=[*race, payer])
    assert re.findall(r"(Measure \d), by (\w+)", said) == [
        *((f"Measure {n}", "race") for n in (6, 5, 4, 3)), ("Measure 0", "insurance"),
    ]  # fmt: skip


def test_a_grouping_without_a_clear_gap_is_named() -> None:
    said = opening(strata=TWO, gaps=[gap("Black", is_meaningful=False)])
    assert "No gap is clear by race and ethnicity" in said and "does not mean that there is none" in said


def test_units_and_labels_in_sentences() -> None:
    assert words.plain_unit("visits per 1,000 patient-years") == "visits per 1,000 children in care for a year"
    assert words.plain_unit("visits per patient-year") == "visits per child in care for a year"
    assert [words.inside(label) for label in ("Insurance", "ADI fifth", "")] == ["insurance", "ADI fifth", ""]


def test_labels_are_text() -> None:
    evil = "<img src=x onerror=alert(1)>"
    html = page(
        measures=[measure(title=evil, unit=evil)],
        strata=[stratum(evil, stratifier_label=evil), stratum("White")],
        gaps=[gap(evil, stratifier_label=evil, reference_label=evil)],
    )
    assert "<img" not in html and html.count("&lt;img src=x") > 6
