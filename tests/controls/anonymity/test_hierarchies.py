"""Hierarchies: what is read from rows and files, what the tree answers, and every mistake that is refused."""

from pathlib import Path

import numpy as np
import pytest

from casemate.controls.anonymity.hierarchies import Hierarchy, from_rows
from casemate.controls.anonymity.hierarchy_file import read_rows
from casemate.core.errors import DataMissing, DataUnreadable, EmptyData, OutOfRange

CITIES = [
    ("Paris", "France", "Europe", "*"),
    ("Oslo", "Norway", "Europe", "*"),
    ("Lima", "Peru", "America", "*"),
    ("Nice", "France", "Europe", "*"),
]


@pytest.fixture
def cities() -> Hierarchy:
    return from_rows(CITIES)


def test_siblings_are_neighbours_in_the_order_of_the_rows(cities: Hierarchy) -> None:
    assert cities.values == ("Paris", "Nice", "Oslo", "Lima")
    assert cities.names[1:] == (("France", "Norway", "Peru"), ("Europe", "America"), ("*",))
    assert cities.nodes.tolist() == [[0, 1, 2, 3], [0, 0, 1, 2], [0, 0, 0, 1], [0, 0, 0, 0]]
    assert cities.places["France"] == (0, 1)
    assert cities.places["*"] == (0, 3)


def test_the_lowest_common_level(cities: Hierarchy) -> None:
    low, high = np.array([0, 0, 1, 0, 2]), np.array([0, 1, 2, 3, 2])
    assert cities.common(low, high).tolist() == [0, 1, 2, 3, 0]


@pytest.mark.parametrize(
    ("members", "names"),
    [
        ([1, 0, 0, 0], ["Paris"]),
        ([1, 1, 0, 0], ["France"]),
        ([1, 1, 0, 1], ["France", "Lima"]),
        ([1, 1, 1, 0], ["Europe"]),
        ([0, 1, 1, 0], ["Nice", "Oslo"]),
        ([1, 1, 1, 1], ["*"]),
        ([0, 0, 0, 0], []),
    ],
)
def test_the_fewest_names_that_stand_for_a_set(cities: Hierarchy, members: list[int], names: list[str]) -> None:
    assert cities.cover(np.array(members, dtype=bool)) == names


def test_a_root_is_set_above_several_widest_names() -> None:
    tree = from_rows([("a", "x"), ("b", "y")])
    assert tree.names[-1] == ("*",)
    assert from_rows([("a",), ("b",)]).names == (("a", "b"), ("*",))
    assert from_rows([("a", "World"), ("b", "World")]).names[-1] == ("World",)


def test_some_of_the_values(cities: Hierarchy) -> None:
    some = cities.take(cities.codes_of(["Lima", "Oslo"], "city")[::-1])
    assert some.values == ("Oslo", "Lima")
    assert some.names[2] == ("Europe", "America")


def test_a_value_without_a_row(cities: Hierarchy) -> None:
    with pytest.raises(OutOfRange, match="no row for the value 'Osla'. Did you mean 'Oslo'"):
        cities.codes_of(["Paris", "Osla"], "city")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("a", "x", "*"), ("b", "*")], "has 2 names, the first one 3"),
        ([("a", "x"), ("a", "y")], "'a' has two rows"),
        ([("a", "x"), ("a", "x")], "'a' has two rows"),
        ([("a", "x", "p"), ("b", "x", "q")], "'x' lies in 'q' here, and in 'p' there"),
        ([("a", "b", "*"), ("b", "a", "*")], "round in a circle: '[ab]' in '[ab]' in '[ab]'"),
        ([("a", "b", "c", "a")], "round in a circle"),
        ([("a", "b", "*"), ("b", "b", "*")], "'b' for two different sets of values"),
        ([("a", "", "*")], "name at level 1 is empty"),
    ],
)
def test_refuses_what_is_no_tree(rows: list[tuple[str, ...]], said: str) -> None:
    with pytest.raises(DataUnreadable, match=said) as caught:
        from_rows(rows, lambda row: f"cities.csv:{row + 1}")
    assert caught.value.fix
    assert caught.value.where is None or "cities.csv" in caught.value.where or "values" in caught.value.where


def test_the_first_of_two_rows_is_named() -> None:
    with pytest.raises(DataUnreadable) as caught:
        from_rows([("a", "x"), ("b", "x"), ("a", "x")], lambda row: f"h.csv:{row + 1}")
    assert caught.value.where == "h.csv:3; the first is h.csv:1"


def test_no_rows_at_all() -> None:
    with pytest.raises(EmptyData):
        from_rows([])


@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
def test_reads_files_with_any_separator(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "cities.csv"
    path.write_text("\r\n".join(separator.join(row) for row in CITIES) + "\r\n\n")
    assert read_rows(path) == tuple(CITIES)


def test_reads_quotes_and_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "h.csv"
    path.write_bytes(b'\xef\xbb\xbf"a;b";wide\nc;wide\n')
    assert read_rows(path) == (("a;b", "wide"), ("c", "wide"))


def test_refuses_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(DataMissing):
        read_rows(tmp_path / "none.csv")
    with pytest.raises(DataUnreadable, match="folder"):
        read_rows(tmp_path)
    (tmp_path / "empty.csv").write_text("\n\n")
    with pytest.raises(EmptyData):
        read_rows(tmp_path / "empty.csv")
    (tmp_path / "latin.csv").write_bytes("Oslo;Norway\nMalmö;Sweden\n".encode("latin-1"))
    with pytest.raises(DataUnreadable, match="UTF-8") as caught:
        read_rows(tmp_path / "latin.csv")
    assert "latin.csv:2" in str(caught.value.where)
    (tmp_path / "quote.csv").write_text('a;"b\nc;d\n')
    with pytest.raises(DataUnreadable, match="no CSV"):
        read_rows(tmp_path / "quote.csv")
