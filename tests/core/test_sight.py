"""What an attacker sees of a release and knows of people, and nothing beyond."""

from __future__ import annotations

from dataclasses import replace

import pytest

from casemate.core.disclosure import Disclosure
from casemate.core.errors import AccessDenied, ReleaseMissing, ShapeMismatch
from casemate.core.release import Release
from casemate.core.system import System
from releases import grouped, people, released, target


def disclosure(raw: Release, release: Release | None = None, samples: int = 100, **rest: object) -> Disclosure:
    return target(released(raw, release), samples, **rest).disclosure  # type: ignore[arg-type]


def test_the_attacker_never_sees_whose_row_is_whose() -> None:
    raw = people(40)
    found = disclosure(raw, grouped(raw))
    assert (found.published.rows == -1).all()
    assert found.published.table.columns == ["age", "illness"]


def test_arms_share_their_people_and_paired_rows() -> None:
    raw = people(60)
    one, other = disclosure(raw, grouped(raw), 20), disclosure(raw, samples=20)
    assert one.people.equals(other.people)
    assert len(one.people) == 20
    assert grouped(raw).rows[one.rows].tolist() == other.rows.tolist()


def test_what_is_known_of_people_are_their_quasi_identifiers_and_identifiers_or_what_the_system_says() -> None:
    raw = people()
    assert disclosure(raw).known == ("name", "age", "town")
    assert target(released(raw, known=("town",))).disclosure.known == ("town",)
    with pytest.raises(ShapeMismatch, match="Did you mean 'town'"):
        released(raw, known=("twon",))


def test_a_register_and_a_census_need_the_population() -> None:
    raw = people(30)
    granted = disclosure(raw)
    assert sorted(granted.register["name"]) == sorted(raw.table["name"])
    assert granted.register["name"].to_list() != raw.table["name"].to_list()
    assert granted.census("illness").height == 15
    refused = disclosure(raw, population=False)
    with pytest.raises(AccessDenied, match="list of the population"):
        _ = refused.register
    with pytest.raises(AccessDenied, match="census"):
        refused.census("illness")


@pytest.mark.parametrize(
    ("release", "need", "gap"),
    [
        (lambda raw: raw, "generalised", "generalises no column"),
        (lambda raw: raw, "pseudonyms", "holds no pseudonyms"),
        (lambda raw: raw.drop("illness"), "sensitive", "shows no sensitive column"),
        (lambda raw: raw.drop("name", "age", "town"), "readable", "shows nothing that the attacker knows"),
        (lambda raw: replace(raw, table=raw.table[:0], rows=raw.rows[:0]), "readable", "holds no row"),
    ],
)
def test_what_a_release_lacks_for_an_attack_is_said(release: object, need: str, gap: str) -> None:
    raw = people()
    assert gap in target(released(raw, release(raw))).lacks(("release", need))  # type: ignore[operator]


def test_nothing_is_missing_where_everything_is_there() -> None:
    raw = people()
    assert target(released(raw, grouped(raw))).lacks(("release", "readable", "generalised", "sensitive")) == ""


def test_a_system_without_a_table_has_no_release() -> None:
    with pytest.raises(ReleaseMissing, match="gives no table away"):
        _ = target(System("nothing")).disclosure
