"""The bare SQL script: fills in `bare.sql` and runs it in one in-memory DuckDB. Nothing of the pipeline is used."""

from __future__ import annotations

import argparse
import datetime as dt
from pathlib import Path

import duckdb

RATES = {
    "clinic": "clinic_visits",
    "ed": "ed_visits",
    "dka": "dka_admissions",
    "bed": "bed_days",
    "hypo": "severe_hypoglycaemia",
}
# measure: its numerator, denominator and sum of squares in terms of n (all), t (tested), and the tested children's sums
STATES = {
    "hba1c_below_7": ("lt7", "t", "lt7"),
    "hba1c_below_7_of_all": ("lt7", "n", "lt7"),
    "hba1c_above_9": ("gt9", "t", "gt9"),
    "hba1c_above_9_or_untested": ("n - t + gt9", "n", "n - t + gt9"),
    "hba1c_mean": ("s", "t", "ss"),
    "hba1c_tested": ("t", "n", "t"),
}
GRAINS = {"month": 1, "quarter": 3, "year": 12}


def script(registry: Path, as_of: dt.date, months: int) -> str:
    """The whole SQL text for one registry folder."""
    blocks = "\n    union all\n    ".join(
        f"select '{grain}' as grain, k, (m - n % {length}) // {length} as b, n % {length} as o, "
        "any_value(m0) as m0, any_value(m1) as m1, "
        + ", ".join(
            f"sum({name})::int as {name}" if grain != "month" or name != "clinic" else "0 as clinic" for name in RATES
        )
        + f" from ev, (select n from run) where m >= n % {length}"
        + (" and ed + dka + bed + hypo > 0" if grain == "month" else "")
        + " group by all"
        for grain, length in GRAINS.items()
    )
    blocks = f"select q.*, l from (\n    {blocks}) q join g using (grain)"
    names = ["leavers", "d", "dd", *(column for name in RATES for column in (name, f"{name}_yy", f"{name}_yd"))]
    state_rows = "\n    union all\n    ".join(
        f"select '{measure}' as measure_id, grain, b, sc, stratifier, stratum, q, "
        f"{d} as n, {y} as y, {d} as d, {yy} as yy, {y} as yd, {d} as dd"
        " from ss join block using (m)"
        for measure, (y, d, yy) in STATES.items()
    )
    rate_rows = "\n    union all\n    ".join(
        f"select '{measure}', grain, b, sc, stratifier, stratum, q, n, "
        f"coalesce({name}, 0), d, coalesce({name}_yy, 0), coalesce({name}_yd, 0), dd from rs"
        + (" where grain <> 'month'" if name == "clinic" else "")
        for name, measure in RATES.items()
    )
    last = as_of
    first_month = last.year * 12 + last.month - months
    return (
        (Path(__file__).parent / "bare.sql")
        .read_text(encoding="utf-8")
        .format(
            registry=registry,
            seeds=Path(__file__).parents[1] / "seeds",
            as_of=as_of,
            first=dt.date(first_month // 12, first_month % 12 + 1, 1),
            last=last,
            months=months,
            blocks=blocks,
            rate_sums=", ".join(f"sum({name}) as {name}" for name in names),
            state_rows=state_rows,
            rate_rows=rate_rows,
        )
    )


def main() -> None:
    """Count and write the counts as Parquet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("registry", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--as-of", type=dt.date.fromisoformat, default=dt.date(2026, 6, 30))
    parser.add_argument("--months", type=int, default=36)
    arguments = parser.parse_args()
    con = duckdb.connect()
    con.execute("set preserve_insertion_order = false")
    con.execute(script(arguments.registry, arguments.as_of, arguments.months))
    con.execute("copy (from counts) to $out (format parquet)", {"out": str(arguments.out)})


if __name__ == "__main__":
    main()
