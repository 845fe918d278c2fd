"""Plain words for the report: numbers, statuses, and reasons that say the same thing told once.

Zero, missing, not applicable, suppressed and held are five different words here, and no number stands for any of them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

SUPPRESSED = "suppressed"
HELD = "held"
NOT_APPLICABLE = "not applicable"
ZERO = "zero"

_BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
# A clause starts with a capital; what follows a semicolon in lower case still belongs to the clause before.
_BETWEEN_CLAUSES = re.compile(r";\s+(?=[A-Z])")
_SHOWN_ITEMS = 3


def plain(text: object) -> str:
    """The text without control characters and without marks that turn the direction of what stands around it."""
    return "".join(
        character
        for character in str(text)
        if character not in _BIDI_CONTROLS and unicodedata.category(character) not in ("Cc", "Cs")
    )


def decimals(measure: Mapping[str, Any]) -> int:
    """Decimal places of a measure's values: two where a whole unit is a lot, else one."""
    multiplier = measure.get("multiplier") or 1.0
    return 2 if measure.get("kind") == "mean" or (measure.get("kind") == "rate" and multiplier <= 12) else 1


def number(value: float | None, places: int) -> str:
    """A value in figures; what rounds to nothing is `under 0.1`, and nothing at all is the word zero."""
    if value is None:
        return "–"
    if value == 0:
        return ZERO
    smallest = 10**-places
    if 0 < value < smallest / 2:
        return f"under {smallest:.{places}f}"
    text = f"{value:,.{places}f}"
    return text.replace("-", "−")


def inside(label: str) -> str:
    """A label inside a sentence: its first letter small, unless it begins with capitals, as an abbreviation does."""
    return label[:1].lower() + label[1:] if label[1:2].islower() else label


def plain_unit(unit: str) -> str:
    """A unit without the word patient-year: one child in care for one year is the same and needs no glossary."""
    unit = re.sub(r"per patient-year$", "per child in care for a year", plain(unit))
    return re.sub(r"per ([\d,]+) patient-years$", r"per \1 children in care for a year", unit)


def interval(low: float | None, high: float | None, places: int) -> str:
    """Both ends of an interval in figures, or a dash where there is none."""
    if low is None or high is None:
        return "–"
    return f"{low:,.{places}f} to {high:,.{places}f}".replace("-", "−")


def withheld(row: Mapping[str, Any], shown: str) -> str:
    """Why the column `shown` of a row has no number: held, suppressed or not applicable; empty when it has one."""
    if row["quality_status"] == "hold":
        return HELD
    if row["disclosure_status"] == SUPPRESSED:
        return SUPPRESSED
    return NOT_APPLICABLE if row[shown] is None else ""


def status(row: Mapping[str, Any], shown: str) -> str:
    """The row's status in words, as it stands in every table of the report."""
    why = withheld(row, shown)
    if why:
        return why
    words = ["shown with caution" if row["quality_status"] == "warn" else "shown"]
    if row["reliability_status"] == "unreliable":
        words.append("few children or a wide interval")
    return "; ".join(words)


def listed(items: Iterable[str], most: int = _SHOWN_ITEMS) -> str:
    """`a, b and c`, or the first few and how many more there are."""
    every = list(dict.fromkeys(items))
    if len(every) > most:
        return f"{', '.join(every[:most])} and {len(every) - most} more"
    return every[0] if len(every) == 1 else f"{', '.join(every[:-1])} and {every[-1]}" if every else "none"


def clauses(texts: Iterable[str | None]) -> list[str]:
    """The reasons, each once; those that differ only in figures become one with the range of its figures."""
    found: dict[str, list[list[str]]] = {}
    for text in dict.fromkeys(texts):
        for clause in split(text):
            found.setdefault(without_figures(clause), []).append(_NUMBER.findall(clause))
    return [_with_ranges(template, figures) for template, figures in found.items()]


def split(reasons: str | None) -> list[str]:
    """The single reasons of a slice, each once."""
    return list(dict.fromkeys(_BETWEEN_CLAUSES.split(plain(reasons)))) if reasons else []


def without_figures(reason: str) -> str:
    """What reasons have in common that differ only in figures."""
    return _NUMBER.sub("\0", reason)


def _with_ranges(template: str, figures: list[list[str]]) -> str:
    parts = template.split("\0")
    ranges = []
    for seen in zip(*figures, strict=True):
        low, high = min(seen, key=float), max(seen, key=float)
        ranges.append(low if float(low) == float(high) else f"{low} to {high}")
    return parts[0] + "".join(figure + after for figure, after in zip(ranges, parts[1:], strict=True))
