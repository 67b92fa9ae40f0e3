"""Schema drift: how a table's columns differ from those that its privacy policy declares. Fail closed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from casemate.controls.privacy.declaration import ColumnPolicy, Unknown
from casemate.core.errors import Quarantined, SchemaDrift
from casemate.systems.lines import KeyPath, Lines

if TYPE_CHECKING:
    import polars

_SHOWN = 5
_OTHER = "a table that is not what was declared may hold what nobody has looked at"
_WHY = {
    "quarantine": f"{_OTHER}: it is to be put aside, and nothing of it is published",
    "refuse": f"{_OTHER}: nothing of it is used",
    "drop": "what the policy promises of its columns cannot be kept",
}

_WORDS = {
    "integer": "whole numbers",
    "number": "numbers",
    "boolean": "yes or no",
    "date": "dates",
    "time": "dates with a time",
    "text": "text",
    "other": "lists, structures or bytes",
    "moment": "dates",
    "written": "text or whole numbers",
}
_FITS = {
    "number": ("integer", "number"),
    "time": ("date", "time"),
    "moment": ("date", "time"),
    "written": ("text", "integer"),
}
"""What a need that several kinds fulfil is content with."""


@dataclass(frozen=True)
class Drift:
    """How a table differs from what is declared of it.

    Args:
        undeclared: columns that the policy does not know, in the table's order.
        missing: columns that the policy declares and the table lacks, in the policy's order.
        renamed: undeclared columns that look like a missing one, as they are declared -> as they are called now.
        mistyped: columns of another type than the policy says or needs, with what was found and what is needed.
    """

    undeclared: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    mistyped: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.undeclared or self.missing or self.mistyped)

    def settle(self, unknown: Unknown, source: str, lines: Lines, at: KeyPath = ()) -> tuple[str, ...]:
        """Return the columns to leave out; raise where the table must not go on.

        Args:
            unknown: what becomes of data with an undeclared column.
            source: what to call the table.
            lines, at: where the policy stands.

        Raises:
            Quarantined, SchemaDrift: as ``unknown`` says.
        """
        if not self or (unknown == "drop" and not self.missing and not self.mistyped):
            return self.undeclared
        wrong = replace(self, undeclared=tuple(self.renamed.values())) if unknown == "drop" else self
        what, path, fix = wrong._worst()
        kind = Quarantined if unknown == "quarantine" else SchemaDrift
        raise kind(f"{source}: {what}", where=lines.where(*at, *path), why=_WHY[unknown], fix=fix, details=self.text())

    def text(self) -> str:
        """Return every difference, one a line."""
        lines = [f"renamed: {old!r} is now called {new!r}" for old, new in self.renamed.items()]
        lines += [f"undeclared: {name!r}" for name in self.undeclared if name not in self.renamed.values()]
        lines += [f"missing: {name!r}" for name in self.missing if name not in self.renamed]
        lines += [f"type: {name!r} is {found}, not {needs}" for name, (found, needs) in self.mistyped.items()]
        return "\n".join(lines)

    def _worst(self) -> tuple[str, KeyPath, str]:
        """Return what is wrong, the key that it concerns, and what to do."""
        if self.renamed:
            old, new = next(iter(self.renamed.items()))
            what = f"there is no column {old!r}, but one that is not declared: {new!r}{self._more(1)}"
            return what, ("columns", old), f"if {new!r} is {old!r}, rename one of them; else declare {new!r}"
        if self.undeclared:
            what = f"the policy does not declare {_named(self.undeclared)}{self._more(len(self.undeclared))}"
            fix = f"declare [columns.{self.undeclared[0]}] with a role, or take it out of the table"
            return what, ("columns",), fix
        if self.missing:
            what = f"it lacks {_named(self.missing)}, declared in the policy{self._more(len(self.missing))}"
            return what, ("columns", self.missing[0]), "give the whole table, or remove what is gone from the policy"
        name, (found, needs) = next(iter(self.mistyped.items()))
        what = f"column {name!r} holds {found}, and the policy needs {needs}{self._more(1)}"
        return what, ("columns", name), "repair the column, or set its type in the policy"

    def _more(self, told: int) -> str:
        # A column that was renamed is both missing and undeclared, and one difference.
        every = len(self.undeclared) + len(self.missing) + len(self.mistyped) - len(self.renamed)
        return f"; {every - told} more differences" if every - told > 1 else "; 1 more difference" * (every > told)


def drift_of(declared: Mapping[str, ColumnPolicy], types: Mapping[str, polars.DataType]) -> Drift:
    """Return how a table's columns differ from what is declared.

    Args:
        declared: the policy's columns.
        types: the table's columns and their types, in order.
    """
    undeclared = [name for name in types if name not in declared]
    missing = [name for name in declared if name not in types]
    mistyped = {}
    for name, column in declared.items():
        found = kind_of(types[name]) if name in types else "nothing"
        unmet = [need for need in _needs(column) if not _fits(found, need)]
        if unmet and found != "nothing":
            mistyped[name] = (_WORDS[found], _WORDS[unmet[0]])
    return Drift(tuple(undeclared), tuple(missing), _renamed(missing, undeclared), mistyped)


def kind_of(dtype: polars.DataType) -> str:
    """Return what a column of this type holds, in the words of a policy's ``type``; "nothing" where all is missing."""
    import polars as pl

    if dtype == pl.Null:
        return "nothing"
    if dtype.is_integer():
        return "integer"
    if dtype.is_numeric():
        return "number"
    if dtype == pl.Boolean:
        return "boolean"
    if dtype == pl.Date:
        return "date"
    if dtype == pl.Datetime:
        return "time"
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return "text"
    return "other"


def _needs(column: ColumnPolicy) -> list[str]:
    """Return what a column must hold for its type and for what is done to it."""
    if column.drop:
        return []  # of whatever type, it is left out
    needs: list[str] = [column.type] if column.type is not None else []
    if column.shift_days is not None:
        needs.append("moment")
    if column.clip is not None or column.round_to is not None:
        needs.append("number")
    if column.pseudonym is not None and column.pseudonym.kind == "ff1":
        needs.append("written")
    return needs


def _fits(found: str, need: str) -> bool:
    return found in _FITS.get(need, (need,))


def _renamed(missing: Iterable[str], undeclared: Iterable[str]) -> dict[str, str]:
    """Return which undeclared column looks like which missing one."""
    free, renamed = list(undeclared), {}
    for name in missing:
        plain = {_plain(other): other for other in free}
        near = plain.get(_plain(name)) or next(iter(difflib.get_close_matches(name, free, n=1, cutoff=0.6)), None)
        if near is not None:
            renamed[name] = near
            free.remove(near)
    return renamed


def _plain(name: str) -> str:
    return "".join(char for char in name.lower() if char.isalnum())


def _named(names: tuple[str, ...]) -> str:
    shown = ", ".join(repr(name) for name in names[:_SHOWN])
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{'column' if len(names) == 1 else 'columns'} {shown}{more}"
