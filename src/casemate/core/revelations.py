"""Revelations: counting and guessing behind the judges of a released table, and what of it a report may show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from casemate.core.evidence import MAX_EXAMPLES, Example
from casemate.core.reading import places, resolution
from casemate.core.release import Meanings, Release

if TYPE_CHECKING:
    import polars

    from casemate.core.disclosure import Votes

MOST_CLASSES = 100
BINS = 20
"""A sensitive column of numbers with more than `MOST_CLASSES` values is judged by `BINS` bins of equal counts."""


def words(values: polars.Series) -> list[str]:
    """Return values as text; missing ones are empty."""
    import polars as pl

    return values.cast(pl.String).fill_null("").to_list()


def counts(values: polars.Series) -> polars.DataFrame:
    """Return the values as text with how often each occurs: ``value``, ``count``; the most common first."""
    import polars as pl

    return values.cast(pl.String).fill_null("").alias("value").value_counts().sort(
        ["count", "value"], descending=[True, False]
    )  # fmt: skip


def fitting(table: polars.DataFrame, told: Mapping[str, Meanings]) -> np.ndarray:
    """Return how many rows of a raw table fit each description, (p,) int64."""
    if not told:
        return np.empty(0, dtype=np.int64)
    spots = {name: places(table[name], meanings.domain) for name, meanings in told.items()}
    number = len(next(iter(told.values())).labels)
    return np.array([_fitting(spots, told, at, table.height) for at in range(number)], dtype=np.int64)


def _fitting(
    spots: Mapping[str, tuple[np.ndarray, np.ndarray]], told: Mapping[str, Meanings], at: int, height: int
) -> int:
    alive: np.ndarray | None = None
    # The narrowest column first leaves least for the others.
    for name in sorted(told, key=lambda name: int(told[name].sizes[at]) / max(len(told[name].domain), 1)):
        m = told[name]
        if m.sizes[at] == len(m.domain):
            continue
        left, right = spots[name] if alive is None else (spots[name][0][alive], spots[name][1][alive])
        within = (right >= m.low[at]) & (left <= m.high[at])
        if m.members is not None:
            within &= m.members[at][np.clip(left, 0, len(m.domain) - 1)]
        alive = np.flatnonzero(within) if alive is None else alive[within]
    return height if alive is None else len(alive)


@dataclass(frozen=True, eq=False)
class Classes:
    """What an attacker may guess of a sensitive column: its values, or bins of numbers of which there are many.

    Args:
        names: of the classes.
        numbers: where the column holds numbers, those that they are taken for, ascending; else None.
        edges: where they are binned, between which; else None.
    """

    names: tuple[str, ...]
    numbers: np.ndarray | None = None
    edges: np.ndarray | None = None

    @classmethod
    def of(cls, values: polars.Series) -> Classes:
        """Return the classes of a column."""
        import polars as pl

        if values.dtype.is_numeric() and values.n_unique() > MOST_CLASSES:
            edges = np.unique(np.nanquantile(_numbers(values), np.linspace(0, 1, BINS + 1)[1:-1]))
            shown = [f"{edge:g}" for edge in edges.tolist()]
            names = [f"below {shown[0]}", *(f"{a} to below {b}" for a, b in pairwise(shown))]
            return cls((*names, f"{shown[-1]} or more", "missing"), edges=edges)
        text = values.cast(pl.String).fill_null("").unique().sort().to_list()
        if not values.dtype.is_numeric():
            return cls(tuple(text))
        numbers = values.drop_nulls().unique().sort()
        names = [*numbers.cast(pl.String).to_list(), *([""] if values.null_count() else [])]
        return cls(tuple(names), numbers=numbers.cast(pl.Float64).to_numpy())

    def code(self, values: polars.Series) -> np.ndarray:
        """Return the class of each value, (n,) int64, as somebody who knows the classes reads it.

        Numbers are taken for the nearest there is. What is none of the classes has their number, which is nobody's.
        """
        import polars as pl

        none = len(self.names)
        if self.edges is not None:
            numbers = _numbers(values)
            return np.where(np.isnan(numbers), none - 1, np.searchsorted(self.edges, numbers, side="right"))
        if self.numbers is not None and len(self.numbers) and values.dtype.is_numeric():
            numbers, middles = _numbers(values), (self.numbers[1:] + self.numbers[:-1]) / 2
            missing = none - 1 if self.names[-1] == "" else none
            return np.where(np.isnan(numbers), missing, np.searchsorted(middles, numbers))
        text = values.cast(pl.String).fill_null("")
        places = list(range(none))
        return text.replace_strict(list(self.names), places, default=none, return_dtype=pl.Int64).to_numpy()


def _numbers(values: polars.Series) -> np.ndarray:
    """Values as float64; NaN for what is missing or no number."""
    import polars as pl

    return values.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()


def tally(votes: Votes, seen: np.ndarray, number: int, people: int) -> np.ndarray:
    """Return the votes for each class about each person, (p, number); for the arguments see `guesses`."""
    from scipy.sparse import csr_array

    groups = int(votes.groups.max(initial=-1)) + 1
    table = csr_array((np.ones(len(seen)), (votes.groups, seen)), shape=(groups, number))
    weights = csr_array((votes.weight, (votes.person, votes.group)), shape=(people, groups))
    return np.asarray((weights @ table).toarray())


def guesses(votes: Votes, seen: np.ndarray, number: int, people: int, without: np.ndarray | None = None) -> np.ndarray:
    """Return the class that has most votes for each person, (p,) int64; the commoner of equals; all rows' where none.

    Args:
        seen: the class of each published row, (n,).
        number: how many classes there are.
        people: how many people.
        without: the published row of each person that is left out of its own votes, (p,); -1 for none.
    """
    total = tally(votes, seen, number, people)
    prior = np.tile(np.bincount(seen, minlength=number).astype(np.float64), (people, 1))
    if without is not None:
        known = np.flatnonzero(without >= 0)
        own = without[known]
        total[known, seen[own]] -= _weight_of(votes, known, votes.groups[own])
        prior[known, seen[own]] -= 1
    most = total.max(axis=1, keepdims=True)
    # Rounding must not decide between equals, nor leave a vote where all were taken out.
    return np.asarray(np.where(total >= most - 1e-9, prior, -1.0).argmax(axis=1))


def _weight_of(votes: Votes, person: np.ndarray, group: np.ndarray) -> np.ndarray:
    """The weight that the given people's votes give to a row of the given groups, (k,)."""
    groups = int(votes.groups.max(initial=-1)) + 1
    keys = votes.person.astype(np.int64) * groups + votes.group
    order = np.argsort(keys, kind="stable")
    wanted = person * groups + group
    at = np.minimum(np.searchsorted(keys[order], wanted), max(len(keys) - 1, 0))
    hit = keys[order][at] == wanted if len(keys) else np.zeros(len(wanted), dtype=bool)
    return np.where(hit, votes.weight[order][at], 0.0) if len(keys) else np.zeros(len(wanted))


def any_of(domain: np.ndarray, values: np.ndarray, rng: np.random.Generator) -> int:
    """Return the code of a value drawn from a label's codes; of numbers, of all between the ends: -1 for nobody's."""
    if domain.dtype.kind != "f" or np.isnan(domain[values]).any():
        return int(rng.choice(values))
    low, high = float(domain[values[0]]), float(domain[values[-1]])
    step = resolution(domain)
    guess = low + step * int(rng.integers(0, round((high - low) / step) + 1))
    at = int(np.abs(domain[values] - guess).argmin())
    return int(values[at]) if abs(float(domain[values[at]]) - guess) < step / 4 else -1


def allowed(meanings: Meanings, label: int) -> str:
    """Return what a label allows, in words."""
    domain, low, high = meanings.domain, int(meanings.low[label]), int(meanings.high[label])
    if meanings.sizes[label] == len(domain):
        return "anything"
    if meanings.members is not None:
        members = [text(domain[code]) for code in np.flatnonzero(meanings.members[label])]
        return ", ".join(members[:6]) + (f" and {len(members) - 6} more" if len(members) > 6 else "")
    return text(domain[low]) if low == high else f"{text(domain[low])} to {text(domain[high])}"


def text(value: object) -> str:
    """Return a value of a domain as text."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def linked(
    raw: Release, release: Release, known: Sequence[str], people: np.ndarray, claims: np.ndarray, won: np.ndarray
) -> tuple[Example, ...]:
    """Return a few people with the row that was found to be theirs."""
    shown = [*known, *(c for c in release.table.columns if c not in known)]
    made = []
    for at in np.flatnonzero(won)[:MAX_EXAMPLES].tolist():
        person, row = raw.table.row(int(people[at]), named=True), release.table.row(int(claims[at]), named=True)
        before = tuple(_shown(person[name]) if name in known else "" for name in shown)
        after = tuple(_shown(row[name]) if name in row else "" for name in shown)
        made.append(Example((), (), (), tuple(shown), "known", "published", "this row is theirs", before, after))
    return tuple(made)


def described(told: Mapping[str, Meanings], fits: np.ndarray) -> tuple[Example, ...]:
    """Return a few descriptions that fit one person."""
    names = tuple(told)
    return tuple(
        Example((), (), (), names, "", "described as", "fits one person in the raw table", tuple("" for _ in names),
                tuple(allowed(told[name], at) for name in names))
        for at in np.flatnonzero(fits == 1)[:MAX_EXAMPLES].tolist()
    )  # fmt: skip


def inferred(
    people: polars.DataFrame, column: str, names: Sequence[str], guess: np.ndarray, truth: np.ndarray
) -> tuple[Example, ...]:
    """Return a few people with the value that was rightly guessed of them."""
    shown = (*people.columns, column)
    made = []
    for at in np.flatnonzero(guess == truth)[:MAX_EXAMPLES].tolist():
        known = tuple(_shown(value) for value in people.row(at))
        learned = (*("" for _ in known), names[int(guess[at])])
        made.append(Example((), (), (), shown, "known", "inferred", "rightly", (*known, ""), learned))
    return tuple(made)


def recovered(
    release: Release, rows: np.ndarray, columns: Sequence[str], claims: np.ndarray, won: np.ndarray
) -> tuple[Example, ...]:
    """Return a few labels with the value that was read back from them."""
    made = []
    for at in np.flatnonzero(won)[:MAX_EXAMPLES].tolist():
        name = columns[at]
        label, value = release.table[name][int(rows[at])], release.meanings[name].domain[int(claims[at])]
        note = "somebody in this group has this value"
        made.append(Example((), (), (), (name,), "published", "recovered", note, (_shown(label),), (text(value),)))
    return tuple(made)


def deciphered(
    column: str, pseudonyms: Sequence[str], truth: Sequence[str], claims: Mapping[str, str]
) -> tuple[Example, ...]:
    """Return a few pseudonyms with the value that they were rightly read as."""
    right = [p for p, t in zip(pseudonyms, truth, strict=True) if claims.get(p) == t]
    return tuple(
        Example((), (), (), (column,), "published", "read as", "rightly", (p,), (claims[p],))
        for p in list(dict.fromkeys(right))[:MAX_EXAMPLES]
    )


def _shown(value: object) -> str:
    return "" if value is None else text(value)
