"""The gate of a release: what is attacked, what holds, and what a skipped attack costs."""

from __future__ import annotations

import pytest

from casemate.assess.release import Gate, attack_release, release_attacks
from casemate.core.errors import UnknownName
from casemate.core.finding import Verdict
from casemate.core.record import decode, encode
from casemate.core.system import DataVersion
from releases import grouped, people


def verdicts(done: object) -> dict[str, Verdict]:
    return {finding.attack.partition(".")[2]: finding.verdict for finding in done.of("full")}  # type: ignore[attr-defined]


def test_groups_of_k_rows_are_never_enough() -> None:
    raw = people(3000, ages=20_000)
    done = attack_release(grouped(raw, 10), raw, Gate(samples=300))
    assert done.verdict is Verdict.BROKEN
    found = verdicts(done)
    assert found["downcoding"] is found["singling-out"] is Verdict.BROKEN
    assert found["linkage"] is not Verdict.BROKEN
    assert found["frequency"] is Verdict.NOT_APPLICABLE
    assert all(twin.verdict is Verdict.BROKEN for twin in done.twins if twin.cell is not None)


def test_wide_bands_hold_and_the_raw_table_is_set_beside_them() -> None:
    raw = people(4000, ages=40, illnesses=2)
    done = attack_release(grouped(raw, tight=False, width=30), raw, Gate(samples=1500))
    assert done.verdict is Verdict.HELD, [(f.attack, f.reason) for f in done.of("full")]
    bare = {finding.attack.partition(".")[2]: finding.verdict for finding in done.of("bare")}
    assert bare["linkage"] is Verdict.BROKEN
    deltas = [finding.delta for finding in done.of("full") if finding.attack.endswith("linkage")]
    assert deltas[0] is not None and deltas[0].low > 0.9
    (full,) = [cost for cost in done.costs if cost.arm == "full"]
    assert full.information_loss is not None and full.information_loss > 0.7
    assert full.dropped_columns == ("name", "town")


def test_the_same_seed_gives_the_same_record_and_it_can_be_stored() -> None:
    raw = people(600)
    version = DataVersion("release", "people.csv", "0" * 64)
    first, again = (attack_release(grouped(raw), raw, Gate(samples=50), seed=3, versions=(version,)) for _ in range(2))
    assert [f.effect for f in first.findings] == [f.effect for f in again.findings]
    stored = decode(encode(first))
    assert stored.system.data == (version,)
    assert stored.system.released_rows == 600
    assert stored.findings[0].reason == first.findings[0].reason


def test_limits_and_skips_go_by_attack_threat_or_technique() -> None:
    raw = people(300)
    gate = Gate(limits={"linkage": 1.0, "singling_out": 1.0}, skip=("downcoding", "refinement"), samples=40)
    done = attack_release(grouped(raw), raw, gate)
    limits = {finding.attack: finding.limit for finding in done.of("full")}
    assert limits["reidentification.linkage"] == limits["reidentification.singling-out"] == 1.0
    assert not {"reidentification.downcoding", "reidentification.refinement"} & set(limits)
    assert any("downcoding was not run" in warning for warning in done.warnings)
    with pytest.raises(UnknownName, match="Did you mean 'linkage'"):
        attack_release(grouped(raw), raw, Gate(limits={"linkadge": 0.1}))


def test_the_six_attacks_are_there() -> None:
    assert [id.partition(".")[2] for id in release_attacks()] == [
        "attribute-inference",
        "downcoding",
        "frequency",
        "linkage",
        "refinement",
        "singling-out",
    ]
