"""Roles of columns: from forms, words, names and uniqueness; bad columns never stumble."""

from __future__ import annotations

import datetime
import importlib.util
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.profiling.hints import fold, hint
from casemate.controls.profiling.kinds import KINDS
from casemate.controls.profiling.roles import guess_role
from casemate.controls.profiling.words import HINTS

ROOT = Path(__file__).parents[3]


def labelled() -> list[Any]:
    spec = importlib.util.spec_from_file_location("labelled_columns", ROOT / "bench" / "labelled_columns.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["labelled_columns"] = module
    spec.loader.exec_module(module)
    made: list[Any] = module.labelled(60, seed=3)
    return made


def test_two_hundred_labelled_columns_with_decoys() -> None:
    columns = labelled()
    assert len(columns) >= 200
    wrong = []
    for column in columns:
        guess = guess_role(pl.Series(column.name, column.values))
        told = "none" if guess.of.role in ("feature", "ignored") or guess.kind == "row-key" else guess.kind
        if told != column.kind:
            wrong.append((column.name, column.kind, guess.kind))
    assert len(wrong) <= 4, wrong


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("E-Mail", "email"),
        ("customerId", "person-key"),
        ("date_of_birth", "birth-date"),
        ("Geburtsdatum", "birth-date"),
        ("numéro_sécurité_sociale", "national-id"),
        ("płeć", "sex"),
        ("native-country", "country"),
        ("order_id", "row-key"),
        ("product_name", None),
        ("phone_count", None),
        ("education-num", "education"),
        ("", None),
        ("42", None),
        ("hours-per-week", None),
    ],
)
def test_what_names_say(name: str, kind: str | None) -> None:
    assert hint(name) == kind


def test_every_term_is_written_as_names_are_read() -> None:
    for kind, terms in HINTS.items():
        assert kind in KINDS
        for term in terms.split():
            assert fold(term) == term, term


def test_a_name_that_its_values_contradict_is_not_believed() -> None:
    guess = guess_role(pl.Series("email", ["yes", "no", "maybe"] * 20))
    assert guess.of.role == "feature"
    assert "do not look so" in guess.reasons[-1]


def test_random_digits_are_no_cards_and_nine_digits_no_social_security_numbers() -> None:
    digits = pl.Series("ref", [str(4_000_000_000_000_000 + 7919 * i * i) for i in range(400)])
    assert guess_role(digits).kind in ("row-key", "code")
    nine = pl.Series("amount_cents", [123_456_789 + 7919 * i for i in range(400)])
    assert guess_role(nine).kind in ("row-key", "number")


def test_a_number_for_each_row_and_for_each_person() -> None:
    assert guess_role(pl.Series("n", range(100))).kind == "row-key"
    assert guess_role(pl.Series("customer_id", [1, 1, 2, 2, 3] * 10)).kind == "person-key"
    assert guess_role(pl.Series("weight_g", [i * 0.37 for i in range(100)])).of.role != "identifier"


def test_ranges_refute_names() -> None:
    assert guess_role(pl.Series("age", [18, 44, 71] * 9)).kind == "age"
    refuted = guess_role(pl.Series("age", [18, 44, 71_000] * 9))
    assert refuted.kind == "number"
    assert "leave the range" in refuted.reasons[0]


def test_whole_numbers_beside_missing_values_are_whole() -> None:
    cards = pl.Series("card", [4111111111111111.0, None, 4012888888881881.0] * 5)
    assert guess_role(cards).kind == "card"


def test_dates() -> None:
    days = [datetime.date(1930, 1, 1) + datetime.timedelta(days=311 * i) for i in range(90)]
    assert guess_role(pl.Series("d", days)).kind == "birth-date"
    assert guess_role(pl.Series("seen", days[-5:] * 3)).kind == "date"
    assert guess_role(pl.Series("dob", [day.isoformat() for day in days])).kind == "birth-date"


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pl.Series("x", [None, None], dtype=pl.Null), "empty"),
        (pl.Series("x", [None, None], dtype=pl.Int64), "empty"),
        (pl.Series("x", [], dtype=pl.String), "empty"),
        (pl.Series("x", ["same"] * 3), "constant"),
        (pl.Series("x", ["same", None]), "constant"),
        (pl.Series("x", [[1], [2]]), "unreadable"),
        (pl.Series("x", [b"a", b"b"]), "unreadable"),
        (pl.Series("x", [datetime.timedelta(1), datetime.timedelta(2)]), "unreadable"),
        (pl.Series("x", [True, False, None]), "flag"),
        (pl.Series("x", ["a", "b", "a"], dtype=pl.Categorical), "category"),
        (pl.Series("x", [float("nan"), float("inf"), 1.5]), "number"),
        (pl.Series("x", ["", " ", "\t"]), "text"),
    ],
)
def test_columns_with_little_to_say(column: pl.Series, kind: str) -> None:
    assert guess_role(column).kind in (kind, "category")


values = st.one_of(
    st.lists(st.one_of(st.none(), st.text(max_size=30)), max_size=30),
    st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), max_size=30),
    st.lists(st.one_of(st.none(), st.floats()), max_size=30),
    st.lists(st.one_of(st.none(), st.dates()), max_size=30),
)


@given(st.text(max_size=30), values)
@settings(max_examples=120, deadline=None)
def test_any_column_gets_a_role_and_reasons_that_show_no_value(name: str, listed: list[Any]) -> None:
    guess = guess_role(pl.Series(name, listed))
    assert guess.kind in KINDS
    assert 0 <= guess.confidence <= 1
    assert guess.reasons


def test_reasons_hold_no_value() -> None:
    secret = [f"Zebulon{i} Quux{i}" for i in range(50)]
    for name in ("full_name", "comments", "x"):
        assert not any("Zebulon" in reason for reason in guess_role(pl.Series(name, secret)).reasons)
