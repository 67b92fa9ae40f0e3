from __future__ import annotations

import pytest

from casemate.assess.plan import plan, why_not
from casemate.core.access import Access, Budget
from casemate.core.attack import Attack
from casemate.core.evidence import Evidence
from casemate.core.target import Target
from fakes import AlarmAll, Majority, RefuseLeft, fit, square


def never(target: Target) -> Evidence:
    raise AssertionError("planning runs nothing")


def attack(threat: str, needs: Access | None = None, **rest: object) -> Attack:
    return Attack(f"testing.{threat}", threat, needs or Access(), never, **rest)  # type: ignore[arg-type]


EVASION, EXTRACTION = attack("evasion"), attack("model-extraction")


def test_arms_are_none_all_each_alone_and_each_left_out():
    made = plan(square(20, RefuseLeft(), AlarmAll(), Majority()), [EVASION, EXTRACTION], Access.everything())
    cells = {(c.attack.threat, c.arm) for c in made.cells}
    left, alarm = "testing.refuse-left", "testing.alarm-all"
    assert cells == {
        ("evasion", "bare"),
        ("evasion", "full"),
        ("evasion", f"only:{left}"),
        ("evasion", f"only:{alarm}"),
        ("evasion", f"without:{left}"),
        ("evasion", f"without:{alarm}"),
        ("model-extraction", "bare"),
        ("model-extraction", "full"),
        ("model-extraction", f"only:{alarm}"),
        ("model-extraction", f"without:{alarm}"),
    }


def test_arms_with_the_same_controls_run_once():
    made = plan(square(20, RefuseLeft()), [EVASION], Access.everything())
    assert {arm.id: arm.also for arm in made.arms} == {
        "full": ("only:testing.refuse-left",),
        "bare": ("without:testing.refuse-left",),
    }
    assert len(made.cells) == 2


def test_a_system_without_controls_has_one_arm():
    (arm,) = plan(square(20), [EVASION], Access.everything()).arms
    assert (arm.id, arm.also) == ("full", ("bare",))


def test_controls_keep_their_order():
    made = plan(square(20, RefuseLeft(), AlarmAll(), Majority()), [EVASION], Access.everything())
    without = made.systems["without:testing.alarm-all"]
    assert [c.id for c in without.controls] == ["testing.refuse-left", "testing.majority"]


@pytest.mark.parametrize(
    ("needs", "granted", "words"),
    [
        (Access.white_box(), Access(), "white-box knowledge"),
        (Access.training(), Access(), "a hand on training labels"),
        (Access.training(), Access(training_labels=True, budget=Budget(share=0.0)), "share of training rows above 0"),
        (Access(scores=True, population=True), Access(), "confidence scores, rows of the same population"),
    ],
)
def test_what_is_not_granted_is_named(needs: Access, granted: Access, words: str):
    assert words in why_not(attack("evasion", needs), square(20), granted)


def test_what_the_system_lacks_is_named():
    all_of_it = Access.everything()
    artefact_only = square(20, recipe=None, model=fit(square(20).train, 0))
    assert "recipe" in why_not(attack("evasion", requires=("recipe",)), artefact_only, all_of_it)
    assert "teacher" in why_not(attack("evasion", requires=("teacher",)), square(20), all_of_it)
    assert "images" in why_not(attack("evasion", requires=("image",)), square(20), all_of_it)
    assert "acts on training" in why_not(EVASION, artefact_only.with_(Majority()), all_of_it)
    assert why_not(EVASION, artefact_only, all_of_it) == ""


def test_an_attack_in_another_norm_does_not_apply():
    granted = Access.everything(Budget(norm="l2"))
    assert "l2" in why_not(attack("evasion", norms=("linf",)), square(20), granted)
    assert why_not(attack("evasion", norms=("linf", "l2")), square(20), granted) == ""


def test_budgets_come_from_the_owner_and_else_from_the_attack():
    needs = Access.black_box(queries=500, norm="linf", radius=0.1)
    made = plan(square(20), [attack("evasion", needs)], Access.everything(Budget(radius=0.3)))
    budget = made.cells[0].access.budget
    assert (budget.queries, budget.norm, budget.radius) == (500, "linf", 0.3)


def test_an_attacks_own_budget_decides_whether_it_applies():
    linf = attack("evasion", norms=("linf",))
    granted = Access.everything(Budget(norm="l2", radius=0.3, share=0.1))
    (cell,) = plan(square(20), [linf], granted, {linf.id: Budget(norm="linf")}).cells
    assert (cell.reason, cell.access.budget.norm, cell.access.budget.radius) == ("", "linf", 0.3)
    (cell,) = plan(square(20), [linf], Access.everything(), {linf.id: Budget(norm="l2")}).cells
    assert "l2" in cell.reason


def test_attacks_on_a_table_need_one_and_attacks_on_a_model_need_one():
    from casemate.assess.plan import concerns
    from casemate.attacks import find
    from casemate.core.access import Access
    from releases import people, released

    linkage, frequency, flip = (find(id) for id in (
        "reidentification.linkage", "reidentification.frequency", "poisoning.label-flip"
    ))  # fmt: skip
    table = released(people())
    assert why_not(linkage, table, Access()) == ""
    assert why_not(linkage, square(20), Access.everything()) == "the system gives no table away ([release])"
    assert why_not(flip, table, Access.everything()) == "the system has no model ([model])"
    assert "rows of the same population" in why_not(frequency, table, Access())
    assert concerns(linkage, table) and concerns(flip, square(20))
    assert not concerns(linkage, square(20)) and not concerns(flip, table)
