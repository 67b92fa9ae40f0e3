"""A model whose classes are defined in the user's own folder: it can be unpickled in any process."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from casemate.core.model import Model
from casemate.core.schema import Schema
from casemate.systems.models.dispatch import adapt
from casemate.systems.references import use

if TYPE_CHECKING:
    import torch

    from casemate.core.trees import TreeEnsemble


@dataclass(frozen=True, eq=False)
class RootedModel:
    """A pickled object, adapted where it is used, with the user's folder on ``sys.path``.

    It travels as the bytes that it came as: the user's classes need never be pickled again.

    Args:
        root: the folder in which the object's classes are found.
        blob: the pickled object, from a process of our own.
        schema, frame: see `adapt`.
    """

    root: Path
    blob: bytes = field(repr=False)
    schema: Schema
    frame: bool = False

    @cached_property
    def inner(self) -> Model:
        """The adapted model.

        Raises:
            Exception: whatever the user's classes raise while they are unpickled.
            ModelError: see `adapt`.
        """
        return adapt(revive(self.root, self.blob), self.schema, frame=self.frame)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "inner"}

    @property
    def kind(self) -> str:
        """Library and class."""
        return self.inner.kind

    @property
    def features(self) -> int:
        """Number of inputs."""
        return self.inner.features

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self.inner.classes

    @property
    def gives_scores(self) -> bool:
        """Whether scores are confidences."""
        return self.inner.gives_scores

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Return class probabilities (n, classes) for rows (n, d)."""
        return self.inner.scores(X)

    def network(self) -> torch.nn.Module | None:
        """The differentiable map, where there is one."""
        return self.inner.network()

    def trees(self) -> TreeEnsemble | None:
        """The flat trees, where there are any."""
        return self.inner.trees()


def revive(root: Path, blob: bytes) -> Any:
    """Unpickle what a process of our own pickled, with ``root`` on ``sys.path``."""
    use(root)
    return pickle.loads(blob)  # noqa: S301
