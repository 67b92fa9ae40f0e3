"""ONNX models: scored by onnxruntime on one thread; differentiated, where possible, as a torch module."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from casemate.core.dataset import to_frame
from casemate.core.errors import ModelUnreadable, ShapeMismatch
from casemate.core.schema import Schema
from casemate.systems.models.adapter import Adapter
from casemate.systems.models.answers import label_codes, one_hot, probabilities, spread
from casemate.systems.models.extras import need
from casemate.systems.models.onnx_reading import Reading, as_probabilities, choose

if TYPE_CHECKING:
    import torch

BATCH = 4096

_TYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
    "tensor(string)": object,
}


@dataclass(frozen=True, eq=False)
class OnnxModel(Adapter):
    """An ONNX graph as a Model; its inputs were held against the schema when it was loaded.

    Args:
        saved: the file's content.
        reading: how its answer is read.
    """

    saved: bytes = field(repr=False)
    reading: Reading

    @property
    def kind(self) -> str:
        """What it is."""
        return "ONNX graph"

    @property
    def gives_scores(self) -> bool:
        """Whether the graph has an output with scores."""
        return self.reading.link != "labels"

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Return class probabilities (n, classes) for rows (n, d); one-hot labels where the graph gives no scores."""
        answer = self.session.ask(X, self.reading.output)
        if self.reading.link == "labels":
            return one_hot(label_codes(answer, len(X), self.schema, self.kind), self.classes)
        told = as_probabilities(answer, self.reading)
        columns = len(self.reading.codes)
        return spread(probabilities(told, len(X), columns, self.kind), self.reading.codes, self.classes)

    def network(self) -> torch.nn.Module | None:
        """The graph as a torch module, or None where `network_gap` names what is missing."""
        return self._network[0]

    @property
    def network_gap(self) -> str | None:
        """The operator that keeps the graph from being differentiated; None where it can be."""
        return self._network[1]

    @cached_property
    def session(self) -> Session:
        """The running graph of this process."""
        return Session(self.saved, self.schema)

    @cached_property
    def _network(self) -> tuple[torch.nn.Module | None, str | None]:
        from casemate.systems.models.onnx_network import network_of

        return network_of(self.saved, self.schema, self.reading, self.session.batch)


class Session:
    """An onnxruntime session that takes rows.

    Args:
        content: the file's content.
        schema: the system's columns and classes.

    Raises:
        ExtraMissing: onnxruntime is not installed.
        ShapeMismatch: the graph's inputs do not fit the schema.
    """

    def __init__(self, content: bytes, schema: Schema) -> None:
        runtime = need("onnxruntime", "run an ONNX model")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        self.schema = schema
        self.running = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"], enable_fallback=0)
        self.inputs = self.running.get_inputs()
        self.by_column = len(self.inputs) > 1
        first = self.inputs[0].shape
        self.batch = first[0] if first and isinstance(first[0], int) and first[0] > 0 else None
        self._check_inputs()

    def ask(self, X: np.ndarray, output: str) -> Any:
        """Return one output for rows (n, d): an array (n, ...), or a list of n maps."""
        size = self.batch or BATCH
        parts = [self._ask_part(X[start : start + size], output) for start in range(0, max(len(X), 1), size)]
        if isinstance(parts[0], list):
            return [row for part in parts for row in part]
        return np.concatenate(parts)

    def _ask_part(self, rows: np.ndarray, output: str) -> Any:
        n = len(rows)
        if self.batch is not None and n < self.batch:  # a graph of a fixed batch size is given some rows twice
            rows = np.concatenate([rows, np.repeat(rows[-1:], self.batch - n, axis=0)]) if n else self._any_rows()
        return self.running.run([output], self._feed(rows))[0][:n]

    def _any_rows(self) -> np.ndarray:
        return np.repeat(self.schema.low[None], self.batch or 1, axis=0)

    def _feed(self, rows: np.ndarray) -> dict[str, Any]:
        if not self.by_column:
            entry = self.inputs[0]
            shape = self.schema.shape if len(entry.shape) == 1 + len(self.schema.shape) else (self.schema.features,)
            return {entry.name: rows.reshape(len(rows), *shape).astype(_TYPES[entry.type])}
        frame = to_frame(self.schema, rows)
        columns = {_plain(name): frame[name].to_numpy() for name in frame.columns}
        return {e.name: columns[_plain(e.name)].astype(_TYPES[e.type]).reshape(-1, 1) for e in self.inputs}

    def _check_inputs(self) -> None:
        known = all(entry.type in _TYPES for entry in self.inputs)
        if self.by_column:
            fits = known and {_plain(e.name) for e in self.inputs} == {_plain(name) for name in self.schema.names}
        else:
            tail = self.inputs[0].shape[1:]
            shape = self.schema.shape if len(tail) == len(self.schema.shape) else (self.schema.features,)
            same = all(not isinstance(have, int) or have == want for have, want in zip(tail, shape, strict=False))
            fits = known and len(tail) == len(shape) and same and self.inputs[0].type != "tensor(string)"
        if not fits:
            told = ", ".join(f"{e.name}: {e.type} {e.shape}" for e in self.inputs[:6])
            raise ShapeMismatch(
                f"the graph takes {told}; the data has {self.schema.features} columns, "
                f"a sample's shape is {self.schema.shape}",
                where="ONNX graph",
                fix="give one input of shape (batch, columns) or (batch, *shape), or one input per column by its name",
            )


def load_onnx(content: bytes, schema: Schema) -> OnnxModel:
    """Read the content of a .onnx file.

    Raises:
        ModelUnreadable: truncated or damaged, or its weights lie in other files.
        ShapeMismatch: inputs or outputs that do not fit the schema.
        ExtraMissing: onnx or onnxruntime is not installed.
    """
    onnx = need("onnx", "read an ONNX model")
    loaded = onnx.load_model_from_string(content)
    graph = loaded.graph
    if not graph.node:
        raise ModelUnreadable("the file holds no ONNX graph", fix="export the model again")
    outside = [t.name for t in _messages(loaded, onnx.TensorProto) if t.data_location == onnx.TensorProto.EXTERNAL]
    if outside:
        raise ModelUnreadable(
            f"the weights lie in other files: {', '.join(outside[:3])}",
            why="only what is in the model file itself is covered by its digest",
            fix="save it as one file: onnx.save_model(model, path, save_as_external_data=False)",
        )
    session = Session(content, schema)
    rows = _probe(schema)
    answers = {entry.name: session.ask(rows, entry.name) for entry in session.running.get_outputs()}
    model = OnnxModel(schema, content, choose(answers, graph, schema))
    model.scores(rows)
    return model


def _messages(message: Any, kind: type) -> Iterator[Any]:
    """Every message of a kind inside another, however deep: tensors hide in attributes, subgraphs and functions too."""
    stack = [message]
    while stack:
        found = stack.pop()
        if isinstance(found, kind):
            yield found
        for field_, value in found.ListFields():
            if field_.message_type is not None and not field_.message_type.GetOptions().map_entry:
                stack += [value] if hasattr(value, "ListFields") else list(value)


def _probe(schema: Schema) -> np.ndarray:
    """A few rows of the box that the schema spans, the same in every process."""
    rows = schema.from_unit(np.random.default_rng(0).random((16, schema.features)))
    return np.where(schema.integral, np.clip(np.rint(rows), schema.low, schema.high), rows)


def _plain(name: str) -> str:
    return re.sub(r"\W", "_", name)
