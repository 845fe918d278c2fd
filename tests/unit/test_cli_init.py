"""`equity init` writes a file that loads, and that has every setting there is, each with its meaning."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from orchestration import settings_area as area
from orchestration.cli.init import template
from orchestration.settings import (
    AreaFilesSource,
    AreaMeasure,
    IdentityMapSource,
    RegistryFilesSource,
    Settings,
    demo_settings,
    load_settings,
)
from orchestration.settings_fhir import FhirFilesSource, FhirReading
from orchestration.settings_fhir_bulk import FhirBulkSource
from orchestration.settings_omop import OmopSource, SyntheaSource
from tests.support.small_run import Ended

NOT_IN_THE_FILE = {"demo", "settings_file"}  # found out, not set
TABLES_OF_THEIR_OWN = ((AreaFilesSource, "measures"), (area.AcsFilesSource, "columns"))
KINDS = (*area.AREA_SOURCES, area.TractCrosswalkSource, area.GeocodeFilesSource)
KEY = re.compile(r"#? ?([a-z_]+) = ")
TABLE = re.compile(r"#? ?\[\[?([a-z_.]+)\]\]?$")


def switched_on() -> str:
    """The template with every commented-out setting taken into use."""
    return "\n".join(line[2:] if re.match(r"# ([a-z_]+ = |\[)", line) else line for line in template().splitlines())


def documented(text: str, table: str = "") -> Iterator[tuple[str, str]]:
    """(table, key) of every setting in the text that has a comment of its own right above it."""
    before = ""
    for line in text.splitlines():
        key, heading = KEY.match(line), TABLE.match(line)
        if heading:
            table = heading[1]
        elif key and before.startswith("# ") and not KEY.match(before) and not TABLE.match(before):
            yield table, key[1]
        before = line


def is_table(part: object) -> bool:
    return isinstance(part, type) and issubclass(part, BaseModel)


def settings_of(model: type[BaseModel], table: str = "") -> Iterator[tuple[str, str]]:
    for name, field in model.model_fields.items():
        if is_table(field.annotation):
            yield from settings_of(field.annotation, name)
        elif optional := [part for part in get_args(field.annotation) if is_table(part)]:
            yield from settings_of(optional[0], f"{table}.{name}")
        elif name not in NOT_IN_THE_FILE and name != "sources" and (model, name) not in TABLES_OF_THEIR_OWN:
            yield table, name


@pytest.mark.parametrize(
    "kind",
    [
        RegistryFilesSource,
        FhirFilesSource,
        FhirBulkSource,
        OmopSource,
        SyntheaSource,
        IdentityMapSource,
        AreaFilesSource,
        *KINDS,
    ],
)
def test_every_setting_of_a_source_stands_there_with_its_meaning(kind: type[BaseModel]) -> None:
    types = {kind.model_fields["type"].default, *(["fhir_files"] if issubclass(kind, FhirReading) else [])}
    own = [part for part in template().split("[[sources]]") if any(f'type = "{name}"' in part for name in types)]
    written = {setting for part in own for setting in documented(part, "sources")}
    expected = {*settings_of(kind, "sources")}
    for (model, name), part in zip(TABLES_OF_THEIR_OWN, (AreaMeasure, area.AcsColumn), strict=True):
        expected |= {*settings_of(part, f"sources.{name}")} if model is kind else set()
    assert expected - written == set()


def test_every_other_setting_stands_there_with_its_meaning() -> None:
    assert set(settings_of(Settings)) - set(documented(template())) == set()


def test_the_file_loads_and_gives_the_defaults(in_folder: Path, equity: Callable[..., Ended]) -> None:
    assert equity("init").code == 0
    settings = load_settings()
    defaults = Settings()
    assert [source.name for source in settings.sources] == ["registry"]
    assert settings.sources[0].path == in_folder / "registry"
    for name in Settings.model_fields.keys() - {"sources", "settings_file", "data_dir"}:
        assert getattr(settings, name) == getattr(defaults, name), name


def test_everything_that_is_commented_out_loads_too(in_folder: Path) -> None:
    # A key is given by a file or by a variable, never by both.
    text = switched_on().replace('key_variable = "EQUITY_BULK_KEY"\n', "")
    (in_folder / "equity.toml").write_text(text, encoding="utf-8")
    sources = {source.type: source for source in load_settings().sources}
    assert len(sources) + 1 == len(tomllib.loads(text)["sources"])  # one kind stands there twice
    registry, tracts, fhir = sources["registry_files"], sources["area_files"], sources["fhir_files"]
    ehr = sources["fhir_bulk"]
    omop, warehouse = (source for source in load_settings().sources if source.type == "omop")
    adi = sources["adi_files"]
    assert isinstance(adi, area.AdiFilesSource)
    assert adi.population_file == in_folder / "block_group_people.csv"
    assert isinstance(registry, RegistryFilesSource)
    assert isinstance(ehr, FhirBulkSource)
    assert ehr.key_file == in_folder / "bulk_key.pem"
    assert isinstance(tracts, AreaFilesSource)
    assert isinstance(fhir, FhirFilesSource)
    assert fhir.path == in_folder / "export"
    assert registry.mapping == in_folder / "mapping.yml"
    assert isinstance(omop, OmopSource) and isinstance(warehouse, OmopSource)
    assert omop.source_values == in_folder / "source_values.csv" and omop.postgres is None
    assert warehouse.postgres is not None and warehouse.path is None
    assert warehouse.postgres.ssl_root_certificate == in_folder / "root.crt"
    assert isinstance(sources["synthea"], SyntheaSource) and isinstance(sources["identity_map"], IdentityMapSource)
    assert {measure.measure for measure in tracts.measures} == {
        *("child_population", "children_by_race", "deprivation", "poverty")
    }


def test_an_existing_file_is_never_overwritten(in_folder: Path, equity: Callable[..., Ended]) -> None:
    (in_folder / "equity.toml").write_text("mine", encoding="utf-8")
    ended = equity("init")
    assert ended.code == 2
    assert "equity.toml" in ended.err
    assert (in_folder / "equity.toml").read_text(encoding="utf-8") == "mine"


def test_print_writes_no_file(in_folder: Path, equity: Callable[..., Ended]) -> None:
    ended = equity("init", "--print")
    assert ended.out == template()
    assert list(in_folder.iterdir()) == []


@pytest.mark.parametrize("name", ["registry", "tracts"])
def test_the_demo_has_both_kinds_of_sources(name: str) -> None:
    assert name in {source.name for source in demo_settings(Path("/nowhere")).sources}
