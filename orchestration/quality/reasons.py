"""Words: the sentence behind a verdict, and a threshold as people read it.

A value that would give away a small count of children is replaced by the limit that it crossed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestration.quality_metrics import FIELDS, Metric

if TYPE_CHECKING:
    from orchestration.quality.thresholds import Level, Rule

_NEEDED = {"hold": "needed", "warn": "wanted"}


def at_site(site: str, site_label: str) -> str:
    """Where, as part of a sentence."""
    if site == "all":
        return "across all sites"
    return "where no site is recorded" if site == "not_recorded" else f"at {site_label}"


def limit_reason(rule: Rule, level: Level, value: float, *, is_hidden: bool, where: str, period: str) -> str:
    """Why a value on the wrong side of a limit warns or holds; without the value where `is_hidden`."""
    limit = rule.limit(level)
    if limit is None:
        raise ValueError(f"rule {rule.field}.{rule.name} never gives the verdict {level}")
    shown_limit = quantity(rule.kind, limit)
    shown = _beyond(rule, limit) if is_hidden else _value(rule, value, limit)
    words = rule.reason.format(value=shown, limit=shown_limit, needed=_NEEDED[level], at_site=where, period=period)
    return words[0].upper() + words[1:]


def few_reason(rule: Rule, *, where: str) -> str:
    """Why a slice with too few children warns."""
    recorded = f"how {FIELDS[rule.field]} {_be(rule.field)} recorded"
    return f"Too few children {where} to judge {recorded} (at least {rule.min_n} are needed)"


def absent_reason(rule: Rule, *, where: str) -> str:
    """Why a slice without the metric is held."""
    return f"It was not measured how {FIELDS[rule.field]} {_be(rule.field)} recorded {where}"


def threshold_words(rule: Rule, level: Level) -> str:
    """One limit of a rule, such as `hold below 80 %`; '' when the rule has no such limit."""
    limit = rule.limit(level)
    if limit is None:
        return ""
    return f"{level} {'below' if rule.is_lower_bound else 'above'} {quantity(rule.kind, limit)}"


def condition_words(rule: Rule) -> str:
    """When a rule is asked at all, to follow its limits; '' when always."""
    words = [rule.only_if.words()] if rule.only_if else []
    if rule.only_if_interval_excludes_zero:
        words.append("the interval leaves out zero")
    if rule.only_if_standard_errors_above_baseline is not None:
        words.append(f"more than {rule.only_if_standard_errors_above_baseline:g} standard errors above its usual level")
    return ", where " + " and ".join(words) if words else ""


def quantity(metric: Metric, value: float, decimals: int | None = None) -> str:
    """A value of the metric with its unit; as few decimals as it needs unless `decimals` is given."""
    if _is_in_hundredths(metric):
        unit = "percentage points" if metric.kind == "difference" else "%"
        number = f"{100 * value:.{decimals}f}" if decimals is not None else f"{100 * value:.6g}"
        return f"{number} {unit}"
    return f"{value:.{decimals}f}" if decimals is not None else f"{value:.6g}"


def _value(rule: Rule, value: float, limit: float) -> str:
    """The value with as many decimals as it takes to stand visibly on its side of the limit."""
    size = abs(value) if rule.kind.kind == "difference" else value
    in_hundredths = _is_in_hundredths(rule.kind)
    scale = 100 if in_hundredths else 1
    first = 2 if rule.kind.kind == "index" and not in_hundredths else 0
    for decimals in range(first, first + 4):
        shown = round(size * scale, decimals)
        if shown < limit * scale if rule.is_lower_bound else shown > limit * scale:
            return quantity(rule.kind, size, decimals)
    return f"just {'under' if rule.is_lower_bound else 'over'} {quantity(rule.kind, limit)}"


def _beyond(rule: Rule, limit: float) -> str:
    """That the value is on the wrong side of the limit, and no more than that."""
    if rule.kind.kind == "share" and not rule.is_lower_bound and limit == 0:
        return "some"
    return f"{'less' if rule.is_lower_bound else 'more'} than {quantity(rule.kind, limit)}"


def _is_in_hundredths(metric: Metric) -> bool:
    return metric.kind in ("share", "difference") or metric.is_in_pct


def _be(field: str) -> str:
    return "are" if field == "race_ethnicity" else "is"
