"""The differentiable side of an ONNX model: its graph cut off before the last softmax or sigmoid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from casemate.core.schema import Schema
from casemate.systems.models.onnx_reading import Reading, producer
from casemate.systems.models.onnx_torch import Gap, convert
from casemate.systems.models.torch import Rows

if TYPE_CHECKING:
    from casemate.systems.models.onnx_torch import Graph

_TINY = 1e-12


class Logits(torch.nn.Module):
    """Logits (n, classes) from a graph's value, whatever it holds.

    Args:
        inner: takes samples.
        shape: the shape of one sample as the graph takes it.
        reading: what the graph's answer holds.
        is_logit: whether ``inner`` was cut off before the function that makes probabilities.
        batch: the one batch size that the graph takes; None where it takes any.
    """

    def __init__(
        self, inner: Graph, shape: tuple[int, ...], reading: Reading, is_logit: bool, batch: int | None
    ) -> None:
        super().__init__()
        self.inner, self.shape, self.is_logit, self.batch = inner, shape, is_logit, batch
        self.single = reading.link in ("probability", "logit")
        self.order = torch.from_numpy(np.argsort(reading.codes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits of samples (n, ...)."""
        x = x.reshape(len(x), *self.shape)
        value = self._in_batches(x).reshape(len(x), -1)
        if not self.is_logit:
            p = value.clamp(_TINY, 1.0)
            value = p.log() - (1 - p).clamp_min(_TINY).log() if self.single else p.log()
        if self.single:
            return torch.cat((torch.zeros_like(value), value), dim=1)
        return value[:, self.order]

    def _in_batches(self, x: torch.Tensor) -> torch.Tensor:
        if self.batch is None:
            return self.inner(x)  # type: ignore[no-any-return]
        lacking = -len(x) % self.batch
        full = torch.cat([x, x[-1:].expand(lacking, *x.shape[1:])])
        return torch.cat([self.inner(part) for part in torch.split(full, self.batch)])[: len(x)]


def network_of(
    content: bytes, schema: Schema, reading: Reading, batch: int | None
) -> tuple[torch.nn.Module | None, str | None]:
    """Return an ONNX graph's network and None, or None and what it lacks."""
    import onnx

    if reading.link in ("maps", "labels") or len(reading.codes) != len(schema.classes):
        return None, {"maps": "ZipMap", "labels": "an output with scores"}.get(reading.link, "a column per class")
    model = onnx.load_model_from_string(content)
    name, is_logit = _cut(model.graph, reading)
    taken = model.graph.input[0].type.tensor_type.shape.dim
    shape = schema.shape if len(taken) == 1 + len(schema.shape) else (schema.features,)
    try:
        logits = Logits(convert(model, name), shape, reading, is_logit, batch).eval().requires_grad_(False)
        network = Rows(logits, schema.shape, len(schema.classes)).eval()
        with torch.no_grad():
            network(torch.from_numpy(schema.low[None].astype(np.float32)))
    except Gap as gap:
        return None, str(gap)
    return network, None


def _cut(graph: Any, reading: Reading) -> tuple[str, bool]:
    """The value to compute, and whether it is a logit: what goes into the last Softmax or Sigmoid, if there is one."""
    if reading.link in ("logits", "logit"):
        return reading.output, True
    last = producer(graph, reading.output)
    wanted = "Softmax" if reading.link == "probabilities" else "Sigmoid"
    if last is not None and last.op_type == wanted:
        return str(last.input[0]), True
    return reading.output, False
