from __future__ import annotations

import re
from html.parser import HTMLParser

import duckdb
import pytest

from orchestration.errors import BlockedError, TransformError
from orchestration.quality.gate import run_gate
from orchestration.quality.page import render
from orchestration.quality.page_data import pooled, shown_parts
from orchestration.settings import Gate, Settings
from tests.unit.quality.gate_warehouse import set_metric

Con = duckdb.DuckDBPyConnection


class _Text(HTMLParser):
    """Visible text, and the addresses that a browser would load."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.loads: list[str] = []
        self._is_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._is_style = tag == "style"
        self.loads += [f"{tag} {value}" for name, value in attrs if name in ("src", "srcset", "data")]
        self.loads += [f"{tag} {value}" for name, value in attrs if name == "href" and not str(value).startswith("#")]
        self.loads += [tag] if tag in ("script", "link", "iframe", "object") else []

    def handle_data(self, data: str) -> None:
        if not self._is_style:
            self.text.append(data)


def _read(html: str) -> _Text:
    parser = _Text()
    parser.feed(html)
    return parser


def _words(html: str) -> str:
    return " ".join(" ".join(_read(html).text).split())


def test_the_page_stands_alone(judged: Con) -> None:
    html = render(judged, Settings())

    assert _read(html).loads == []
    assert not re.search(r"https?://|@import|url\(", html)
    assert html.startswith('<!doctype html>\n<html lang="en">') or "<!doctype html>" in html[:200]


def test_the_page_says_what_was_decided_and_why(judged: Con) -> None:
    words = _words(render(judged, Settings(demo=True)))

    assert "Race is a social construct" in words
    assert "invented data" in words
    assert "Project default" in words
    assert "not verified" not in words
    assert "Race and ethnicity are recorded for 70 % of children at Site A; at least 80 % is needed" in words
    assert "hold below 80 %" in words
    assert "Arkansas APCD" in words
    assert "blocks everything" in words
    assert "70.0 %" in words


def test_an_unverified_profile_is_marked(sound: Con) -> None:
    settings = Settings(gate=Gate(profile="cms_dq_atlas"))
    run_gate(sound, settings, "r1")

    assert "not verified" in _words(render(sound, settings))


def test_no_share_or_row_count_gives_a_small_count_away(sound: Con) -> None:
    set_metric(sound, 0.837, site="c", n=49)  # 8 children without an answer
    run_gate(sound, Settings(), "r1")

    words = _words(render(sound, Settings()))

    assert "hidden" in words
    assert "83.7 %" not in words
    assert "84 %" not in words
    assert "less than 90 %" in words
    # 36 rows for one reason and 4 for another, of 40 in all: neither may be told apart.
    assert "birth_date is not a date; patient_id is empty: 40" in words
    assert ": 36" not in words
    assert ": 4 " not in words


def test_text_from_sources_is_text(sound: Con) -> None:
    sound.execute("""update dim_site set site_label = '<script>alert("x")</script>' where site = 'a'""")
    sound.execute("update quarantine set reason = '<b>' || reason")
    set_metric(sound, 0.7)
    run_gate(sound, Settings(), "r1")

    html = render(sound, Settings(title="<i>Title</i>"))

    assert "<script" not in html
    assert "<b>" not in html
    assert "<i>T" not in html
    assert "&lt;script&gt;" in html


def test_a_structural_failure_can_be_shown(sound: Con) -> None:
    sound.execute("update fct_structure set value = 3 where check_name = 'orphan_rows'")
    with pytest.raises(BlockedError):
        run_gate(sound, Settings(), "r1")

    words = _words(render(sound, Settings()))

    assert "Nothing was judged" in words
    assert "int_coverage: 3" in words


def test_without_a_gate_there_is_no_page(sound: Con) -> None:
    with pytest.raises(TransformError, match="what the gate decided"):
        render(sound, Settings())


@pytest.mark.parametrize(
    ("counts", "shown"),
    [
        ([], []),
        ([("a", 20), ("b", 11)], [("a", "20"), ("b", "11")]),
        ([("a", 20), ("b", 3)], [("b; a", "23")]),
        ([("a", 900), ("b", 20), ("c", 3)], [("a", "900"), ("c; b", "23")]),
        ([("a", 20), ("b", 6), ("c", 6)], [("a", "20"), ("b; c", "12")]),
        ([("a", 3)], [("a", "fewer than 11")]),
        ([("a", 3), ("b", 2)], [("a; b", "fewer than 11")]),
    ],
)
def test_rare_reasons_are_pooled(counts: list[tuple[str, int]], shown: list[tuple[str, str]]) -> None:
    sorted_names = [(tuple(sorted(reason.split("; "))), n) for reason, n in pooled(counts, 11)]

    assert sorted_names == [(tuple(sorted(reason.split("; "))), n) for reason, n in shown]


@pytest.mark.parametrize(
    ("used", "quarantined", "shown"),
    [
        (1000, 0, ("1,000", "0")),
        (1000, 40, ("1,000", "40")),
        (1000, 10, ("all but fewer than 11", "fewer than 11")),
        (10, 1000, ("fewer than 11", "all but fewer than 11")),
        (5, 5, ("fewer than 11", "fewer than 11")),
        (5, 0, ("fewer than 11", "0")),
    ],
)
def test_neither_part_of_a_total_gives_the_other_away(used: int, quarantined: int, shown: tuple[str, str]) -> None:
    assert shown_parts(used, quarantined, 11) == shown
