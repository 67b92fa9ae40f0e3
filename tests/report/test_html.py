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

from casemate.core.assessment import Arm, Assessment, Cell
from casemate.core.evidence import Example
from casemate.core.finding import Failure
from casemate.report import html as page
from casemate.report.html import MAX_BYTES, RATIONS, render
from report.specimen import HARDEN, WATCH, empty, judged, only, specimen

STYLE = (Path(page.__file__).parent / "templates" / "style.css").read_text()
VOID = {"meta", "link", "br", "img", "hr", "input"}


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
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, name: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.seen if tag == name]


@pytest.fixture(scope="module")
def shown() -> Page:
    return Page(render(specimen()).decode())


def test_it_is_one_small_page_that_loads_nothing(shown: Page) -> None:
    assert len(render(specimen())) < 250_000
    tags = Counter(tag for tag, _ in shown.seen)
    assert not {"script", "link", "iframe", "object", "embed", "base", "form", "video", "audio"} & set(tags)
    assert tags["style"] == tags["title"] == tags["h1"] == tags["main"] == 1
    for tag, attributes in shown.seen:
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        assert "src" not in attributes or attributes["src"].startswith("data:image/png;base64,")
        if tag in ("use", "a"):
            assert attributes["href"].startswith("#" if tag == "use" else ("#", "https://"))
    assert not re.search(r"url\(|@import|expression\(", STYLE)


def test_a_browser_is_told_to_load_nothing(shown: Page) -> None:
    (policy,) = [meta["content"] for meta in shown.all("meta") if "http-equiv" in meta]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    assert rules["style-src"] == "'unsafe-inline'"
    assert "script-src" not in rules


def test_the_verdict_comes_first_then_the_matrix_then_the_evidence(shown: Page) -> None:
    marks = [
        "1 of 6 attacks broke loan-desk with all its controls.",
        "The worst Projected gradient descent : evasion success 40.5% (33.6–47.7); at most 20.0% is accepted.",
        "Attacks and controls",
        "What to try next",
        "Evidence",
        "Prices",
        "What did not run",
        "Warnings",
        "Waivers",
        "About this assessment",
    ]
    places = [shown.text.find(mark) for mark in marks]
    assert -1 not in places
    assert places == sorted(places)


def test_every_cell_of_the_matrix_leads_to_evidence(shown: Page) -> None:
    ids = Counter(attributes["id"] for _, attributes in shown.seen if "id" in attributes)
    assert set(ids.values()) == {1}
    links = [a["href"][1:] for a in shown.all("a") if a["href"].startswith("#")]
    assert set(links) <= set(ids)
    # seven attacks with no controls and all controls, and nine cells of single controls, all that are claimed
    assert sum("data-arm" in a for a in shown.all("a")) == 7 * 2 + 9
    assert len(shown.all("details")) > 7 * 3


def test_a_verdict_is_told_by_word_and_shape_and_not_by_colour_alone(shown: Page) -> None:
    kinds = {"broken", "failed", "inconclusive", "waived", "held", "not-applicable"}
    cells = [td["class"].split() for td in shown.all("td") if td.get("class", "").startswith("cell ")]
    assert {kind for _, kind, *_ in cells} == {*kinds, "none"}
    titles = [a["title"] for a in shown.all("a") if "data-arm" in a]
    assert all(title.partition(":")[0] for title in titles)
    shapes = {use["href"] for use in shown.all("use")}
    assert {f"#m-{kind}" for kind in kinds} <= shapes


def test_the_evidence_of_a_cell_says_everything(shown: Page) -> None:
    for said in (
        "Climb the loss within a radius of each row until the answer is wrong.",
        "white box, confidence scores; at most radius 0.1 in linf",
        "broken, so that a “held” can be believed",
        "casemate assess 'examples/loan desk/casemate.toml' --attack evasion.pgd --seed 7",
        "evasion success: 40.5% (33.6–47.7) of 200 samples (clopper-pearson)",
        "28.5% (22.4–35.3) raised no alarm",
        "200 queries, 16,000 passes through the network, 24 alarms, 3.4 s",
        "zero → six . 38 of 64 values changed, by 2 at most.",
        "Train on adversarial examples",
        "(not checked against the original)",
        "2 examples fooled the model but were impossible or out of the radius.",
        "kept from an earlier run",
        "years-employed 1 1.5",
        "ValueError: Input X contains NaN.",
        "This installation does not hold the attack",
        "took off +52.5 (45.6–59.3)",
        "it takes off +48.5 (41.7–55.4)",
    ):
        assert said in shown.text, said


def test_prices_and_what_did_not_run_are_told(shown: Page) -> None:
    for said in (
        f"only {HARDEN} 90.0% 3.0 1.1–6.4 86.6% age-band=1 0.0% 0.0% 0.22 ms",
        f"without {WATCH} could not be measured: the control could not be calibrated",
        "could not run (every arm). The recipe raised ValueError",
        "The system has no teacher whose features it re-uses ([model.teacher]).",
        "Covers data-extraction.membership-rmia.",
        "Covers nothing that broke: remove it from the policy.",
        "casemate 0.1.0, numpy 2.3.1, torch 2.8.0",
    ):
        assert said in shown.text, said


HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}&amp;\u202e\x00\x1b"


def hostile() -> Assessment:
    """The specimen with an attempt at every text."""
    record = specimen()
    example = Example((0.0, 1.0), (1.0, 1.0), (2,), (HOSTILE, HOSTILE), HOSTILE, HOSTILE, HOSTILE)

    def spoil(cell: Cell) -> Cell:
        evidence = cell.evidence and replace(
            cell.evidence, metric=HOSTILE, figures={HOSTILE: 1.0}, notes=(HOSTILE,), examples=(example,)
        )
        failure = cell.failure and Failure(HOSTILE, HOSTILE, HOSTILE)
        reason = cell.reason and HOSTILE
        return replace(cell, evidence=evidence, failure=failure, reason=reason)

    spoiled = judged(
        record,
        system=replace(
            record.system,
            name=HOSTILE,
            digest=HOSTILE,
            model=HOSTILE,
            classes=(HOSTILE,),
            path=HOSTILE,
            controls=(HOSTILE,),
        ),
        cells=tuple(map(spoil, record.cells)),
        costs=tuple(replace(cost, worst_group=cost.worst_group and (HOSTILE, 0.5)) for cost in record.costs),
        warnings=(HOSTILE,),
        environment={HOSTILE: HOSTILE, "versions": {HOSTILE: HOSTILE}},
        created=HOSTILE,
    )
    reference = replace(spoiled.findings[0].references[0], title=HOSTILE, url=f"javascript:{HOSTILE}")
    findings = tuple(replace(f, references=(reference,), advice=(HOSTILE,)) for f in spoiled.findings)
    return replace(spoiled, findings=findings)


def test_nothing_of_an_assessment_can_act() -> None:
    text = render(hostile()).decode()
    read = Page(text)
    assert not read.all("script")
    assert all(image["src"].startswith("data:") for image in read.all("img"))
    assert not any(name.startswith("on") for _, attributes in read.seen for name in attributes)
    assert not any("javascript" in a["href"] for a in read.all("a"))
    assert "{{7*7}}" in read.text
    assert "&amp;" in read.text
    assert not {"\u202e", "\x00", "\x1b"} & set(text)
    assert read.text.count("<script>alert(1)</script>") > 20


@pytest.mark.parametrize(
    "assessment",
    [
        empty(),
        only("transfer.mimicry"),
        only("backdoor.badnets", costs=()),
        only("evasion.hop-skip-jump", twins=()),
        replace(only("evasion.pgd"), interrupted=True),
        replace(specimen(), cells=(), arms=()),
        judged(specimen(), system=replace(specimen().system, controls=(), name="")),
    ],
    ids=["empty", "not applicable", "failed", "no twins", "interrupted", "findings alone", "nameless"],
)
def test_it_works_on_assessments_that_lack_something(assessment: Assessment) -> None:
    read = Page(render(assessment).decode())
    ids = {attributes.get("id") for _, attributes in read.seen}
    assert {a["href"][1:] for a in read.all("a") if a["href"].startswith("#")} <= ids
    assert read.all("h1")


def without_controls() -> Assessment:
    """A system that declares none: as it is and without controls are one arm."""
    record = specimen()
    return judged(
        record,
        system=replace(record.system, controls=()),
        arms=(Arm("full", (), ("bare",)),),
        cells=tuple(cell for cell in record.cells if cell.arm == "full"),
        costs=tuple(cost for cost in record.costs if cost.arm == "full"),
    )


def test_the_worst_finding_of_a_system_without_controls_leads_to_its_evidence() -> None:
    read = Page(render(without_controls()).decode())
    ids = {attributes.get("id") for _, attributes in read.seen}
    links = [a["href"][1:] for a in read.all("a") if a["href"].startswith("#")]
    assert links
    assert set(links) <= ids
    opened = [attributes["class"] for attributes in read.all("details") if "open" in attributes]
    assert [name.split()[0] for name in opened] == ["attack", "arm"]
    assert "All controls (also no controls)" in read.text


def large() -> Assessment:
    """Thirty attacks on eighteen arms, each with four large pictures and long texts."""
    record = specimen()
    values = tuple(float(i % 251) for i in range(3072))
    pictures = tuple(Example(values, values[::-1], (3, 32, 32), (), "a", "b", "n" * 500) for _ in range(4))
    model = next(c for c in record.cells if c.attack == "evasion.pgd" and c.arm == "bare")
    assert model.evidence is not None
    evidence = replace(model.evidence, examples=pictures, notes=("long " * 2000,) * 3)
    controls = tuple(f"hardening.number-{i}" for i in range(8))
    arms = ("bare", "full", *(f"{kind}:{control}" for control in controls for kind in ("only", "without")))
    cells = tuple(
        replace(model, attack=f"evasion.attack-{i}", arm=arm, evidence=evidence) for i in range(30) for arm in arms
    )
    arm = record.arms[0]
    return judged(
        record,
        system=replace(record.system, controls=controls),
        arms=tuple(replace(arm, id=name) for name in arms),
        cells=cells,
    )


def test_a_very_large_assessment_stays_under_a_megabyte_and_says_that_it_is_shortened() -> None:
    made = large()
    data = render(made)
    assert len(data) < MAX_BYTES
    text = Page(data.decode()).text
    assert "Shortened to keep the page small. The JSON report holds everything." in text
    assert sum(f"evasion.attack-{i} " in text for i in range(30)) == 30
    assert "Shortened" not in Page(render(specimen()).decode()).text
    assert len(page._page(made, RATIONS[0])) > MAX_BYTES


def palette(style: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6});", style))


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    digits = colour[1:] if len(colour) == 7 else "".join(c * 2 for c in colour[1:])
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", range(3), ids=["light", "dark", "print"])
def test_text_can_be_read_on_every_ground(theme: int) -> None:
    colours = palette(re.findall(r":root \{(.*?)\}", STYLE, re.S)[theme])
    grounds = ("paper", "faint", "broken-tint", "held-tint", "open-tint")
    assert {*grounds, "ink", "muted", "broken", "held", "open", "link"} <= set(colours)
    pairs = [(ink, ground) for ink in ("ink", "muted") for ground in grounds]
    pairs += [(kind, ground) for kind in ("broken", "held", "open") for ground in ("paper", "faint", f"{kind}-tint")]
    pairs += [("link", "paper"), ("link", "faint")]
    too_faint = [(ink, ground) for ink, ground in pairs if contrast(colours[ink], colours[ground]) < 4.5]
    assert too_faint == []


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
  const link = document.querySelector('td.cell.full a');
  const body = document.getElementById(link.getAttribute("href").slice(1));
  location.hash = link.getAttribute("href");
  setTimeout(() => {
    const wide = [...document.querySelectorAll("body *")].filter(
      (e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll"));
    document.body.textContent = JSON.stringify({
      opened: body.closest("details").open && body.closest("details").parentElement.closest("details").open,
      overflow: wide.map((e) => e.tagName + "." + e.className),
      pictures: [...document.images].length,
      width: innerWidth,
    });
  }, 200);
});</script>
"""


@pytest.mark.parametrize("width", [500, 1440])
def test_a_browser_opens_the_evidence_of_a_cell_and_nothing_overflows(browser: str, width: int, tmp_path: Path) -> None:
    # The page forbids scripts; the probe goes into a copy that allows them, otherwise the same.
    text = render(specimen()).decode()
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
    assert seen["opened"]
    assert seen["overflow"] == []
    assert seen["pictures"] == len(Page(text).all("img")) > 3
