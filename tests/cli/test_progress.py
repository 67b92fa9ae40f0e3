import io
import sys

import pytest

from casemate.assess import Progress
from casemate.cli.progress import bar, rows_and_rate, rows_bar, short


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def watching(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Put a terminal in the place of stderr, in the test itself: between phases pytest puts its own there."""
    made = Terminal()
    monkeypatch.setattr(sys, "stderr", made)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "150")
    monkeypatch.delenv("CI", raising=False)
    return made


def test_the_bar_counts_jobs_and_cached_ones_and_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watching(monkeypatch)
    with bar() as watch:
        assert watch is not None
        watch(Progress(1, 3, "evasion.pgd on bare", True))
        watch(Progress(2, 3, "evasion.pgd on full", False))
    written = terminal.getvalue()
    assert "2/3" in written
    assert "evasion.pgd on full  (1 from the cache)" in written
    assert written.rstrip().endswith("\x1b[2K")  # the line is wiped at the end


def test_quiet_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watching(monkeypatch)
    with bar(quiet=True) as watch:
        assert watch is None
    assert terminal.getvalue() == ""


def test_a_pipeline_sees_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watching(monkeypatch)
    monkeypatch.setenv("CI", "true")
    with bar() as watch:
        assert watch is None
    assert terminal.getvalue() == ""


def test_a_pipe_sees_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with bar() as watch:
        assert watch is None
    assert capsys.readouterr().err == ""


def test_an_interruption_leaves_the_cursor_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watching(monkeypatch)
    with pytest.raises(KeyboardInterrupt), bar():
        raise KeyboardInterrupt
    assert terminal.getvalue().rfind("\x1b[?25h") > terminal.getvalue().rfind("\x1b[?25l")


def test_rows_are_shown_with_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = watching(monkeypatch)
    with rows_bar() as watch:
        assert watch is not None
        watch("reading", 250_000, 1_000_000)
        watch("writing", 10, 0)
    written = terminal.getvalue()
    assert "250k of 1M rows" in written
    assert "10 rows" in written
    assert "left" in written


def test_rows_in_a_pipe_show_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with rows_bar() as watch:
        assert watch is None
    assert capsys.readouterr().err == ""


def test_counts_are_short() -> None:
    counts = [0, 7, 999, 1000, 1234, 12_345, 999_499, 999_900, 1_000_000, 9_960_000, 2_500_000_000]
    assert [short(n) for n in counts] == ["0", "7", "999", "1k", "1.2k", "12k", "999k", "1M", "1M", "10M", "2.5G"]
    assert rows_and_rate(1200, 5000, 345.0) == "1.2k of 5k rows, 345/s"
