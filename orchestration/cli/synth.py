"""`equity synth`: write an invented registry with known, planted gaps, for trying things out and for tests."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path
from typing import Annotated, Literal

import typer

from orchestration.errors import SettingsError


def synth(
    directory: Annotated[Path, typer.Argument(help="Folder to write; it must be new or empty.")],
    patients: Annotated[int, typer.Option(min=200, max=1_000_000, help="How many children.")] = 2_400,
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.")] = 1,
    form: Annotated[
        Literal["csv", "parquet", "files", "fhir", "omop"],
        typer.Option(
            "--format", help="csv (or files) and parquet: tables in the registry layout; fhir: NDJSON; omop: CSV."
        ),
    ] = "csv",
    as_of: Annotated[
        dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day of the data. Default: the demo's.")
    ] = None,
    months: Annotated[int, typer.Option(min=12, max=240, help="How many months of history.")] = 36,
    tracts: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="CSV of real tracts to place the children in.")
    ] = None,
    faults: Annotated[bool, typer.Option(help="Plant malformed rows, duplicates and late results.")] = True,
) -> None:
    """Write an invented registry, `tracts.csv`, and `truth.json` with all that was planted.

    No real person is in it. Point a source of equity.toml at the folder to run on it: `registry_files` for tables,
    `fhir_files` for FHIR, `omop` for OMOP, with what the command says at the end in its settings.
    """
    from orchestration.settings import DEMO_AS_OF
    from orchestration.synthetic.formats import write_registry

    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise SettingsError(
            "the folder is new or empty", where=str(directory), found="something in it", remedy="choose another folder"
        )
    started = time.perf_counter()
    write_registry(
        directory,
        form,
        patients=patients,
        seed=seed,
        as_of=as_of.date() if as_of else DEMO_AS_OF,
        months=months,
        tracts_file=tracts,
        faults=faults,
        progress=lambda words: typer.echo(f"{time.perf_counter() - started:6.1f} s  {words}", err=True),
    )
    if form == "omop":
        from orchestration.synthetic.omop import PROBLEM_LIST

        typer.echo(
            f"The source's settings need `condition_types = [{PROBLEM_LIST}]`: there are diagnoses of visits as well.",
            err=True,
        )
    typer.echo(directory)
