"""Strict conversion: agreement with msgspec on what is valid, and the whole path on what is not."""

from __future__ import annotations

import datetime
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Meta, field

from casemate.core.errors import SystemFileError
from casemate.systems.declaration import Table
from casemate.systems.lines import Lines
from casemate.systems.strict import check_names, convert


class Leaf(Table, frozen=True):
    size: Annotated[int, Meta(ge=1, description="How large.")]
    ratio: float | None = None
    kind: Literal["soft", "hard"] = "soft"


class Tree(Table, frozen=True):
    leaf: Leaf | None = None
    leaves: tuple[Leaf, ...] = ()
    by_name: dict[str, Leaf] = field(default_factory=dict)
    pair: tuple[float, float] | None = None
    day: datetime.date | None = None
    names: tuple[str, ...] = ()


def failing(raw: dict[str, Any]) -> SystemFileError:
    with pytest.raises(SystemFileError) as caught:
        convert(raw, Tree, Lines())
    return caught.value


def test_what_is_valid_is_converted() -> None:
    raw = {
        "leaf": {"size": 1},
        "leaves": [{"size": 2, "kind": "hard"}],
        "by-name": {"a.b": {"size": 3, "ratio": 1}},
        "pair": [0, 1.5],
        "day": datetime.date(2030, 1, 2),
    }
    tree = convert(raw, Tree, Lines())
    assert tree == Tree(
        leaf=Leaf(size=1),
        leaves=(Leaf(size=2, kind="hard"),),
        by_name={"a.b": Leaf(size=3, ratio=1.0)},
        pair=(0.0, 1.5),
        day=datetime.date(2030, 1, 2),
    )


@pytest.mark.parametrize(
    ("raw", "where", "what"),
    [
        ({"leef": {}}, "leef", "the system file has no key 'leef'. Did you mean 'leaf'?"),
        ({"by_name": {}}, "by_name", "Did you mean 'by-name'?"),
        ({"leaf": 3}, "leaf", "leaf must be a table"),
        ({"leaf": {}}, "leaf.size", "[leaf] needs 'size'"),
        ({"leaves": {"size": 1}}, "leaves", "expected an array, got a table"),
        ({"leaves": [{"size": 1}, {"size": 0}]}, "leaves[1].size", "expected a whole number >= 1; it says 0"),
        ({"by-name": {"a.b": {"sise": 1}}}, 'by-name."a.b".sise', "Did you mean 'size'?"),
        ({"by-name": {"a": 1}}, "by-name.a", "by-name.a must be a table"),
        ({"leaf": {"size": True}}, "leaf.size", "expected a whole number, got true or false"),
        ({"leaf": {"size": 1, "ratio": float("inf")}}, "leaf.ratio", "inf is not a finite number"),
        ({"pair": [1.0, float("nan")]}, "pair", "not a finite number"),
        ({"pair": [1.0]}, "pair", "length 2"),
        ({"leaf": {"size": 1, "kind": "hart"}}, "leaf.kind", "not one of: soft, hard. Did you mean 'hard'?"),
        ({"names": ["a", 1]}, "names[1]", "expected text, got a whole number; it says 1"),
        ({"day": 3}, "day", "expected a date"),
    ],
)
def test_mistakes_have_their_whole_path(raw: dict[str, Any], where: str, what: str) -> None:
    error = failing(raw)
    assert error.where == where
    assert what in error.what


def test_the_fix_says_what_the_key_is_for() -> None:
    assert failing({"leaf": {"size": 0}}).fix == "size: How large."
    assert failing({"leaf": {}}).fix == "add size: How large."
    assert failing({"leaf": {"sise": 1}}).fix == "its keys are: size, ratio, kind"


scalars = st.booleans() | st.integers(-2, 3) | st.floats(allow_nan=False, allow_infinity=False) | st.text()
keys = st.sampled_from(["leaf", "leaves", "by-name", "pair", "day", "names", "size", "ratio", "kind", "other"])
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=8
)


@settings(deadline=None)
@given(st.dictionaries(keys, documents, max_size=3))
def test_it_accepts_what_msgspec_accepts_and_nothing_else(raw: dict[str, Any]) -> None:
    try:
        expected = msgspec.convert(raw, Tree, strict=True)
    except msgspec.ValidationError:
        failing(raw)
    else:
        assert convert(raw, Tree, Lines()) == expected


def test_names_are_checked_in_order_with_the_nearest() -> None:
    check_names([("a", ("x",)), ("b", ("y",))], ["a", "b"], "letter", Lines())
    with pytest.raises(SystemFileError, match=r"there is no word 'evasoin'\. Did you mean 'evasion'\?") as caught:
        check_names([("poisoning", ("x", 0)), ("evasoin", ("x", 1))], ["poisoning", "evasion"], "word", Lines())
    assert caught.value.where == "x[1]"
    assert caught.value.fix == "use one of: evasion, poisoning"
