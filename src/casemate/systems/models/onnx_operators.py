"""ONNX operators in torch, one function each: what `onnx_torch` can differentiate through.

Source: the operator specifications at https://onnx.ai/onnx/operators/. This file imports torch at its top; it is
imported only when a graph is turned into a network.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional

Tensors = Sequence[torch.Tensor | None]


@dataclass(frozen=True)
class Node:
    """One step of a graph.

    Args:
        operator: its name in ONNX.
        inputs, outputs: names of values; an empty name is an input left out.
        attributes: numbers, texts and lists by name.
        opset: the version of the operator set that the graph was written in.
    """

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    opset: int

    def get(self, name: str, default: Any) -> Any:
        """Return an attribute, or the default."""
        return self.attributes.get(name, default)


class Gap(Exception):
    """What of an operator cannot be done here."""


Operator = Callable[[Node, Tensors], torch.Tensor]


def _present(tensors: Tensors, index: int) -> torch.Tensor:
    found = _maybe(tensors, index)
    if found is None:
        raise Gap(f"input {index} left out")
    return found


def _maybe(tensors: Tensors, index: int) -> torch.Tensor | None:
    return tensors[index] if index < len(tensors) else None


def _ints(tensors: Tensors, index: int, node: Node, attribute: str) -> list[int] | None:
    """Whole numbers from an input, or from the attribute that older operator sets have in its place."""
    given = _maybe(tensors, index)
    found = node.get(attribute, None) if given is None else given.reshape(-1).tolist()
    return None if found is None else [int(value) for value in found]


def _one(function: Callable[[torch.Tensor], torch.Tensor]) -> Operator:
    return lambda _, tensors: function(_present(tensors, 0))


def _two(function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> Operator:
    return lambda _, tensors: function(_present(tensors, 0), _present(tensors, 1))


def _divide(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return a / b if a.is_floating_point() else torch.div(a, b, rounding_mode="trunc")


def gemm(node: Node, tensors: Tensors) -> torch.Tensor:
    """``alpha A' B' + beta C``, where a prime stands for a transposition if asked for."""
    a, b, c = _present(tensors, 0), _present(tensors, 1), _maybe(tensors, 2)
    a = a.T if node.get("transA", 0) else a
    b = b.T if node.get("transB", 0) else b
    out = float(node.get("alpha", 1.0)) * (a @ b)
    return out if c is None else out + float(node.get("beta", 1.0)) * c


def softmax(node: Node, tensors: Tensors) -> torch.Tensor:
    """Softmax or LogSoftmax along one axis; before opset 13, along all axes from there on."""
    x = _present(tensors, 0)
    function = functional.log_softmax if node.operator == "LogSoftmax" else functional.softmax
    if node.opset >= 13:
        return function(x, dim=int(node.get("axis", -1)))
    axis = int(node.get("axis", 1)) % x.dim()
    return function(x.flatten(axis), dim=-1).reshape(x.shape)


def clip(node: Node, tensors: Tensors) -> torch.Tensor:
    """Bounds from inputs, or before opset 11 from attributes."""
    x = _present(tensors, 0)
    low, high = _maybe(tensors, 1), _maybe(tensors, 2)
    low = torch.as_tensor(node.get("min", -math.inf), dtype=x.dtype) if low is None else low
    high = torch.as_tensor(node.get("max", math.inf), dtype=x.dtype) if high is None else high
    return torch.minimum(torch.maximum(x, low), high)


def batch_norm(node: Node, tensors: Tensors) -> torch.Tensor:
    """Normalisation with the statistics of the training."""
    x, scale, shift, mean, variance = (_present(tensors, index) for index in range(5))
    if node.get("training_mode", 0):
        raise Gap("training_mode")
    return functional.batch_norm(x, mean, variance, scale, shift, training=False, eps=float(node.get("epsilon", 1e-5)))


def _pads(node: Node, x: torch.Tensor, kernel: list[int]) -> list[tuple[int, int]]:
    """Padding before and after, per axis."""
    n = len(kernel)
    mode = node.get("auto_pad", b"NOTSET")
    mode = mode.decode() if isinstance(mode, bytes) else mode
    if mode == "VALID":
        return [(0, 0)] * n
    if mode == "NOTSET":
        flat = [int(value) for value in node.get("pads", [0] * 2 * n)]
        return list(zip(flat[:n], flat[n:], strict=True))
    strides, dilations = (node.get(name, [1] * n) for name in ("strides", "dilations"))
    out = []
    for axis, size in enumerate(x.shape[-n:]):
        reach = (kernel[axis] - 1) * dilations[axis] + 1
        total = max(0, (-(-size // strides[axis]) - 1) * strides[axis] + reach - size)
        small, large = total // 2, total - total // 2
        out.append((small, large) if mode == "SAME_UPPER" else (large, small))
    return out


def _padded(x: torch.Tensor, pads: list[tuple[int, int]], value: float) -> torch.Tensor:
    flat = [amount for pair in reversed(pads) for amount in pair]
    return functional.pad(x, flat, value=value) if any(flat) else x


def conv(node: Node, tensors: Tensors) -> torch.Tensor:
    """Convolution over one, two or three axes."""
    x, weight, bias = _present(tensors, 0), _present(tensors, 1), _maybe(tensors, 2)
    kernel = list(weight.shape[2:])
    n = len(kernel)
    if n not in (1, 2, 3):
        raise Gap(f"{n} axes")
    function: Any = (functional.conv1d, functional.conv2d, functional.conv3d)[n - 1]
    x = _padded(x, _pads(node, x, kernel), 0.0)
    strides, dilations = (tuple(node.get(name, [1] * n)) for name in ("strides", "dilations"))
    out: torch.Tensor = function(x, weight, bias, strides, 0, dilations, int(node.get("group", 1)))
    return out


def _pool_options(node: Node, n: int) -> dict[str, Any]:
    return {"stride": tuple(node.get("strides", [1] * n)), "ceil_mode": bool(node.get("ceil_mode", 0))}


def max_pool(node: Node, tensors: Tensors) -> torch.Tensor:
    """Largest value per window; padding never wins."""
    x, kernel = _present(tensors, 0), [int(k) for k in node.attributes["kernel_shape"]]
    n, pads = len(kernel), _pads(node, x, kernel)
    if n not in (1, 2, 3):
        raise Gap(f"{n} axes")
    function: Any = (functional.max_pool1d, functional.max_pool2d, functional.max_pool3d)[n - 1]
    options = _pool_options(node, n) | {"dilation": tuple(node.get("dilations", [1] * n))}
    if options["ceil_mode"] and any(map(any, pads)):
        raise Gap("ceil_mode with padding")
    out: torch.Tensor = function(_padded(x, pads, -math.inf), tuple(kernel), **options)
    return out


def average_pool(node: Node, tensors: Tensors) -> torch.Tensor:
    """Mean per window; padding counts only where asked for."""
    x, kernel = _present(tensors, 0), [int(k) for k in node.attributes["kernel_shape"]]
    n, pads = len(kernel), _pads(node, x, kernel)
    if n not in (1, 2, 3):
        raise Gap(f"{n} axes")
    if any(int(d) != 1 for d in node.get("dilations", [1])):
        raise Gap("dilations")
    function: Any = (functional.avg_pool1d, functional.avg_pool2d, functional.avg_pool3d)[n - 1]
    options = _pool_options(node, n)
    if options["ceil_mode"] and any(map(any, pads)):
        raise Gap("ceil_mode with padding")
    mean: torch.Tensor = function(_padded(x, pads, 0.0), tuple(kernel), **options)
    if node.get("count_include_pad", 0) or not any(map(any, pads)):
        return mean
    share: torch.Tensor = function(_padded(torch.ones_like(x), pads, 0.0), tuple(kernel), **options)
    return mean / share


def reshape(node: Node, tensors: Tensors) -> torch.Tensor:
    """A new shape; 0 keeps an axis, -1 takes what is left."""
    x = _present(tensors, 0)
    shape = _ints(tensors, 1, node, "shape") or []
    if not node.get("allowzero", 0):
        shape = [x.shape[axis] if size == 0 else size for axis, size in enumerate(shape)]
    return x.reshape(shape)


def flatten(node: Node, tensors: Tensors) -> torch.Tensor:
    """Two axes: those before ``axis``, and the rest."""
    x, axis = _present(tensors, 0), int(node.get("axis", 1))
    axis = axis + x.dim() if axis < 0 else axis
    return x.reshape(math.prod(x.shape[:axis]), -1)


def transpose(node: Node, tensors: Tensors) -> torch.Tensor:
    """Axes in another order; reversed where none is given."""
    x = _present(tensors, 0)
    return x.permute(list(node.get("perm", range(x.dim() - 1, -1, -1))))


def squeeze(node: Node, tensors: Tensors) -> torch.Tensor:
    """Drop axes of length 1."""
    x, axes = _present(tensors, 0), _ints(tensors, 1, node, "axes")
    return x.squeeze() if axes is None else x.squeeze(tuple(axes))


def unsqueeze(node: Node, tensors: Tensors) -> torch.Tensor:
    """Add axes of length 1, at their places in the result."""
    x, axes = _present(tensors, 0), _ints(tensors, 1, node, "axes") or []
    rank = x.dim() + len(axes)
    for axis in sorted(a % rank for a in axes):
        x = x.unsqueeze(axis)
    return x


def concat(node: Node, tensors: Tensors) -> torch.Tensor:
    """Join along an axis."""
    parts = [_present(tensors, index) for index in range(len(tensors))]
    return torch.cat(parts, dim=int(node.attributes["axis"]))


def gather(node: Node, tensors: Tensors) -> torch.Tensor:
    """Take entries along an axis; negative indices count from its end."""
    x, index = _present(tensors, 0), _present(tensors, 1).long()
    axis = int(node.get("axis", 0)) % x.dim()
    index = torch.where(index < 0, index + x.shape[axis], index)
    taken = x.index_select(axis, index.reshape(-1))
    return taken.reshape((*x.shape[:axis], *index.shape, *x.shape[axis + 1 :]))


def shape_of(node: Node, tensors: Tensors) -> torch.Tensor:
    """The lengths of all axes, or of a range of them."""
    x = _present(tensors, 0)
    return torch.tensor(x.shape[slice(int(node.get("start", 0)), node.get("end", None))], dtype=torch.int64)


def cast(node: Node, tensors: Tensors) -> torch.Tensor:
    """Another type of number."""
    import onnx

    to = onnx.helper.tensor_dtype_to_np_dtype(int(node.attributes["to"]))
    try:
        return _present(tensors, 0).to(torch.from_numpy(np.empty(0, to)).dtype)
    except TypeError:
        raise Gap(f"to {to}") from None


def reduce_mean(node: Node, tensors: Tensors) -> torch.Tensor:
    """Mean over axes; over all where none is given."""
    x, axes = _present(tensors, 0), _ints(tensors, 1, node, "axes")
    if not axes and node.get("noop_with_empty_axes", 0):
        return x
    return x.mean(dim=axes or list(range(x.dim())), keepdim=bool(node.get("keepdims", 1)))


def _global(function: Callable[..., torch.Tensor]) -> Operator:
    return lambda _, tensors: function(
        _present(tensors, 0), dim=list(range(2, _present(tensors, 0).dim())), keepdim=True
    )


OPERATORS: dict[str, Operator] = {
    "Abs": _one(torch.abs),
    "Add": _two(torch.add),
    "AveragePool": average_pool,
    "BatchNormalization": batch_norm,
    "Cast": cast,
    "Clip": clip,
    "Concat": concat,
    "Conv": conv,
    "Div": _two(_divide),
    "Dropout": _one(lambda x: x),
    "Elu": lambda node, t: functional.elu(_present(t, 0), alpha=float(node.get("alpha", 1.0))),
    "Exp": _one(torch.exp),
    "Flatten": flatten,
    "Gather": gather,
    "Gemm": gemm,
    "GlobalAveragePool": _global(torch.mean),
    "GlobalMaxPool": _global(torch.amax),
    "Identity": _one(lambda x: x),
    "LeakyRelu": lambda node, t: functional.leaky_relu(_present(t, 0), float(node.get("alpha", 0.01))),
    "Log": _one(torch.log),
    "LogSoftmax": softmax,
    "MatMul": _two(torch.matmul),
    "MaxPool": max_pool,
    "Mul": _two(torch.mul),
    "Neg": _one(torch.neg),
    "Pow": _two(torch.pow),
    "ReduceMean": reduce_mean,
    "Relu": _one(torch.relu),
    "Reshape": reshape,
    "Shape": shape_of,
    "Sigmoid": _one(torch.sigmoid),
    "Softmax": softmax,
    "Softplus": _one(functional.softplus),
    "Sqrt": _one(torch.sqrt),
    "Squeeze": squeeze,
    "Sub": _two(torch.sub),
    "Tanh": _one(torch.tanh),
    "Transpose": transpose,
    "Unsqueeze": unsqueeze,
}
"""What can be done; Constant, which has no inputs, is read beforehand."""
