"""Flat tree ensembles: scoring against a row-by-row walk, exact edges, and the refusal of arrays that are not trees."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.core import trees as module
from casemate.core.errors import DataError, ModelError, ShapeMismatch
from casemate.core.trees import LEAF, TreeEnsemble


def grow(
    seed: int, *, n_trees: int = 4, depth: int = 4, k: int = 2, d: int = 3, link: str = "softmax", **options: Any
) -> TreeEnsemble:
    """Random trees whose thresholds repeat, with some single leaves and uneven depths."""
    rng = np.random.default_rng(seed)
    feature: list[int] = []
    threshold: list[float] = []
    left: list[int] = []
    right: list[int] = []

    def node(level: int) -> int:
        here = len(feature)
        for column, blank in ((feature, LEAF), (threshold, 0.0), (left, LEAF), (right, LEAF)):
            column.append(blank)  # type: ignore[attr-defined]
        if level and rng.random() < 0.8:
            feature[here], threshold[here] = int(rng.integers(d)), float(np.round(rng.normal(), 1))
            left[here] = node(level - 1)
            right[here] = node(level - 1)
        return here

    roots = [node(depth) for _ in range(n_trees)]
    leaf = np.asarray(feature) == LEAF
    return TreeEnsemble(
        feature=np.asarray(feature),
        threshold=np.asarray(threshold),
        left=np.asarray(left),
        right=np.asarray(right),
        missing_left=~leaf & (rng.random(len(leaf)) < 0.5),
        value=np.where(leaf[:, None], rng.normal(size=(len(leaf), k)), 0.0),
        roots=np.asarray(roots),
        base=rng.normal(size=k),
        n_features=d,
        link=link,  # type: ignore[arg-type]
        **options,
    )


def inputs(seed: int, n: int = 40, d: int = 3) -> np.ndarray:
    """Rows that hit thresholds exactly, lie beside them, and hold NaN and infinities."""
    rng = np.random.default_rng(seed)
    X = np.round(rng.normal(size=(n, d)), 1)
    X = np.where(rng.random(X.shape) < 0.2, np.nextafter(X, np.inf), X)
    return np.where(rng.random(X.shape) < 0.15, rng.choice([np.nan, np.inf, -np.inf], X.shape), X)


def walk(trees: TreeEnsemble, root: int, row: np.ndarray) -> int:
    """The leaf that a row reaches, by the definition."""
    node = root
    while trees.feature[node] != LEAF:
        value = float(np.dtype(trees.precision).type(row[trees.feature[node]]))
        at = trees.threshold[node]
        goes_left = trees.missing_left[node] if np.isnan(value) else value <= at if trees.split == "<=" else value < at
        node = int(trees.left[node] if goes_left else trees.right[node])
    return node


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n_trees=st.integers(1, 7),
    depth=st.integers(0, 6),
    k=st.integers(2, 4),
    split=st.sampled_from(["<=", "<"]),
    precision=st.sampled_from(["float32", "float64"]),
    divisor=st.sampled_from([1.0, 7.0]),
)
def test_scoring_equals_a_walk_by_the_definition(
    seed: int, n_trees: int, depth: int, k: int, split: str, precision: str, divisor: float
) -> None:
    trees = grow(seed, n_trees=n_trees, depth=depth, k=k, split=split, precision=precision, divisor=divisor)
    X = inputs(seed)
    leaves = np.array([[walk(trees, root, row) for root in trees.roots] for row in X])
    np.testing.assert_array_equal(trees.leaves(X), leaves)
    margins = np.array([trees.base + sum(trees.value[row]) for row in leaves]) / divisor
    np.testing.assert_allclose(trees.margins(X), margins, rtol=0, atol=1e-12)
    odds = np.exp(margins)
    np.testing.assert_allclose(trees.scores(X), odds / odds.sum(axis=1, keepdims=True), rtol=1e-9)
    np.testing.assert_array_equal(trees.labels(X), trees.scores(X).argmax(axis=1))


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    trees, X = grow(3, n_trees=5), inputs(3, n=33)
    whole = trees.leaves(X), trees.margins(X)
    monkeypatch.setattr(module, "_CELLS", 20)
    np.testing.assert_array_equal(trees.leaves(X), whole[0])
    np.testing.assert_array_equal(trees.margins(X), whole[1])


def test_no_rows_give_empty_answers() -> None:
    trees = grow(0)
    empty = np.zeros((0, 3))
    assert trees.leaves(empty).shape == (0, 4)
    assert trees.margins(empty).shape == trees.scores(empty).shape == (0, 2)
    assert trees.labels(empty).shape == (0,)


def test_sizes_and_thresholds() -> None:
    trees = grow(5, n_trees=6, depth=5)
    assert trees.n_trees == 6
    assert trees.n_nodes == len(trees.value)
    for feature in range(3):
        expected = sorted({float(t) for f, t in zip(trees.feature, trees.threshold, strict=True) if f == feature})
        assert trees.thresholds(feature).tolist() == expected
    for absent in (-1, 3):
        with pytest.raises(DataError, match="there is no feature"):
            trees.thresholds(absent)


def test_sigmoid_holds_two_classes_and_extreme_margins() -> None:
    trees = grow(1, k=1, link="sigmoid")
    trees = dataclasses.replace(
        trees, base=np.array([0.0]), value=np.where(trees.value > 0, 1e6, -1e6) * trees.value**0
    )
    scores = trees.scores(inputs(1))
    assert trees.n_classes == 2
    assert scores.shape == (40, 2)
    np.testing.assert_array_equal(scores.sum(axis=1), 1.0)
    np.testing.assert_array_equal(trees.labels(inputs(1)), (trees.margins(inputs(1))[:, 0] > 0).astype(int))


def test_a_tie_goes_to_the_lower_column() -> None:
    stump = stumps()
    assert dataclasses.replace(stump, value=np.zeros_like(stump.value)).labels([[0.0], [9.0]]).tolist() == [0, 0]


def test_float32_sums_are_taken_tree_by_tree_in_float32() -> None:
    value = np.float32(0.1)
    one = {"feature": [LEAF], "threshold": [0], "left": [LEAF], "right": [LEAF], "missing_left": [False]}
    trees = TreeEnsemble(
        **{name: np.asarray(column * 30) for name, column in one.items()},  # type: ignore[arg-type]
        value=np.full((30, 1), value, np.float64),
        roots=np.arange(30),
        base=np.zeros(1),
        n_features=1,
        link="sigmoid",
        accumulator="float32",
    )
    total = np.float32(0)
    for _ in range(30):
        total += value
    assert trees.margins([[0.0]])[0, 0] == total != np.float32(30 * 0.1)


def stumps(**options: Any) -> TreeEnsemble:
    """One split at 0.1 (a number that float32 cannot hold), two classes."""
    fields: dict[str, Any] = {
        "feature": np.array([0, -1, -1]),
        "threshold": np.array([0.1, 0, 0]),
        "left": np.array([1, -1, -1]),
        "right": np.array([2, -1, -1]),
        "missing_left": np.array([True, False, False]),
        "value": np.array([[0, 0], [1, 0], [0, 1.0]]),
        "roots": np.array([0]),
        "base": np.zeros(2),
        "n_features": 1,
        "link": "identity",
    }
    return TreeEnsemble(**(fields | options))


@pytest.mark.parametrize("split", ["<=", "<"])
@pytest.mark.parametrize("precision", ["float32", "float64"])
@given(at=st.floats(-1e30, 1e30))
def test_edges_are_neighbours_on_either_side(split: str, precision: str, at: float) -> None:
    trees = stumps(split=split, precision=precision, threshold=np.array([at, 0, 0]))
    (left,), (right,) = trees.edges([at])
    kind = np.dtype(precision).type
    assert float(np.nextafter(kind(left), kind(np.inf))) == right
    assert trees.labels([[left], [right]]).tolist() == [0, 1]


def test_edges_beyond_the_numbers_are_nan() -> None:
    left, right = stumps().edges([np.inf])
    assert left.tolist() == [np.inf]
    assert np.isnan(right).all()
    left, right = stumps(split="<").edges([-np.inf])
    assert np.isnan(left).all()
    assert right.tolist() == [-np.inf]


def test_float32_inputs_overflow_to_infinity_without_a_warning() -> None:
    assert stumps(precision="float32").labels([[1e300], [-1e300], [np.nan]]).tolist() == [1, 0, 0]


@pytest.mark.parametrize("X", [np.zeros((2, 2)), np.zeros(3), np.zeros((1, 1, 1))])
def test_inputs_of_another_shape_are_refused(X: np.ndarray) -> None:
    with pytest.raises(ShapeMismatch, match="shape"):
        stumps().scores(X)


def test_inputs_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(DataError, match="not a matrix of numbers"):
        stumps().scores([["a"]])


def test_arrays_are_copies_that_cannot_be_written() -> None:
    threshold = np.array([0.1, 0, 0])
    trees = stumps(threshold=threshold)
    threshold[0] = 5
    assert trees.threshold[0] == 0.1
    with pytest.raises(ValueError, match="read-only"):
        trees.threshold[0] = 1.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"left": np.array([0, -1, -1])}, "a child does not come after"),
        ({"left": np.array([2, -1, -1])}, "no parent, or two"),
        ({"left": np.array([7, -1, -1])}, "no parent, or two"),
        ({"left": np.array([-1, -1, -1])}, "a child does not come after"),
        ({"left": np.array([1, 2, -1])}, "a leaf has children"),
        ({"left": np.array([1, -3, -1]), "right": np.array([2, 1, -1])}, "a leaf has children"),
        ({"roots": np.array([0, 1])}, "no parent, or two"),
        ({"roots": np.array([], int)}, "at least one tree"),
        ({"roots": np.array([[0]])}, "at least one tree"),
        ({"feature": np.array([1, -1, -1])}, "outside 0 to 0"),
        ({"feature": np.array([-2, -1, -1])}, "outside 0 to 0"),
        ({"feature": np.array([2.5, -1, -1])}, "does not fit the type int32"),
        ({"feature": np.array([2**40, -1, -1])}, "does not fit the type int32"),
        ({"threshold": np.array([np.nan, 0, 0])}, "a threshold is NaN"),
        ({"threshold": np.zeros(2)}, "differ in length"),
        ({"feature": np.zeros((3, 1), int)}, "differ in length"),
        ({"base": np.zeros(3)}, "`value` has shape"),
        ({"value": np.zeros((3, 0)), "base": np.zeros(0)}, "does not fit 0 margins"),
        ({"link": "sigmoid"}, "does not fit 2 margins"),
        ({"link": "softmax", "value": np.zeros((3, 1)), "base": np.zeros(1)}, "does not fit 1 margins"),
        ({"value": np.full((3, 2), np.inf)}, "not finite"),
        ({"link": "probit"}, "`link` is 'probit'"),
        ({"split": ">"}, "`split` is '>'"),
        ({"precision": "float16"}, "`precision` is 'float16'"),
        ({"accumulator": "int8"}, "`accumulator` is 'int8'"),
        ({"divisor": 0.0}, "`divisor` is 0.0"),
    ],
)
def test_arrays_that_are_not_trees_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        stumps(**change)
