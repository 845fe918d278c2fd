"""The same invented registry, written in each form, gives the same release: nothing is lost or gained on the way."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from orchestration.settings import DEMO_AS_OF, Settings, Source
from orchestration.settings_fhir import FhirFilesSource
from orchestration.settings_omop import OmopSource
from orchestration.synthetic.formats import write_registry
from orchestration.synthetic.omop import PROBLEM_LIST
from tests.support.release_tables import TABLES, differing_tables, published
from tests.support.small_run import run_job, settings_for

# Enough for every table of the release to have rows.
CHILDREN, MONTHS = 400, 24

# How a source of each form is set up; `registry` is the folder that the form was written into.
SOURCES = {
    "fhir": lambda registry: FhirFilesSource(name="registry", path=registry),
    "omop": lambda registry: OmopSource(name="registry", path=registry, condition_types=(PROBLEM_LIST,)),
}


def release_of(form: str, folder: Path, source: Source | None = None) -> Settings:
    """Write the registry in one form and run the whole job on it. Rows that cannot be used are part of it."""
    registry = folder / "registry"
    write_registry(registry, form, patients=CHILDREN, as_of=DEMO_AS_OF, months=MONTHS)
    settings = settings_for(registry, folder / "var", months=MONTHS)
    if source is not None:
        settings = settings.model_copy(update={"sources": (source, *settings.sources[1:])})
    run_job(settings)
    return settings


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return release_of("files", tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="module", params=sorted(SOURCES))
def other(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp(request.param)
    return release_of(request.param, folder, SOURCES[request.param](folder / "registry"))


def test_every_table_of_the_release_is_the_same(flat: Settings, other: Settings) -> None:
    assert differing_tables(flat, other) == []


def test_there_is_something_to_compare(flat: Settings) -> None:
    assert {table: len(published(flat, table)) > 10 for table in TABLES} == dict.fromkeys(TABLES, True)
    assert published(flat, "strata")["value"].notna().sum() > 1_000


def usable(settings: Settings) -> dict[str, int]:
    with duckdb.connect(str(settings.warehouse_path), read_only=True) as con:
        return dict(
            con.execute(
                "select table_name, rows_used from fct_conservation where source_name = 'registry' order by all"
            ).fetchall()
        )


def test_as_many_rows_are_used(flat: Settings, other: Settings) -> None:
    one, two = usable(flat), usable(other)
    assert one.keys() == two.keys()
    exact = {"patients", "coverage", "encounters", "conditions", "observations"}
    assert {name: two[name] for name in exact} == {name: one[name] for name in exact}
    if isinstance(other.sources[0], OmopSource):
        # `person` has a race and a language for everybody: an answer, or that there is none, and the latest language
        assert one["languages"] > two["languages"] >= 0.9 * one["languages"]
        assert one["race_ethnicity"] < two["race_ethnicity"] <= one["race_ethnicity"] + CHILDREN
        one["languages"], one["race_ethnicity"] = two["languages"], two["race_ethnicity"]
    # a person who stands there twice brings language, race and insurance twice where they are part of the person
    assert all(abs(two[name] - one[name]) <= 5 for name in one)
