"""From an ONNX graph to a torch module that gives the same numbers and has gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from casemate.systems.models.onnx_operators import OPERATORS, Gap, Node

__all__ = ["Gap", "Graph", "convert"]


class Graph(torch.nn.Module):
    """An ONNX graph, run node by node.

    Args:
        nodes: in an order in which every input is known before it is used.
        constants: tensors by name; they become buffers.
        input, output: names of the one value that goes in and the one that comes out.
        precision: the type that the graph's input has.
    """

    def __init__(
        self,
        nodes: list[Node],
        constants: dict[str, torch.Tensor],
        input: str,
        output: str,
        precision: torch.dtype,
    ) -> None:
        super().__init__()
        self.nodes, self.input, self.output, self.precision = nodes, input, output, precision
        self.places = {name: f"constant_{index}" for index, name in enumerate(constants)}
        for name, place in self.places.items():
            self.register_buffer(place, constants[name])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the output for samples (n, ...)."""
        values: dict[str, torch.Tensor | None] = {name: getattr(self, place) for name, place in self.places.items()}
        values[""] = None
        values[self.input] = x.to(self.precision)
        for node in self.nodes:
            result = OPERATORS[node.operator](node, [values[name] for name in node.inputs])
            values[node.outputs[0]] = result
        found = values[self.output]
        assert found is not None
        return found.to(torch.float32)


def convert(model: Any, output: str) -> Graph:
    """Turn an `onnx.ModelProto` with one input into a module that computes the value named ``output``.

    Only the nodes that the value depends on are taken.

    Raises:
        Gap: an operator, or a use of one, that is not in `OPERATORS`; says which.
    """
    opset = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 1)
    constants = {tensor.name: _tensor(tensor) for tensor in model.graph.initializer}
    inputs = [entry for entry in model.graph.input if entry.name not in constants]
    if len(inputs) != 1:
        raise Gap(f"{len(inputs)} inputs")
    nodes, needed = [], _needed(model.graph, output)
    used = {name for raw in needed for name in raw.input} | {output}
    for raw in needed:
        attributes = {attribute.name: _attribute(attribute) for attribute in raw.attribute}
        if raw.op_type == "Constant" and raw.domain in ("", "ai.onnx"):
            constants[raw.output[0]] = _constant(attributes)
            continue
        if raw.domain not in ("", "ai.onnx") or raw.op_type not in OPERATORS:
            raise Gap(raw.op_type)
        if used & set(raw.output[1:]):
            raise Gap(f"{raw.op_type} with a second output")
        nodes.append(Node(raw.op_type, tuple(raw.input), tuple(raw.output), attributes, opset))
    precision = _dtype(inputs[0].type.tensor_type.elem_type)
    if not precision.is_floating_point:
        raise Gap("input that is no floating-point number")
    return Graph(nodes, constants, inputs[0].name, output, precision)


def _needed(graph: Any, output: str) -> list[Any]:
    """The nodes that a value depends on, in the graph's order, which is one that can be run."""
    wanted, kept = {output}, []
    for node in reversed(graph.node):
        if wanted & set(node.output):
            wanted |= set(node.input)
            kept.append(node)
    return kept[::-1]


def _tensor(proto: Any) -> torch.Tensor:
    from onnx import numpy_helper

    try:
        return torch.from_numpy(np.array(numpy_helper.to_array(proto)))
    except TypeError as error:
        raise Gap(f"constant of type {error}") from None


def _attribute(proto: Any) -> Any:
    from onnx import helper

    return helper.get_attribute_value(proto)


def _constant(attributes: dict[str, Any]) -> torch.Tensor:
    if "value" in attributes:
        return _tensor(attributes["value"])
    for name, dtype in (("value_float", torch.float32), ("value_int", torch.int64)):
        for key in (name, f"{name}s"):
            if key in attributes:
                return torch.tensor(attributes[key], dtype=dtype)
    raise Gap(f"Constant of {', '.join(attributes)}")


def _dtype(code: int) -> torch.dtype:
    from onnx import helper

    return torch.from_numpy(np.empty(0, helper.tensor_dtype_to_np_dtype(code))).dtype
