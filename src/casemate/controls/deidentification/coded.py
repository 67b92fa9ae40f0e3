"""Coded: the columns by which people could be recognised, of a table of any size, as codes on disk.

A first reading finds out which values there are, a second writes their codes. Both give what coding the whole table at
once would give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from casemate.controls.anonymity.coding import encode
from casemate.controls.anonymity.domains import Domain
from casemate.controls.deidentification import scratch

if TYPE_CHECKING:
    import polars

Advance = Callable[[int], None]
"""Told how many rows are done."""


@dataclass(frozen=True, eq=False)
class CodedOnDisk:
    """Columns as codes, in arrays that the system may page out.

    Args:
        codes: the quasi-identifiers, (n, d) int16, row-major.
        domains: what they stand for, (d,).
        sensitive: the sensitive columns as places in their domains' raw values, (n, s) int32.
        secrets: what those stand for, (s,).
    """

    codes: np.ndarray
    domains: tuple[Domain, ...]
    sensitive: np.ndarray
    secrets: tuple[Domain, ...]


def distinct_values(
    batches: Iterable[polars.DataFrame], columns: Sequence[str], advance: Advance
) -> dict[str, polars.Series]:
    """Return the distinct values of columns, a missing one among them, in no order."""
    found: dict[str, polars.Series] = {}
    done = 0
    for batch in batches:
        for name in columns:
            seen = batch[name].unique()
            found[name] = found[name].append(seen).unique() if name in found else seen
        done += batch.height
        advance(done)
    return found


def write_codes(
    batches: Iterable[polars.DataFrame],
    rows: int,
    domains: Sequence[Domain],
    secrets: Sequence[Domain],
    where: Path,
    advance: Advance,
) -> CodedOnDisk:
    """Return the codes of all rows.

    Args:
        batches: the rows in order, with the columns of all domains at least.
        rows: how many there are.
        domains, secrets: what the codes of quasi-identifiers and sensitive columns stand for.
        where: a folder for the arrays.
        advance: told how many rows are done.
    """
    codes = scratch.array(where, (rows, len(domains)), np.int16)
    sensitive = scratch.array(where, (rows, len(secrets)), np.int32)
    done = 0
    for batch in batches:
        stop = done + batch.height
        for j, domain in enumerate(domains):
            codes[done:stop, j] = encode(batch[domain.name], domain)
        for j, domain in enumerate(secrets):
            sensitive[done:stop, j] = encode(batch[domain.name], domain, exact=True)
        done = stop
        advance(done)
    return CodedOnDisk(codes, tuple(domains), sensitive, tuple(secrets))
