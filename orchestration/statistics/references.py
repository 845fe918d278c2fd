"""Which group each group is compared with: the reference rules of dim_stratifier, applied once and frozen.

`best`: the best-performing reliable published group, chosen once per measure, site and stratifier at the baseline and
kept for all periods and grains, so that quarterly and yearly charts of a site agree and a reference never jumps. What
was chosen once stands in a register that later runs are given, so that it does not move with the data's window. The
baseline is the first complete period of the measure's coarsest grain in the data. A site without a reliable group
then takes the reference of all sites; where all sites have none either, their first later period that has one is
taken. `largest`: the published group of most patients, chosen and frozen the same way. `overall`: everyone at the
site in the period. `named:<stratum>`: the one named (`named:<stratum>/<stratum_2>` for a crossing).

A reason why the group is not known (`is_missing`) is neither compared nor a reference. For a crossing the reference
is one cell of the crossing. When the frozen reference is not published in a later period, that period has no gap;
another reference is never put in its place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from orchestration.errors import StatisticsError
from orchestration.statistics.counts import PUBLISHED, Counts, match, require_columns
from orchestration.statistics.intervals import BoolArray, FloatArray, IntArray
from orchestration.statistics.reference_register import read_register, registered
from orchestration.statistics.reliability import RELIABLE

ALL_SITES = "all"
COARSENESS = {"year": 0, "quarter": 1, "month": 2}
_CELL = ["stratifier", "stratum", "stratifier_2", "stratum_2"]


@dataclass(frozen=True)
class Pairs:
    """One element per gap: `row` and `reference` as positions in the strata frame, `reference` -1 without such a row.

    The reference's names are those of the rule, whether or not its row is there; None where the rule found no
    reference. `chosen_from`: first day of the period in which a frozen reference was chosen; NaT for other rules.
    """

    row: IntArray
    reference: IntArray
    rule: npt.NDArray[np.object_]
    stratum: npt.NDArray[np.object_]
    stratum_2: npt.NDArray[np.object_]
    chosen_from: npt.NDArray[np.datetime64]


def pair_with_references(
    strata: pd.DataFrame,
    counts: Counts,
    value: FloatArray,
    stratifiers: pd.DataFrame,
    strata_labels: pd.DataFrame,
    is_complete: BoolArray,
    register: pd.DataFrame | None = None,
) -> Pairs:
    """Every group of `strata` that is to be compared, with its reference; in the order of `strata`.

    `value` in natural units, `is_complete` per row. `register`: references frozen by earlier runs (REGISTER_KEY,
    reference_stratum, reference_stratum_2, chosen_from); what it names is not chosen anew.
    Raises StatisticsError for an unknown grain, stratifier, stratum or rule, a rule that names a missing group, a group
    that stands twice in one slice, and a register that cannot be right.
    """
    require_columns(stratifiers, ("stratifier", "kind", "reference_rule"), "stratifiers")
    stratifier_row = match(strata, "stratifier", stratifiers, "strata")
    rules = stratifiers["reference_rule"].astype(str).to_numpy(dtype=object)
    rule = rules[stratifier_row]
    known = read_register(register)
    known = known[known["stratifier"].isin(strata["stratifier"].unique())].reset_index(drop=True)
    whole = strata[_CELL] if known.empty else pd.concat([strata[_CELL].astype(object), _cells_of(known, strata)])
    cells, cell = describe_cells(whole, strata_labels)
    of_register, cell = cell[len(strata) :], cell[: len(strata)]
    is_missing = cells["is_missing"].to_numpy(dtype=bool)[cell]

    panel = group_codes(strata, ["measure_id", "grain", "period_starts_on", "site"])
    key = panel * len(cells) + cell
    positions = pd.Index(key)
    if not positions.is_unique:
        raise StatisticsError(
            "a group stands once per measure, period and site",
            where="strata",
            found=f"{int(positions.duplicated().sum())} rows of groups that stand there already",
            remedy="check the grain of fct_measure_stratum",
        )
    reference_cell = np.full(len(strata), -1, dtype=np.int64)
    reference_cell[rule == "overall"] = _position(cells, "overall", "all", "")
    for position in np.unique(stratifier_row):
        name, text = str(stratifiers["stratifier"].iloc[position]), str(rules[position])
        if text.startswith("named:"):
            reference_cell[stratifier_row == position] = _named(cells, strata_labels, name, text)
        elif text not in ("best", "largest", "overall"):
            raise StatisticsError(
                "`reference_rule` is best, largest, overall or named:<stratum>",
                where=f"stratifier {name}",
                found=text,
                remedy="correct seeds/stratifiers.csv",
            )
    published = strata["disclosure_status"].eq(PUBLISHED).to_numpy(dtype=bool) & ~np.isnan(value) & ~is_missing
    reliable = published & strata["reliability_status"].eq(RELIABLE).to_numpy(dtype=bool)
    best, largest = rule == "best", rule == "largest"
    candidate = (best & reliable) | (largest & published)
    merit = np.where(best, counts.sign * value, -counts.n_patients)
    frozen, starts = _frozen(strata, cells, cell, candidate, merit, is_complete)
    frozen, starts = registered(strata.assign(reference_rule=rule), of_register, known, frozen, starts)
    chosen_later = best | largest
    reference_cell[chosen_later] = frozen[chosen_later]
    starts[~chosen_later | (reference_cell < 0)] = np.datetime64("NaT")

    kinds = stratifiers["kind"].eq("overall").to_numpy(dtype=bool)
    compared = ~is_missing & ~kinds[stratifier_row] & (cell != reference_cell)
    row = np.flatnonzero(compared)
    wanted = reference_cell[row]
    found = positions.get_indexer(pd.Index(panel[row] * len(cells) + wanted))
    # Position -1, no reference, picks the None at the end.
    names = [np.array([*cells[column], None], dtype=object)[wanted] for column in ("stratum", "stratum_2")]
    return Pairs(row, np.where(wanted >= 0, found, -1).astype(np.int64), rule[row], names[0], names[1], starts[row])


def _cells_of(register: pd.DataFrame, strata: pd.DataFrame) -> pd.DataFrame:
    """The register's groups as cells. A crossing's second stratifier is the one it has in the data."""
    second = strata.loc[strata["stratum_2"].astype(object).fillna("").ne(""), ["stratifier", "stratifier_2"]]
    names = dict(second.drop_duplicates("stratifier").itertuples(index=False, name=None))
    stratum_2 = register["reference_stratum_2"].astype(object).fillna("")
    stratifier_2 = [
        names.get(name, "") if group else "" for name, group in zip(register["stratifier"], stratum_2, strict=True)
    ]
    return pd.DataFrame(
        {
            "stratifier": register["stratifier"],
            "stratum": register["reference_stratum"],
            "stratifier_2": pd.Series(stratifier_2, dtype="object", index=register.index),
            "stratum_2": stratum_2,
        }
    )[_CELL].astype(object)


def describe_cells(strata: pd.DataFrame, labels: pd.DataFrame) -> tuple[pd.DataFrame, IntArray]:
    """The distinct groups in their order of presentation, with `is_missing`, and each row's group as a position.

    Raises StatisticsError for a group that is not in the vocabulary, or described twice there.
    """
    where = "strata_labels"
    require_columns(labels, ("stratifier", "stratum", "sort_order", "is_missing"), where)
    code = group_codes(strata, _CELL)
    _, first = np.unique(code, return_index=True)
    cells = strata.iloc[first][_CELL].astype(object).fillna("").reset_index(drop=True)
    described = zip(labels["stratifier"], labels["stratum"], labels["sort_order"], labels["is_missing"], strict=True)
    by_name = {(str(name), str(group)): (float(order), bool(missing)) for name, group, order, missing in described}
    if len(by_name) < len(labels):
        raise StatisticsError(
            "a stratum is described once in its stratifier's vocabulary",
            where=where,
            found=f"{len(labels) - len(by_name)} descriptions of strata that have one already",
            remedy="remove the second description from dim_stratum",
        )

    def describe(stratifier: str, group: str) -> tuple[float, bool]:
        found = by_name.get((stratifier, group))
        if found is None:
            raise StatisticsError(
                "each stratum is one of its stratifier's vocabulary",
                where=where,
                found=f"{group} of {stratifier}",
                remedy="add it to dim_stratum",
            )
        return found

    distinct = list(cells[_CELL].itertuples(index=False, name=None))
    first_group = [describe(name, group) for name, group, _, _ in distinct]
    second_group = [describe(name, group) if name else (0.0, False) for _, _, name, group in distinct]
    cells["order"] = [order for order, _ in first_group]
    cells["order_2"] = [order for order, _ in second_group]
    cells["is_missing"] = [a or b for (_, a), (_, b) in zip(first_group, second_group, strict=True)]
    # Positions follow the order of presentation, whatever the order of the rows: ties are broken by them.
    ordered = cells.sort_values(["stratifier", "order", "stratum", "order_2", "stratum_2"], kind="stable")
    position = np.empty(len(cells), dtype=np.int64)
    position[ordered.index.to_numpy()] = np.arange(len(cells))
    return ordered.reset_index(drop=True), position[code]


def group_codes(strata: pd.DataFrame, columns: list[str]) -> IntArray:
    """One integer per distinct combination of `columns`, dense from 0; NULL and '' are the same nothing."""
    code = np.zeros(len(strata), dtype=np.int64)
    for column in columns:
        values = strata[column]
        part, distinct = pd.factorize(values.astype(object).fillna("") if values.isna().any() else values)
        code = pd.factorize(code * max(len(distinct), 1) + part)[0].astype(np.int64)
    return code


def _position(cells: pd.DataFrame, stratifier: str, stratum: str, stratum_2: str) -> int:
    same = cells["stratifier"].eq(stratifier) & cells["stratum"].eq(stratum) & cells["stratum_2"].eq(stratum_2)
    return int(np.flatnonzero(same)[0]) if same.any() else -1


def _named(cells: pd.DataFrame, labels: pd.DataFrame, stratifier: str, rule: str) -> int:
    stratum, _, stratum_2 = rule.removeprefix("named:").partition("/")
    position = _position(cells, stratifier, stratum, stratum_2)
    if position >= 0 and not cells["is_missing"].iloc[position]:
        return position
    # Nobody may be in the named group in this run: then there is no gap, but the rule is a good one.
    own = labels["stratifier"].eq(stratifier) | bool(stratum_2)
    known = set(labels.loc[own & ~labels["is_missing"].astype(bool), "stratum"])
    if position < 0 and {stratum, *([stratum_2] if stratum_2 else [])} <= known:
        return -1
    raise StatisticsError(
        "a named reference is a known group of its stratifier, and no missing reason",
        where=f"stratifier {stratifier}",
        found=rule,
        remedy="correct seeds/stratifiers.csv; a crossing's reference is named:<stratum>/<stratum_2>",
    )


def _frozen(
    strata: pd.DataFrame,
    cells: pd.DataFrame,
    cell: IntArray,
    candidate: BoolArray,
    merit: FloatArray,
    is_complete: BoolArray,
) -> tuple[IntArray, npt.NDArray[np.datetime64]]:
    """Per row the group chosen at the baseline for its measure, site and stratifier, and the baseline's first day.

    -1 and NaT where there is none.
    """
    grain = strata["grain"].map(COARSENESS)
    if grain.isna().any():
        unknown = sorted(map(str, strata.loc[grain.isna(), "grain"].unique()))
        raise StatisticsError(
            "`grain` is month, quarter or year", where="strata", found=", ".join(unknown), remedy="correct dim_period"
        )
    measure = group_codes(strata, ["measure_id"])
    own = group_codes(strata, ["measure_id", "stratifier", "site"])
    shared = group_codes(strata, ["measure_id", "stratifier"])
    starts = pd.to_datetime(strata["period_starts_on"]).to_numpy(dtype="datetime64[s]").astype(np.int64)
    work = pd.DataFrame(
        {"own": own, "shared": shared, "starts": starts, "merit": merit, "cell": cell, "grain": grain.to_numpy()}
    )
    work["measure"] = measure
    eligible = work[is_complete]
    coarsest = eligible.groupby("measure")["grain"].transform("min")
    eligible = eligible[eligible["grain"] == coarsest]
    baseline = eligible.groupby("measure")["starts"].transform("min")
    is_baseline = (eligible["starts"] == baseline).to_numpy()
    eligible = eligible.assign(at_all=strata["site"].eq(ALL_SITES).to_numpy(dtype=bool)[eligible.index.to_numpy()])
    is_candidate = candidate[eligible.index.to_numpy()]

    order = ["starts", "merit", "cell"]
    here = eligible[is_candidate & is_baseline].sort_values(order).drop_duplicates("own")
    everywhere = eligible[is_candidate & eligible["at_all"].to_numpy()].sort_values(order).drop_duplicates("shared")
    nowhere = np.iinfo(np.int64).min  # NaT
    found = []
    for chosen, key, code in ((here, "own", own), (everywhere, "shared", shared)):
        group = np.full(int(code.max(initial=-1)) + 1, -1, dtype=np.int64)
        since = np.full(group.size, nowhere, dtype=np.int64)
        group[chosen[key]], since[chosen[key]] = chosen["cell"], chosen["starts"]
        found.append((group[code], since[code]))
    (own_group, own_since), (all_group, all_since) = found
    at_site = own_group >= 0
    since = np.where(at_site, own_since, all_since).astype("datetime64[s]")
    return np.where(at_site, own_group, all_group), np.asarray(since, dtype="datetime64[s]")
