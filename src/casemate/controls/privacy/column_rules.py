"""What a privacy policy must not say of one column: contradictions, and an identifier that nothing covers."""

from __future__ import annotations

from pathlib import Path

from casemate.controls.privacy.declaration import ColumnPolicy
from casemate.core.errors import did_you_mean
from casemate.systems.lines import KeyPath, Lines
from casemate.systems.strict import mistake

_TREATMENTS = ("drop", "pseudonym", "shift-days", "clip", "round-to", "generalise")
_TOGETHER = {frozenset(pair) for pair in (("clip", "round-to"), ("clip", "generalise"), ("round-to", "generalise"))}
_SPOILED = "it identifies people by itself, whatever becomes of the other columns"


def check_column(
    name: str, column: ColumnPolicy, lines: Lines, at: KeyPath, folder: Path, *, sealed: bool, subject: bool
) -> None:
    """Check what a policy says of one column.

    Args:
        name: the column.
        column: what is said of it.
        lines, at: where the policy stands.
        folder: where paths in it start from.
        sealed: whether the column is stored under a key of its own group.
        subject: whether the policy names a subject key.

    Raises:
        SystemFileError: a rule is broken.
    """
    path = (*at, "columns", name)
    done = [key for key in _TREATMENTS if getattr(column, key.replace("-", "_")) not in (None, False)]
    _contradictions(done, lines, path)
    _identifier(name, column, done, lines, path, sealed=sealed)
    _pseudonym(column, lines, path)
    _generalise(column, lines, path, folder)
    if column.clip is not None and not column.clip[0] < column.clip[1]:
        low, high = column.clip
        raise mistake(f"clip = [{low:g}, {high:g}] is no range", lines, (*path, "clip"), fix="[lowest, highest]")
    if column.shift_days is not None and not subject:
        raise mistake(
            "shift-days needs subject-key",
            lines,
            (*path, "shift-days"),
            why="all dates of one person move by the same number of days, or the time between them is lost",
            fix='name the column that says which person a row is about: subject-key = "..."',
        )


def _contradictions(done: list[str], lines: Lines, path: KeyPath) -> None:
    for place, second in enumerate(done):
        for first in done[:place]:
            if frozenset((first, second)) not in _TOGETHER:
                why = "nothing is left to change" if first == "drop" else f"{second} would see stand-ins, not values"
                why = why if first in ("drop", "pseudonym") else "one would undo the other"
                raise mistake(
                    f"{first} and {second} exclude each other", lines, (*path, second), why=why, fix="keep one"
                )


def _identifier(name: str, column: ColumnPolicy, done: list[str], lines: Lines, path: KeyPath, *, sealed: bool) -> None:
    if column.keep and column.role != "identifier":
        raise mistake("keep is for identifiers", lines, (*path, "keep"), fix="remove it: other columns are kept anyway")
    if column.keep and done:
        raise mistake(f"keep and {done[0]} exclude each other", lines, (*path, "keep"), fix="keep one")
    if column.keep and not column.reason.strip():
        raise mistake("keep needs a reason", lines, (*path, "keep"), why=_SPOILED, fix='reason = "..."')
    covered = sealed or column.keep or {"drop", "pseudonym"} & set(done)
    if column.role == "identifier" and not covered:
        raise mistake(
            f"the identifier {name!r} is neither dropped, nor pseudonymised, nor sealed",
            lines,
            path,
            why=_SPOILED,
            fix='drop = true, or pseudonym = { kind = "hmac" }, or a group of [encryption.groups]; '
            'if it must be published: keep = true and reason = "..."',
        )


def _pseudonym(column: ColumnPolicy, lines: Lines, path: KeyPath) -> None:
    table = column.pseudonym
    if table is None:
        return
    if table.kind == "hmac" and table.reversible_by:
        raise mistake(
            "an hmac pseudonym cannot be turned back",
            lines,
            (*path, "pseudonym", "reversible-by"),
            fix='kind = "aes-siv", or "ff1" to keep the format; or remove reversible-by',
        )
    if table.kind != "ff1" and table.alphabet != "digits":
        what = f'alphabet is a matter of ff1, and does nothing to "{table.kind}"'
        raise mistake(what, lines, (*path, "pseudonym", "alphabet"), fix='remove it, or kind = "ff1"')


def _generalise(column: ColumnPolicy, lines: Lines, path: KeyPath, folder: Path) -> None:
    table, path = column.generalise, (*path, "generalise")
    if table is None:
        return
    if column.role != "quasi-identifier":
        raise mistake(
            f"only quasi-identifiers are blurred, and the role is {column.role!r}",
            lines,
            path,
            fix='role = "quasi-identifier", or remove generalise',
        )
    given = [key for key in ("hierarchy", "rows", "widths", "dates", "prefixes") if getattr(table, key)]
    if len(given) > 1:
        raise mistake(f"{given[0]} and {given[1]} exclude each other", lines, (*path, given[1]), fix="keep one")
    twice = next((word for place, word in enumerate(table.order) if word in table.order[:place]), None)
    if twice is not None:
        raise mistake(f"order names {twice!r} twice", lines, (*path, "order"), fix="name it once")
    if table.hierarchy is not None and not (folder / table.hierarchy).is_file():
        beside = [found.name for found in folder.iterdir()] if folder.is_dir() else []
        hint = did_you_mean(table.hierarchy, beside)
        what = f"there is no hierarchy file {table.hierarchy!r}.{hint}"
        raise mistake(what, lines, (*path, "hierarchy"), fix="a path as seen from the policy's folder")
