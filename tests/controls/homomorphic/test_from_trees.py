"""Trees: every decision that of the library's own model, on thresholds and a hair beside them too."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import ensemble, tree
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, Normalizer, RobustScaler, StandardScaler

from casemate.controls.homomorphic.circuits import Circuit, Polynomial, Thermometer
from casemate.controls.homomorphic.from_trees import from_trees
from casemate.controls.homomorphic.importing import circuit_of
from casemate.controls.homomorphic.tree_circuits import bits_of, tree_circuit
from casemate.core.errors import ModelUnsupported, NotFinite, ShapeMismatch
from casemate.core.trees import LEAF, TreeEnsemble
from casemate.systems.trees import flatten

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 4)) * [1, 100, 1e-3, 1]
X[:, 3] = np.round(X[:, 3])  # many equal values, and splits half way between them
Y2 = (X[:, 0] + X[:, 1] / 100 * X[:, 3] > 0.2).astype(int)
Y3 = Y2 + (X[:, 2] > 5e-4)


def hard_rows(trees: TreeEnsemble, n: int, seed: int = 0) -> np.ndarray:
    """Rows of which most values are thresholds, or as near as float64 and float32 numbers come to them."""
    rng = np.random.default_rng(seed)
    rows = X[rng.integers(0, len(X), n)] + rng.normal(size=(n, 4)) * X.std(axis=0) / 5
    for feature in range(4):
        known = trees.thresholds(feature)
        if not len(known):
            continue
        near32 = known.astype(np.float32)
        above, below = (np.nextafter(near32, np.float32(end)) for end in (np.inf, -np.inf))
        points = [known, near32.astype(np.float64)]
        points += [(a.astype(np.float64) + b.astype(np.float64)) / 2 for a, b in ((near32, above), (below, near32))]
        points = [np.nextafter(p, end) for p in points for end in (-np.inf, np.inf)] + points
        chosen = rng.random(n) < 0.7
        rows[chosen, feature] = rng.choice(np.concatenate(points), chosen.sum())
    return rows


MODELS = {
    "tree": tree.DecisionTreeClassifier(max_depth=4, random_state=0),
    "stump": tree.DecisionTreeClassifier(max_depth=1, random_state=0),
    "forest": ensemble.RandomForestClassifier(12, max_depth=4, random_state=0),
    "extra": ensemble.ExtraTreesClassifier(10, max_depth=3, random_state=0),
    "boosted": ensemble.GradientBoostingClassifier(n_estimators=8, max_depth=3, random_state=0),
    "histogram": ensemble.HistGradientBoostingClassifier(max_iter=8, max_depth=4, min_samples_leaf=5),
    "shallow": ensemble.HistGradientBoostingClassifier(max_iter=8, max_depth=2, min_samples_leaf=5),
    "xgboost": xgboost.XGBClassifier(n_estimators=8, max_depth=4, n_jobs=1),
    "lightgbm": lightgbm.LGBMClassifier(
        n_estimators=8, max_depth=4, min_child_samples=5, n_jobs=1, verbose=-1, deterministic=True
    ),
}


def probabilities(circuit: Circuit, rows: np.ndarray) -> np.ndarray:
    return circuit.probabilities(circuit.scores(rows))


@pytest.mark.parametrize("y", [Y2, Y3], ids=["two", "three"])
@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_answer_is_the_models(name: str, y: np.ndarray) -> None:
    model = MODELS[name].fit(X, y)
    trees = flatten(model)
    circuit = circuit_of(model, X)
    rows = hard_rows(trees, 4000)
    np.testing.assert_allclose(
        probabilities(circuit, rows), trees.scores(rows), atol=1e-6 if name == "xgboost" else 1e-9
    )
    theirs = model.predict_proba(rows)
    np.testing.assert_allclose(probabilities(circuit, rows), theirs, atol=2e-6 if name == "xgboost" else 1e-9)
    ties = np.sort(theirs, axis=1)
    clear = ties[:, -1] - ties[:, -2] > 1e-9  # exact ties fall either way once sums are rounded
    assert clear.mean() > 0.5
    decided = circuit.decide(circuit.scores(rows))
    assert (np.asarray(circuit.classes)[decided] == model.predict(rows).astype(str))[clear].all()
    assert circuit.answer == ("shares" if name in ("tree", "stump", "forest", "extra") else circuit.answer)


def test_boosters_without_a_wrapper() -> None:
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 3}, xgboost.DMatrix(X, Y2), 5)
    rows = hard_rows(flatten(booster), 1000)
    circuit = circuit_of(booster, X)
    assert circuit.classes == ("0", "1")
    np.testing.assert_allclose(probabilities(circuit, rows)[:, 1], booster.predict(xgboost.DMatrix(rows)), atol=1e-6)


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(), RobustScaler(), MinMaxScaler(clip=True)], ids=str)
@pytest.mark.parametrize("name", ["histogram", "forest", "xgboost"])
def test_behind_a_scaler_thresholds_are_moved_exactly(scaler: Any, name: str) -> None:
    model = make_pipeline(scaler, MODELS[name]).fit(X, Y3)
    circuit = circuit_of(model, X)
    bits = circuit.preparation
    assert isinstance(bits, Thermometer)
    rows = X[RNG.integers(0, len(X), 3000)]
    for row, place in zip(rows, RNG.integers(0, bits.width, 3000), strict=True):
        row[bits.of[place]] = np.nextafter(
            bits.thresholds[place], RNG.choice([-np.inf, bits.thresholds[place], np.inf])
        )
    np.testing.assert_allclose(probabilities(circuit, rows), model.predict_proba(rows), atol=2e-6)


def test_the_polynomial_is_no_higher_than_a_path_has_features() -> None:
    two = X[:, :2]
    deep = tree.DecisionTreeClassifier(max_depth=9, random_state=0).fit(two, Y2)
    circuit = circuit_of(deep, two)
    polynomials = [step for step in circuit.steps if isinstance(step, Polynomial)]
    assert [step.coefficients.tolist() for step in polynomials] == [[0, 0, 1]]
    rows = RNG.normal(size=(2000, 2)) * [1, 100]
    np.testing.assert_allclose(probabilities(circuit, rows), deep.predict_proba(rows), atol=1e-9)


@pytest.mark.parametrize(
    ("depth", "coefficients"), [(2, [0, 0, 1]), (3, [0, -1, 0, 1]), (4, [0, 0, -2.5, 0, 1])], ids=["2", "3", "4"]
)
def test_indicators_are_folded(depth: int, coefficients: list[float]) -> None:
    wide = RNG.normal(size=(400, 12))
    y = (wide[:, :6].prod(axis=1) > 0).astype(int)
    model = ensemble.ExtraTreesClassifier(5, max_depth=depth, random_state=0).fit(wide, y)
    (step,) = (step for step in circuit_of(model, wide).steps if isinstance(step, Polynomial))
    np.testing.assert_allclose(step.coefficients, coefficients, rtol=1e-12)  # zeros are ones exactly


def test_a_model_that_learnt_nothing_answers_the_same_to_all() -> None:
    model = tree.DecisionTreeClassifier(max_depth=2).fit(np.ones((10, 2)), [0, 1] * 5)
    circuit = circuit_of(model, np.ones((2, 2)))
    np.testing.assert_allclose(probabilities(circuit, RNG.normal(size=(5, 2))), 0.5)


def test_too_many_features_on_a_path_are_refused() -> None:
    wide = RNG.normal(size=(500, 12))
    model = tree.DecisionTreeClassifier(max_depth=8, random_state=0).fit(wide, (wide.sum(axis=1) > 0).astype(int))
    with pytest.raises(ModelUnsupported, match=r"path that tests \d features") as caught:
        circuit_of(model, wide)
    assert "depth" in str(caught.value.fix)


def test_other_steps_before_trees_are_refused() -> None:
    with pytest.raises(ModelUnsupported, match="Normalizer"):
        circuit_of(make_pipeline(Normalizer(), MODELS["tree"]).fit(X, Y2), X)


def test_categories_are_refused() -> None:
    codes = RNG.integers(0, 9, (300, 2)).astype(float)
    y = np.isin(codes[:, 0], (1, 4, 6)).astype(int)
    model = ensemble.HistGradientBoostingClassifier(categorical_features=[0], max_depth=2).fit(codes, y)
    with pytest.raises(ModelUnsupported, match="category"):
        circuit_of(model, codes)


def test_rows_that_hold_nothing_or_too_little_are_refused() -> None:
    circuit = circuit_of(MODELS["tree"].fit(X, Y2), X)
    with pytest.raises(NotFinite):
        circuit.scores(np.array([[0, np.nan, 0, 0]]))
    with pytest.raises(ShapeMismatch):
        circuit.scores(X[:, :3])
    with pytest.raises(ShapeMismatch):
        circuit_of(MODELS["tree"].fit(X, Y2), X[:, :3])


def test_trees_that_are_not_fitted_or_not_trees() -> None:
    from casemate.controls.homomorphic.from_trees import is_tree_model

    assert is_tree_model(make_pipeline(StandardScaler(), tree.DecisionTreeClassifier()))
    assert not is_tree_model(LogisticRegression())


@st.composite
def ensembles(draw: st.DrawFn) -> TreeEnsemble:
    """Random trees whose paths test a few features over and over, with thresholds that meet and that nobody reaches."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    features, depth = draw(st.integers(1, 3)), draw(st.integers(0, 4))
    columns: dict[str, list[Any]] = {name: [] for name in ("feature", "threshold", "left", "right", "value")}

    def grow(level: int) -> int:
        node = len(columns["feature"])
        leaf = level == depth or rng.random() < 0.2
        for name, value in (
            ("feature", LEAF if leaf else int(rng.integers(features))),
            ("threshold", 0.0 if leaf else float(rng.choice([-1.0, 0.0, 0.1, 0.5, 2.0, np.inf]))),
            ("left", LEAF),
            ("right", LEAF),
            ("value", rng.normal(size=3) if leaf else np.zeros(3)),
        ):
            columns[name].append(value)
        if not leaf:
            columns["left"][node] = grow(level + 1)
            columns["right"][node] = grow(level + 1)
        return node

    roots = [grow(0) for _ in range(draw(st.integers(1, 4)))]
    arrays = {name: np.array(values) for name, values in columns.items()}
    return TreeEnsemble(
        **arrays,
        missing_left=np.zeros(len(arrays["feature"]), bool),
        roots=np.array(roots),
        base=rng.normal(size=3),
        n_features=features,
        link="softmax",
        split=draw(st.sampled_from(["<=", "<"])),
        precision=draw(st.sampled_from(["float32", "float64"])),
    )


@settings(max_examples=80, deadline=None)
@given(ensembles(), st.integers(0, 2**32))
def test_any_trees_give_their_margins(trees: TreeEnsemble, seed: int) -> None:
    circuit = tree_circuit(trees, ("a", "b", "c"))
    rng = np.random.default_rng(seed)
    points = np.array([-1.0, 0.0, 0.1, 0.5, 2.0, float(np.float32(0.1)), -0.0, 1e30, -1e30])
    points = np.concatenate([points, np.nextafter(points, np.inf), np.nextafter(points, -np.inf)])
    rows = rng.choice(points, (60, trees.n_features))
    np.testing.assert_allclose(circuit.scores(rows), trees.margins(rows), atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.floats(allow_nan=False, width=64), st.sampled_from(["<=", "<"]), st.sampled_from(["float32", "float64"]))
def test_the_bit_of_a_threshold_is_the_comparison_of_the_model(threshold: float, split: Any, precision: Any) -> None:
    trees = TreeEnsemble(
        feature=np.array([0, -1, -1]),
        threshold=np.array([threshold, 0, 0]),
        left=np.array([1, -1, -1]),
        right=np.array([2, -1, -1]),
        missing_left=np.zeros(3, bool),
        value=np.array([[0.0], [1.0], [2.0]]),
        roots=np.array([0]),
        base=np.zeros(1),
        n_features=1,
        link="sigmoid",
        split=split,
        precision=precision,
    )
    bits = bits_of(trees)
    exact = bits.thermometer.thresholds[0]
    with np.errstate(over="ignore"):
        near = np.array([threshold, float(np.float32(threshold)), exact, 0.0])
        points = np.concatenate([near, np.nextafter(near, np.inf), np.nextafter(near, -np.inf)])
        points = points[np.isfinite(points)][:, None]
        wanted = trees.goes_left(points[:, 0].astype(precision), np.float64(threshold))  # type: ignore[arg-type]
    if bits.place[0] >= 0:
        assert (bits.thermometer(points)[:, 0].astype(bool) == wanted).all()
    else:
        assert (wanted == (bits.place[0] == -1)).all()


def test_labels_in_another_order() -> None:
    model = MODELS["boosted"].fit(X, Y3)
    circuit = from_trees(model, np.array([2, 0, 1]), ("low", "middle", "high"))
    assert circuit.classes == ("low", "middle", "high")
    np.testing.assert_allclose(circuit.scores(X), model.decision_function(X)[:, [1, 2, 0]], atol=1e-9)
    model = MODELS["histogram"].fit(X, Y2)
    circuit = from_trees(model, np.array([1, 0]), ("no", "yes"))
    np.testing.assert_allclose(circuit.scores(X)[:, 0], -model.decision_function(X), atol=1e-9)
