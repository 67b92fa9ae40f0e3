"""Chain: every entry's hash covers what it recorded and the hash before it, so that no row can change unseen."""

from __future__ import annotations

import hashlib
import sys
from array import array
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

FIRST = "0" * 64
"""What stands for the hash before the first entry."""

EDGE_FIELDS = 3
"""Numbers of an edge that are hashed: source, target and detail. Its id follows from its place."""

Rows = Sequence[Sequence[Any]]

_encode = msgspec.json.Encoder().encode


def entry_hash(
    previous: str, head: Sequence[Any], rows: Sequence[tuple[str, Rows]], edges: Sequence[Sequence[int]]
) -> str:
    """Return the SHA-256 of an entry.

    Args:
        previous: hash of the entry before, or `FIRST`.
        head: id, kind, time, actor, last id and last edge of the entry.
        rows: its rows by the name of their table, in the order of `casemate.store.tables.CHAINED`; tables without any
            are left out, so that a table that is new in a later version changes no hash.
        edges: its edges, one sequence of numbers for each of `EDGE_FIELDS`.
    """
    state = hashlib.sha256(_encode([previous, head, rows]))
    for numbers in edges:
        state.update(packed(numbers))
    return state.hexdigest()


def packed(numbers: Iterable[int]) -> bytes:
    """Return whole numbers as 64-bit little-endian integers, one after the other."""
    made = array("q", numbers)
    if sys.byteorder == "big":
        made.byteswap()
    return made.tobytes()


def commitment(salt: str, body: str) -> str:
    """Return what the chain keeps of a text: a digest that says nothing once the salt is gone."""
    return hashlib.sha256(f"{salt}:{body}".encode()).hexdigest()
