"""How well answers are recorded, as the report says it: shares of the quality table, and the gate's verdicts."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from tests.support.release_frames import HELD, QUARTER, gap, held, page, stratum

CAUTION = {"quality_status": "warn", "quality_reasons": "Race and ethnicity are recorded for 85 % of children"}


def share(site: str, value: float | None, **given: Any) -> dict[str, Any]:
    """How many children of a site have a usable answer about race and ethnicity in that quarter."""
    period = {name: QUARTER[name] for name in ("grain", "period_starts_on", "period_label")}
    names = {"field": "race_ethnicity", "metric": "completeness", "site": site, "site_label": site}
    judged = {"verdict": "publish", "disclosure_status": "published", "threshold": "hold below 80 %, warn below 90 %"}
    return {**period, **names, **judged, "value": value, "n": 200, **given}


def section(**rows: list[dict[str, Any]]) -> str:
    return page(**rows).split('id="quality"', 1)[1].split('id="held"', 1)[0]


def table(html: str, caption: str) -> dict[str, list[str]]:
    """The table's rows by the text of their heading."""
    body = html.split(f"<caption>{caption}", 1)[1].split("<tbody>", 1)[1].split("</tbody>", 1)[0]
    found = {}
    for line in re.findall(r"<tr>.*?</tr>", body, re.DOTALL):
        cells = [" ".join(re.sub(r"<[^>]*>", " ", cell).split()) for cell in re.findall(r"<t[hd].*?</t[hd]>", line)]
        found[cells[0]] = cells[1:]
    return found


def test_completeness_by_site_over_time_has_five_different_words() -> None:
    earlier = {"period_starts_on": date(2026, 1, 1), "period_label": "Jan 2026 to Mar 2026"}
    html = section(
        quality=[
            share("site_a", 0.9567),
            share("site_a", 0.85, verdict="warn", **earlier),
            share("site_b", None, disclosure_status="suppressed"),
            share("site_b", None, verdict="", **earlier),
            share("site_c", 0.0, verdict="hold"),
            share("site_d", 0.5, grain="month"),
            share("site_a", 0.11, metric="missing_declined"),
            share("site_a", 0.12, field="language"),
        ]
    )
    assert table(html, "Children with a usable answer") == {
        "site_a": ["85.0 % ▲ results shown with caution", "95.7 %"],
        "site_b": ["not applicable", "suppressed"],
        "site_c": ["not applicable", "zero ■ results held"],
    }
    assert "Rule: held below 80 %, with caution below 90 %." in html


def test_a_share_that_is_suppressed_is_nowhere_even_when_the_table_had_it() -> None:
    assert "95.7" not in section(quality=[share("site_a", 0.9567, disclosure_status="suppressed")])


def test_results_are_counted_once_each_by_what_the_check_decided() -> None:
    html = section(
        strata=[
            *(stratum("Asian"), stratum("Black"), stratum("White")),
            *(stratum("Asian", **QUARTER, **CAUTION), stratum("Black", **QUARTER, **CAUTION)),
            *(stratum("Asian", site="site_e", **HELD), stratum("Everyone", stratifier="overall")),
        ],
        gaps=[gap("Black")],
        held=[held("site_e"), held("site_f")],
    )
    assert table(html, "Results by what")["Race and ethnicity, multiracial combined"] == ["1", "1", "2"]


def test_reasons_stand_with_site_grouping_and_number() -> None:
    html = section(
        strata=[stratum("Asian", **CAUTION), stratum("Black", **CAUTION), stratum("Asian", **QUARTER, **CAUTION)],
        held=[held("site_e", reasons="Answers are recorded for 71 % of children; Codes <b>changed</b>")],
    )
    found = re.findall(r"<tr><td>.*?</tr>", html, re.DOTALL)
    said = [" ".join(re.sub(r"<[^>]*>", " ", row).split()) for row in found]
    race = "Race and ethnicity, multiracial combined"
    assert said == [
        f"■ held site_e Answers are recorded for 71 % of children {race} 1",
        f"■ held site_e Codes &lt;b&gt;changed&lt;/b&gt; {race} 1",
        f"▲ shown with caution All sites Race and ethnicity are recorded for 85 % of children {race} 2",
    ]


def test_without_anything_it_says_so() -> None:
    html = section(measures=[])
    assert "does not say how completely" in html and "Nothing was checked" in html
    assert "Nothing is held and nothing needs caution" in html
