"""Times the statistics alone on invented counts: 20 measures, 12 stratifiers, 36 months, 25 sites by default.

Everything that a run computes after the counts is done once: estimates, standardised values of the years in eight ages
and sexes, gaps with bounds, summary indices, changes, decompositions, the register, charts and aims; the counts are of
months and of the years that they make up. The last stratifier is a crossing of three groups by two neighborhoods.
Prints wall seconds per part, and processor seconds of all threads beside them.
`python -m benchmarks.statistics --measures 5 --sites 4` is a small one.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd

from orchestration.disclosure.primary import protect
from orchestration.registers.reading import read_registers
from orchestration.statistics import analysis, changes, decomposition, estimates, gaps, inequality, standardised
from orchestration.statistics.decomposition import CROSSINGS
from orchestration.statistics.follow_up import follow_up

KINDS = ("proportion", "rate", "proportion", "rate", "mean")
GROUPS = 6
CROSSING = "race_by_poverty"


def main() -> None:
    """Build the counts, run the analysis, print what it cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("measures", 20), ("stratifiers", 12), ("months", 36), ("sites", 25)):
        parser.add_argument(f"--{name}", type=int, default=default)
    wanted = parser.parse_args()
    dims = dimensions(wanted.measures, wanted.stratifiers, wanted.months)
    counts = invented(wanted.measures, wanted.stratifiers, wanted.months, wanted.sites)
    slices = wanted.measures * wanted.stratifiers * wanted.months * wanted.sites
    print(f"{slices:,} slices of months, {len(counts):,} rows with their years")
    protected = protect(counts, dims["measures"], 11)
    keys = ["measure_id", "stratifier", "site", "grain", "period_starts_on"]
    verdicts = counts[keys].drop_duplicates().assign(verdict="publish", reasons="")
    age_sex = by_age_and_sex(counts)
    seconds = _timed(
        estimates.estimated, standardised.add_standardised, gaps.compute_gaps, inequality.compute_inequality
    )
    started, used = time.perf_counter(), time.process_time()
    found = analysis.analyse(protected, verdicts, confidence=0.95, age_sex=age_sex, **dims)
    seconds["everything"] = (time.perf_counter() - started, time.process_time() - used)
    started, used = time.perf_counter(), time.process_time()
    followed = followed_up(found, dims, wanted.sites)
    seconds["charts and aims"] = (time.perf_counter() - started, time.process_time() - used)
    for name, (wall, processor) in seconds.items():
        print(f"{name:24} {wall:6.1f} s, processor {processor:6.1f} s")
    tables = found._asdict() | {name: followed[name] for name in ("chart_series", "charts", "aims")}
    print(", ".join(f"{len(table):,} {name.replace('_', ' ')}" for name, table in tables.items()))


def followed_up(found: analysis.Analysis, dims: dict[str, pd.DataFrame], sites: int) -> dict[str, pd.DataFrame]:
    """Charts of every group and gap, and an aim for each measure: the second group's gap, halved within a year."""
    registers = read_registers(None).frames()
    baseline = dims["periods"]["period_starts_on"].min()
    registers["aims"] = pd.DataFrame(
        {
            "aim_id": dims["measures"]["measure_id"],
            "title": "A smaller gap",
            "population": "",
            "measure_id": dims["measures"]["measure_id"],
            "stratifier": CROSSINGS[CROSSING],
            "stratum": "group_1",
            "site": "all",
            "grain": "month",
            "baseline_starts_on": baseline,
            "baseline_ends_on": baseline + pd.DateOffset(months=12, days=-1),
            "baseline_value": 2.0,
            "gap_target": 1.0,
            "group_targets": "group_0=20 group_1=21",
            "by_when": dims["periods"]["period_ends_on"].max() + pd.DateOffset(years=1),
            "owner": "A team",
            "process_measure_id": "measure_00",
            "balancing_measure_id": "measure_01",
        }
    )
    names = ["all", *(f"site_{i:02}" for i in range(1, sites))]
    return follow_up(
        found.strata,
        found.gaps,
        registers=registers,
        sites=pd.DataFrame({"site": names, "site_label": names}),
        confidence=0.95,
        **dims,
    )


def _timed(*functions: object) -> dict[str, tuple[float, float]]:
    """Wrap these functions where `analysis` calls them; seconds by name, filled as they run."""
    seconds: dict[str, tuple[float, float]] = {}
    for function in (*functions, changes.compute_changes, decomposition.compute_decomposition):
        name = function.__name__  # type: ignore[attr-defined]

        def wrapped(*args: object, _function: object = function, _name: str = name, **kwargs: object) -> object:
            started, used = time.perf_counter(), time.process_time()
            try:
                return _function(*args, **kwargs)  # type: ignore[operator]
            finally:
                seconds[_name] = time.perf_counter() - started, time.process_time() - used

        setattr(analysis, name, wrapped)
    return seconds


def dimensions(measures: int, stratifiers: int, months: int) -> dict[str, pd.DataFrame]:
    """The dim_ tables of so many measures, stratifiers (every third ordered) and months."""
    kinds = [KINDS[i % len(KINDS)] for i in range(measures)]
    units = {"proportion": ("patients", 100.0), "rate": ("patient_months", 1200.0), "mean": ("patients", 0.1)}
    names = _names(stratifiers)
    crossed = [name == CROSSING for name in names]
    starts = _starts(months)
    return {
        "measures": pd.DataFrame(
            {
                "measure_id": [f"measure_{i:02}" for i in range(measures)],
                "kind": kinds,
                "direction": ["lower_is_better", "higher_is_better"] * (measures // 2)
                + ["lower_is_better"] * (measures % 2),
                "multiplier": [units[kind][1] for kind in kinds],
                "denominator_unit": [units[kind][0] for kind in kinds],
                "counts_what": ["events" if kind == "rate" else "patients" for kind in kinds],
                "family": "outcome",
                "population": "",
            }
        ),
        "stratifiers": pd.DataFrame(
            {
                "stratifier": ["overall", *names],
                "kind": ["overall", *["person"] * stratifiers],
                "reference_rule": ["overall", *["best"] * stratifiers],
                "is_exclusive": True,
                "is_crossing": [False, *crossed],
                "disadvantaged_end": [
                    "",
                    *("last" if i % 3 == 2 and not crossed[i] else "" for i in range(stratifiers)),
                ],
                "quality_field": "",
            }
        ),
        "strata_labels": pd.DataFrame(
            [("overall", "all", "Everyone", 0, False)]
            + [(name, f"group_{g}", f"Group {g}", g, g == GROUPS - 1) for name in names for g in range(GROUPS)]
            + [("poverty_quintile", f"quintile_{g}", f"Fifth {g}", g, False) for g in range(2)],
            columns=["stratifier", "stratum", "label", "sort_order", "is_missing"],
        ),
        "periods": pd.DataFrame(
            [("month", start, start + pd.offsets.MonthEnd(0), True) for start in starts]
            + [("year", start, start + pd.DateOffset(months=12, days=-1), True) for start in starts[::12]],
            columns=["grain", "period_starts_on", "period_ends_on", "is_complete"],
        ),
    }


def _names(stratifiers: int) -> list[str]:
    """The first is what the crossing is the finer form of, the last the crossing."""
    return [CROSSINGS[CROSSING], *(f"stratifier_{i:02}" for i in range(1, stratifiers - 1)), CROSSING][:stratifiers]


def _starts(months: int) -> list[pd.Timestamp]:
    return list(pd.date_range("2023-07-01", periods=months, freq="MS"))


def invented(measures: int, stratifiers: int, months: int, sites: int) -> pd.DataFrame:
    """fct_measure_stratum: one row per measure, period, site, stratifier and group, everyone included."""
    rng = np.random.default_rng(1)
    starts = _starts(months)
    grains = [*(("month", start) for start in starts), *(("year", start) for start in starts[::12])]
    groups = [
        ("overall", "all"),
        *((name, _group(name, g)) for name in _names(stratifiers) for g in range(GROUPS)),
    ]
    crossed = [name == CROSSING for name, _ in groups]
    second = [f"quintile_{(at - 1) % GROUPS % 2}" if is_crossed else "" for at, is_crossed in enumerate(crossed)]
    shape = (measures, len(grains), sites, len(groups))
    kind = np.array([KINDS[i % len(KINDS)] for i in range(measures)])[:, None, None, None]
    length = np.array([12 if grain == "year" else 1 for grain, _ in grains])[None, :, None, None]
    n = rng.integers(60, 400, shape)
    rising = 1 + 0.2 * (np.arange(len(groups)) % GROUPS)
    met = rng.binomial(n, np.minimum(0.2 * rising, 0.9))
    events = rng.poisson(n * length * 0.08 * rising)
    tenths = np.rint(n * rng.normal(80 + 2 * rising, 1.0, shape)).astype(np.int64)
    rate, mean = kind == "rate", kind == "mean"
    y = np.where(rate, events, np.where(mean, tenths, met))
    d = np.where(rate, n * length, n)
    each, over = events // n, events % n
    uneven = n * each**2 + over * (2 * each + 1) + events // 3
    yy = np.where(rate, uneven, np.where(mean, tenths**2 // n + 225 * n, met))
    index = np.indices(shape).reshape(4, -1)

    def named(values: list[object], axis: int) -> np.ndarray:
        return np.array(values, dtype=object)[index[axis]]

    return pd.DataFrame(
        {
            "measure_id": named([f"measure_{i:02}" for i in range(measures)], 0),
            "grain": named([grain for grain, _ in grains], 1),
            "period_starts_on": np.array([start for _, start in grains], dtype="datetime64[s]")[index[1]],
            "site": named(["all", *(f"site_{i:02}" for i in range(1, sites))], 2),
            "stratifier": named([name for name, _ in groups], 3),
            "stratum": named([group for _, group in groups], 3),
            "stratifier_2": named(["poverty_quintile" if is_crossed else "" for is_crossed in crossed], 3),
            "stratum_2": named(list(second), 3),
            "n_patients": n.ravel(),
            "numerator": y.ravel(),
            "denominator": d.ravel(),
            "sum_yy": yy.ravel(),
            "sum_yd": (y * np.where(rate, length, 1)).ravel(),
            "sum_dd": (d * np.where(rate, length, 1)).ravel(),
        }
    )


def _group(name: str, number: int) -> str:
    return f"group_{number // 2 if name == CROSSING else number}"


def by_age_and_sex(counts: pd.DataFrame) -> pd.DataFrame:
    """int_stratum__age_sex: the counts of the years, parted as evenly as whole numbers go."""
    years = counts[counts["grain"].eq("year") & counts["stratum_2"].eq("")]
    key = ["measure_id", "period_starts_on", "site", "stratifier", "stratum"]
    cells = [(age, sex) for age in range(4) for sex in ("f", "m")]
    parts = []
    for at, (age, sex) in enumerate(cells):
        sums = {
            name: years[column] // len(cells) + (at < years[column] % len(cells))
            for name, column in (("sum_y", "numerator"), ("sum_d", "denominator"), ("sum_yy", "sum_yy"))
        }
        # A mean's values vary as much in each part as in all of them.
        spread = sums["sum_y"] ** 2 // sums["sum_d"] + 225 * sums["sum_d"]
        sums["sum_yy"] = sums["sum_yy"].where(sums["sum_y"] < 20 * sums["sum_d"], spread)
        parts.append(years[key].assign(age_band=f"age_{age}", sex=sex, **sums, weight=1.0 + age))
    return pd.concat(parts, ignore_index=True)


if __name__ == "__main__":
    main()
