"""Tracts: an invented county with segregation, or real tracts from a file with any of the documented columns."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from orchestration.errors import SourceError
from orchestration.synthetic.planted import Planted
from orchestration.synthetic.registry import generate
from orchestration.synthetic.tract_file import read_tracts
from orchestration.synthetic.tracts import AREA_GROUPS, invent_tracts, write_tracts
from orchestration.synthetic.truth import Truth
from tests.unit.synthetic.reading import Registry

AS_OF = dt.date(2026, 6, 30)
HEADER = (
    "census_tract_id_2020,n_persons_under_18,prop_poverty,"
    "prop_black_and_not_hispanic_or_latino,prop_white_and_not_hispanic_or_latino"
)
ROWS = ("39061000200,900,0.43,0.70,0.20", "39061000700,800,0.05,0.10,0.80", "39061000900,0,,,", "39061001000,700,,,")


def _file(folder: Path, header: str = HEADER, rows: tuple[str, ...] = ROWS) -> Path:
    path = folder / "tracts_in.csv"
    path.write_text("\n".join((header, *rows)) + "\n")
    return path


def test_the_invented_county_has_the_planted_mix_and_segregation(demo: tuple[Truth, Registry]) -> None:
    tracts = pd.read_csv(demo[0].directory / "tracts.csv", dtype={"tract_geoid": str})
    assert list(tracts.columns) == [
        "tract_geoid", "child_population", "poverty_share", "deprivation_index",
        *(f"children_{group}" for group in AREA_GROUPS),
    ]  # fmt: skip
    assert len(tracts) == 120
    assert tracts["tract_geoid"].str.fullmatch(r"99001\d{6}").all()
    groups = tracts[[f"children_{group}" for group in AREA_GROUPS]]
    assert (groups.sum(axis=1) == tracts["child_population"]).all()
    shares = groups.sum() / groups.sum().sum()
    for group, share in Planted().race_shares.items():
        assert shares[f"children_{group}"] == pytest.approx(share, abs=0.005)
    lived_in = tracts[tracts["child_population"] > 0]
    black = lived_in["children_black"] / lived_in["child_population"]
    assert black.corr(lived_in["poverty_share"]) > 0.5
    assert lived_in["deprivation_index"].corr(lived_in["poverty_share"]) > 0.6
    assert (tracts["child_population"] == 0).sum() == tracts["poverty_share"].isna().sum() == 1


def test_fifths_hold_a_fifth_of_the_children_each() -> None:
    tracts = invent_tracts(50_000, Planted(), np.random.default_rng(5))
    children = tracts.children.sum(axis=1)
    shares = np.bincount(tracts.fifth[tracts.fifth >= 0], children[tracts.fifth >= 0]) / children.sum()
    assert shares == pytest.approx(np.full(5, 0.2), abs=0.005)
    assert np.nanmax(tracts.poverty[tracts.fifth == 0]) <= np.nanmin(tracts.poverty[tracts.fifth == 1])


def test_children_live_in_the_tracts_of_the_file(tmp_path: Path) -> None:
    truth = generate(tmp_path / "out", patients=600, as_of=AS_OF, file_format="csv", tracts_file=_file(tmp_path))
    written = pd.read_csv(tmp_path / "out" / "tracts.csv", dtype=str)
    assert list(written["tract_geoid"]) == [row[:11] for row in ROWS]
    assert list(written["child_population"]) == ["900", "800", "0", "700"]
    assert written["poverty_share"].isna().tolist() == [False, False, True, True]
    homes = pd.read_csv(tmp_path / "out" / "addresses.csv", dtype=str)
    counts = homes["tract_geoid"].value_counts(normalize=True)
    assert counts["39061000200"] == pytest.approx(900 / 2400, abs=0.06)
    assert "39061000900" not in counts
    assert truth.generator["counties"] == ("39061",)
    assert truth.generator["tracts_file"] == "tracts_in.csv"


def test_people_whom_no_column_names_are_shared_out(tmp_path: Path) -> None:
    tracts = read_tracts(_file(tmp_path))
    first = dict(zip(AREA_GROUPS, tracts.children[0], strict=True))
    assert (first["black"], first["white"]) == (630, 180)
    assert first["asian"] + first["multiple"] + first["hispanic"] + first["aian"] + first["nhpi"] == 90
    # a tract without shares takes the county's mix
    last = dict(zip(AREA_GROUPS, tracts.children[3], strict=True))
    assert last["black"] / 700 == pytest.approx((0.7 * 900 + 0.1 * 800) / 1700, abs=0.01)


def test_a_generated_tracts_file_reads_back_as_itself(tmp_path: Path) -> None:
    tracts = invent_tracts(2400, Planted(), np.random.default_rng(1))
    write_tracts(tracts, tmp_path / "tracts.csv")
    again = read_tracts(tmp_path / "tracts.csv")
    assert again.geoids == tracts.geoids
    assert (again.children == tracts.children).all()
    assert (again.fifth == tracts.fifth).all()


@pytest.mark.parametrize(
    ("header", "rows", "message"),
    [
        (HEADER.replace("census_tract_id_2020", "place"), ROWS, "11 digits"),
        (HEADER.replace("n_persons_under_18", "n"), ROWS, "children living in the tract"),
        (HEADER.replace("prop_poverty", "p"), ROWS, "share of people in poverty"),
        (HEADER.replace("prop_black_and_not", "b"), ROWS, "share of black people"),
        (HEADER, ("3906100020,900,0.4,0.7,0.2",), "tract of its own"),
        (HEADER, (ROWS[0], ROWS[0]), "tract of its own"),
        (HEADER, ("39061000200,many,0.4,0.7,0.2",), "must be a number"),
        (HEADER, ("39061000200,900,-0.4,0.7,0.2",), "must be a number"),
        (HEADER, ("39061000200,900,0.4,0.7",), "same number of cells"),
        (HEADER, (), "same number of cells"),
        (HEADER, ("39061000200,0,0.4,0.7,0.2",), "need children"),
    ],
)
def test_a_file_that_cannot_be_used_is_an_error_that_names_it(
    tmp_path: Path, header: str, rows: tuple[str, ...], message: str
) -> None:
    path = _file(tmp_path, header, rows)
    with pytest.raises(SourceError, match=message) as caught:
        generate(tmp_path / "out", patients=200, as_of=AS_OF, tracts_file=path)
    assert caught.value.where == str(path)
    assert caught.value.remedy
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00caf\xe9,1\n"])
def test_an_empty_or_undecodable_file_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tracts_in.csv"
    path.write_bytes(content)
    with pytest.raises(SourceError, match="tracts file"):
        read_tracts(path)
    with pytest.raises(SourceError, match="can be read"):
        read_tracts(tmp_path / "absent.csv")


@pytest.mark.skipif("EQUITY_REALDATA" not in os.environ, reason="public data to run on are not here")
def test_the_real_tracts_of_one_county(tmp_path: Path) -> None:
    source = Path(os.environ["EQUITY_REALDATA"]) / "area" / "acs_measures_hamilton_2023.csv"
    truth = generate(tmp_path, patients=5000, as_of=AS_OF, tracts_file=source)
    real = pd.read_csv(source, dtype={"census_tract_id_2020": str}).set_index("census_tract_id_2020")
    written = pd.read_csv(tmp_path / "tracts.csv", dtype={"tract_geoid": str}).set_index("tract_geoid")
    assert truth.generator["tracts"] == 226
    assert (written["child_population"] == real["n_persons_under_18"]).all()
    assert written["poverty_share"].sub(real["prop_poverty"]).abs().max() < 1e-4
    expected = (real["prop_black_and_not_hispanic_or_latino"] * real["n_persons_under_18"]).sum()
    assert written["children_black"].sum() == pytest.approx(expected, rel=0.01)
    homes = pd.read_parquet(tmp_path / "addresses.parquet")
    inside = homes["tract_geoid"].isin(real.index)
    assert inside.mean() > 0.98
