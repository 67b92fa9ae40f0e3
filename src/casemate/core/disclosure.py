"""Disclosure: how the harness decides what an attacker has learned from a released table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from casemate.core import revelations
from casemate.core.errors import ShapeMismatch, UnknownName
from casemate.core.evidence import Evidence
from casemate.core.reading import Groups, group_rows, places, read
from casemate.core.release import Meanings
from casemate.core.sight import Sight

POINTS_AT = 1 / 11
"""Share of a group that must have a value for a claim to tell of somebody: the risk that is accepted of linkage."""


@dataclass(frozen=True, eq=False)
class Votes:
    """What an attacker reads from the release about each person: rows, by groups that look alike to it, and weights.

    Args:
        groups: the group of each published row, (n,) int64 from 0.
        person, group, weight: entries, (e,): a row of that group counts so much for that person.
    """

    groups: np.ndarray
    person: np.ndarray
    group: np.ndarray
    weight: np.ndarray


class Disclosure(Sight):
    """What an attacker sees of a release, and the judges of what it learns. None of them tells it what came of it."""

    def link(self, claims: np.ndarray, figures: Mapping[str, float] | None = None) -> Evidence:
        """Judge which published row belongs to each of `people`, (p,) int64; -1 claims none. A rate."""
        claims = self._same("claims", claims, len(self._victims))
        rows = np.append(self._release.rows, -1)
        won = rows[claims] == self._victims
        return Evidence.rate(
            "people linked to their row",
            won=won,
            ids=self._victims,
            figures=dict(figures or {}) | {"people who are not in the release": float((self._own < 0).mean())},
            examples=revelations.linked(self._raw, self._release, self.known, self._victims, claims, won),
        )

    def single_out(
        self,
        informed: Mapping[str, Meanings],
        blind: Mapping[str, Meanings],
        figures: Mapping[str, float] | None = None,
    ) -> Evidence:
        """Judge descriptions: which of them fit exactly one person of the raw table. A lift.

        Args:
            informed, blind: per column of the raw table, the values that the description of each of `rows` allows, as
                meanings with one label a description; made with the release and without it. Columns that are left out
                allow everything.
        """
        found = {name: revelations.fitting(self._raw.table, told) for name, told in
                 (("informed", informed), ("blind", blind))}  # fmt: skip
        for counts in found.values():
            self._same("descriptions", counts, len(self.rows))
        return Evidence.lift(
            "people singled out, beyond blind luck",
            informed=found["informed"] == 1,
            blind=found["blind"] == 1,
            ids=self._release.rows[self.rows],
            figures=figures,
            examples=revelations.described(informed, found["informed"]),
        )

    def infer(self, column: str, votes: Votes, other: Votes | None = None, *,
              figures: Mapping[str, float] | None = None, metric: str = "") -> Evidence:  # fmt: skip
        """Judge what is learned of a sensitive column about each of `people`. A lift.

        The guess is the value with most votes, as it is published, and right where the raw table has it. Without
        ``other``, it is set against the guess from the same votes without the person's own row: what the release would
        have told about somebody who is not in it. A control group of other people would tell the same with twice the
        noise, for it could not be paired; and a model of the population would be credited with whatever it fails to
        learn. With ``other`` votes, against the guess from those, both with everybody's row.

        Raises:
            UnknownName: the column is not one of `sensitive`.
        """
        if column not in self.sensitive:
            raise UnknownName(f"{column!r} is no sensitive column that is published as it is")
        raw = self._raw.table[column]
        classes = revelations.Classes.of(raw)
        truth, seen = classes.code(raw)[self._victims], classes.code(self._release.table[column])
        number = len(classes.names) + 1  # what is published may be nobody's
        guess = revelations.guesses(votes, seen, number, len(self._victims))
        own = np.where(self._own < 0, -1, self._own)
        without = (
            revelations.guesses(votes, seen, number, len(self._victims), own)
            if other is None
            else revelations.guesses(other, seen, number, len(self._victims))
        )
        return Evidence.lift(
            metric or f"{column} inferred, beyond a guess without the own row",
            informed=guess == truth,
            blind=without == truth,
            ids=self._victims,
            figures=figures,
            examples=revelations.inferred(self.people, column, classes.names, guess, truth),
        )

    def recover(
        self, columns: Sequence[str], claims: np.ndarray, figures: Mapping[str, float] | None = None
    ) -> Evidence:
        """Judge values read back from generalised labels. A lift.

        Rows that carry the same labels in every generalised column are one to everybody, so a claim is about the group
        of a row: it is right where at least one in eleven rows of the group has that raw value, for less points at
        nobody. Each of `rows` counts once. The claim is set against the most common of the values that the label may
        stand for.

        Args:
            columns: for each of `rows`, the generalised column that its claim is about; "" for no claim.
            claims: the value claimed, as a code of the column's domain, (q,) int64.
        """
        claims = self._same("claims", claims, len(self.rows))
        blind = self._likeliest(columns)
        won, luck = (self._in_group(columns, values) for values in (claims, blind))
        return Evidence.lift(
            "values recovered from labels, beyond the likeliest guess",
            informed=won,
            blind=luck,
            ids=self._release.rows[self.rows],
            figures=figures,
            examples=revelations.recovered(self._release, self.rows, columns, claims, won),
        )

    def decipher(
        self, column: str, claims: Mapping[str, str], common: str, figures: Mapping[str, float] | None = None
    ) -> Evidence:
        """Judge the raw value, as text, claimed for each pseudonym of a column, over `rows`. A lift.

        Args:
            claims: raw values by pseudonym.
            common: the most common raw value, the guess without the pseudonyms.
        """
        pseudonyms = revelations.words(self._release.table[column][self.rows])
        truth = revelations.words(self._raw.table[column][self._release.rows[self.rows]])
        return Evidence.lift(
            f"pseudonyms of {column} read, beyond the most common value",
            informed=np.array([claims.get(p) == t for p, t in zip(pseudonyms, truth, strict=True)], dtype=bool),
            blind=np.array([common == t for t in truth], dtype=bool),
            ids=self._release.rows[self.rows],
            figures=figures,
            examples=revelations.deciphered(column, pseudonyms, truth, claims),
        )

    # Inside.

    @cached_property
    def _own(self) -> np.ndarray:
        """The published row of each person, (p,) int64; -1 where it was left out."""
        at = np.full(len(self._raw), -1, dtype=np.int64)
        at[self._release.rows] = np.arange(len(self._release))
        return np.asarray(at[self._victims])

    @cached_property
    def _alike(self) -> Groups:
        return group_rows(read(self.published, self.generalised), len(self._release))

    def _likeliest(self, columns: Sequence[str]) -> np.ndarray:
        """The most common value within the label of each of `rows` in the column named for it, (q,) int64.

        Where no value is common enough to be public, any number between the ends, which may be nobody's (-1), or any
        of the words.
        """
        best = np.full(len(self.rows), -1, dtype=np.int64)
        rng = self._pick("luck")
        for reading in read(self.published, [name for name in self.generalised if name in columns]):
            domain = reading.meanings.domain
            common = self.common(reading.name, domain)
            for at in np.flatnonzero(np.array(columns) == reading.name):
                values = reading.meanings.values(int(reading.label[self.rows[at]]))
                known = common[values]
                best[at] = values[known.argmax()] if known.any() else revelations.any_of(domain, values, rng)
        return best

    def _in_group(self, columns: Sequence[str], values: np.ndarray) -> np.ndarray:
        right = np.zeros(len(self.rows), dtype=bool)
        for name in {*columns} - {""}:
            domain = self._release.meanings[name].domain
            left, last = places(self._raw.table[name][self._release.rows], domain)
            for at in np.flatnonzero(np.array(columns) == name):
                rows = self._alike.rows(int(self._alike.of[self.rows[at]]))
                right[at] = bool(((left[rows] == values[at]) & (last[rows] == values[at])).mean() >= POINTS_AT)
        return right

    @staticmethod
    def _same(what: str, values: np.ndarray, n: int) -> np.ndarray:
        found: np.ndarray = np.asarray(values)
        if found.shape != (n,):
            raise ShapeMismatch(f"{n} are attacked, but the {what} have shape {found.shape}", fix="give one for each")
        return found
