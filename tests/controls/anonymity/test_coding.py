"""Coding: columns of every type as codes over a domain, batch by batch the same, and what is refused."""

import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.anonymity.coding import code, code_with, encode
from casemate.controls.anonymity.domains import Detail, Domain
from casemate.controls.anonymity.survey import domain_of
from casemate.core.errors import DataUnreadable, EmptyData, OutOfRange, ShapeMismatch

DATES = [datetime.date(2001, 2, 3), datetime.date(1999, 12, 31), None]


def decoded(column: pl.Series, domain: Domain) -> list[object]:
    """Every value as the domain has it, from its code."""
    values = domain.raw[encode(column, domain, exact=True)].tolist()
    return [None if value == "" or value != value else value for value in values]


@pytest.mark.parametrize(
    ("column", "values"),
    [
        (pl.Series([3, 1, None, 3], dtype=pl.Int8), [3, 1, None, 3]),
        (pl.Series([2**40, -(2**40), 7]), [2**40, -(2**40), 7]),
        (pl.Series([0.5, float("nan"), -1.0, None]), [0.5, None, -1.0, None]),
        (pl.Series([float("inf"), 1.0, float("-inf")]), [float("inf"), 1.0, float("-inf")]),
        (pl.Series(["b", "", None, "a"]), ["b", None, None, "a"]),
        (pl.Series(["b", "a", None], dtype=pl.Categorical), ["b", "a", None]),
        (pl.Series(["b", "a"], dtype=pl.Enum(["z", "b", "a"])), ["b", "a"]),
        (pl.Series([True, None, False]), ["true", None, "false"]),
        (pl.Series(DATES), ["2001-02-03", "1999-12-31", None]),
        (pl.Series([datetime.time(12, 30)]), ["12:30:00"]),
        (pl.Series([2**60 + 1, 2**60]), [str(2**60 + 1), str(2**60)]),
        (pl.Series([None, None], dtype=pl.String), [None, None]),
        (pl.Series([None, None], dtype=pl.Int64), [None, None]),
        (pl.Series([None], dtype=pl.Null), [None]),
        (pl.Series([1, 2], dtype=pl.Decimal(10, 2)), [1.0, 2.0]),
    ],
    ids=str,
)
def test_every_value_keeps_its_identity(column: pl.Series, values: list[object]) -> None:
    domain = domain_of(column)
    assert decoded(column, domain) == values
    assert domain.missing == (None in values)
    assert domain.size == len(domain.raw) == len({str(value) for value in values})


def test_numbers_and_dates_have_an_order_and_words_have_none() -> None:
    assert domain_of(pl.Series([10, 9])).values.tolist() == [9.0, 10.0]
    assert domain_of(pl.Series([2**60 + 1, 2**60])).values.tolist() == [str(2**60), str(2**60 + 1)]
    ordered = [domain_of(pl.Series(values)).ordinal for values in ([1], [1.5], DATES, ["a"], [True])]
    assert ordered == [True, True, True, False, False]
    assert not domain_of(pl.Series([1, 2]), Detail(ordinal=False)).ordinal


def test_a_declared_order() -> None:
    domain = domain_of(pl.Series(["high", "low"]), Detail(order=("low", "middle", "high")))
    assert domain.values.tolist() == ["low", "high"]
    assert domain.ordinal
    with pytest.raises(OutOfRange, match="lacks the value 'hihg'. Did you mean 'high'"):
        domain_of(pl.Series("level", ["hihg"]), Detail(order=("low", "high")))


def test_the_order_of_a_hierarchy() -> None:
    rows = (("Rome", "Italy"), ("Oslo", "Norway"), ("Bari", "Italy"))
    domain = domain_of(pl.Series("city", ["Oslo", "Rome", "Bari", None]), Detail(rows=rows))
    assert domain.values.tolist() == ["Rome", "Bari", "Oslo"]
    assert domain.hierarchy is not None
    assert domain.hierarchy.values == ("Rome", "Bari", "Oslo")
    assert domain.missing
    assert not domain.within
    with pytest.raises(OutOfRange, match="no row for the value 'Pisa'"):
        domain_of(pl.Series("city", ["Pisa"]), Detail(rows=rows))


def test_a_hierarchy_of_numbers_keeps_them_numbers_where_its_nodes_are_ranges() -> None:
    rows = (("30", "30s"), ("9", "young"), ("10", "young"))
    domain = domain_of(pl.Series([10, 30, 9]), Detail(rows=rows, within=True))
    assert domain.kind == "number"
    assert domain.values.tolist() == [9.0, 10.0, 30.0]
    assert domain.tree is not None
    assert domain.tree.tolist() == [[0, 0, 0], [0, 0, 1], [0, 1, 2]]
    mixed = (("1", "odd"), ("2", "even"), ("3", "odd"))
    column = pl.Series([3, 2, 1])
    named = domain_of(column, Detail(rows=mixed))
    assert named.kind == "word"
    assert not named.ordinal
    assert named.values.tolist() == ["1", "3", "2"]
    assert encode(column, named).tolist() == [1, 2, 0]


def test_more_values_than_codes_share_them() -> None:
    column = pl.Series(np.random.default_rng(0).permutation(100_000) + 0.5)
    domain = domain_of(column)
    codes = encode(column, domain)
    assert codes.dtype == np.int16
    assert domain.size == 32_767
    values = column.to_numpy()
    low = domain.values[domain.ends(codes.astype(int), last=False)]
    high = domain.values[domain.ends(codes.astype(int), last=True)]
    assert ((low <= values) & (values <= high)).all()
    assert (high - low).max() <= 4
    assert np.array_equal(domain.values[encode(column, domain, exact=True)], values)


def test_shared_codes_end_where_nodes_of_a_hierarchy_do() -> None:
    column = pl.Series(range(100_000))
    domain = domain_of(column, Detail(widths=(1000,)))
    assert domain.starts is not None
    assert set(range(0, 100_000, 1000)) <= set(domain.starts.tolist())


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.none(), st.integers(-5, 5), st.just(2**30)), min_size=1), st.integers(1, 5))
def test_batches_are_coded_as_the_whole(values: list[int | None], size: int) -> None:
    table = pl.DataFrame(
        {"n": pl.Series(values, dtype=pl.Int64), "w": [None if v is None else f"w{v}" for v in values]},
        schema_overrides={"w": pl.String},
    )
    coded = code(table, ["w", "n"])
    assert coded.codes.flags.c_contiguous
    batches = [code_with(table[start : start + size], coded.domains) for start in range(0, len(values), size)]
    assert np.array_equal(np.concatenate(batches), coded.codes)
    for j, name in enumerate(coded.names):
        assert len(set(zip(coded.codes[:, j].tolist(), table[name].to_list(), strict=True))) == coded.sizes[j]


@pytest.mark.parametrize("values", [[1, 2, None], [0.5, 1e9], ["a", "b", None], DATES], ids=str)
@pytest.mark.parametrize("exact", [False, True])
def test_a_batch_without_rows_has_no_codes(values: list[object], exact: bool) -> None:
    """As where every row was suppressed."""
    column = pl.Series("x", values)
    assert encode(column.clear(), domain_of(column), exact=exact).tolist() == []


@pytest.mark.parametrize("new", ["z", None])
def test_a_value_that_the_domain_lacks(new: str | None) -> None:
    domain = domain_of(pl.Series("city", ["a", "b"]))
    with pytest.raises(OutOfRange) as caught:
        encode(pl.Series("city", ["a", new]), domain)
    assert caught.value.where == "column 'city', row 2"


def test_a_number_that_the_domain_lacks() -> None:
    for column, new in ((pl.Series([1, 3]), 2), (pl.Series([0.5, 1.5]), 1.0), (pl.Series([2**40, 0]), 7)):
        with pytest.raises(OutOfRange, match="which its domain lacks"):
            encode(pl.Series([new]), domain_of(column))
    with pytest.raises(OutOfRange):
        encode(pl.Series([1, None]), domain_of(pl.Series([1, 2])))


def test_refuses_tables_that_cannot_be_coded() -> None:
    table = pl.DataFrame({"age": [1], "tags": [["a"]]})
    with pytest.raises(ShapeMismatch, match="no column 'agee'. Did you mean 'age'"):
        code(table, ["agee"])
    with pytest.raises(ShapeMismatch, match="no columns"):
        code(table, [])
    with pytest.raises(EmptyData):
        code(table.clear(), ["age"])
    with pytest.raises(DataUnreadable, match="holds List"):
        code(table, ["tags"])


def test_refuses_bands_that_do_not_fit_the_column() -> None:
    with pytest.raises(OutOfRange, match="need numbers") as caught:
        domain_of(pl.Series("city", ["a"]), Detail(widths=(5,)))
    assert caught.value.where == "column 'city'"
    with pytest.raises(OutOfRange, match="no date"):
        domain_of(pl.Series("city", ["a"]), Detail(steps=("year",)))
