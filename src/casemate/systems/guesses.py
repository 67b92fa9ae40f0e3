"""What the names and values of columns suggest. Every guess is for the owner to confirm."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from casemate.core.errors import TargetMissing
from casemate.core.schema import Role
from casemate.systems.data.table import Table

_TARGETS = ("target", "label", "labels", "class", "y", "outcome", "diagnosis", "default", "churn", "fraud", "survived")
_MOST_CLASSES = 20
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
        different = table.column(name).drop_nulls().n_unique()
        if 2 <= different <= min(_MOST_CLASSES, len(table) - 1):
            last = "the last column" if name == table.names[-1] else "the last column with few values"
            return name, f"guessed: {last}, with {different} values"
    raise TargetMissing(
        f"no column of {table.source} looks like a label",
        where=table.source,
        why=f"none is called {', '.join(_TARGETS[:4])} or the like, and none has 2 to {_MOST_CLASSES} values",
        fix="name the target column",
    )


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
