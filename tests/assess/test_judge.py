from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from casemate.assess.effects import delta_of, effect_of
from casemate.assess.judge import judge, judge_twin, limit_for
from casemate.core.assessment import SCHEMA, Arm, Assessment, Catalogue, Cell, Cost, SystemFacts, Twin, WireCost
from casemate.core.evidence import Evidence
from casemate.core.finding import Effect, Failure, Finding, Verdict
from casemate.core.policy import Policy, Waiver
from casemate.core.record import decode, encode
from casemate.core.statistics import clopper_pearson, paired_difference
from casemate.threats import catalogue

TODAY = datetime.date(2026, 11, 23)
A = "evasion.pgd"
BROKE = Twin(A, Cell(A, "evasion", "twin", "done"), Verdict.BROKEN, None)


def rate(wins: int, n: int = 100, alarms: int = 0) -> Evidence:
    won = np.arange(n) < wins
    return Evidence.rate("evasion success", won=won, detected=won & (np.arange(n) < alarms), ids=np.arange(n))


def record(cells: dict[str, Evidence | Cell], twin: Twin = BROKE, costs: tuple[Cost, ...] = ()) -> Assessment:
    made = tuple(e if isinstance(e, Cell) else Cell(A, "evasion", arm, "done", evidence=e) for arm, e in cells.items())
    return Assessment(
        schema=SCHEMA,
        system=SystemFacts("s", "d", "m", 2, ("a", "b"), (2,), 1, 1),
        catalogue=Catalogue("2026.11"),
        seed=0,
        created="2026-11-23T00:00:00+00:00",
        policy=Policy(),
        arms=tuple(Arm(arm, ()) for arm in cells),
        cells=made,
        twins=(twin,),
        findings=(),
        costs=costs,
    )


def found(assessment: Assessment, arm: str, policy: Policy | None = None) -> Finding:
    judged = judge(assessment, policy or Policy(), TODAY)
    return next(f for f in judged.findings if f.arm == arm)


@pytest.mark.parametrize(
    ("wins", "verdict"), [(0, Verdict.HELD), (5, Verdict.HELD), (18, Verdict.INCONCLUSIVE), (60, Verdict.BROKEN)]
)
def test_verdict_needs_the_whole_interval_on_one_side(wins: int, verdict: Verdict):
    assert found(record({"full": rate(wins)}), "full").verdict is verdict


def test_borders_are_those_of_the_interval():
    for wins in range(101):
        interval = clopper_pearson(wins, 100)
        expected = (
            Verdict.HELD if interval.high <= 0.2 else Verdict.BROKEN if interval.low > 0.2 else Verdict.INCONCLUSIVE
        )
        assert found(record({"full": rate(wins)}), "full").verdict is expected


def test_inconclusive_says_how_many_samples_would_decide():
    reason = found(record({"full": rate(15)}), "full").reason
    n = int(reason.split("about ")[1].split()[0])
    assert clopper_pearson(int(0.15 * n), n).high <= 0.2


@pytest.mark.parametrize(("samples", "rows"), [(100, False), (200, False), (40, True)])
def test_what_is_measured_on_every_row_there_is_takes_more_rows_to_decide(samples: int, rows: bool):
    cell = Cell(A, "evasion", "full", "done", evidence=rate(15), samples=samples)
    assert found(record({"full": cell}), "full").reason.endswith("takes more test rows") is rows


def test_nothing_is_held_unless_the_twin_was_broken():
    survived = Twin(A, BROKE.cell, Verdict.HELD, None, "at most 4 %")
    missing = judge_twin(A, None)
    for twin, word in ((survived, "did not break its vulnerable twin"), (missing, "ships no vulnerable twin")):
        finding = found(record({"full": rate(0)}, twin), "full")
        assert finding.verdict is Verdict.INCONCLUSIVE
        assert word in finding.reason
    assert found(record({"full": rate(90)}, survived), "full").verdict is Verdict.BROKEN


def test_no_sample_is_no_verdict():
    assert found(record({"full": rate(0, 0)}), "full").verdict is Verdict.INCONCLUSIVE


def test_could_not_run_is_never_green():
    cell = Cell(A, "evasion", "full", "could-not-run", failure=Failure("RuntimeError", "boom\nsecond line", "trace"))
    judged = judge(record({"full": cell}), Policy(), TODAY)
    (finding,) = judged.findings
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.reason == "could not run: boom"
    assert finding.failure is not None
    assert judged.exit_code == 2


def test_not_applicable_says_why_and_alone_assesses_nothing():
    judged = judge(
        record({"full": Cell(A, "evasion", "full", "not-applicable", reason="no gradients")}), Policy(), TODAY
    )
    assert judged.findings[0].verdict is Verdict.NOT_APPLICABLE
    assert judged.findings[0].reason == "no gradients"
    assert judged.exit_code == 3


def test_limits_of_attack_before_threat_before_catalogue():
    threat = catalogue().threat("evasion")
    assert limit_for(A, threat, Policy()) == threat.default_limit == 0.2
    assert limit_for(A, threat, Policy(limits={"evasion": 0.3})) == 0.3
    assert limit_for(A, threat, Policy(limits={"evasion": 0.3, A: 0.4})) == 0.4


def test_a_new_policy_flips_the_verdict_without_attacking_again():
    strict = judge(record({"full": rate(5)}), Policy(limits={"evasion": 0.01}), TODAY)
    assert strict.exit_code == 1
    assert judge(strict, Policy(), TODAY).exit_code == 0


def test_waivers_cover_breaches_until_they_expire():
    policy = Policy(waivers=(Waiver("evasion", "accepted by the board", datetime.date(2026, 11, 23)),))
    assessment = record({"full": rate(90)})
    today = judge(assessment, policy, TODAY)
    assert today.findings[0].waiver == policy.waivers[0]
    assert today.exit_code == 0
    assert judge(assessment, policy, TODAY + datetime.timedelta(days=1)).exit_code == 1


def test_only_the_full_arm_counts():
    assert judge(record({"bare": rate(90), "full": rate(0)}), Policy(), TODAY).exit_code == 0


def test_policy_may_count_undetected_wins_only():
    assessment = record({"full": rate(60, alarms=60)})
    assert found(assessment, "full").verdict is Verdict.BROKEN
    finding = found(assessment, "full", Policy(count="undetected"))
    assert finding.verdict is Verdict.HELD
    assert finding.undetected is not None and finding.undetected.value == 0


def test_deltas_are_paired_and_signed_for_the_defender():
    cells: dict[str, Evidence | Cell] = {"bare": rate(80), "full": rate(10), "only:x": rate(50), "without:x": rate(30)}
    assessment = record(cells)
    expected = {"full": 0.7, "only:x": 0.3, "without:x": 0.2}
    for arm, value in expected.items():
        delta = found(assessment, arm).delta
        assert delta is not None
        assert delta.value == pytest.approx(value)
        assert delta.low < value < delta.high
    assert found(assessment, "bare").delta is None
    interval = paired_difference(rate(80).outcome, rate(10).outcome)
    full = found(assessment, "full").delta
    assert full is not None and (full.low, full.high) == (interval.low, interval.high)


def test_arms_that_are_the_same_system_share_their_evidence():
    assessment = replace(
        record({"bare": rate(80), "full": rate(10)}), arms=(Arm("bare", ()), Arm("full", ("x",), ("only:x",)))
    )
    judged = judge(assessment, Policy(), TODAY)
    assert {f.arm for f in judged.findings} == {"bare", "full", "only:x"}


def test_paired_losses_are_compared_by_the_bootstrap():
    rng = np.random.default_rng(0)
    before = rng.random(200) < 0.95
    hurt, spared = before & (rng.random(200) < 0.7), before & (rng.random(200) < 0.98)
    bare = Evidence.paired("accuracy", before=before, after=hurt, ids=np.arange(200))
    full = Evidence.paired("accuracy", before=before, after=spared, ids=np.arange(200))
    delta = delta_of(bare, full)
    assert delta is not None
    assert delta.value == pytest.approx(hurt.mean() * -1 + spared.mean())
    assert 0 < delta.low < delta.value < delta.high


def test_rates_on_other_samples_are_compared_as_independent():
    one = replace(rate(80), ids=np.arange(100))
    other = replace(rate(10), ids=np.arange(100, 200))
    delta = delta_of(one, other)
    assert delta is not None and delta.value == pytest.approx(0.7)


def test_effect_of_nothing_is_nothing():
    assert effect_of(rate(0, 0)) is None
    assert isinstance(effect_of(rate(1, 2)), Effect)


def costs(full_right: int, **rest: Any) -> tuple[Cost, ...]:
    def one(arm: str, right: int) -> Cost:
        evidence = Evidence.rate("accuracy", won=np.arange(200) < right, ids=np.arange(200))
        return Cost(arm, accuracy=right / 200, refusals=0.0, false_alarms=0.0, latency_ms=1.0, correct=evidence)

    return one("bare", 190), replace(one("full", full_right), **rest)


def test_prices_are_judged_on_the_full_arm():
    assessment = record({"bare": rate(0), "full": rate(0)}, costs=costs(150, refusals=0.3, latency_ms=50.0))
    policy = Policy(costs={"accuracy-loss": 0.05, "refusals": 0.1, "latency-ms": 20, "false-alarms": 0.1})
    judged = judge(assessment, policy, TODAY)
    bare, full = judged.costs
    assert full.loss is not None and full.loss.value == pytest.approx(0.2)
    assert bare.breaches == ()
    assert [b.split()[0] for b in full.breaches] == ["accuracy-loss", "refusals", "latency-ms"]
    assert judged.exit_code == 1


def test_what_encrypted_rows_weigh_is_judged_where_there_are_any():
    wire = WireCost(20, 172_252, 114_940, 18_350_080, 4.0, 60.0, 20, 0.001)
    assessment = record({"bare": rate(0), "full": rate(0)}, costs=costs(188, wire=wire))
    policy = Policy(costs={"exchange-bytes": 200_000, "key-bytes": 1e7, "latency-ms": 1e3})
    full = judge(assessment, policy, TODAY).costs[1]
    assert full.breaches == (
        "exchange-bytes is at least 287,192, and 200,000 is accepted",
        "key-bytes is at least 18,350,080, and 10,000,000 is accepted",
    )
    assert not judge(assessment, Policy(costs={"exchange-bytes": 300_000}), TODAY).costs[1].breaches
    assert not judge(record({"full": rate(0)}, costs=costs(188)), policy, TODAY).costs[1].breaches


def test_prices_within_limits_hold():
    assessment = record({"bare": rate(0), "full": rate(0)}, costs=costs(188))
    assert judge(assessment, Policy(costs={"accuracy-loss": 0.02}), TODAY).exit_code == 0


def test_the_interrupted_is_not_held():
    assert replace(judge(record({"full": rate(0)}), Policy(), TODAY), interrupted=True).exit_code == 3


def test_what_may_have_been_won_keeps_a_finding_from_being_held():
    unseen = replace(rate(0), perhaps=np.arange(100) < 40)
    finding = found(record({"full": unseen}), "full")
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.effect is not None
    assert (finding.effect.value, finding.effect.low) == (0.0, 0.0)
    assert finding.effect.high == clopper_pearson(40, 100).high


def test_only_what_was_surely_won_breaks():
    lucky = replace(rate(60), surely=np.arange(100) < 5)
    finding = found(record({"full": lucky}), "full")
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.effect is not None and finding.effect.low == clopper_pearson(5, 100).low


def grouped(lost: int, rows: int, groups: int = 1) -> tuple[Cost, ...]:
    """A price under which the last of the groups, each of that many rows, loses some that were answered correctly."""
    right = np.arange(rows) < rows - 1
    hurt = np.arange(rows) < rows - 1 - lost
    before = {f"site={k}": right for k in range(groups)}
    after = before | {f"site={groups - 1}": hurt}
    bare, full = costs(190)
    return replace(bare, groups=before, group_accuracy={k: float(v.mean()) for k, v in before.items()}), replace(
        full, groups=after, group_accuracy={k: float(v.mean()) for k, v in after.items()}
    )


def test_a_group_is_worse_off_where_its_interval_says_so():
    policy = Policy(costs={"worst-group-accuracy-loss": 0.02})

    def breaches(priced: tuple[Cost, ...]) -> tuple[str, ...]:
        return judge(record({"bare": rate(0), "full": rate(0)}, costs=priced), policy, TODAY).costs[1].breaches

    assert breaches(grouped(2, 12)) == (), "two of twelve rows are an accident"
    (breach,) = breaches(grouped(40, 240))
    low = paired_difference(np.arange(240) < 239, np.arange(240) < 199).low
    assert breach == f"worst-group-accuracy-loss is at least {low:.4g}, and 0.02 is accepted"
    border = next(lost for lost in range(1, 60) if breaches(grouped(lost, 240)))
    assert not breaches(grouped(border, 240, groups=20)), "the worst of twenty groups looks bad by chance"
    assert decode(encode(record({"full": rate(0)}, costs=grouped(3, 20)))).costs[1].groups["site=0"].sum() == 16


def test_a_system_without_controls_has_no_delta():
    alone = replace(record({"full": rate(10)}), arms=(Arm("full", (), ("bare",)),))
    judged = judge(alone, Policy(), TODAY)
    assert {f.arm: f.delta for f in judged.findings} == {"full": None, "bare": None}


def test_rows_that_were_gained_are_counted_in_how_many_samples_would_decide():
    before = np.arange(600) >= 90
    after = np.r_[np.ones(85, bool), np.zeros(100, bool), np.ones(415, bool)]
    evidence = Evidence.paired("accuracy", before=before, after=after)
    finding = found(record({"full": evidence}), "full", Policy(limits={"evasion": 0.05}))
    assert finding.verdict is Verdict.INCONCLUSIVE
    needed = int(finding.reason.split("about ")[1].split()[0])
    assert needed > 600, "as many as there are did not decide"
