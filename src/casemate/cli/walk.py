"""A walk: an example's commands, one per line in a file called ``walk``, run in its folder and shown as they run."""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from casemate.cli.screen import err, out
from casemate.core.errors import CasemateError

FILE = "walk"
PASSPHRASE = "CASEMATE_KEYS_PASSPHRASE"  # noqa: S105


@dataclass(frozen=True)
class Step:
    """One line of a walk.

    Args:
        line: its place in the file, from 1.
        words: ``casemate`` or ``python`` and what follows it.
    """

    line: int
    words: tuple[str, ...]

    def __str__(self) -> str:
        return shlex.join(self.words)


def steps_of(path: Path) -> list[Step]:
    """Return the commands of a walk; empty lines and comments are left out.

    Raises:
        CasemateError: a line that is no command of Casemate's or of Python's.
    """
    steps = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            words = tuple(shlex.split(line, comments=True))
        except ValueError as error:
            raise CasemateError(f"the line is not finished: {error}", where=f"{path}:{number}") from None
        if words and words[0] not in ("casemate", "python"):
            raise CasemateError(f"{words[0]!r} is neither casemate nor python", where=f"{path}:{number}")
        if words:
            steps.append(Step(number, words))
    return steps


def walk(folder: Path) -> bool:
    """Run the walk of an example in its folder; return whether every command did what it is for.

    A verdict is no failure: 1 is an attack that won, 3 one that could not be decided. The walk stops at the first
    command that could not run. Its keys are under a passphrase of this walk alone, unless the environment names one.
    """
    steps = steps_of(folder / FILE)
    with contextlib.chdir(folder), _passphrase():
        for step in steps:
            out().print(f"  $ {step}", style="bold", soft_wrap=True)
            sys.stdout.flush()
            code = _run(step.words)
            if code == 2:
                err().print(f"  the walk stopped at line {step.line} of {folder / FILE}", soft_wrap=True)
                return False
    return True


def _run(words: tuple[str, ...]) -> int:
    from casemate.cli import main

    if words[0] == "casemate":
        return main(words[1:])
    done = subprocess.run([sys.executable, *words[1:]], check=False)  # noqa: S603
    return 2 if done.returncode else 0


@contextlib.contextmanager
def _passphrase() -> Iterator[None]:
    if os.environ.get(PASSPHRASE):
        yield
        return
    os.environ[PASSPHRASE] = made = secrets.token_urlsafe(18)
    out().print(f"  the keys of this walk are under the passphrase {made}", soft_wrap=True)
    try:
        yield
    finally:
        del os.environ[PASSPHRASE]
