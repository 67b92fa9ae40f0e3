from pathlib import Path

import pytest

from casemate import report
from casemate.core import record
from cli.conftest import Run
from cli.made import assessment, stored

MADE = assessment({"evasion.pgd": {"full": 120, "bare": 150}})


@pytest.mark.parametrize("words", [[], ["."], ["casemate.toml"], [".casemate/assessment.json"]])
def test_to_the_terminal(run: Run, here: Path, words: list[str]) -> None:
    stored(here, MADE)
    code, out, err = run("report", *words)
    assert (code, err) == (0, "")
    assert "evasion.pgd" in out


def test_a_broken_system_is_no_error_of_the_report(run: Run, here: Path) -> None:
    assert MADE.exit_code == 1
    stored(here, MADE)
    assert run("report")[0] == 0


def test_every_format_at_once(run: Run, here: Path) -> None:
    stored(here, MADE)
    words = [word for format in report.FORMATS for word in ("--output", f"{format}=out/{format}")]
    code, out, err = run("report", *words)
    assert (code, out) == (0, "")
    assert len(err.splitlines()) == len(report.FORMATS)
    for format in report.FORMATS:
        rendered = report.render(format, MADE)
        expected = rendered.encode() if isinstance(rendered, str) else rendered
        assert (here / "out" / format).read_bytes() == expected


def test_json_can_be_read_again(run: Run, here: Path) -> None:
    stored(here, MADE)
    run("report", "-o", "json=copy.json")
    assert record.load(here / "copy.json").findings == MADE.findings
    assert run("report", "copy.json") == run("report")


def test_nothing_stored(run: Run, here: Path) -> None:
    code, out, err = run("report")
    assert (code, out) == (2, "")
    assert "run casemate assess first" in err
