"""Release: a table about people as it leaves the house, and what each generalised value in it may stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from casemate.core.digests import digest
from casemate.core.errors import ShapeMismatch
from casemate.core.frames import frame_digest
from casemate.core.schema import Role

if TYPE_CHECKING:
    import polars


@dataclass(frozen=True, eq=False)
class Meanings:
    """What the published values of one column may stand for.

    Args:
        domain: the raw values that the column may hold, in the order of their codes 0, 1, ...: numbers ascending, words
            in the order of their taxonomy, else sorted. Text for words, float64 for numbers, (c,).
        labels: the published values, in the order of the rows of ``low``, (m,).
        low, high: the lowest and highest code that each label may stand for, inclusive, (m,) int32.
        members: which codes each label may stand for, (m, c) bool, where that is fewer than all between low and high;
            None where every label is a whole range.
    """

    domain: np.ndarray
    labels: tuple[str, ...]
    low: np.ndarray
    high: np.ndarray
    members: np.ndarray | None = None

    def __post_init__(self) -> None:
        m, c = len(self.labels), len(self.domain)
        if self.low.shape != (m,) or self.high.shape != (m,):
            raise ShapeMismatch(f"{m} labels, but their ranges have shape {self.low.shape} and {self.high.shape}")
        if self.members is not None and self.members.shape != (m, c):
            raise ShapeMismatch(f"{m} labels over {c} values, but members have shape {self.members.shape}")

    @cached_property
    def sizes(self) -> np.ndarray:
        """How many raw values each label may stand for, (m,) int64."""
        if self.members is not None:
            return np.asarray(self.members.sum(axis=1), dtype=np.int64)
        return np.asarray(self.high - self.low + 1, dtype=np.int64)

    def values(self, label: int) -> np.ndarray:
        """Return the codes that a label, given by its position, may stand for, ascending."""
        if self.members is not None:
            return np.flatnonzero(self.members[label])
        return np.arange(int(self.low[label]), int(self.high[label]) + 1)

    @cached_property
    def digest(self) -> str:
        """Content digest."""
        domain = self.domain if self.domain.dtype.kind == "f" else [str(value) for value in self.domain]
        return digest(domain, self.labels, self.low, self.high, self.members)


@dataclass(frozen=True, eq=False)
class Release:
    """A table about people, as it is given away: raw, or as controls left it.

    Args:
        table: the published columns, (n rows).
        roles: what each published column is to a person.
        rows: the position in the raw table that each published row is about, (n,) int64. The owner's secret: an attack
            never sees it.
        meanings: for every column whose values were generalised, what they may stand for. Columns that are left out
            hold raw values, or pseudonyms.
        pseudonyms: columns whose values stand for others one to one, and how they were made.
    """

    table: polars.DataFrame
    roles: Mapping[str, Role]
    rows: np.ndarray
    meanings: Mapping[str, Meanings] = field(default_factory=dict)
    pseudonyms: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.rows.shape != (self.table.height,):
            raise ShapeMismatch(f"{self.table.height} published rows, but {self.rows.shape} positions")
        for name in (*self.roles, *self.meanings, *self.pseudonyms):
            if name not in self.table.columns:
                raise ShapeMismatch(f"the release has no column {name!r}", fix="name published columns only")

    def __len__(self) -> int:
        return self.table.height

    def columns(self, role: Role) -> tuple[str, ...]:
        """Return the published columns of a role, in the table's order."""
        return tuple(name for name in self.table.columns if self.roles.get(name, "ignored") == role)

    def drop(self, *names: str) -> Release:
        """Return the release without the named columns."""

        def kept(values: Mapping[str, Any]) -> dict[str, Any]:
            return {name: value for name, value in values.items() if name not in names}

        return replace(
            self,
            table=self.table.drop(*names),
            roles=kept(self.roles),
            meanings=kept(self.meanings),
            pseudonyms=kept(self.pseudonyms),
        )

    @cached_property
    def digest(self) -> str:
        """Content digest of the table, the roles, the meanings and the rows."""
        meanings = {name: value.digest for name, value in self.meanings.items()}
        return digest(frame_digest(self.table), dict(self.roles), meanings, dict(self.pseudonyms), self.rows)
