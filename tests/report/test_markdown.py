import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from casemate.core.finding import Failure
from casemate.report.markdown import MAX_BYTES, code, plain, render
from report.specimen import empty, judged, only, specimen


def test_the_order_is_verdict_worst_table_prices_gaps_steps_evidence() -> None:
    text = render(specimen())
    marks = [
        "## Casemate: broken",
        "**1 of 6 attacks broke loan-desk with all its controls.**",
        "Worst: `evasion.pgd`",
        "| Attack | No controls |",
        "### Prices",
        "### Could not run",
        "### Does not apply",
        "### Warnings",
        "### Waivers",
        "### What to try next",
        "<details><summary>poisoning.label-flip: inconclusive</summary>",
        "<details><summary>About this assessment</summary>",
    ]
    places = [text.index(mark) for mark in marks]
    assert places == sorted(places)


def test_every_table_row_has_as_many_cells_as_its_head() -> None:
    tables = re.findall(r"(?:^\|.*\|$\n)+", render(specimen()), re.M)
    assert len(tables) == 2
    for table in tables:
        counts = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(counts) == 1


def test_the_matrix_shows_off_and_on_with_intervals() -> None:
    (row,) = [line for line in render(specimen()).splitlines() if line.startswith("| `evasion.pgd`")]
    assert "93.0%<br><sub>88.5–96.1</sub>" in row
    assert "| 40.5%<br><sub>33.6–47.7</sub> | **broken** | +52.5 (45.6–59.3) | 20.0% |" in row


def test_the_evidence_folds_away_and_every_fold_is_closed() -> None:
    text = render(specimen())
    assert text.count("<details>") == text.count("</details>") == 8
    assert "Run it again: `casemate assess 'examples/loan desk/casemate.toml' --attack evasion.pgd --seed 7`" in text
    assert "Remedy: Train on adversarial examples" in text
    assert "(not checked against the original)" in text
    assert "```text\nTraceback (most recent call last):" in text


def test_hostile_text_cannot_act() -> None:
    name = "<script>alert(1)</script> | [x](javascript:y) @team `z` *b*\n# head"
    text = render(judged(specimen(), system=replace(specimen().system, name=name)))
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert not re.search(r"(?<!\\)\]\(javascript", text)
    assert "\n# head" not in text
    assert "\\@team" in text


def test_a_traceback_cannot_leave_its_fence() -> None:
    record = only("backdoor.badnets")
    failure = Failure("X", "broke", "a\n```\n<img src=x>\n")
    findings = tuple(replace(finding, failure=failure) for finding in record.findings)
    text = render(replace(record, findings=findings))
    assert "````text\na\n```\n<img src=x>\n````" in text


def test_an_address_that_is_not_of_the_web_makes_no_link() -> None:
    record = only("evasion.pgd")
    bad = replace(record.findings[0].references[0], url="javascript:alert(1)")
    text = render(replace(record, findings=tuple(replace(f, references=(bad,)) for f in record.findings)))
    assert "javascript" not in text


def test_it_stays_under_a_megabyte_and_says_what_it_left_out() -> None:
    record = specimen()
    many = tuple(
        replace(f, attack=f"{f.attack}-{i}", reason="x" * 2000, advice=("y" * 2000,) * 4)
        for i in range(100)
        for f in record.findings
        if f.arm in ("bare", "full")
    )
    text = render(replace(record, findings=many))
    assert 500_000 < len(text.encode()) < MAX_BYTES
    assert "is left out" in text
    assert text.count("<details>") == text.count("</details>")


def test_nothing_assessed_is_a_page_too() -> None:
    assert "nothing was assessed" in render(empty())


@given(st.text())
def test_plain_text_stays_on_its_line_and_makes_no_tag(text: str) -> None:
    shown = plain(text)
    assert "\n" not in shown
    assert "<" not in shown
    assert not re.search(r"(?<!\\)(\\\\)*\|", shown) or "|" not in text


@given(st.text(alphabet="`ab| \\", min_size=1))
def test_a_code_span_ends_where_it_should(text: str) -> None:
    span = code(text)
    fence = re.match("`+", span)
    assert fence is not None
    inner = span[fence.end() : -fence.end()]
    assert span.endswith(fence[0])
    assert not re.search(rf"(?<!`){fence[0]}(?!`)", inner)
