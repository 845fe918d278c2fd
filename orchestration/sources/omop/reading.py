"""What a SELECT of this package is: the table it fills, the OMOP table it reads, what it looks up. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestration.sources.layout import Table


@dataclass(frozen=True)
class Remark:
    """Something to say about the rows that were written: `where` counts them; `words` follow the count."""

    where: str
    words: str


@dataclass(frozen=True)
class Reading:
    """One SELECT over the relation `main`, the rows of the OMOP table of that name, and tables called as in OMOP.

    It gives columns of the layout and `_source_row` of `main`. `looks_up`: for each other table an SQL condition for
    the rows of it that are needed. A table that is not there is empty. `leaves_out`: it need not take every row.
    """

    table: Table
    main: str
    select: str
    looks_up: Mapping[str, str] = field(default_factory=dict)
    leaves_out: bool = False
    remarks: tuple[Remark, ...] = ()
