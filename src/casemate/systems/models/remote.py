"""A model behind an HTTP endpoint that speaks the Open Inference Protocol, version 2.

Source: https://github.com/kserve/open-inference-protocol, "Predict Protocol - Version 2", HTTP/REST.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from casemate.core.digests import digest
from casemate.core.errors import CasemateError, ShapeMismatch
from casemate.core.schema import Schema
from casemate.systems.models.adapter import Adapter
from casemate.systems.models.answers import label_codes, one_hot, probabilities, two_columns
from casemate.systems.models.endpoint import Endpoint, Line, nonsense

_FLOATS = ("FP16", "FP32", "FP64", "BF16")
_INTS = ("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64", "BOOL")
_BYTES_PER_NUMBER = 64
_SPARE_BYTES = 1 << 16


@dataclass(frozen=True)
class Tensors:
    """What the server says of its model: the input to fill and the output to read."""

    input: str
    datatype: str
    image: bool
    output: str
    gives_labels: bool


@dataclass(frozen=True, eq=False)
class RemoteModel(Adapter):
    """A remote model. It is asked in batches; nothing but its answers is known of it.

    Args:
        endpoint: where it answers.
        tensors: its input and output.
    """

    endpoint: Endpoint
    tensors: Tensors

    @property
    def kind(self) -> str:
        """What it is."""
        return f"endpoint {self.endpoint.model}"

    @property
    def gives_scores(self) -> bool:
        """Whether it answers with probabilities."""
        return not self.tensors.gives_labels

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Return class probabilities (n, classes) for rows (n, d); one-hot labels where it gives labels only.

        Raises:
            EndpointDown, EndpointSlow, EndpointRateLimited, EndpointNonsense: see `Line.send`.
        """
        parts = [self._ask(X[start : start + self.endpoint.batch]) for start in range(0, len(X), self.endpoint.batch)]
        return np.concatenate(parts) if parts else np.empty((0, self.classes))

    @cached_property
    def line(self) -> Line:
        """This process's connection."""
        return Line(self.endpoint)

    def _ask(self, rows: np.ndarray) -> np.ndarray:
        limit = _SPARE_BYTES + _BYTES_PER_NUMBER * len(rows) * (self.classes + 1)
        reply = self.line.send("POST", f"{self.endpoint.path}/infer", limit, self._question(rows))
        answer = _output(reply, self.tensors, len(rows), self.endpoint)
        try:
            if self.tensors.gives_labels:
                return one_hot(label_codes(answer, len(rows), self.schema, self.kind), self.classes)
            if self.classes == 2 and answer.shape in ((len(rows),), (len(rows), 1)):
                answer = two_columns(answer)
            return probabilities(answer, len(rows), self.classes, self.kind)
        except CasemateError as error:
            raise nonsense(self.endpoint, error.what) from error

    def _question(self, rows: np.ndarray) -> dict[str, Any]:
        shape = (len(rows), *(self.schema.shape if self.tensors.image else (self.schema.features,)))
        numbers = rows.ravel()
        data = np.rint(numbers).astype(np.int64) if self.tensors.datatype in _INTS else numbers
        tensor = {
            "name": self.tensors.input,
            "shape": list(shape),
            "datatype": self.tensors.datatype,
            "data": data.tolist(),
        }
        return {"inputs": [tensor], "outputs": [{"name": self.tensors.output}]}


def connect(endpoint: Endpoint, schema: Schema) -> tuple[RemoteModel, str]:
    """Ask a server for its model's metadata and return the model, and a digest of what was learned.

    The digest covers address, name, version and tensors; the weights behind them can change unseen.

    Raises:
        EndpointError: see `Line.send`; also metadata that makes no sense.
        ShapeMismatch: an input that does not fit the schema.
    """
    line = Line(endpoint)
    try:
        told = line.send("GET", endpoint.path, 1 << 20)
    finally:
        line.close()
    tensors = _tensors(told, endpoint, schema)
    version = [str(found) for found in told.get("versions", [])] if isinstance(told.get("versions"), list) else []
    mark = digest("endpoint", endpoint.path, version, tensors.input, tensors.datatype, tensors.output)
    return RemoteModel(schema, endpoint, tensors), mark


def _tensors(told: Any, endpoint: Endpoint, schema: Schema) -> Tensors:
    """Choose the input and the output: one input of rows or samples; probabilities before labels."""
    inputs, outputs = (_described(told.get(name), name, endpoint) for name in ("inputs", "outputs"))
    if len(inputs) != 1 or inputs[0][1] not in _FLOATS + _INTS:
        raise ShapeMismatch(
            f"the endpoint takes {len(inputs)} inputs: {', '.join(f'{n} ({t})' for n, t, _ in inputs[:4])}",
            where=endpoint.path,
            fix="serve a model that takes one numeric tensor of rows",
        )
    name, datatype, shape = inputs[0]
    wanted = {(schema.features,): False, tuple(schema.shape): len(schema.shape) > 1}
    fitting = [image for tail, image in wanted.items() if _fits(shape[1:], tail)]
    if not fitting:
        raise ShapeMismatch(
            f"the endpoint's input {name} has shape {shape}; the data has {schema.features} columns",
            where=endpoint.path,
            fix="check the columns' roles and order in [data], or the model's name",
        )
    floats = [entry for entry in outputs if entry[1] in _FLOATS]
    others = [entry for entry in outputs if entry[1] in (*_INTS, "BYTES")]
    if endpoint.labels_only or not floats:
        if not others:
            raise nonsense(endpoint, "its metadata names no output that holds labels or probabilities")
        return Tensors(name, datatype, fitting[0], others[0][0], True)
    return Tensors(name, datatype, fitting[0], floats[0][0], False)


def _described(found: Any, name: str, endpoint: Endpoint) -> list[tuple[str, str, list[int]]]:
    try:
        return [(str(e["name"]), str(e["datatype"]), [int(size) for size in e["shape"]]) for e in found]
    except (TypeError, KeyError, ValueError) as error:
        raise nonsense(endpoint, f"its metadata has no {name} with name, datatype and shape") from error


def _fits(have: list[int], want: tuple[int, ...]) -> bool:
    return len(have) == len(want) and all(h in (-1, w) for h, w in zip(have, want, strict=True))


def _output(reply: Any, tensors: Tensors, rows: int, endpoint: Endpoint) -> np.ndarray:
    """The wanted output of an inference response as an array of the shape that it states."""
    outputs = reply.get("outputs")
    entries = outputs if isinstance(outputs, list) else []
    found = [entry for entry in entries if isinstance(entry, dict) and entry.get("name") == tensors.output]
    if not found:
        raise nonsense(endpoint, f"the answer has no output {tensors.output!r}")
    shape: Any = found[0].get("shape")
    data: Any = found[0].get("data")
    if not isinstance(shape, list):
        raise nonsense(endpoint, f"{tensors.output!r} has the shape {shape!r}")
    try:
        answer = np.array(data).ravel().reshape([int(size) for size in shape])
    except (TypeError, ValueError, OverflowError) as error:
        raise nonsense(endpoint, f"the data of {tensors.output!r} do not have the shape {shape}") from error
    kinds = "Uiufb" if tensors.gives_labels else "iuf"
    if answer.ndim == 0 or len(answer) != rows or answer.dtype.kind not in kinds:
        raise nonsense(endpoint, f"{rows} rows were asked, the answer has shape {shape} and type {answer.dtype}")
    return answer
