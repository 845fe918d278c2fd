"""In what form a generated registry is written: tables in the registry layout, or the same rows as another format."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from orchestration.synthetic import registry
from orchestration.synthetic.fhir import write_fhir
from orchestration.synthetic.files import FileFormat
from orchestration.synthetic.omop import write_omop

# Each takes the folder of the generated CSV tables and the folder to write into.
REWRITES: dict[str, Callable[[Path, Path], None]] = {"fhir": write_fhir, "omop": write_omop}
TABLE_FORMATS: dict[str, FileFormat] = {"csv": "csv", "files": "csv", "parquet": "parquet"}
_KEPT = ("tracts.csv", "truth.json")


def write_registry(directory: Path, form: str, **generated: Any) -> None:
    """Generate a registry and write it into `directory` in form `form`, with `tracts.csv` and `truth.json`.

    `generated` are the arguments of `registry.generate`. The same ones give the same people and records in every form.
    """
    if form in TABLE_FORMATS:
        registry.generate(directory, file_format=TABLE_FORMATS[form], **generated)
        return
    tables = directory / ".tables"
    try:
        registry.generate(tables, file_format="csv", **generated)
        REWRITES[form](tables, directory)
        for name in _KEPT:
            (tables / name).replace(directory / name)
    finally:
        shutil.rmtree(tables, ignore_errors=True)
