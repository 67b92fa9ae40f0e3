"""Singling out: tight ends give people away, wide bands give no more than luck."""

from __future__ import annotations

from casemate.attacks.reidentification.singling_out import singling_out
from releases import grouped, people, released, target


def lift(evidence: object) -> float:
    figures = evidence.figures  # type: ignore[attr-defined]
    return float(figures["right with it"] - figures["right without it"])


def test_rows_that_nobody_else_looks_like_are_singled_out() -> None:
    raw = people(300, ages=300, towns=30)
    assert lift(singling_out(target(released(raw), 200))) > 0.9


def test_a_range_that_ends_at_somebody_singles_them_out() -> None:
    raw = people(2000, ages=20_000)
    evidence = singling_out(target(released(raw, grouped(raw, 5)), 400))
    assert evidence.figures["right with it"] > 0.8
    assert lift(evidence) > 0.4
    assert evidence.figures["descriptions that were narrowed"] == 1.0


def test_a_band_that_was_fixed_beforehand_does_not() -> None:
    raw = people(4000, ages=4000)
    evidence = singling_out(target(released(raw, grouped(raw, tight=False, width=10)), 1000))
    assert abs(lift(evidence)) < 0.06


def test_a_label_that_says_nothing_is_not_narrowed() -> None:
    raw = people(300, ages=3000)
    evidence = singling_out(target(released(raw, grouped(raw, tight=False, width=5000)), 100))
    assert evidence.figures["descriptions that were narrowed"] == 0.0
    assert evidence.figures["right with it"] == 0.0


def test_names_are_not_needed_and_descriptions_can_be_shown() -> None:
    raw = people(300, ages=300)
    evidence = singling_out(target(released(raw, raw.drop("name")), 50))
    assert evidence.examples[0].names == ("age", "town")
    assert all(text for text in evidence.examples[0].after_text)
