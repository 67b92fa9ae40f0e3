"""ONNX graphs that are chains of layers, as drafts.

The graph is run on a few rows by the reference implementation of ONNX, which tells the shape of every value and all
that does not depend on the row; its nodes are then written down as `Layers`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from casemate.controls.homomorphic.drafts import Asked, Draft
from casemate.controls.homomorphic.endings import ended, told
from casemate.controls.homomorphic.layers import Layers, Value
from casemate.controls.homomorphic.onnx_operators import OPERATORS, At
from casemate.controls.homomorphic.refusals import refused
from casemate.core.errors import ShapeMismatch
from casemate.systems.models.extras import need

_ROWS = 2
_TOLERANCES = {np.dtype(np.float64): 1e-8, np.dtype(np.float32): 1e-4}
_MAIN = ("", "ai.onnx")


@dataclass(frozen=True, eq=False)
class Step:
    """A node of a graph.

    Args:
        operator: its name in ONNX, or Silu.
        inputs: names of values; an empty name is an input left out.
        output: the name of its first output.
        attributes: numbers, texts and lists by name.
        where: its place, for people.
    """

    operator: str
    inputs: tuple[str, ...]
    output: str
    attributes: Mapping[str, Any]
    where: str


def from_onnx(proto: Any, asked: Asked, output: str | None = None, link: str | None = None) -> Draft:
    """Return the draft of a graph.

    Args:
        proto: an `onnx.ModelProto`.
        asked: the shape of a row, and calibration rows.
        output: the name of the output that is read; the first by default.
        link: what it holds, where that is known; see `casemate.systems.models.onnx_reading.Reading`.

    Raises:
        ModelUnsupported: an operator that does not become sums, products and polynomials, or operators that are no
            chain.
        ShapeMismatch: the graph does not take rows of the shape.
        ExtraMissing: onnx is not installed.
    """
    graph = Graph(proto, output, asked.shape)
    layers = Layers(graph.shape)
    last = _written(graph, layers, graph.values(asked.rows))
    steps, answer, ending = ended(layers, last, asked)
    if link in ("probability", "probabilities") and not ending:
        raise refused(
            "an output of probabilities that is no softmax or sigmoid",
            f"the output {graph.output}",
            fix="export the model with an output of logits, or with a softmax or sigmoid as its last operator",
        )
    return Draft(
        shape=asked.shape,
        steps=steps,
        answer=answer,
        classes=() if answer == "number" else tuple(map(str, range(max(2, layers.size)))),
        reference=lambda rows: told(graph.answers(rows), ending),
        tells_scores=not ending,
        tolerance=_TOLERANCES[graph.precision],
        slow=True,
    )


class Graph:
    """An ONNX graph that can be run.

    Args:
        proto: an `onnx.ModelProto`.
        output: the name of the output that is read; the first by default.
        shape: the shape of one row; what the graph takes where that is rows without shape.

    Raises:
        ModelUnsupported: an operator that cannot be written down, several inputs, or numbers of another type.
    """

    def __init__(self, proto: Any, output: str | None, shape: tuple[int, ...]) -> None:
        helper = need("onnx", "read an ONNX model").helper
        constants = {tensor.name for tensor in proto.graph.initializer}
        inputs = [entry for entry in proto.graph.input if entry.name not in constants]
        if len(inputs) != 1:
            raise refused(f"a graph with {len(inputs)} inputs", "the graph", fix="give one input of all features")
        self.input, kind = str(inputs[0].name), inputs[0].type.tensor_type
        self.output = output or str(proto.graph.output[0].name)
        self.precision = np.dtype(helper.tensor_dtype_to_np_dtype(kind.elem_type))
        if self.precision not in _TOLERANCES:
            raise refused(f"input of type {self.precision}", "the graph", fix="export it for float32 or float64")
        dims = kind.shape.dim
        self.fixed = (int(dims[0].dim_value) or None) if dims else None
        self.shape = shape if len(dims) in (0, 1 + len(shape)) else (int(np.prod(shape)),)
        self.steps = _steps(proto.graph, self.input, self.output)
        self.running = _reference(proto)

    def values(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Return every value of the graph for the first rows.

        Raises:
            ShapeMismatch: the graph does not take them.
        """
        try:
            found = self.running.run(None, {self.input: self._batch(rows, self.fixed or _ROWS)}, intermediate=True)
        except Exception as error:  # whatever the reference implementation raises
            raise ShapeMismatch(
                f"the graph does not take a batch of rows of shape {self.shape}: {str(error)[:300]}",
                fix="give calibration rows of the shape that the graph takes",
            ) from error
        return {name: np.asarray(value) for name, value in found.items() if value is not None}

    def answers(self, rows: np.ndarray) -> np.ndarray:
        """Return what the graph itself answers, (n, ...)."""
        size = self.fixed or max(1, len(rows))
        starts = range(0, len(rows), size)
        parts = [self.running.run([self.output], {self.input: self._batch(rows[at:], size)})[0] for at in starts]
        return np.concatenate(parts)[: len(rows)]

    def _batch(self, rows: np.ndarray, count: int) -> np.ndarray:
        """So many rows, the last of them several times where there are fewer."""
        taken = rows[np.minimum(np.arange(count), len(rows) - 1)]
        return np.asarray(taken.reshape(count, *self.shape).astype(self.precision))


def _reference(proto: Any) -> Any:
    from onnx.reference import ReferenceEvaluator

    return ReferenceEvaluator(proto)


def _steps(graph: Any, input: str, output: str) -> list[Step]:
    """The nodes through which rows reach the output, in order, products with a sigmoid as one.

    Raises:
        ModelUnsupported: one of an operator that cannot be written down.
    """
    wanted, needed = {output}, []
    for node in reversed(graph.node):
        if wanted & set(node.output):
            wanted |= set(node.input)
            needed.append(node)
    rows, out = {input}, []
    for node in reversed(needed):
        if not rows & set(node.input) or (node.op_type in ("Shape", "Size") and node.domain in _MAIN):
            continue  # the same for all rows
        rows.update(node.output)
        where = f"the node {node.name or node.output[0]}"
        if node.domain not in _MAIN or node.op_type not in OPERATORS or node.op_type == "Silu":
            raise refused(node.op_type, where)
        if len(node.output) > 1 and wanted & set(node.output[1:]):
            raise refused(f"{node.op_type} with a second output", where)
        attributes = {entry.name: _attribute(entry) for entry in node.attribute}
        out.append(Step(node.op_type, tuple(node.input), node.output[0], attributes, where))
    return _with_silu(out, output)


def _with_silu(steps: list[Step], output: str) -> list[Step]:
    """Steps in which ``x * Sigmoid(x)`` is one."""
    uses = Counter(name for step in steps for name in step.inputs)
    sigmoids = {step.output: step for step in steps if step.operator == "Sigmoid" and uses[step.output] == 1}
    gone, out = set(), []
    for step in steps:
        for x, y in (step.inputs, step.inputs[::-1]) if step.operator == "Mul" else ():
            if y in sigmoids and sigmoids[y].inputs == (x,) and y != output:
                step = replace(step, operator="Silu", inputs=(x,))  # noqa: PLW2901
                gone.add(y)
        out.append(step)
    return [step for step in out if step.output not in gone]


def _attribute(entry: Any) -> Any:
    from onnx import helper

    return helper.get_attribute_value(entry)


def _written(graph: Graph, layers: Layers, values: Mapping[str, np.ndarray]) -> Value:
    """Write a graph down, and return what it gives."""
    known: dict[str, Value | np.ndarray | None] = {**values, "": None}
    known[graph.input] = layers.here
    for step in graph.steps:
        shape = values[step.output].shape
        if not shape or shape[0] != (graph.fixed or _ROWS):
            raise refused(step.operator, step.where, why="it does not give something for each row by itself")
        at = At(layers, shape[1:], step.attributes, step.where)
        known[step.output] = OPERATORS[step.operator](at, [known[name] for name in step.inputs])
    last = known[graph.output]
    if not isinstance(last, Value):
        raise refused("an output that does not depend on the row", f"the output {graph.output}")
    return last
