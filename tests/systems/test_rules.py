"""Access, settings and policy from their tables."""

from __future__ import annotations

import datetime
from dataclasses import replace

import msgspec
import pytest

from casemate.core.access import Access, Budget
from casemate.core.errors import SystemFileError
from casemate.core.policy import COSTS, Policy, Waiver
from casemate.systems.declaration import AttackTable, BudgetTable, Declaration
from casemate.systems.file import parse
from casemate.systems.lines import Lines
from casemate.systems.rules import access_of, expired, policy_of, settings_of
from casemate.threats import catalogue

ATTACKS = ("evasion.pgd", "poisoning.label-flip")


def declared(text: str = "") -> tuple[Declaration, Lines]:
    return parse('[system]\nname = "x"\n[data]\ntrain = "x"\n' + text)


def test_an_empty_table_grants_everything_but_the_server_and_the_messages_to_it() -> None:
    usual = replace(Access.everything(), server=False, messages=False)
    assert access_of(declared()[0]) == usual
    assert access_of(declared("[access]\n")[0]) == usual
    assert access_of(declared("[access]\nserver = true\nmessages = true\n")[0]) == Access.everything()


def test_every_capability_can_be_withheld() -> None:
    keys = ("scores", "training-rows", "training-labels", "recipe", "population", "teacher")
    text = '[access]\nknowledge = "black-box"\n' + "".join(f"{key} = false\n" for key in keys)
    assert access_of(declared(text)[0]) == Access()


def test_every_field_of_a_budget_has_a_key() -> None:
    keys = set(BudgetTable.__struct_fields__)
    assert {"share" if key == "training_share" else key for key in keys} == set(Budget.__dataclass_fields__) - {"rows"}


def test_a_budget_for_one_attack_goes_before_that_for_all() -> None:
    declaration, lines = declared('[access]\nradius = 0.3\nqueries = 9\n[attacks."evasion.pgd"]\nradius = 0.1\n')
    override = settings_of(declaration, ATTACKS, lines).overrides["evasion.pgd"]
    assert override.budget.over(access_of(declaration).budget) == Budget(radius=0.1, queries=9)
    assert override.samples is None
    assert set(AttackTable.__struct_fields__) == {*BudgetTable.__struct_fields__, "samples"}


def test_families_count_as_names_of_attacks() -> None:
    declaration, lines = declared('[assess]\nattacks = ["poisoning"]\nskip = ["evasion.pgd"]\n')
    settings = settings_of(declaration, ATTACKS, lines)
    assert (settings.attacks, settings.skip) == (("poisoning",), ("evasion.pgd",))
    with pytest.raises(SystemFileError, match="no attack or family 'poisoning'"):
        settings_of(declaration, ("evasion.pgd",), lines)


def test_threats_may_go_by_an_alias() -> None:
    threat = next(threat for threat in catalogue().threats.values() if threat.aliases)
    declaration, lines = declared(f'[policy.limits]\n"{threat.aliases[0]}" = 0.5\n')
    assert policy_of(declaration, None, lines).limits == {threat.id: 0.5}
    declaration, lines = declared(f'[policy.limits]\n"{threat.aliases[0]}" = 0.5\n{threat.id} = 0.4\n')
    with pytest.raises(SystemFileError, match=f"{threat.id} is limited twice"):
        policy_of(declaration, None, lines)


def test_every_threat_and_cost_can_be_limited() -> None:
    text = "[policy.limits]\n" + "".join(f"{id} = 0.5\n" for id in catalogue().threats)
    text += "[policy.costs]\n" + "".join(f"{name} = 1\n" for name in COSTS)
    policy = policy_of(*[declared(text)[0], None, Lines()])
    assert set(policy.limits) == set(catalogue().threats)
    assert set(policy.costs) == set(COSTS)


def test_a_waiver_counts_on_its_last_day() -> None:
    day = datetime.date(2026, 1, 31)
    policy = Policy(waivers=(Waiver("evasion", "fenced", day),))
    assert expired(policy, day, Lines()) == ()
    (warning,) = expired(policy, day + datetime.timedelta(days=1), Lines())
    assert warning.startswith("policy.waivers[0].expires: the waiver of 'evasion' expired on 2026-01-31")


def test_the_default_policy_is_the_cores() -> None:
    assert policy_of(declared()[0], None, Lines()) == Policy()
    assert msgspec.structs.asdict(declared()[0].policy)["level"] == Policy().level
