"""Counting votes and descriptions."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.core.disclosure import Votes
from casemate.core.release import Meanings
from casemate.core.revelations import Classes, allowed, counts, fitting, guesses, tally


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_leaving_a_row_out_is_the_same_as_voting_without_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, people, groups, number = 12, 5, 4, 3
    of, seen = rng.integers(groups, size=n), rng.integers(number, size=n)
    of[:groups] = np.arange(groups)
    entries = rng.random((people, groups)) < 0.6
    person, group = np.nonzero(entries)
    votes = Votes(of, person, group, rng.random(len(person)) + 0.1)
    own = rng.integers(-1, n, size=people)
    found = guesses(votes, seen, number, people, own)
    for one in range(people):
        total, prior = np.zeros(number), np.bincount(seen, minlength=number).astype(float)
        for entry in np.flatnonzero(person == one):
            for row in np.flatnonzero(of == group[entry]):
                total[seen[row]] += votes.weight[entry] * (row != own[one])
        if own[one] >= 0:
            prior[seen[own[one]]] -= 1
        best = np.flatnonzero(total >= total.max() - 1e-9)
        assert found[one] in best[prior[best] == prior[best].max()]


def test_a_tally_adds_weights() -> None:
    votes = Votes(np.array([0, 0, 1]), np.array([0, 0]), np.array([0, 1]), np.array([1.0, 0.5]))
    assert tally(votes, np.array([0, 1, 1]), 2, 2).tolist() == [[1.0, 1.5], [0.0, 0.0]]


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_descriptions_are_counted_over_all_their_columns(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = pl.DataFrame({"x": rng.integers(5, size=30), "y": rng.choice(["a", "b", "c"], 30)})
    domains = {"x": np.arange(5.0), "y": np.array(["a", "b", "c"], dtype=object)}
    low, width = rng.integers(5, size=4), rng.integers(3, size=4)
    members = rng.random((4, 3)) < 0.7
    members[:, 0] |= ~members.any(axis=1)
    names = ("0", "1", "2", "3")
    told = {
        "x": Meanings(domains["x"], names, low.astype(np.int32), np.minimum(low + width, 4).astype(np.int32)),
        "y": Meanings(domains["y"], names, members.argmax(1).astype(np.int32),
                      (2 - members[:, ::-1].argmax(1)).astype(np.int32), members),
    }  # fmt: skip
    expected = [
        table.filter(
            pl.col("x").is_between(int(told["x"].low[at]), int(told["x"].high[at]))
            & pl.col("y").is_in([word for word, has in zip("abc", members[at], strict=True) if has])
        ).height
        for at in range(4)
    ]
    assert fitting(table, told).tolist() == expected


def test_nothing_described_fits_nothing() -> None:
    assert len(fitting(pl.DataFrame({"x": [1]}), {})) == 0


def test_classes_of_words_and_of_many_numbers() -> None:
    words = pl.Series(["b", "a", None])
    classes = Classes.of(words)
    assert [classes.names[code] for code in classes.code(words)] == ["b", "a", ""]
    assert classes.code(pl.Series(["c", "a"])).tolist() == [3, 1]
    wide = pl.Series([*np.arange(1000.0).tolist(), None])
    classes = Classes.of(wide)
    codes = classes.code(wide)
    assert len(classes.names) == 21
    assert classes.names[codes[-1]] == "missing"
    assert (np.bincount(codes)[:20] == 50).all()
    assert classes.code(pl.Series([-5.0, 49.9, 50.0, 1e9])).tolist() == [0, 0, 1, 19]


def test_a_number_is_taken_for_the_nearest_that_there_is() -> None:
    classes = Classes.of(pl.Series([10, 2, None, 30]))
    assert classes.names == ("2", "10", "30", "")
    assert classes.code(pl.Series([1.5, 7.0, 19.0, 99.0, None])).tolist() == [0, 1, 1, 2, 3]
    assert Classes.of(pl.Series([1, 2])).code(pl.Series([2, None])).tolist() == [1, 2]
    assert Classes.of(pl.Series([1, 2])).code(pl.Series(["2", "x"])).tolist() == [1, 2]


def test_common_values_come_first() -> None:
    assert counts(pl.Series(["b", "a", "b", None])).rows() == [("b", 2), ("", 1), ("a", 1)]


@pytest.mark.parametrize(("label", "said"), [(0, "1"), (1, "1 to 3"), (2, "anything"), (3, "1, 9")])
def test_a_label_in_words(label: int, said: str) -> None:
    members = np.array([[1, 0, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1], [1, 0, 0, 1]], dtype=bool)
    low, high = np.zeros(4, np.int32), np.array([0, 2, 3, 3], np.int32)
    domain = np.array([1.0, 2.0, 3.0, 9.0])
    told = Meanings(domain, ("a", "b", "c", "d"), low, high, members if label == 3 else None)
    assert allowed(told, label) == said
