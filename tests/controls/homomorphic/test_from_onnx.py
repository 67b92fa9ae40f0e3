"""ONNX graphs: chains of operators are read exactly, and what is none is refused by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from casemate.controls.homomorphic.circuits import Convolution, Linear, Polynomial
from casemate.controls.homomorphic.drafts import Asked
from casemate.controls.homomorphic.from_onnx import from_onnx
from casemate.controls.homomorphic.importing import circuit_of
from casemate.core.errors import ModelUnsupported, ShapeMismatch

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(40, 6))
IMAGES = RNG.normal(size=(20, 2, 6, 6))


def graph(
    nodes: Sequence[tuple[str, Sequence[str], str] | tuple[str, Sequence[str], str, dict[str, Any]]],
    weights: dict[str, Any],
    shape: Sequence[Any] = ("n", 6),
    kind: int = TensorProto.DOUBLE,
    opset: int = 20,
) -> onnx.ModelProto:
    """A graph from x to the last node's output; weights take the type of x where they are no whole numbers."""
    made = [helper.make_node(op, list(ins), [out], **(more[0] if more else {})) for op, ins, out, *more in nodes]
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    tensors = [
        numpy_helper.from_array(
            np.asarray(value).astype(np.int64 if np.asarray(value).dtype.kind == "i" else dtype), name
        )
        for name, value in weights.items()
    ]
    inputs = [helper.make_tensor_value_info("x", kind, list(shape))]
    outputs = [helper.make_tensor_value_info(made[-1].output[0], kind, None)]
    return helper.make_model(
        helper.make_graph(made, "g", inputs, outputs, tensors),
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=10,
    )


def answers(proto: onnx.ModelProto, rows: np.ndarray) -> np.ndarray:
    """What onnxruntime gives, or where it has no operator for float64 ONNX's reference."""
    kind = proto.graph.input[0].type.tensor_type.elem_type
    feed = {"x": rows.astype(helper.tensor_dtype_to_np_dtype(kind))}
    try:
        session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
        return session.run(None, feed)[0]
    except onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented:
        from onnx.reference import ReferenceEvaluator

        return ReferenceEvaluator(proto).run(None, feed)[0]


def same(proto: onnx.ModelProto, rows: np.ndarray, tolerance: float = 1e-9) -> Any:
    wanted = answers(proto, rows).reshape(len(rows), -1)
    circuit = circuit_of(proto, rows)
    got = circuit.scores(rows.reshape(len(rows), -1))
    np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance * np.abs(wanted).max())
    return circuit


W1, B1 = RNG.normal(size=(5, 6)), RNG.normal(size=5)
W2, B2 = RNG.normal(size=(3, 5)), RNG.normal(size=3)
DENSE = {"w1": W1, "b1": B1, "w2": W2, "b2": B2, "two": np.array(2.0), "w1t": W1.T, "w2t": W2.T}


@pytest.mark.parametrize("square", [("Mul", ("h", "h"), "s"), ("Pow", ("h", "two"), "s")], ids=["mul", "pow"])
def test_dense_networks_with_squares(square: Any) -> None:
    proto = graph(
        [
            ("MatMul", ("x", "w1t"), "m"),
            ("Add", ("m", "b1"), "h"),
            square,
            ("Gemm", ("s", "w2", "b2"), "y", {"transB": 1, "alpha": 2.0, "beta": 0.5}),
        ],
        DENSE,
    )
    circuit = same(proto, ROWS)
    assert [type(step) for step in circuit.steps] == [Linear, Polynomial, Linear]
    assert circuit.answer == "multiclass"


def test_arithmetic_with_constants() -> None:
    proto = graph(
        [
            ("Sub", ("x", "mean"), "a"),
            ("Div", ("a", "scale"), "b"),
            ("Gemm", ("b", "w1t"), "h"),
            ("Mul", ("h", "half"), "l"),
            ("Mul", ("h", "l"), "q"),
            ("Sub", ("q", "h"), "p"),
            ("Neg", ("p",), "n"),
            ("Sub", ("one", "n"), "o"),
            ("MatMul", ("o", "w2t"), "y"),
        ],
        DENSE
        | {"mean": RNG.normal(size=6), "scale": RNG.uniform(1, 2, 6), "half": np.array([0.5]), "one": np.array(1.0)},
    )
    same(proto, ROWS)


KERNELS, SECOND = RNG.normal(size=(4, 2, 3, 3)), RNG.normal(size=(4, 2, 2, 2))
STATISTICS = {"g": RNG.normal(size=4), "o": RNG.normal(size=4), "m": RNG.normal(size=4), "v": RNG.uniform(1, 2, 4)}


@pytest.mark.parametrize(
    ("first", "pool"),
    [
        ({"pads": [1, 1, 1, 1]}, {"kernel_shape": [2, 2], "strides": [2, 2]}),
        ({"auto_pad": "SAME_UPPER", "strides": [2, 2]}, {"kernel_shape": [2, 2], "pads": [0, 1, 1, 0]}),
        ({"auto_pad": "SAME_LOWER", "strides": [2, 1]}, {"kernel_shape": [3, 3], "auto_pad": "SAME_UPPER"}),
        ({"pads": [0, 1, 2, 0]}, {"kernel_shape": [2, 3], "count_include_pad": 1, "pads": [1, 1, 0, 0]}),
        ({"dilations": [2, 2], "auto_pad": "VALID"}, {"kernel_shape": [1, 1]}),
    ],
    ids=["even", "upper", "lower", "uneven", "dilated"],
)
def test_convolutions_and_pools(first: dict[str, Any], pool: dict[str, Any]) -> None:
    nodes = [
        ("Conv", ("x", "k"), "c", first),
        ("BatchNormalization", ("c", "g", "o", "m", "v"), "b", {"epsilon": 0.01}),
        ("Mul", ("b", "b"), "s"),
        ("AveragePool", ("s",), "p", pool),
        ("Flatten", ("p",), "f"),
    ]
    weights = {"k": KERNELS, **STATISTICS}
    size = answers(graph(nodes, weights, ("n", 2, 6, 6), TensorProto.FLOAT), IMAGES).shape[1]
    nodes.append(("MatMul", ("f", "w"), "y"))
    weights["w"] = RNG.normal(size=(size, 3)) / size
    circuit = same(graph(nodes, weights, ("n", 2, 6, 6), TensorProto.FLOAT), IMAGES, 1e-4)
    assert isinstance(circuit.steps[0], Convolution)


def test_groups_and_global_pools() -> None:
    nodes = [
        ("Conv", ("x", "k", "g"), "c", {"pads": [1, 1, 1, 1]}),
        ("Mul", ("c", "c"), "s"),
        ("Conv", ("s", "k2"), "d", {"group": 2}),
        ("Mul", ("d", "d"), "t"),
        ("GlobalAveragePool", ("t",), "p"),
        ("Reshape", ("p", "shape"), "f"),
        ("Dropout", ("f",), "r"),
        ("Gemm", ("r", "w"), "y"),
    ]
    weights = {"k": KERNELS, "g": np.ones(4), "k2": SECOND, "shape": np.array([-1, 4]), "w": RNG.normal(size=(4, 2))}
    same(graph(nodes, weights, ("n", 2, 6, 6), TensorProto.FLOAT), IMAGES, 1e-4)
    nodes[4] = ("ReduceMean", ("t", "axes"), "p", {"keepdims": 0})
    weights["axes"] = np.array([2, 3])
    same(graph(nodes, weights, ("n", 2, 6, 6), TensorProto.FLOAT), IMAGES, 1e-4)


def test_shapes_that_the_graph_computes_are_followed() -> None:
    nodes = [
        ("Shape", ("x",), "s"),
        ("Gather", ("s", "zero"), "n"),
        ("Unsqueeze", ("n", "axis"), "u"),
        ("Concat", ("u", "rest"), "t", {"axis": 0}),
        ("Reshape", ("x", "t"), "r"),
        ("MatMul", ("r", "w"), "y"),
    ]
    weights = {"zero": np.array(0), "axis": np.array([0]), "rest": np.array([-1]), "w": RNG.normal(size=(72, 2))}
    same(graph(nodes, weights, ("n", 2, 6, 6)), IMAGES)


def test_a_batch_of_one_size() -> None:
    for size in (1, 3):
        circuit = circuit_of(graph([("Gemm", ("x", "w1t", "b1"), "y")], DENSE, (size, 6)), ROWS)
        np.testing.assert_allclose(circuit.scores(ROWS), ROWS @ W1.T + B1, atol=1e-9)


@pytest.mark.parametrize(
    ("nodes", "name"),
    [
        ([("Relu", ("h",), "a")], "relu"),
        ([("Sigmoid", ("h",), "a")], "sigmoid"),
        ([("Tanh", ("h",), "a")], "tanh"),
        ([("Gelu", ("h",), "a")], "gelu"),
        ([("Gelu", ("h",), "a", {"approximate": "tanh"})], "gelu-tanh"),
        ([("Sigmoid", ("h",), "g"), ("Mul", ("h", "g"), "a")], "silu"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_functions_are_read_exactly_and_then_replaced(nodes: Any, name: str) -> None:
    proto = graph(
        [("Gemm", ("x", "w1t", "b1"), "h"), *nodes, ("Gemm", ("a", "w2t", "b2"), "y")], DENSE, kind=TensorProto.FLOAT
    )
    draft = from_onnx(proto, Asked((6,), ROWS))
    assert [step.name for step in draft.nonlinear] == [name]
    np.testing.assert_allclose(draft.scores(ROWS), answers(proto, ROWS), atol=1e-4)
    assert f"{name} replaced by a polynomial" in circuit_of(proto, ROWS).semantics


@pytest.mark.parametrize(
    ("end", "columns", "answer"),
    [
        ("Softmax", 3, "multiclass"),
        ("LogSoftmax", 3, "multiclass"),
        ("Sigmoid", 1, "binary"),
        ("Identity", 1, "number"),
    ],
)
def test_the_last_function_is_the_clients(end: str, columns: int, answer: str) -> None:
    proto = graph(
        [("Gemm", ("x", "w"), "h"), (end, ("h",), "y")], {"w": RNG.normal(size=(6, columns))}, kind=TensorProto.FLOAT
    )
    circuit = circuit_of(proto, ROWS)
    assert circuit.answer == answer
    wanted = answers(proto, ROWS)
    wanted = np.exp(wanted) if end == "LogSoftmax" else wanted
    np.testing.assert_allclose(circuit.probabilities(circuit.scores(ROWS))[:, -columns:], wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("nodes", "name", "fix"),
    [
        ([("Gemm", ("x", "w1t"), "h"), ("LeakyRelu", ("h",), "y")], "LeakyRelu", "ReLU"),
        ([("Softmax", ("x",), "h"), ("Gemm", ("h", "w1t"), "y")], "softmax", "last step"),
        ([("Gemm", ("x", "w1t"), "h"), ("Softmax", ("h",), "y", {"axis": 0})], "Softmax", "last step"),
        ([("Relu", ("x",), "h"), ("Add", ("x", "h"), "y")], "branch", "chain"),
        ([("ReduceSum", ("x",), "y")], "ReduceSum", "linear layers"),
        ([("Transpose", ("x",), "y")], "Transpose", "linear layers"),
        ([("Gemm", ("x", "x"), "y", {"transB": 1})], "weights that depend", "known"),
        ([("Gemm", ("w2", "x"), "y", {"transB": 1})], "each row by itself", ""),
        ([("Pow", ("x", "half"), "y")], "power 0.5", "whole exponent"),
        ([("Add", ("x", "tall"), "y")], "constant of shape", ""),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_is_not_supported_is_named(nodes: Any, name: str, fix: str) -> None:
    weights = DENSE | {"half": np.array(0.5), "tall": np.ones((2, 6)), "w2": RNG.normal(size=(4, 6))}
    with pytest.raises(ModelUnsupported, match=name) as caught:
        circuit_of(graph(nodes, weights), ROWS)
    assert fix in str(caught.value.fix)


def test_max_pools_and_operators_of_classical_models_are_named() -> None:
    pool = graph([("MaxPool", ("x",), "y", {"kernel_shape": [2, 2]})], {}, ("n", 2, 6, 6))
    with pytest.raises(ModelUnsupported, match="MaxPool") as caught:
        circuit_of(pool, IMAGES)
    assert "average pool" in str(caught.value.fix)
    node = helper.make_node("Scaler", ["x"], ["y"], domain="ai.onnx.ml", scale=[1.0], offset=[0.0])
    proto = graph([("Identity", ("x",), "y")], {}, kind=TensorProto.FLOAT)
    proto.graph.node[0].CopyFrom(node)
    with pytest.raises(ModelUnsupported, match="Scaler"):
        circuit_of(proto, ROWS)


def test_graphs_that_take_other_things_are_refused() -> None:
    with pytest.raises(ShapeMismatch, match="batch"):
        circuit_of(graph([("Gemm", ("x", "w1t"), "y")], DENSE), ROWS[:, :4])
    whole = graph([("Cast", ("x",), "f", {"to": TensorProto.DOUBLE}), ("Gemm", ("f", "w1t"), "y")], DENSE)
    whole.graph.input[0].type.tensor_type.elem_type = TensorProto.INT64
    with pytest.raises(ModelUnsupported, match="int64"):
        circuit_of(whole, ROWS)
    two = graph([("Gemm", ("x", "w1t"), "y")], DENSE)
    two.graph.input.append(helper.make_tensor_value_info("z", TensorProto.DOUBLE, ["n", 1]))
    with pytest.raises(ModelUnsupported, match="2 inputs"):
        circuit_of(two, ROWS)
