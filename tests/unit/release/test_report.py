"""What the report says, and what it must never say: hidden numbers, markup from labels, one word for two things."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import pytest

from orchestration.release import report_words as words
from tests.support.release_frames import HELD, QUARTER, SUPPRESSED, gap, held, measure, page, stratum

HOSTILE = [
    "<script>alert(1)</script>",
    '=HYPERLINK("http://x.example","y")',
    "</text></svg><img src=x onerror=alert(1)>",
    "\u202egnitset \u2067rtl",
    "É" * 300,
    "Two 🧒🏾 groups & 'more' \"yet\"",
    "${7*7} {{ 7*7 }}\x07",
]


def _pictures(html: str) -> list[str]:
    return re.findall(r"<svg[^>]*class=\"marks\".*?</svg>", html, flags=re.DOTALL)


def _text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html.split("<main", 1)[1]).split())


@pytest.mark.parametrize("label", HOSTILE)
def test_a_hostile_label_is_text_on_the_page_and_in_pictures(label: str) -> None:
    quarter = stratum(label, **QUARTER)
    html = page(
        label,
        measures=[measure(title=label, unit=label, description=label)],
        strata=[stratum(label, measure_title=label), stratum("White"), quarter],
        gaps=[gap(label, reference_label=label, unit=label, quality_status="warn", quality_reasons=label)],
        held=[held(label, reasons=label, measure_title=label)],
    )
    pictures = _pictures(html)
    assert len(pictures) == 3
    for picture in pictures:
        ElementTree.fromstring(picture)  # well-formed, so nothing in a label closed an element
    assert html.count("<script") == 1 and "<img" not in html and "onerror=alert" not in re.sub(r"&lt;.*?&gt;", "", html)
    assert "49" not in _text(html)
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x07]", "".join(pictures))


def test_the_page_reaches_for_nothing_outside() -> None:
    html = page(strata=[stratum("White")], gaps=[gap("Black")])
    assert not re.search(r"(src|href)=\"(?!#|\.\./quality/)|@import|url\((?!#)", html)
    assert "default-src 'none'" in html and "script-src 'sha256-" in html and html.count("<script") == 1


def test_zero_missing_not_applicable_suppressed_and_held_are_different_words() -> None:
    html = page(
        strata=[
            stratum("Asian", value=0.0, numerator=0, ci_low=0.0),
            stratum("Black", **SUPPRESSED),
            stratum("Declined", is_missing_category=True),
            stratum("Hispanic", **HELD),
            stratum("White", value=None, ci_low=None, ci_high=None, numerator=0, denominator=0),
        ]
    )
    table = html.split("<caption>HbA1c above 9 % (", 1)[1].split("</table>", 1)[0]
    cells = {
        re.sub(r"<.*?>", "", row[0]).strip(): [re.sub(r"<.*?>", "", cell).strip() for cell in row[1:]]
        for row in (re.findall(r"<t[hd].*?</t[hd]>", line, re.DOTALL)[1:] for line in table.split("<tr")[2:])
    }
    assert cells["Asian"][0] == "zero"
    assert cells["Black"] == ["suppressed", "–", "suppressed", "suppressed"]
    assert "Missing: Declined" in cells
    assert cells["Hispanic"][0] == "held" and cells["Hispanic"][3].endswith("held")
    assert cells["White"][0] == "not applicable"


def test_a_gap_in_a_picture_stands_in_its_table_and_a_hidden_group_is_named_but_not_drawn() -> None:
    html = page(
        gaps=[gap("Asian", disclosure_status="suppressed", difference=None), gap("Black")], strata=[stratum("A")]
    )
    picture = next(item for item in _pictures(html) if "gap of each group" in item)
    assert "12.4" in picture and "Black" in picture and "Asian" not in picture
    assert 'role="img"' in picture and "<title>" in picture
    assert "5.2 to 19.3" in html and re.search(r"Suppressed:</span> <bdi>Asian</bdi>", html)


@pytest.mark.parametrize(
    "change",
    [
        {"reliability_status": "unreliable"},
        {"is_meaningful": False},
        {"is_missing_category": True},
        {"disclosure_status": "suppressed", "difference": None, "ratio": None, "is_meaningful": None},
        {"quality_status": "hold"},
        {"site": "site_a"},
        {"grain": "quarter"},
    ],
)
def test_only_a_clear_gap_of_all_sites_and_the_year_is_called_one(change: dict[str, object]) -> None:
    assert "largest clear gaps" in page(strata=[stratum("White")], gaps=[gap("Black")])
    html = page(strata=[stratum("White")], gaps=[gap("Black", **change)])
    assert "largest clear gaps" not in html and "No clear gap was found" in html


def test_the_largest_gap_comes_first_and_the_second_convention_is_not_counted_twice() -> None:
    twin = measure(measure_id="twin", title="Twin", untested_convention="untested_not_met", sort_order=2)
    gaps = [gap("Asian"), gap("Black", ratio=2.5), gap("Twin", measure_id="twin", ratio=9.0)]
    html = page(measures=[measure(), twin], strata=[stratum("White")], gaps=gaps)
    table = html.split("<caption>Largest clear gaps", 1)[1].split("</table>", 1)[0]
    assert re.findall(r'<th scope="row">(.*?)</th>', table) == ["Black", "Asian"]


def test_a_year_under_way_is_not_the_latest_year() -> None:
    html = page(strata=[stratum("White", is_complete_period=False)], gaps=[gap("Black", is_complete_period=False)])
    assert "There is no whole year in the data yet" in html and "12.4" not in html


def test_caution_is_said_in_words_with_its_reason() -> None:
    reason = "Codes are not recognized for some children"
    html = page(strata=[stratum("White", quality_status="warn", quality_reasons=reason)])
    assert "shown with caution" in _text(html) and reason in html


def test_held_slices_are_grouped_and_reasons_that_differ_only_in_figures_become_one() -> None:
    rows = [
        held("site_e", reasons="Race is recorded for 71 % of children; at least 80 % is needed; Codes changed"),
        held("site_e", reasons="Race is recorded for 64 % of children; at least 80 % is needed", **QUARTER),
    ]
    html = page(strata=[stratum("White")], held=rows)
    section = html.split('id="held"', 1)[1].split('id="suppressed"', 1)[0]
    assert section.count('<th scope="row">') == 1
    assert "Race is recorded for 64 to 71 % of children; at least 80 % is needed" in section
    assert "1 year and 1 quarter" in section


def test_suppressed_cells_are_counted() -> None:
    html = page(strata=[stratum("White"), stratum("Asian", **SUPPRESSED), stratum("Black", **SUPPRESSED)])
    assert "<strong>2 values</strong>" in html


def test_a_trend_breaks_where_a_quarter_is_suppressed() -> None:
    rows = [stratum("White"), stratum("White", **QUARTER), stratum("Black"), stratum("Black", **QUARTER, **SUPPRESSED)]
    html = page(strata=rows)
    picture = next(item for item in _pictures(html) if "per quarter" in item)
    assert len(re.findall(r'<path transform="translate[^>]*fill="#', picture)) == 1
    assert "suppressed" in html.split('id="trends"', 1)[1].split("</table>", 1)[0]


def test_an_empty_release_gives_a_page() -> None:
    html = page(measures=[])
    assert "No measure is in this release" in html and "Nothing is held" in html and not _pictures(html)


def test_demo_data_are_called_invented() -> None:
    assert "Invented data" in page(demo=True) and "Invented data" not in page()


def test_numbers_in_words() -> None:
    assert [words.number(value, 1) for value in (None, 0.0, 0.01, 1234.56, -0.6)] == [
        *("–", "zero", "under 0.1", "1,234.6", "−0.6"),
    ]
    assert words.listed(["a"]) == "a" and words.listed(["a", "b", "c", "d"]) == "a, b, c and 1 more"
