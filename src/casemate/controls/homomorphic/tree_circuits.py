"""Boosted and bagged trees as circuits: bits for thresholds, counts of what a leaf asks for, an indicator, leaf values.

A leaf asks for every comparison on its path. On one feature, only the tightest of each side matters, and the two sides
together ask whether the value lies in an interval: one condition for each feature on the path. The client encrypts one
bit for each threshold of the ensemble, whether the value is at most that. A condition is such a bit, one less a bit, or
the difference of two, so that a linear step counts how many of a leaf's conditions hold. With D the most that a leaf
has, and a constant for leaves with fewer, the count z is D where the leaf is reached and less elsewhere, and
``z (z - 1) ... (z - D + 1) / D!`` is 1 and 0. One more linear step sums the leaves' values. One leaf of each tree is
left out: it is reached where no other is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import factorial

import numpy as np
from numpy.polynomial import polynomial

from casemate.controls.homomorphic.circuits import AnswerKind, Circuit, Linear, Polynomial, Thermometer
from casemate.controls.homomorphic.folding import folded
from casemate.controls.homomorphic.merging import circuit_steps
from casemate.controls.homomorphic.refusals import refused
from casemate.core.trees import LEAF, TreeEnsemble

MOST_CONDITIONS = 4
"""The most features that the path to a leaf may test: the degree of the indicator."""

Condition = tuple[int, int]
"""The place of the bit that must be 0 and that of the bit that must be 1; -1 where a side is open."""

Asked = frozenset[tuple[int, Condition]]
"""A condition for each feature on a path."""

_ALL_LEFT, _ALL_RIGHT = -1, -2
_LARGEST = int(np.array(np.finfo(np.float64).max).view(np.int64))

Through = Callable[[np.ndarray], np.ndarray]
"""What happens to rows before the trees see them, each column by itself and without changing its order."""


@dataclass(frozen=True, eq=False)
class Bits:
    """The bits of an ensemble.

    Args:
        thermometer: what the client does.
        place: the place of each node's bit; -1 where every number goes left, -2 where every number goes right.
    """

    thermometer: Thermometer
    place: np.ndarray


@dataclass
class Leaves:
    """Leaves that differ in what they ask for, and what reaching them adds to the scores.

    Args:
        base: what is added in any case, (outputs,).
        values: for each set of conditions what they add, (outputs,); a set holds a condition per feature.
    """

    base: np.ndarray
    values: dict[Asked, np.ndarray] = field(default_factory=dict)


def tree_circuit(trees: TreeEnsemble, classes: tuple[str, ...] = (), *, through: Through | None = None) -> Circuit:
    """Return the circuit of a flat tree ensemble; its scores equal the trees' margins but for rounding of their sum.

    Args:
        trees: at most `MOST_CONDITIONS` features on the path to any leaf.
        classes: the classes' names, by index; empty for numbers.
        through: what rows pass before they reach the trees; nothing by default.

    Raises:
        ModelUnsupported: a path that tests more features.
    """
    bits = bits_of(trees, through)
    turn, answer, meaning = _reading(trees)
    leaves = _leaves(trees, bits, turn)
    counts, most = _counts(leaves, bits.thermometer.width)
    values = np.array(list(leaves.values.values())).reshape(len(leaves.values), len(leaves.base)).T
    indicator = [Polynomial(_indicator(most))] if most >= 2 else []
    steps = circuit_steps([counts, *indicator, Linear(values, leaves.base)], bits.thermometer.width)
    told = f"{meaning}; the same as the unquantised trees', but for the rounding of sums in floating point"
    return folded(Circuit(bits.thermometer, steps, answer, classes, told))


def bits_of(trees: TreeEnsemble, through: Through | None = None) -> Bits:
    """Return the distinct thresholds of an ensemble as numbers in float64, and which of them each node compares with.

    A library may round a value to float32 first, compare with ``<`` and not ``<=``, or scale it. Every such comparison
    is ``x <= t`` for one float64 t, and bisection over all of them finds it: a comparison on any float64 value gives
    exactly what the library's own would.

    Args:
        through: see `tree_circuit`.
    """
    inner = np.flatnonzero(trees.feature != LEAF)
    asked, which = np.unique(
        np.column_stack([trees.feature[inner].astype(np.float64), trees.threshold[inner]]), axis=0, return_inverse=True
    )
    of = asked[:, 0].astype(np.int64)
    exact = _greatest_left(trees, of, asked[:, 1], through)
    told = np.isfinite(exact)
    pairs, kept = np.unique(np.column_stack([of[told], exact[told]]), axis=0, return_inverse=True)
    place = np.where(exact > 0, _ALL_LEFT, _ALL_RIGHT)
    place[told] = kept.ravel()
    nodes = np.full(trees.n_nodes, _ALL_LEFT)
    nodes[inner] = place[which.ravel()]
    if not len(pairs):  # every row reaches the same leaves; something must be encrypted nonetheless
        pairs = np.zeros((1, 2))
    return Bits(Thermometer(trees.n_features, pairs[:, 0].astype(np.int64), pairs[:, 1].copy()), nodes)


def _greatest_left(trees: TreeEnsemble, of: np.ndarray, thresholds: np.ndarray, through: Through | None) -> np.ndarray:
    """The greatest float64 that goes left at each threshold; infinite where every number does, or none."""
    low, high = np.full(len(of), -_LARGEST), np.full(len(of), _LARGEST)

    def goes_left(ranks: np.ndarray) -> np.ndarray:
        values = _number(ranks)
        with np.errstate(over="ignore"):
            if through is not None:
                rows = np.zeros((len(values), trees.n_features))
                rows[np.arange(len(values)), of] = values
                values = through(rows)[np.arange(len(values)), of]
            return np.asarray(trees.goes_left(values.astype(trees.precision), thresholds))

    none, every = ~goes_left(low), goes_left(high)
    while (low + 1 < high).any():  # the lower end goes left, the upper one does not
        middle = (low >> 1) + (high >> 1) + (low & high & 1)  # their sum would overflow
        left = goes_left(middle)
        low, high = np.where(left, middle, low), np.where(left, high, middle)
    return np.where(every, np.inf, np.where(none, -np.inf, _number(low)))


def _number(ranks: np.ndarray) -> np.ndarray:
    """The float64 numbers at these places, (n,) int64, in the order of all of them; 0 is at place 0."""
    size = np.abs(ranks).view(np.float64)
    return np.asarray(np.where(ranks < 0, -size, size))


def _reading(trees: TreeEnsemble) -> tuple[np.ndarray, AnswerKind, str]:
    """What leaf values (k,) are multiplied with for the scores, (outputs, k); what those are, and that in words."""
    margins = len(trees.base)
    if trees.link == "sigmoid":
        return np.eye(1), "binary", "the score is the log-odds of class 1"
    if trees.link == "softmax":
        return np.eye(margins), "multiclass", "the scores are one logit per class"
    if margins == 2:
        turn = np.array([[-1.0, 1.0]])
        return turn / trees.divisor, "shares", "the score is the probability of class 1 less that of class 0"
    return np.eye(margins) / trees.divisor, "shares", "the scores are the class probabilities"


def _leaves(trees: TreeEnsemble, bits: Bits, turn: np.ndarray) -> Leaves:
    """What every tree's leaves ask for and add, where trees share a set of conditions in one."""
    out = Leaves(turn @ trees.base)
    for number, root in enumerate(trees.roots.tolist()):
        reached = _paths(trees, bits, root)
        values = np.array([turn @ trees.value[leaf] for leaf, _ in reached])
        most = max(len(asked) for _, asked in reached)
        if most > MOST_CONDITIONS:
            raise refused(
                f"a path that tests {most} features",
                f"tree {number + 1} of {trees.n_trees}",
                why=f"each is one degree of a polynomial, and a program has room for {MOST_CONDITIONS}",
                fix=f"train with a depth of at most {MOST_CONDITIONS}",
            )
        # The leaf that is left out is one that asks for most, and of these the one with the most usual value.
        unusual = np.abs(values[:, None] - values[None]).sum(axis=(1, 2))
        left_out = min(range(len(reached)), key=lambda at: (-len(reached[at][1]), unusual[at], at))
        out.base = out.base + values[left_out]
        for (_, asked), value in zip(reached, values - values[left_out], strict=True):
            if value.any():
                out.values[asked] = out.values.get(asked, 0.0) + value
    return out


def _paths(trees: TreeEnsemble, bits: Bits, root: int) -> list[tuple[int, Asked]]:
    """Each leaf of a tree that a row can reach, and the condition for each feature on the way."""
    found: list[tuple[int, Asked]] = []
    open_: list[tuple[int, dict[int, Condition]]] = [(root, {})]
    while open_:
        node, asked = open_.pop()
        feature, place = int(trees.feature[node]), int(bits.place[node])
        if feature == LEAF:
            found.append((node, frozenset(asked.items())))
            continue
        above, up_to = asked.get(feature, (-1, -1))
        left = (above, place if up_to < 0 else min(up_to, place))
        right = (max(above, place), up_to)
        for child, condition, never in (
            (trees.right[node], right, place == _ALL_LEFT or (place >= 0 and 0 <= up_to <= right[0])),
            (trees.left[node], left, place == _ALL_RIGHT or (place >= 0 and above >= left[1])),
        ):
            if not never:
                open_.append((int(child), {**asked, feature: condition} if place >= 0 else asked))
    return found


def _counts(leaves: Leaves, width: int) -> tuple[Linear, int]:
    """The step that counts how many conditions of each leaf hold, up to the most that any has; and that."""
    most = max((len(asked) for asked in leaves.values), default=0)
    weights, bias = np.zeros((len(leaves.values), width)), np.zeros(len(leaves.values))
    for row, asked in enumerate(leaves.values):
        bias[row] = most - len(asked)
        for _, (above, up_to) in asked:
            if up_to >= 0:
                weights[row, up_to] += 1
            if above >= 0:  # the bit of the upper side holds wherever that of the lower one does
                weights[row, above] -= 1
                bias[row] += up_to < 0
    return Linear(weights, bias), most


def _indicator(most: int) -> np.ndarray:
    """Ascending coefficients of the polynomial that is 0 at 0, 1, ..., most - 1, and 1 at most."""
    return np.asarray(polynomial.polyfromroots(np.arange(most)) / factorial(most))
