"""The one typed Settings, from `equity.toml` and the environment. Nothing else in the project reads either."""

from __future__ import annotations

import datetime as dt
import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from orchestration import settings_area as area
from orchestration.errors import SettingsError
from orchestration.settings_fhir import FhirFilesSource
from orchestration.settings_fhir_bulk import FhirBulkSource
from orchestration.settings_omop import OmopSource, SyntheaSource
from orchestration.settings_words import found_of, rule_of

PROJECT_ROOT = Path(__file__).resolve().parents[1]
SETTINGS_FILE_VARIABLE = "EQUITY_SETTINGS"
IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")
POLICY_MIN_CELL = 11  # CMS Cell Size Suppression Policy: no count from 1 to 10 is shown
Part = TypeVar("Part", bound=BaseModel)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Window(_Strict):
    """The months that are measured: `months` whole months that end with a month that is complete by `as_of`.

    `moves_by`: the last complete month (1), or the last one that ends a quarter (3) or a year (12) of those that end in
    the month `year_ends_in`. Quarters and years that stay where they are do not overlap from release to release.
    """

    months: Annotated[int, Field(ge=1, le=240)] = 36
    moves_by: Literal[1, 3, 12] = 1
    year_ends_in: Annotated[int, Field(ge=1, le=12)] = 6


class Cohort(_Strict):
    """Whom the registry follows: who has one of the conditions and is in the age range."""

    title: str = "Children and young people with type 1 diabetes"
    condition_prefixes: tuple[str, ...] = ("E10",)
    excluded_condition_prefixes: tuple[str, ...] = ("E10.A",)
    age_from_years: Annotated[int, Field(ge=0, le=120)] = 0
    age_below_years: Annotated[int, Field(ge=1, le=130)] = 21

    @field_validator("condition_prefixes")
    @classmethod
    def _some_condition(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("must name at least one code prefix")
        return value


class RegistryFilesSource(_Strict):
    """An EHR registry as CSV, CSV.gz or Parquet files in the registry layout, or in another one with a mapping."""

    type: Literal["registry_files"] = "registry_files"
    name: str = "registry"
    path: Path
    mapping: Path | None = None
    mode: Literal["snapshot", "append"] = "snapshot"


class AreaMeasure(_Strict):
    """One column of an area file. `child_population` is a count and cuts quintiles; the others are stratified.

    `divisor`: 100 for a poverty that is in percent, so that shares are shares.
    """

    measure: Literal["child_population", "poverty", "deprivation", "children_by_race"]
    column: str
    direction: Literal["higher_is_worse", "higher_is_better", "count"]
    category: str | None = None
    missing_tokens: tuple[str, ...] = ("", "NA", "NaN", "null", "-999", "-666666666")
    divisor: Annotated[float, Field(gt=0)] = 1.0


class AreaFilesSource(_Strict):
    """One tract-level CSV: which column is the tract key and which columns are which area measure."""

    type: Literal["area_files"] = "area_files"
    name: str
    path: Path
    tract_column: str
    tract_vintage: Literal[2010, 2020]
    data_year: Annotated[int, Field(ge=1990, le=2100)]
    measures: tuple[AreaMeasure, ...]


class IdentityMapSource(_Strict):
    """A CSV that says which records of the other sources are one person: source_name, patient_id, person_id as text."""

    type: Literal["identity_map"] = "identity_map"
    name: str = "identities"
    path: Path


Source = Annotated[
    RegistryFilesSource
    | FhirFilesSource
    | FhirBulkSource
    | OmopSource
    | SyntheaSource
    | IdentityMapSource
    | AreaFilesSource
    | area.CensusAcsSource
    | area.AcsFilesSource
    | area.SviFilesSource
    | area.AdiFilesSource
    | area.CoiFilesSource
    | area.DepIndexFilesSource
    | area.TractCrosswalkSource
    | area.GeocodeFilesSource,
    Field(discriminator="type"),
]


# Of the roll-ups of race and ethnicity one is published by default.
KEPT_IN_MARTS = ("race_omb2024_aoic", "race_omb2024_freq", "race_omb1997_hispanic_first")


class Disclosure(_Strict):
    """Counts of people or events from 1 to `min_cell - 1` are suppressed (CMS Cell Size Suppression Policy: 11).

    `exact_seconds`: for how long hidden counts are also examined by linear programming, which finds what several sums
    give away together; 0 leaves it at sum after sum. `kept_in_marts`: groupings that are not published. Groupings of
    the same children take values from each other, because where two differ by a few children one must hide. `zeros`:
    whether a group of which nobody or everybody has the outcome is shown, or suppressed as if the count were small.
    """

    min_cell: Annotated[int, Field(ge=2, le=1000)] = POLICY_MIN_CELL
    exact_seconds: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    kept_in_marts: tuple[str, ...] = KEPT_IN_MARTS
    zeros: Literal["show", "suppress"] = "show"

    @property
    def hides_zeros(self) -> bool:
        """Whether zeros and full counts are suppressed."""
        return self.zeros == "suppress"


class Gate(_Strict):
    """Which named profile of thresholds in `expectations/thresholds.toml` decides."""

    profile: str = "default"


class Statistics(_Strict):
    """`confidence` of every interval; a family of gaps shares one Benjamini-Hochberg adjustment."""

    confidence: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95


class Schedule(_Strict):
    """When the daily refresh runs, once it is switched on."""

    cron: str = "0 5 * * *"
    timezone: str = "UTC"


class Settings(_Strict):
    """Everything a run needs to know, fixed before it starts."""

    title: str = "Equity measures"
    demo: bool = False
    data_dir: Path = Path("var")
    as_of: dt.date | None = None
    window: Window = Window()
    cohort: Cohort = Cohort()
    catchment_counties: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    disclosure: Disclosure = Disclosure()
    gate: Gate = Gate()
    statistics: Statistics = Statistics()
    schedule: Schedule = Schedule()
    registers: Path | None = None
    settings_file: Path | None = None

    @field_validator("catchment_counties")
    @classmethod
    def _county_codes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for code in value:
            if not re.fullmatch(r"\d{5}", code):
                raise ValueError("each is a five-digit county code (two for the state, three for the county), as text")
        return value

    @model_validator(mode="after")
    def _source_names(self) -> Settings:
        names = [source.name for source in self.sources]
        for name in names:
            if not IDENTIFIER.fullmatch(name):
                raise ValueError("a source's `name` has lower-case letters, digits and underscores only")
        if len(names) != len(set(names)):
            raise ValueError("each source needs a `name` of its own")
        if sum(isinstance(source, IdentityMapSource) for source in self.sources) > 1:
            raise ValueError("one identity map at most")
        area.check_together(self.sources)
        return self

    # Zones (one data folder holds everything that a run writes).
    @property
    def raw_dir(self) -> Path:
        """What was pulled, source-shaped; patient data."""
        return self.data_dir / "raw"

    @property
    def warehouse_path(self) -> Path:
        """dbt's private working database; patient data."""
        return self.data_dir / "warehouse.duckdb"

    @property
    def marts_dir(self) -> Path:
        """What analysts query."""
        return self.data_dir / "marts"

    @property
    def releases_dir(self) -> Path:
        """What was published."""
        return self.data_dir / "releases"

    @property
    def references_path(self) -> Path:
        """Which group each gap is measured against, frozen at the first publication; people may edit it."""
        return self.data_dir / "references.csv"

    @property
    def chart_baselines_path(self) -> Path:
        """Published points of baselines that the register `chart_phases` names, for when the window has left them."""
        return self.data_dir / "chart_baselines.csv"

    @property
    def quarantine_dir(self) -> Path:
        """Rows that could not be used, by run; patient data."""
        return self.data_dir / "quarantine"

    @property
    def dagster_home(self) -> Path:
        """Dagster's own storage, shared by the command line and the web UI."""
        return self.data_dir / "dagster"

    @property
    def demo_registry_dir(self) -> Path:
        """The demo's generated registry."""
        return self.data_dir / "demo_registry"

    def effective_as_of(self) -> dt.date:
        """The day the data are looked at: `as_of`, else today."""
        return self.as_of or dt.date.today()

    def window_bounds(self) -> tuple[dt.date, dt.date]:
        """First and last day of the measured window (whole months, the last one complete by `as_of`)."""
        after = self.effective_as_of() + dt.timedelta(days=1)
        end = after.year * 12 + after.month - 1  # months since year 0, that of `after` not among them
        end -= (end - self.window.year_ends_in) % self.window.moves_by
        starts_on, ends_before = (dt.date(one // 12, one % 12 + 1, 1) for one in (end - self.window.months, end))
        return starts_on, ends_before - dt.timedelta(days=1)


DEMO_AS_OF = dt.date(2026, 6, 30)


def demo_settings(data_dir: Path) -> Settings:
    """Settings of the built-in demo: a generated registry of about 2,400 children in an invented county."""
    registry = data_dir / "demo_registry"
    return Settings(
        title="Demo registry (invented data)",
        demo=True,
        data_dir=data_dir,
        as_of=DEMO_AS_OF,
        registers=PROJECT_ROOT / "seeds",
        sources=(
            RegistryFilesSource(name="registry", path=registry),
            AreaFilesSource(
                name="tracts",
                path=registry / "tracts.csv",
                tract_column="tract_geoid",
                tract_vintage=2020,
                data_year=2023,
                measures=(
                    AreaMeasure(measure="child_population", column="child_population", direction="count"),
                    AreaMeasure(measure="poverty", column="poverty_share", direction="higher_is_worse"),
                    AreaMeasure(measure="deprivation", column="deprivation_index", direction="higher_is_worse"),
                    *(
                        AreaMeasure(
                            measure="children_by_race",
                            column=f"children_{category}",
                            direction="count",
                            category=category,
                        )
                        for category in ("aian", "asian", "black", "hispanic", "multiple", "nhpi", "white")
                    ),
                ),
            ),
        ),
    )


def load_settings(path: Path | None = None, *, data_dir: Path | None = None) -> Settings:
    """Settings from `path`, else from the file that EQUITY_SETTINGS names, else `equity.toml` here, else the demo.

    Relative paths in the file are taken from the file's own folder. Raises SettingsError.
    """
    chosen = path or (Path(os.environ[SETTINGS_FILE_VARIABLE]) if os.environ.get(SETTINGS_FILE_VARIABLE) else None)
    if chosen is None and Path("equity.toml").is_file():
        chosen = Path("equity.toml")
    if chosen is None:
        return demo_settings((data_dir or Path("var")).resolve())
    if not chosen.is_file():
        raise SettingsError(
            "the settings file must exist", where=str(chosen), found="no such file", remedy="`equity init` writes one"
        )
    try:
        content = tomllib.loads(chosen.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(
            "the settings file must be TOML in UTF-8", where=str(chosen), found=str(error), remedy="correct that line"
        ) from None
    return _validated(content, chosen.resolve(), data_dir)


def secret(variable: str, *, setting: str) -> SecretStr:
    """What the environment variable holds that the setting `setting` names. Raises SettingsError."""
    value = os.environ.get(variable, "")
    if not value.strip():
        raise SettingsError(
            f"the environment variable that `{setting}` names is set",
            where=variable,
            found="nothing in it",
            remedy="set it for this process only; never write a secret into the settings file",
        )
    return SecretStr(value)


def _validated(content: dict[str, Any], path: Path, data_dir: Path | None) -> Settings:
    base = path.parent
    try:
        settings = Settings.model_validate({**content, "settings_file": path})
    except ValidationError as error:
        wrong = error.errors(include_url=False)
        raise SettingsError(
            rule_of(wrong[0], content),
            where=str(path),
            found=found_of(wrong),
            remedy="`equity init --print` shows every setting with its meaning",
        ) from None
    sources = tuple(_in_folder(source, base) for source in settings.sources)
    return settings.model_copy(
        update={
            "sources": sources,
            "data_dir": (data_dir or base / settings.data_dir).resolve(),
            "registers": (base / settings.registers).resolve() if settings.registers else None,
        }
    )


def _in_folder(part: Part, base: Path) -> Part:
    """The same settings with every relative path in them taken from `base`."""
    paths = {name: base / value for name, value in part if isinstance(value, Path)}
    parts = {name: _in_folder(value, base) for name, value in part if isinstance(value, BaseModel)}
    return part.model_copy(update={**paths, **parts})
