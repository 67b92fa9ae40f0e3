"""Labels of other programs: ranges, sets, bands by name, rounded numbers and pseudonyms."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from casemate.controls.anonymity.foreign import read_foreign
from casemate.core.release import Release

RAW = Release(
    pl.DataFrame({"age": [20, 25, 30, 35, 41, 49], "town": list("abcabc")}),
    {"age": "quasi-identifier", "town": "quasi-identifier"},
    np.arange(6),
)


def meaning(release: Release, name: str, label: str) -> list[object]:
    told = release.meanings[name]
    return told.domain[told.values(told.labels.index(label))].tolist()


def made(**columns: list[object]) -> Release:
    return read_foreign(RAW, pl.DataFrame(columns), np.arange(6))


def test_raw_columns_are_left_as_they_are() -> None:
    found = made(age=[20, 25, 30, 35, 41, 49], town=list("abcabc"), more=list("uvwxyz"))
    assert not found.meanings and not found.pseudonyms
    assert found.table.columns == ["age", "town", "more"]
    assert set(found.roles) == {"age", "town"}


@pytest.mark.parametrize(
    ("label", "values"),
    [
        ("20-29", [20, 25]),
        ("[20, 30)", [20, 25]),
        ("20..30", [20, 25, 30]),
        ("<40", [20, 25, 30, 35]),
        ("*", [20, 25, 30, 35, 41, 49]),
        ("a band by name", [20, 25]),
        ("22.5", [20, 25]),
    ],
)
def test_labels_of_numbers(label: str, values: list[float]) -> None:
    found = made(age=[label, label, "x", "x", "x", "x"])
    assert meaning(found, "age", label) == values


def test_sets_of_words_and_a_name_stand_for_what_they_list_or_hold() -> None:
    found = made(town=["{a, b}", "{a, b}", "north", "{a, b}", "{a, b}", "north"])
    assert meaning(found, "town", "{a, b}") == ["a", "b"]
    assert meaning(found, "town", "north") == ["c"]


def test_stand_ins_one_to_one_are_pseudonyms() -> None:
    found = made(town=list("pqrpqr"))
    assert found.pseudonyms == {"town": "one stand-in for each value"}
    assert "town" not in found.meanings
    swapped = made(town=list("bcabca"))  # shares values with the raw column: a generalisation of one value each
    assert not swapped.pseudonyms


def test_missing_labels_stand_for_what_their_rows_hold() -> None:
    found = made(town=["a", None, "c", "a", None, "c"])
    assert meaning(found, "town", "") == ["b"]
