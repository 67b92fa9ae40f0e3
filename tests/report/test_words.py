import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casemate.core.access import Access, Budget
from casemate.core.evidence import Spent
from casemate.core.finding import Effect
from casemate.report import words


def effect(value: float, low: float, high: float) -> Effect:
    return Effect("e", value, low, high, 100)


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.62, "62.0%"), (0.0, "0.0%"), (1.0, "100.0%"), (-0.0001, "0.0%"), (-0.02, "−2.0%"), (None, "–")],
)
def test_percent(value: float | None, said: str) -> None:
    assert words.percent(value) == said


@pytest.mark.parametrize(
    ("value", "said"), [(0.41, "+41.0"), (-0.03, "−3.0"), (0.0, "0.0"), (-0.0004, "0.0"), (None, "–")]
)
def test_points_carry_their_sign(value: float | None, said: str) -> None:
    assert words.points(value) == said


def test_an_interval_below_zero_is_written_with_to() -> None:
    assert words.interval(effect(0.62, 0.52, 0.712)) == "52.0–71.2"
    assert words.interval(effect(0.0, -0.019, 0.019)) == "−1.9 to 1.9"
    assert words.measured(effect(0.62, 0.52, 0.712)) == "62.0% (52.0–71.2)"
    assert words.gained(effect(0.41, 0.302, 0.509)) == "+41.0 (30.2–50.9)"
    assert words.interval(None) == words.measured(None) == words.gained(None) == "–"


@pytest.mark.parametrize(
    ("value", "said"),
    [(5000, "5,000"), (0.713, "0.713"), (3.0, "3"), (0.123456, "0.1235"), (math.nan, "–"), (math.inf, "–")],
)
def test_figure(value: float, said: str) -> None:
    assert words.figure(value) == said


def test_times() -> None:
    assert words.milliseconds(0.2134) == "0.21 ms"
    assert words.milliseconds(1234.5) == "1,234 ms"
    assert words.milliseconds(None) == "–"
    assert words.seconds(3.42) == "3.4 s"
    assert words.seconds(125) == "2 min 5 s"
    assert words.when("2026-11-23T17:20:00+00:00") == "2026-11-23 17:20 UTC"
    assert words.when("2026-11-23T17:20:00") == "2026-11-23 17:20 UTC"
    assert words.when("2026-11-23T17:20:00+02:00") == "2026-11-23 17:20 UTC+02:00"
    assert words.when("some day") == "some day"


def test_arms_compared_over_fewer_samples_say_so() -> None:
    assert words.paired(effect(0.1, 0, 0.2), effect(0.5, 0.4, 0.6)) == ""
    assert words.paired(None, effect(0.5, 0.4, 0.6)) == ""
    fewer = Effect("e", 0.1, 0, 0.2, 36)
    assert words.paired(fewer, effect(0.5, 0.4, 0.6)) == "compared over the 36 samples attacked on both arms"


def test_what_was_spent_leaves_out_what_was_not() -> None:
    assert words.spent(Spent(seconds=1.0)) == "1.0 s"
    assert (
        words.spent(Spent(1, 1, 2.0, 0, 1, 0, 1)) == "1 query, 1 training row changed, 1 model trained, 1 alarm, 2.0 s"
    )
    assert words.spent(Spent(2500, refusals=12)) == "2,500 queries, 12 refused, 0.0 s"


def test_what_was_granted() -> None:
    assert words.granted(Access()) == "black box"
    assert words.granted(Access.training(rows=True)) == "black box, training rows"
    assert words.granted(Access.training(labels=True)) == "black box, training labels"
    everything = words.granted(Access.everything())
    assert everything.startswith("white box, confidence scores, training rows")
    assert "the teacher model" in everything


def test_a_budget_names_every_limit_that_it_sets() -> None:
    assert words.budget(Budget()) == ""
    assert words.budget(Budget(queries=0)) == "0 queries"
    full = words.budget(Budget(5000, 500, 0.05, 60, "l2", 0.5, 8, 1, 90))
    assert full == (
        "5,000 queries, 500 queries a row, 5.0% of the training rows, radius 0.5 in l2, 8 reference models, "
        "1 account, 1 min 30 s"
    )


@pytest.mark.parametrize(
    ("id", "said"),
    [
        ("bare", "no controls"),
        ("full", "all controls"),
        ("only:a.b", "only a.b"),
        ("without:a.b", "without a.b"),
        ("odd", "odd"),
    ],
)
def test_arms(id: str, said: str) -> None:
    assert words.arm(id) == said


def test_techniques() -> None:
    assert words.technique("poisoning.label-flip") == "Label flip"
    assert words.technique("strange") == "Strange"
    assert words.technique("") == ""


def test_sentences() -> None:
    assert words.sentence("it held") == "It held."
    assert words.sentence("It held.") == "It held."
    assert words.sentence("") == words.ended("") == ""


def test_text_that_would_act_on_a_screen_is_shown_as_a_mark() -> None:
    assert words.printable("a\x1b[2Jb\rc\x07\u202edrow\u2066") == "a\ufffd[2Jb\ufffdc\ufffd\ufffddrow\ufffd"
    assert words.printable("two\nlines\tand é, 日本, 🙂") == "two\nlines\tand é, 日本, 🙂"


@given(st.text())
def test_printable_text_keeps_its_length_and_stays_printable(text: str) -> None:
    shown = words.printable(text)
    assert len(shown) == len(text)
    assert words.printable(shown) == shown
    assert not any(ord(char) < 32 and char not in "\n\t" for char in shown)


@given(st.text(max_size=50), st.integers(0, 60))
def test_clipped_text_says_how_much_is_missing(text: str, most: int) -> None:
    shown = words.clip(text, most)
    if len(text) <= most:
        assert shown == text
    else:
        assert shown == f"{text[:most]} [{len(text) - most:,} characters left out]"
