"""The twins fall, and a release that tells nothing holds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from casemate.assess.cell import run_cell, run_twin
from casemate.assess.effects import effect_of
from casemate.assess.judge import judge_twin
from casemate.assess.plan import PlannedCell
from casemate.assess.release import release_attacks
from casemate.assess.run import Options
from casemate.attacks.reidentification import twin
from casemate.core.attack import Attack
from casemate.core.finding import Verdict
from casemate.core.release import Meanings, Release
from releases import people, released


@pytest.mark.parametrize("attack", release_attacks().values(), ids=lambda attack: attack.id)
def test_a_release_that_hides_everything_holds(attack: Attack) -> None:
    raw = people(1500, ages=60)
    ages = np.unique(raw.table["age"].to_numpy()).astype(np.float64)
    whole = Meanings(ages, ("*",), np.zeros(1, np.int32), np.array([len(ages) - 1], np.int32))
    table = raw.table.select(pl.lit("*").alias("age"), "illness")
    made = Release(table, {"age": "quasi-identifier", "illness": "sensitive"}, raw.rows, {"age": whole})
    cell = run_cell(PlannedCell(attack, "full", released(raw, made), attack.needs), 0, 1000)
    assert cell.failure is None, cell.failure
    if cell.evidence is not None:
        effect = effect_of(cell.evidence)
        assert effect is not None
        assert effect.high <= 0.05


@pytest.mark.parametrize("attack", release_attacks().values(), ids=lambda attack: attack.id)
def test_every_twin_falls_whatever_the_seed(attack: Attack) -> None:
    for seed in range(20):
        found = judge_twin(attack.id, run_twin(attack, seed, Options.samples))
        assert found.verdict is Verdict.BROKEN, (seed, found.reason)


def test_every_twin_is_what_it_says() -> None:
    for make in (twin.raw_table, twin.tight_ranges, twin.overlapping_groups, twin.plain_pseudonyms):
        system = make()
        assert system.release is not None
        assert make().digest == system.digest
    assert replace(twin.raw_table(), name="x").controls == ()
