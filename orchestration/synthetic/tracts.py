"""Census tracts of the catchment: how many children live there, how poor the place is, and who lives where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from orchestration.synthetic.planted import Planted

AREA_GROUPS = ("aian", "asian", "black", "hispanic", "multiple", "nhpi", "white")
INVENTED_COUNTY = "99001"
MIDDLE_FIFTH = 2


@dataclass(frozen=True)
class Tracts:
    """One entry per tract; `children` is tract x AREA_GROUPS (counts), shares are 0 to 1, NaN where not known.

    `fifth` is 0 (lowest poverty) to 4 and -1 where poverty is not known: fifths of the county's children.
    """

    geoids: tuple[str, ...]
    children: NDArray[np.int64]
    poverty: NDArray[np.float64]
    deprivation: NDArray[np.float64]
    fifth: NDArray[np.int8]

    @property
    def counties(self) -> tuple[str, ...]:
        """Five-digit codes of the counties that the tracts lie in."""
        return tuple(sorted({geoid[:5] for geoid in self.geoids}))

    def outside_geoids(self) -> tuple[str, ...]:
        """A few tracts of a neighboring county that is in no area file (its code is the first free one)."""
        state, taken = self.geoids[0][:2], set(self.counties)
        county = next(f"{state}{code:03d}" for code in range(1, 1000) if f"{state}{code:03d}" not in taken)
        return tuple(f"{county}{tract:04d}00" for tract in (101, 102, 103))


def make_tracts(
    geoids: tuple[str, ...],
    children: NDArray[np.int64],
    poverty: NDArray[np.float64],
    deprivation: NDArray[np.float64],
) -> Tracts:
    """Tracts with their fifths of children by poverty.

    A tract lies where the middle of the children of all tracts of the same poverty falls.
    """
    known = ~np.isnan(poverty)
    total = children.sum(axis=1)
    _, place = np.unique(poverty[known], return_inverse=True)
    together = np.bincount(place, total[known])
    middle = (np.cumsum(together) - together / 2) / max(total[known].sum(), 1)
    fifth = np.full(len(geoids), -1, np.int8)
    fifth[known] = np.minimum(np.floor(5 * middle), 4)[place]
    return Tracts(geoids, children, poverty, deprivation, fifth)


def invent_tracts(patients: int, planted: Planted, rng: np.random.Generator) -> Tracts:
    """An invented county: 120 tracts, more for large registries, with poverty and race as segregation places them."""
    n = int(np.clip(patients // 20, 120, 2000))
    total = np.maximum(rng.gamma(4.0, 220.0, n), 60).astype(np.int64)
    need = rng.normal(size=n)  # the common part of poverty and deprivation
    poverty = np.clip(np.exp(-1.9 + 0.75 * need), 0.01, 0.75).round(4)
    deprivation = np.clip(0.38 + 0.13 * need + rng.normal(0, 0.035, n), 0.02, 0.98).round(4)
    pull = {"black": (0.85, 0.9), "hispanic": (0.45, 0.8), "asian": (-0.2, 0.7), "white": (-0.35, 0.35)}
    weights = np.empty((n, len(AREA_GROUPS)))
    for position, group in enumerate(AREA_GROUPS):
        slope, spread = pull.get(group, (0.1, 0.3))
        weights[:, position] = np.exp(slope * need + rng.normal(0, spread, n))
    shares = _with_margins(weights, np.array([planted.race_shares[group] for group in AREA_GROUPS]), total)
    # the last tract is an airport: nobody lives there and nothing is known about it
    total[-1], poverty[-1], deprivation[-1] = 0, np.nan, np.nan
    geoids = tuple(f"{INVENTED_COUNTY}{(position + 1) * 100:06d}" for position in range(n))
    return make_tracts(geoids, whole_children(shares, total), poverty, deprivation)


def _with_margins(
    weights: NDArray[np.float64], margins: NDArray[np.float64], total: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Shares per tract that sum to 1 in each tract and, weighted by children, to the county's shares."""
    shares = weights
    for _ in range(50):
        county = (shares * total[:, None]).sum(axis=0) / total.sum()
        shares = shares * (margins / county)
        shares = shares / shares.sum(axis=1, keepdims=True)
    return shares


def whole_children(shares: NDArray[np.float64], total: NDArray[np.int64]) -> NDArray[np.int64]:
    """Counts per tract and group that sum to `total`: rounded down, then one more where most was cut off."""
    exact = shares * total[:, None]
    counts = np.floor(exact).astype(np.int64)
    rank = np.argsort(np.argsort(counts - exact, axis=1, kind="stable"), axis=1, kind="stable")
    whole: NDArray[np.int64] = counts + (rank < (total - counts.sum(axis=1))[:, None])
    return whole


def write_tracts(tracts: Tracts, path: Path) -> None:
    """`tracts.csv`: key, children, poverty, deprivation and children by group."""
    header = ("tract_geoid", "child_population", "poverty_share", "deprivation_index")
    lines = [",".join((*header, *(f"children_{group}" for group in AREA_GROUPS)))]
    for position, geoid in enumerate(tracts.geoids):
        shares = (tracts.poverty[position], tracts.deprivation[position])
        known = ["" if np.isnan(share) else f"{share:.4f}" for share in shares]
        counts = [str(count) for count in tracts.children[position]]
        lines.append(",".join((geoid, str(tracts.children[position].sum()), *known, *counts)))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
