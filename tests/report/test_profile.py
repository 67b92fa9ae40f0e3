"""The page of a profile: one file that loads nothing, whatever the columns are called."""

from __future__ import annotations

import html.parser
import re

import numpy as np
import polars as pl
import pytest

from casemate.controls.profiling.profile import Profile, profile_table
from casemate.controls.profiling.risk import EDGES
from casemate.report.histogram import histogram
from casemate.report.profile import MOST_COLUMNS, render

VOID = {"meta", "br", "img", "hr"}
HOSTILE = '<script>alert("x")</script>'


class Page(html.parser.HTMLParser):
    """Reads a page strictly: every element is closed where it should be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def profile() -> Profile:
    rng = np.random.default_rng(0)
    rows = 300
    frame = pl.DataFrame(
        {
            "person_id": np.arange(rows),
            "name": rng.choice(["Zebulon Smith", "Quuxa Jones"], rows),
            "age": rng.integers(18, 90, rows),
            "postcode": rng.integers(10000, 10050, rows).astype(str),
            "diagnosis": rng.choice(["E11.9", "I10.0"], rows),
            HOSTILE: rng.random(rows),
            "": ["x", "y", "z"] * 100,
        }
    )
    return profile_table(frame.get_columns(), '<b>people</b>"', fraction=0.1)


def test_it_is_one_page_that_loads_nothing(profile: Profile) -> None:
    made = render(profile).decode()
    page = Page(made)
    names = [tag for tag, _ in page.tags]
    assert not {"script", "link", "iframe", "object", "form", "img", "b"} & set(names)
    assert names.count("h1") == names.count("main") == names.count("style") == 1
    for tag, attributes in page.tags:
        assert not any(name.startswith("on") or name in ("style", "src") for name in attributes)
        if "href" in attributes:
            assert attributes["href"].startswith("#")
        assert tag != "svg" or "aria-hidden" in attributes or "aria-label" in attributes
    assert not re.search(r"url\(|@import", made)
    assert len(made) < 200_000


def test_hostile_names_are_shown_as_they_are(profile: Profile) -> None:
    page = Page(render(profile).decode())
    assert HOSTILE in page.text
    assert "(no name)" in page.text


def test_it_tells_roles_risk_and_sets_and_no_value(profile: Profile) -> None:
    text = Page(render(profile).decode()).text
    assert "identify people or rows directly: person_id and name" in text
    assert "quasi-identifier" in text
    assert "age, postcode" in text
    assert "estimated" in text
    assert "Zebulon" not in text
    assert "10049" not in text


def test_the_same_profile_gives_the_same_page(profile: Profile) -> None:
    assert render(profile) == render(profile)


def test_a_table_of_nobody_and_a_wide_one() -> None:
    made = profile_table([pl.Series(f"c{i}", [1.5, 2.5, 2.5]) for i in range(MOST_COLUMNS + 5)], "wide")
    text = Page(render(made).decode()).text
    assert f"The first {MOST_COLUMNS} of {MOST_COLUMNS + 5}" in text
    assert "Risk of being found" not in text


def test_the_histogram_says_what_it_draws() -> None:
    drawn = histogram([0.5, 0.25, 0.0, 0.0, 0.25, 0, 0, 0, float("nan")], [str(edge) for edge in EDGES])
    assert drawn.count("<rect") == len(EDGES)
    assert drawn.count('class="exposed"') == 4
    assert "1: 50.0%" in drawn
    assert "&lt;" in histogram([1.0], ["<"])
