import html.parser
import json
import os
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from casemate.core.errors import UnknownName
from casemate.core.provenance import ColumnEdge, DatasetVersion, Run, Summary
from casemate.lineage.drawing import page
from casemate.lineage.drawing.page import MAX_BYTES
from casemate.lineage.graph import Graph, Node
from lineage.worlds import NOON, deidentify, large, small

VOID = {"meta", "link", "br", "img", "hr", "input"}
HOSTILE = "</title><script>alert(1)</script>\"'&<b onload=x>\u202e\x00"


class Page(html.parser.HTMLParser):
    """Reads a page strictly: every element is closed where it should be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open and "script" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, name: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.seen if tag == name]


@pytest.fixture(scope="module")
def shown() -> Page:
    return Page(page(small(), title="People to churn"))


def test_it_is_one_page_that_loads_nothing(shown: Page) -> None:
    tags = Counter(tag for tag, _ in shown.seen)
    assert not {"link", "iframe", "object", "embed", "base", "form", "img", "video"} & set(tags)
    assert tags["style"] == tags["h1"] == tags["main"] == tags["script"] == 1
    for tag, attributes in shown.seen:
        assert "src" not in attributes
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        if tag == "a":
            assert attributes["href"].startswith("#")
    policy = next(meta["content"] for meta in shown.all("meta") if "http-equiv" in meta)
    assert "default-src 'none'" in policy
    assert re.search(r"script-src 'sha256-[A-Za-z0-9+/=]{44}'", policy)


def test_every_line_and_box_leads_to_its_panel(shown: Page) -> None:
    ids = Counter(attributes["id"] for _, attributes in shown.seen if "id" in attributes)
    assert set(ids.values()) == {1}
    assert {a["href"][1:] for a in shown.all("a")} <= set(ids)
    assert sum("data-l" in a for a in shown.all("a")) > 15


def test_a_panel_tells_everything_of_its_edge(shown: Page) -> None:
    for said in (
        "generalise:mondrian",
        "crm.people:age → crm.train:age",
        "direct values come from values masks : the target tells less than the source",
        "Why k=5",
        "1,000 rows, 70 distinct, 3 missing",
        "990 rows, 2 distinct",
        "ana · 2026-07-01T12:00:09+00:00 · policy cccccccccccccccc",
        "crm.people:name → dropped",
        "1 step is opaque.",
        "for train_churn",
    ):
        assert said in shown.text, said
    assert sum(svg.get("class") == "bars" for svg in shown.all("svg")) == 2


def test_nothing_is_told_by_colour_alone(shown: Page) -> None:
    kinds = {"DATA SET", "RUN", "MODEL", "DEPLOYMENT", "CONSUMER"}
    assert all(kind in shown.text for kind in kinds)
    for said in ("identifier", "quasi", "target", "masks", "opaque", "decides rows"):
        assert said in shown.text
    dashed = (Path(__file__).parents[3] / "src/casemate/lineage/templates/lineage.css").read_text()
    assert "path.l.indirect, .l.indirect path { stroke-dasharray" in dashed


def test_steps_can_be_reached_by_keyboard_and_lines_are_not_in_the_way(shown: Page) -> None:
    rows = [a for a in shown.all("a") if a.get("class", "").startswith("row")]
    lines = [a for a in shown.all("a") if "data-l" in a and a["href"].startswith("#s")]
    assert rows
    assert all("tabindex" not in a for a in rows)
    assert all(a["tabindex"] == "-1" for a in lines)
    assert {a["href"] for a in lines} <= {a["href"] for a in rows}
    assert all(article["tabindex"] == "-1" for article in shown.all("article"))


def test_a_focused_node_has_its_way_told_and_drawn() -> None:
    focused = Page(page(small(), title="Way", focus="crm.people:income"))
    assert "Came from Nothing that is recorded" in focused.text
    assert "2 consumers Retention team, monthly report" in focused.text
    marked = [attributes["class"] for _, attributes in focused.seen if " on" in attributes.get("class", "")]
    assert any(name.startswith("l direct on") for name in marked)
    assert any(name.startswith("box consumer on") for name in marked)
    assert not any(name == "row on" for name in [a.get("class") for a in focused.all("g")]) or marked
    assert sum("focus" in attributes.get("class", "").split() for _, attributes in focused.seen) == 1


def test_a_focus_that_is_not_there_is_refused() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'crm.people:income'"):
        page(small(), title="x", focus="crm.people:incom")


def test_hostile_names_stay_words() -> None:
    version = DatasetVersion(HOSTILE, "a1", HOSTILE, 1, (HOSTILE, HOSTILE + "2"))
    summary = Summary(1, 1, 0, HOSTILE, HOSTILE, {HOSTILE: 1.0})
    edge = ColumnEdge(HOSTILE, HOSTILE, HOSTILE, HOSTILE, "opaque", before=summary, after=summary)
    out = replace(version, name=HOSTILE + "3", digest="b2")
    run = Run(HOSTILE, HOSTILE, NOON, NOON, (version,), (out,), (edge,), HOSTILE, HOSTILE, facts={HOSTILE: HOSTILE})
    text = page(Graph.of([run]), title=HOSTILE, focus=HOSTILE)
    shown = Page(text)
    assert len(shown.all("script")) == 1
    assert not shown.all("b") or all("onload" not in b for b in shown.all("b"))
    assert "\u202e" not in text
    assert "\x00" not in text
    assert "alert(1)" in shown.text


def test_long_names_are_cut_and_told_whole() -> None:
    long = "a" * 5000
    graph = Graph((Node("d", "dataset", long, facts={"location": long}),))
    text = page(graph, title=long)
    assert len(text) < 100_000
    assert "characters left out" in text


def test_an_empty_lineage_says_so() -> None:
    assert "Nothing is recorded yet." in Page(page(Graph(), title="Nothing")).text


@pytest.mark.parametrize("nodes", [60, 480, 3000])
def test_a_page_stays_under_a_megabyte(nodes: int) -> None:
    graph = large(nodes)
    text = page(graph, title="Large", focus=graph.nodes[0].id)
    assert len(text.encode()) < MAX_BYTES
    shown = Page(text)
    assert ("Collapsed to stay readable." in shown.text) == (len(graph) > 500)
    boxes = [g for g in shown.all("g") if g.get("class", "").startswith("box")]
    assert 0 < len(boxes) <= 500


def test_one_run_of_a_thousand_columns_is_shown() -> None:
    columns = tuple(f"c{i}" for i in range(1000))
    wide, other = DatasetVersion("wide", "1", columns=columns), DatasetVersion("other", "2", columns=columns)
    bars = Summary(10, 10, shares={f"b{i}": 0.08 for i in range(12)})
    edges = tuple(ColumnEdge(c, c, f"step {c}", f"why {c}", before=bars, after=bars) for c in columns)
    text = page(Graph.of([Run("job", "a", NOON, NOON, (wide,), (other,), edges)]), title="Wide")
    assert len(text.encode()) < MAX_BYTES


def test_the_same_graph_is_the_same_page() -> None:
    assert page(small(), title="x") == page(small(), title="x")


BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


@pytest.fixture(scope="module")
def browser() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        missing = f"no browser: none of {', '.join(BROWSERS)} is installed"
        if os.environ.get("CASEMATE_REQUIRE_BROWSER"):
            pytest.fail(missing)
        pytest.skip(missing)
    return found


PROBE = """
<script>addEventListener("load", () => {
  const row = document.querySelector("a.row.direct");
  location.hash = row.getAttribute("href");
  row.dispatchEvent(new MouseEvent("mouseover", {bubbles: true}));
  setTimeout(() => {
    const panel = document.querySelector(":target"), seen = getComputedStyle(panel);
    const inside = (text, box) => text.getBoundingClientRect().right <= box.getBoundingClientRect().right + 1;
    const spilt = [...document.querySelectorAll("svg.lineage .box")].flatMap((box) =>
      [...box.querySelectorAll("text")].filter((t) => !inside(t, box.querySelector(".edge"))));
    const wide = [...document.querySelectorAll("main > *, main > * > *")].filter(
      (e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".canvas"));
    document.body.textContent = JSON.stringify({
      fixed: seen.position, width: panel.getBoundingClientRect().width, lit: document.querySelectorAll(".lit").length,
      spilt: spilt.map((t) => t.textContent), overflow: wide.map((e) => e.tagName + "." + e.className),
    });
  }, 200);
});</script>
"""


@pytest.mark.parametrize("width", [500, 1440])
def test_a_browser_opens_the_panel_of_a_step_and_no_text_leaves_its_box(
    browser: str, width: int, tmp_path: Path
) -> None:
    text = page(small(), title="People to churn")
    probed = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text).replace("</body>", f"{PROBE}</body>")
    (tmp_path / "page.html").write_text(probed)
    command = [
        *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        *(f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},900", "--virtual-time-budget=3000"),
        *("--dump-dom", (tmp_path / "page.html").as_uri()),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r"<body[^>]*>(.*)</body>", done.stdout, re.S)
    assert found is not None, done.stderr[-2000:]
    seen = json.loads(html.unescape(found[1]))
    assert seen["fixed"] == "fixed"
    assert 300 < seen["width"] < width
    assert seen["lit"] > 3
    assert seen["spilt"] == []
    assert seen["overflow"] == []


def test_a_run_without_steps_or_columns_is_drawn() -> None:
    run = replace(deidentify(), edges=(), purpose="")
    assert "reads" in page(Graph.of([run]), title="x")
