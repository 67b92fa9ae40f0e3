import io
import sys

import pytest

from casemate.cli.screen import PIPE_WIDTH, err, out, watched


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_is_watched_and_a_pipe_is_not() -> None:
    assert watched(Terminal(), {"TERM": "xterm"})
    assert not watched(io.StringIO(), {"TERM": "xterm"})


@pytest.mark.parametrize("environment", [{"CI": "true"}, {"CI": "1", "TERM": "xterm"}, {"TERM": "dumb"}])
def test_nobody_watches_a_pipeline_or_a_terminal_that_cannot_move(environment: dict[str, str]) -> None:
    assert not watched(Terminal(), environment)


def test_an_empty_ci_variable_is_none() -> None:
    assert watched(Terminal(), {"CI": "", "TERM": "xterm"})


def test_results_and_the_rest_go_separate_ways(capsys: pytest.CaptureFixture[str]) -> None:
    out().print("result")
    err().print("progress")
    written = capsys.readouterr()
    assert (written.out, written.err) == ("result\n", "progress\n")


def test_what_looks_like_markup_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    out().print("[policy] :bug: [/red]")
    assert capsys.readouterr().out == "[policy] :bug: [/red]\n"


def test_a_pipe_has_one_width_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for columns in ("40", "300"):
        monkeypatch.setenv("COLUMNS", columns)
        assert out().width == PIPE_WIDTH


@pytest.mark.parametrize(("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_on_a_terminal_only_and_not_where_they_are_refused(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], coloured: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    terminal, pipe = Terminal(), io.StringIO()
    for stream in (terminal, pipe):
        monkeypatch.setattr(sys, "stdout", stream)
        out().print("word", style="red")
    assert ("\x1b[31m" in terminal.getvalue()) == coloured
    assert pipe.getvalue() == "word\n"
