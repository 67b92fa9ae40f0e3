"""What every registered attack promises, third-party ones included."""

from __future__ import annotations

import inspect
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from casemate.assess.cell import run_cell, run_twin
from casemate.assess.judge import judge_twin
from casemate.assess.plan import PlannedCell
from casemate.attacks import FAMILIES, attacks
from casemate.core.attack import Attack
from casemate.core.evidence import Evidence
from casemate.core.finding import Verdict
from casemate.core.record import store_hook
from casemate.threats import catalogue

ATTACKS = [a for a in attacks().values() if a.module.startswith("casemate.")]
every_attack = pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: a.id)


def stored(evidence: Evidence) -> bytes:
    return msgspec.msgpack.encode(evidence, enc_hook=store_hook)


def test_every_family_has_an_attack():
    assert {a.family.replace("-", "_") for a in ATTACKS} == {name.rsplit(".", 1)[1] for name in FAMILIES}


@every_attack
def test_names_a_threat_with_references(attack: Attack):
    threat = catalogue().threats[attack.threat]
    assert threat.references
    assert all(reference.edition and reference.id and reference.title for reference in threat.references)


@every_attack
def test_lives_in_the_file_that_its_id_names(attack: Attack):
    family, technique = attack.id.split(".")
    assert attack.module == f"casemate.attacks.{family}.{technique}".replace("-", "_")


@every_attack
def test_file_holds_one_technique_and_says_what_and_whence(attack: Attack):
    module = sys.modules[attack.module]
    assert [a.id for a in ATTACKS if a.module == attack.module] == [attack.id]
    assert inspect.getdoc(module)
    assert "Source" in attack.doc, "the docstring names its source"
    assert len(Path(str(module.__file__)).read_text().splitlines()) < 300


@every_attack
@pytest.mark.parametrize("seed", [0, 1])
def test_breaks_its_vulnerable_twin(attack: Attack, seed: int):
    twin = judge_twin(attack.id, run_twin(attack, seed, 100))
    assert twin.verdict is Verdict.BROKEN, twin.reason


@every_attack
def test_same_seed_same_evidence_and_another_seed_another_run(attack: Attack):
    first, again = (run_twin(attack, 5, 30) for _ in range(2))
    assert first is not None and again is not None
    assert first.evidence is not None, first.failure
    assert stored(first.evidence) == stored(again.evidence)
    assert replace(first.spent, seconds=0) == replace(again.spent, seconds=0)


@every_attack
def test_stays_within_its_budget(attack: Attack):
    assert attack.twin is not None
    system = attack.twin()
    small = replace(attack.needs.budget, queries=60, share=0.02, references=2)
    planned = PlannedCell(attack, "bare", system, replace(attack.needs, budget=small))
    cell = run_cell(planned, 0, 20)
    if cell.status == "could-not-run":  # refusing a budget that is too small is fine, overspending is not
        assert cell.failure is not None
        assert cell.failure.type == "BudgetExceeded", cell.failure.message
    assert cell.spent.queries <= 60
    assert cell.spent.rows <= 0.02 * len(system.train)


@every_attack
def test_runs_with_the_access_that_it_declares_and_no_more(attack: Attack):
    # The Target refuses whatever the needs do not name, so a finished run proves the declaration complete.
    cell = run_twin(attack, 2, 30)
    assert cell is not None and cell.status == "done", cell
    assert cell.access == attack.needs


@every_attack
def test_says_what_it_needs_of_the_attacker_in_words(attack: Attack):
    from casemate.core.access import Access

    assert attack.needs.lacks(Access.everything()) == ()
    if attack.needs != Access(budget=attack.needs.budget):
        assert attack.needs.lacks(Access())
