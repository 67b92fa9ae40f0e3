from pathlib import Path

import pytest

from casemate import report
from casemate.cli.outputs import Output, parse, show, write
from casemate.core import record
from casemate.core.errors import CasemateError
from cli.made import assessment

MADE = assessment({"evasion.pgd": {"full": 120, "bare": 150}})


def test_formats_and_paths_are_told_apart_at_the_first_equals_sign(here: Path) -> None:
    assert parse(["html=a=b.html", "json=x.json"]) == [Output("html", Path("a=b.html")), Output("json", Path("x.json"))]


def test_nothing_asked_is_nothing_to_write() -> None:
    assert parse([]) == []


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("report.html", "is not FORMAT=PATH"),
        ("html=", "is not FORMAT=PATH"),
        ("htm=report.html", "Did you mean 'html'?"),
        ("=report.html", "there is no report format ''"),
    ],
)
def test_what_is_no_output_is_said_with_the_formats(asked: str, told: str) -> None:
    with pytest.raises(CasemateError, match=r"format|FORMAT") as error:
        parse([asked])
    assert told in str(error.value)
    assert error.value.fix is not None
    assert all(format in error.value.fix for format in report.FORMATS)


def test_places_that_cannot_be_written_to_are_found_before_the_run(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "file").write_text("")
    (here / "folder").mkdir()
    for asked, told in (("html=folder", "is a folder"), ("html=file/below/r.html", "is a file")):
        with pytest.raises(CasemateError, match=told):
            parse([asked])
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(CasemateError, match="may not be written to"):
        parse(["html=folder/r.html"])


def test_two_reports_in_one_file_are_refused(here: Path) -> None:
    with pytest.raises(CasemateError, match="two reports"):
        parse(["html=same", "json=same"])


def test_reports_are_written_into_folders_that_they_make(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = parse(["json=new/folder/a.json", "markdown=a.md"])
    write(wanted, MADE)
    assert record.load(here / "new/folder/a.json").system == MADE.system
    assert "loans" in (here / "a.md").read_text()
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.splitlines() == [f"wrote {Path('new/folder/a.json')}", "wrote a.md"]


def test_quiet_says_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(parse(["json=a.json"]), MADE, quiet=True)
    assert capsys.readouterr().err == ""
    assert (here / "a.json").exists()


def test_the_terminal_report_goes_to_stdout_plain_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    show(MADE)
    written = capsys.readouterr()
    assert written.out.lower().startswith("broken")
    assert "\x1b" not in written.out
    assert written.err == ""
