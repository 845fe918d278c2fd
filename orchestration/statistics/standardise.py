"""Standardised rates, proportions, means and ratios: what a group's value would be with a standard's ages and sexes.

Arrays of shape (cells, groups): a cell is one age band and sex. Direct standardisation weights the group's own values
by a standard population; indirect standardisation compares the events of a group with those expected at reference
rates. An element that cannot be given is NaN.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import gammaincinv  # type: ignore[import-untyped]

from orchestration.errors import StatisticsError
from orchestration.statistics.checks import require_counts, require_part
from orchestration.statistics.intervals import (
    BoolArray,
    FloatArray,
    poisson_rate,
    sample_variance,
    t_quantile,
    wilson,
)

# Below so many events a directly standardised rate is not given: its weights rest on almost nothing.
DIRECT_FROM_EVENTS = 10
# Dobson's limits do not know of a cell whose one expected event did not come; docs/methods.md has what they then cover.
HEAVY = 4.0


class Standardised(NamedTuple):
    """Value and limits per group."""

    value: FloatArray
    low: FloatArray
    high: FloatArray

    def where(self, given: BoolArray) -> Standardised:
        """The same where `given`, NaN elsewhere."""
        return Standardised(*(np.where(given, number, np.nan) for number in self))


def direct_rate(
    events: FloatArray,
    exposure: FloatArray,
    weights: FloatArray,
    confidence: float,
    design_effect: FloatArray | float = 1.0,
) -> Standardised:
    """Directly standardised rate with Dobson's limits (Dobson et al. 1991) around Byar's for the number of events.

    v ± √(var / O) · (Byar(O) - O), var = Σ w²·x / n² / (Σw)². Where `has_heavy_event`, Fay and Feuer's gamma limits
    (1997) instead, which allow for the event that a cell of few people did not have. `weights` are the standard's,
    shape (cells,) or (cells, groups). With a `design_effect` D events count as bursts of D: O / D of them, each with D
    times the weight. NaN below DIRECT_FROM_EVENTS events in all and where a weighted cell has no exposure.
    """
    require_counts("direct_rate", events=events)
    require_counts("direct_rate", whole=False, exposure=exposure, weights=weights)
    weight = _weights(weights, exposure)
    observed = events.sum(axis=0)
    each = _weight_of_an_event(exposure, weight)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = (each * events).sum(axis=0)
        variance = (each**2 * events).sum(axis=0)
        scale = np.sqrt(variance / observed)
        limits = poisson_rate(observed, np.ones_like(observed), confidence, design_effect)
        low, high = (value + scale * (limit - observed) for limit in limits)
    heaviest = each.max(axis=0, initial=0.0) * design_effect
    gamma_low, gamma_high = _gamma_limits(value, variance * design_effect, heaviest, confidence)
    heavy = has_heavy_event(events, exposure, weights)
    low, high = np.where(heavy, gamma_low, np.maximum(low, 0.0)), np.where(heavy, gamma_high, high)
    return Standardised(value, low, high).where(_complete(weight, exposure) & (observed >= DIRECT_FROM_EVENTS))


def has_heavy_event(events: FloatArray, exposure: FloatArray, weights: FloatArray) -> BoolArray:
    """Per group whether an event in some cell would weigh over HEAVY times as much as the group's events do.

    An event weighs its cell's share of the standard over its exposure. The group's events weigh Σ w²·x / Σ w·x, which
    is the mean that their variance depends on.
    """
    each = _weight_of_an_event(exposure, _weights(weights, exposure))
    with np.errstate(divide="ignore", invalid="ignore"):
        usual = (each**2 * events).sum(axis=0) / (each * events).sum(axis=0)
        return np.asarray(each.max(axis=0, initial=0.0) > HEAVY * usual, dtype=np.bool_)


def _weight_of_an_event(exposure: FloatArray, weight: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.where((weight > 0) & (exposure > 0), weight / exposure, 0.0) / weight.sum(axis=0)
    return np.asarray(each, dtype=np.float64)


def _gamma_limits(
    value: FloatArray, variance: FloatArray, heaviest: FloatArray, confidence: float
) -> tuple[FloatArray, FloatArray]:
    tail = (1 - confidence) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        low = gammaincinv(value**2 / variance, tail) * variance / value
        more, spread = value + heaviest, variance + heaviest**2
        high = gammaincinv(more**2 / spread, 1 - tail) * spread / more
    return low, high


def direct_proportion(
    successes: FloatArray, trials: FloatArray, weights: FloatArray, confidence: float
) -> Standardised:
    """Directly standardised proportion with Wilson limits for the number of people that would be as precise.

    That effective number is p(1 - p) / var with var = Σ w²·p'(1 - p')/n / (Σw)² (Korn and Graubard 1998), at most the
    people there are; p' of a cell has half a success and half a failure more than p. NaN below
    DIRECT_FROM_EVENTS successes or failures and where a weighted cell has nobody.
    """
    require_counts("direct_proportion", successes=successes, trials=trials)
    require_counts("direct_proportion", whole=False, weights=weights)
    require_part("direct_proportion", successes, trials)
    weight = _weights(weights, trials)
    total, people, counted = weight.sum(axis=0), trials.sum(axis=0), successes.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(weight > 0, successes / trials, 0.0)
        value = (weight * share).sum(axis=0) / total
        # A cell of one child is not certain of its 0 % or 100 %: half a success and half a failure in its variance.
        near = (successes + 0.5) / (trials + 1)
        variance = np.where(weight > 0, weight**2 * near * (1 - near) / trials, 0.0).sum(axis=0) / total**2
        effective = np.fmin(value * (1 - value) / variance, people)
        low, high = wilson(value * effective, effective, confidence)
    enough = np.minimum(counted, people - counted) >= DIRECT_FROM_EVENTS
    return Standardised(value, low, high).where(_complete(weight, trials) & enough)


def direct_mean(
    total: FloatArray, count: FloatArray, sum_of_squares: FloatArray, weights: FloatArray, confidence: float
) -> Standardised:
    """Directly standardised mean, t limits with Satterthwaite's degrees of freedom; NaN where a cell has one value."""
    require_counts("direct_mean", whole=False, weights=weights)
    weight = _weights(weights, count)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = weight / weight.sum(axis=0)
        value = np.where(weight > 0, share * total / count, 0.0).sum(axis=0)
        parts = np.where(weight > 0, share**2 * sample_variance(total, count, sum_of_squares) / count, 0.0)
        variance = parts.sum(axis=0)
        degrees = variance**2 / np.where(weight > 0, parts**2 / (count - 1), 0.0).sum(axis=0)
        half = t_quantile(np.nan_to_num(degrees), confidence) * np.sqrt(variance)
    return Standardised(value, value - half, value + half).where(_complete(weight, count) & (variance > 0))


def indirect_ratio(
    observed: FloatArray, expected: FloatArray, confidence: float, *, design_effect: FloatArray | float = 1.0
) -> Standardised:
    """Observed over expected events with exact Poisson limits below 10 observed events and Byar's from 10.

    `design_effect` widens the limits where patients have several events, as `intervals.poisson_rate` says.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(expected > 0, observed / expected, np.nan)
    return Standardised(ratio, *poisson_rate(observed, expected, confidence, design_effect))


def indirect_share(observed: FloatArray, trials: FloatArray, expected: FloatArray, confidence: float) -> Standardised:
    """Observed over expected people with Wilson's limits of their share: never more of them than there are."""
    require_counts("indirect_share", observed=observed, trials=trials)
    require_part("indirect_share", observed, trials)
    with np.errstate(divide="ignore", invalid="ignore"):
        per_share = np.where(expected > 0, trials / expected, np.nan)
        return Standardised(*(part * per_share for part in (observed / trials, *wilson(observed, trials, confidence))))


def expected_events(exposure: FloatArray, reference_events: FloatArray, reference_exposure: FloatArray) -> FloatArray:
    """Events that each group would have at the reference's rates; NaN where a cell with exposure has no reference."""
    require_counts("expected_events", whole=False, exposure=exposure)
    require_counts("expected_events", whole=False, events=reference_events, reference_exposure=reference_exposure)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = reference_events / reference_exposure
    rate = np.broadcast_to(rate if rate.ndim == 2 else rate[:, None], exposure.shape)
    return np.asarray(np.where(exposure > 0, rate * exposure, 0.0).sum(axis=0), dtype=np.float64)


def _weights(weights: FloatArray, like: FloatArray) -> FloatArray:
    shaped = weights if weights.ndim == 2 else weights[:, None]
    if shaped.shape[0] != like.shape[0] or shaped.shape[1] not in (1, like.shape[1]):
        raise StatisticsError(
            "a standard has one weight per cell, or per cell and group",
            where="standardisation",
            found=f"weights of shape {weights.shape} beside cells and groups of shape {like.shape}",
            remedy="give the weights in the order of the cells",
        )
    return np.broadcast_to(shaped, like.shape)


def _complete(weight: FloatArray, exposure: FloatArray) -> BoolArray:
    return np.asarray(((weight == 0) | (exposure > 0)).all(axis=0) & (weight.sum(axis=0) > 0), dtype=np.bool_)
