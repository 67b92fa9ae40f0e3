import datetime
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.assess.diff import Change, Difference, diff
from casemate.core.assessment import Arm, Assessment
from casemate.core.policy import Policy, Waiver
from casemate.core.statistics import independent_difference, paired_difference
from cli.made import FAILED, TODAY, N, assessment

HELD, OPEN, BROKEN = 10, 40, 120  # of 200, where 0.2 is accepted
PGD = "evasion.pgd"
FLIP = "poisoning.label-flip"


def one(full: object, bare: object = BROKEN, attack: str = PGD, **more: object) -> Assessment:
    return assessment({attack: {"full": full, "bare": bare}}, **more)  # type: ignore[dict-item, arg-type]


def on(found: Difference, arm: str = "full") -> Change:
    (change,) = [change for change in found.changes if change.arm == arm]
    return change


def test_an_assessment_against_itself_has_no_change() -> None:
    same = diff(one(HELD), one(HELD))
    assert {change.direction for change in same.changes} == {"same"}
    assert same.notes == ()
    assert same.price is not None
    assert same.price.direction == "same"
    assert not same.got_worse


@pytest.mark.parametrize(
    ("before", "after", "direction", "reason"),
    [
        (HELD, BROKEN, "worse", "from held to broken"),
        (HELD, OPEN, "worse", "from held to inconclusive"),
        (OPEN, BROKEN, "worse", "from inconclusive to broken"),
        (BROKEN, OPEN, "better", "from broken to inconclusive"),
        (BROKEN, HELD, "better", "from broken to held"),
        (HELD, FAILED, "lost", "it was held, and could not run"),
        (BROKEN, FAILED, "lost", "it was broken, and could not run"),
        (HELD, None, "lost", "it was held, and does not apply"),
        (FAILED, HELD, "new", "held; it was not assessed before"),
        (FAILED, BROKEN, "new", "broken; it was not assessed before"),
        (None, HELD, "new", "held; it was not assessed before"),
        (None, None, "same", "does not apply, as before"),
        (FAILED, FAILED, "same", "could not run, as before"),
    ],
)
def test_verdicts_decide_first(before: object, after: object, direction: str, reason: str) -> None:
    change = on(diff(one(before), one(after)))
    assert (change.direction, change.reason) == (direction, reason)


@pytest.mark.parametrize(("before", "after", "direction"), [(100, 160, "worse"), (160, 100, "better")])
def test_under_one_verdict_the_interval_decides(before: int, after: int, direction: str) -> None:
    change = on(diff(one(before), one(after)))
    assert change.direction == direction
    assert "broken as before" in change.reason


def test_a_change_within_chance_is_none() -> None:
    change = on(diff(one(100), one(101)))
    assert change.direction == "same"
    assert change.delta is not None
    assert change.delta.low < 0 < change.delta.high


def test_the_same_samples_are_compared_in_pairs() -> None:
    delta = on(diff(one(100), one(120))).delta
    won = [[row < wins for row in range(N)] for wins in (100, 120)]
    peer = paired_difference(*won)
    assert delta is not None
    assert (delta.value, delta.low, delta.high) == (peer.value, peer.low, peer.high)


def test_other_samples_are_compared_as_independent() -> None:
    delta = on(diff(one(100), one(120, first_id=50))).delta
    peer = independent_difference(100, N, 120, N)
    assert delta is not None
    assert (delta.value, delta.low, delta.high) == (peer.value, peer.low, peer.high)


def test_losses_on_other_samples_are_compared_too() -> None:
    change = on(diff(one(5, attack=FLIP), one(100, attack=FLIP, first_id=50)))
    assert change.direction == "worse"
    assert change.delta is not None
    assert change.delta.high < 0
    assert change.delta.value == pytest.approx((5 - 100) / N)


def test_different_metrics_have_no_delta() -> None:
    before, after = one(HELD), one(HELD)
    cells = tuple(
        replace(cell, evidence=replace(cell.evidence, metric="something else")) if cell.evidence else cell
        for cell in after.cells
    )
    assert on(diff(before, replace(after, cells=cells))).delta is None


def test_only_the_system_as_declared_decides_whether_it_got_worse() -> None:
    found = diff(one(HELD, bare=HELD), one(HELD, bare=BROKEN))
    assert on(found, "bare").direction == "worse"
    assert not found.got_worse


def test_changes_on_the_system_as_declared_come_first() -> None:
    before = assessment({PGD: {"bare": HELD, "full": HELD}, FLIP: {"bare": 1, "full": 1}})
    arms = [change.arm for change in diff(before, before).changes]
    assert arms == ["full", "full", "bare", "bare"]


def test_an_attack_that_is_gone_counts_as_worse_and_a_new_one_does_not() -> None:
    one_attack, two = one(HELD), assessment({PGD: {"full": HELD, "bare": BROKEN}, FLIP: {"full": 1, "bare": 1}})
    lost, new = diff(two, one_attack), diff(one_attack, two)
    assert {(c.direction, c.reason) for c in lost.changes if c.attack == FLIP} == {
        ("lost", "it was held, and is not assessed any more")
    }
    assert lost.got_worse
    assert {c.direction for c in new.changes if c.attack == FLIP} == {"new"}
    assert not new.got_worse


def test_a_waiver_that_expired_makes_it_worse() -> None:
    policy = Policy(waivers=(Waiver(PGD, "a week to mend it", TODAY),))
    before = one(BROKEN, policy=policy)
    after = one(BROKEN, policy=policy, today=TODAY + datetime.timedelta(days=1))
    change = on(diff(before, after))
    assert change.reason == "from broken (waived) to broken"
    assert diff(before, after).got_worse
    assert not diff(after, before).got_worse


def test_arms_that_are_one_system_are_found_under_both_names() -> None:
    before = one(HELD)
    merged = replace(
        before,
        arms=(Arm("full", (), ("bare",)),),
        cells=tuple(cell for cell in before.cells if cell.arm == "full"),
        findings=tuple(replace(finding, arm=arm) for finding in before.of("full") for arm in ("full", "bare")),
    )
    change = on(diff(merged, before), "bare")
    assert change.direction == "worse"
    assert change.delta is not None
    assert change.delta.value == pytest.approx((HELD - BROKEN) / N)


def test_only_undetected_wins_count_where_the_policy_says_so() -> None:
    def seen(wins: int, alarms: int) -> Assessment:
        made = one(wins, policy=Policy(count="undetected"))
        cells = []
        for cell in made.cells:
            assert cell.evidence is not None
            alarmed = cell.evidence.outcome & (np.arange(N) < alarms)
            cells.append(replace(cell, evidence=replace(cell.evidence, detected=alarmed)))
        return replace(made, cells=tuple(cells))

    delta = on(diff(seen(120, 0), seen(120, 60))).delta
    assert delta is not None
    assert delta.value == pytest.approx(60 / N)


@pytest.mark.parametrize(
    ("before", "after", "direction"), [(190, 150, "worse"), (150, 190, "better"), (180, 180, "same")]
)
def test_accuracy_is_part_of_the_price(before: int, after: int, direction: str) -> None:
    found = diff(one(HELD, correct=before), one(HELD, correct=after))
    assert found.price is not None
    assert found.price.direction == direction
    assert found.price.accuracy == (before / N, after / N)
    assert found.got_worse == (direction == "worse")


def test_a_newly_breached_price_is_worse_and_a_known_breach_is_not() -> None:
    dear = replace(one(HELD), costs=tuple(replace(c, breaches=("latency-ms is at least 9",)) for c in one(HELD).costs))
    assert diff(one(HELD), dear).got_worse
    again = replace(dear, costs=tuple(replace(c, breaches=("latency-ms is at least 9.1",)) for c in dear.costs))
    assert not diff(dear, again).got_worse


def test_a_price_that_nobody_measured() -> None:
    assert diff(one(HELD, correct=None), one(HELD, correct=None)).price is None
    found = diff(one(HELD), one(HELD, correct=None))
    assert found.price is not None
    assert found.price.direction == "lost"


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({"name": "other"}, "two systems are compared: loans and other"),
        ({"digest": "d2"}, "the system changed: its data, model, recipe or controls"),
        ({"seed": 4}, "seed 0 and 4: samples and random choices differ"),
        ({"edition": "2027.01"}, "threat catalogue 2026.11 and 2027.01: default limits may differ"),
        ({"policy": Policy(level=0.9)}, "the policies differ: verdicts are compared as each was judged"),
        ({"controls": ()}, "control removed: hardening.label-only"),
        ({"controls": ("hardening.label-only", "access.query-budget")}, "control added: access.query-budget"),
    ],
)
def test_what_differs_around_the_attacks_is_noted(change: dict[str, object], note: str) -> None:
    assert diff(one(HELD), one(HELD, **change)).notes == (note,)


def test_another_version_of_casemate_is_noted() -> None:
    older = replace(one(HELD), environment={})
    assert diff(older, one(HELD)).notes == ("Casemate unknown and 0.1.0: attacks may be stronger",)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, N), st.integers(0, N))
def test_turned_round_the_change_is_the_reverse(before: int, after: int) -> None:
    there, back = on(diff(one(before), one(after))), on(diff(one(after), one(before)))
    reverse = {"worse": "better", "better": "worse", "same": "same"}
    assert back.direction == reverse[there.direction]
    assert there.delta is not None
    assert back.delta is not None
    assert back.delta.value == pytest.approx(-there.delta.value)
