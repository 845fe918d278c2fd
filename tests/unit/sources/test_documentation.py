"""The pages about files and mappings say what the code does."""

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from orchestration.settings import PROJECT_ROOT
from orchestration.settings_area import AREA_SOURCES, GeocodeFilesSource, TractCrosswalkSource
from orchestration.settings_fhir import FhirFilesSource
from orchestration.settings_omop import OmopPostgres, OmopSource
from orchestration.sources import layout_page
from orchestration.sources.fhir.resources import TYPES
from orchestration.sources.layout import REGISTRY
from orchestration.sources.mapping import ColumnRule, FileGroup, Join, MappingFile, Part
from orchestration.sources.omop import concepts
from orchestration.sources.omop.cdm import CDM

DOCS = PROJECT_ROOT / "docs"


def test_the_layout_page_is_the_layout() -> None:
    page = (DOCS / "registry_layout.md").read_text(encoding="utf-8")
    assert page == layout_page.render(), "run: python -m orchestration.sources.layout_page > docs/registry_layout.md"
    for table in REGISTRY.values():
        assert f"## {table.name}\n" in page
        assert all(f"| `{column}` |" in page for column in table.column_names)


def test_every_key_of_a_mapping_is_documented() -> None:
    page = (DOCS / "mapping.md").read_text(encoding="utf-8")
    keys = {key for model in (MappingFile, Part, FileGroup, ColumnRule) for key in model.model_fields}
    assert {key for key in keys if f"| `{key}` |" not in page} == set()
    assert all(f"`{key}`" in page for key in Join.model_fields)


def test_the_mapping_in_the_page_is_valid() -> None:
    import yaml

    page = (DOCS / "mapping.md").read_text(encoding="utf-8")
    example = page.split("```yaml\n")[1].split("```")[0]
    MappingFile.model_validate(yaml.load(example, Loader=yaml.BaseLoader))


def test_every_setting_and_resource_of_fhir_is_documented() -> None:
    page = (DOCS / "sources" / "fhir.md").read_text(encoding="utf-8")
    assert {key for key in FhirFilesSource.model_fields if f"| `{key}` |" not in page} == set()
    rows = " ".join(
        line.split("|")[1] for line in page.split("## What becomes")[1].splitlines() if line.startswith("|")
    )
    assert {kind for kind in TYPES if kind not in rows} == set()


def test_the_omop_page_has_every_setting_table_and_deciding_concept() -> None:
    page = (DOCS / "sources" / "omop.md").read_text(encoding="utf-8")
    settings = {*OmopSource.model_fields, *OmopPostgres.model_fields} - {"type", "name"}
    assert {name for name in settings if f"`{name}`" not in page} == set()
    assert {table for table in CDM if f"`{table}`" not in page} == set()
    named = {int(number) for number in re.findall(r"\b\d{3,8}\b", page)}
    deciding = {
        *concepts.RACE_QUESTIONS, *concepts.SEVERAL_RACES, *concepts.NO_CATEGORY, *concepts.SURVEY_TYPES,
        *concepts.VISIT_CLASSES, *concepts.VISIT_ANCESTORS, *concepts.PRIMARY_STATUSES, *concepts.PRIMARY_TYPES,
        *concepts.DIABETES_SPECIALTIES, *concepts.UNITS,
    }  # fmt: skip
    assert deciding - named == set()


@pytest.mark.parametrize("kind", [*AREA_SOURCES, TractCrosswalkSource, GeocodeFilesSource])
def test_every_area_source_has_a_page_with_settings_that_load(kind: type[BaseModel]) -> None:
    name = kind.model_fields["type"].default
    page = (DOCS / "sources" / f"{name}.md").read_text(encoding="utf-8")
    (example,) = tomllib.loads(page.split("```toml\n")[1].split("```")[0])["sources"]
    assert example["type"] == name
    kind.model_validate(example)


@pytest.mark.parametrize("page", sorted((DOCS / "sources").glob("*.md")), ids=lambda page: page.stem)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).is_file(), target
