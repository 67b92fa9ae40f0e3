"""The privacy policy: what each column is to a person, what becomes of it, and what may leave the house."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from casemate.controls.privacy.declaration import ColumnPolicy, Declared
from casemate.controls.privacy.drift import Drift, drift_of
from casemate.controls.privacy.rules import check_rules, warnings_of
from casemate.core.digests import digest, file_digest
from casemate.core.errors import SystemFileError
from casemate.core.schema import Role
from casemate.systems.json_schema import table_schema
from casemate.systems.lines import KeyPath, Lines
from casemate.systems.strict import check_names, convert
from casemate.systems.text import parse_text, read_text

if TYPE_CHECKING:
    import polars

NAME = "privacy.toml"
INSIDE = "privacy-policy"
"""The table of casemate.toml that may hold a policy instead of a file of its own."""

_CALLED = "privacy policy"


@dataclass(frozen=True, eq=False)
class Policy:
    """A privacy policy and where each of its keys stands.

    Args:
        path: the file. Paths inside it start from its folder.
        declared: its tables.
        lines: where each key stands.
        at: where in the file it stands: empty for a file of its own, else ``("privacy-policy",)``.
        warnings: what the owner should know although nothing is wrong, each with its place.
    """

    path: Path
    declared: Declared
    lines: Lines
    at: KeyPath = ()
    warnings: tuple[str, ...] = ()

    @property
    def columns(self) -> Mapping[str, ColumnPolicy]:
        """Every declared column by its name, in the file's order."""
        return self.declared.columns

    def of(self, role: Role) -> tuple[str, ...]:
        """Return the columns of a role that are not dropped, in the file's order."""
        return tuple(name for name, column in self.columns.items() if column.role == role and not column.drop)

    def hierarchy(self, column: str) -> Path | None:
        """Return the path of a column's hierarchy file; None where it has none."""
        table = self.columns[column].generalise
        return self.path.parent / table.hierarchy if table is not None and table.hierarchy is not None else None

    @cached_property
    def digest(self) -> str:
        """Content digest of what is declared and of every hierarchy file; comments and layout leave it as it is."""
        files = [(name, self.hierarchy(name)) for name in self.columns]
        return digest(
            msgspec.json.encode(self.declared, order="sorted"),
            {name: file_digest(path) for name, path in files if path is not None},
        )

    def where(self, *path: str | int) -> str:
        """Return the place of a key, for a message."""
        return self.lines.where(*self.at, *path)

    def drift(self, types: Mapping[str, polars.DataType]) -> Drift:
        """Return how a table's columns differ from what is declared.

        Args:
            types: the table's columns and their types, in order, such as a DataFrame's schema.
        """
        return drift_of(self.columns, types)

    def check(self, types: Mapping[str, polars.DataType], source: str = "the table") -> tuple[str, ...]:
        """Return the columns that are to be left out because nothing is known of them; any other drift stops.

        Args:
            types: the table's columns and their types, in order, such as a DataFrame's schema.
            source: what to call the table in a message.

        Raises:
            Quarantined: a column is undeclared, missing, renamed or of another type, and ``unknown-column`` is
                ``"quarantine"``, the default: the table is to be put aside.
            SchemaDrift: the same where it is ``"refuse"``; where it is ``"drop"``, for all but undeclared columns.
        """
        found = self.drift(types)
        return found.settle(self.declared.unknown_column, source, self.lines, self.at)

    def check_attacks(self, known: Collection[str]) -> None:
        """Check that the gate names attacks or threats that there are.

        Raises:
            SystemFileError: it names another, with its line.
        """
        gate = self.declared.gate
        names: list[tuple[str, KeyPath]] = [(name, (*self.at, "gate", "limits", name)) for name in gate.limits]
        names += [(name, (*self.at, "gate", "skip", place)) for place, name in enumerate(gate.skip)]
        check_names(names, known, "attack", self.lines)


def read_policy(path: Path) -> Policy:
    """Return the privacy policy of a file.

    Args:
        path: a policy file; a system file with a [privacy-policy] table; or a folder that holds a privacy.toml or
            such a system file.

    Raises:
        SystemFileError: no such file, or a mistake in it, with its line and key.
    """
    path = Path(path)
    if path.is_dir():
        path = path / NAME if (path / NAME).is_file() or not (path / "casemate.toml").is_file() else _system(path)
    text = read_text(path, _CALLED, "give its path, or write one: casemate profile <table>")
    return parse_policy(text, path)


def parse_policy(text: str, path: Path = Path(NAME)) -> Policy:
    """Return the privacy policy that a text declares, checked as far as it can be without data.

    Args:
        text: TOML: the policy, or a system file with a [privacy-policy] table.
        path: its file, for messages; paths inside the policy start from its folder.

    Raises:
        SystemFileError: a mistake, with its line and key.
    """
    raw, lines = parse_text(text, str(path), f"the {_CALLED}")
    inside, at = _inside(raw, path)
    declared = convert(inside, Declared, lines, at)
    check_rules(declared, lines, at, path.parent)
    return Policy(path, declared, lines, at, warnings_of(declared, lines, at))


def policy_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a privacy policy, for editors and other checkers."""
    return table_schema(Declared, NAME)


def _inside(raw: dict[str, Any], path: Path) -> tuple[Any, KeyPath]:
    """Return the policy's tables and where in the file they stand."""
    if INSIDE in raw:
        return raw[INSIDE], (INSIDE,)
    if "system" in raw and "columns" not in raw:
        raise SystemFileError(
            f"{path.name} is a system file, and it has no [{INSIDE}] table",
            where=str(path),
            fix=f"write the policy into {NAME} beside it: casemate profile <table>",
        )
    return raw, ()


def _system(folder: Path) -> Path:
    return folder / "casemate.toml"
