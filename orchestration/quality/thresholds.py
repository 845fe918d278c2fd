"""Reads and checks the data steward's thresholds file: named profiles of rules, one rule per field and metric.

What a rule means is in the head of `expectations/thresholds.toml`. Nothing here looks at data.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from orchestration.errors import SettingsError
from orchestration.quality_metrics import FIELDS, MEASURE_SPECIFIC, METRICS, Metric
from orchestration.settings import PROJECT_ROOT

THRESHOLDS_FILE = PROJECT_ROOT / "expectations" / "thresholds.toml"
PLACEHOLDERS = frozenset({"value", "limit", "needed", "at_site", "period"})

Level = Literal["warn", "hold"]
LEVELS: tuple[Level, ...] = ("hold", "warn")
_M = TypeVar("_M", bound=BaseModel)
_Limit = Annotated[float, Field(ge=-1000.0, le=1000.0, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Condition(_Strict):
    """Another metric of the same field and slice, and the side of a limit on which a rule judges at all."""

    metric: str
    above: _Limit | None = None
    below: _Limit | None = None

    @model_validator(mode="after")
    def _one_side(self) -> Condition:
        if self.metric not in METRICS:
            raise ValueError(f"`only_if.metric` is one of {', '.join(METRICS)}")
        if (self.above is None) == (self.below is None):
            raise ValueError("`only_if` has either `above` or `below`")
        return self

    def words(self) -> str:
        """The condition as the reports show it."""
        side = f"above {self.above:g}" if self.above is not None else f"below {self.below:g}"
        return f"{self.metric.replace('_', ' ')} is {side}"


class Rule(_Strict):
    """One threshold rule; `field` and `name` are its place in the file, `metric` is its name unless given."""

    field: str
    name: str
    metric: str
    warn_below: _Limit | None = None
    hold_below: _Limit | None = None
    warn_above: _Limit | None = None
    hold_above: _Limit | None = None
    min_n: Annotated[int, Field(ge=1, le=1_000_000)]
    when_few: Literal["warn", "pass"]
    must_exist: bool = False
    only_if: Condition | None = None
    only_if_interval_excludes_zero: bool = False
    only_if_standard_errors_above_baseline: Annotated[float, Field(gt=0, le=100)] | None = None
    carry_forward: bool = False
    grains: tuple[Literal["month", "quarter", "year"], ...] = ("month", "quarter", "year")
    reason: Annotated[str, Field(min_length=1)]
    source: Annotated[str, Field(min_length=1)]

    @property
    def kind(self) -> Metric:
        """The metric that the rule looks at."""
        return METRICS[self.metric]

    @property
    def is_lower_bound(self) -> bool:
        """True when too low a value fails."""
        return self.warn_below is not None or self.hold_below is not None

    @property
    def is_measure_specific(self) -> bool:
        """True when the metric is given per measure."""
        return self.metric in MEASURE_SPECIFIC

    @property
    def baseline(self) -> str:
        """The metric that holds this metric's usual value at the same site, if there is one of that name."""
        return f"{self.metric}_baseline_median"

    def limit(self, level: Level) -> float | None:
        """The limit at which the verdict becomes `level`, None when the rule never gives it."""
        below, above = (self.warn_below, self.warn_above) if level == "warn" else (self.hold_below, self.hold_above)
        return below if self.is_lower_bound else above

    @field_validator("reason")
    @classmethod
    def _known_placeholders(cls, value: str) -> str:
        unknown = set(re.findall(r"{([^}]*)}", value)) - PLACEHOLDERS
        if unknown or value.count("{") != value.count("}"):
            raise ValueError(f"`reason` may hold {', '.join('{' + name + '}' for name in sorted(PLACEHOLDERS))} only")
        return value

    @model_validator(mode="after")
    def _coherent(self) -> Rule:
        if self.field not in FIELDS:
            raise ValueError(f"a rule's field is one of {', '.join(FIELDS)}")
        if self.metric not in METRICS:
            raise ValueError(f"a rule's metric is one of {', '.join(METRICS)}")
        self._check_limits()
        if self.only_if and (self.only_if.metric in MEASURE_SPECIFIC) != self.is_measure_specific:
            raise ValueError("`only_if` names a metric that is given for the same slices as the rule's metric")
        if self.only_if_interval_excludes_zero and self.kind.kind != "difference":
            raise ValueError("`only_if_interval_excludes_zero` belongs to a metric that is a difference")
        if self.only_if_standard_errors_above_baseline is not None and self.baseline not in METRICS:
            raise ValueError("`only_if_standard_errors_above_baseline` belongs to a share that has a baseline")
        if self.must_exist and self.is_measure_specific:
            raise ValueError("`must_exist` belongs to a metric that is given for every slice, not per measure")
        return self

    def _check_limits(self) -> None:
        below = [limit for limit in (self.warn_below, self.hold_below) if limit is not None]
        above = [limit for limit in (self.warn_above, self.hold_above) if limit is not None]
        if bool(below) == bool(above):
            raise ValueError("a rule has limits below or limits above, and not both")
        if below and self.kind.kind == "difference":
            raise ValueError("a difference is judged by its size and so has limits above only")
        if any(not 0 <= limit <= 1 for limit in below + above) and self.kind.kind in ("share", "difference"):
            raise ValueError("the limits of a share lie between 0 and 1")
        if len(below) == 2 and below[0] < below[1]:
            raise ValueError("`warn_below` must not be lower than `hold_below`: else it is held before it is warned of")
        if len(above) == 2 and above[0] > above[1]:
            raise ValueError(
                "`warn_above` must not be higher than `hold_above`: else it is held before it is warned of"
            )


class _ProfileText(_Strict):
    title: Annotated[str, Field(min_length=1)]
    is_verified: bool
    note: str = ""
    hold_gap_missing_above: Annotated[float, Field(ge=0, le=1)] | None = None
    measure_fields: dict[str, tuple[str, ...]] = {}


@dataclass(frozen=True)
class Profile:
    """A named set of rules. `measure_fields`: for a field, the measures that stand on it however they are grouped.

    `hold_gap_missing_above`: the share of a field that may be unknown where a gap's sign depends on it; None for any.
    """

    name: str
    title: str
    is_verified: bool
    note: str
    rules: tuple[Rule, ...]
    sha256: str
    measure_fields: dict[str, tuple[str, ...]] = field(default_factory=dict)
    hold_gap_missing_above: float | None = None

    def rules_of(self, name: str) -> tuple[Rule, ...]:
        """The rules of one field, in the order of the file."""
        return tuple(rule for rule in self.rules if rule.field == name)


def file_sha256(path: Path = THRESHOLDS_FILE) -> str:
    """SHA-256 of the thresholds file, '' when there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def load_profile(name: str, path: Path = THRESHOLDS_FILE) -> Profile:
    """The profile `name` with what it is based on. Raises SettingsError for an unusable file, profile or rule."""
    if not path.is_file():
        raise SettingsError("the thresholds file must exist", where=str(path), remedy="restore it from version control")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(
            "the thresholds file must be TOML in UTF-8", where=str(path), found=str(error), remedy="correct that line"
        ) from None
    profiles = content.get("profiles", {})
    if set(content) - {"profiles"} or not isinstance(profiles, dict):
        raise _problem(path, "", "everything stands under [profiles.…]", found=", ".join(sorted(content)))
    table = _merged(profiles, name, path, seen=())
    rules = _rules(table.pop("rules", {}), path, f"profiles.{name}.rules")
    text = _model(_ProfileText, table, path, f"profiles.{name}")
    for named in text.measure_fields:
        if not any(rule.field == named for rule in rules):
            raise _problem(
                path, f"profiles.{name}.measure_fields", "each field that a measure stands on has a rule", found=named
            )
    return Profile(
        name=name,
        title=text.title,
        is_verified=text.is_verified,
        note=text.note,
        rules=rules,
        sha256=file_sha256(path),
        measure_fields=text.measure_fields,
        hold_gap_missing_above=text.hold_gap_missing_above,
    )


def _merged(profiles: dict[str, Any], name: str, path: Path, seen: tuple[str, ...]) -> dict[str, Any]:
    """The profile's table; whole fields that it does not name come from the profile it is based on."""
    if not isinstance(profiles.get(name), dict):
        raise SettingsError(
            f"the profile `{name}` must be in the thresholds file",
            where=str(path),
            found=f"profiles {', '.join(sorted(profiles)) or '(none)'}",
            remedy="correct `gate.profile` in equity.toml, or add the profile",
        )
    table = dict(profiles[name])
    base_name = table.pop("based_on", None)
    if base_name is None:
        return table
    if not isinstance(base_name, str) or base_name in (*seen, name):
        raise _problem(path, f"profiles.{name}.based_on", "a profile is based on another one", found=repr(base_name))
    base = _merged(profiles, base_name, path, (*seen, name))
    merged = {**base, **table}
    for part in ("rules", "measure_fields"):
        merged[part] = {**base.get(part, {}), **table.get(part, {})}
    return merged


def _rules(fields: Any, path: Path, place: str) -> tuple[Rule, ...]:
    rules = []
    for field_name, named in _tables(fields, path, place):
        for rule_name, body in _tables(named, path, f"{place}.{field_name}"):
            content = {"metric": rule_name, **body, "field": field_name, "name": rule_name}
            rules.append(_model(Rule, content, path, f"{place}.{field_name}.{rule_name}"))
    if not rules:
        raise _problem(path, place, "a profile has at least one rule", found="none")
    return tuple(rules)


def _tables(value: Any, path: Path, place: str) -> list[tuple[str, dict[str, Any]]]:
    if not isinstance(value, dict) or not all(isinstance(item, dict) for item in value.values()):
        raise _problem(path, place, "rules are tables named by field and rule", found="something else than tables")
    return list(value.items())


def _model(model: type[_M], content: dict[str, Any], path: Path, place: str) -> _M:
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        where = f"{place}.{key}" if key else place
        raise _problem(path, where, message, found=f"{error.error_count()} problem(s)") from None


def _problem(path: Path, place: str, rule: str, *, found: str) -> SettingsError:
    return SettingsError(
        f"`{place}`: {rule}" if place else rule,
        where=str(path),
        found=found,
        remedy="the head of the file explains every key; correct the rule and run again",
    )
