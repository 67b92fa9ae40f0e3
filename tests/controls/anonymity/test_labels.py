"""The textual grammar of blurred values: what is written is read again, and others' writing is understood."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.anonymity.labels import Label, Span, number_text, parse_label, word_text, write_label
from casemate.core.errors import DataUnreadable

WORDS = st.text(alphabet=st.sampled_from("ab.|\\*[](){}<>, -+19é\n"), min_size=1, max_size=8) | st.text(min_size=1)
NUMBERS = st.floats(allow_nan=False) | st.integers(-(10**6), 10**6).map(float)


def spans(ends: st.SearchStrategy[str] | st.SearchStrategy[float]) -> st.SearchStrategy[Span]:
    return st.tuples(ends, ends).map(lambda pair: Span(*pair)) | ends.map(lambda end: Span(end, end))


def labels(ends: st.SearchStrategy[str] | st.SearchStrategy[float]) -> st.SearchStrategy[Label]:
    some = st.tuples(st.lists(spans(ends), min_size=1, max_size=4), st.booleans())
    return some.map(lambda pair: Label(tuple(pair[0]), pair[1])) | st.sampled_from(
        [Label(whole=True), Label(missing=True)]
    )


@settings(max_examples=60)
@given(labels(WORDS))
def test_words_are_read_as_they_were_written(label: Label) -> None:
    assert parse_label(write_label(label), "word") == label


@settings(max_examples=60)
@given(labels(NUMBERS))
def test_numbers_are_read_as_they_were_written(label: Label) -> None:
    assert parse_label(write_label(label), "number") == label


@settings(max_examples=60)
@given(NUMBERS)
def test_a_number_is_its_own_text(value: float) -> None:
    assert float(number_text(value)) == value
    assert not number_text(value).endswith(".0")


@pytest.mark.parametrize("word", ["plain", "Cambodia", "two words", "U.S.", "20-29", "a,b", "1.5", "x*", "a+b"])
def test_ordinary_words_are_published_as_they_are(word: str) -> None:
    assert word_text(word) == word


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("20..29", Span(20.0, 29.0)),
        ("-5..-1", Span(-5.0, -1.0)),
        ("[20, 30[", Span(20.0, 30.0, open_high=True)),
        ("[20, 30)", Span(20.0, 30.0, open_high=True)),
        ("]20, 30]", Span(20.0, 30.0, open_low=True)),
        ("[20;30]", Span(20.0, 30.0)),
        ("20-29", Span(20.0, 29.0)),
        ("20 – 29", Span(20.0, 29.0)),
        ("-5--1", Span(-5.0, -1.0)),
        ("<20", Span(-math.inf, 20.0, open_high=True)),
        ("<= 20", Span(-math.inf, 20.0)),
        ("≥60", Span(60.0, math.inf)),
        (">60", Span(60.0, math.inf, open_low=True)),
        ("60+", Span(60.0, math.inf)),
        ("1e-05", Span(1e-05, 1e-05)),
    ],
)
def test_ranges_of_others_are_understood(text: str, span: Span) -> None:
    assert parse_label(text, "number") == Label((span,))


def test_sets_of_others_are_understood() -> None:
    assert parse_label("{a, 'b'; c}", "word") == Label((Span("a", "a"), Span("b", "b"), Span("c", "c")))
    assert parse_label("{20, 30-39}", "number") == Label((Span(20.0, 20.0), Span(30.0, 39.0)))


@pytest.mark.parametrize("text", ["abc", "20..x", "[a, b]", "nan", "1..2..3"])
def test_refuses_what_is_no_number(text: str) -> None:
    with pytest.raises(DataUnreadable, match="is no number"):
        parse_label(text, "number")
