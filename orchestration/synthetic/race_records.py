"""What was recorded of race and ethnicity: who was asked, what each source system says, and where capture fails."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestration.synthetic.children import ASIAN, BLACK, GROUPS, HISP, MENA, OTHER, WHITE, Children
from orchestration.synthetic.layout import CAPTURE_METHODS, RACE_VALUES, STANDARDS, SYSTEMS, Rows, join_rows
from orchestration.synthetic.planted import SITES, Planted
from orchestration.synthetic.timeline import DAYS_PER_YEAR, Timeline

STATUSES = ("recorded", "not_asked", "asked_unknown", "declined", "unmapped", "conflict")
RECORDED, NOT_ASKED, ASKED_UNKNOWN, DECLINED, UNMAPPED, CONFLICT = range(len(STATUSES))
EHR, SURVEY = SYSTEMS.index("ehr"), SYSTEMS.index("survey")
_HISPANIC, _NOT_HISPANIC = RACE_VALUES.index("2135-2"), RACE_VALUES.index("2186-5")
_EMPTY = -1


@dataclass(frozen=True)
class Capture:
    """Per child: what became of the question (STATUSES), and whether the clinic's default was recorded instead.

    `recorded` has the groups (bits) that a careful reader finds in the records; 0 where the status is not `recorded`.
    """

    status: NDArray[np.int8]
    has_survey: NDArray[np.bool_]
    is_default: NDArray[np.bool_]
    recorded: NDArray[np.int16]


def decide_capture(children: Children, line: Timeline, planted: Planted, rng: np.random.Generator) -> Capture:
    """Who was asked and what was understood, with the site whose capture decays and the site that records a default."""
    n = len(children)
    shares = (planted.not_asked, planted.asked_unknown, planted.declined, planted.unmapped, planted.conflict)
    draw = rng.random(n)
    status = np.digitize(1.0 - draw, np.cumsum(shares)).astype(np.int8)
    status = np.where(status == len(shares), RECORDED, status + 1).astype(np.int8)
    # another group and a race do not contradict each other, so these children cannot have sources that disagree
    status[(status == CONFLICT) & (children.races == OTHER)] = RECORDED
    late, default = rng.random(n), rng.random(n)
    if planted.decay_site:
        begins = line.month_start(planted.decay_month)
        full = line.month_start(planted.decay_month + planted.decay_ramp_months)
        progress = np.clip((children.enrolled - begins) / max(full - begins, 1), 0.0, 1.0)
        share = planted.decay_from + progress * (planted.decay_to - planted.decay_from)
        decays = (children.site == SITES.index(planted.decay_site)) & (children.enrolled >= begins)
        status[decays & (late < share)] = NOT_ASKED
    is_default = np.zeros(n, bool)
    if planted.default_site:
        at_site = children.site == SITES.index(planted.default_site)
        is_late = children.enrolled >= line.month_start(planted.default_month)
        is_default = at_site & is_late & (default < planted.default_share)
        status[is_default] = RECORDED
    survey = rng.random(n)
    is_mena = children.races & MENA > 0
    share = np.where(is_mena, max(0.8, planted.survey_share), planted.survey_share)
    has_survey = (survey < share) & (status == RECORDED) & ~is_default
    has_survey |= status == CONFLICT
    recorded = np.where(is_mena & ~has_survey, (children.races & ~MENA) | WHITE, children.races)
    recorded = np.where(is_default, WHITE, recorded)
    recorded = np.where(status == RECORDED, recorded, 0).astype(np.int16)
    return Capture(status, has_survey, is_default, recorded)


def race_rows(children: Children, capture: Capture, line: Timeline, rng: np.random.Generator) -> Rows:
    """Race and ethnicity records of both source systems, each child's together."""
    n = len(children)
    status, races = capture.status, children.races
    ehr_day = np.minimum(children.enrolled + rng.integers(0, 30, n, dtype=np.int32), line.as_of)
    survey_day = np.minimum(ehr_day + rng.integers(30, 400, n, dtype=np.int32), line.as_of)
    ehr_method = np.array([1, 2, 0, 3], np.int8)[np.digitize(rng.random(n), (0.6, 0.7, 0.85))]
    ehr_method[status == CONFLICT] = CAPTURE_METHODS.index("proxy")
    ehr_method[capture.is_default | (status == UNMAPPED)] = CAPTURE_METHODS.index("unknown")
    # the record's form has no such group: staff noted White, the family later said otherwise in the survey
    ehr_method[(races & MENA > 0) & (status == RECORDED)] = CAPTURE_METHODS.index("observed")
    is_older = children.birth < survey_day - int(14 * DAYS_PER_YEAR)
    survey_method = np.where(is_older, CAPTURE_METHODS.index("self"), CAPTURE_METHODS.index("proxy")).astype(np.int8)
    parts: list[Rows] = []

    def add(who: NDArray[np.bool_], value: NDArray[np.int8] | int, system: int = EHR) -> None:
        chosen = np.flatnonzero(who)
        values = np.full(len(chosen), value, np.int8) if isinstance(value, int) else value[chosen]
        parts.append(
            {
                "child": chosen,
                "source_system": np.full(len(chosen), system, np.int8),
                "value": values,
                "standard": np.full(len(chosen), STANDARDS.index("omb1997" if system == EHR else "omb2024"), np.int8),
                "capture_method": (ehr_method if system == EHR else survey_method)[chosen],
                "recorded_on": (ehr_day if system == EHR else survey_day)[chosen],
            }
        )

    unknown = np.where(rng.random(n) < 0.5, RACE_VALUES.index("ASKU"), RACE_VALUES.index("UNK")).astype(np.int8)
    in_ehr = _ehr_races(races, status, capture.is_default)
    for bit, code in _codes():
        if bit not in (HISP, MENA):
            add(in_ehr & bit > 0, code)
        add((races & bit > 0) & capture.has_survey, code, SURVEY)
    is_hispanic = races & HISP > 0
    has_ethnicity = (status == RECORDED) | (status == CONFLICT)
    says_hispanic = is_hispanic & (status == RECORDED) & ~capture.is_default
    add(says_hispanic, _HISPANIC)
    add(has_ethnicity & ~says_hispanic, _NOT_HISPANIC)
    # the family chose no race beside Hispanic: the form's other question stays unknown or empty
    only_hispanic = (in_ehr == 0) & has_ethnicity
    add(only_hispanic & (rng.random(n) < 0.7), unknown)
    asked = status == ASKED_UNKNOWN
    add(asked, unknown)
    add(asked & ~is_hispanic & (rng.random(n) < 0.5), _NOT_HISPANIC)
    declined = RACE_VALUES.index("declined")
    add(status == DECLINED, declined)
    add((status == DECLINED) & (rng.random(n) < 0.8), declined)
    add(status == UNMAPPED, RACE_VALUES.index("local-17"))
    add((status == NOT_ASKED) & (rng.random(n) < 0.5), _EMPTY)
    rows = join_rows(parts)
    order = np.lexsort((rows["source_system"], rows["child"]))
    rows = {name: values[order] for name, values in rows.items()}
    return {"patient_id": children.number[rows.pop("child")], **rows}


def _codes() -> list[tuple[int, int]]:
    # RACE_VALUES names Hispanic before MENA, as GROUPS does
    return [(1 << position, position) for position in range(len(GROUPS))]


def _ehr_races(races: NDArray[np.int16], status: NDArray[np.int8], is_default: NDArray[np.bool_]) -> NDArray[np.int16]:
    """Races in the record system: in the 1997 categories, its default, or ones that the family did not choose."""
    asked = races & ~(HISP | MENA)
    asked = np.where(races & MENA > 0, asked | WHITE, asked)
    asked = np.where(is_default, WHITE, asked)
    wrong = np.where(races & (WHITE | MENA) == 0, WHITE, np.where(races & BLACK == 0, BLACK, ASIAN))
    # children who chose Hispanic disagree by ethnicity; the record holds no race of theirs
    wrong = np.where(races & HISP > 0, 0, wrong)
    held = np.where(status == RECORDED, asked, np.where(status == CONFLICT, wrong, 0))
    return held.astype(np.int16)
