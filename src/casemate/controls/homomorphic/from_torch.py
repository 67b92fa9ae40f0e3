"""torch modules that are chains of layers, as drafts; and such modules with polynomials in place of functions.

A module is traced (torch.fx) and run on a few rows, which tells the shape of every value and all that does not depend
on the row. Its nodes are then written down as `Layers`, one after the other. This file imports torch at its top;
`importing` imports it only when a torch module is at hand.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import fx, nn

from casemate.controls.homomorphic.activations import Replacement
from casemate.controls.homomorphic.drafts import Asked, Draft, Nonlinearity
from casemate.controls.homomorphic.endings import ended, told
from casemate.controls.homomorphic.layers import Layers, Value
from casemate.controls.homomorphic.refusals import refused
from casemate.controls.homomorphic.torch_modules import PolynomialActivation, call_of
from casemate.controls.homomorphic.torch_operators import OPERATORS, At, array
from casemate.core.errors import ModelError, ModelUnsupported, ShapeMismatch

FineTune = Callable[[nn.Module], nn.Module | None]
"""Trains a module, and returns it; or returns None, having trained it in place."""

_ROWS = 2
_TOLERANCES = {torch.float64: 1e-8, torch.float32: 1e-4}


@dataclass(frozen=True, eq=False)
class Traced:
    """A module as a graph that was run once.

    Args:
        graph: in evaluation mode, on its own weights.
        values: what each node gave for the first rows, by its name.
        precision: the type of number that it was given.
        fixed: how many rows it takes at once; None where any number.
    """

    graph: fx.GraphModule
    values: dict[str, Any]
    precision: torch.dtype
    fixed: int | None


def from_torch(module: nn.Module, asked: Asked) -> Draft:
    """Return the draft of a module in evaluation mode; the module is not touched.

    Raises:
        ModelUnsupported: a layer that does not become sums, products and polynomials, or layers that are no chain.
        ShapeMismatch: the module does not take rows of the shape.
    """
    traced = _run(_traced(copy.deepcopy(module).cpu()), asked)
    layers = Layers(asked.shape)
    last = _written(traced, layers, [])
    steps, answer, ending = ended(layers, last, asked)

    return Draft(
        shape=asked.shape,
        steps=steps,
        answer=answer,
        classes=() if answer == "number" else tuple(map(str, range(max(2, layers.size)))),
        reference=lambda rows: told(_answers(traced, rows, asked.shape), ending),
        tells_scores=not ending,
        tolerance=_TOLERANCES[traced.precision],
    )


def retrained(module: nn.Module, asked: Asked, fine_tune: FineTune) -> Callable[[tuple[Replacement, ...]], Draft]:
    """Return what trains a module with polynomials in place of its functions, and reads what comes of it.

    ``fine_tune`` is given a copy in training mode, all its weights free, in which a `PolynomialActivation` stands for
    each function but a sigmoid or softmax at the very end.
    """

    def train(found: tuple[Replacement, ...]) -> Draft:
        given = polynomial_module(module, found, asked)
        trained = fine_tune(given)
        return from_torch(given if trained is None else trained, asked)

    return train


def polynomial_module(module: nn.Module, found: tuple[Replacement, ...], asked: Asked) -> fx.GraphModule:
    """Return a copy of a module with polynomials in place of its functions, in training mode.

    Args:
        module: as in `from_torch`.
        found: one for each function, in order.
        asked: the shape of a row.
    """
    own = copy.deepcopy(module).cpu()
    graph = _traced(own)
    nodes: list[str] = []
    _written(_run(_traced(copy.deepcopy(own)), asked), Layers(asked.shape), nodes)
    by_name = {node.name: node for node in graph.graph.nodes}
    for place, (name, made) in enumerate(zip(nodes, found, strict=False)):  # the last may be left to the client
        node, inside = by_name[name], f"polynomial_{place}"
        graph.add_submodule(inside, PolynomialActivation(made))
        with graph.graph.inserting_after(node):
            new = graph.graph.call_module(inside, (node.args[0] if node.args else node.kwargs["input"],))
        node.replace_all_uses_with(new)
        graph.graph.erase_node(node)
    graph.recompile()
    return graph.train().requires_grad_(True)


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, PolynomialActivation) or super().is_leaf_module(m, module_qualified_name)


def _traced(module: nn.Module) -> fx.GraphModule:
    """A module as a graph in evaluation mode, on the module's own weights."""
    with contextlib.suppress(NotImplementedError):  # an exported program keeps the mode that it was exported in
        module.eval()
    if isinstance(module, fx.GraphModule):
        return module
    try:
        return fx.GraphModule(module, _Tracer().trace(module))
    except Exception as error:  # whatever the user's forward raises on symbols
        raise ModelUnsupported(
            f"{type(module).__name__} cannot be traced: {str(error)[:200]}",
            where="its forward",
            why="only what does the same for every row can be computed on encrypted data",
            fix="write forward as a chain of layers, without conditions or loops over values",
        ) from error


def _run(graph: fx.GraphModule, asked: Asked) -> Traced:
    """Run a graph on the first rows, in float64 where it lets itself be run so."""
    inputs = [node for node in graph.graph.nodes if node.op == "placeholder"]
    if len(inputs) != 1:
        raise refused(f"a module with {len(inputs)} inputs", "its forward", fix="let forward take one tensor of rows")
    known = getattr(inputs[0].meta.get("val"), "shape", (None,))[0]
    fixed = known if isinstance(known, int) else None
    graph.requires_grad_(False)
    problem: Exception | None = None
    for precision in _TOLERANCES:
        recorder = fx.Interpreter(graph.to(precision), garbage_collect_values=False)
        recorder.extra_traceback = False  # collecting it takes seconds
        try:
            with torch.no_grad():
                recorder.run(_samples(asked.rows, fixed or _ROWS, precision, asked.shape))
        except Exception as error:  # whatever the user's module raises
            problem = error
            continue
        return Traced(graph, {node.name: value for node, value in recorder.env.items()}, precision, fixed)
    raise ShapeMismatch(
        f"the module does not take a batch of rows of shape {asked.shape}: {str(problem)[:300]}",
        fix="give calibration rows of the shape that forward takes, in their own units",
    ) from problem


def _samples(rows: np.ndarray, count: int, precision: torch.dtype, shape: tuple[int, ...]) -> torch.Tensor:
    """So many rows, the last of them several times where there are fewer."""
    taken = rows[np.minimum(np.arange(count), len(rows) - 1)]
    return torch.from_numpy(taken).to(precision).reshape(count, *shape)


def _answers(traced: Traced, rows: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """What the module itself answers, (n, ...) float64."""
    size = traced.fixed or max(1, len(rows))
    parts = []
    for start in range(0, len(rows), size):
        with torch.no_grad():
            answer = traced.graph(_samples(rows[start:], size, traced.precision, shape))
        parts.append(array(answer[0] if isinstance(answer, tuple | list) else answer))
    return np.concatenate(parts)[: len(rows)]


def _written(traced: Traced, layers: Layers, functions: list[str]) -> Value:
    """Write a graph down, and return what it gives; note the names of the nodes that are functions."""
    known: dict[str, Any] = {}
    rows: set[str] = set()
    for node in traced.graph.graph.nodes:
        value = traced.values[node.name]
        if node.op == "placeholder":
            known[node.name] = layers.here
            rows.add(node.name)
        elif node.op == "output":
            return _output(known, node)
        elif not any(other.name in rows for other in node.all_input_nodes) or _is_size(value):
            known[node.name] = value
        else:
            before = len(layers.steps)
            known[node.name] = _called(traced, layers, node, known)
            rows.add(node.name)
            if len(layers.steps) > before and isinstance(layers.steps[-1], Nonlinearity):
                functions.append(node.name)
    raise ModelError("the module gives nothing", fix="let forward return scores")


def _is_size(value: Any) -> bool:
    """Whether a value tells of shapes and types only, and so is the same for all rows."""
    return value is None or isinstance(value, int | torch.Size | torch.dtype | torch.device)


def _output(known: dict[str, Any], node: fx.Node) -> Value:
    given = node.args[0]
    if isinstance(given, tuple | list) and len(given) == 1:
        given = given[0]
    value = known.get(given.name) if isinstance(given, fx.Node) else None
    if not isinstance(value, Value):
        raise refused(
            "a module that gives several things", "its forward", fix="let forward return one tensor of scores"
        )
    return value


def _called(traced: Traced, layers: Layers, node: fx.Node, known: dict[str, Any]) -> Value:
    """Write one node down."""
    args, kwargs = fx.node.map_arg((node.args, node.kwargs), lambda other: known[other.name])
    name, where = _name(node), f"the step {node.name}"
    if node.op == "call_module":
        module = traced.graph.get_submodule(str(node.target))
        call = call_of(module)
        where = f"the layer {node.target}"
        if call is None:
            raise refused(type(module).__name__, where)
        name, args = call[0], (*args, *call[1]) if args else (kwargs.pop("input"), *call[1])
    value = traced.values[node.name]
    if not isinstance(value, torch.Tensor) or value.dim() == 0 or len(value) != (traced.fixed or _ROWS):
        raise refused(name, where, why="it does not give something for each row by itself")
    if name not in OPERATORS:
        raise refused(name, where)
    at = At(layers, tuple(value.shape[1:]), where)
    try:
        inspect.signature(OPERATORS[name]).bind(at, *args, **kwargs)
    except TypeError as error:
        raise refused(f"{name} with such arguments ({error})", where) from error
    return OPERATORS[name](at, *args, **kwargs)


def _name(node: fx.Node) -> str:
    """The operator's name, whichever form of it the node calls."""
    target: Any = node.target
    if isinstance(target, str):
        return target.removesuffix("_")
    if hasattr(target, "_schema"):
        return str(target._schema.name).partition("::")[2].removesuffix("_")
    return str(target.__name__).removesuffix("_")
