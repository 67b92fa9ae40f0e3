"""Assessments made by hand and judged for real, for the command line to read."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from casemate.assess.judge import judge, judge_twin
from casemate.core import record
from casemate.core.assessment import SCHEMA, Arm, Assessment, Catalogue, Cell, Cost, SystemFacts, Twin
from casemate.core.evidence import Evidence
from casemate.core.finding import Failure
from casemate.core.policy import Policy

TODAY = datetime.date(2026, 11, 23)
N = 200
CONTROL = "hardening.label-only"
THREATS = {"evasion.pgd": "evasion", "evasion.hop-skip-jump": "evasion", "poisoning.label-flip": "data-poisoning"}
FAILED = "failed"

Wins = Mapping[str, Mapping[str, int | str | None]]
"""By attack and arm: wins of 200; None where it does not apply; `FAILED` where it could not run."""


def assessment(
    wins: Wins,
    *,
    policy: Policy | None = None,
    name: str = "loans",
    digest: str = "d1",
    seed: int = 0,
    correct: int | None = 180,
    first_id: int = 0,
    controls: Sequence[str] = (CONTROL,),
    edition: str = "2026.11",
    today: datetime.date = TODAY,
) -> Assessment:
    """Return an assessment in which every attack breaks its twin, and ``correct`` of 200 honest rows are answered."""
    cells = [_cell(attack, arm, won, first_id) for attack, arms in wins.items() for arm, won in arms.items()]
    made = Assessment(
        schema=SCHEMA,
        system=SystemFacts(name, digest, "made", 4, ("no", "yes"), (4,), 300, N, tuple(controls), "casemate.toml"),
        catalogue=Catalogue(edition),
        seed=seed,
        created="2026-11-23T12:00:00+00:00",
        policy=policy or Policy(),
        arms=(Arm("full", tuple(controls)), Arm("bare", ())),
        cells=tuple(cells),
        twins=tuple(_twin(attack) for attack in wins),
        findings=(),
        costs=() if correct is None else tuple(_cost(arm, correct, first_id) for arm in ("full", "bare")),
        environment={"versions": {"casemate": "0.1.0"}},
    )
    return judge(made, made.policy, today)


def stored(folder: Path, made: Assessment, name: str = "assessment.json") -> Path:
    """Write an assessment as `casemate assess` does; return its file."""
    path = folder / ".casemate" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(record.encode(made))
    return path


def _cell(attack: str, arm: str, won: int | str | None, first_id: int) -> Cell:
    threat = THREATS[attack]
    if won is None:
        return Cell(attack, threat, arm, "not-applicable", reason="the model has no gradients")
    if isinstance(won, str):
        return Cell(attack, threat, arm, "could-not-run", failure=Failure("RecipeRaised", "the recipe raised"))
    ids = np.arange(first_id, first_id + N, dtype=np.int64)
    lost = threat == "data-poisoning"
    before = np.ones(N, dtype=bool)
    evidence = (
        Evidence.paired("accuracy", before=before, after=~_first(won), ids=ids)
        if lost
        else Evidence.rate("evasion success", won=_first(won), ids=ids)
    )
    return Cell(attack, threat, arm, "done", evidence=evidence)


def _twin(attack: str) -> Twin:
    evidence = Evidence.rate("twin", won=np.ones(100, dtype=bool))
    return judge_twin(attack, Cell(attack, THREATS[attack], "twin", "done", evidence=evidence))


def _cost(arm: str, correct: int, first_id: int) -> Cost:
    ids = np.arange(first_id, first_id + N, dtype=np.int64)
    right = Evidence.rate("accuracy", won=_first(correct), ids=ids)
    return Cost(arm, correct / N, 0.0, 0.0, latency_ms=0.1, correct=right)


def _first(n: int) -> np.ndarray:
    return np.arange(N) < n
