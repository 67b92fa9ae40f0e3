"""System: the thing under test. Immutable; `with_` and `without` return new systems."""

from __future__ import annotations

import pickle
import uuid
from dataclasses import dataclass, field, replace
from functools import cached_property

from casemate.core.control import Control
from casemate.core.dataset import Dataset, nothing
from casemate.core.digests import digest
from casemate.core.errors import ShapeMismatch, UnknownName, did_you_mean
from casemate.core.guard import Surface
from casemate.core.model import Model, Recipe, Teacher
from casemate.core.release import Release


@dataclass(frozen=True)
class DataVersion:
    """One content of a file that a system is made from.

    Args:
        role: what it is to the system: ``train``, ``test``, ``trusted``, ``release`` or ``published``.
        source: where it was found, as the system file says.
        digest: SHA-256 of its content, by which the lineage knows it.
    """

    role: str
    source: str
    digest: str


@dataclass(frozen=True, eq=False)
class System:
    """One machine-learning system, or a table that is to be given away, or both.

    Args:
        name: what its owner calls it.
        train, test: its data; without rows where there is no model.
        trusted: a small set that the owner vouches for.
        recipe: how it is trained; without it, attacks on training do not apply.
        model: the artefact that is shipped; without it, the recipe trains one.
        model_digest: content digest of the artefact; worked out from the model itself where it is left empty.
        teacher: the public model whose frozen features it re-uses.
        surface: whether clients are given scores or labels only.
        controls: in the order in which requests meet them.
        release: the raw table about people that is to be given away, with its columns' roles; controls make it ready.
        known: columns of the raw table that an attacker knows of the people in it; empty for its quasi-identifiers and
            identifiers.
        versions: the files that it is made from.

    Raises:
        ShapeMismatch: the attacker knows a column that the raw table does not have.
    """

    name: str
    train: Dataset = field(default_factory=nothing)
    test: Dataset = field(default_factory=nothing)
    trusted: Dataset | None = None
    recipe: Recipe | None = None
    model: Model | None = None
    model_digest: str = ""
    teacher: Teacher | None = None
    surface: Surface = "scores"
    controls: tuple[Control, ...] = ()
    release: Release | None = None
    known: tuple[str, ...] = ()
    versions: tuple[DataVersion, ...] = ()

    def __post_init__(self) -> None:
        columns = [] if self.release is None else self.release.table.columns
        for name in self.known:
            if name not in columns:
                raise ShapeMismatch(
                    f"the attacker knows {name!r}, which is no column of the table.{did_you_mean(name, columns)}",
                    where=f"the release of {self.name!r}",
                    fix="name columns of the raw table",
                )

    @property
    def answers(self) -> bool:
        """Whether it has a model, or a recipe that makes one."""
        return self.model is not None or self.recipe is not None

    def with_(self, *controls: Control) -> System:
        """Return the system with further controls, after those that it has."""
        return replace(self, controls=(*self.controls, *controls))

    def without(self, *ids: str) -> System:
        """Return the system without the named controls.

        Raises:
            UnknownName: it has no such control.
        """
        have = [control.id for control in self.controls]
        for id in ids:
            if id not in have:
                raise UnknownName(f"the system {self.name!r} has no control {id!r}.{did_you_mean(id, have)}")
        return replace(self, controls=tuple(c for c in self.controls if c.id not in ids))

    def only(self, *ids: str) -> System:
        """Return the system with none but the named controls, in their declared order."""
        return self.without(*[control.id for control in self.controls if control.id not in ids])

    def bare(self) -> System:
        """Return the system without controls."""
        return replace(self, controls=())

    @cached_property
    def base_digest(self) -> str:
        """Content digest of everything but the controls."""
        return digest(
            self.name,
            self.train.digest,
            self.test.digest,
            self.trusted.digest if self.trusted else None,
            self.recipe.digest if self.recipe else None,
            self.model_digest or _content(self.model),
            self.teacher.digest if self.teacher else None,
            self.surface,
            *(() if self.release is None else (self.release.digest, self.known)),
        )

    @cached_property
    def digest(self) -> str:
        """Content digest of the whole system."""
        return digest(self.base_digest, [control.digest() for control in self.controls])


def _content(model: Model | None) -> str | None:
    """A digest of a model by its pickled form; of its own, shared with no other, where it has none."""
    if model is None:
        return None
    try:
        return digest("pickled", pickle.dumps(model, protocol=5))
    except Exception:
        return digest("unknown", uuid.uuid4().hex)
