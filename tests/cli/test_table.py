import re

import pytest

from casemate.cli.table import show_table

ROWS = [["a", "[red]one[/red]"], ["bb", "two"]]


def test_a_pipe_gets_tabs_and_no_heading(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(["id", "what"], ROWS)
    assert capsys.readouterr().out == "a\t[red]one[/red]\nbb\ttwo\n"


def test_a_terminal_gets_columns_under_a_heading(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    show_table(["id", "what"], ROWS)
    shown = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out).splitlines()
    assert [line.rstrip() for line in shown] == ["id  what", "a   [red]one[/red]", "bb  two"]
