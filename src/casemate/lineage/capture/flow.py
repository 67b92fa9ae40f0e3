"""Flow: what columns owe to columns of sources, put together step by step while a plan is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from casemate.core.provenance import EdgeKind

Ref = tuple[str, str]
"""A column of a source: the source's key and the column's name."""

Steps = tuple[str, ...]
MOST_STEPS = 4
"""Names of what was done on the way from a source, in order; of a longer way the first and the last are kept."""


@dataclass(frozen=True)
class Owes:
    """What one column, or the choice of rows, owes to columns of sources.

    Args:
        direct: whose values went into its values.
        indirect: whose values decided which rows, groups or branches there are.
        opaque: who may have done either; nobody knows.
    """

    direct: Mapping[Ref, Steps] = field(default_factory=dict)
    indirect: Mapping[Ref, Steps] = field(default_factory=dict)
    opaque: Mapping[Ref, Steps] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.direct or self.indirect or self.opaque)

    def then(self, step: str) -> Owes:
        """Return the same after one more step on values."""
        if not step:
            return self
        return replace(
            self,
            direct={ref: _longer(steps, step) for ref, steps in self.direct.items()},
            opaque={ref: _longer(steps, step) for ref, steps in self.opaque.items()},
        )

    def deciding(self, step: str) -> Owes:
        """Return what is owed by whatever these values decide: all of it indirectly."""
        decided = dict.fromkeys(self.direct, (step,))
        return Owes({}, {**self.indirect, **decided}, self.opaque)

    def unknown(self, step: str) -> Owes:
        """Return what is owed by whatever may have used these values in any way."""
        return Owes({}, {}, dict.fromkeys((*self.direct, *self.indirect, *self.opaque), (step,)))

    def edges(self) -> Iterator[tuple[EdgeKind, Ref, str]]:
        """Yield the edges: kind, source, and the transformation in words."""
        for ref, steps in self.direct.items():
            yield "direct", ref, ", ".join(steps) or "identity"
        for ref, steps in self.indirect.items():
            if ref not in self.opaque:
                yield "indirect", ref, ", ".join(steps)
        for ref, steps in self.opaque.items():
            yield "opaque", ref, ", ".join(steps)


NOTHING = Owes()


def _longer(steps: Steps, step: str) -> Steps:
    if steps and steps[-1] == step:
        return steps
    return (*steps, step) if len(steps) < MOST_STEPS else (*steps[: MOST_STEPS - 1], step)


def together(several: Iterable[Owes]) -> Owes:
    """Return what is owed by whatever came from several; where two tell of the same source, the first's words count."""
    direct: dict[Ref, Steps] = {}
    indirect: dict[Ref, Steps] = {}
    opaque: dict[Ref, Steps] = {}
    for owes in several:
        direct = {**owes.direct, **direct}
        indirect = {**owes.indirect, **indirect}
        opaque = {**owes.opaque, **opaque}
    return Owes(direct, indirect, opaque)


@dataclass(frozen=True)
class Frame:
    """A table while a plan is read.

    Args:
        columns: what each column owes, in order.
        rows: what the choice and the order of its rows owe; every column owes it as well.
    """

    columns: Mapping[str, Owes]
    rows: Owes = NOTHING

    @classmethod
    def source(cls, key: str, columns: Iterable[str]) -> Frame:
        """Return the table of a source: every column owes itself."""
        return cls({name: Owes({(key, name): ()}) for name in columns})

    @property
    def everything(self) -> Owes:
        """What is owed by whatever used all of it."""
        return together([*self.columns.values(), self.rows])

    def owing(self, rows: Owes) -> Frame:
        """Return the same table, its rows owing more."""
        return replace(self, rows=together([self.rows, rows]))

    def complete(self) -> dict[str, Owes]:
        """Return what each column owes, its rows included."""
        return {name: together([owes, self.rows]) for name, owes in self.columns.items()}


def opaque(frames: Iterable[Frame], names: Iterable[str], step: str) -> Frame:
    """Return a table of which nobody knows what in it came from what of the given ones."""
    owes = together(frame.everything for frame in frames).unknown(step)
    return Frame(dict.fromkeys(names, owes), owes)
