"""Rendering: published labels are true, tell no more than they say, and are read again as what they mean."""

import datetime
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.anonymity import rendering
from casemate.controls.anonymity.coding import Coded, code, encode
from casemate.controls.anonymity.composition import compose, masks_of
from casemate.controls.anonymity.domains import Detail
from casemate.controls.anonymity.grouping import Grouping
from casemate.controls.anonymity.labels import parse_label
from casemate.controls.anonymity.reading import read_meanings
from casemate.controls.anonymity.rendering import render
from casemate.core.errors import DataUnreadable, OutOfRange
from casemate.core.release import Meanings

ROWS = tuple((word, f"group {word[0]}", "all") for word in ("a|1", "a..2", "a*", "b\\", "b", "c"))
DAY = datetime.date(2020, 1, 1)

VALUES: dict[str, tuple[st.SearchStrategy[Any], pl.DataType, Detail]] = {
    "number": (st.integers(-3, 12), pl.Int64(), Detail()),
    "fraction": (st.sampled_from([0.5, -1.25, 1e-7, 3e20, 7.0]), pl.Float64(), Detail()),
    "unordered": (st.integers(0, 8), pl.Int64(), Detail(ordinal=False)),
    "banded": (st.integers(-3, 40), pl.Int64(), Detail(widths=(5, 20), within=True)),
    "word": (st.sampled_from(["a", "*", "a|b", "a..b", "[x", "..", "|", "\\", "1-2"]), pl.String(), Detail()),
    "level": (st.sampled_from(["low", "mid.", "high"]), pl.String(), Detail(order=("low", "mid.", "high"))),
    "tree": (st.sampled_from([row[0] for row in ROWS]), pl.String(), Detail(rows=ROWS)),
    "node": (st.sampled_from([row[0] for row in ROWS]), pl.String(), Detail(rows=ROWS, within=True)),
    "date": (st.integers(0, 900).map(lambda days: DAY + datetime.timedelta(days=days)), pl.Date(), Detail()),
    "year": (
        st.integers(0, 900).map(lambda days: DAY + datetime.timedelta(days=days)),
        pl.Date(),
        Detail(steps=("month", "year"), within=True),
    ),
}


@st.composite
def grouped(draw: st.DrawFn) -> tuple[pl.DataFrame, Coded, Grouping]:
    kinds = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=3, unique=True))
    n = draw(st.integers(1, 25))
    table = pl.DataFrame(
        {
            kind: pl.Series(
                draw(st.lists(st.none() | VALUES[kind][0], min_size=n, max_size=n)), dtype=VALUES[kind][1], strict=False
            )
            for kind in kinds
        }
    )
    ids = np.array(draw(st.lists(st.integers(-1, 4), min_size=n, max_size=n)))
    used, dense = np.unique(ids, return_inverse=True)
    dense = dense - (1 if used[0] < 0 else 0)
    coded = code(table, kinds, {kind: VALUES[kind][2] for kind in kinds})
    return table, coded, Grouping(dense.astype(np.int32), int(dense.max()) + 1)


@settings(max_examples=80, deadline=None)
@given(grouped(), st.booleans())
def test_labels_are_true_and_read_as_what_they_mean(case: tuple[pl.DataFrame, Coded, Grouping], loose: bool) -> None:
    table, coded, grouping = case
    shown = render(grouping, coded, loose=loose)
    assert np.array_equal(shown.rows, np.flatnonzero(grouping.ids >= 0))
    for domain in coded.domains:
        published, meanings = shown.columns[domain.name], shown.meanings[domain.name]
        may = masks_of(meanings)
        assert (may.argmax(axis=1) == meanings.low).all()
        assert np.array_equal(may.sum(axis=1), meanings.sizes)
        texts = published.fill_null("").to_list()
        label = np.array([meanings.labels.index(text) for text in texts], dtype=int)
        places = encode(table[domain.name].gather(shown.rows), domain, exact=True)
        assert may[label, places].all()  # true of every row
        ids = grouping.ids[shown.rows]
        assert all(len(set(label[ids == group].tolist())) <= 1 for group in range(grouping.count))
        again = read_meanings(published, domain)
        for text in set(texts):
            read = masks_of(again)[again.labels.index(text)]
            assert np.array_equal(read, may[meanings.labels.index(text)]), text


def test_what_is_published_of_each_kind() -> None:
    table = pl.DataFrame(
        {
            "age": [21, 29, 25, 40, 41, None],
            "city": ["Rome", "Oslo", "Bari", "Oslo", "Oslo", "Oslo"],
            "born": [DAY, DAY, datetime.date(2020, 3, 1), DAY, DAY, None],
            "town": ["Rome", "Bari", "Bari", "Oslo", "Rome", "Oslo"],
        }
    )
    towns = Detail(rows=(("Rome", "Italy"), ("Bari", "Italy"), ("Oslo", "Norway")), within=True)
    coded = code(table, table.columns, {"town": towns, "born": Detail(steps=("year",), within=True)})
    shown = render(Grouping(np.array([0, 0, 0, 1, 1, 2], dtype=np.int32), 3), coded)
    rows = list(zip(*(shown.columns[name].to_list() for name in table.columns), strict=True))
    assert rows[0] == rows[1] == rows[2] == ("21..29", "*", "2020", "Italy")
    assert rows[3] == ("40..41", "Oslo", "2020-01-01", "*")
    assert rows[5] == (None, "Oslo", None, "Oslo")


def test_a_group_of_missing_values_is_not_taken_for_all_of_them() -> None:
    coded = code(pl.DataFrame({"share": [None, 0.5]}), ["share"])
    shown = render(Grouping(np.array([0, 1], dtype=np.int32), 2), coded, loose=True)
    assert shown.columns["share"].to_list() == [None, "0.5"]


def test_a_missing_value_among_others() -> None:
    coded = code(pl.DataFrame({"age": [1, 2, None, 9], "city": ["a", None, "b", "c"]}), ["age", "city"])
    shown = render(Grouping(np.array([0, 0, 0, 1], dtype=np.int32), 2), coded)
    assert shown.columns["age"].to_list()[0] == "1..2|"
    assert shown.columns["city"].to_list()[0] == "a|b|"
    assert shown.meanings["age"].members is not None
    assert masks_of(shown.meanings["age"])[0].tolist() == [True, True, False, True]


def test_ranges_reach_up_to_the_missing_value_where_a_table_of_members_would_be_too_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rendering, "MOST_CELLS", 1)
    coded = code(pl.DataFrame({"age": [1, 2, None, 9, 9]}), ["age"])
    shown = render(Grouping(np.array([0, 0, 0, 1, 1], dtype=np.int32), 2), coded)
    assert shown.columns["age"].to_list()[0] == "*"
    assert shown.meanings["age"].members is None


def test_many_words_become_ranges_in_their_order() -> None:
    words = [f"w{number:03d}" for number in range(100)]
    coded = code(pl.DataFrame({"word": words}), ["word"])
    shown = render(Grouping(np.repeat(np.arange(10, dtype=np.int32), 10), 10), coded)
    assert shown.columns["word"].to_list()[0] == "w000..w009"
    tree = Detail(rows=tuple((word, word[:3] + "x") for word in words))
    coded = code(pl.DataFrame({"word": words}), ["word"], {"word": tree})
    shown = render(Grouping(np.repeat(np.arange(4, dtype=np.int32), 25), 4), coded)
    assert shown.columns["word"].to_list()[0] == "w00x|w01x|w020|w021|w022|w023|w024"


def test_published_ranges_are_true_where_values_share_codes() -> None:
    values = np.random.default_rng(3).normal(size=70_000)
    coded = code(pl.DataFrame({"x": values}), ["x"])
    order = np.argsort(values)
    ids = np.empty(len(values), dtype=np.int32)
    ids[order] = np.arange(len(values)) // 7000
    shown = render(Grouping(ids, 10), coded)
    ends = np.array([[float(end) for end in text.split("..")] for text in shown.columns["x"].to_list()])
    assert ((ends[:, 0] <= values) & (values <= ends[:, 1])).all()


def test_no_row_has_a_group() -> None:
    coded = code(pl.DataFrame({"age": [1, 2], "city": ["a", "b"]}), ["age", "city"])
    shown = render(Grouping(np.full(2, -1, dtype=np.int32), 0), coded)
    assert not len(shown.rows)
    assert all(not len(column) for column in shown.columns.values())


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=30), st.integers(1, 4))
def test_loose_ends_of_words_lie_on_a_grid(values: list[int], groups: int) -> None:
    order = tuple(f"w{number:02d}" for number in range(41))
    column = pl.Series("x", [order[value] for value in values] + list(order))
    coded = code(column.to_frame(), ["x"], {"x": Detail(order=order)})
    ids = np.arange(len(column), dtype=np.int32) % groups
    tight = render(Grouping(ids, groups), coded).meanings["x"]
    loose = render(Grouping(ids, groups), coded, loose=True).meanings["x"]
    for low, high in zip(loose.low.tolist(), loose.high.tolist(), strict=True):
        inside = (tight.low >= low) & (tight.high <= high)
        assert inside.any()
        width = int((tight.high - tight.low)[inside].max()) + 1
        assert high - low + 1 <= 3 * width
        if high > low:
            cell = 1 << (width.bit_length() - 1)
            assert low % cell == 0
            assert (high + 1) % cell == 0 or high == 40


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6).map(lambda value: round(value, 3)), min_size=2, max_size=20), st.booleans())
def test_loose_ends_of_numbers_are_round(values: list[float], whole: bool) -> None:
    column = pl.Series("x", [float(int(value)) for value in values] if whole else values)
    coded = code(column.to_frame(), ["x"])
    ids = (np.arange(len(column)) % 2).astype(np.int32)
    shown = render(Grouping(ids, 2), coded, loose=True)
    for group in (0, 1):
        own = column.filter(pl.Series(ids == group)).to_list()
        label = parse_label(shown.columns["x"][group], "number")
        if label.whole or label.spans[0].low == label.spans[0].high:
            continue
        (span,) = label.spans
        low, stop = float(span.low), float(span.high) + (not span.open_high)
        assert low <= min(own)
        assert max(own) < stop
        width = max(own) - min(own) + (not span.open_high)
        assert stop - low < 3 * width + 1e-9
        step = max(s * 10.0**p for p in range(-4, 8) for s in (1, 2, 5) if s * 10.0**p <= width * (1 + 1e-9))
        for end in (low, stop):
            assert abs(end / step - round(end / step)) < 1e-6


def test_labels_of_labels_mean_raw_values() -> None:
    rounded = Meanings(np.array([1.0, 4.0, 11.0, 12.0]), ("0", "10"), np.array([0, 2]), np.array([1, 3]))
    blurred = Meanings(np.array([0.0, 10.0]), ("0", "*"), np.array([0, 0]), np.array([0, 1]))
    both = compose(blurred, rounded)
    assert both.labels == ("0", "*")
    assert both.low.tolist() == [0, 0]
    assert both.high.tolist() == [1, 3]
    assert both.members is None


def test_foreign_labels_over_a_known_domain() -> None:
    domain = code(pl.DataFrame({"age": [20, 25, 29, 30, None]}), ["age"]).domains[0]
    read = read_meanings(pl.Series(["[20, 30[", "20-29", ">=30", "*", "25", None]), domain)
    told = {label: np.flatnonzero(mask).tolist() for label, mask in zip(read.labels, masks_of(read), strict=True)}
    assert told == {"[20, 30[": [0, 1, 2], "20-29": [0, 1, 2], ">=30": [3], "*": [0, 1, 2, 3, 4], "25": [1], "": [4]}
    cities = code(pl.DataFrame({"city": ["Rome", "Oslo"]}), ["city"]).domains[0]
    assert masks_of(read_meanings(pl.Series(["{Rome, Oslo}"]), cities)).all()


@pytest.mark.parametrize(
    ("label", "error", "said"),
    [
        ("21..22", OutOfRange, "no value of 'age' is what '21..22' says"),
        ("30..20", OutOfRange, "no value"),
        ("old", DataUnreadable, "'old' is no number"),
        (None, OutOfRange, "no value of 'age' is missing"),
    ],
)
def test_refuses_labels_that_say_nothing(label: str | None, error: type[Exception], said: str) -> None:
    domain = code(pl.DataFrame({"age": [20, 30]}), ["age"]).domains[0]
    with pytest.raises(error, match=said):
        read_meanings(pl.Series([label], dtype=pl.String), domain)
    cities = code(pl.DataFrame({"city": ["Rome"]}), ["city"]).domains[0]
    with pytest.raises(OutOfRange, match="Did you mean 'Rome'"):
        read_meanings(pl.Series(["Rom"]), cities)
