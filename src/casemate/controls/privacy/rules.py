"""What a privacy policy must not say: rules that a table's type alone cannot hold, each told with its line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from casemate.controls.privacy.column_rules import check_column
from casemate.controls.privacy.declaration import Declared, PurposeTable
from casemate.systems.lines import KeyPath, Lines
from casemate.systems.strict import check_names, mistake

_STORES = ("file", "vault")


@dataclass(frozen=True)
class _Rules:
    """One policy under examination."""

    declared: Declared
    lines: Lines
    at: KeyPath

    def wrong(self, what: str, *path: str | int, why: str | None = None, fix: str | None = None) -> None:
        raise mistake(what, self.lines, (*self.at, *path), why=why, fix=fix)

    def known(self, names: Iterator[tuple[str, KeyPath]] | list[tuple[str, KeyPath]]) -> None:
        """Check that columns which the policy names are declared."""
        told = [(name, (*self.at, *path)) for name, path in names]
        check_names(told, self.declared.columns, "declared column", self.lines)

    def with_role(self, role: str) -> list[str]:
        return [name for name, column in self.declared.columns.items() if column.role == role and not column.drop]


def check_rules(declared: Declared, lines: Lines, at: KeyPath, folder: Path) -> None:
    """Check what a policy says as a whole.

    Args:
        declared: its tables.
        lines: where its keys stand.
        at: where in the file it stands.
        folder: where paths in it start from.

    Raises:
        SystemFileError: a rule is broken.
    """
    rules = _Rules(declared, lines, at)
    _subject(rules)
    sealed = {name for names in declared.encryption.groups.values() for name in names}
    for name, column in declared.columns.items():
        covered = name in sealed and declared.encryption.at_rest == "parquet"
        check_column(name, column, lines, at, folder, sealed=covered, subject=declared.subject_key is not None)
    _privacy(rules)
    _gate(rules)
    for name, purpose in declared.purposes.items():
        _purpose(rules, name, purpose)
    _encryption(rules)


def warnings_of(declared: Declared, lines: Lines, at: KeyPath) -> tuple[str, ...]:
    """Return what the owner should know although nothing is wrong, each with its place."""
    return tuple(f"{lines.where(*at, *path)}: {text}" for path, text in _warnings(_Rules(declared, lines, at)))


def _subject(rules: _Rules) -> None:
    key = rules.declared.subject_key
    if key is None:
        return
    rules.known([(key, ("subject-key",))])
    role = rules.declared.columns[key].role
    if role != "identifier":
        rules.wrong(
            f"the subject key {key!r} has the role {role!r}",
            *("columns", key, "role"),
            why="it says which person a row is about, so it identifies people",
            fix='role = "identifier"',
        )


def _privacy(rules: _Rules) -> None:
    table = rules.declared.privacy
    quasi, sensitive = rules.with_role("quasi-identifier"), rules.with_role("sensitive")
    if quasi and table.k < 2:
        rules.wrong(
            f"k = {table.k}, although {quasi[0]!r} is a quasi-identifier",
            *("privacy", "k"),
            why="a group of one row is one person, so nobody would be protected",
            fix="k = 5, or give the column another role",
        )
    for key, asked in (("l", table.l > 1), ("t", table.t is not None)):
        if asked and not sensitive:
            fix = "give a column the role sensitive, or remove the key"
            rules.wrong(f"{key} is asked for, but no column is sensitive", "privacy", key, fix=fix)
    if table.l > table.k:
        what = f"l = {table.l} is more than k = {table.k}: so few rows cannot hold so many different values"
        rules.wrong(what, *("privacy", "l"), fix=f"k = {table.l}, or a smaller l")
    if table.l_kind == "entropy" and table.l == 1:
        rules.wrong('l-kind = "entropy" does nothing while l is 1', "privacy", "l-kind", fix="set l, or remove the key")
    if table.max_suppression >= 1:
        rules.wrong("max-suppression = 1 may leave no row", "privacy", "max-suppression", fix="a share such as 0.02")
    for key, asked in (("relaxed", table.relaxed), ("noise", table.noise > 0), ("ranges", table.ranges != "bands")):
        if asked and table.method != "mondrian":
            what = f'{key} is a matter of method = "mondrian", and does nothing to "{table.method}"'
            rules.wrong(what, *("privacy", key), fix="remove the key, or change the method")
    if table.relaxed and table.ranges == "bands":
        rules.wrong(
            'relaxed and ranges = "bands" exclude each other',
            *("privacy", "relaxed"),
            why="a relaxed cut parts rows of one value, and bands are cut between their ends only",
            fix='remove relaxed, or ranges = "tight"',
        )


def _gate(rules: _Rules) -> None:
    gate = rules.declared.gate
    for place, name in enumerate(gate.skip):
        if name in gate.limits:
            what = f"{name} is skipped, and has a limit"
            rules.wrong(what, *("gate", "skip", place), fix="keep one of both")


def _purpose(rules: _Rules, name: str, purpose: PurposeTable) -> None:
    path = ("purposes", name)
    if isinstance(purpose.columns, tuple):
        rules.known([(column, (*path, "columns", place)) for place, column in enumerate(purpose.columns)])
        for place, column in enumerate(purpose.columns):
            if rules.declared.columns[column].drop:
                fix = "leave it out of the purpose, or do not drop it"
                rules.wrong(f"{column!r} is dropped, so no purpose can see it", *path, "columns", place, fix=fix)
            if column in purpose.columns[:place]:
                rules.wrong(f"{column!r} is listed twice", *path, "columns", place, fix="list it once")
        if not purpose.columns:
            rules.wrong("a purpose that may see no column", *path, "columns", fix="list columns, or remove the purpose")
    if purpose.columns == "minimal" and not rules.with_role("target"):
        rules.wrong(
            'columns = "minimal", but no column is the target',
            *(*path, "columns"),
            why="which columns a model really needs can only be found where it is known what it shall tell",
            fix='give the label role = "target", or list the columns',
        )
    if purpose.dp is not None and purpose.dp.delta >= 1:
        what = "delta = 1 lets the guarantee fail always"
        rules.wrong(what, *path, "dp", "delta", fix="far less than 1 over the number of people")


def _encryption(rules: _Rules) -> None:
    table = rules.declared.encryption
    groups = table.groups
    rules.known(
        [
            (column, ("encryption", "groups", group, place))
            for group, columns in groups.items()
            for place, column in enumerate(columns)
        ]
    )
    seen: dict[str, str] = {}
    for group, columns in groups.items():
        if not columns:
            rules.wrong(f"the group {group!r} holds no column", "encryption", "groups", group, fix="remove it")
        for place, column in enumerate(columns):
            if column in seen:
                what = f"{column!r} is in the groups {seen[column]!r} and {group!r}"
                what = what if seen[column] != group else f"{column!r} is twice in the group {group!r}"
                fix = "a column has one key: keep it in one group, once"
                rules.wrong(what, "encryption", "groups", group, place, fix=fix)
            seen[column] = group
    if groups and table.at_rest != "parquet":
        rules.wrong(
            f'groups do nothing while at-rest = "{table.at_rest}"',
            *("encryption", "groups"),
            why="only parquet seals each group of columns under a key of its own",
            fix='at-rest = "parquet", or remove the groups',
        )
    scheme, colon, rest = table.keys.partition(":")
    if colon and scheme in _STORES and not rest:
        example = "file:keys.casemate" if scheme == "file" else "vault:https://vault.example:8200/transit"
        rules.wrong(f"keys = {table.keys!r} names no place", "encryption", "keys", fix=f'such as keys = "{example}"')


def _warnings(rules: _Rules) -> Iterator[tuple[KeyPath, str]]:
    declared = rules.declared
    if not rules.with_role("quasi-identifier"):
        yield ("columns",), "no column is a quasi-identifier, so no group is formed and k protects nobody"
    for name, column in declared.columns.items():
        if column.pseudonym is not None and column.role not in ("identifier", "ignored"):
            yield (
                ("columns", name, "pseudonym"),
                f"pseudonyms keep how often each value occurs, which can give a {column.role} column away",
            )
        if column.keep:
            yield ("columns", name, "keep"), f"{name!r} identifies people and is published as it is: {column.reason}"
    for place, skipped in enumerate(declared.gate.skip):
        yield ("gate", "skip", place), f"{skipped} is not run against a release before it is given away"
    for name, purpose in declared.purposes.items():
        if purpose.dp is not None and declared.subject_key is None:
            yield (
                ("purposes", name, "dp"),
                "without subject-key every row counts as a person of its own, and the guarantee is for rows",
            )
