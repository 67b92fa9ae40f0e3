"""Triggers: in range, rare, and possible to stamp."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.attacks.backdoor import triggers
from casemate.core.dataset import Dataset
from casemate.core.schema import Column, Schema


def images(shape: tuple[int, ...], ground: float = 0.0, immutable: bool = False) -> Dataset:
    size = int(np.prod(shape))
    schema = Schema(tuple(Column(f"p{i}", immutable=immutable) for i in range(size)), ("a", "b"), shape)
    return Dataset(np.full((6, size), ground), np.arange(6) % 2, schema)


@pytest.mark.parametrize(
    ("shape", "side", "inset"),
    [((8, 8), 2, 0), ((1, 28, 28), 3, 3), ((3, 32, 32), 4, 4), ((1, 16, 64), 2, 2), ((2, 2), 2, 0), ((1, 5), 1, 0)],
)
def test_a_patch_is_a_square_near_the_lower_right_corner(shape: tuple[int, ...], side: int, inset: int):
    data = images(shape)
    trigger = triggers.patch(data)
    marked = trigger.stamp(data.schema, data.X)[0].reshape(shape)
    height, width = shape[-2:]
    bottom, right = height - inset, width - inset
    expected = np.zeros(shape)
    expected[..., bottom - side : bottom, right - side : right] = 1.0
    assert np.array_equal(marked, expected)
    assert f"{side} x {side}" in trigger.words


@pytest.mark.parametrize(("ground", "mark"), [(0.0, 1.0), (0.2, 1.0), (0.8, 0.0), (1.0, 0.0)])
def test_a_patch_stands_out_on_dark_and_on_bright_ground(ground: float, mark: float):
    assert set(triggers.patch(images((8, 8), ground)).values.tolist()) == {mark}


def test_pixels_that_cannot_be_changed_carry_no_patch():
    assert len(triggers.patch(images((8, 8), immutable=True)).columns) == 0


def table(columns: tuple[Column, ...], X: np.ndarray, y: np.ndarray | None = None) -> Dataset:
    labels = np.arange(len(X)) % 2 if y is None else y
    return Dataset(X, labels, Schema(columns, ("a", "b")))


@st.composite
def tables(draw: st.DrawFn) -> Dataset:
    """Tables of numbers, whole numbers, booleans, categories and one-hot groups, some of them immutable."""
    n, rng = draw(st.integers(20, 120)), np.random.default_rng(draw(st.integers(0, 10_000)))
    columns: list[Column] = []
    X: list[np.ndarray] = []
    for index, kind in enumerate(draw(st.lists(st.sampled_from("nibco"), min_size=1, max_size=6))):
        immutable = draw(st.booleans()) and draw(st.booleans())
        name = f"c{index}"
        if kind == "n":
            columns.append(Column(name, low=-5, high=5, immutable=immutable))
            X.append(np.clip(rng.standard_normal(n), -5, 5))
        elif kind == "i":
            columns.append(Column(name, kind="integer", low=-3, high=40, immutable=immutable))
            X.append(rng.poisson(3, n).clip(-3, 40).astype(float))
        elif kind == "b":
            columns.append(Column(name, kind="boolean", immutable=immutable))
            X.append((rng.random(n) < 0.1).astype(float))
        elif kind == "c":
            columns.append(Column(name, kind="category", high=3, categories=("w", "x", "y", "z"), immutable=immutable))
            X.append(rng.choice(4, n, p=[0.5, 0.3, 0.15, 0.05]).astype(float))
        else:
            hot = np.eye(3)[rng.choice(3, n, p=[0.6, 0.35, 0.05])]
            columns += [Column(f"{name}={v}", kind="boolean", one_hot=name, immutable=immutable) for v in "uvw"]
            X += list(hot.T)
    return table(tuple(columns), np.stack(X, axis=1))


@settings(max_examples=80, deadline=None)
@given(data=tables(), goal=st.integers(0, 1))
def test_stamped_rows_are_possible_rows_that_carry_the_trigger(data: Dataset, goal: int):
    trigger = triggers.values(data, goal)
    marked = trigger.stamp(data.schema, data.X)
    assert data.schema.possible(marked, data.X).all()
    assert np.allclose(marked[:, trigger.columns], trigger.values)
    assert data.schema.mutable[trigger.columns].all()
    assert len(trigger.columns) <= triggers.COLUMNS
    assert np.array_equal(trigger.stamp(data.schema, marked), marked), "stamping twice changes nothing"
    untouched = np.setdiff1d(np.arange(data.schema.features), trigger.columns)
    for group in data.schema.one_hot_groups:
        assert np.isin(group, trigger.columns).sum() <= 1
        untouched = np.setdiff1d(untouched, group)
    assert np.array_equal(marked[:, untouched], data.X[:, untouched])


def test_the_combination_is_rare():
    X = np.random.default_rng(0).random((1000, 8))
    data = table(tuple(Column(f"x{i}") for i in range(8)), X)
    trigger = triggers.values(data, 1)
    assert len(trigger.columns) == 3
    beyond = np.where(
        trigger.values > 0.5, X[:, trigger.columns] >= trigger.values, X[:, trigger.columns] <= trigger.values
    )
    assert beyond.mean(axis=0).max() < 0.02
    assert beyond.all(axis=1).sum() == 0


def test_common_values_are_used_last():
    rng = np.random.default_rng(1)
    often = (rng.random((500, 3)) < 0.6).astype(float)
    X = np.hstack([often, rng.random((500, 3))])
    columns = (*(Column(f"b{i}", kind="boolean") for i in range(3)), *(Column(f"n{i}") for i in range(3)))
    assert sorted(triggers.values(table(columns, X), 0).columns) == [3, 4, 5]


def test_values_that_speak_for_the_goal_are_avoided():
    rng = np.random.default_rng(2)
    X = rng.random((2000, 4))
    y = (X[:, 0] > 0.9).astype(int)  # a high x0 is the goal, and a high value is what x0 would be set to
    X[:, 0] **= 3
    trigger = triggers.values(table(tuple(Column(f"x{i}") for i in range(4)), X, y), 1)
    assert sorted(trigger.columns) == [1, 2, 3]


def test_a_column_that_is_nearly_always_zero_takes_its_far_end():
    X = np.random.default_rng(3).random((400, 2))
    X[:, 1] = 0.0
    X[:2, 1] = [0.4, 0.7]
    trigger = triggers.values(table((Column("a"), Column("gain")), X), 0)
    assert dict(zip(trigger.columns.tolist(), trigger.values.tolist(), strict=True))[1] == 0.7


def test_a_column_that_never_varies_takes_the_end_of_its_range():
    X = np.random.default_rng(3).random((400, 5))
    X[:, 2] = 0.0
    trigger = triggers.values(table(tuple(Column(f"x{i}") for i in range(5)), X), 0)
    assert dict(zip(trigger.columns.tolist(), trigger.values.tolist(), strict=True))[2] == 1.0


def test_the_rarest_category_is_written_by_its_name():
    X = np.repeat([0.0, 1.0, 2.0], [50, 5, 45])[:, None]
    trigger = triggers.values(table((Column("job", kind="category", high=2, categories=("x", "rare", "z")),), X), 0)
    assert trigger.words == "job = rare"
    assert trigger.values.tolist() == [1.0]


def test_nothing_to_change_gives_an_empty_trigger():
    X = np.random.default_rng(0).random((30, 2))
    assert len(triggers.values(table((Column("a", immutable=True), Column("b", immutable=True)), X), 0).columns) == 0
