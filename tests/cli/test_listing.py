import json
import re

import pytest

from casemate.attacks import attacks
from casemate.controls import controls
from casemate.threats import catalogue
from cli.conftest import Run

# Asked when a test runs: other test modules register attacks and controls of their own while pytest collects.
IDS = {"attacks": attacks, "controls": controls, "threats": lambda: catalogue().threats}


@pytest.mark.parametrize("what", IDS)
def test_in_a_pipe_one_line_each_with_tabs_and_no_heading(run: Run, what: str) -> None:
    code, out, err = run("list", what)
    assert (code, err) == (0, "")
    rows = [line.split("\t") for line in out.splitlines()]
    assert [row[0] for row in rows] == list(IDS[what]())
    assert len({len(row) for row in rows}) == 1
    assert all(cell for row in rows for cell in row)


@pytest.mark.parametrize("what", IDS)
def test_json_holds_the_same(run: Run, what: str) -> None:
    rows = json.loads(run("list", what, "--json")[1])
    assert [row["id"] for row in rows] == list(IDS[what]())
    assert all(row.keys() == rows[0].keys() for row in rows)


def test_attacks_are_the_default(run: Run) -> None:
    assert run("list") == run("list", "attacks")


def test_every_attack_and_control_says_what_it_is(run: Run) -> None:
    for what in ("attacks", "controls"):
        rows = json.loads(run("list", what, "--json")[1])
        assert all(len(row["what"]) > 20 for row in rows if not row["id"].startswith("test"))


def test_on_a_terminal_there_is_a_heading_and_without_colour_none(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "200")
    assert "\x1b[36m" in run("list", "threats")[1]
    monkeypatch.setenv("NO_COLOR", "1")
    out = run("list", "threats")[1]
    assert "\x1b[36m" not in out
    heading = re.sub(r"\x1b\[\d*m", "", out).splitlines()[0]
    assert re.split(r"\s{2,}", heading.strip()) == ["id", "title", "default limit", "limit bounds"]
