import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from casemate.report.terminal import render, show
from report.specimen import empty, judged, only, specimen

ESCAPE = "\x1b"


class Tty(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def on(stream: io.StringIO, **options: object) -> str:
    settings = {"width": 100, "legacy_windows": False, **options}
    show(specimen(), Console(file=stream, **settings), {"html": Path("/tmp/a report.html")})  # type: ignore[arg-type]
    return stream.getvalue()


def test_the_order_is_verdict_worst_table_prices_gaps_steps() -> None:
    text = render(specimen())
    marks = [
        "BROKEN  1 of 6 attacks broke loan-desk",
        "Worst  evasion.pgd: evasion success 40.5% (33.6–47.7)",
        "Undetected: 28.5%",
        "MITRE ATLAS",
        "Attack",
        "poisoning.label-flip",
        "Prices",
        "Could not run",
        "Does not apply",
        "Warnings",
        "Waivers",
        "What to try next",
        "casemate assess 'examples/loan desk/casemate.toml' --attack evasion.pgd --seed 7",
    ]
    places = [text.index(mark) for mark in marks]
    assert places == sorted(places)


@pytest.mark.parametrize("width", [80, 100, 116, 160])
def test_it_fits_and_shows_every_figure_unbroken(width: int) -> None:
    text = render(specimen(), width)
    assert max(len(line) for line in text.splitlines() if "casemate assess" not in line) <= width
    for said in (
        "93.0%",
        "40.5%",
        "88.5–96.1",
        "33.6–47.7",
        "inconclusive",
        "could not run",
        "+52.5",
        "20.0%",
        "1.9 ms",
    ):
        assert said in text


def test_a_wide_terminal_has_one_line_per_attack() -> None:
    assert re.search(
        r"^evasion\.pgd +93\.0% 88\.5–96\.1 +40\.5% 33\.6–47\.7 +broken +\+52\.5 +20\.0%$",
        render(specimen(), 130),
        re.M,
    )


def test_a_narrow_terminal_still_shows_the_verdicts() -> None:
    text = render(specimen(), 60)
    assert max(len(line) for line in text.splitlines() if "casemate assess" not in line) <= 60
    assert "data-extrac" in text
    assert "+52.5" in text


def test_plain_where_nobody_watches() -> None:
    assert ESCAPE not in on(io.StringIO())
    assert ESCAPE not in render(specimen())


def test_colours_and_links_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    text = on(Tty())
    assert f"{ESCAPE}[1;31mBROKEN" in text
    assert f"{ESCAPE}]8;" in text
    assert "https://atlas.mitre.org/techniques/AML.T0015" in text
    assert "file:///tmp/a%20report.html" in text


def test_no_colour_where_it_is_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", on(Tty()))


def test_no_links_where_colour_is_forced_on_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    text = on(io.StringIO(), force_terminal=True)
    assert ESCAPE in text
    assert "]8;" not in text


def test_the_reports_are_named_last() -> None:
    assert on(io.StringIO()).rstrip().splitlines()[-1].split(maxsplit=1) == ["html", "/tmp/a report.html"]


def test_an_old_console_gets_ascii() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    renamed = judged(specimen(), system=replace(specimen().system, name="dépôt"))
    show(renamed, Console(file=stream, width=90, legacy_windows=False))
    stream.flush()
    text = raw.getvalue().decode("ascii")
    assert "d?p?t" in text
    assert "33.6-47.7" in text


def test_hostile_names_cannot_move_the_cursor_or_mark_up() -> None:
    name = f"x{ESCAPE}[2J{ESCAPE}]8;;http://evil\x07[bold red]y[/] :smile:"
    text = render(judged(specimen(), system=replace(specimen().system, name=name)))
    assert ESCAPE not in text
    assert "\x07" not in text
    assert "[bold red]y[/] :smile:" in text


def test_hostile_addresses_make_no_link(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    record = specimen()
    bad = replace(record.findings[0].references[0], url=f"https://a{ESCAPE}\\b")
    findings = tuple(replace(finding, references=(bad,)) for finding in record.findings)
    stream = Tty()
    show(replace(record, findings=findings), Console(file=stream, width=100, legacy_windows=False))
    assert "https://a" not in stream.getvalue()


def test_nothing_assessed_says_so() -> None:
    assert render(empty()) == "INCONCLUSIVE  No attack could be run against loan-desk: nothing was assessed.\n"


def test_what_held_shows_its_closest_call() -> None:
    text = render(only("evasion.hop-skip-jump", "model-extraction.copycat"))
    assert text.startswith("HELD  loan-desk held against 2 attacks.\n")
    assert "Closest  evasion.hop-skip-jump: evasion success 5.5% (2.8–9.6); at most 20.0% is accepted." in text
    assert "What to try next" not in text


def test_an_interrupted_run_says_so() -> None:
    assert "Interrupted: not every attack has run." in render(replace(only("evasion.pgd"), interrupted=True))


def test_where_no_price_could_be_measured_there_is_no_empty_table() -> None:
    record = specimen()
    failed = tuple(cost for cost in record.costs if cost.failure is not None)
    text = render(judged(record, costs=tuple(replace(cost, arm="full") for cost in failed)))
    assert "could not be measured" in text
    assert "Latency" not in text
