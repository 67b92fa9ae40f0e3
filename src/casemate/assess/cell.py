"""Cell: one attack on one arm, run to its evidence; whatever goes wrong becomes a failure with its reason."""

from __future__ import annotations

import traceback
from dataclasses import replace

from casemate.assess.plan import PlannedCell
from casemate.assess.threads import single_threaded
from casemate.core.access import Access
from casemate.core.assessment import Cell, CellStatus
from casemate.core.attack import Attack
from casemate.core.errors import CasemateError
from casemate.core.evidence import Evidence, Spent
from casemate.core.finding import Failure
from casemate.core.system import System
from casemate.core.target import Seeds, Target


def run_cell(planned: PlannedCell, seed: int, samples: int) -> Cell:
    """Run one attack on one arm. Never raises, but for a keyboard interrupt."""
    attack, seeds = planned.attack, Seeds.of(seed, planned.attack.id, planned.arm)

    def cell(status: CellStatus, **rest: object) -> Cell:
        made = Cell(attack.id, attack.threat, planned.arm, status, seeds.cell, access=planned.access, samples=samples)
        return replace(made, **rest)  # type: ignore[arg-type]

    if planned.reason:
        return cell("not-applicable", reason=planned.reason)
    try:
        with single_threaded():
            gap, evidence, spent = _attack(attack, planned.system, planned.access, seeds, samples)
    except Exception as error:
        return cell("could-not-run", failure=failure_of(error))
    if evidence is None:
        return cell("not-applicable", reason=gap)
    return cell("done", evidence=evidence, spent=spent)


def run_twin(attack: Attack, seed: int, samples: int) -> Cell | None:
    """Run an attack on its vulnerable twin, with its own default budget; None where it ships none."""
    if attack.twin is None:
        return None
    try:
        system = attack.twin()
    except Exception as error:
        failure = failure_of(error)
        return Cell(attack.id, attack.threat, "twin", "could-not-run", failure=failure, access=attack.needs)
    return run_cell(PlannedCell(attack, "twin", system, attack.needs), seed, samples)


def failure_of(error: BaseException) -> Failure:
    """Return an error as a failure. Casemate's own errors say all; others keep their traceback."""
    if isinstance(error, CasemateError):
        return Failure(type(error).__name__, str(error), error.details or "")
    message = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return Failure(type(error).__name__, message, "".join(traceback.format_exception(error)))


def _attack(
    attack: Attack, system: System, access: Access, seeds: Seeds, samples: int
) -> tuple[str, Evidence | None, Spent]:
    target = Target(system, access, seeds, samples=samples)
    gap = target.lacks(attack.requires)
    if gap:
        return gap, None, target.spent
    evidence = attack.run(target)
    if not isinstance(evidence, Evidence):
        raise CasemateError(
            f"the attack returned {type(evidence).__name__}, not Evidence",
            where=f"{attack.id} in {attack.module}",
            fix="end it with target.present(...), Evidence.paired(...) or Evidence.rate(...)",
        )
    if evidence.ids is None and len(evidence) == len(target.holdout):
        evidence = replace(evidence, ids=target.holdout.ids)
    return "", evidence, target.spent
