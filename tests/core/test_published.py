"""A finished table in place of the raw one, and how controls make a table ready."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest

from casemate.core.build import release_of
from casemate.core.control import ReleaseFitting, control
from casemate.core.errors import ControlFailed, ReleaseMissing
from casemate.core.published import THREATS, AsPublished
from casemate.core.release import Release
from casemate.core.system import System
from casemate.threats import catalogue
from releases import grouped, people, released


@control("testing.drops-names", mitigates=("re-identification",), limit="everything else")
class DropsNames:
    """Leave the names out."""

    def on_release(self, release: Release, fitting: ReleaseFitting) -> Release:
        assert fitting.raw.table.columns[0] == "name"
        return release.drop("name")


@control("testing.shuffles", mitigates=(), limit="everything")
class Shuffles:
    """Put rows in random order."""

    def on_release(self, release: Release, fitting: ReleaseFitting) -> Release:
        order = fitting.rng.permutation(len(release))
        return replace(release, table=release.table[order], rows=release.rows[order])


@control("testing.breaks", mitigates=(), limit="everything")
class Breaks:
    """Fail."""

    def on_release(self, release: Release, fitting: ReleaseFitting) -> Release:
        raise RuntimeError("no")


def test_controls_act_on_the_table_in_their_order_and_on_copies() -> None:
    raw = people()
    system = System("people", release=raw, controls=(DropsNames(), Shuffles()))
    made = release_of(system, 3)
    assert made.table.columns == ["age", "town", "illness"]
    assert raw.table.columns[0] == "name"
    assert sorted(made.rows) == list(range(12))
    assert made is release_of(system, 3), "arms share what was made"
    assert made.rows.tolist() != release_of(system, 4).rows.tolist()
    assert release_of(system.bare(), 3) is raw


def test_a_controls_randomness_is_its_own_in_every_arm() -> None:
    raw = people()
    alone = release_of(System("people", release=raw, controls=(Shuffles(),)), 3)
    together = release_of(System("people", release=raw, controls=(DropsNames(), Shuffles())), 3)
    assert alone.rows.tolist() == together.rows.tolist()


def test_a_control_that_fails_says_where() -> None:
    with pytest.raises(ControlFailed, match=r"testing\.breaks failed in on_release"):
        release_of(System("people", release=people(), controls=(Breaks(),)), 0)


def test_a_system_without_a_table_says_so() -> None:
    with pytest.raises(ReleaseMissing, match="gives no table away"):
        release_of(System("nothing"), 0)


def test_what_is_published_is_given_away_and_counts_in_the_digest() -> None:
    raw = people()
    one, other = released(raw, grouped(raw)), released(raw, grouped(raw, 6))
    assert release_of(one, 0).table.equals(grouped(raw).table)
    assert one.digest == released(raw, grouped(raw)).digest
    assert len({one.digest, other.digest, released(raw).digest}) == 3
    assert one.base_digest == other.base_digest


def test_it_travels_to_other_processes_and_names_threats_that_there_are() -> None:
    raw = people()
    made = pickle.loads(pickle.dumps(AsPublished(release=grouped(raw))))
    assert made.digest() == AsPublished(release=grouped(raw)).digest()
    assert set(THREATS) <= set(catalogue().threats)


def test_a_system_may_have_no_model_and_then_answers_nothing() -> None:
    system = released(people())
    assert not system.answers
    assert len(system.train) == len(system.test) == 0
    assert system.with_(DropsNames()).only("testing.drops-names").release is system.release
