"""ONNX operators, each written down as layers.

Source: the operator specifications at https://onnx.ai/onnx/operators/.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from casemate.controls.homomorphic.kernels import Pads
from casemate.controls.homomorphic.layers import Layers, Value
from casemate.controls.homomorphic.refusals import refused

Inputs = Sequence[Value | np.ndarray | None]


@dataclass(frozen=True, eq=False)
class At:
    """A node of a graph.

    Args:
        layers: the network so far.
        shape: what the node gives for one row.
        attributes: numbers, texts and lists by name.
        where: its place, for people.
    """

    layers: Layers
    shape: tuple[int, ...]
    attributes: Mapping[str, Any]
    where: str

    def get(self, name: str, default: Any) -> Any:
        """Return an attribute, or the default."""
        return self.attributes.get(name, default)


Operator = Callable[[At, Inputs], Value]


def _value(at: At, inputs: Inputs, place: int = 0) -> Value:
    """An input that depends on the row."""
    found = inputs[place] if place < len(inputs) else None
    if not isinstance(found, Value):
        raise refused("a constant in the place of rows", at.where)
    return found


def _known(at: At, inputs: Inputs, place: int) -> np.ndarray:
    """An input that does not depend on the row."""
    found = inputs[place] if place < len(inputs) else None
    if not isinstance(found, np.ndarray):
        raise refused("weights that depend on the row", at.where, fix="use weights that are known")
    return np.asarray(found, np.float64)


def _maybe(at: At, inputs: Inputs, place: int) -> np.ndarray | None:
    return None if place >= len(inputs) or inputs[place] is None else _known(at, inputs, place)


def _gemm(at: At, inputs: Inputs) -> Value:
    if at.get("transA", 0):
        raise refused("Gemm across rows", at.where, fix="leave transA away")
    weights = float(at.get("alpha", 1.0)) * _known(at, inputs, 1)
    value = at.layers.linear(_value(at, inputs), weights if at.get("transB", 0) else weights.T, None, at.where)
    constant = _maybe(at, inputs, 2)
    return value if constant is None else at.layers.add(value, float(at.get("beta", 1.0)) * constant, at.where)


def _matmul(at: At, inputs: Inputs) -> Value:
    weights = _known(at, inputs, 1)
    if weights.ndim != 2:
        raise refused(f"MatMul with weights of shape {weights.shape}", at.where, fix="use a matrix")
    return at.layers.linear(_value(at, inputs), weights.T, None, at.where)


def _pads(at: At, kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int]) -> Pads:
    """Zeros above, left, below and right."""
    mode = at.get("auto_pad", b"NOTSET")
    mode = mode.decode() if isinstance(mode, bytes) else mode
    if mode == "NOTSET":
        above, left, below, right = map(int, at.get("pads", (0, 0, 0, 0)))
        return above, left, below, right
    if mode == "VALID":
        return 0, 0, 0, 0
    ends = []
    for size, taps, stride, dilation in zip(at.layers.shape[-2:], kernel, strides, dilations, strict=True):
        total = max(0, (-(-size // stride) - 1) * stride + (taps - 1) * dilation + 1 - size)
        small, large = total // 2, total - total // 2
        ends.append((small, large) if mode == "SAME_UPPER" else (large, small))
    (above, below), (left, right) = ends
    return above, left, below, right


def _conv(at: At, inputs: Inputs) -> Value:
    value, kernels = at.layers.settle(_value(at, inputs), at.where), _known(at, inputs, 1)
    if kernels.ndim != 4:
        raise refused("a convolution over other than two axes", at.where, fix="use two-dimensional convolutions")
    stride, dilation = (_pair(at.get(name, (1, 1))) for name in ("strides", "dilations"))
    return at.layers.convolution(
        value,
        kernels,
        _maybe(at, inputs, 2),
        at.where,
        stride=stride,
        pads=_pads(at, kernels.shape[2:], stride, dilation),
        dilation=dilation,
        groups=int(at.get("group", 1)),
    )


def _average_pool(at: At, inputs: Inputs) -> Value:
    value, kernel = at.layers.settle(_value(at, inputs), at.where), at.attributes["kernel_shape"]
    if len(kernel) != 2 or at.get("ceil_mode", 0) or any(size != 1 for size in at.get("dilations", ())):
        raise refused("an average pool with ceil_mode, dilations or other than two axes", at.where)
    stride = _pair(at.get("strides", (1, 1)))
    return at.layers.average_pool(
        value,
        _pair(kernel),
        at.where,
        stride=stride,
        pads=_pads(at, kernel, stride, (1, 1)),
        count_pads=bool(at.get("count_include_pad", 0)),
    )


def _global_average_pool(at: At, inputs: Inputs) -> Value:
    at.layers.settle(_value(at, inputs), at.where)
    kernel = _pair(at.layers.shape[1:] or (1,))
    return at.layers.reshape(
        at.layers.average_pool(at.layers.here, kernel, at.where, stride=kernel), at.shape, at.where
    )


def _reduce_mean(at: At, inputs: Inputs) -> Value:
    axes = at.get("axes", None) if len(inputs) < 2 or inputs[1] is None else _known(at, inputs, 1).astype(int).tolist()
    at.layers.settle(_value(at, inputs), at.where)
    if len(at.layers.shape) != 3 or {axis % 4 for axis in axes or ()} != {2, 3}:
        raise refused("a mean over some axes", at.where, fix="take the mean of whole channels")
    return _global_average_pool(at, (at.layers.here,))


def _pair(values: Sequence[int]) -> tuple[int, int]:
    return int(values[0]), int(values[-1])


def _batch_normalization(at: At, inputs: Inputs) -> Value:
    at.layers.settle(_value(at, inputs), at.where)
    if at.get("training_mode", 0):
        raise refused("batch normalisation by the rows of a batch", at.where, fix="export the model for inference")
    scale, shift, mean, variance = (_known(at, inputs, place) for place in range(1, 5))
    ahead = (-1, *[1] * (len(at.layers.shape) - 1))
    factor = scale / np.sqrt(variance + float(at.get("epsilon", 1e-5)))
    value = at.layers.multiply(at.layers.here, factor.reshape(ahead), at.where)
    return at.layers.add(value, (shift - mean * factor).reshape(ahead), at.where)


def _add(at: At, inputs: Inputs) -> Value:
    first, second = inputs if isinstance(inputs[0], Value) else inputs[::-1]
    return at.layers.add(_value(at, (first,)), _other(at, second), at.where)


def _other(at: At, given: Value | np.ndarray | None) -> Value | np.ndarray:
    return given if isinstance(given, Value) else _known(at, (given,), 0)


def _sub(at: At, inputs: Inputs) -> Value:
    first, second = (_other(at, given) for given in inputs)
    return _add(at, (first, _times(at, second, -1.0)))


def _times(at: At, given: Value | np.ndarray, factor: float) -> Value | np.ndarray:
    return at.layers.multiply(given, np.asarray(factor), at.where) if isinstance(given, Value) else factor * given


def _mul(at: At, inputs: Inputs) -> Value:
    first, second = inputs if isinstance(inputs[0], Value) else inputs[::-1]
    return at.layers.multiply(_value(at, (first,)), _other(at, second), at.where)


def _div(at: At, inputs: Inputs) -> Value:
    return at.layers.multiply(_value(at, inputs), 1 / _known(at, inputs, 1), at.where)


def _pow(at: At, inputs: Inputs) -> Value:
    exponent = _known(at, inputs, 1)
    if exponent.size != 1:
        raise refused("several exponents", at.where)
    return at.layers.power(_value(at, inputs), float(exponent.reshape(())), at.where)


def _neg(at: At, inputs: Inputs) -> Value:
    return at.layers.multiply(_value(at, inputs), np.asarray(-1.0), at.where)


def _softmax(at: At, inputs: Inputs) -> Value:
    if int(at.get("axis", -1)) not in (1, -1):
        raise refused("Softmax", at.where)
    return at.layers.softmax(_value(at, inputs), "softmax", at.where)


def _log_softmax(at: At, inputs: Inputs) -> Value:
    if int(at.get("axis", -1)) not in (1, -1):
        raise refused("LogSoftmax", at.where)
    return at.layers.softmax(_value(at, inputs), "log-softmax", at.where)


def _gelu(at: At, inputs: Inputs) -> Value:
    name = "gelu-tanh" if at.get("approximate", b"none") in (b"tanh", "tanh") else "gelu"
    return at.layers.nonlinear(_value(at, inputs), name, at.where)


def _function(name: str) -> Operator:
    return lambda at, inputs: at.layers.nonlinear(_value(at, inputs), name, at.where)


def _reshaped(at: At, inputs: Inputs) -> Value:
    return at.layers.reshape(_value(at, inputs), at.shape, at.where)


OPERATORS: Mapping[str, Operator] = {
    "Gemm": _gemm,
    "MatMul": _matmul,
    "Conv": _conv,
    "AveragePool": _average_pool,
    "GlobalAveragePool": _global_average_pool,
    "ReduceMean": _reduce_mean,
    "BatchNormalization": _batch_normalization,
    "Add": _add,
    "Sub": _sub,
    "Mul": _mul,
    "Div": _div,
    "Neg": _neg,
    "Pow": _pow,
    "Relu": _function("relu"),
    "Sigmoid": _function("sigmoid"),
    "Tanh": _function("tanh"),
    "Silu": _function("silu"),
    "Gelu": _gelu,
    "Softmax": _softmax,
    "LogSoftmax": _log_softmax,
    **dict.fromkeys(("Flatten", "Reshape", "Squeeze", "Unsqueeze"), _reshaped),
    **dict.fromkeys(("Identity", "Dropout", "Cast"), _value),
}
"""What can be written down, by name; Silu is a product with a sigmoid that `from_onnx` has found."""
