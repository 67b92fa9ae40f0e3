"""Importing: models that Casemate has loaded, names of classes, calibration rows and ranges."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import lightgbm
import numpy as np
import pytest
import torch
import xgboost
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from torch import nn

from casemate.controls.homomorphic.circuits import Circuit
from casemate.controls.homomorphic.importing import circuit_of
from casemate.controls.homomorphic.opening import open_model
from casemate.controls.homomorphic.replacing import Settings
from casemate.core.errors import DataError, EmptyData, ModelUnsupported, NotFinite, OutOfRange, ShapeMismatch
from casemate.core.schema import Column, Schema
from casemate.systems.models import adapt

RNG = np.random.default_rng(0)
X = RNG.normal(size=(240, 4))
CODES = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)
NAMES = ("low", "middle", "high")  # not in the order of the alphabet


def schema(classes: tuple[str, ...] = NAMES, shape: tuple[int, ...] = ()) -> Schema:
    columns = tuple(Column(f"x{place}", low=-5.0, high=5.0) for place in range(4))
    return Schema(columns, classes, shape)


def same(circuit: Circuit, model: Any, tolerance: float = 1e-9) -> None:
    rows = X[(np.abs(X) < 2).all(axis=1)]
    np.testing.assert_allclose(circuit.probabilities(circuit.scores(rows)), model.scores(rows), atol=tolerance)
    assert circuit.classes == model.schema.classes


@pytest.mark.parametrize("names", [False, True])
@pytest.mark.parametrize("kind", ["logistic", "forest", "xgboost", "lightgbm"])
@pytest.mark.parametrize("two", [False, True])
def test_loaded_models_answer_in_the_order_of_labels(kind: str, names: bool, two: bool) -> None:
    classes = ("yes", "no") if two else NAMES
    codes = np.minimum(CODES, len(classes) - 1)
    y = np.array(classes)[codes] if names and kind != "xgboost" else codes
    estimator = {
        "logistic": LogisticRegression(),
        "forest": RandomForestClassifier(5, max_depth=3, random_state=0),
        "xgboost": xgboost.XGBClassifier(n_estimators=4, max_depth=3, n_jobs=1),
        "lightgbm": lightgbm.LGBMClassifier(n_estimators=4, max_depth=3, n_jobs=1, verbose=-1),
    }[kind].fit(X, y)
    model = adapt(estimator, schema(classes))
    circuit = circuit_of(model, X)
    same(circuit, model, 1e-6 if kind == "xgboost" else 1e-9)


def test_a_model_that_knows_fewer_classes_names_those() -> None:
    model = adapt(LogisticRegression().fit(X, np.where(CODES > 0, "high", "low")), schema())
    circuit = circuit_of(model, X)
    assert circuit.classes == ("low", "high")
    wanted = model.scores(X)[:, [0, 2]]
    np.testing.assert_allclose(circuit.probabilities(circuit.scores(X)), wanted, atol=1e-9)


def test_loaded_torch_modules_take_the_schemas_shape() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 3, 2), nn.Flatten(), nn.Linear(3, 3))
    model = adapt(module, schema(shape=(1, 2, 2)))
    same(circuit_of(model, X), model, 1e-6)
    one = adapt(nn.Sequential(nn.Linear(4, 1)), schema(("no", "yes")))
    circuit = circuit_of(one, X)
    assert circuit.answer == "binary"
    same(circuit, one, 1e-6)


@pytest.mark.filterwarnings("ignore:`isinstance.treespec, LeafSpec.` is deprecated")
def test_loaded_programs_and_graphs_are_read(tmp_path: Any) -> None:
    from casemate.systems.models import load_model

    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(4, 3), nn.Softmax(dim=1)).eval()
    torch.export.save(torch.export.export(nn.Sequential(module[0]).eval(), (torch.zeros(2, 4),)), tmp_path / "m.pt2")
    model, _ = load_model(tmp_path / "m.pt2", schema())
    same(circuit_of(model, X), model, 1e-6)


def test_loaded_onnx_graphs_are_read() -> None:
    from onnx import TensorProto, helper, numpy_helper

    from casemate.systems.models.onnx import load_onnx

    weights = numpy_helper.from_array(RNG.normal(size=(4, 3)).astype(np.float32), "w")
    for end, link in (("Softmax", "probabilities"), ("Identity", "logits")):
        made = helper.make_graph(
            [helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node(end, ["h"], ["y"])],
            "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
            [weights],
        )
        proto = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
        model = load_onnx(proto.SerializeToString(), schema())
        assert model.reading.link == link
        same(circuit_of(model, X), model, 1e-5)
        labels = replace(model, reading=replace(model.reading, link="labels"))
        with pytest.raises(ModelUnsupported, match="holds labels"):
            circuit_of(labels, X)


def test_numbers_that_are_read_as_missing_are_refused() -> None:
    model = adapt(xgboost.XGBClassifier(n_estimators=2, missing=-1.0, n_jobs=1).fit(X, CODES), schema())
    with pytest.raises(ModelUnsupported, match="reads -1 as missing"):
        circuit_of(model, X)


def test_objects_that_nobody_knows_are_refused() -> None:
    class Mine:
        classes_ = np.array([0, 1])

        def predict_proba(self, rows: np.ndarray) -> np.ndarray:
            return np.full((len(rows), 2), 0.5)

    for thing in (Mine(), adapt(Mine(), schema(("a", "b"))), object()):
        with pytest.raises(ModelUnsupported, match="encrypted data") as caught:
            circuit_of(thing, X)
        assert "LogisticRegression" in str(caught.value.fix)


def test_an_object_is_opened_as_it_is() -> None:
    model = LogisticRegression().fit(X, CODES)
    assert open_model(model).thing is model
    assert "sklearn.LogisticRegression" in open_model(model).kinds


def test_classes_can_be_named() -> None:
    model = LogisticRegression().fit(X, CODES)
    assert circuit_of(model, X).classes == ("0", "1", "2")
    assert circuit_of(model, X, classes=NAMES).classes == NAMES
    with pytest.raises(ShapeMismatch, match="2 classes are named"):
        circuit_of(model, X, classes=("a", "b"))
    forest = RandomForestClassifier(3, max_depth=2, random_state=0).fit(X, CODES)
    assert circuit_of(forest, X, classes=NAMES).classes == NAMES


def test_clients_may_ask_somewhat_beyond_the_calibration_rows() -> None:
    circuit = circuit_of(LinearRegression().fit(X, CODES), X, room=0.5)
    width = np.ptp(X, axis=0)
    np.testing.assert_allclose(circuit.preparation.low, X.min(axis=0) - width / 2)
    with pytest.raises(OutOfRange):
        circuit.scores(X[:1] + 2 * width)


def test_ranges_can_be_declared() -> None:
    model = LinearRegression().fit(X, CODES)
    circuit = circuit_of(model, X, ranges=(np.full(4, -8.0), np.full(4, 9.0)))
    np.testing.assert_allclose(circuit.scores(np.full((1, 4), 9.0)), model.predict(np.full((1, 4), 9.0))[:, None])
    assert circuit_of(model, X, ranges=(-8, 9)).preparation.high.tolist() == [9.0] * 4  # type: ignore[arg-type]
    for ranges, error in (
        ((np.zeros(3), np.ones(3)), ShapeMismatch),
        ((np.full(4, 9.0), np.full(4, -9.0)), OutOfRange),
        ((np.full(4, -np.inf), np.full(4, 9.0)), OutOfRange),
        ((np.full(4, -0.1), np.full(4, 0.1)), OutOfRange),
    ):
        with pytest.raises(error):
            circuit_of(model, X, ranges=ranges)


def test_the_pixels_of_an_image_share_their_range() -> None:
    images = np.abs(RNG.normal(size=(30, 2, 3, 3)))
    images[:, :, 0] = 0  # a border that is always black
    module = nn.Sequential(nn.Conv2d(2, 2, 3, padding=1), nn.Flatten(), nn.Linear(18, 2))
    circuit = circuit_of(module, images)
    assert len(np.unique(circuit.preparation.high)) == 2
    white = images.copy()
    white[:, :, 0] = images.max(axis=(0, 2, 3))[:, None]
    assert circuit.scores(white.reshape(30, -1)).shape == (30, 2)


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        (np.empty((0, 4)), EmptyData),
        (X[0], EmptyData),
        (X[:, :3], ShapeMismatch),
        (np.where(X > 2, np.nan, X), NotFinite),
        (np.array([["a", "b", "c", "d"]]), DataError),
    ],
    ids=["none", "one", "narrow", "missing", "texts"],
)
def test_calibration_rows_that_do_not_fit(rows: np.ndarray, error: type[Exception]) -> None:
    for model in (LogisticRegression().fit(X, CODES), RandomForestClassifier(2, max_depth=2).fit(X, CODES)):
        with pytest.raises(error):
            circuit_of(model, rows)


def test_the_model_that_was_read_is_held_against_itself() -> None:
    class Other(LogisticRegression):
        def decision_function(self, X: np.ndarray) -> np.ndarray:
            return super().decision_function(X) + 1

    Other.__module__, Other.__name__ = "sklearn.linear_model", "LogisticRegression"
    with pytest.raises(ModelUnsupported, match="do not give its answers"):
        circuit_of(Other().fit(X, CODES), X)


def test_settings_reach_the_search() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))
    few = circuit_of(module, X, settings=Settings(degrees=(2,), agreement=1.0))
    many = circuit_of(module, X, settings=Settings(degrees=(2, 5, 7), agreement=1.0))
    assert "degree 2" in few.semantics
    assert "degree 7" in many.semantics or "degree 5" in many.semantics


def test_importing_needs_neither_torch_nor_onnx() -> None:
    code = """
import sys
from casemate.controls.homomorphic.importing import circuit_of
from sklearn.linear_model import LogisticRegression
import numpy as np
x = np.random.default_rng(0).normal(size=(20, 2))
circuit_of(LogisticRegression().fit(x, x[:, 0] > 0), x)
print(sorted({"torch", "onnx", "xgboost", "lightgbm", "seal"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
