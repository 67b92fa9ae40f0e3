"""torch's functions, methods and exported operators, each written down as layers.

One name stands for all forms of an operator: `torch.nn.ReLU`, `torch.relu`, `Tensor.relu_`, `aten.relu` are ``relu``.
Modules are told as the function that they call, by `torch_modules.call_of`. This file imports torch at its top.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from casemate.controls.homomorphic.kernels import Pads
from casemate.controls.homomorphic.layers import Layers, Value
from casemate.controls.homomorphic.refusals import refused
from casemate.controls.homomorphic.torch_modules import PolynomialActivation


@dataclass(frozen=True, eq=False)
class At:
    """Where an operator stands.

    Args:
        layers: the network so far.
        shape: what the operator gives for one row.
        where: its place, for people.
    """

    layers: Layers
    shape: tuple[int, ...]
    where: str


Operator = Callable[..., Value]


def array(tensor: Any) -> np.ndarray:
    """Return a known tensor or number as float64."""
    return np.asarray(
        tensor.detach().cpu().double().numpy() if isinstance(tensor, torch.Tensor) else tensor, np.float64
    )


def _maybe(tensor: Any) -> np.ndarray | None:
    return None if tensor is None else array(tensor)


def _pair(value: Any) -> tuple[int, int]:
    down, across = (value[0], value[-1]) if isinstance(value, list | tuple) else (value, value)
    return int(down), int(across)


def _pads(value: Any) -> Pads:
    down, across = _pair(value)
    return down, across, down, across


def _add(at: At, input: Any, other: Any, *, alpha: float = 1) -> Value:
    if not isinstance(input, Value):
        return _add(at, _scaled(at, other, alpha), input)
    return at.layers.add(input, _scaled(at, other, alpha), at.where)


def _scaled(at: At, other: Any, factor: float) -> Any:
    if isinstance(other, Value):
        return other if factor == 1 else at.layers.multiply(other, np.asarray(float(factor)), at.where)
    return factor * array(other)


def _sub(at: At, input: Any, other: Any, *, alpha: float = 1) -> Value:
    return _add(at, input, other, alpha=-alpha)


def _mul(at: At, input: Any, other: Any) -> Value:
    first, second = (input, other) if isinstance(input, Value) else (other, input)
    return at.layers.multiply(first, second if isinstance(second, Value) else array(second), at.where)


def _div(at: At, input: Any, other: Any, *, rounding_mode: str | None = None) -> Value:
    if not isinstance(input, Value) or isinstance(other, Value) or rounding_mode is not None:
        raise refused("a division by what depends on the row", at.where, fix="divide by constants only")
    return at.layers.multiply(input, 1 / array(other), at.where)


def _pow(at: At, input: Any, exponent: Any) -> Value:
    if not isinstance(input, Value) or isinstance(exponent, Value):
        raise refused("a power of a constant", at.where)
    return at.layers.power(input, float(array(exponent)), at.where)


def _linear(at: At, input: Value, weight: Any, bias: Any = None) -> Value:
    return at.layers.linear(input, array(weight), _maybe(bias), at.where)


def _matmul(at: At, input: Any, other: Any) -> Value:
    if not isinstance(input, Value) or isinstance(other, Value):
        raise refused("a product of two rows", at.where, fix="use matrices that are known")
    return at.layers.linear(input, array(other).T, None, at.where)


def _addmm(at: At, input: Any, mat1: Value, mat2: Any, *, beta: float = 1, alpha: float = 1) -> Value:
    return _add(at, _scaled(at, _matmul(at, mat1, mat2), alpha), beta * array(input))


def _conv2d(
    at: At,
    input: Value,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Value:
    kernels, (down, across) = array(weight), _pair(dilation)
    if padding == "same":  # as torch does it: the odd zero comes last
        total = (kernels.shape[2] - 1) * down, (kernels.shape[3] - 1) * across
        pads = total[0] // 2, total[1] // 2, total[0] - total[0] // 2, total[1] - total[1] // 2
    else:
        pads = _pads(0 if padding == "valid" else padding)
    return at.layers.convolution(
        input,
        kernels,
        _maybe(bias),
        at.where,
        stride=_pair(stride),
        pads=pads,
        dilation=(down, across),
        groups=int(groups),
    )


def _avg_pool2d(
    at: At,
    input: Value,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Value:
    if ceil_mode:
        raise refused("an average pool with ceil_mode", at.where, fix="use ceil_mode=False, or pad what comes in")
    kernel = _pair(kernel_size)
    return at.layers.average_pool(
        input,
        kernel,
        at.where,
        stride=_pair(stride) if stride else kernel,
        pads=_pads(padding),
        count_pads=count_include_pad,
        divisor=divisor_override,
    )


def _adaptive_avg_pool2d(at: At, input: Value, output_size: Any) -> Value:
    at.layers.settle(input, at.where)
    _, *size = at.layers.shape if len(at.layers.shape) == 3 else (1, 1, 1)
    asked = output_size if isinstance(output_size, list | tuple) else (output_size, output_size)
    wanted = [have if want is None else int(want) for have, want in zip(size, asked, strict=True)]
    if any(have % want for have, want in zip(size, wanted, strict=True)):
        raise refused(
            f"an adaptive pool from {size} to {wanted}", at.where, fix="pool to a size that divides the image's"
        )
    kernel = size[0] // wanted[0], size[1] // wanted[1]
    return at.layers.average_pool(at.layers.here, kernel, at.where, stride=kernel)


def _mean(at: At, input: Value, dim: Any = None, keepdim: bool = False) -> Value:  # noqa: ARG001
    at.layers.settle(input, at.where)
    shape = at.layers.shape
    axes = {axis % (len(shape) + 1) for axis in (dim if isinstance(dim, list | tuple) else [dim or 0])}
    if axes == {2, 3} and len(shape) == 3:
        kernel = shape[1], shape[2]
        value = at.layers.average_pool(at.layers.here, kernel, at.where, stride=kernel)
    elif axes == {1} and len(shape) == 1:
        value = at.layers.linear(at.layers.here, np.full((1, shape[0]), 1 / shape[0]), None, at.where)
    else:
        raise refused("a mean over some axes", at.where, fix="take the mean of whole channels or rows")
    return at.layers.reshape(value, at.shape, at.where)


def _batch_norm(
    at: At,
    input: Value,
    weight: Any,
    bias: Any,
    running_mean: Any,
    running_var: Any,
    training: bool = False,
    momentum: float = 0.1,  # noqa: ARG001
    eps: float = 1e-5,
    cudnn_enabled: bool = False,  # noqa: ARG001
) -> Value:
    if running_mean is None or running_var is None or training:
        raise refused(
            "batch normalisation without the statistics of the training", at.where, fix="track running statistics"
        )
    at.layers.settle(input, at.where)
    ahead = (-1, *[1] * (len(at.layers.shape) - 1))
    scale = (1.0 if weight is None else array(weight)) / np.sqrt(array(running_var) + eps)
    shift = (0.0 if bias is None else array(bias)) - array(running_mean) * scale
    value = at.layers.multiply(at.layers.here, scale.reshape(ahead), at.where)
    return at.layers.add(value, shift.reshape(ahead), at.where)


def _gelu(at: At, input: Value, approximate: str = "none") -> Value:
    return at.layers.nonlinear(input, "gelu" if approximate == "none" else "gelu-tanh", at.where)


def _softmax(at: At, input: Value, dim: int | None = None, **_: Any) -> Value:
    if dim not in (1, -1):
        raise refused("softmax", at.where)
    return at.layers.softmax(input, "softmax", at.where)


def _log_softmax(at: At, input: Value, dim: int | None = None, **_: Any) -> Value:
    if dim not in (1, -1):
        raise refused("log_softmax", at.where)
    return at.layers.softmax(input, "log-softmax", at.where)


def _polynomial(at: At, input: Value, made: PolynomialActivation) -> Value:
    layers, value = at.layers, input
    for factor, offset, core in (("scale", "shift", True), ("factor", "offset", False)):
        ahead = (-1, *[1] * (len(layers.shape) - 1))
        value = layers.multiply(value, array(getattr(made, factor)).reshape(ahead), at.where)
        value = layers.add(value, array(getattr(made, offset)).reshape(ahead), at.where)
        if core:
            value = layers.settle(layers.polynomial(value, array(made.coefficients), at.where), at.where)
    return value


def _named(name: str) -> Operator:
    return lambda at, x, *_, **__: at.layers.nonlinear(x, name, at.where)


def _same(_: At, input: Value, *__: Any, **___: Any) -> Value:
    return input


def _reshaped(at: At, input: Value, *_: Any, **__: Any) -> Value:
    return at.layers.reshape(input, at.shape, at.where)


OPERATORS: dict[str, Operator] = {
    "linear": _linear,
    "matmul": _matmul,
    "mm": _matmul,
    "addmm": _addmm,
    "conv2d": _conv2d,
    "avg_pool2d": _avg_pool2d,
    "adaptive_avg_pool2d": _adaptive_avg_pool2d,
    "mean": _mean,
    "batch_norm": _batch_norm,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "polynomial": _polynomial,
    "square": lambda at, x: at.layers.power(x, 2, at.where),
    "neg": lambda at, x: at.layers.multiply(x, np.asarray(-1.0), at.where),
    "rsub": lambda at, x, other, alpha=1: _sub(at, other, x, alpha=alpha),
    "gelu": _gelu,
    **dict.fromkeys(("add", "iadd"), _add),
    **dict.fromkeys(("sub", "isub", "subtract"), _sub),
    **dict.fromkeys(("mul", "imul", "multiply"), _mul),
    **dict.fromkeys(("div", "truediv", "divide", "itruediv"), _div),
    **dict.fromkeys(("pow", "ipow"), _pow),
    **{name: _named(name) for name in ("relu", "sigmoid", "tanh", "silu")},
    **dict.fromkeys(("flatten", "view", "reshape", "squeeze", "unsqueeze", "unflatten", "_unsafe_view"), _reshaped),
    **dict.fromkeys(("dropout", "feature_dropout", "dropout2d", "identity", "float", "double", "to", "type"), _same),
    **dict.fromkeys(("contiguous", "clone", "detach", "alias", "lift_fresh_copy"), _same),
}
"""What can be written down, by name."""
