"""ONNX graphs: scores as onnxruntime gives them, and the same numbers with gradients from torch."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from casemate.core.errors import ModelUnreadable, ShapeMismatch
from casemate.core.schema import Column, Schema
from casemate.systems.models.onnx import load_onnx
from casemate.systems.models.onnx_operators import OPERATORS

RNG = np.random.default_rng(0)
FLOAT = TensorProto.FLOAT


def graph(
    nodes: Sequence[Any],
    constants: dict[str, np.ndarray],
    inputs: dict[str, tuple[Any, ...]],
    outputs: dict[str, tuple[Any, ...]],
    opset: int = 17,
    types: dict[str, int] | None = None,
) -> bytes:
    kinds = types or {}
    made = helper.make_graph(
        list(nodes),
        "g",
        [helper.make_tensor_value_info(n, kinds.get(n, FLOAT), s) for n, s in inputs.items()],
        [
            helper.make_tensor_value_info(n, kinds.get(n, FLOAT), s)
            if s is not None
            else helper.make_empty_tensor_value_info(n)
            for n, s in outputs.items()
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(
        made, opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)], ir_version=8
    )
    return bytes(model.SerializeToString())


def node(operator: str, inputs: str, outputs: str, **attributes: Any) -> Any:
    return helper.make_node(operator, inputs.split(","), outputs.split(","), **attributes)


def f32(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def mlp(end: str | None, classes: int = 3, batch: Any = "n") -> bytes:
    nodes = [node("Gemm", "x,w,b", "h", transB=1), node("Relu", "h", "r"), node("MatMul", "r,v", "z")]
    if end:
        nodes.append(node(end, "z", "out"))
    constants = {"w": f32(5, 4), "b": f32(5), "v": f32(5, classes)}
    return graph(nodes, constants, {"x": (batch, 4)}, {"out" if end else "z": (batch, classes)})


def oracle(content: bytes, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {session.get_inputs()[0].name: x})[0])


@pytest.mark.parametrize("end", [None, "Softmax", "LogSoftmax"])
def test_scores_and_network_agree_with_onnxruntime(end: str | None, three: Schema, X: np.ndarray) -> None:
    content = mlp(end)
    model = load_onnx(content, three)
    out = oracle(content, X.astype(np.float32)).astype(np.float64)
    shown = out if end == "Softmax" else np.exp(out) / np.exp(out).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.scores(X), shown, atol=1e-6)
    network = model.network()
    assert network is not None
    x = torch.from_numpy(X.astype(np.float32)).requires_grad_()
    logits = network(x)
    np.testing.assert_allclose(torch.softmax(logits, 1).detach().numpy(), shown, atol=1e-6)
    logits[:, 0].sum().backward()
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()
    assert x.grad.abs().sum() > 0
    assert model.network() is network
    assert model.network_gap is None
    assert (model.kind, model.features, model.classes, model.gives_scores) == ("ONNX graph", 4, 3, True)
    assert model.trees() is None


@pytest.mark.parametrize("end", [None, "Sigmoid"])
def test_one_column_is_the_second_class(end: str | None, table: Schema, X: np.ndarray) -> None:
    content = mlp(end, 1)
    model = load_onnx(content, table)
    out = oracle(content, X.astype(np.float32)).astype(np.float64)[:, 0]
    second = out if end else 1 / (1 + np.exp(-out))
    np.testing.assert_allclose(model.scores(X)[:, 1], second, atol=1e-6)
    network = model.network()
    assert network is not None
    logits = network(torch.from_numpy(X.astype(np.float32)))
    np.testing.assert_allclose(torch.softmax(logits, 1)[:, 1].numpy(), second, atol=1e-6)


def test_probabilities_of_unknown_origin_become_logarithms(three: Schema, X: np.ndarray) -> None:
    nodes = [node("MatMul", "x,w", "z"), node("Softmax", "z", "p"), node("Mul", "p,one", "out")]
    content = graph(nodes, {"w": f32(4, 3), "one": np.ones(1, np.float32)}, {"x": ("n", 4)}, {"out": ("n", 3)})
    model = load_onnx(content, three)
    network = model.network()
    assert network is not None
    shown = torch.softmax(network(torch.from_numpy(X.astype(np.float32))), 1).numpy()
    np.testing.assert_allclose(shown, model.scores(X), atol=1e-6)


@pytest.mark.parametrize("batch", [1, 7])
def test_a_fixed_batch_size_is_met(batch: int, three: Schema, X: np.ndarray) -> None:
    content = mlp("Softmax", batch=batch)
    model = load_onnx(content, three)
    rows = [oracle(content, np.repeat(x[None], batch, 0).astype(np.float32))[0] for x in X]
    np.testing.assert_allclose(model.scores(X), rows, atol=1e-6)
    network = model.network()
    assert network is not None
    shown = torch.softmax(network(torch.from_numpy(X.astype(np.float32))), 1).numpy()
    np.testing.assert_allclose(shown, rows, atol=1e-6)
    assert model.scores(X[:0]).shape == (0, 3)


def test_it_pickles_and_takes_no_rows(three: Schema, X: np.ndarray) -> None:
    model = load_onnx(mlp("Softmax"), three)
    want = model.scores(X)
    assert model.network() is not None
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.scores(X), want)
    assert again.network() is not None
    assert model.scores(X[:0]).shape == (0, 3)


def linear_classifier(labels: dict[str, Any], zipped: bool) -> bytes:
    kind = TensorProto.STRING if "classlabels_strings" in labels else TensorProto.INT64
    nodes = [
        helper.make_node(
            "LinearClassifier",
            ["x"],
            ["label", "raw"],
            domain="ai.onnx.ml",
            coefficients=[float(v) for v in f32(12)],
            intercepts=[0.1, 0.2, 0.3],
            post_transform="SOFTMAX",
            **labels,
        )
    ]
    outputs: dict[str, Any] = {"label": ("n",), "raw": ("n", 3)}
    if zipped:
        key = {"classlabels_ints": "classlabels_int64s"}.get(next(iter(labels)), "classlabels_strings")
        nodes.append(
            helper.make_node("ZipMap", ["raw"], ["maps"], domain="ai.onnx.ml", **{key: next(iter(labels.values()))})
        )
        outputs = {"label": ("n",), "maps": None}
    return graph(nodes, {}, {"x": ("n", 4)}, outputs, types={"label": kind})


@pytest.mark.parametrize("labels", [{"classlabels_ints": [2, 0, 1]}, {"classlabels_strings": ["c", "a", "b"]}])
@pytest.mark.parametrize("zipped", [True, False])
def test_classifiers_and_zipmaps_of_sklearn_are_put_in_order(
    labels: dict[str, Any], zipped: bool, three: Schema, X: np.ndarray
) -> None:
    content = linear_classifier(labels, zipped)
    model = load_onnx(content, three)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    label, raw = session.run(None, {"x": X.astype(np.float32)})
    names = {"a": 0, "b": 1, "c": 2}
    won = np.array([names.get(v, v) for v in label.tolist()])
    np.testing.assert_array_equal(model.scores(X).argmax(axis=1), won)
    if zipped:
        order = [2, 0, 1] if "classlabels_ints" in labels else ["c", "a", "b"]
        want = np.empty((len(X), 3))
        for place, key in zip([2, 0, 1], order, strict=True):
            want[:, place] = [row[key] for row in raw]
        np.testing.assert_allclose(model.scores(X), want, atol=1e-6)
    assert model.network() is None
    assert model.network_gap == ("ZipMap" if zipped else "LinearClassifier")


def test_labels_alone_give_one_hot_rows(three: Schema, X: np.ndarray) -> None:
    nodes = [node("MatMul", "x,w", "z"), node("ArgMax", "z", "label", axis=1, keepdims=0)]
    content = graph(nodes, {"w": f32(4, 3)}, {"x": ("n", 4)}, {"label": ("n",)}, types={"label": TensorProto.INT64})
    model = load_onnx(content, three)
    assert not model.gives_scores
    np.testing.assert_array_equal(model.scores(X).argmax(axis=1), oracle(content, X.astype(np.float32)))
    assert model.network() is None
    assert model.network_gap


def test_one_input_per_column_with_texts(X: np.ndarray) -> None:
    schema = Schema(
        (Column("an age", high=9), Column("job", kind="category", high=1, categories=("x", "y"))), ("n", "y")
    )
    nodes = [
        helper.make_node(
            "LabelEncoder", ["job"], ["j"], domain="ai.onnx.ml", keys_strings=["x", "y"], values_floats=[0.0, 5.0]
        ),
        node("Concat", "an_age,j", "both", axis=1),
        node("MatMul", "both,w", "z"),
        node("Softmax", "z", "out"),
    ]
    w = np.array([[0.1, 0.0], [0.0, 0.3]], np.float32)
    content = graph(
        nodes,
        {"w": w},
        {"an_age": ("n", 1), "job": ("n", 1)},
        {"out": ("n", 2)},
        types={"job": TensorProto.STRING},
    )
    model = load_onnx(content, schema)
    rows = np.array([[3.0, 0.0], [3.0, 1.0]])
    z = np.array([[0.3, 0.0], [0.3, 1.5]])
    np.testing.assert_allclose(model.scores(rows), np.exp(z) / np.exp(z).sum(1, keepdims=True), atol=1e-6)
    assert model.network() is None
    assert model.network_gap == "2 inputs"


def cnn(pool: Any, **conv: Any) -> bytes:
    nodes = [
        node("Conv", "x,k,kb", "c", **conv),
        node("BatchNormalization", "c,s,t,m,v", "n"),
        node("LeakyRelu", "n", "l", alpha=0.2),
        pool,
        node("Flatten", "p", "f"),
        node("Gemm", "f,w,b", "z", alpha=0.5, beta=2.0),
    ]
    constants = {"k": f32(4, 1, 3, 3), "kb": f32(4), "s": f32(4), "t": f32(4), "m": f32(4), "v": np.abs(f32(4)) + 0.1}
    made = helper.make_graph(
        nodes[:5],
        "g",
        [helper.make_tensor_value_info("x", FLOAT, ("n", 1, 8, 8))],
        [helper.make_tensor_value_info("f", FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    width = oracle(model.SerializeToString(), np.zeros((1, 1, 8, 8), np.float32)).shape[1]
    constants |= {"w": f32(width, 3), "b": f32(3)}
    return graph(nodes, constants, {"x": ("n", 1, 8, 8)}, {"z": ("n", 3)})


POOLS = [
    node("MaxPool", "n", "p", kernel_shape=[2, 2], strides=[2, 2]),
    node("MaxPool", "l", "p", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 0, 1, 1]),
    node("MaxPool", "l", "p", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
    node("MaxPool", "l", "p", kernel_shape=[2, 2], dilations=[2, 2]),
    node("AveragePool", "l", "p", kernel_shape=[2, 2], strides=[2, 1]),
    node("AveragePool", "l", "p", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
    node("AveragePool", "l", "p", kernel_shape=[3, 3], pads=[0, 1, 1, 0], count_include_pad=1),
    node("AveragePool", "l", "p", kernel_shape=[3, 3], auto_pad="SAME_LOWER", strides=[2, 2]),
    node("GlobalAveragePool", "l", "p"),
    node("GlobalMaxPool", "l", "p"),
]
CONVS: list[dict[str, Any]] = [
    {},
    {"pads": [1, 0, 2, 1], "strides": [2, 1]},
    {"dilations": [2, 2], "auto_pad": "VALID"},
    {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
    {"auto_pad": "SAME_LOWER", "kernel_shape": [3, 3]},
]


@pytest.mark.parametrize("pool", POOLS, ids=lambda p: f"{p.op_type}-{len(p.attribute)}")
@pytest.mark.parametrize("conv", CONVS, ids=str)
def test_convolutional_networks_agree_with_onnxruntime(pool: Any, conv: dict[str, Any], image: Schema) -> None:
    content = cnn(pool, **conv)
    model = load_onnx(content, image)
    network = model.network()
    assert network is not None, model.network_gap
    x = RNG.random((6, 64)).astype(np.float32)
    want = oracle(content, x.reshape(6, 1, 8, 8))
    np.testing.assert_allclose(network(torch.from_numpy(x)).numpy(), want, atol=2e-4, rtol=1e-4)
    shown = torch.softmax(torch.from_numpy(want).double(), 1).numpy()
    np.testing.assert_allclose(model.scores(x), shown, atol=1e-5)


SHAPES: list[tuple[str, int, list[Any], dict[str, np.ndarray]]] = [
    ("reshape by -1", 17, [node("Reshape", "h,to", "o")], {"to": np.array([-1, 6])}),
    ("reshape keeping 0", 17, [node("Reshape", "h,to", "o")], {"to": np.array([0, 6])}),
    (
        "reshape by shape",
        17,
        [
            node("Shape", "h", "s"),
            node("Gather", "s,zero", "n", axis=0),
            node("Unsqueeze", "n,ax", "n1"),
            node("Concat", "n1,six", "to", axis=0),
            node("Reshape", "h,to", "o"),
        ],
        {"zero": np.array(0), "ax": np.array([0]), "six": np.array([6])},
    ),
    ("transpose", 17, [node("Transpose", "h", "t", perm=[0, 2, 1]), node("Flatten", "t", "o")], {}),
    (
        "squeeze",
        17,
        [node("Unsqueeze", "h,ax", "u"), node("Squeeze", "u,ax", "q"), node("Flatten", "q", "o", axis=-2)],
        {"ax": np.array([1])},
    ),
    (
        "squeeze 11",
        11,
        [node("Unsqueeze", "h", "u", axes=[0]), node("Squeeze", "u", "q", axes=[0]), node("Flatten", "q", "o")],
        {},
    ),
    (
        "clip",
        17,
        [node("Clip", "h,lo", "c"), node("Clip", "c,,hi", "d"), node("Flatten", "d", "o")],
        {"lo": np.float32(-0.4), "hi": np.float32(0.6)},
    ),
    ("clip 10", 10, [node("Clip", "h", "c", min=-0.4, max=0.6), node("Flatten", "c", "o")], {}),
    ("softmax 11", 11, [node("Softmax", "h", "c", axis=1), node("Flatten", "c", "o")], {}),
    ("softmax 17", 17, [node("Softmax", "h", "c", axis=1), node("Flatten", "c", "o")], {}),
    ("gather", 17, [node("Gather", "h,i", "c", axis=2), node("Flatten", "c", "o")], {"i": np.array([[0, -1], [1, 0]])}),
    (
        "arithmetic",
        17,
        [
            node("Sub", "h,a", "q"),
            node("Div", "q,a", "r"),
            node("Mul", "r,a", "s"),
            node("Add", "s,h", "t"),
            node("Neg", "t", "u"),
            node("Abs", "u", "v"),
            node("Sqrt", "v", "w_"),
            node("Exp", "w_", "y"),
            node("Log", "y", "zz"),
            node("Pow", "zz,two", "p2"),
            node("Flatten", "p2", "o"),
        ],
        {"a": np.float32([[0.5, 2.0]]), "two": np.float32(2)},
    ),
    (
        "functions",
        17,
        [
            node("Tanh", "h", "a1"),
            node("Sigmoid", "a1", "a2"),
            node("Elu", "a2", "a3", alpha=0.7),
            node("Softplus", "a3", "a4"),
            node("Identity", "a4", "a5"),
            node("Dropout", "a5", "a6"),
            node("Flatten", "a6", "o"),
        ],
        {},
    ),
    (
        "cast",
        17,
        [node("Cast", "h", "d", to=TensorProto.DOUBLE), node("Cast", "d", "e", to=FLOAT), node("Flatten", "e", "o")],
        {},
    ),
    ("mean 17", 17, [node("ReduceMean", "h", "c", axes=[1]), node("Flatten", "c", "o")], {}),
    ("mean 18", 18, [node("ReduceMean", "h,ax", "c", keepdims=0), node("Flatten", "c", "o")], {"ax": np.array([2])}),
    (
        "constant",
        17,
        [node("Constant", "", "k", value_floats=[1.0, 2.0]), node("Mul", "h,k", "c"), node("Flatten", "c", "o")],
        {},
    ),
]


@pytest.mark.parametrize(
    ("opset", "nodes", "constants"), [case[1:] for case in SHAPES], ids=[case[0] for case in SHAPES]
)
def test_operators_agree_with_onnxruntime(
    opset: int, nodes: list[Any], constants: dict[str, np.ndarray], three: Schema, X: np.ndarray
) -> None:
    for made in nodes:
        if made.op_type == "Constant":
            del made.input[:]
    wide = {**constants, "first": f32(4, 6), "into": np.array([-1, 3, 2])}
    start = [node("MatMul", "x,first", "g"), node("Reshape", "g,into", "h")]
    probe = graph([*start, *nodes], wide, {"x": ("n", 4)}, {"o": ("n", "m")}, opset)
    width = oracle(probe, X.astype(np.float32)).shape[1]
    wide["last"] = f32(width, 3)
    content = graph([*start, *nodes, node("MatMul", "o,last", "z")], wide, {"x": ("n", 4)}, {"z": ("n", 3)}, opset)
    model = load_onnx(content, three)
    network = model.network()
    assert network is not None, model.network_gap
    x = X.astype(np.float32)
    np.testing.assert_allclose(network(torch.from_numpy(x)).numpy(), oracle(content, x), atol=1e-4, rtol=1e-4)


def test_every_operator_in_the_table_is_held_against_onnxruntime() -> None:
    seen = {made.op_type for case in SHAPES for made in case[2]} | {made.op_type for made in POOLS}
    seen |= {"Conv", "BatchNormalization", "LeakyRelu", "Flatten", "Gemm", "MatMul", "Relu", "Softmax", "LogSoftmax"}
    assert set(OPERATORS) - seen == set()


def test_an_operator_that_is_not_known_is_named(three: Schema, X: np.ndarray) -> None:
    nodes = [node("MatMul", "x,w", "h"), node("Erf", "h", "e"), node("Softmax", "e", "out")]
    content = graph(nodes, {"w": f32(4, 3)}, {"x": ("n", 4)}, {"out": ("n", 3)})
    model = load_onnx(content, three)
    assert model.network() is None
    assert model.network_gap == "Erf"
    np.testing.assert_allclose(model.scores(X), oracle(content, X.astype(np.float32)), atol=1e-6)


def test_a_graph_in_double_is_differentiated_too(three: Schema, X: np.ndarray) -> None:
    nodes = [node("MatMul", "x,w", "z")]
    double = TensorProto.DOUBLE
    content = graph(
        nodes, {"w": f32(4, 3).astype(float)}, {"x": ("n", 4)}, {"z": ("n", 3)}, types={"x": double, "z": double}
    )
    model = load_onnx(content, three)
    network = model.network()
    assert network is not None
    shown = torch.softmax(network(torch.from_numpy(X.astype(np.float32))), 1).numpy()
    np.testing.assert_allclose(shown, model.scores(X), atol=1e-6)


@pytest.mark.parametrize("cut", [0, 10, 100, -1])
def test_damaged_files_raise(cut: int, three: Schema, tmp_path: Any) -> None:
    from casemate.systems.models import load_model

    (tmp_path / "m.onnx").write_bytes(mlp("Softmax")[:cut])
    with pytest.raises(ModelUnreadable, match=r"m\.onnx|no ONNX graph"):
        load_model("m.onnx", three, base=tmp_path)


def test_weights_in_other_files_are_refused(three: Schema) -> None:
    model = onnx.load_model_from_string(mlp("Softmax"))
    tensor = model.graph.initializer[0]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    with pytest.raises(ModelUnreadable, match="other files"):
        load_onnx(model.SerializeToString(), three)


def test_weights_elsewhere_are_found_in_attributes_and_subgraphs_too(three: Schema) -> None:
    def elsewhere() -> onnx.TensorProto:
        tensor = onnx.TensorProto(name="w", dims=[1], data_type=onnx.TensorProto.FLOAT)
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="../../etc/passwd")
        return tensor

    constant = onnx.helper.make_node("Constant", [], ["c"], value=elsewhere())
    branch = onnx.helper.make_graph([constant], "b", [], [])
    inside = onnx.helper.make_node("If", ["k"], ["c"], then_branch=branch, else_branch=branch)
    for node in (constant, inside):
        model = onnx.load_model_from_string(mlp("Softmax"))
        model.graph.node.insert(0, node)
        with pytest.raises(ModelUnreadable, match="other files"):
            load_onnx(model.SerializeToString(), three)


def test_inputs_and_outputs_that_do_not_fit_are_told(three: Schema, table: Schema, image: Schema) -> None:
    with pytest.raises(ShapeMismatch, match="2 classes"):
        load_onnx(mlp("Softmax"), table)
    with pytest.raises(ShapeMismatch, match="64 columns"):
        load_onnx(mlp("Softmax"), image)
    narrow = Schema((Column("a"), Column("b")), ("x", "y", "z"))
    with pytest.raises(ShapeMismatch, match="2 columns"):
        load_onnx(mlp("Softmax"), narrow)
