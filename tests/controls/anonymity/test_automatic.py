"""Automatic hierarchies: what columns get that nobody declared one for."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from casemate.controls.anonymity.automatic import automatic, halves
from casemate.controls.anonymity.coding import code
from casemate.controls.anonymity.domains import Detail
from casemate.controls.anonymity.grouping import Grouping, Guarantee
from casemate.controls.anonymity.labels import parse_label
from casemate.controls.anonymity.mondrian import mondrian
from casemate.controls.anonymity.rendering import render
from casemate.controls.anonymity.survey import domain_of

WITHIN = Detail(within=True)


def test_numbers_get_round_bands_and_dates_steps() -> None:
    assert automatic(pl.Series([0, 99]), Detail()).widths == (5.0, 10.0, 20.0, 40.0, 80.0)
    assert automatic(pl.Series([0.0, 1.0]), Detail()).widths[:2] == (0.05, 0.1)
    assert automatic(pl.Series([7, 7]), Detail()).widths == ()
    assert automatic(pl.Series([None], dtype=pl.Float64), Detail()).widths == ()
    assert automatic(pl.Series(["2020-01-01"]).str.to_date(), Detail()).steps == ("month", "quarter", "year", "decade")


def test_what_was_declared_stays() -> None:
    assert automatic(pl.Series([1, 2]), Detail(widths=(3,))).widths == (3,)
    assert automatic(pl.Series([1, 2]), Detail(order=("2", "1"))).widths == ()
    asked = Detail(ordinal=False)
    assert automatic(pl.Series([1, 2]), asked) is asked


@given(st.lists(st.text(min_size=1), min_size=1, max_size=40, unique=True), st.booleans())
def test_halves_are_even_and_nest(words: list[str], ranges: bool) -> None:
    tree = halves(sorted(words), ranges=ranges)
    c = len(words)
    assert tree.nodes.shape[1] == c
    assert len(tree.names[0]) == c
    assert tree.names[-1] == ("*",)
    for fine, coarse in zip(tree.nodes[:-1], tree.nodes[1:], strict=True):
        assert len({*zip(fine.tolist(), coarse.tolist(), strict=True)}) == len(set(fine.tolist()))
        sizes = np.bincount(coarse)
        assert sizes.max() <= 2 * np.bincount(fine).max()
        assert len(sizes) == 1 or sizes.max() - sizes.min() <= 1


@given(st.lists(st.text(min_size=1), min_size=3, max_size=8, unique=True))
def test_names_of_few_words_read_back_as_the_set(words: list[str]) -> None:
    words = sorted(words)
    tree = halves(words)
    for names, (low, high) in zip(tree.names[:-1], tree.spans, strict=False):
        for name, first, last in zip(names, low, high, strict=True):
            assert [span.low for span in parse_label(name, "word").spans] == words[first : last + 1]


def test_many_words_are_named_by_first_and_last() -> None:
    tree = halves([f"w{i:02d}" for i in range(64)])
    assert tree.names[-2] == ("w00..w31", "w32..w63")
    assert tree.names[1][0] == "w00|w01"
    assert halves(["low", "mid", "high"], ranges=True).names[1] == ("low..mid", "high")


@pytest.mark.parametrize(
    "column",
    [
        pl.Series("x", [3, 1, 2, None, 2] * 8),
        pl.Series("x", [1.5, float("inf"), 2.5, float("nan")] * 8),
        pl.Series("x", ["b", "a", "", None, "c"] * 8),
        pl.Series("x", [True, False, None, True] * 8),
        pl.Series("x", ["2020-02-01", "2021-02-28", None, "1999-12-31"] * 8).str.to_date(),
        pl.Series("x", [None, None] * 8, dtype=pl.String),
        pl.Series("x", ["one"] * 8),
    ],
    ids=["numbers", "infinite", "words", "truth values", "dates", "nothing", "one value"],
)
def test_every_column_gets_bands_that_say_what_they_hold(column: pl.Series) -> None:
    table = column.to_frame()
    made = code(table, ["x"], {"x": WITHIN})
    assert made.domains[0].within == bool(len(made.domains[0].values))
    groups = mondrian(made.codes, Guarantee(2), trees=[domain.tree for domain in made.domains])
    shown = render(groups, made)
    assert shown.columns["x"].len() == len(column)
    meanings, label = shown.meanings["x"], made.codes[:, 0]
    assert isinstance(groups, Grouping)
    written = {text or None: place for place, text in enumerate(meanings.labels)}
    places = np.array([written[text] for text in shown.columns["x"].to_list()])
    domain = made.domains[0]
    first = domain.ends(label.astype(np.int64), last=False)
    assert (meanings.low[places] <= first).all()
    assert (first <= meanings.high[places]).all()


def test_bands_do_not_depend_on_the_rows() -> None:
    one, other = pl.Series([1, 90, 90, 90]), pl.Series([1, 1, 50, 90, 50])
    names = [domain_of(column, WITHIN).hierarchy for column in (one, other)]
    assert all(tree is not None for tree in names)
    assert set(names[0].names[2]) <= set(names[1].names[2])  # type: ignore[union-attr]
