"""Jobs: what an assessment has to run, each on its own and in any order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from casemate.assess.cache import key_of
from casemate.assess.cell import failure_of, run_cell, run_twin
from casemate.assess.cost import price
from casemate.assess.plan import PlannedCell
from casemate.assess.preflight import Preflight, look
from casemate.core.assessment import Cell, Cost
from casemate.core.attack import Attack
from casemate.core.build import trains
from casemate.core.finding import Failure
from casemate.core.seeds import derive
from casemate.core.system import System


@dataclass(frozen=True, eq=False)
class CellJob:
    """Run one attack on one arm."""

    planned: PlannedCell
    seed: int
    samples: int
    kind = Cell

    @property
    def label(self) -> str:
        """For the progress bar."""
        return f"{self.planned.attack.id} on {self.planned.arm}"

    @property
    def key(self) -> str:
        """Cache key."""
        p = self.planned
        modules = [p.attack.module, *(control.module for control in p.system.controls)]
        return key_of(
            "cell", modules, p.attack.id, p.arm, p.system.digest, repr(p.access), p.reason, self.seed, self.samples
        )

    @property
    def trains(self) -> bool:
        """Whether it needs the owner's recipe."""
        if "release" in self.planned.attack.requires:
            return False
        return not self.planned.reason and ("recipe" in self.planned.attack.requires or trains(self.planned.system))

    def run(self) -> Cell:
        """Run it. Never raises."""
        return run_cell(self.planned, self.seed, self.samples)

    def crashed(self, error: BaseException) -> Cell:
        """The record of a job whose process died."""
        return self.failed(failure_of(error))

    def failed(self, failure: Failure) -> Cell:
        """The record of a job that could not run."""
        p = self.planned
        return Cell(p.attack.id, p.attack.threat, p.arm, "could-not-run", failure=failure, access=p.access)


@dataclass(frozen=True, eq=False)
class TwinJob:
    """Break an attack's vulnerable twin again, before a "held" is believed."""

    attack: Attack
    seed: int
    samples: int
    kind = Cell

    @property
    def label(self) -> str:
        """For the progress bar."""
        return f"{self.attack.id} on its vulnerable twin"

    @property
    def key(self) -> str:
        """Cache key. The twin may be lent by another attack, from another module."""
        a, twin = self.attack, self.attack.twin
        name = None if twin is None else f"{twin.__module__}:{getattr(twin, '__qualname__', '')}"
        modules = [a.module] if twin is None else [a.module, twin.__module__]
        return key_of("twin", modules, a.id, repr(a.needs), name, self.seed, self.samples)

    def run(self) -> Cell | None:
        """Run it. Never raises."""
        return run_twin(self.attack, self.seed, self.samples)

    def crashed(self, error: BaseException) -> Cell:
        """The record of a job whose process died."""
        a = self.attack
        return Cell(a.id, a.threat, "twin", "could-not-run", failure=failure_of(error), access=a.needs)


@dataclass(frozen=True, eq=False)
class CostJob:
    """Price one arm."""

    system: System
    arm: str
    seed: int
    kind = Cost

    @property
    def label(self) -> str:
        """For the progress bar."""
        return f"the price of {self.arm}"

    @property
    def key(self) -> str:
        """Cache key."""
        modules = [control.module for control in self.system.controls]
        return key_of("cost", modules, self.arm, self.system.digest, self.seed)

    @property
    def trains(self) -> bool:
        """Whether it needs the owner's recipe."""
        return self.system.answers and trains(self.system)

    def run(self) -> Cost:
        """Run it. Never raises."""
        return price(self.system, self.arm, self.seed)

    def crashed(self, error: BaseException) -> Cost:
        """The record of a job whose process died."""
        return self.failed(failure_of(error))

    def failed(self, failure: Failure) -> Cost:
        """The record of a job that could not run."""
        return Cost(self.arm, failure=failure)


@dataclass(frozen=True, eq=False)
class PreflightJob:
    """Look for what makes evidence doubtful: a recipe that is not deterministic, or that does not make the model."""

    system: System
    seed: int
    kind = Preflight

    @property
    def label(self) -> str:
        """For the progress bar."""
        return "the recipe, twice with one seed"

    @property
    def key(self) -> str:
        """Cache key."""
        return key_of("preflight", [], self.system.bare().digest, self.seed)

    def run(self) -> Preflight:
        """Run it. Never raises."""
        return look(self.system, derive(self.seed, "victim"))

    def crashed(self, error: BaseException) -> Preflight:
        """The record of a job whose process died."""
        return Preflight((f"the recipe could not be tried: {error}",), failure_of(error))


Job = CellJob | TwinJob | CostJob | PreflightJob
Record = Any
