"""A specimen: an assessment in which everything that a report can show happens once. Made by hand, judged for real.

``python tests/report/specimen.py FOLDER`` writes it there in every format.
"""

from __future__ import annotations

import datetime
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from casemate.assess.judge import judge, judge_twin
from casemate.core.access import Access, Budget
from casemate.core.assessment import (
    SCHEMA,
    Arm,
    Assessment,
    Catalogue,
    Cell,
    Cost,
    SystemFacts,
    Twin,
)
from casemate.core.evidence import Evidence, Example, Spent
from casemate.core.finding import Failure
from casemate.core.policy import Policy, Waiver

TODAY = datetime.date(2026, 11, 23)
N = 200
IDS = np.arange(N, dtype=np.int64)

HARDEN, LABELS, LIMIT, WATCH = (
    "hardening.adversarial-training",
    "hardening.label-only",
    "access.query-limit",
    "monitoring.input-alarm",
)
CONTROLS = (HARDEN, LABELS, LIMIT, WATCH)
WARNING = (
    "the recipe does not make the shipped model: they agree on 84.2% of the test rows. Attacks that retrain speak of "
    "the recipe's model, not of the artefact. Check [model] recipe and artefact."
)
COLUMNS = ("age", "income", "years-employed", "open-accounts", "late-payments", "share-of-credit-used")


def first(n: int, of: int = N) -> np.ndarray:
    """The first ``n`` samples, so that arms differ in pairs."""
    return np.arange(of) < n


def digit(seed: int) -> np.ndarray:
    """A round eight by eight blot, in 0 to 16, that is a little different every time."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:8, :8]
    ring = np.exp(-((np.hypot(x - 3.5, y - 3.5) - 2.4) ** 2) / 0.7)
    return np.clip(np.round(16 * ring + rng.normal(0, 0.6, (8, 8))), 0, 16)


def image_examples(n: int = 3, step: float = 2.0) -> tuple[Example, ...]:
    """Pictures before and after."""
    made = []
    for seed in range(n):
        before = digit(seed)
        noise = np.random.default_rng(100 + seed).choice([-step, 0, step], (8, 8))
        after = np.clip(before + noise, 0, 16)
        made.append(
            Example(
                tuple(before.ravel()), tuple(after.ravel()), (1, 8, 8), (), "zero", ("six", "eight", "nine")[seed % 3]
            )
        )
    return tuple(made)


def table_examples() -> tuple[Example, ...]:
    """Rows of a table before and after."""
    return (
        Example(
            (41.0, 38_500.0, 6.0, 3.0, 1.0, 0.44),
            (41.0, 38_500.0, 6.0, 3.0, 0.0, 0.31),
            (6,),
            COLUMNS,
            "refuse",
            "grant",
            "cost to the applicant: one bill paid in time",
        ),
        Example(
            (23.0, 21_000.0, 1.0, 5.0, 2.0, 0.9),
            (23.0, 24_250.0, 1.5, 4.0, 2.0, 0.71),
            (6,),
            COLUMNS,
            "refuse",
            "grant",
        ),
    )


def rate(metric: str, wins: int, seen: int | None = None, **more: object) -> Evidence:
    """Evidence of ``wins`` of 200, of which ``seen`` raised an alarm."""
    detected = None if seen is None else first(seen)
    return Evidence.rate(metric, won=first(wins), detected=detected, ids=IDS, **more)  # type: ignore[arg-type]


def loss(before: int, after: int, **more: object) -> Evidence:
    """Evidence of accuracy lost: so many of 200 right before and after."""
    return Evidence.paired("accuracy", before=first(before), after=first(after), ids=IDS, **more)  # type: ignore[arg-type]


def done(attack: str, threat: str, arm: str, evidence: Evidence, spent: Spent, access: Access, **more: object) -> Cell:
    """A cell that ran."""
    seed = 1_000 * len(attack) + len(arm)
    return Cell(attack, threat, arm, "done", seed, evidence, spent=spent, access=access, **more)  # type: ignore[arg-type]


def evasion_cells() -> list[Cell]:
    """White-box evasion: broken, though adversarial training helps and an alarm sees some of it."""
    access = Access.white_box(norm="linf", radius=0.1)

    def cell(arm: str, wins: int, seen: int | None, examples: tuple[Example, ...] = ()) -> Cell:
        figures = {"refused": 0.0, "median linf distance of wins": 0.084}
        evidence = rate("evasion success", wins, seen, figures=figures, examples=examples)
        return done("evasion.pgd", "evasion", arm, evidence, Spent(N, 0, 3.42, 16_000, alarms=seen or 0), access)

    return [
        cell("bare", 186, None, image_examples(4)),
        cell("full", 81, 24, image_examples(3)),
        cell(f"only:{HARDEN}", 84, None, image_examples(2)),
        cell(f"without:{HARDEN}", 178, 120),
        cell(f"only:{WATCH}", 186, 122, image_examples(1)),
        cell(f"without:{WATCH}", 82, None),
    ]


def decision_cells() -> list[Cell]:
    """Evasion by questions alone, on rows of a table: held."""
    access = Access.black_box(queries_per_row=500, norm="l2", radius=0.5)

    def cell(arm: str, wins: int, refusals: int = 0) -> Cell:
        notes = ("2 examples fooled the model but were impossible or out of the radius",)
        evidence = rate(
            "evasion success", wins, figures={"refused": refusals / 1e5}, examples=table_examples(), notes=notes
        )
        spent = Spent(100_000, 0, 71.0, refusals=refusals)
        return done("evasion.hop-skip-jump", "evasion", arm, evidence, spent, access, cached=arm == "bare")

    return [
        cell("bare", 148),
        cell("full", 11, 81_250),
        cell(f"only:{HARDEN}", 64),
        cell(f"without:{HARDEN}", 12, 81_250),
        cell(f"only:{WATCH}", 148),
        cell(f"without:{WATCH}", 11, 81_250),
    ]


def poisoning_cells() -> list[Cell]:
    """Label flips: undecided, the limit lies in the interval."""
    access = Access.training(labels=True, share=0.05)
    spent = Spent(N * 2, 60, 12.6, trainings=2)

    def cell(arm: str, after: int) -> Cell:
        return done("poisoning.label-flip", "data-poisoning", arm, loss(184, after), spent, access)

    return [cell("bare", 171), cell("full", 177), cell(f"only:{HARDEN}", 177), cell(f"without:{HARDEN}", 171)]


def membership_cells() -> list[Cell]:
    """Membership inference: broken, and accepted for a while."""
    access = Access("gray-box", scores=True, recipe=True, population=True, budget=Budget(references=8))
    figures = {"AUC": 0.713, "false-positive rate": 0.05, "chance": 0.05}

    def cell(arm: str, wins: int) -> Cell:
        evidence = rate(
            "members found at 5% false positives", wins, figures=figures, notes=("threshold chosen on 200 non-members",)
        )
        spent = Spent(9_600, 0, 44.7, trainings=8)
        return done("data-extraction.membership-rmia", "membership-inference", arm, evidence, spent, access)

    return [cell("bare", 58), cell("full", 41), cell(f"only:{LABELS}", 42), cell(f"without:{LABELS}", 57)]


def extraction_cells() -> list[Cell]:
    """Model extraction: held by the query limit."""
    access = Access.black_box(scores=True, population=True, queries=5_000)

    def cell(arm: str, wins: int, refusals: int) -> Cell:
        evidence = rate("fidelity of the copy", wins, figures={"accuracy of the copy": wins / 210})
        spent = Spent(5_000, 0, 9.1, trainings=1, refusals=refusals)
        return done("model-extraction.copycat", "model-extraction", arm, evidence, spent, access)

    return [
        cell("bare", 193, 0),
        cell("full", 121, 4_000),
        cell(f"only:{LIMIT}", 126, 4_000),
        cell(f"without:{LIMIT}", 188, 0),
        cell(f"only:{LABELS}", 187, 0),
        cell(f"without:{LABELS}", 125, 4_000),
    ]


def failed_cells() -> list[Cell]:
    """A backdoor that could not be tried: the recipe raises."""
    trace = (
        "Traceback (most recent call last):\n"
        '  File "recipe.py", line 31, in train\n    model.fit(X, y)\n'
        "ValueError: Input X contains NaN.\n"
    )
    message = (
        "the recipe raised ValueError: Input X contains NaN.\n  where: recipe.py:31 in train\n"
        "  fix: let the recipe drop or fill empty values"
    )
    failure = Failure("RecipeRaised", message, trace)
    return [
        Cell(
            "backdoor.badnets", "backdoor", arm, "could-not-run", 7, failure=failure, access=Access.training(rows=True)
        )
        for arm in ("bare", "full", f"only:{HARDEN}", f"without:{HARDEN}")
    ]


def absent_cells() -> list[Cell]:
    """A transfer attack that does not apply."""
    reason = "the system has no teacher whose features it re-uses ([model.teacher])"
    return [
        Cell("transfer.mimicry", "transfer-learning", arm, "not-applicable", reason=reason, access=Access(teacher=True))
        for arm in ("bare", "full")
    ]


def arms() -> tuple[Arm, ...]:
    """Every arm, the full one first as in a plan."""
    made = [Arm("full", CONTROLS), Arm("bare", ())]
    for control in CONTROLS:
        made += [
            Arm(f"only:{control}", (control,)),
            Arm(f"without:{control}", tuple(c for c in CONTROLS if c != control)),
        ]
    return tuple(made)


def costs() -> tuple[Cost, ...]:
    """The price of every arm; one could not be measured."""

    def cost(arm: str, right: int, latency: float, refusals: float = 0.0, alarms: float = 0.0) -> Cost:
        groups = {"age-band=0": right / N + 0.021, "age-band=1": right / N - 0.034}
        correct = Evidence.rate("accuracy", won=first(right), ids=IDS)
        return Cost(arm, right / N, refusals, alarms, ("age-band=1", right / N - 0.034), latency, correct, groups)

    made = [cost("bare", 186, 0.21), cost("full", 179, 1.94, 0.005, 0.035)]
    made += [
        cost(f"only:{HARDEN}", 180, 0.22),
        cost(f"only:{LABELS}", 186, 0.24),
        cost(f"only:{LIMIT}", 185, 0.31, 0.005),
        cost(f"only:{WATCH}", 186, 1.62, 0.0, 0.035),
    ]
    failure = Failure("ControlFailed", "the control could not be calibrated: it needs at least 50 trusted rows")
    return (*made, Cost(f"without:{WATCH}", failure=failure))


def twins(cells: list[Cell]) -> tuple[Twin, ...]:
    """Every attack broke its twin, but for copycat, which ships none."""
    made = []
    for cell in {cell.attack: cell for cell in cells}.values():
        ships = cell.attack not in ("transfer.mimicry",)
        evidence = loss(180, 60) if cell.threat == "data-poisoning" else rate("twin", 198)
        made.append(
            judge_twin(
                cell.attack,
                replace(cell, arm="twin", status="done", evidence=evidence, failure=None) if ships else None,
            )
        )
    return tuple(made)


def policy() -> Policy:
    """Catalogue limits, one waiver in use, one stale."""
    return Policy(
        costs={"accuracy-loss": 0.05, "latency-ms": 5.0},
        waivers=(
            Waiver(
                "membership-inference", "members are listed in a public register anyway", datetime.date(2027, 3, 31)
            ),
            Waiver("evasion.square", "replaced by the November release", datetime.date(2026, 9, 30)),
        ),
    )


@cache
def specimen() -> Assessment:
    """The whole assessment, judged."""
    cells = [
        *poisoning_cells(), *failed_cells(), *absent_cells(), *evasion_cells(), *decision_cells(),
        *extraction_cells(), *membership_cells(),
    ]  # fmt: skip
    record = Assessment(
        schema=SCHEMA,
        system=SystemFacts(
            "loan-desk", "5f0c19d2a4be77c1", "torch network", 64, ("zero", "six", "eight", "nine"), (1, 8, 8),
            1_200, 400, CONTROLS, "examples/loan desk/casemate.toml",
        ),
        catalogue=Catalogue("2026.11"),
        seed=7,
        created="2026-11-23T17:20:00+00:00",
        policy=policy(),
        arms=arms(),
        cells=tuple(cells),
        twins=twins(cells),
        findings=(),
        costs=costs(),
        warnings=(WARNING,),
        environment={
            "python": "3.11.9",
            "platform": "Linux x86_64",
            "processors": 2,
            "versions": {"casemate": "0.1.0", "numpy": "2.3.1", "torch": "2.8.0"},
        },
    )  # fmt: skip
    return judge(record, policy(), TODAY)


def judged(record: Assessment, **changes: object) -> Assessment:
    """A changed specimen, judged again."""
    changed = replace(record, **changes)  # type: ignore[arg-type]
    return judge(changed, changed.policy, TODAY)


def only(*attacks: str, **changes: object) -> Assessment:
    """The specimen with some of its attacks."""
    record = specimen()
    return judged(record, cells=tuple(c for c in record.cells if c.attack in attacks), **changes)


def empty() -> Assessment:
    """Nothing ran."""
    return judged(specimen(), cells=(), twins=(), costs=(), arms=(), warnings=(), environment={}, policy=Policy())


if __name__ == "__main__":
    from casemate import report

    for name in report.FORMATS:
        report.write(name, Path(sys.argv[1]) / f"report.{name}", specimen())
