"""Invented rows are possible and resemble real ones; the unsure rows are those with the smallest margin."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from casemate.attacks.model_extraction.questions import invent, unsure
from casemate.core.schema import Column, Schema

SCHEMA = Schema(
    (
        Column("age", kind="integer", low=18, high=90),
        Column("income", low=0.0, high=1e5),
        Column("home", kind="category", low=0, high=4, categories=tuple("abcde")),
        Column("red", kind="boolean", one_hot="colour"),
        Column("green", kind="boolean", one_hot="colour"),
        Column("blue", kind="boolean", one_hot="colour"),
        Column("born", kind="integer", low=0, high=9, immutable=True),
    ),
    ("no", "yes"),
)


def people(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    colours = np.eye(3)[rng.choice(3, size=n, p=[0.1, 0.2, 0.7])]
    columns = (rng.integers(18, 91, n), rng.random(n) * 1e5, rng.integers(0, 5, n), colours, rng.integers(0, 10, n))
    return np.column_stack(columns)


@given(st.integers(1, 30), st.integers(0, 60), st.integers(0, 2**31))
def test_invented_rows_are_possible(real, n, seed) -> None:
    own = people(real, seed)
    rows = invent(own, n, SCHEMA, np.random.default_rng(seed))
    assert rows.shape == (n, SCHEMA.features)
    free = Schema(tuple(replace(column, immutable=False) for column in SCHEMA.columns), ("a",))
    assert free.possible(rows, rows).all()
    assert set(rows[:, 6]) <= set(own[:, 6])  # immutable columns keep values that somebody has


def test_categories_and_groups_keep_their_shares() -> None:
    own = people(400, 0)
    rows = invent(own, 4000, SCHEMA, np.random.default_rng(1))
    np.testing.assert_allclose(rows[:, 3:6].mean(axis=0), own[:, 3:6].mean(axis=0), atol=0.04)
    shares = [np.bincount(X[:, 2].astype(int), minlength=5) / len(X) for X in (rows, own)]
    np.testing.assert_allclose(*shares, atol=0.05)


def test_every_other_row_is_a_pure_child_of_two() -> None:
    own = people(2, 3)
    rows = invent(own, 50, SCHEMA, np.random.default_rng(0))[0::2]
    assert ((rows == own[0]) | (rows == own[1])).all()
    moved = invent(own, 50, SCHEMA, np.random.default_rng(0))[1::2]
    assert len(np.unique(moved[:, 1])) > 20


def test_one_real_row_is_enough() -> None:
    own = people(1, 0)
    np.testing.assert_array_equal(invent(own, 5, SCHEMA, np.random.default_rng(0)), np.repeat(own, 5, axis=0))


@given(arrays(np.float64, st.tuples(st.integers(1, 20), st.integers(2, 5)), elements=st.floats(0, 1)), st.data())
def test_the_unsure_have_the_smallest_margins(scores, data) -> None:
    n = data.draw(st.integers(0, len(scores)))
    margins = [sorted(row)[-1] - sorted(row)[-2] for row in scores.tolist()]
    chosen = unsure(scores, n)
    assert len(set(chosen.tolist())) == n
    np.testing.assert_array_equal(sorted(margins[i] for i in chosen), sorted(margins)[:n])
