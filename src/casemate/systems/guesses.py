"""What the names and values of columns suggest. Every guess is for the owner to confirm."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from casemate.core.errors import OutOfRange, TargetMissing
from casemate.core.schema import Column, Role
from casemate.systems.data import columns as told
from casemate.systems.data.table import Table, is_plain
from casemate.systems.declaration import DataTable
from casemate.systems.lines import Lines

if TYPE_CHECKING:
    import polars

_TARGETS = ("target", "label", "labels", "class", "y", "outcome", "diagnosis", "default", "churn", "fraud", "survived")
_MOST_CLASSES = 20
_MOST_WORDS = 20
_SEPARATOR = re.compile(r"(?<=.)(=|_+|\.|-)(?=.)")

_WORDS: dict[Role, str] = {
    "identifier": (
        "id uuid guid ssn email mail phone telephone mobile fax name firstname lastname surname fullname username "
        "login address street iban passport license ip imei vin mrn url"
    ),
    # The special categories of Article 9 of the GDPR, and income.
    "sensitive": (
        "race ethnicity ethnic religion political union disease hiv disability disabled pregnant orientation genetic "
        "income salary wage"
    ),
    "quasi-identifier": (
        "age birth birthday birthdate dob birthyear sex gender zip zipcode postcode postal city town county region "
        "state country nationality native occupation profession job marital education"
    ),
}
_ROLES: dict[str, Role] = {word: role for role, listed in _WORDS.items() for word in listed.split()}
_IMMUTABLE = "age birth birthday birthdate dob birthyear sex gender race ethnicity ethnic nationality native genetic"


@dataclass(frozen=True)
class Guess:
    """What is proposed for one column.

    Args:
        column: the model input; None where the column is none.
        name: its name.
        role: its role.
        notes: what its owner should look at.
    """

    column: Column | None
    name: str
    role: Role
    notes: tuple[str, ...] = ()


def words(name: str) -> list[str]:
    """Return the words of a column's name in lower case: ``customerZip_code2`` gives customer, zip, code."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def role_of(name: str) -> Role:
    """Return the role that a name suggests; ``feature`` where it suggests none."""
    suggested = {_ROLES[word] for word in words(name) if word in _ROLES}
    return next((role for role in _WORDS if role in suggested), "feature")


def immutable(name: str) -> bool:
    """Return whether a name suggests something that nobody can change."""
    return bool(set(words(name)) & set(_IMMUTABLE.split()))


def target_of(table: Table) -> tuple[str, str]:
    """Return the column that is likely to hold the label, and why it was taken.

    Raises:
        TargetMissing: no column has such a name, and none has few values.
    """
    by_name = [name for wanted in _TARGETS for name in table.names if name.lower() == wanted]
    if by_name:
        return by_name[0], "guessed by its name"
    for name in reversed(table.names):
        values = table.column(name)
        different = values.n_unique() if _could_be_labels(values) else 0
        if 2 <= different <= min(_MOST_CLASSES, len(table) - 1):
            last = "the last column" if name == table.names[-1] else "the last column with few values"
            return name, f"guessed: {last}, with {different} values"
    raise TargetMissing(
        f"no column of {table.source} looks like a label",
        where=table.source,
        why=f"none is called {', '.join(_TARGETS[:4])} or the like, and none has 2 to {_MOST_CLASSES} values",
        fix="name the target column",
    )


def _could_be_labels(values: polars.Series) -> bool:
    if not is_plain(values.dtype) or values.null_count():
        return False
    return not values.dtype.is_float() or bool((values == values.round()).all())


def one_hot_groups(names: Sequence[str], X: np.ndarray) -> dict[str, str]:
    """Return, for the columns of a one-hot group, the group's name.

    A group is two or more columns with one prefix, as ``colour_red`` and ``colour_blue``, of which in every row
    exactly one holds 1 and the others 0.

    Args:
        names: the columns' names.
        X: their values, (n, d).
    """
    prefixed: dict[str, list[int]] = defaultdict(list)
    for index, name in enumerate(names):
        for separator in _SEPARATOR.finditer(name):
            prefixed[name[: separator.start()]].append(index)
    groups: dict[str, str] = {}
    for prefix in sorted(prefixed, key=len):  # "eye" holds all of eye_light_blue and eye_brown
        members = [index for index in prefixed[prefix] if names[index] not in groups]
        part = X[:, members]
        if len(members) > 1 and np.isin(part, (0, 1)).all() and (part.sum(axis=1) == 1).all():
            groups |= {names[index]: prefix for index in members}
    return groups


def guess_columns(tables: Sequence[Table], names: Sequence[str]) -> list[Guess]:
    """Return a guess for each of the named columns, by its name and by its values in all tables."""
    return _with_groups(tables, [_guess(tables, name) for name in names])


def _guess(tables: Sequence[Table], name: str) -> Guess:
    role = role_of(name)
    series = [table.column(name) for table in tables if name in table.names]
    if role in ("identifier", "ignored"):
        return Guess(None, name, role, ("looks like an identifier by its name: no model input",))
    missing = sum(int(s.null_count() + (s.is_nan().sum() if s.dtype.is_float() else 0)) for s in series)
    if missing:
        note = f"missing values: {missing}. Fill them in, then make it a feature"
        return Guess(None, name, "ignored", (note,))
    try:
        column = _told(tables, name)
    except OutOfRange as error:
        return Guess(None, name, "ignored", (error.what,))
    if column.kind == "category" and len(column.categories) > max(_MOST_WORDS, len(tables[0]) // 2):
        return Guess(None, name, "ignored", ("nearly every row has words of its own: an identifier, or free text",))
    notes = [] if role == "feature" else ["role by its name"]
    if column.kind in ("number", "integer") and column.low == column.high:
        notes.append("holds one value only")
    fixed = immutable(name)
    if fixed:
        notes.append("immutable by its name: nobody can change it to cheat the model")
    column = Column(name, role, column.kind, column.low, column.high, fixed, None, column.categories)
    return Guess(column, name, role, tuple(notes))


def _told(tables: Sequence[Table], name: str) -> Column:
    """Return one column as its values in all tables tell it."""
    import polars as pl

    frames = [table.column(name).to_frame() for table in tables if name in table.names]
    apart = OutOfRange("training and test rows hold different types: make them alike, then make it a feature")
    if len({frame.dtypes[0].is_numeric() for frame in frames}) > 1:
        raise apart  # joined they would all be words
    try:
        joined = pl.concat(frames, how="vertical_relaxed")
    except pl.exceptions.PolarsError:
        raise apart from None
    values = joined.get_column(name)
    alone = Table(tables[0].source, joined, (name,))
    (column,) = told.inputs(alone, "", DataTable(train=alone.source), {}, Lines())
    if column.kind in ("number", "integer"):
        low, high = float(str(values.min())), float(str(values.max()))
        if not np.isfinite([low, high]).all():
            raise OutOfRange("some values are infinite: repair them, then make it a feature")
        return Column(name, "feature", column.kind, low, high)
    return column


def _with_groups(tables: Sequence[Table], guessed: list[Guess]) -> list[Guess]:
    binary = [g for g in guessed if g.column is not None and g.column.kind in ("boolean", "number", "integer")]
    binary = [g for g in binary if g.column is not None and (g.column.low, g.column.high) == (0.0, 1.0)]
    names = [guess.name for guess in binary]
    if not names:
        return guessed
    rows = [
        np.column_stack([t.column(name).to_numpy().astype(np.float64) for name in names])
        for t in tables
        if set(names) <= set(t.names)
    ]
    groups = one_hot_groups(names, np.concatenate(rows))
    return [
        replace(
            guess,
            column=replace(guess.column, kind="boolean", one_hot=groups[guess.name]),
            notes=(*guess.notes, "one of its group is 1 in every row"),
        )
        if guess.column is not None and guess.name in groups
        else guess
        for guess in guessed
    ]
