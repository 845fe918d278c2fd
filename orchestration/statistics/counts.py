"""Reads the counts of a strata frame into arrays, and refuses a frame whose counts cannot be right.

What every computation on strata starts from belongs here: the columns that identify a row, the measure's definition
beside each row, and the checks. Nothing is computed. Errors name groups and columns, never a number: a count may be
one child.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestration.errors import StatisticsError
from orchestration.statistics.intervals import BoolArray, FloatArray, IntArray

SLICE = ("measure_id", "grain", "period_starts_on", "site", "stratifier")
KEY = (*SLICE, "stratum", "stratifier_2", "stratum_2")
COUNTS = ("n_patients", "numerator", "denominator")
SUMS = ("sum_yy", "sum_yd", "sum_dd")

PROPORTION, RATE, MEAN = 0, 1, 2
KINDS = {"proportion": PROPORTION, "rate": RATE, "mean": MEAN}
DIRECTIONS = {"lower_is_better": 1.0, "higher_is_better": -1.0}
PUBLISHED = "published"


@dataclass(frozen=True)
class Counts:
    """One element per row of a strata frame. Counts and sums are NaN where the row is withheld.

    `kind` is PROPORTION, RATE or MEAN; `sign` is +1 where lower is better and -1 where higher is better;
    value = numerator / denominator * multiplier. Sums of squares and products are over the patients of the row.
    """

    kind: IntArray
    sign: FloatArray
    multiplier: FloatArray
    n_patients: FloatArray
    numerator: FloatArray
    denominator: FloatArray
    sum_yy: FloatArray
    sum_yd: FloatArray
    sum_dd: FloatArray

    def take(self, rows: IntArray | BoolArray) -> Counts:
        """The same for some of the rows."""
        return Counts(*(getattr(self, field.name)[rows] for field in fields(self)))


def require_columns(frame: pd.DataFrame, columns: tuple[str, ...], where: str) -> None:
    """Raise StatisticsError unless `frame` has all `columns`."""
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise StatisticsError(
            "the frame has the columns of its contract",
            where=where,
            found="without " + ", ".join(f"`{column}`" for column in missing),
            remedy="give the frame as the step before it returned it",
        )


def floats(frame: pd.DataFrame, column: str, where: str) -> FloatArray:
    """A column as float64, NULL as NaN. Raises StatisticsError when it holds anything but numbers."""
    try:
        return frame[column].to_numpy(dtype="float64", na_value=np.nan)
    except (TypeError, ValueError):
        raise StatisticsError(
            f"`{column}` holds numbers",
            where=where,
            found=f"a column of type {frame[column].dtype}",
            remedy="correct the step that filled it",
        ) from None


def texts(values: npt.NDArray[np.object_]) -> pd.api.extensions.ExtensionArray | npt.NDArray[np.object_]:
    """Few distinct words in many rows as a column of text: each word is converted once. All None stays as it is."""
    codes, words = pd.factorize(values)
    if not len(words):
        return values
    return pd.array([*words, None], dtype="str").take(codes)


def match(frame: pd.DataFrame, column: str, vocabulary: pd.DataFrame, where: str) -> IntArray:
    """Row of `vocabulary` that describes each row of `frame`, by the column that both have.

    Raises StatisticsError when a value is not in the vocabulary, or stands in it twice.
    """
    require_columns(vocabulary, (column,), f"the vocabulary of `{column}`")
    known = pd.Index(vocabulary[column])
    if not known.is_unique:
        raise StatisticsError(
            f"each `{column}` is defined once",
            where=f"the vocabulary of `{column}`",
            found="twice: " + ", ".join(sorted(map(str, known[known.duplicated()].unique()))),
            remedy="remove the second definition",
        )
    codes, values = pd.factorize(frame[column], use_na_sentinel=False)
    positions = known.get_indexer(pd.Index(values))
    if (positions < 0).any():
        raise StatisticsError(
            f"`{column}` is one of its vocabulary",
            where=where,
            found=", ".join(sorted(str(value) for value in values[positions < 0])),
            remedy="add its definition, or correct the step that wrote it",
        )
    return np.asarray(positions, dtype=np.int64)[codes]


def read_counts(strata: pd.DataFrame, measures: pd.DataFrame) -> Counts:
    """Counts, sums and measure definitions of `strata` as arrays, checked.

    `strata` has the columns KEY, COUNTS, SUMS and `disclosure_status` (so it has been through disclosure control);
    `measures` is dim_measure. Raises StatisticsError for an unknown measure, kind or direction, a row that is published
    without its counts or withheld with some, negative or broken counts, and counts that contradict each other.
    """
    where = "strata"
    require_columns(strata, (*KEY, *COUNTS, *SUMS, "disclosure_status"), where)
    unnamed = strata[[*SLICE, "stratum"]].isna().any(axis=1).to_numpy(dtype=bool)
    _require(strata, ~unnamed, "each row names its measure, grain, period, site, stratifier and stratum")
    kind, sign, multiplier = _definitions(measures)
    measure = match(strata, "measure_id", measures, where)
    numbers = {column: floats(strata, column, where) for column in (*COUNTS, *SUMS)}
    counts = Counts(kind=kind[measure], sign=sign[measure], multiplier=multiplier[measure], **numbers)
    _check(strata, counts, numbers)
    return counts


def read_kinds(measures: pd.DataFrame) -> IntArray:
    """PROPORTION, RATE or MEAN per row of dim_measure. Raises StatisticsError for another kind."""
    return _definitions(measures)[0]


def _definitions(measures: pd.DataFrame) -> tuple[IntArray, FloatArray, FloatArray]:
    where = "measures"
    require_columns(measures, ("measure_id", "kind", "direction", "multiplier"), where)
    for column, allowed in (("kind", tuple(KINDS)), ("direction", tuple(DIRECTIONS))):
        wrong = measures.loc[~measures[column].isin(allowed), "measure_id"]
        if len(wrong):
            raise StatisticsError(
                f"`{column}` is one of {', '.join(allowed)}",
                where=where,
                found=f"another `{column}` for {', '.join(map(str, wrong))}",
                remedy="correct the measure's definition",
            )
    multiplier = floats(measures, "multiplier", where)
    if not (np.isfinite(multiplier) & (multiplier > 0)).all():
        raise StatisticsError(
            "`multiplier` is a number above 0", where=where, found="another value", remedy="correct the definition"
        )
    return (
        np.array([KINDS[str(kind)] for kind in measures["kind"]], dtype=np.int64),
        np.array([DIRECTIONS[str(direction)] for direction in measures["direction"]], dtype=np.float64),
        multiplier,
    )


def _check(strata: pd.DataFrame, counts: Counts, numbers: dict[str, FloatArray]) -> None:
    published = strata["disclosure_status"].eq(PUBLISHED).fillna(False).to_numpy(dtype=bool)
    table = np.stack(list(numbers.values()))
    given = ~np.isnan(table)
    _require(strata, ~(published & ~given.all(axis=0)), "a published row has all its counts and sums")
    _require(strata, ~(~published & given.any(axis=0)), "a withheld row has no count and no sum")
    whole = np.isnan(table) | (np.isfinite(table) & (table >= 0) & (table == np.floor(table)))
    _require(strata, whole.all(axis=0), "counts and sums are whole numbers from 0 up")

    y, d, n = counts.numerator, counts.denominator, counts.n_patients
    proportion, rate, mean = (counts.kind == kind for kind in (PROPORTION, RATE, MEAN))
    empty = (n == 0) & ((y > 0) | (d > 0))
    _require(strata, ~empty, "a group of nobody has nothing counted")
    _require(strata, ~(proportion & (y > d)), "a proportion's numerator is at most its denominator")
    # A mean and a proportion weigh each patient once; rates do not.
    _require(strata, ~((proportion | mean) & (d > n)), "a denominator of patients is at most the number of patients")
    _require(strata, ~(proportion & (np.abs(counts.sum_yy - y) > 0)), "a proportion counts a patient at most once")
    _require(strata, ~(rate & ((counts.sum_yy < y) | (counts.sum_dd < d))), "squares of whole numbers sum to no less")
    # Cauchy-Schwarz, with room for the rounding of products above 2^53.
    allowed = counts.sum_yy * (1 + 1e-9)
    with np.errstate(invalid="ignore"):
        impossible = (counts.sum_yd**2 > allowed * counts.sum_dd) | (mean & (y**2 > allowed * d))
    _require(strata, ~impossible, "the sums of squares and products can come from one set of patients")


def _require(strata: pd.DataFrame, holds: BoolArray, rule: str) -> None:
    if holds.all():
        return
    failing = np.flatnonzero(~holds)
    first = strata.iloc[int(failing[0])]
    raise StatisticsError(
        rule,
        where="strata",
        found=f"{len(failing)} rows otherwise, the first: " + " / ".join(str(first[c]) for c in KEY if str(first[c])),
        remedy="correct the step that counted",
    )
