"""What all adapters share: they speak for the schema, and travel without what they can rebuild."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from casemate.core.schema import Schema

if TYPE_CHECKING:
    import torch

    from casemate.core.trees import TreeEnsemble


@dataclass(frozen=True, eq=False)
class Adapter:
    """A Model but for `kind` and `scores`: as it stands, one that gives scores and shows nothing of its inside.

    What a cached property holds belongs to the process that computed it: it is left behind when the object is pickled.

    Args:
        schema: the system's columns and classes.
    """

    schema: Schema

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
        """Whether it answers with confidences."""
        return True

    def network(self) -> torch.nn.Module | None:
        """No gradients."""
        return None

    def trees(self) -> TreeEnsemble | None:
        """No trees."""
        return None

    def __getstate__(self) -> dict[str, Any]:
        kind = type(self)
        return {
            name: value
            for name, value in self.__dict__.items()
            if not isinstance(getattr(kind, name, None), cached_property)
        }
