"""Specifications of the indices that sum up all groups of a stratifier, on one worked example."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from orchestration.statistics.inequality_groups import Groups
from orchestration.statistics.inequality_indices import COMPLEX, SIMPLE, unordered_indices
from orchestration.statistics.inequality_limits import (
    SIMULATION_METHOD,
    SIMULATION_METHOD_OF_MORE,
    unordered_limits,
)
from orchestration.statistics.inequality_ordered import BOUNDED, LINEAR, bounded_indices, linear_indices
from tests.spec.methods.method import Method

_VALUES, _PEOPLE = np.array([0.40, 0.30, 0.25, 0.20, 0.15])[:, None], np.array([100.0, 200, 200, 200, 300])[:, None]
_GIVEN = {
    "share with the outcome, most disadvantaged fifth first": "40, 30, 25, 20, 15 %",
    "children": "100, 200, 200, 200, 300",
    "lower is better; reference": "the last one",
}


def _groups() -> Groups:
    error = np.sqrt(_VALUES * (1 - _VALUES) / _PEOPLE)
    return Groups(_VALUES, error, _PEOPLE, np.ones(1), np.array([4]), np.array([4]))


def _unordered() -> Mapping[str, float]:
    return {name: float(number[0]) for name, number in unordered_indices(_groups()).items()}


def _ordered() -> Mapping[str, float]:
    found = linear_indices(_groups(), 0.95) | bounded_indices(_groups(), 0.95)
    return {name: float(numbers.value[0]) for name, numbers in found.items()}


def _limits() -> Mapping[str, float]:
    limits = unordered_limits(_groups(), unordered_indices(_groups()), 0.95, np.ones(1))
    return {
        f"{name}, {end}": float(getattr(limits[name], end)[0]) for name in ("mrd", "mdm_w") for end in ("low", "high")
    }


METHODS = (
    Method(
        "Summary indices without an order",
        "Shares of people p, mean μ = Σ p y. mrd, mrr: largest less and over smallest. srr: mean of the others"
        " over the best."
        " index_of_disparity: 100 |mean of the others − best| / best. bgv: Σ p (y − μ)², bgsd its root, cov"
        " 100 bgsd / μ."
        " mdm, mdb, mdr: mean distance from the mean, the best, the reference (_u every group alike, _w by people)."
        " idis: 100 mdm / μ. theil: 1000 Σ p (y/μ) ln(y/μ). mld: −1000 Σ p ln(y/μ). par: y of the best"
        " (ordered: of the most"
        " advantaged) − μ, 0 in the wrong direction; paf: 100 par / μ. Published without their sign, as disadvantage.",
        "Healthy People 2030, NCHS Statistical Note 27; WHO, Handbook on Health Inequality Monitoring",
        _GIVEN,
        {
            "mrd": "0.2500", "mrr": "2.667", "srr": "1.917", "index_of_disparity": "91.7", "bgv": "0.00603",
            "bgsd": "0.0776", "cov": "33.0", "mdm_u": "0.0730", "mdm_w": "0.0650", "mdb_u": "0.1100", "mdb_w": "0.0850",
            "mdr_u": "0.1100", "mdr_w": "0.0850", "idis_u": "31.1", "idis_w": "27.7", "theil": "52.6", "mld": "52.5",
            "par": "-0.0850", "paf": "-36.2",
        },
        _unordered,
        (),
        "A group with none leaves mld undefined (it is refused, not replaced by a tiny number) and theil at its limit."
        " Given from two groups on, complex ones from three, and where at least 85 % of the groups are published.",
    ),
    Method(
        "Summary indices along an order",
        "Ranks r from 0 (most disadvantaged people) to 1. sii, rii: fit(1) − fit(0) and fit(1)/fit(0) of a"
        " line weighted by"
        " people; _logit of a logistic line. aci: 2 Σ p y (r − ½); rci: aci / μ; rci_wagstaff: rci / (1 − μ);"
        " aci_erreygers: 4 aci. In the table, positive (ratios: above 1) means disadvantage of those at rank 0.",
        "Mackenbach and Kunst 1997; Kakwani, Wagstaff and van Doorslaer 1997; Wagstaff 2005; Erreygers 2009",
        _GIVEN,
        {
            "ends_difference": "-0.250", "ends_ratio": "0.375", "sii": "-0.2690", "rii": "0.272", "aci": "-0.0425",
            "rci": "-0.1809", "sii_logit": "-0.2660", "rii_logit": "0.311", "rci_wagstaff": "-0.2364",
            "aci_erreygers": "-0.1700",
        },
        _ordered,
        ("normal, exact for a weighted sum", "log normal", "Fieller", "delta method, logistic model", "delta method"),
    ),
    Method(
        "Intervals of indices without an order",
        "The groups' values are drawn from their errors. The interval reaches from the lower of the percentile"
        " and its mirror"
        " image around the estimate up to the percentile; it starts at no inequality where a test of equal"
        " groups does not"
        " reject. bgv, theil and mld have formulas (variance of a quadratic form; delta method).",
        "Cochran 1954; Owen 2017; Ahn et al. 2018; coverage over 92.5 % in simulated studies of three to six groups",
        _GIVEN,
        {"mrd, low": "0.15", "mrd, high": "0.35", "mdm_w, low": "0.04", "mdm_w, high": "0.09"},
        _limits,
        (
            *(SIMULATION_METHOD, SIMULATION_METHOD_OF_MORE),
            *("normal, variance of a quadratic form", "delta method"),
            *("normal, against the most advantaged group", "as for par"),
        ),
        "par has the last formula along an order, and elsewhere the simulated limits of mdb_w; burden is par times the"
        " people. Another seed moves a simulated limit by about one hundredth of the interval's width.",
    ),
)  # fmt: skip

assert set(METHODS[0].expected) == {*SIMPLE, *COMPLEX} and set(METHODS[1].expected) == {*LINEAR, *BOUNDED}
