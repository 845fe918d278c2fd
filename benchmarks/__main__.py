"""Measures one registry of each size three ways and prints what they cost side by side.

(a) the pipeline, end to end, phase by phase; (b) one bare hand-written DuckDB script; (c) a competent pandas script.
All three must come to equal counts. Ratios are of one and the same session; no figure is a promise.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from pathlib import Path

from benchmarks.equal import differing_rows
from benchmarks.measure import Measured, measured

HERE = Path(__file__).parent
AS_OF = dt.date(2026, 6, 30)
DBT = "Build models (dbt)"
SETTINGS = """title = "Benchmark registry (invented data)"
as_of = {as_of}

[[sources]]
type = "registry_files"
name = "registry"
path = "registry"

[[sources]]
type = "area_files"
name = "tracts"
path = "registry/tracts.csv"
tract_column = "tract_geoid"
tract_vintage = 2020
data_year = 2023
measures = [
    {{measure = "child_population", column = "child_population", direction = "count"}},
    {{measure = "poverty", column = "poverty_share", direction = "higher_is_worse"}},
    {{measure = "deprivation", column = "deprivation_index", direction = "higher_is_worse"}},
]
"""


def registry_of(folder: Path, n_patients: int) -> Path:
    """The registry of this size, generated when it is not there yet."""
    registry = folder / "registry"
    if not (registry / "truth.json").exists():
        from orchestration.synthetic.registry import generate

        print(f"generating {n_patients:,} patients …", flush=True)
        generate(registry, patients=n_patients, seed=1, file_format="parquet", as_of=AS_OF, months=36)
    (folder / "equity.toml").write_text(SETTINGS.format(as_of=AS_OF), encoding="utf-8")
    return registry


def compare(folder: Path, n_patients: int, *, with_pandas: bool) -> dict[str, Measured]:
    """Measure all ways on one size and check that they agree. Exits with a message when they do not."""
    registry = registry_of(folder, n_patients)
    equity = [sys.executable, "-m", "orchestration.cli", "run", "--settings", str(folder / "equity.toml")]
    found = {"pipeline": measured(equity)}
    scripts = {"bare SQL": "bare.py", **({"pandas": "pandas_script.py"} if with_pandas else {})}
    for name, script in scripts.items():
        out = folder / f"{Path(script).stem}.parquet"
        found[name] = measured([sys.executable, str(HERE / script), str(registry), str(out), "--as-of", str(AS_OF)])
        compared, differing = differing_rows(folder / "var" / "warehouse.duckdb", out)
        if differing:
            sys.exit(f"{name} and the pipeline differ in {differing:,} of {compared:,} rows at {n_patients:,} patients")
        print(f"{name}: {compared:,} strata × 6 sums equal the pipeline's", flush=True)
    return found


def report(n_patients: int, found: dict[str, Measured], before: dict[str, Measured] | None, factor: float) -> None:
    """Print one size: cost, ratio to the bare script, growth since the size before."""
    bare = found["bare SQL"]
    print(f"\n{n_patients:,} patients            wall s    CPU s   peak MB   × bare wall   × wall of the size before")
    for name, one in found.items():
        grown = (
            f"{one.wall_seconds / before[name].wall_seconds:5.1f} (data × {factor:.0f})"
            if before and name in before
            else ""
        )
        ratio = one.wall_seconds / bare.wall_seconds
        print(
            f"  {name:24} {one.wall_seconds:7.1f}  {one.cpu_seconds:7.1f}  {one.peak_mb:8.0f}  {ratio:12.2f}   {grown}"
        )
    pipeline = found["pipeline"]
    dbt = pipeline.phases.get(DBT, 0.0)
    print(f"  counting part (dbt)      {dbt:7.1f}  {'':7}  {'':8}  {dbt / bare.wall_seconds:12.2f}")
    for name, seconds in pipeline.phases.items():
        print(f"    {name:40} {seconds:6.1f} s")


def main() -> None:
    """Run the sizes asked for."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--million", action="store_true", help="also 1,000,000 patients (minutes; without pandas)")
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[10_000, 100_000], help="patients; default 10,000 100,000"
    )
    parser.add_argument("--folder", type=Path, default=Path("var/bench"), help="where registries and runs are kept")
    arguments = parser.parse_args()
    sizes = sorted({*arguments.sizes, *([1_000_000] if arguments.million else [])})
    before: dict[str, Measured] | None = None
    for index, n_patients in enumerate(sizes):
        folder = (arguments.folder / str(n_patients)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        found = compare(folder, n_patients, with_pandas=n_patients <= 100_000)
        report(n_patients, found, before, n_patients / sizes[index - 1] if index else 1.0)
        before = found


if __name__ == "__main__":
    main()
