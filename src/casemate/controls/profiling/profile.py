"""Profile: what in a table identifies people, alone and together, and how surely; no value of theirs is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from casemate.controls.privacy.drift import kind_of
from casemate.controls.profiling.coding import Codes, class_sizes, encode
from casemate.controls.profiling.facts import ColumnFacts, count, shape_of
from casemate.controls.profiling.free_text import FreeText, scan
from casemate.controls.profiling.near_keys import minimal, rank
from casemate.controls.profiling.risk import Risk, risk_of
from casemate.controls.profiling.roles import RoleGuess, guess_of
from casemate.controls.profiling.sample import sample
from casemate.core.errors import DataError, EmptyData, did_you_mean
from casemate.core.schema import Role

if TYPE_CHECKING:
    import polars

EPSILON = 1e-4
"""The share of pairs of rows that a near-key may leave untold apart."""

LARGEST = 4
"""Columns in a set, at most."""

MOST_CANDIDATES = 16
"""Columns that are searched, at most: 2,516 sets."""

_PER_SIZE = 3
_MOST_KEYS = 8


@dataclass(frozen=True)
class ColumnSet:
    """Some columns taken together, counted over all rows.

    Args:
        columns: their names, in the table's order.
        risk: exact figures.
        known: whether all of them are quasi-identifiers: what others may know of a person.
    """

    columns: tuple[str, ...]
    risk: Risk
    known: bool


@dataclass(frozen=True)
class Profile:
    """What in a table identifies people.

    Args:
        source: what the table is called.
        rows: its rows.
        columns: its columns, in order.
        risk: exact figures for all quasi-identifiers together; None where there is none.
        sets: the sets of quasi-identifiers that keep most rows apart, the most telling of each size, smaller first.
        near_keys: smallest sets of columns, identifiers left out, that tell all but a share `EPSILON` of pairs of rows
            apart: those of quasi-identifiers alone first.
        searched: how many sets were ranked.
        left_out: columns that were too many to search.
        texts: what was found in columns of free text.
        subject: the column that says which person a row is about, if known.
        subject_told: whether the user named it.
        fraction: the share of the population that the table holds; None where it is not known.
    """

    source: str
    rows: int
    columns: tuple[ColumnFacts, ...]
    risk: Risk | None
    sets: tuple[ColumnSet, ...]
    near_keys: tuple[ColumnSet, ...]
    searched: int
    left_out: tuple[str, ...]
    texts: tuple[FreeText, ...]
    subject: str | None
    subject_told: bool
    fraction: float | None

    def of(self, role: Role) -> tuple[ColumnFacts, ...]:
        """Return the columns of a role, in order."""
        return tuple(column for column in self.columns if column.role == role)

    def column(self, name: str) -> ColumnFacts:
        """Return a column by its name."""
        return next(column for column in self.columns if column.name == name)


def profile_table(
    columns: Sequence[polars.Series],
    source: str,
    *,
    target: str | None = None,
    subject: str | None = None,
    fraction: float | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Profile:
    """Return what in a table identifies people.

    Args:
        columns: all columns, of the same length.
        source: what to call the table.
        target: the column that holds the label, if any.
        subject: the column that says which person a row is about; None guesses.
        fraction: the share of the population that the table holds, in (0, 1].
        seed: seed of the samples that rank sets of columns.
        progress: called with columns done and columns in all.

    Raises:
        EmptyData: no columns, or no rows.
        DataError: the target or the subject is no column.
    """
    if not columns or not len(columns[0]):
        raise EmptyData("there are no rows to profile", where=source, fix="check the file, or what wrote it")
    names = [column.name for column in columns]
    for what, name in (("target", target), ("subject", subject)):
        if name is not None and name not in names:
            hint = did_you_mean(name, names)
            raise DataError(f"there is no column {name!r}.{hint}", where=f"--{what}", fix="name a column of the table")
    facts = []
    for place, column in enumerate(columns):
        facts.append(_facts(column, target, subject))
        if progress is not None:
            progress(place + 1, len(columns))
    by_name = dict(zip(names, columns, strict=True))
    told = _subject(facts, subject)
    quasi = [fact.name for fact in facts if fact.role == "quasi-identifier"]
    searched = _search(facts, by_name, seed)
    texts = tuple(scan(by_name[fact.name]) for fact in facts if fact.guess.kind == "free-text")
    risk = _risk(encode([by_name[name] for name in quasi]), range(len(quasi)), fraction) if quasi else None
    return Profile(
        source,
        len(columns[0]),
        tuple(facts),
        risk,
        *searched,
        texts,
        told,
        subject is not None,
        fraction,
    )


def _facts(column: polars.Series, target: str | None, subject: str | None) -> ColumnFacts:
    counted = count(column)
    taken = sample(column, counted.alone == 1.0 and not counted.missing)
    guess = guess_of(taken)
    role: str = guess.of.role
    if column.name == target:
        role, guess = "target", RoleGuess("label", 1.0, ("you said so",))
    if column.name == subject:
        role, guess = "identifier", RoleGuess("person-key", 1.0, ("you said so",))
    shape = shape_of(taken.probe)
    return ColumnFacts(
        column.name,
        kind_of(column.dtype),
        guess,
        role,
        counted.missing,
        counted.different,
        counted.alone,
        counted.entropy,
        shape,
    )


def _subject(facts: Sequence[ColumnFacts], subject: str | None) -> str | None:
    keys = [fact for fact in facts if fact.guess.kind in ("person-key", "row-key") and fact.guess.confidence >= 0.7]
    best = max(keys, key=lambda fact: (fact.guess.kind == "person-key", fact.guess.confidence), default=None)
    return subject or (best.name if best is not None else None)


def _search(
    facts: Sequence[ColumnFacts], columns: dict[str, polars.Series], seed: int
) -> tuple[tuple[ColumnSet, ...], tuple[ColumnSet, ...], int, tuple[str, ...]]:
    """Rank sets of columns by a sample, and count the ones to report."""
    chosen, left_out = _candidates(facts)
    if not chosen:
        return (), (), 0, left_out
    codes = encode([columns[fact.name] for fact in chosen])
    ranked = rank(codes, largest=LARGEST, epsilon=EPSILON, seed=seed)
    known = frozenset(place for place, fact in enumerate(chosen) if fact.role == "quasi-identifier")
    telling = []
    for size in range(1, LARGEST + 1):
        of_size = [one.columns for one in ranked if len(one.columns) == size and known.issuperset(one.columns)]
        telling += of_size[:_PER_SIZE]
    near = [one.columns for one in ranked if one.unseparated <= EPSILON]
    of_known = minimal([one for one in near if known.issuperset(one)])
    keys = list(dict.fromkeys(sorted(minimal(near), key=len) + sorted(of_known, key=len)))

    def counted(one: tuple[int, ...]) -> ColumnSet:
        names = tuple(chosen[place].name for place in one)
        return ColumnSet(names, _risk(codes, one), known.issuperset(one))

    sets = tuple(counted(one) for one in telling)
    exact = [counted(one) for one in _some(keys, known)]
    # The sample ranks; what is reported must hold over all rows.
    return sets, tuple(one for one in exact if one.risk.unseparated <= EPSILON), len(ranked), left_out


def _some(keys: Sequence[tuple[int, ...]], known: frozenset[int]) -> list[tuple[int, ...]]:
    """Return as many near-keys as are reported: half of them of quasi-identifiers, where there are so many."""
    mine = [one for one in keys if known.issuperset(one)][: _MOST_KEYS // 2]
    rest = [one for one in keys if one not in mine][: _MOST_KEYS - len(mine)]
    return mine + rest


def _candidates(facts: Sequence[ColumnFacts]) -> tuple[list[ColumnFacts], tuple[str, ...]]:
    """Return the columns to search in the table's order, quasi-identifiers before others, and what was left out."""
    wanted = ("quasi-identifier", "sensitive", "feature", "target")
    able = [f for f in facts if f.role in wanted and f.different > 1 and f.guess.kind != "unreadable"]
    first = sorted(able, key=lambda f: (wanted.index(f.role), -f.entropy))[:MOST_CANDIDATES]
    kept = {f.name for f in first}
    return [f for f in able if f.name in kept], tuple(f.name for f in able if f.name not in kept)


def _risk(codes: Codes, chosen: Sequence[int], fraction: float | None = None) -> Risk:
    return risk_of(class_sizes(*codes.key(chosen)), fraction)
