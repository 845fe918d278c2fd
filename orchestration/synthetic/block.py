"""One block of children with all that happens to them, drawn in a fixed order, and the records that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestration.synthetic.background import condition_rows, coverage_rows, language_rows
from orchestration.synthetic.children import Children, County, make_children
from orchestration.synthetic.encounters import Encounters, encounter_rows, make_encounters, yearly_rates
from orchestration.synthetic.layout import Rows
from orchestration.synthetic.planted import Planted
from orchestration.synthetic.race_records import Capture, decide_capture, race_rows
from orchestration.synthetic.residence import Stays, address_rows, make_stays
from orchestration.synthetic.results import Results, make_results, observation_rows
from orchestration.synthetic.timeline import Timeline


@dataclass(frozen=True)
class Block:
    """Children, stays at addresses, encounters per year of each stay by kind, encounters, results, race capture."""

    children: Children
    stays: Stays
    rates: Mapping[str, NDArray[np.float64]]
    encounters: Encounters
    results: Results
    capture: Capture


def draw_block(first: int, n: int, place: County, line: Timeline, planted: Planted, rng: np.random.Generator) -> Block:
    """`n` children with record numbers from `first` on, and what happens to them."""
    children = make_children(first, n, place, line, planted, rng)
    stays = make_stays(children, place, planted, rng)
    rates = yearly_rates(children, stays, planted)
    encounters = make_encounters(children, stays, rates, line, planted, rng)
    results = make_results(children, stays, encounters, line, planted, rng)
    capture = decide_capture(children, line, planted, rng)
    return Block(children, stays, rates, encounters, results, capture)


def block_rows(
    block: Block, first_numbers: Mapping[str, int], line: Timeline, planted: Planted, rng: np.random.Generator
) -> dict[str, Rows]:
    """The block's records by table; `first_numbers` has the first record number of encounters and observations."""
    children, stays = block.children, block.stays
    return {
        "patients": {
            "patient_id": children.number,
            "birth_date": children.birth,
            "sex": children.sex,
            "site_id": children.site,
            "enrolled_on": children.enrolled,
            "left_on": children.left,
            "death_date": children.died,
        },
        "race_ethnicity": race_rows(children, block.capture, line, rng),
        "languages": language_rows(children, line, planted, rng),
        "addresses": address_rows(children, stays, rng),
        "coverage": coverage_rows(children, stays, planted, rng),
        "encounters": encounter_rows(children, block.encounters, first_numbers["encounters"], rng),
        "conditions": condition_rows(children, rng),
        "observations": observation_rows(children, block.results, first_numbers["observations"], rng),
    }
