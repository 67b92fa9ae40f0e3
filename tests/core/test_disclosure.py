"""How the harness decides what was learned from a release: every judge against cases worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from casemate.core.disclosure import Disclosure, Votes
from casemate.core.errors import ShapeMismatch, UnknownName
from casemate.core.release import Meanings, Release
from releases import ROLES, grouped, people, ranges, released, target


def disclosure(raw: Release, release: Release | None = None, samples: int = 100, **rest: object) -> Disclosure:
    return target(released(raw, release), samples, **rest).disclosure  # type: ignore[arg-type]


def owner(found: Disclosure) -> np.ndarray:
    """Which raw row each person is, told by their name."""
    return np.array([int(name.split()[1]) for name in found.people["name"].to_list()])


def test_claims_are_right_where_they_name_the_own_row() -> None:
    raw = people(30)
    found = disclosure(raw)
    right = found.link(owner(found))
    assert right.outcome.all()
    assert not found.link((owner(found) + 1) % 30).outcome.any()
    assert not found.link(np.full(30, -1)).outcome.any()
    assert right.examples[0].before_text[0].startswith("person")
    with pytest.raises(ShapeMismatch, match="30 are attacked"):
        found.link(np.zeros(3, np.int64))


def test_who_was_left_out_cannot_be_linked() -> None:
    raw = people(30)
    kept = replace(raw, table=raw.table[:10], rows=raw.rows[:10])
    evidence = disclosure(raw, kept).link(np.zeros(30, np.int64))
    assert evidence.outcome.sum() == 1
    assert evidence.figures["people who are not in the release"] == pytest.approx(2 / 3)


def test_a_description_singles_out_where_exactly_one_raw_row_fits() -> None:
    table = pl.DataFrame({"age": [20, 30, 30, 40], "town": ["a", "b", "b", "c"]})
    raw = Release(table, {"age": "quasi-identifier", "town": "quasi-identifier"}, np.arange(4))
    found = disclosure(raw)
    age = np.array([20.0, 30.0, 40.0])
    labels = ("0", "1", "2", "3")
    one = Meanings(age, labels, np.array([0, 1, 0, 2], np.int32), np.array([0, 1, 1, 2], np.int32))
    none = Meanings(age, labels, np.zeros(4, np.int32), np.full(4, 2, np.int32))
    evidence = found.single_out({"age": one}, {"age": none})
    assert evidence.baseline is not None
    assert evidence.baseline.tolist() == [True, False, False, True]
    assert not evidence.outcome.any()
    assert "one person" in evidence.examples[0].note


def test_a_guess_is_set_against_the_same_votes_without_the_own_row() -> None:
    table = pl.DataFrame({"age": [1, 1, 1, 2], "illness": ["a", "a", "b", "b"]})
    raw = Release(table, {"age": "quasi-identifier", "illness": "sensitive"}, np.arange(4))
    found = disclosure(raw)
    ages = found.people["age"].to_list()
    votes = Votes(np.array([0, 0, 0, 1]), np.arange(4), np.array([age - 1 for age in ages]), np.ones(4))
    evidence = found.infer("illness", votes)
    assert evidence.baseline is not None and evidence.ids is not None
    with_, without = (dict(zip(evidence.ids.tolist(), part.tolist(), strict=True)) for part in
                      (evidence.baseline, evidence.outcome))  # fmt: skip
    # Group 1 says a: right for rows 0 and 1, wrong for 2; row 3 is alone, and says its own b.
    assert with_ == {0: True, 1: True, 2: False, 3: True}
    # Without row 0 the group is a and b, and of the others most are b; without row 3 nothing but a tie is left.
    assert without[2] is False
    assert without[0] is without[1] is False
    assert without[3] is False
    with pytest.raises(UnknownName):
        found.infer("age", votes)


def test_what_a_release_tells_about_anybody_is_not_its_fault() -> None:
    rng = np.random.default_rng(1)
    age = rng.integers(2, size=400)
    table = pl.DataFrame({"age": age, "illness": np.where(age == 1, "a", "b")})
    raw = Release(table, {"age": "quasi-identifier", "illness": "sensitive"}, np.arange(400))
    found = disclosure(raw)
    votes = Votes(age, np.arange(100), found.people["age"].to_numpy(), np.ones(100))
    evidence = found.infer("illness", votes)
    assert evidence.baseline is not None
    assert evidence.baseline.all() and evidence.outcome.all()


def test_wide_numbers_are_judged_in_bins() -> None:
    rng = np.random.default_rng(2)
    table = pl.DataFrame({"age": np.arange(300), "income": rng.random(300)})
    raw = Release(table, {"age": "quasi-identifier", "income": "sensitive"}, np.arange(300))
    found = disclosure(raw)
    votes = Votes(np.arange(300), np.arange(100), found.people["age"].to_numpy(), np.ones(100))
    evidence = found.infer("income", votes)
    assert evidence.figures["right with it"] == 1.0
    assert evidence.figures["right without it"] < 0.2


def test_a_recovered_value_is_right_where_somebody_in_the_group_has_it() -> None:
    raw = people(10)
    release = grouped(raw, 10)
    found = disclosure(raw, release)
    domain = release.meanings["age"].domain
    present = int(np.searchsorted(domain, raw.table["age"][0]))
    evidence = found.recover(["age"] * 10, np.full(10, present))
    assert evidence.baseline is not None and evidence.baseline.all()
    assert 0 < evidence.outcome.sum() < 10  # a number between the ends may be nobody's
    absent = found.recover([""] * 10, np.full(10, present))
    assert absent.baseline is not None and not absent.baseline.any() and not absent.outcome.any()


def test_one_row_in_a_large_group_is_nobody() -> None:
    raw = people(40, ages=4000)
    release = grouped(raw, 20)
    found = disclosure(raw, release)
    lowest = int(release.meanings["age"].low.min())
    evidence = found.recover(["age"] * 40, np.full(40, lowest))
    assert evidence.baseline is not None and not evidence.baseline.any()


def test_the_blind_guess_is_the_most_common_value_within_the_label() -> None:
    table = pl.DataFrame({"age": [1] * 30 + [2] * 20 + [3, 4], "illness": ["a"] * 52})
    roles = {"age": ROLES["age"], "illness": ROLES["illness"]}
    raw = Release(table, roles, np.arange(52))
    told = ranges([1, 2, 3, 4], {"1..2": (1, 2), "3..4": (3, 4)})
    labels = pl.Series("age", ["1..2"] * 50 + ["3..4"] * 2)
    found = disclosure(raw, Release(table.with_columns(labels), roles, raw.rows, {"age": told}))
    # What fewer than ten people have is not public.
    assert found.common("age", told.domain).tolist() == [30, 20, 0, 0]
    likeliest = found._likeliest(["age"] * 52)[np.argsort(found.rows)]
    assert (likeliest[:50] == 0).all()
    assert set(likeliest[50:].tolist()) <= {2, 3}


def test_pseudonyms_are_read_right_or_wrong_against_the_most_common_value() -> None:
    table = pl.DataFrame({"town": ["a", "a", "b"]})
    raw = Release(table, {"town": "quasi-identifier"}, np.arange(3))
    made = Release(pl.DataFrame({"town": ["p", "p", "q"]}), raw.roles, raw.rows, pseudonyms={"town": "hmac"})
    evidence = disclosure(raw, made).decipher("town", {"p": "a", "q": "a"}, "a")
    assert evidence.baseline is not None
    assert evidence.baseline.sum() == evidence.outcome.sum() == 2
    better = disclosure(raw, made).decipher("town", {"p": "a", "q": "b"}, "a")
    assert better.baseline is not None and better.baseline.all()


def test_published_values_that_are_not_true_tell_nothing() -> None:
    rng = np.random.default_rng(3)
    raw = Release(
        pl.DataFrame({"age": np.arange(400), "illness": rng.choice(["a", "b", "c"], 400)}),
        {"age": "quasi-identifier", "illness": "sensitive"},
        np.arange(400),
    )
    shuffled = raw.table.with_columns(pl.col("illness").shuffle(seed=1))
    for table, least, most in ((raw.table, 1.0, 1.0), (shuffled, 0.2, 0.5)):
        found = disclosure(raw, Release(table, raw.roles, raw.rows))
        votes = Votes(np.arange(400), np.arange(100), found.people["age"].to_numpy(), np.ones(100))
        evidence = found.infer("illness", votes)
        assert evidence.baseline is not None
        assert least <= evidence.baseline.mean() <= most
