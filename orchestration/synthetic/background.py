"""Languages, insurance and diagnoses of the children of one block, as records."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from orchestration.synthetic.children import MENA, Children
from orchestration.synthetic.layout import CONDITIONS, LANGUAGES, Rows, join_rows, take_rows
from orchestration.synthetic.planted import Planted
from orchestration.synthetic.residence import Stays
from orchestration.synthetic.timeline import DAYS_PER_YEAR, NO_DAY, Timeline
from orchestration.synthetic.tracts import AREA_GROUPS

_SPOKEN: dict[str, dict[str, float]] = {
    "aian": {"en": 0.97, "es": 0.03},
    "asian": {"en": 0.52, "zho": 0.20, "vi": 0.12, "ne": 0.16},
    "black": {"en": 0.88, "so": 0.08, "fr": 0.04},
    "hispanic": {"en": 0.42, "es": 0.38, "es-MX": 0.12, "spa": 0.08},
    "multiple": {"en": 0.95, "es": 0.05},
    "nhpi": {"en": 1.0},
    "white": {"en": 0.78, "en-US": 0.20, "ar": 0.02},
}
_PAYER_SHARES = (  # by poverty fifth, in the order of PAYERS
    (0.72, 0.18, 0.04, 0.02, 0.03, 0.01),
    (0.62, 0.26, 0.05, 0.03, 0.03, 0.01),
    (0.50, 0.37, 0.06, 0.04, 0.02, 0.01),
    (0.38, 0.48, 0.06, 0.05, 0.02, 0.01),
    (0.24, 0.62, 0.06, 0.06, 0.01, 0.01),
)


def language_rows(children: Children, line: Timeline, planted: Planted, rng: np.random.Generator) -> Rows:
    """Preferred language: one record for most, two for a few (the later one holds), none where nobody asked."""
    n = len(children)
    shares = np.array([[_SPOKEN[group].get(word, 0.0) for word in LANGUAGES] for group in AREA_GROUPS])
    language = _draw(np.cumsum(shares, axis=1)[children.area_group], rng)
    language[(children.races & MENA > 0) & (rng.random(n) < 0.55)] = LANGUAGES.index("ar")
    reply = rng.random(n)
    language[reply < 0.008] = LANGUAGES.index("und")
    language[(reply >= 0.008) & (reply < 0.014)] = LANGUAGES.index("declined")
    first: Rows = {
        "patient_id": children.number,
        "language": language,
        "recorded_on": np.minimum(children.enrolled + rng.integers(0, 30, n, dtype=np.int32), line.as_of),
    }
    kept = np.flatnonzero(rng.random(n) >= planted.no_language)
    again = np.flatnonzero((rng.random(n) < 0.02) & (children.enrolled < line.as_of - 400))
    second = take_rows(first, again)
    second["language"] = np.full(len(again), LANGUAGES.index("en"), np.int8)
    second["recorded_on"] = (second["recorded_on"] + 300).astype(np.int32)
    return _by_patient(join_rows([take_rows(first, kept), second]))


def coverage_rows(children: Children, stays: Stays, planted: Planted, rng: np.random.Generator) -> Rows:
    """Insurance: one span for most, two for those who changed, none for a few; some records name no payer."""
    n = len(children)
    first_stay = np.searchsorted(stays.child, np.arange(n))
    cumulative = np.cumsum(_PAYER_SHARES, axis=1)[stays.effect_fifth[first_stay]]
    before, after = _draw(cumulative, rng), _draw(cumulative, rng)
    starts = np.maximum(children.enrolled - rng.integers(0, 400, n, dtype=np.int32), children.birth)
    length = (children.to_day - children.from_day).astype(np.int64)
    changes = rng.random(n) < 1 - np.exp(-planted.coverage_changes_per_year * length / DAYS_PER_YEAR)
    change = children.from_day + (rng.random(n) * length).astype(np.int32)
    changes &= (change - children.from_day >= 30) & (children.to_day - change >= 30)
    uninsured_days = np.where(rng.random(n) < 0.2, 45, 0)
    last_day = np.maximum(change - 1 - uninsured_days, children.from_day)
    before[rng.random(n) < 0.004] = -1
    has_none = rng.random(n) < planted.no_coverage
    first: Rows = {
        "patient_id": children.number,
        "payer": before,
        "starts_on": starts.astype(np.int32),
        "ends_on": np.where(changes, last_day, NO_DAY).astype(np.int32),
    }
    second: Rows = {
        "patient_id": children.number,
        "payer": after,
        "starts_on": change.astype(np.int32),
        "ends_on": np.full(n, NO_DAY, np.int32),
    }
    parts = [take_rows(first, np.flatnonzero(~has_none)), take_rows(second, np.flatnonzero(changes & ~has_none))]
    return _by_patient(join_rows(parts))


def condition_rows(children: Children, rng: np.random.Generator) -> Rows:
    """Diagnoses: type 1 diabetes from its onset, or only its presymptomatic stage; later codes and other conditions."""
    n = len(children)
    parts: list[Rows] = []

    def add(who: NDArray[np.bool_], code: NDArray[np.int8] | str, day: NDArray[np.int32]) -> None:
        chosen = np.flatnonzero(who)
        codes = np.full(len(chosen), CONDITIONS.index(code), np.int8) if isinstance(code, str) else code[chosen]
        parts.append({"patient_id": children.number[chosen], "code": codes, "onset_on": day[chosen].astype(np.int32)})

    has_diabetes = ~children.is_presymptomatic
    span = np.maximum(children.to_day - children.onset, 1)
    later = children.onset + (rng.random(n) * span).astype(np.int32)
    stage = np.where(rng.random(n) < 0.5, CONDITIONS.index("E10.A1"), CONDITIONS.index("E10.A2")).astype(np.int8)
    add(children.is_presymptomatic, stage, children.enrolled)
    add(has_diabetes & (rng.random(n) < 0.007), "E10.A1", np.maximum(children.onset - 200, children.birth))
    first = np.digitize(rng.random(n), (0.62, 0.88)).astype(np.int8)  # E10.9, E10.65, E10.10
    add(has_diabetes, first, children.onset)
    for code, share in (("E10.65", 0.30), ("E10.649", 0.12), ("E10.319", 0.02)):
        add(has_diabetes & (rng.random(n) < share), code, later)
    for code, share, from_years in (("E06.3", 0.07, 2.0), ("K90.0", 0.05, 1.0), ("F32.A", 0.05, 10.0)):
        earliest = children.birth + int(from_years * DAYS_PER_YEAR)
        day = earliest + (rng.random(n) * np.maximum(children.to_day - earliest, 0)).astype(np.int32)
        add((rng.random(n) < share) & (earliest < children.to_day), code, day)
    return _by_patient(join_rows(parts))


def _draw(cumulative: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int8]:
    draws = rng.random(len(cumulative)) * cumulative[:, -1]
    column = (draws[:, None] >= cumulative).sum(axis=1)
    drawn: NDArray[np.int8] = np.minimum(column, cumulative.shape[1] - 1).astype(np.int8)
    return drawn


def _by_patient(rows: Rows) -> Rows:
    return take_rows(rows, np.argsort(rows["patient_id"], kind="stable"))
