"""Attack: one technique, the access that it needs, and a function from a Target to Evidence."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from casemate.core import registry
from casemate.core.access import Access, Norm

if TYPE_CHECKING:
    from casemate.core.evidence import Evidence
    from casemate.core.system import System
    from casemate.core.target import Target


@dataclass(frozen=True)
class Attack:
    """One technique.

    Args:
        id: ``family.technique``, the technique being the file's name in kebab case.
        threat: id of the threat in the catalogue that it realises.
        needs: the access without which it makes no sense, and its default budget.
        run: the technique itself.
        requires: what the system must have for it: ``"recipe"``, ``"network"`` (gradients), ``"teacher"``,
            ``"trees"``, ``"image"``, ``"ring"`` (answers that are encrypted polynomials); or a table that is given
            away, ``"release"``, and in it what the attacker knows of people, ``"readable"``, generalised values,
            ``"generalised"``, a sensitive column, ``"sensitive"``, or ``"pseudonyms"``.
        norms: the norms that it can work in; empty where it changes no inputs.
        adapts_to: ids of controls that it knows how to work around.
        twin: makes a small system that is built to fall to it.
        module: where it was declared.
    """

    id: str
    threat: str
    needs: Access
    run: Callable[[Target], Evidence]
    requires: tuple[str, ...] = ()
    norms: tuple[Norm, ...] = ()
    adapts_to: tuple[str, ...] = ()
    twin: Callable[[], System] | None = None
    module: str = ""

    @property
    def family(self) -> str:
        """The part of the id before the dot."""
        return self.id.split(".", 1)[0]

    @property
    def doc(self) -> str:
        """The function's docstring."""
        return inspect.getdoc(self.run) or ""


def attack(
    id: str,
    *,
    threat: str,
    needs: Access,
    requires: tuple[str, ...] = (),
    norms: tuple[Norm, ...] = (),
    adapts_to: tuple[str, ...] = (),
    twin: Callable[[], System] | None = None,
) -> Callable[[Callable[[Target], Evidence]], Callable[[Target], Evidence]]:
    """Declare a function as an attack and register it; see `Attack` for the arguments."""
    if needs.training_rows or needs.training_labels or needs.recipe:
        requires = tuple(dict.fromkeys(("recipe", *requires)))

    def wrap(run: Callable[[Target], Evidence]) -> Callable[[Target], Evidence]:
        made = Attack(id, threat, needs, run, requires, norms, adapts_to, twin, run.__module__)
        registry.add("attack", id, made)
        return run

    return wrap
