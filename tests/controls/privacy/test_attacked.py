"""Mondrian under attack: tight ranges fall whatever the noise; loose ones tell far less; bands hold."""

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from casemate.assess.effects import effect_of
from casemate.assess.loss import information_loss
from casemate.attacks import find
from casemate.controls.privacy.mondrian import Mondrian
from casemate.core.control import ReleaseFitting
from casemate.core.finding import Effect
from casemate.core.release import Release
from casemate.core.system import System
from casemate.core.target import Seeds, Target
from casemate.threats import catalogue

N, ATTACKED = 3000, 800
FEW, MANY = 8, 15
"""Rows of a group: of eight, one at an end is somebody (one in eleven at least); of fifteen, nobody is linked."""


def people() -> Release:
    rng = np.random.default_rng(0)
    table = pl.DataFrame(
        {
            "age": np.clip(rng.normal(45, 18, N), 18, 95).astype(int),
            "income": rng.lognormal(10, 0.8, N).round(-2),
            "hours": rng.choice([20, 30, 35, 38, 40, 45, 60], N),
            "town": rng.choice([f"town {number:02d}" for number in range(30)], N),
            "illness": rng.choice(["flu", "cold", "none"], N),
        }
    )
    return Release(table, dict.fromkeys(table.columns, "quasi-identifier") | {"illness": "sensitive"}, np.arange(N))


def released(control: Mondrian) -> Release:
    return control.on_release(people(), ReleaseFitting(people(), np.random.default_rng(0), 0))


def effect(attack: str, k: int, **options: Any) -> Effect:
    found = find(f"reidentification.{attack}")
    system = System("people", release=people()).with_(Mondrian(k=k, **options))
    effect = effect_of(found.run(Target(system, found.needs, Seeds.of(3, "arm", "x"), samples=ATTACKED)), 0.95)
    assert effect is not None
    return effect


def limit(attack: str) -> float:
    found = catalogue().threats[find(f"reidentification.{attack}").threat].default_limit
    assert found is not None
    return found


@pytest.mark.parametrize("attack", ["downcoding", "singling-out"])
@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_tight_ranges_fall(attack: str, noise: float) -> None:
    assert effect(attack, FEW, ranges="tight", noise=noise).low > limit(attack)


@pytest.mark.parametrize("attack", ["singling-out", "linkage", "refinement"])
@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_loose_ranges_hold(attack: str, noise: float) -> None:
    assert effect(attack, MANY, ranges="loose", noise=noise).high < limit(attack)


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_loose_ranges_tell_far_less_of_their_values(noise: float) -> None:
    """Not nothing: what lies in the middle of a widened range is likelier than what lies at its ends."""
    tight, loose = (effect("downcoding", FEW, ranges=ranges, noise=noise) for ranges in ("tight", "loose"))
    assert loose.high < tight.low / 3


@pytest.mark.parametrize("attack", ["downcoding", "singling-out", "linkage", "refinement"])
def test_bands_hold(attack: str) -> None:
    assert effect(attack, MANY).high < limit(attack)


def test_bands_tell_more_than_loose_ranges() -> None:
    """The cuts lie where bands end, so that nothing has to be widened afterwards."""
    raw = people()
    lost = {
        ranges: information_loss(raw, released(Mondrian(k=FEW, ranges=ranges)))
        for ranges in ("tight", "bands", "loose")
    }
    assert lost["tight"] < lost["bands"] < lost["loose"]


def test_the_release_says_so_of_every_row() -> None:
    raw = people()
    system = System("people", release=replace(raw)).with_(Mondrian(k=MANY))
    found = find("reidentification.linkage")
    target = Target(system, found.needs, Seeds.of(3, "arm", "x"), samples=50)
    assert set(target.disclosure.published.meanings) == {"age", "income", "hours", "town"}
