"""Whether an estimate rests on enough people to be shown as reliable: the NCHS data presentation standards.

Reliability is not disclosure: it asks whether a number means something, not whether it points to somebody. The
standards are defined on 95 % intervals, so these functions take or compute 95 % intervals, whatever is displayed.

The standards' outcomes map to ours so: "present" (with or without the footnote about the complement) is `reliable`;
"suppress" is `unreliable` (we mark the number instead of hiding it, because hiding is disclosure control's business);
"statistician's review", which NCHS asks for at 0 % and 100 %, is `not_assessed`: no program can stand in for the
review, so such a row is never called reliable and never becomes a reference group.

`not_applicable` is no outcome of the standards: nobody is in the group, so there is no estimate to judge.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from orchestration.statistics.intervals import BoolArray, FloatArray, Interval, clopper_pearson

STANDARD_CONFIDENCE = 0.95

RELIABLE, UNRELIABLE, NOT_ASSESSED = "reliable", "unreliable", "not_assessed"
NOT_APPLICABLE = "not_applicable"

# From best to worst: a comparison is as reliable as its less reliable side, and there is none with a group of nobody.
_WORSENING = (RELIABLE, NOT_ASSESSED, UNRELIABLE, NOT_APPLICABLE)

StatusArray = npt.NDArray[np.object_]


def proportion_status(successes: FloatArray, trials: FloatArray) -> StatusArray:
    """NCHS standards for proportions (Parker et al. 2017, Vital Health Stat 2(175)), for simple random samples.

    The effective sample size is then the number of people and the Korn-Graubard interval is Clopper-Pearson's. In
    order: fewer than 30 people: unreliable; 0 % or 100 %: review; interval width at most 0.05: reliable; at least
    0.30: unreliable; width above 130 % of the proportion: unreliable; else reliable. NaN (withheld): not assessed.
    Nobody: not applicable.
    """
    interval = clopper_pearson(successes, trials, STANDARD_CONFIDENCE)
    with np.errstate(divide="ignore", invalid="ignore"):
        proportion = successes / trials
    return _decide(
        (trials == 0, NOT_APPLICABLE),
        (~(trials > 0), NOT_ASSESSED),
        (trials < 30, UNRELIABLE),
        ((successes == 0) | (successes == trials), NOT_ASSESSED),
        (~is_narrow_proportion(proportion, interval), UNRELIABLE),
        otherwise=RELIABLE,
    )


def is_narrow_proportion(proportion: FloatArray, interval95: Interval) -> BoolArray:
    """Whether a 95 % interval is narrow enough for the NCHS standards for proportions, by its width alone."""
    width = interval95.high - interval95.low
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((width <= 0.05) | ((width < 0.30) & (width / proportion <= 1.30)), dtype=np.bool_)


def is_narrow_rate(rate: FloatArray, interval95: Interval) -> BoolArray:
    """Whether a 95 % interval is narrow enough for the NCHS standards for rates: at most 160 % of the rate."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((interval95.high - interval95.low) / rate <= 1.60, dtype=np.bool_)


def rate_status(
    events: FloatArray, effective_events: FloatArray, n_patients: FloatArray, rate: FloatArray, interval95: Interval
) -> StatusArray:
    """NCHS standards for rates (Parker et al. 2023, Vital Health Stat 2(200)): 10 or more, and narrow enough.

    Sample size of the denominator: people, not person-time. Of the numerator: the effective number of events, events
    divided by the design effect where patients have several, never more than the events. Both must be 10 or more and
    the 95 % interval no wider than 160 % of the rate. NaN (withheld): not assessed. No person-time, which is a rate of
    NaN where the events are known: not applicable.
    """
    sample = np.minimum(events, effective_events)
    return _decide(
        (np.isnan(rate) & (events == 0), NOT_APPLICABLE),
        (~np.isfinite(rate), NOT_ASSESSED),
        ((sample < 10) | (n_patients < 10), UNRELIABLE),
        (~is_narrow_rate(rate, interval95), UNRELIABLE),
        otherwise=RELIABLE,
    )


def mean_status(mean: FloatArray, standard_error: FloatArray, count: FloatArray) -> StatusArray:
    """NCHS's older rule for means: at least 30 values and a relative standard error of at most 30 %.

    The newer multistep standards cover proportions, rates and counts only; for other estimates NCHS's surveys keep this
    rule ("Reliability of Estimates", NAMCS and NHAMCS). NaN (withheld): not assessed. Nobody: not applicable.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        relative_error = standard_error / np.abs(mean)
    return _decide(
        (count == 0, NOT_APPLICABLE),
        (~(count > 0), NOT_ASSESSED),
        (count < 30, UNRELIABLE),
        (~(relative_error <= 0.30), UNRELIABLE),
        otherwise=RELIABLE,
    )


def worse_of(first: StatusArray, second: StatusArray) -> StatusArray:
    """The less reliable of two statuses, element by element (reliable, not_assessed, unreliable, not_applicable)."""
    return _worst(first, second, _WORSENING)


def worse_quality(first: StatusArray, second: StatusArray) -> StatusArray:
    """The graver of two verdicts, element by element (publish, warn, hold)."""
    return _worst(first, second, ("publish", "warn", "hold"))


def _worst(first: StatusArray, second: StatusArray, worsening: tuple[str, ...]) -> StatusArray:
    result = np.full(first.shape, worsening[0], dtype=object)
    for status in worsening[1:]:
        result[(first == status) | (second == status)] = status
    return result


def _decide(*rules: tuple[BoolArray, str], otherwise: str) -> StatusArray:
    """The status of the first rule that holds."""
    conditions = [condition for condition, _ in rules]
    chosen = np.select(conditions, list(range(len(rules))), default=len(rules))
    words: StatusArray = np.array([*(status for _, status in rules), otherwise], dtype=object)[chosen]
    return words
