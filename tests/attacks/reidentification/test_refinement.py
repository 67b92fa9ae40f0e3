"""Refinement: counting tells overlapping groups apart; where none overlap it gains nothing."""

from __future__ import annotations

import numpy as np
import pytest

from casemate.attacks.reidentification import twin
from casemate.attacks.reidentification.refinement import Balance, refinement
from releases import grouped, people, released, target


def test_disjoint_groups_leave_nothing_to_count() -> None:
    raw = people(300, ages=3000)
    evidence = refinement(target(released(raw, grouped(raw, tight=False, width=100)), 200))
    assert evidence.baseline is not None
    assert (evidence.baseline == evidence.outcome).all()
    assert evidence.figures["people who fit several groups"] == 0.0


def test_a_full_group_has_no_room_left() -> None:
    evidence = refinement(target(twin.overlapping_groups(), 200))
    assert evidence.figures["right with it"] == 1.0
    assert evidence.figures["right without it"] < 0.7


def test_balanced_counts_meet_both_sides() -> None:
    balance = Balance(
        np.array([0, 1, 1]), np.array([0, 0, 1]), np.array([6.0, 6.0]), np.array([6.0, 6.0]), np.array([1.0, 1.0, 0.1])
    )
    found = balance.solve()
    assert found[0] == pytest.approx(6.0)
    assert found[1] < 0.1
    assert found[2] == pytest.approx(6.0, abs=0.1)


def test_a_group_without_bound_takes_whoever_is_left() -> None:
    balance = Balance(np.array([0, 0]), np.array([0, 1]), np.array([10.0]), np.array([4.0, np.inf]), np.ones(2))
    assert balance.solve() == pytest.approx([4.0, 6.0], abs=0.2)


def test_people_who_were_left_out_may_be_anywhere() -> None:
    system = twin.overlapping_groups()
    made = system.controls[0].release  # type: ignore[attr-defined]
    assert system.release is not None
    kept = made.rows[::2]
    fewer = type(made)(made.table[kept], made.roles, kept, made.meanings)
    evidence = refinement(target(released(system.release, fewer), 200))
    assert len(evidence) == 200
