"""What each register holds, column by column: the one place that the reader, the docs and the tests look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["id", "text", "word", "day", "number", "words"]


@dataclass(frozen=True)
class Column:
    """One column: its name, what a cell must look like, whether it may be empty, and its meaning."""

    name: str
    kind: Kind
    description: str
    is_required: bool = True
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Register:
    """One CSV file: its name without ending, one row per what, and its columns; the first `key` columns are unique."""

    name: str
    description: str
    columns: tuple[Column, ...]
    key: int = 1


_MEASURE = Column("measure_id", "word", "The measure.")
_ANY_STRATIFIER = Column("stratifier", "word", "The grouping; `*` for every one.")
_ANY_STRATUM = Column("stratum", "word", "The group; `*` for every one.")
_ANY_SITE = Column("site", "word", "The site, `all` for all together; `*` for every one.")
_AIM = Column("aim_id", "id", "The aim.")

AIMS = Register(
    "aims",
    "Aims of a team: whose gap is to become how small until when. One row per aim.",
    (
        _AIM,
        Column("title", "text", "The aim in a sentence."),
        Column("population", "word", "Who is counted; the measure's population."),
        _MEASURE,
        Column("stratifier", "word", "The grouping."),
        Column("stratum", "word", "The group that care serves less well today."),
        Column("site", "word", "The site, or `all`."),
        Column("grain", "word", "Periods by which the aim is followed.", allowed=("month", "quarter", "year")),
        Column("baseline_starts_on", "day", "First day of the baseline."),
        Column("baseline_ends_on", "day", "Last day of the baseline."),
        Column("baseline_value", "number", "The gap in the baseline, in the measure's unit; positive is worse."),
        Column("gap_target", "number", "The gap to be reached, in the measure's unit."),
        Column(
            "group_targets",
            "text",
            "The value to be reached by each group, as `group=value` separated by blanks: the aim's own group and at "
            "least one other, so that the gap is not closed by serving anybody worse.",
        ),
        Column("by_when", "day", "Last day of the period by which it is to be reached."),
        Column("owner", "text", "Which team answers for it: a team, never a person's name."),
        Column("process_measure_id", "word", "What care does for it."),
        Column("balancing_measure_id", "word", "What must not get worse meanwhile."),
    ),
)

DRIVERS = Register(
    "drivers",
    "Key driver diagram: what moves the aim, and what moves that. One row per driver.",
    (
        Column("driver_id", "id", "The driver."),
        _AIM,
        Column("kind", "word", "primary moves the aim itself; secondary moves other drivers.",
               allowed=("primary", "secondary")),
        Column("parents", "words", "For a secondary driver, the drivers that it moves, separated by blanks.",
               is_required=False),
        Column("label", "text", "The driver in words."),
        Column("measure_id", "word", "A measure that shows it.", is_required=False),
    ),
)  # fmt: skip

CHANGE_TESTS = Register(
    "change_tests",
    "Change tests (plan-do-study-act cycles), which are marked on the charts. One row per test.",
    (
        Column("change_test_id", "id", "The test."),
        _AIM,
        Column("driver_id", "word", "The driver that it works on."),
        Column("starts_on", "day", "First day."),
        Column("ends_on", "day", "Last day; empty while it goes on.", is_required=False),
        Column("sites", "words", "Where, separated by blanks; `all` for everywhere."),
        Column("what", "text", "What is tried, in a sentence."),
        Column("decision", "word", "What was decided afterwards.", is_required=False,
               allowed=("adopt", "adapt", "abandon")),
        Column("learned", "text", "What was learned.", is_required=False),
    ),
)  # fmt: skip

CHART_PHASES = Register(
    "chart_phases",
    "Where the limits of charts start anew, or which days they come from. One row per measure, group, site and start.",
    (
        Column("measure_id", "word", "The measure; `*` for every one."),
        _ANY_STRATIFIER,
        _ANY_STRATUM,
        _ANY_SITE,
        Column("starts_on", "day", "First day of the phase; the first day of the data only fixes the baseline."),
        Column("baseline_ends_on", "day", "Last day of the phase's baseline; empty: after a year (quarters: two).",
               is_required=False),
        Column("reason", "text", "Why: what changed in how care or counting works."),
    ),
    key=5,
)  # fmt: skip

CHART_CHOICES = Register(
    "chart_choices",
    "What kind of chart a measure gets, where the automatic choice does not fit. One row per measure and grouping.",
    (
        _MEASURE,
        _ANY_STRATIFIER,
        Column("chart", "text", "p, p prime, u, u prime, X-bar, XmR or run; empty for the automatic choice.",
               is_required=False,
               allowed=("p", "p prime", "u", "u prime", "X-bar", "XmR", "run")),
        Column("points_overlap", "word",
               "yes where neighboring points share their observations; empty for the automatic choice.",
               is_required=False, allowed=("yes", "no")),
        Column("reason", "text", "Why."),
    ),
    key=2,
)  # fmt: skip

REGISTERS = {register.name: register for register in (AIMS, DRIVERS, CHANGE_TESTS, CHART_PHASES, CHART_CHOICES)}
