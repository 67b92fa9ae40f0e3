"""Ctrl-C in a process of its own, as `main` is started by the console script."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

START = "import os, signal, time\nfrom casemate.cli import interrupts\n"
PRESS = "os.kill(os.getpid(), signal.SIGINT)\n"
CAUGHT = "interrupts.tame()\ntry:\n    " + PRESS + "except KeyboardInterrupt:\n    print('first', flush=True)\n"


def run(code: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        [sys.executable, "-c", START + code], capture_output=True, text=True, timeout=60, **options
    )


def test_the_first_raises_and_a_second_does_not() -> None:
    ran = run(CAUGHT + PRESS + "print('in order')\nraise SystemExit(2)")
    assert (ran.stdout, ran.returncode, ran.stderr) == ("first\nin order\n", 2, "")


def test_one_that_comes_while_the_interpreter_leaves_does_not_change_the_exit_code() -> None:
    late = "class Late:\n    def __del__(self): os.kill(os.getpid(), signal.SIGINT)\nlate = Late()\n"
    ran = run(late + CAUGHT + "raise SystemExit(2)")
    assert (ran.returncode, ran.stderr) == (2, "")


def test_those_who_end_our_workers_ignore_them_too() -> None:
    ran = run(CAUGHT + "import subprocess\nsubprocess.run(['sh', '-c', 'kill -INT $$; echo lives'])")
    assert ran.stdout == "first\nlives\n"


def test_where_order_takes_too_long_one_more_ends_the_process() -> None:
    ran = run("interrupts.PATIENCE = 0.01\n" + CAUGHT + "signal.pause()\n" + PRESS + "print('never')")
    assert (ran.stdout, ran.returncode) == ("first\n", 2)


def test_where_they_are_ignored_they_stay_so() -> None:
    ran = run("signal.signal(signal.SIGINT, signal.SIG_IGN)\ninterrupts.tame()\n" + PRESS + "print('went on')")
    assert (ran.stdout, ran.returncode) == ("went on\n", 0)


@pytest.mark.parametrize("words", [["--version"], ["nonsense"]])
def test_main_called_by_a_program_leaves_its_handler_alone(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    from casemate.cli import main

    before = signal.getsignal(signal.SIGINT)
    main(words)
    capsys.readouterr()
    assert signal.getsignal(signal.SIGINT) is before
