"""The reports of a verification: pure functions of the record; a page that loads nothing, whatever it is about."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from msgspec.structs import replace
from rich.console import Console

from casemate.controls.encrypted_service.signed_verification import SignedVerification, signed
from casemate.controls.encrypted_service.signing import new_identity
from casemate.controls.encrypted_service.verification import Mutation
from casemate.report import sight, verification, verification_text
from casemate.report.verification_facts import costs, facts, headline, parameters, size
from controls.encrypted_service.verified import NAMES, record
from report.test_profile import Page

HOSTILE = '<script>alert("x")</script>'
IDENTITY = new_identity()


@pytest.fixture(scope="module")
def good() -> SignedVerification:
    return signed(record(), IDENTITY)


@pytest.fixture(scope="module")
def bad() -> SignedVerification:
    made = record()
    passed = Mutation(HOSTILE, "client", 9, 8)
    return signed(replace(made, name=HOSTILE, semantics=HOSTILE, mutations=(passed,)), IDENTITY)


def test_it_is_one_page_that_loads_nothing(bad: SignedVerification) -> None:
    made = verification.render(bad).decode()
    page = Page(made)
    names = [tag for tag, _ in page.tags]
    assert not {"script", "link", "iframe", "object", "form", "b"} & set(names)
    assert names.count("h1") == names.count("main") == names.count("style") == names.count("img") == 1
    for tag, attributes in page.tags:
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        assert attributes.get("src", "data:image/png;base64,").startswith("data:image/png;base64,")
        assert attributes.get("href", "#").startswith("#")
        assert tag != "svg" or "aria-hidden" in attributes or "aria-label" in attributes
    assert not re.search(r"url\(|@import", made)
    assert len(made) < 200_000


def test_hostile_names_are_shown_as_they_are(bad: SignedVerification) -> None:
    text = Page(verification.render(bad).decode()).text
    assert text.count(HOSTILE) >= 2
    assert NAMES[-1] in text


def test_the_page_tells_the_verdict_the_row_and_what_was_tried(good: SignedVerification) -> None:
    text = Page(verification.render(good).decode()).text
    assert "Held" in text
    assert "On encrypted rows, people gives the decisions that it gives in the clear" in text
    assert "A flipped bit in a query" in text
    assert "What the server saw" in text
    assert "97.0% of all with 95% confidence" in text
    assert IDENTITY.card.fingerprint in text


def test_the_same_record_gives_the_same_reports(good: SignedVerification) -> None:
    assert verification.render(good) == verification.render(good)
    assert verification_text.markdown(good) == verification_text.markdown(good)


def test_what_is_broken_is_the_headline(bad: SignedVerification) -> None:
    assert bad.verification.verdict == "broken"
    assert "8 of 9 altered messages were refused" in headline(bad.verification)


def test_markdown_does_nothing_with_what_it_tells(bad: SignedVerification) -> None:
    made = verification_text.markdown(bad)
    assert made.startswith("## Casemate: broken")
    assert "<script>" not in made
    assert "| headroom | held |" in made
    tables = [line for line in made.splitlines() if line.startswith("|")]
    assert len(tables) > 20
    assert all(line.endswith("|") for line in tables)


def test_the_terminal_shows_the_verdict_first(good: SignedVerification) -> None:
    console = Console(file=io.StringIO(), width=100, highlight=False, markup=False)
    verification_text.show(good, console)
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert lines[0].startswith("HELD")
    assert lines[-1] == f"signed by {IDENTITY.card.fingerprint}"


def test_facts_name_both_tables_and_what_identifies_the_program(good: SignedVerification) -> None:
    told = dict(parameters(good.verification))
    assert told["allowed by the 2018 standard"].startswith("218 bits")
    assert told["allowed by the 2024 guidelines"].startswith("214 bits")
    assert dict(facts(good))["program"] == "ab" * 32
    assert "2 others outside the calibrated ranges" in dict(facts(good))["rows"]
    assert dict(costs(good.verification))["registration, once"] == "28.0 MB"


@pytest.mark.parametrize(("count", "told"), [(14_556, "14,556 bytes"), (164_060, "164 kB"), (27_984_104, "28.0 MB")])
def test_sizes_are_read_as_they_are_said(count: int, told: str) -> None:
    assert size(count) == told


def test_bars_stay_in_their_place_whatever_the_values() -> None:
    values = (1e300, -5.0, float("nan"), 0.0)
    drawn = str(sight.row_bars("abcd", values, (0.0,) * 4, (1.0, 1.0, 1.0, 0.0)))
    widths = [float(width) for width in re.findall(r'class="part"[^>]*width="([^"]*)"', drawn)]
    assert all(1 <= width <= sight._BAR for width in widths)
    assert len(widths) == 4


def test_of_many_features_the_first_are_drawn() -> None:
    names = [f"f{place}" for place in range(100)]
    drawn = str(sight.row_bars(names, [0.5] * 100, [0.0] * 100, [1.0] * 100))
    assert drawn.count('class="part"') == sight.MOST_FEATURES


def test_nothing_is_drawn_of_nothing() -> None:
    assert sight.noise(b"") == ""
    assert "svg" in sight.residue_bars([])
    assert "svg" in sight.row_bars([], [], [], [])


def test_noise_is_a_picture_of_its_bytes() -> None:
    one, other = (sight.noise(np.full(4096, shade, np.uint8).tobytes()) for shade in (0, 255))
    assert one.startswith("data:image/png;base64,")
    assert one != other
