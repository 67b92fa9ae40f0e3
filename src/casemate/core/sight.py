"""Sight: a released table as an attacker sees it, and what it knows of the people in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from casemate.core.errors import AccessDenied
from casemate.core.reading import Reading, places, read
from casemate.core.release import Release
from casemate.core.schema import Role

if TYPE_CHECKING:
    import polars

PUBLIC = 10
"""People who must have a value for it to be public that it occurs, and how often."""

KNOWN_ROLES: tuple[Role, ...] = ("quasi-identifier", "identifier")
"""What an attacker knows of people unless the system says otherwise."""


class Sight:
    """A release, the people whom the attacker is after, and what it knows of them.

    The people are drawn from the raw table in the same order in every arm, so that arms can be paired. Where the
    release came from, which row is whose and what was left out are the owner's secrets, which only the judges use.

    Args:
        raw: the table as the owner holds it; a row of it is a person.
        release: what is given away.
        known: columns of the raw table that the attacker knows; empty for quasi-identifiers and identifiers.
        samples: people attacked, at most.
        pick: randomness for a purpose, the same in every arm.
        population: whether the attacker holds a register of everybody in the raw table.
    """

    def __init__(
        self,
        raw: Release,
        release: Release,
        *,
        known: Sequence[str],
        samples: int,
        pick: Callable[[str], np.random.Generator],
        population: bool,
    ) -> None:
        self._raw, self._release = raw, release
        self._pick, self._samples, self._population = pick, samples, population
        self._known = tuple(known)

    # What the attacker sees and knows.

    @cached_property
    def published(self) -> Release:
        """The release as anybody sees it: without the positions of its rows in the raw table, which are -1."""
        return replace(self._release, rows=np.full(len(self._release), -1, dtype=np.int64))

    @cached_property
    def known(self) -> tuple[str, ...]:
        """Columns that the attacker knows of people."""
        roles = self._raw.roles
        return self._known or tuple(c for c in self._raw.table.columns if roles.get(c) in KNOWN_ROLES)

    @cached_property
    def people(self) -> polars.DataFrame:
        """What the attacker knows of each person that it is after, (p rows)."""
        return self._raw.table[self._victims].select(self.known)

    @cached_property
    def register(self) -> polars.DataFrame:
        """A list of everybody in the raw table with what is known of them, in random order.

        Needs rows of the population.
        """
        self._require_population("a list of the population")
        return self._raw.table[self._pick("register").permutation(len(self._raw))].select(self.known)

    def census(self, *columns: str) -> polars.DataFrame:
        """Return what columns of the raw table hold for other people, as a census or another release may tell it.

        A random half of the raw table, in random order. Needs rows of the population.
        """
        self._require_population("a census")
        return self._raw.table[self._pick("census").permutation(len(self._raw))[::2]].select(columns)

    def common(self, column: str, domain: np.ndarray) -> np.ndarray:
        """Return how common each value of a domain is, (c,): public knowledge, unlike who has it.

        0 for what fewer than `PUBLIC` people have: that such a value occurs at all is not public.
        """
        left, right = places(self._raw.table[column], domain)
        count = np.bincount(left[(left == right) & (left >= 0)], minlength=len(domain)).astype(np.float64)
        return np.where(count >= PUBLIC, count, 0.0)

    @cached_property
    def rows(self) -> np.ndarray:
        """Published rows that the attacker is after, at most ``samples``, as positions in the release, (q,)."""
        order = np.empty(len(self._raw), dtype=np.int64)
        order[self._pick("rows").permutation(len(self._raw))] = np.arange(len(self._raw))
        return np.asarray(np.argsort(order[self._release.rows], kind="stable")[: self._samples])

    @cached_property
    def readings(self) -> tuple[Reading, ...]:
        """The published columns that the attacker knows of people, pseudonyms left out."""
        return read(self.published, self.known)

    @cached_property
    def generalised(self) -> tuple[str, ...]:
        """Published columns whose values were generalised."""
        return tuple(name for name in self._release.table.columns if name in self._release.meanings)

    @cached_property
    def plain(self) -> tuple[str, ...]:
        """Columns that are published as they are."""
        hidden = {*self._release.meanings, *self._release.pseudonyms}
        return tuple(c for c in self._release.table.columns if c in self._raw.table.columns and c not in hidden)

    @cached_property
    def sensitive(self) -> tuple[str, ...]:
        """Sensitive columns that are published as they are."""
        return tuple(name for name in self.plain if self._release.roles.get(name) == "sensitive")

    @cached_property
    def pseudonyms(self) -> tuple[str, ...]:
        """Published columns that stand for raw columns of the same name one to one."""
        return tuple(c for c in self._release.table.columns if c in self._release.pseudonyms and c in self._raw.table)

    def lacks(self, requires: Sequence[str]) -> str:
        """Return why the release cannot be attacked by something that requires more of it, or ``""``."""
        if not len(self._release):
            return "the release holds no row"
        if "readable" in requires and not self.readings:
            return "the release shows nothing that the attacker knows of people"
        if "generalised" in requires and not self.generalised:
            return "the release generalises no column: nothing stands for more than one value"
        if "sensitive" in requires and not self.sensitive:
            return "the release shows no sensitive column as it is"
        if "pseudonyms" in requires and not self.pseudonyms:
            return "the release holds no pseudonyms of columns"
        return ""

    # Inside.

    @cached_property
    def _victims(self) -> np.ndarray:
        return np.asarray(self._pick("people").permutation(len(self._raw))[: self._samples])

    def _require_population(self, what: str) -> None:
        if not self._population:
            raise AccessDenied(
                f"the attack uses {what}, which it did not ask for or was not granted",
                fix="declare population=True in the attack's needs, and grant it in [access]",
            )
