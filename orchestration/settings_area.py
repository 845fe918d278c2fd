"""Settings of the sources about neighborhoods: census, indices, crosswalks between tract vintages, geocoded addresses.

What a source may be told and which combinations are refused stands here; how it is read, in `orchestration/sources`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Direction = Literal["higher_is_worse", "higher_is_better", "count", "composition"]
Vintage = Literal[2010, 2020]
Year = Annotated[int, Field(ge=2009, le=2100)]
AcsMeasure = Literal[
    "child_population",
    "poverty",
    "child_poverty",
    "median_income",
    "limited_english",
    "uninsured",
    "single_parent",
    "vacancy",
    "children_by_race",
]
ACS_MEASURES: tuple[AcsMeasure, ...] = (
    *("child_population", "poverty", "child_poverty", "median_income", "limited_english"),
    *("uninsured", "single_parent", "vacancy", "children_by_race"),
)
# ESRI's and others' reading of ACS estimates: up to 12 % high, up to 40 % medium, above 40 % low reliability.
CV_LIMIT = 0.40
_CIRCULAR = "this index counts race and ethnicity among its parts, so race gaps compared within its fifths are circular"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CensusAcsSource(_Strict):
    """Five-year ACS estimates of tracts from the Census Data API, one pinned vintage, as shares with their margins."""

    type: Literal["census_acs"] = "census_acs"
    name: str
    year: Year
    counties: tuple[str, ...] = ()
    measures: tuple[AcsMeasure, ...] = ACS_MEASURES
    api_key_variable: str = "CENSUS_API_KEY"
    cv_limit: Annotated[float, Field(gt=0, le=10)] = CV_LIMIT
    base_url: str = "https://api.census.gov/data"
    attempts: Annotated[int, Field(ge=1, le=20)] = 6
    timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 60.0

    @field_validator("counties")
    @classmethod
    def _county_codes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(len(code) != 5 or not code.isdecimal() or not code.isascii() for code in value):
            raise ValueError("each is a five-digit county code as text")
        return value

    @field_validator("measures")
    @classmethod
    def _some_measure(cls, value: tuple[AcsMeasure, ...]) -> tuple[AcsMeasure, ...]:
        if not value or len(value) != len(set(value)):
            raise ValueError("names each measure once, and one at least")
        return value

    @field_validator("base_url")
    @classmethod
    def _closed_line(cls, value: str) -> str:
        local = value.startswith(("http://127.0.0.1:", "http://localhost:"))
        if not (value.startswith("https://") or local):
            raise ValueError("begins with https://, for the key goes with every request")
        return value.rstrip("/")

    @property
    def tract_vintage(self) -> Vintage:
        """The census whose tracts the estimates are for: ACS 2016-2020 was the first with those of 2020."""
        return 2020 if self.year >= 2020 else 2010


class AcsColumn(_Strict):
    """One line of a downloaded table: `column` without its last letter (S1701_C03_002), `label` as the file has it.

    `divisor`: 100 for a line that is in percent, so that shares are shares.
    """

    measure: str
    column: str
    label: str
    direction: Direction
    category: str = ""
    divisor: Annotated[float, Field(gt=0)] = 1.0


class AcsFilesSource(_Strict):
    """A table downloaded from the Census web site: a zip, or the CSV with two header rows out of it."""

    type: Literal["acs_files"] = "acs_files"
    name: str
    path: Path
    year: Year
    columns: tuple[AcsColumn, ...]
    cv_limit: Annotated[float, Field(gt=0, le=10)] = CV_LIMIT

    @property
    def tract_vintage(self) -> Vintage:
        """The census whose tracts the estimates are for."""
        return 2020 if self.year >= 2020 else 2010


SviMeasure = Literal["theme1", "theme2", "theme3", "theme4", "overall"]
AdiMeasure = Literal["national", "state"]
CoiMeasure = Literal["overall", "education", "health", "social"]
DepMeasure = Literal["dep_index", "poverty", "assisted_income", "high_school", "median_income", "uninsured", "vacant"]
NONE = "none"


class _IndexSource(_Strict):
    """What the index sources have in common: one score says what deprivation is, or none; others are kept beside."""

    deprivation: str = NONE
    also: tuple[str, ...] = ()

    @property
    def scores(self) -> tuple[str, ...]:
        """The scores that are read, each once; with no deprivation and none beside, the index's main one."""
        chosen = [score for score in dict.fromkeys((self.deprivation, *self.also)) if score != NONE]
        return tuple(chosen) or (str(type(self).model_fields["deprivation"].default),)


class SviFilesSource(_IndexSource):
    """CDC/ATSDR Social Vulnerability Index: percentile ranks from 0 to 1, higher is worse."""

    type: Literal["svi_files"] = "svi_files"
    name: str
    path: Path
    tract_vintage: Vintage
    data_year: Year
    ranking: Literal["us", "state"] = "us"
    tract_column: str = "FIPS"
    deprivation: SviMeasure | Literal["none"] = "theme1"
    also: tuple[SviMeasure, ...] = ()

    @field_validator("deprivation")
    @classmethod
    def _without_race(cls, value: str) -> str:
        if value in ("theme3", "overall"):
            raise ValueError(f"`{value}` cannot group children: {_CIRCULAR} (theme 3 is race; use theme1)")
        return value


class AdiFilesSource(_IndexSource):
    """Area Deprivation Index: ranks of block groups (1-100 nationally, 1-10 in a state), or averages of tracts.

    Block groups need their people, in a column of the file or in a file of their own.
    """

    type: Literal["adi_files"] = "adi_files"
    name: str
    path: Path
    tract_vintage: Vintage
    data_year: Year
    release: str
    unit: Literal["block_group", "tract"] = "block_group"
    key_column: str = "FIPS"
    national_column: str = "ADI_NATRANK"
    state_column: str = "ADI_STATERNK"
    population_column: str | None = None
    population_file: Path | None = None
    population_key_column: str = "FIPS"
    deprivation: AdiMeasure | Literal["none"] = "national"
    also: tuple[AdiMeasure, ...] = ()

    @model_validator(mode="after")
    def _people(self) -> AdiFilesSource:
        if self.unit == "block_group" and self.population_column is None:
            raise ValueError(
                "block groups are averaged by their people: name `population_column`, and `population_file` "
                'where it is another file; a file that has tracts already is `unit = "tract"`'
            )
        return self


class CoiFilesSource(_IndexSource):
    """Child Opportunity Index: z-scores of tracts, higher is better. `release` and year stand on every row."""

    type: Literal["coi_files"] = "coi_files"
    name: str
    path: Path
    tract_vintage: Vintage
    data_year: Year
    release: str
    tract_column: str | None = None
    columns: dict[CoiMeasure, str] = Field(default_factory=dict)
    deprivation: CoiMeasure | Literal["none"] = "overall"
    also: tuple[CoiMeasure, ...] = ()


class DepIndexFilesSource(_IndexSource):
    """Brokamp's deprivation index: from 0 to 1, higher is worse, with the fractions that it is made of."""

    type: Literal["dep_index_files"] = "dep_index_files"
    name: str
    path: Path
    tract_vintage: Vintage
    data_year: Year
    tract_column: str | None = None
    deprivation: Literal["dep_index", "none"] = "dep_index"
    also: tuple[DepMeasure, ...] = ()


class TractCrosswalkSource(_Strict):
    """How tracts of one census lie in those of another: weights as they are, or a Census relationship file.

    `one_to_one`: each tract has another name and nothing else (Connecticut's planning regions; one vintage then).

    `weight_column`: the share of the from-tract that lies in the to-tract; without it, shares come from
    `part_column`, the land area or the number of people of each part.
    """

    type: Literal["tract_crosswalk"] = "tract_crosswalk"
    name: str
    path: Path
    from_vintage: Vintage
    to_vintage: Vintage
    form: Literal["weights", "one_to_one", "relationship"] = "weights"
    from_column: str | None = None
    to_column: str | None = None
    weight_column: str = "weight"
    part_column: str = "AREALAND_PART"
    part_is: Literal["land area", "people"] = "land area"


class GeocodeFilesSource(_Strict):
    """What a geocoder made of a registry's addresses. `addresses`: whose each is, if it does not say."""

    type: Literal["geocode_files"] = "geocode_files"
    name: str
    path: Path
    registry: str = "registry"
    form: Literal["degauss", "census"] = "degauss"
    tract_vintage: Vintage
    tract_column: str = "census_tract_id"
    addresses: Path | None = None
    address_id_column: str = "address_id"
    min_score: Annotated[float, Field(ge=0, le=1)] = 0.5
    precisions: tuple[str, ...] = ("range", "street")
    accepts_non_exact: bool = True

    @model_validator(mode="after")
    def _whose(self) -> GeocodeFilesSource:
        if self.form == "census" and self.addresses is None:
            raise ValueError("the Census output has an id and no person: name the list of addresses in `addresses`")
        return self


FileSource = (
    SviFilesSource
    | AdiFilesSource
    | CoiFilesSource
    | DepIndexFilesSource
    | AcsFilesSource
    | TractCrosswalkSource
    | GeocodeFilesSource
)
IndexSource = SviFilesSource | AdiFilesSource | CoiFilesSource | DepIndexFilesSource
INDEX_SOURCES = (SviFilesSource, AdiFilesSource, CoiFilesSource, DepIndexFilesSource)
AREA_SOURCES = (*INDEX_SOURCES, AcsFilesSource, CensusAcsSource)
_RACE_COLUMNS = ("theme3", "themes")


def is_of_race(column: str) -> bool:
    """Whether a column's name is that of an index with race in it: SVI's theme 3 or its sum (R_PL in 2010)."""
    name = column.lower().replace("r_pl_", "rpl_")
    return name in {f"{kind}_{theme}" for kind in ("rpl", "spl") for theme in _RACE_COLUMNS}


def _says_deprivation(source: Any) -> bool:
    if isinstance(source, INDEX_SOURCES):
        return bool(source.deprivation != NONE)
    if source.type == "area_files":
        return any(measure.measure == "deprivation" for measure in source.measures)
    return isinstance(source, AcsFilesSource) and any(column.measure == "deprivation" for column in source.columns)


def check_together(sources: Iterable[Any]) -> None:
    """Refuse sources that would mix indices, editions or registries without anyone noticing. Raises ValueError.

    Values of two indices, releases or years are not on one scale: fifths cut from both, or a trend across them, would
    show the change of the index and not of the neighbourhood.
    """
    sources = tuple(sources)
    feeding = [source.name for source in sources if _says_deprivation(source)]
    if len(feeding) > 1:
        raise ValueError(
            f"one index, release and year says what deprivation is; {' and '.join(feeding)} all do, and their values "
            'are not comparable: no mix and no trend. Keep one: `deprivation = "none"`, or no such measure'
        )
    for source in sources:
        if source.type == "area_files":
            for measure in source.measures:
                if measure.measure in ("deprivation", "poverty") and is_of_race(measure.column):
                    raise ValueError(f"the column {measure.column} cannot group children: {_CIRCULAR}")
    pairs = [(each.from_vintage, each.to_vintage) for each in sources if isinstance(each, TractCrosswalkSource)]
    if len(pairs) != len(set(pairs)):
        raise ValueError("one crosswalk leads from one census to another: with two, people would be counted twice")
    registries = {source.name for source in sources if source.type not in _NOT_REGISTRIES}
    for source in sources:
        if isinstance(source, GeocodeFilesSource) and source.registry not in registries:
            known = ", ".join(sorted(registries)) or "none is configured"
            raise ValueError(
                f"`registry` of {source.name} names a source of patients ({known}), and {source.registry!r} is none"
            )


_NOT_REGISTRIES = frozenset(
    {"area_files", "geocode_files", "tract_crosswalk", *(each.model_fields["type"].default for each in AREA_SOURCES)}
)
