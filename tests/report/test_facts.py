"""What is told beside the verdict."""

from __future__ import annotations

from dataclasses import replace

from casemate.core.assessment import Arm
from casemate.report import render
from casemate.report.facts import by_arm
from report.specimen import judged, specimen


def test_prices_go_from_no_controls_to_all() -> None:
    kinds = [cost.arm.partition(":")[0] for cost in by_arm(specimen())]
    assert kinds == sorted(kinds, key=["bare", "only", "without", "full"].index)
    assert (kinds[0], kinds[-1]) == ("bare", "full")


def test_of_two_controls_each_has_its_price_alone() -> None:
    one, other = "a.one", "b.other"
    record = specimen()
    price = record.costs[0]
    made = judged(
        record,
        system=replace(record.system, controls=(one, other)),
        arms=(
            Arm("full", (one, other)),
            Arm("bare", ()),
            Arm(f"only:{one}", (one,), (f"without:{other}",)),
            Arm(f"without:{one}", (other,), (f"only:{other}",)),
        ),
        costs=tuple(replace(price, arm=arm) for arm in ("full", "bare", f"only:{one}", f"without:{one}")),
    )
    assert [cost.arm for cost in by_arm(made)] == ["bare", f"only:{one}", f"only:{other}", "full"]
    for format in ("terminal", "markdown"):
        text = str(render(format, made))
        assert f"only {one}" in text
        assert f"only {other}" in text
