"""The oracle: never over the budget, only possible rows, and nothing nearer is forgotten."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from casemate.attacks.evasion.oracle import Oracle
from casemate.core.access import Norm
from casemate.core.dataset import Dataset
from casemate.core.request import REFUSED
from casemate.core.schema import Column, Schema, distance

NORMS: tuple[Norm, ...] = ("linf", "l2")


@dataclass
class Answers:
    """Stands in for a Target: answers 1 where the first column is above .5; notes what it was asked."""

    queries_left: int | None = None
    refuse: bool = False
    asked: list[np.ndarray] = field(default_factory=list)

    def labels(self, X: np.ndarray, campaigns: np.ndarray | None = None) -> np.ndarray:
        self.asked.append(X)
        return np.full(len(X), REFUSED) if self.refuse else (X[:, 0] > 0.5).astype(np.int64)


def plain(n: int = 4, d: int = 3) -> Dataset:
    return Dataset(np.full((n, d), 0.2), np.zeros(n), Schema(tuple(Column(f"x{i}") for i in range(d)), ("a", "b")))


def oracle(answers: Answers, data: Dataset | None = None, norm: Norm = "linf", radius: float = 0.1) -> Oracle:
    return Oracle(answers, data or plain(), norm, radius, 100)  # type: ignore[arg-type]


ROWS = np.arange(4)


def test_asks_no_more_than_the_budget_holds_and_takes_the_rest_for_held():
    answers = Answers(queries_left=3)
    asking = oracle(answers)
    assert asking.attempt(np.full((4, 3), 0.9), ROWS).tolist() == [True, True, True, False]
    assert asking.left == 0
    assert not asking.attempt(np.full((4, 3), 0.9), ROWS).any()
    assert [len(X) for X in answers.asked] == [3]


def test_without_a_limit_takes_the_attacks_own():
    assert oracle(Answers()).left == 100


def test_refusals_are_not_wrong_answers_but_cost_queries():
    asking = oracle(Answers(refuse=True))
    assert not asking.attempt(np.full((4, 3), 0.9), ROWS).any()
    assert asking.left == 96
    assert np.isinf(asking.nearest).all()


@pytest.mark.parametrize("norm", NORMS)
def test_keeps_the_nearest_of_many_wrong_answers_for_each_row(norm: Norm):
    asking = oracle(Answers(), norm=norm)
    points = np.array([[0.9, 0.2, 0.2], [0.6, 0.2, 0.2], [0.7, 0.2, 0.2], [0.3, 0.2, 0.2], [0.8, 0.8, 0.2]])
    asking.attempt(points, np.array([0, 0, 0, 0, 1]))
    np.testing.assert_allclose(asking.nearest[:2], [0.4, 0.6 if norm == "linf" else np.hypot(0.6, 0.6)])
    np.testing.assert_allclose(asking.best[0], points[1])
    asking.attempt(points[:1], np.array([0]))
    np.testing.assert_allclose(asking.nearest[0], 0.4)
    assert np.isinf(asking.nearest[2:]).all()


def test_is_done_with_rows_within_the_radius_only():
    asking = oracle(Answers(), radius=0.35)
    asking.attempt(np.array([[0.54, 0.2, 0.2], [0.56, 0.2, 0.2]]), np.array([0, 1]))
    assert asking.done.tolist() == [True, False, False, False]


def mixed() -> Dataset:
    columns = (
        Column("a", low=-10, high=10),
        Column("b", kind="integer", low=0, high=100),
        Column("c", kind="integer", low=0, high=4),
        Column("d", immutable=True),
        Column("e", kind="boolean", one_hot="g"),
        Column("f", kind="boolean", one_hot="g"),
    )
    return Dataset(np.array([[3.0, 40, 2, 0.5, 1, 0]] * 4), np.zeros(4), Schema(columns, ("a", "b")))


@pytest.mark.parametrize(
    ("norm", "radius", "movable"),
    [
        ("linf", 0.1, [1, 1, 0, 0, 0, 0]),
        ("linf", 0.25, [1, 1, 1, 0, 0, 0]),
        ("linf", 1.0, [1, 1, 1, 0, 1, 1]),
        ("l2", 1.0, [1, 1, 1, 0, 0, 0]),
        ("l2", 1.5, [1, 1, 1, 0, 1, 1]),
    ],
)
def test_leaves_alone_what_cannot_change_within_the_radius(norm: Norm, radius: float, movable: list[int]):
    assert oracle(Answers(), mixed(), norm, radius).movable.tolist() == [bool(m) for m in movable]


@given(npst.arrays(np.float64, (4, 6), elements=st.floats(-2, 3)), st.sampled_from(NORMS), st.floats(0.01, 2))
def test_asks_about_possible_rows_only(points: np.ndarray, norm: Norm, radius: float):
    answers, data = Answers(), mixed()
    oracle(answers, data, norm, radius).attempt(points, ROWS)
    assert data.schema.possible(answers.asked[0], data.X).all()


@given(npst.arrays(np.float64, (5, 7), elements=st.floats(-1, 1)), st.floats(0, 1), st.sampled_from(NORMS))
def test_shrinks_to_the_share_that_was_asked_for(shift: np.ndarray, share: float, norm: Norm):
    asking = oracle(Answers(), norm=norm)
    shrunk = asking.shrink(shift, np.full(5, share))
    np.testing.assert_allclose(asking.length(shrunk), np.maximum(share * asking.length(shift), 1e-300), atol=1e-12)
    assert (shrunk * shift >= 0).all()


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("radius", [0.05, 0.3, 1.0])
def test_what_it_finishes_with_is_possible_and_within_the_radius(norm: Norm, radius: float):
    data = mixed()
    asking = oracle(Answers(), data, norm, radius)
    asking.attempt(np.random.default_rng(0).random((40, 6)), np.repeat(ROWS, 10))
    out = asking.finished()
    assert data.schema.possible(out, data.X).all()
    assert (distance(data.schema, out[asking.done], data.X[asking.done], norm) <= radius).all()
    if norm == "linf" and radius < 1:
        assert (distance(data.schema, out, data.X, norm) <= radius + 1e-9).all()
