"""torch modules that take samples and give logits.

This file imports torch at its top because it defines modules; `adapt` imports it only when a torch model is at hand.
"""

from __future__ import annotations

import copy
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch

from casemate.core.errors import CasemateError, ModelError, ShapeMismatch
from casemate.core.schema import Schema
from casemate.systems.models.answers import softmax

if TYPE_CHECKING:
    from casemate.core.trees import TreeEnsemble

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
class NetworkModel:
    """What all differentiable models share.

    Args:
        schema: the system's columns and classes; its shape is the shape of one sample.
    """

    schema: Schema

    @property
    def kind(self) -> str:
        """Library and class."""
        raise NotImplementedError

    @property
    def features(self) -> int:
        """Number of columns."""
        return self.schema.features

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.schema.classes)

    @property
    def gives_scores(self) -> bool:
        """Always."""
        return True

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

    def network(self) -> torch.nn.Module | None:
        """The network behind `Rows`; the same object at every call."""
        return self.rows

    def trees(self) -> TreeEnsemble | None:
        """No trees."""
        return None

    @cached_property
    def rows(self) -> Rows:
        """The differentiable map from rows to logits."""
        raise NotImplementedError

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "rows"}


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


@dataclass(frozen=True, eq=False)
class ProgramModel(NetworkModel):
    """A torch.export program, loaded anew in every process.

    Args:
        saved: the content of its .pt2 file, which `program_scan.check` has passed.
    """

    saved: bytes = field(repr=False)

    @property
    def kind(self) -> str:
        """What it is."""
        return "torch.export program"

    @cached_property
    def rows(self) -> Rows:
        """The program behind `Rows`."""
        program = torch.export.load(io.BytesIO(self.saved))
        return Rows(Exported(program), self.schema.shape, self.classes).eval()


class Exported(torch.nn.Module):
    """An exported program that takes batches of any size, whatever sizes it was exported for.

    Args:
        program: takes one tensor.
    """

    def __init__(self, program: torch.export.ExportedProgram) -> None:
        super().__init__()
        self.inner = program.module()
        self.requires_grad_(False)
        self.least, self.most = _batch_sizes(program)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the program's output for samples (n, ...), in parts of sizes that it takes."""
        return torch.cat([self._padded(part) for part in torch.split(x, self.most)])

    def train(self, mode: bool = True) -> Exported:
        """Note the mode: a program keeps the one that it was exported in."""
        self.training = mode
        return self

    def _padded(self, part: torch.Tensor) -> torch.Tensor:
        lacking = self.least - len(part)
        if lacking <= 0:
            return self.inner(part)  # type: ignore[no-any-return]
        return self.inner(torch.cat([part, part[-1:].expand(lacking, *part.shape[1:])]))[: len(part)]  # type: ignore[no-any-return]


def _batch_sizes(program: torch.export.ExportedProgram) -> tuple[int, int]:
    """The smallest and the largest batch that an exported program takes."""
    inputs = program.graph_signature.user_inputs
    if len(inputs) != 1:
        raise ShapeMismatch(
            f"the program takes {len(inputs)} inputs",
            where="torch.export program",
            fix="export a module that takes one tensor of samples",
        )
    node = next(node for node in program.graph.nodes if node.name == inputs[0])
    size = node.meta["val"].shape[0]
    if isinstance(size, int):
        return size, size
    known = program.range_constraints.get(size.node.expr)
    if known is None:
        return 1, BATCH
    return max(1, int(known.lower)), int(min(known.upper, BATCH))


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
