"""The report in a real browser: opens from disk, stays inside a phone's width, and works without a mouse."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.release_frames import (
    FIRST_YEAR,
    QUARTER,
    SUPPRESSED,
    change,
    gap,
    held,
    measure,
    page,
    points,
    recorded,
    series,
    stratum,
)

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
LONG = "A" * 300
HOSTILE = "<script>alert(1)</script> =HYPERLINK(1) 🧒🏾 \u202egnitset " + "É" * 300

_CONTRAST = """() => {
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = node => { for (; node; node = node.parentElement) {
    const c = parse(getComputedStyle(node).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
  const low = [];
  for (const node of document.querySelectorAll('body *')) {
    if (node.closest('svg') && node.tagName !== 'text') continue;
    if (![...node.childNodes].some(child => child.nodeType === 3 && child.textContent.trim())) continue;
    const style = getComputedStyle(node);
    const ink = parse(node.tagName === 'text' ? style.fill : style.color);
    const [a, b] = [light(ink), light(ground(node))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) low.push(node.tagName + ': ' + node.textContent.trim().slice(0, 40));
  }
  return low;
}"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    html = page(
        demo=True,
        strata=[
            *(stratum("Asian"), stratum("Black", quality_status="warn", quality_reasons="Codes changed")),
            *(stratum(LONG), stratum("White", **SUPPRESSED), stratum("Asian", **QUARTER)),
        ],
        gaps=[gap("Black", quality_status="warn", quality_reasons="Codes changed"), gap(LONG)],
        held=[held("site_e"), held(LONG, reasons="First reason; Second reason")],
        changes=[change("Black"), change(LONG, change_verdict="narrowed", levelling_down="yes")],
        chart_series=[series("black"), series(LONG.lower(), chart_status="not drawn: held")],
        charts=[*points("black", 11.5, None, 0.0), *points(LONG.lower(), 2.0)],
        quality=[recorded(site, month) for site in ("site_a", LONG) for month in range(1, 13)],
    )
    path: Path = tmp_path_factory.mktemp("report") / "index.html"
    path.write_text(html, encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def measures(tmp_path_factory: pytest.TempPathFactory) -> str:
    html = page(
        measures=[measure(), measure(measure_id="second", title=HOSTILE, sort_order=2)],
        strata=[
            *(
                stratum("Public", stratifier="payer", stratifier_label="Insurance"),
                stratum("Asian", stratifier_label=HOSTILE),
            ),
            stratum("Asian", measure_id="second", stratifier_label=HOSTILE),
            *(stratum("Asian", **period, stratifier_label=HOSTILE) for period in (FIRST_YEAR, QUARTER)),
            stratum("Asian", site="site_e", site_label=HOSTILE, stratifier_label=HOSTILE),
            stratum("Asian", **{**FIRST_YEAR, "site": "site_e", "site_label": HOSTILE}, value=66.6),
        ],
        gaps=[gap("Black", stratifier_label=HOSTILE)],
    )
    path: Path = tmp_path_factory.mktemp("measures") / "index.html"
    path.write_text(html, encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        yield chromium
        chromium.close()


def barriers(tab: Any) -> list[str]:
    """What axe-core finds on the page that keeps somebody from reading or working it."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(tab).response["violations"]
    return [
        f"{rule['id']} ({rule['impact']}): {node['html'][:150]}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_no_barrier_on_the_whole_page_or_on_a_measures(
    browser: Any, report: str, measures: str, width: int
) -> None:
    tab = browser.new_page(viewport={"width": width, "height": 844})
    for address in (report, measures + "#measure-hba1c_above_9"):
        tab.goto(address)
        tab.evaluate("document.querySelectorAll('details').forEach(node => node.open = true)")
        assert barriers(tab) == [], address
    tab.evaluate(
        "document.querySelector('#switches select').closest('label').replaceWith(document.createElement('select'))"
    )
    assert [line.split(" ")[0] for line in barriers(tab)] == ["select-name"], "a barrier that is there is found"
    tab.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_overflows_nothing_is_fetched_and_nothing_complains(browser: Any, report: str, width: int) -> None:
    tab = browser.new_page(viewport={"width": width, "height": 844})
    asked: list[str] = []
    said: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("console", lambda message: said.append(message.text))
    tab.goto(report)
    tab.evaluate("document.querySelectorAll('details').forEach(node => node.open = true)")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert asked == [report] and said == []
    tab.close()


def test_paper_has_what_the_screen_folds_away_and_fits_the_sheet(browser: Any, report: str) -> None:
    tab = browser.new_page(viewport={"width": 720, "height": 1000})
    tab.goto(report)
    folded = "[...document.querySelectorAll('details table')].filter(node => !node.checkVisibility()).length"
    wide = "[...document.querySelectorAll('table')].filter(node => node.scrollWidth > innerWidth).length"
    assert tab.evaluate(folded) > 0
    tab.emulate_media(media="print")
    assert tab.evaluate(f"[{folded}, {wide}]") == [0, 0]
    assert tab.pdf().startswith(b"%PDF")
    tab.close()


def test_it_can_be_read_and_worked_without_seeing_or_a_mouse(browser: Any, report: str) -> None:
    tab = browser.new_page()
    tab.goto(report)
    assert tab.evaluate("document.documentElement.lang") == "en"
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to the content"
    assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    tab.evaluate("document.querySelectorAll('details').forEach(node => node.open = true)")
    assert tab.evaluate(_CONTRAST) == []
    levels = tab.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(node => +node.tagName[1])")
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    for selector, wrong in {
        "table": "node => !node.caption || !node.closest('[tabindex=\"0\"][role=region][aria-label]')",
        "th": "node => !node.scope",
        "figure > svg": "node => node.getAttribute('role') !== 'img' || !node.getAttribute('aria-label')",
        # The picture has a name; were its parts not hidden, a screen reader would read every tick and line.
        "figure > svg > g": "node => node.getAttribute('aria-hidden') !== 'true'",
        "a[href^='#']": "node => !document.getElementById(node.getAttribute('href').slice(1))",
        "[id]": "node => document.querySelectorAll('#' + CSS.escape(node.id)).length > 1",
    }.items():
        found = f"[...document.querySelectorAll({selector!r})]"
        assert tab.evaluate(f"{found}.length") > 0, selector
        assert tab.evaluate(f"{found}.filter({wrong}).length") == 0, selector
    assert tab.locator("main").count() == tab.locator("header").count() == tab.locator("footer").count() == 1
    tab.close()


def test_a_measure_has_a_page_of_its_own_by_address_and_by_switch(browser: Any, measures: str) -> None:
    tab = browser.new_page()
    tab.goto(measures + "#measure-second")
    seen = "[...document.querySelectorAll('article[data-measure]')].filter(node => node.checkVisibility())"
    names = f"[...new Set({seen}.map(node => node.dataset.measure))].sort()"
    assert tab.evaluate(names) == ["second"]
    switch = tab.get_by_label("Show")
    assert switch.input_value() == "second"
    switch.select_option("hba1c_above_9")
    tab.wait_for_url("**#measure-hba1c_above_9")
    tab.locator("#glossary").wait_for(state="hidden")
    assert tab.evaluate(names) == ["hba1c_above_9"]
    tab.emulate_media(media="print")
    assert tab.evaluate(names) == ["hba1c_above_9", "second"] and tab.locator("#glossary").is_visible()
    tab.emulate_media(media="screen")
    switch.focus()
    tab.keyboard.press("Home")
    tab.wait_for_url("**#measures")
    tab.locator("#glossary").wait_for()
    assert tab.evaluate(names) == ["hba1c_above_9", "second"] and tab.locator("#glossary").is_visible()
    tab.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_a_measures_page_does_not_overflow_and_nothing_complains(browser: Any, measures: str, width: int) -> None:
    tab = browser.new_page(viewport={"width": width, "height": 844})
    said: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("dialog", lambda dialog: said.append(dialog.message))
    tab.goto(measures + "#measure-second")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width and said == []
    tab.close()


def test_the_grouping_switch_keeps_its_rows_and_everyone(browser: Any, measures: str) -> None:
    tab = browser.new_page()
    tab.goto(measures + "#measure-hba1c_above_9")
    rows = "[...document.querySelectorAll('tr[data-by]')].filter(node => node.checkVisibility()).map(n => n.dataset.by)"
    switch = tab.get_by_label("Rows of the tables")
    assert set(tab.evaluate(rows)) == {"Insurance", HOSTILE}
    switch.select_option(HOSTILE)
    assert set(tab.evaluate(rows)) == {HOSTILE}
    switch.focus()
    tab.keyboard.press("Home")
    assert set(tab.evaluate(rows)) == {"Insurance", HOSTILE}
    tab.close()


_PLACES = "[...document.querySelectorAll('[data-each-site] [data-site]')].filter(n => n.checkVisibility())"
_HEADS = "[...document.querySelectorAll('th[data-period]')].filter(n => n.checkVisibility()).map(n => n.textContent)"
_VALUES = """[...document.querySelectorAll('[data-each-site] td')].filter(n => n.checkVisibility())
  .map(n => n.textContent.slice(0, 4))"""


def test_a_measures_page_shows_one_site_and_one_period_by_keyboard(browser: Any, measures: str) -> None:
    tab = browser.new_page()
    tab.goto(measures + "#measure-hba1c_above_9")
    site, period = tab.locator("#switches select").nth(2), tab.locator("#switches select").nth(3)
    sites = f"{_PLACES}.map(n => n.dataset.site)"
    assert site.input_value() == "all" and tab.evaluate(sites) == ["all"]
    assert tab.evaluate(_HEADS) == ["Jul 2023 to Jun 2024", "Jul 2025 to Jun 2026", "Apr 2026 to Jun 2026"]
    everyone = tab.locator("article[data-site=all][data-measure=hba1c_above_9][data-period]").last
    assert everyone.is_visible()
    site.focus()
    tab.keyboard.press("End")
    assert site.input_value() == "site_e" and tab.evaluate(sites) == ["site_e"]
    assert not everyone.is_visible(), "a card about all sites is not about this site"
    assert period.locator("option[value^=quarter]").is_disabled()
    period.focus()
    tab.keyboard.press("ArrowDown")
    assert tab.evaluate(_HEADS) == ["Jul 2023 to Jun 2024"] and tab.evaluate(_VALUES) == ["66.6"]
    tab.emulate_media(media="print")
    assert len(tab.evaluate(_HEADS)) > 5 and everyone.is_visible()
    tab.emulate_media(media="screen")
    site.select_option("all")
    assert not everyone.is_visible(), "a card about the latest year is not about this one"
    period.select_option("quarter 2026-04-01")
    assert tab.evaluate(_HEADS) == ["Apr 2026 to Jun 2026"]
    site.select_option("site_e")
    assert period.input_value() == "", "this site has no quarters here"
    tab.get_by_label("Show").select_option("")
    tab.locator("#glossary").wait_for()
    assert not site.is_visible() and len(tab.evaluate("[...document.querySelectorAll('.away')]")) == 0
    tab.close()


def test_each_measures_page_has_the_key_to_the_signs(browser: Any, measures: str) -> None:
    tab = browser.new_page()
    for name in ("hba1c_above_9", "second"):
        tab.goto(measures + f"#measure-{name}")
        tab.locator("#glossary").wait_for(state="hidden")
        assert tab.locator("#signs").is_visible() and not tab.locator(".findings").is_visible()
    tab.close()


def test_without_a_script_every_measure_can_be_read(browser: Any, measures: str) -> None:
    tab = browser.new_page(java_script_enabled=False)
    tab.goto(measures + "#measure-second")
    assert not tab.locator("#switches").is_visible() and tab.locator("#glossary").is_visible()
    assert all(card.is_visible() for card in tab.locator("article[data-measure]").all())
    assert tab.locator("#signs").is_visible()
    assert tab.locator("[data-each-site] [data-site=site_e] .away").count() == 0
    assert tab.locator("[data-each-site] [data-site=site_e]").count() == 1
    tab.close()
