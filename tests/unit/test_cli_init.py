"""`equity init` writes a file that loads, and that has every setting there is, each with its meaning."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

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
from orchestration.settings_fhir import FhirFilesSource
from orchestration.settings_fhir_bulk import FhirBulkSource
from orchestration.settings_omop import OmopPostgres, OmopSource, SyntheaSource
from tests.support.small_run import Ended

NOT_IN_THE_FILE = {"demo", "settings_file"}  # found out, not set
KEY = re.compile(r"#? ?([a-z_]+) = ")
TABLE = re.compile(r"#? ?\[\[?([a-z_.]+)\]\]?$")


def switched_on() -> str:
    """The template with every commented-out setting taken into use."""
    return "\n".join(line[2:] if re.match(r"# ([a-z_]+ = |\[)", line) else line for line in template().splitlines())


def documented() -> Iterator[tuple[str, str]]:
    """(table, key) of every setting in the template that has a comment of its own right above it."""
    table, before = "", ""
    for line in template().splitlines():
        key, heading = KEY.match(line), TABLE.match(line)
        if heading:
            table = heading[1]
        elif key and before.startswith("# ") and not KEY.match(before) and not TABLE.match(before):
            yield table, key[1]
        before = line


def settings_of(model: type[BaseModel], table: str = "") -> Iterator[tuple[str, str]]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from settings_of(field.annotation, name)
        elif name not in NOT_IN_THE_FILE and name != "sources" and (table, name) != ("sources", "measures"):
            yield table, name


def test_every_setting_stands_there_with_its_meaning() -> None:
    expected = {
        *settings_of(Settings),
        *settings_of(RegistryFilesSource, "sources"),
        *settings_of(FhirFilesSource, "sources"),
        *settings_of(FhirBulkSource, "sources"),
        *settings_of(AreaFilesSource, "sources"),
        *settings_of(AreaMeasure, "sources.measures"),
        *(setting for setting in settings_of(OmopSource, "sources") if setting != ("sources", "postgres")),
        *settings_of(OmopPostgres, "sources.postgres"),
        *settings_of(SyntheaSource, "sources"),
        *settings_of(IdentityMapSource, "sources"),
    }
    assert expected - set(documented()) == set()


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
    measures = {measure.measure for measure in tracts.measures}
    assert measures == {"child_population", "poverty", "deprivation", "children_by_race"}


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
