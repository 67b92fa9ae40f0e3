import atexit
import importlib
import inspect
import runpy
import signal
import sys
from collections.abc import Iterator

import pytest

import casemate
from casemate.cli import interrupts, main
from casemate.cli.app import VERBS, home
from casemate.core.errors import CasemateError
from cli.conftest import Run

LINES = {verb: line for verbs in VERBS.values() for verb, line in verbs.items()}


@pytest.mark.parametrize("verb", LINES)
def test_the_root_help_says_of_a_verb_what_the_verb_says_of_itself(verb: str) -> None:
    doc = inspect.getdoc(importlib.import_module(home(verb)).command)
    assert doc is not None
    assert doc.splitlines()[0] == LINES[verb]


def test_the_root_help_shows_every_verb_in_its_group_and_the_exit_codes(run: Run) -> None:
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    for group, verbs in VERBS.items():
        start = lines.index(group)
        for offset, (verb, line) in enumerate(verbs.items(), start=1):
            assert lines[start + offset].split(None, 1) == [verb, line]
    assert "0 held" in out
    assert "--debug" in out


def test_help_fits_eighty_columns_and_has_no_blanks_at_line_ends(run: Run) -> None:
    for words in ([], *([verb] for verb in LINES)):
        out = run(*words, "--help")[1]
        assert not [line for line in out.splitlines() if line != line.rstrip() and line.strip()]
        assert "\x1b" not in out
    assert max(map(len, run("--help")[1].splitlines())) <= 80


@pytest.mark.parametrize("verb", LINES)
def test_every_verb_documents_every_argument(run: Run, verb: str) -> None:
    code, out, _ = run(verb, "--help")
    assert code == 0
    assert LINES[verb] in out
    command = importlib.import_module(home(verb)).command
    documented = inspect.getdoc(command) or ""
    for name in inspect.signature(command).parameters:
        assert f"\n    {name}: " in documented
    assert "exit codes" not in out.lower() or verb == "gate"


def test_no_words_show_the_help(run: Run) -> None:
    code, out, _ = run()
    assert code == 0
    assert out.startswith("Usage: casemate COMMAND")


def test_version(run: Run) -> None:
    assert run("--version") == (0, f"casemate {casemate.__version__}\n", "")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["asses"], 'Did you mean "assess"?'),
        (["list", "attack"], 'Did you mean "attacks"?'),
        (["assess", "--sample", "3"], "Did you mean --samples?"),
        (["assess", "--samples", "many"], "many"),
        (["assess", "--samples", "0"], "samples"),
        (["assess", "--seed", "-1"], "seed"),
        (["assess", "--engine", "spark"], "ray"),
        (["explain"], "ID"),
        (["diff", "one.json"], "AFTER"),
        (["list", "attacks", "controls"], "controls"),
    ],
)
def test_a_usage_error_exits_with_two_and_says_what_to_do(run: Run, words: list[str], told: str) -> None:
    code, out, err = run(*words)
    assert code == 2
    assert out == ""
    assert err.startswith("error: ")
    assert told in err
    assert "--help" in err


def raising(error: BaseException) -> object:
    def command() -> int:
        raise error

    return command


@pytest.fixture
def broken_verb(monkeypatch: pytest.MonkeyPatch) -> object:
    def set_error(error: BaseException) -> None:
        monkeypatch.setattr("casemate.cli._run", lambda words: raising(error)())  # type: ignore[operator]

    return set_error


def test_an_error_says_what_where_why_and_what_to_do(run: Run, broken_verb: object) -> None:
    broken_verb(CasemateError("it is wrong", where="here:1", why="it matters", fix="mend it", details="trace"))  # type: ignore[operator]
    code, out, err = run("list")
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        "error: it is wrong",
        "  where: here:1",
        "  why:   it matters",
        "  fix:   mend it",
        "  more:  add --debug to see the traceback",
    ]


def test_debug_shows_the_traceback_and_what_another_process_left(run: Run, broken_verb: object) -> None:
    broken_verb(CasemateError("it is wrong", details="the worker's own traceback"))  # type: ignore[operator]
    code, _, err = run("list", "--debug")
    assert code == 2
    assert "Traceback (most recent call last)" in err
    assert "the worker's own traceback" in err
    assert "add --debug" not in err


def test_an_error_that_nobody_foresaw_is_two_and_no_traceback(run: Run, broken_verb: object) -> None:
    broken_verb(ZeroDivisionError("division by zero"))  # type: ignore[operator]
    code, _, err = run("list")
    assert code == 2
    assert "ZeroDivisionError: division by zero" in err
    assert "Traceback" not in err
    assert "--debug" in err


def test_an_interruption_is_two(run: Run, broken_verb: object) -> None:
    broken_verb(KeyboardInterrupt())  # type: ignore[operator]
    assert run("list") == (2, "", "error: interrupted before anything was attacked\n")


@pytest.mark.parametrize(("left_with", "code"), [(1, 2), ("gone", 2), (0, 0), (None, 0)])
def test_a_library_that_leaves_never_leaves_with_one(
    run: Run, broken_verb: object, left_with: object, code: int
) -> None:
    broken_verb(SystemExit(left_with))  # type: ignore[operator]
    assert run("list") == (code, "", "")


def test_an_error_of_the_system_names_the_file(run: Run, broken_verb: object) -> None:
    broken_verb(PermissionError(13, "Permission denied", "/there"))  # type: ignore[operator]
    assert run("list")[2] == "error: Permission denied: /there\n"


@pytest.fixture
def untamed() -> Iterator[None]:
    """Whatever becomes of this process's Ctrl-C is undone."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)
    atexit.unregister(interrupts._leave)


def test_main_takes_the_words_of_the_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], untamed: None
) -> None:
    monkeypatch.setattr(sys, "argv", ["casemate", "--version"])
    assert main() == 0
    assert casemate.__version__ in capsys.readouterr().out


def test_python_m_casemate(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], untamed: None) -> None:
    monkeypatch.setattr(sys, "argv", ["casemate", "nonsense"])
    with pytest.raises(SystemExit) as stop:
        runpy.run_module("casemate", run_name="__main__")
    assert stop.value.code == 2
    assert "nonsense" in capsys.readouterr().err
