"""Options that several commands share, so that they are called the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

SettingsFile = Annotated[
    Path | None,
    typer.Option(
        "--settings", "-s", help="Settings file. Default: $EQUITY_SETTINGS, else ./equity.toml, else the demo."
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", help="Folder for everything that a run writes. Default: `data_dir` of the settings, else ./var."
    ),
]
OutputFormat = Literal["table", "csv", "json"]
