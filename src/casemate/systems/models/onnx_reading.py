"""Which of an ONNX graph's outputs is read, and as what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from casemate.core.errors import ShapeMismatch
from casemate.core.schema import Schema
from casemate.systems.models.answers import SUM_TOLERANCE, codes_of, softmax, two_columns

Link = Literal["probabilities", "logits", "probability", "logit", "labels", "maps"]


@dataclass(frozen=True)
class Reading:
    """How an ONNX graph's answer is to be read.

    Args:
        output: the name of the output that is read.
        link: what it holds: one probability or logit per class, one for the second of two classes, labels, or maps
            from class to probability (ZipMap).
        keys: for maps, their keys in the order of ``codes``.
        codes: the label code of each column.
    """

    output: str
    link: Link
    codes: np.ndarray
    keys: tuple[Any, ...] = ()


def as_probabilities(answer: Any, reading: Reading) -> Any:
    """Return an output's answer as probabilities (n, len(codes))."""
    match reading.link:
        case "maps":
            return np.array([[row[key] for key in reading.keys] for row in answer]).reshape(-1, len(reading.keys))
        case "logits":
            return softmax(answer.reshape(len(answer), len(reading.codes)))
        case "logit":
            return softmax(np.stack((np.zeros(len(answer)), answer.reshape(len(answer))), axis=1))
        case "probability":
            return two_columns(answer)
    return answer.reshape(len(answer), len(reading.codes))


def choose(answers: Mapping[str, Any], graph: Any, schema: Schema) -> Reading:
    """Choose the output to read: maps or one column per class before a single column, and those before labels.

    Args:
        answers: each output's answer to the same rows.
        graph: the `onnx.GraphProto`.

    Raises:
        ShapeMismatch: no output tells the schema's classes apart.
    """
    classes = len(schema.classes)
    found: dict[str, Reading] = {}
    for output, answer in answers.items():
        link, columns = _link_of(answer, graph, output)
        told = _class_labels(graph, output)
        if link == "maps":
            keys = tuple(answer[0])
            found[link] = Reading(output, link, codes_of(keys, schema, "ONNX graph"), keys)
        elif link == "labels" or (link in ("probability", "logit") and classes == 2):
            found.setdefault(link, Reading(output, link, np.arange(classes)))
        elif link is not None and columns in (classes, len(told)):
            codes = codes_of(told, schema, "ONNX graph") if len(told) == columns else np.arange(classes)
            found.setdefault(link, Reading(output, link, codes))
    for link in ("maps", "probabilities", "logits", "probability", "logit", "labels"):
        if link in found:
            return found[link]
    shapes = ", ".join(f"{name}: {np.shape(answer)}" for name, answer in answers.items())
    raise ShapeMismatch(
        f"no output of the graph tells {classes} classes apart; for {len(next(iter(answers.values())))} rows: {shapes}",
        where="ONNX graph",
        fix="export the model with an output of one probability or logit per class",
    )


def _link_of(answer: Any, graph: Any, output: str) -> tuple[Link | None, int]:
    """What an output holds, and of how many columns; None where it is nothing that can be read."""
    if isinstance(answer, list):
        return ("maps", len(answer[0])) if answer and isinstance(answer[0], dict) else (None, 0)
    if answer.dtype.kind in "iuOUS" and answer.size == len(answer):
        return "labels", 1
    if answer.dtype.kind != "f":
        return None, 0
    columns = answer.size // len(answer)
    bounded = bool(((answer >= -SUM_TOLERANCE) & (answer <= 1 + SUM_TOLERANCE)).all())
    last = producer(graph, output)
    operator = last.op_type if last is not None else ""
    if columns == 1:
        certain = {"Sigmoid": True, "Gemm": False, "MatMul": False, "Add": False}.get(operator, bounded)
        return ("probability" if certain else "logit"), 1
    sums = answer.reshape(len(answer), -1).sum(axis=1)
    shares = bounded and bool((np.abs(sums - 1) <= SUM_TOLERANCE).all())
    return ("probabilities" if shares else "logits"), columns


def producer(graph: Any, output: str) -> Any:
    """The node that computes a value, looked at through Identity and Cast; None where there is none."""
    by_output = {name: node for node in graph.node for name in node.output}
    node = by_output.get(output)
    while node is not None and node.op_type in ("Identity", "Cast"):
        node = by_output.get(node.input[0])
    return node


def _class_labels(graph: Any, output: str) -> list[Any]:
    """The classes that a classifier of ONNX's machine-learning operators names, in its columns' order."""
    node = producer(graph, output)
    if node is not None and node.op_type == "Normalizer":
        node = producer(graph, node.input[0])
    for attribute in node.attribute if node is not None else ():
        if attribute.name.startswith("classlabels_"):
            return [value.decode() for value in attribute.strings] or list(attribute.ints)
    return []
