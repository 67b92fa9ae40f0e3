"""torch modules that take samples and give logits.

This file imports torch at its top because it defines modules; `adapt` imports it only when a torch model is at hand.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

import numpy as np
import torch

from casemate.core.errors import CasemateError, ModelError, ShapeMismatch
from casemate.core.schema import Schema
from casemate.systems.models.adapter import Adapter
from casemate.systems.models.answers import softmax

BATCH = 1024
"""Rows passed through a network at once."""


class Rows(torch.nn.Module):
    """A differentiable map from rows (n, d) float32 to logits (n, classes), around a module that takes samples.

    Args:
        inner: takes (n, *shape) float32 in the columns' own units; gives logits (n, classes), or for two classes a
            single logit (n, 1) or (n,) of the second.
        shape: the shape of one sample.
        classes: number of classes.

    Rows may live on any device; they visit the module's and their logits come back.
    """

    def __init__(self, inner: torch.nn.Module, shape: tuple[int, ...], classes: int) -> None:
        super().__init__()
        self.inner, self.shape, self.classes = inner, shape, classes
        weight = next(inner.parameters(), None)
        self.device = torch.device("cpu") if weight is None else weight.device

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits (n, classes) of rows (n, d).

        Raises:
            ShapeMismatch: the module gives something else.
        """
        logits = self.inner(x.to(self.device).reshape(len(x), *self.shape))
        if not isinstance(logits, torch.Tensor):
            raise self._mismatch(f"a {type(logits).__name__}")
        if self.classes == 2 and logits.shape in ((len(x),), (len(x), 1)):
            second = logits.reshape(len(x), 1)
            logits = torch.cat((torch.zeros_like(second), second), dim=1)
        if logits.shape != (len(x), self.classes):
            raise self._mismatch(f"shape {tuple(logits.shape)} for {len(x)} rows")
        return logits.to(x.device)

    def _mismatch(self, what: str) -> ShapeMismatch:
        return ShapeMismatch(
            f"the network answers with {what}; logits (n, {self.classes}) are expected",
            where=f"torch {type(self.inner).__name__}",
            fix="let forward return logits, one column per class, for input of shape "
            f"(n, {', '.join(map(str, self.shape))})",
        )


@dataclass(frozen=True, eq=False)
class NetworkModel(Adapter):
    """What all differentiable models share; the schema's shape is the shape of one sample."""

    @property
    def kind(self) -> str:
        """Library and class."""
        raise NotImplementedError

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Return the softmax in float64 of the logits, (n, classes), for rows (n, d).

        Raises:
            ModelError: the network gave logits that are not finite.
            ShapeMismatch: logits of another shape.
        """
        x = torch.from_numpy(np.array(X, dtype=np.float32))
        with torch.no_grad():
            parts = [self.rows(part).to(torch.float64).numpy() for part in _batches(x)]
        logits = np.concatenate(parts) if parts else np.empty((0, self.classes))
        if not np.isfinite(logits).all():
            raise ModelError(
                "the network gives logits that are not finite",
                where=self.kind,
                why="there is no class to read from them",
                fix="check that its training converged, and that its inputs are scaled",
            )
        return softmax(logits)

    def network(self) -> torch.nn.Module:
        """The network behind `Rows`; the same object at every call."""
        return self.rows

    @cached_property
    def rows(self) -> Rows:
        """The differentiable map from rows to logits."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class TorchModel(NetworkModel):
    """A torch module as a Model.

    Args:
        module: as in `Rows`, in evaluation mode, its weights frozen.
    """

    module: torch.nn.Module = field(repr=False)

    @property
    def kind(self) -> str:
        """Library and class."""
        return f"torch {type(self.module).__name__}"

    @cached_property
    def rows(self) -> Rows:
        """The module behind `Rows`."""
        return Rows(self.module, self.schema.shape, self.classes).eval()


M = TypeVar("M", bound=NetworkModel)


def from_module(module: torch.nn.Module, schema: Schema) -> TorchModel:
    """Adapt a torch module. It is copied once, so that its owner may go on training it.

    Raises:
        ShapeMismatch: a sample does not fit the module, or its answer is no row of logits.
    """
    return tried(TorchModel(schema, copy.deepcopy(module).eval().requires_grad_(False)))


def tried(model: M) -> M:
    """Return a model that was asked about one row.

    Raises:
        ShapeMismatch: a sample does not fit the network, or its answer is no row of logits.
    """
    schema = model.schema
    try:
        model.scores((schema.low + schema.high)[None] / 2)
    except CasemateError:
        raise
    except Exception as error:
        raise ShapeMismatch(
            f"the network does not take a batch of shape (1, {', '.join(map(str, schema.shape))}): {error}",
            where=model.kind,
            fix="let forward take samples of the data's shape in the columns' own units, and put scaling inside it",
        ) from error
    return model


def _batches(rows: torch.Tensor) -> Iterator[torch.Tensor]:
    return (rows[start : start + BATCH] for start in range(0, len(rows), BATCH))
