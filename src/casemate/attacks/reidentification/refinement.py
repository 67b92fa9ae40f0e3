"""Combinatorial refinement: tell apart groups that overlap by counting who must be where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from casemate.attacks.reidentification import twin
from casemate.attacks.reidentification.matching import Candidates, candidates, fits
from casemate.core.access import Access
from casemate.core.attack import attack
from casemate.core.disclosure import Disclosure, Votes
from casemate.core.evidence import Evidence
from casemate.core.reading import places
from casemate.core.target import Target

if TYPE_CHECKING:
    import polars

ROUNDS = 300
MOST_KINDS = 4000
"""Kinds of people among whom counts are balanced; groups that fit more people than that tell nothing."""


@attack(
    "reidentification.refinement",
    threat="downcoding",
    needs=Access(population=True),
    requires=("release", "readable", "generalised", "sensitive"),
    twin=twin.overlapping_groups,
)
def refinement(target: Target) -> Evidence:
    """Balance counts: everybody on a list is in some group that fits them, and every group holds as many as published.

    Where the regions of groups overlap, a person fits several, and the labels alone favour the narrowest. A list of
    the population, without any sensitive value, says more: a group that others must fill has no room left. The number
    of people of each kind (equal in all that is known) in each group that fits them is the unknown; per kind these sum
    to the people on the list, per group to its published rows. Of all solutions the attacker takes the one of largest
    entropy from the starting weights of the labels, by iterative proportional fitting: what no solution allows goes to
    zero. A person's sensitive value is then voted for by the rows of the groups, each in proportion. What is counted
    is what this guesses right in excess of the same votes by the labels alone; where no two groups overlap there is
    nothing to gain.

    Source: combinatorial refinement, Chhillar, Righi, Sutter & Kornaropoulos, arXiv 2509.03350; the assignment of
    people to overlapping groups: Gionis, Mazza & Tassa, ICDE 2008; fitting: Deming & Stephan, Ann. Math. Stat. 11(4),
    1940. Adapted: the authors derive their linear constraints from the order in which ARX recodes locally, and need no
    list; here the constraints are the list's and the groups' counts, which hold whatever program made the groups. What
    a program's order gives away without a list is in reidentification.downcoding. Counts are balanced over the kinds
    that fit the groups of the people attacked; other groups take whoever is left.
    """
    disclosure = target.disclosure
    found = candidates(disclosure)
    plain = found.votes()
    ties = sum(len(groups) > 1 for groups in found.fitting)
    refined = _refined(disclosure, found) if ties else plain
    column = disclosure.sensitive[0]
    figures = {"people who fit several groups": ties / max(len(found.fitting), 1)}
    return disclosure.infer(
        column, refined, plain, figures=figures, metric=f"{column} inferred by counting, beyond the labels alone"
    )


@dataclass(frozen=True, eq=False)
class Balance:
    """Kinds of people and the groups that fit them.

    Args:
        kind, group: entries, (e,): a kind fits a group.
        people: people of each kind, (k,).
        room: rows of each group, (g,); infinite where its other kinds are not looked at.
        weight: the starting weight of each entry, (e,).
    """

    kind: np.ndarray
    group: np.ndarray
    people: np.ndarray
    room: np.ndarray
    weight: np.ndarray

    def solve(self) -> np.ndarray:
        """Return how many people of its kind each entry puts into its group, (e,)."""
        x = self.weight.astype(np.float64)
        bound = np.isfinite(self.room)
        for _ in range(ROUNDS):
            held = np.bincount(self.group, x, len(self.room))
            x = x * np.where(bound, self.room / np.maximum(held, 1e-300), 1.0)[self.group]
            put = np.bincount(self.kind, x, len(self.people))
            x = x * (self.people / np.maximum(put, 1e-300))[self.kind]
        return np.asarray(x)


def _refined(disclosure: Disclosure, found: Candidates) -> Votes:
    """The votes about each person, by where counting puts people of their kind."""
    import polars as pl

    names = [reading.name for reading in disclosure.readings]
    kinds = disclosure.register.group_by(names, maintain_order=True).len("people")
    near = kinds.filter(_near(disclosure, found, kinds))
    # The people attacked are on the list, so their kinds are near; each is named by its place among them.
    at = disclosure.people.join(
        near.with_row_index("kind"), on=names, how="left", nulls_equal=True, maintain_order="left"
    )
    person_kind = at["kind"].cast(pl.Int64).fill_null(-1).to_numpy()
    fitting = fits(disclosure.readings, found.groups, near)
    balance = _balance(disclosure, found, near["people"].to_numpy(), fitting)
    inside = balance.group < len(found.groups.sizes)  # not among those who were left out
    share = (balance.solve() / np.maximum(balance.people[balance.kind], 1))[inside]
    starts = np.concatenate([[0], np.cumsum([len(groups) for groups in fitting])])
    person, group, weight = [], [], []
    for one, kind in enumerate(person_kind.tolist()):
        # Whoever is not among the near kinds, since too many are near, is judged by the labels alone.
        groups = found.fitting[one] if kind < 0 else fitting[kind]
        plain = found.weight[groups] / found.weight[groups].max()
        person.append(np.full(len(groups), one))
        group.append(groups)
        weight.append(plain if kind < 0 else share[starts[kind] : starts[kind + 1]] / found.groups.sizes[groups])
    return Votes(found.groups.of, np.concatenate(person), np.concatenate(group), np.concatenate(weight))


def _balance(disclosure: Disclosure, found: Candidates, people: np.ndarray, fitting: list[np.ndarray]) -> Balance:
    """The entries of the near kinds; groups whose kinds are all near have the room of their rows."""
    kind = np.repeat(np.arange(len(fitting)), [len(groups) for groups in fitting])
    group = np.concatenate([*fitting, np.empty(0, dtype=np.int64)]).astype(np.int64)
    room = np.full(len(found.groups.sizes), np.inf)
    whole = np.unique(np.concatenate([*found.fitting, np.empty(0, dtype=np.int64)])).astype(np.int64)
    room[whole] = found.groups.sizes[whole]
    suppressed = disclosure.register.height - len(disclosure.published)
    weight = found.weight[group] * found.groups.sizes[group]
    if suppressed > 0:  # whoever was left out is in one more group, which fits everybody
        out = len(room)
        room = np.append(room, np.inf)
        kind = np.append(kind, np.arange(len(fitting)))
        group = np.append(group, np.full(len(fitting), out))
        least = float(found.weight.min(initial=1.0)) * suppressed
        weight = np.append(weight, np.full(len(fitting), least))
    order = np.argsort(kind, kind="stable")
    return Balance(kind[order], group[order], people.astype(np.float64), room, weight[order])


def _near(disclosure: Disclosure, found: Candidates, kinds: polars.DataFrame) -> np.ndarray:
    """Which kinds fit a group that fits one of the people attacked, (k,) bool; the first `MOST_KINDS` of them."""
    spots = [places(kinds[r.name], r.meanings.domain) for r in disclosure.readings]
    near = np.zeros(kinds.height, dtype=bool)
    several = [groups for groups in found.fitting if len(groups) > 1]
    for group in np.unique(np.concatenate(several)).tolist():
        fit = np.ones(kinds.height, dtype=bool)
        for j, reading in enumerate(disclosure.readings):
            m, label = reading.meanings, int(found.groups.labels[group, j])
            left, right = spots[j]
            fit &= (right >= m.low[label]) & (left <= m.high[label])
            if m.members is not None:
                fit &= m.members[label][np.clip(left, 0, len(m.domain) - 1)]
        near |= fit
        if near.sum() > MOST_KINDS:
            break
    return near
