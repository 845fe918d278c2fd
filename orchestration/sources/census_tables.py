"""Which ACS tables a measure is made of: each line with the label it must have, and the arithmetic on estimates.

Tables: B01001 and B01001A-I (age by race), B03002 (Hispanic origin by race), B09001 (children), B09002 (their
families), B17020 (poverty by age), B19013 (income), B25002 (vacancy), B27010 (insurance), C16002 (language).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from orchestration.settings_area import AcsMeasure
from orchestration.sources.acs_values import Estimate, product, proportion, total

Lines = Mapping[str, Estimate]
Labels = dict[str, tuple[str, ...]]
# Category of the registry, table of children of that race, line of B03002 where it is not Hispanic (Hispanic: + 10).
RACES = (
    ("aian", "C", 5, "American Indian and Alaska Native alone"),
    ("asian", "D", 6, "Asian alone"),
    ("black", "B", 4, "Black or African American alone"),
    ("multiple", "G", 9, "Two or more races"),
    ("nhpi", "E", 7, "Native Hawaiian and Other Pacific Islander alone"),
    ("other", "F", 8, "Some other race alone"),
)
_AGES = ("Under 5 years", "5 to 9 years", "10 to 14 years", "15 to 17 years")


@dataclass(frozen=True)
class Derived:
    """One measure's row: its name in the raw zone, category, direction and estimates of every tract."""

    measure: str
    category: str
    direction: str
    estimate: Estimate


@dataclass(frozen=True)
class _Recipe:
    labels: Labels
    derive: Callable[[Lines], list[Derived]]


def labels_of(measures: tuple[AcsMeasure, ...], year: int) -> Labels:
    """Variable without suffix -> labels that it may have in the vintage, "Estimate" and colons left out."""
    labels = {name: texts for measure in measures for name, texts in _RECIPES[measure].labels.items()}
    return {name: tuple(text.format(year=year) for text in texts) for name, texts in sorted(labels.items())}


def derive(measures: tuple[AcsMeasure, ...], lines: Lines) -> list[Derived]:
    """Every row of the measures. `lines`: variable without suffix -> estimates, all of the same tracts."""
    return [row for measure in measures for row in _RECIPES[measure].derive(lines)]


def _share(name: str, parts: tuple[str, ...], wholes: tuple[str, ...]) -> Callable[[Lines], list[Derived]]:
    def rows(lines: Lines) -> list[Derived]:
        part, whole = total([lines[line] for line in parts]), total([lines[line] for line in wholes])
        return [Derived(name, "", "higher_is_worse", proportion(part, whole))]

    return rows


def _child_poverty(lines: Lines) -> list[Derived]:
    poor = total([lines[f"B17020_00{line}"] for line in (3, 4, 5)])
    others = total([lines[f"B17020_01{line}"] for line in (1, 2, 3)])
    return [Derived("child_poverty", "", "higher_is_worse", proportion(poor, total([poor, others])))]


def _children_by_race(lines: Lines) -> list[Derived]:
    """Counts and shares of children by the categories of the 1997 roll-up, Hispanic of any race first.

    The tables of a race count Hispanic children too (but for H, White alone and not Hispanic); they are taken out by
    the tract's share of that race, at all ages, that is not Hispanic. For H and I nothing has to be estimated.
    """
    everyone = total([lines[line] for line in _children("")])
    counts = [("hispanic", total([lines[line] for line in _children("I")]))]
    counts += [("white", total([lines[line] for line in _children("H")]))]
    for category, table, line, _ in RACES:
        of_race = total([lines[name] for name in _children(table)])
        not_hispanic, hispanic = lines[f"B03002_{line:03d}"], lines[f"B03002_{line + 10:03d}"]
        both = product(of_race, proportion(not_hispanic, total([not_hispanic, hispanic])))
        counts.append((category, _where_any(of_race, both)))
    rows = [Derived("children_by_race", category, "count", count) for category, count in sorted(counts)]
    shares = [(category, proportion(count, everyone)) for category, count in sorted(counts)]
    return rows + [Derived("race_share_of_children", category, "composition", share) for category, share in shares]


def _where_any(of_race: Estimate, both: Estimate) -> Estimate:
    """Where no child is of the race, none is, whatever the share among all ages, which may be of nobody."""
    none = of_race.value == 0
    reason = both.reason.copy()
    reason[none] = None
    return Estimate(np.where(none, 0.0, both.value), np.where(none, of_race.moe, both.moe), reason)


def _children(table: str) -> tuple[str, ...]:
    """Lines of boys and girls under 18: girls begin at line 27 of B01001, at line 18 of the tables by race."""
    girls = 27 if table == "" else 18
    return tuple(f"B01001{table}_{line:03d}" for start in (3, girls) for line in range(start, start + 4))


def _children_labels(table: str) -> Labels:
    texts = [f"Total!!{sex}!!{age}" for sex in ("Male", "Female") for age in _AGES]
    return {line: (text,) for line, text in zip(_children(table), texts, strict=True)}


def _one(name: str, line: str, direction: str) -> Callable[[Lines], list[Derived]]:
    return lambda lines: [Derived(name, "", direction, lines[line])]


_POOR, _NOT_POOR = (f"Total!!Income in the past 12 months {where} poverty level" for where in ("below", "at or above"))
_YOUNG = ("Under 6 years", "6 to 11 years", "12 to 17 years")
_LANGUAGES = ("Spanish", "Other Indo-European languages", "Asian and Pacific Island languages", "Other languages")
_UNINSURED = {17: ("Under 19", "Under 18"), 33: ("19 to 34", "18 to 34"), 50: ("35 to 64",), 66: ("65",)}
_RECIPES: dict[AcsMeasure, _Recipe] = {
    "child_population": _Recipe({"B09001_001": ("Total",)}, _one("child_population", "B09001_001", "count")),
    "poverty": _Recipe(
        {"B17020_001": ("Total",), "B17020_002": (_POOR,)}, _share("poverty", ("B17020_002",), ("B17020_001",))
    ),
    "child_poverty": _Recipe(
        {
            **{f"B17020_{3 + n:03d}": (f"{_POOR}!!{age}",) for n, age in enumerate(_YOUNG)},
            **{f"B17020_{11 + n:03d}": (f"{_NOT_POOR}!!{age}",) for n, age in enumerate(_YOUNG)},
        },
        _child_poverty,
    ),
    "median_income": _Recipe(
        {"B19013_001": ("Median household income in the past 12 months (in {year} inflation-adjusted dollars)",)},
        _one("median_income", "B19013_001", "higher_is_better"),
    ),
    "limited_english": _Recipe(
        {
            "C16002_001": ("Total",),
            **{
                f"C16002_{4 + 3 * n:03d}": (f"Total!!{language}!!Limited English speaking household",)
                for n, language in enumerate(_LANGUAGES)
            },
        },
        _share("limited_english", tuple(f"C16002_{4 + 3 * n:03d}" for n in range(4)), ("C16002_001",)),
    ),
    "uninsured": _Recipe(
        {
            "B27010_001": ("Total",),
            **{
                f"B27010_{line:03d}": tuple(
                    f"Total!!{age} years{' and over' if age == '65' else ''}!!No health insurance coverage"
                    for age in ages
                )
                for line, ages in _UNINSURED.items()
            },
        },
        _share("uninsured", tuple(f"B27010_{line:03d}" for line in _UNINSURED), ("B27010_001",)),
    ),
    "single_parent": _Recipe(
        {"B09002_001": ("Total",), "B09002_008": ("Total!!In other families",)},
        _share("single_parent", ("B09002_008",), ("B09002_001",)),
    ),
    "vacancy": _Recipe(
        {"B25002_001": ("Total",), "B25002_003": ("Total!!Vacant",)},
        _share("vacancy", ("B25002_003",), ("B25002_001",)),
    ),
    "children_by_race": _Recipe(
        {
            **{line: text for table in ("", *"BCDEFGHI") for line, text in _children_labels(table).items()},
            **{
                f"B03002_{line + more:03d}": (f"Total!!{origin}!!{label}",)
                for _, _, line, label in RACES
                for more, origin in ((0, "Not Hispanic or Latino"), (10, "Hispanic or Latino"))
            },
        },
        _children_by_race,
    ),
}
