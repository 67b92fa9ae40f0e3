"""Opening a file in a process of its own first, because the library that reads it may not survive a damaged one."""

from __future__ import annotations

import contextlib
import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np

import casemate
from casemate.core.errors import ModelUnreadable
from casemate.systems.workers import ending, quiet_environment

SECONDS = 120.0
"""How long a rehearsal may take, the library's import included."""

_HOME = str(Path(casemate.__file__).parents[1])
_START = "import sys; sys.path.append(sys.argv[1]); from casemate.systems.models.rehearsal import main; main()"


def rehearse(library: str, content: bytes) -> None:
    """Open a booster and ask it once, elsewhere.

    What Python can catch is left to the caller, who will meet it again.

    Args:
        library: ``"xgboost"`` or ``"lightgbm"``.
        content: the content of its model file.

    Raises:
        ModelUnreadable: the process crashed or did not finish.
    """
    try:
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-P", "-c", _START, _HOME, library],
            input=content,
            capture_output=True,
            timeout=SECONDS,
            env=quiet_environment(),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _unreadable(f"does not open the file within {SECONDS:g} seconds", library) from None
    if done.returncode:
        said = done.stderr.decode(errors="replace")[-4000:]
        raise _unreadable(f"crashes on the file ({ending(done.returncode)})", library, said)


def main() -> None:
    """Read a model from the standard input and ask it about a row of zeros and one of ones."""
    library, content = sys.argv[2], sys.stdin.buffer.read()
    with contextlib.suppress(Exception):  # not a crash: the caller will see it
        module = importlib.import_module(library)
        if library == "xgboost":
            booster = module.Booster({"nthread": 1}, model_file=bytearray(content))
            rows = np.repeat([[0.0], [1.0]], booster.num_features(), axis=1)
            booster.predict(module.DMatrix(rows, nthread=1), validate_features=False)
        else:
            booster = module.Booster(model_str=content.decode())
            booster.predict(np.repeat([[0.0], [1.0]], booster.num_feature(), axis=1), num_threads=1)


def _unreadable(what: str, library: str, details: str | None = None) -> ModelUnreadable:
    return ModelUnreadable(
        f"{library} {what}",
        why="the file is truncated or damaged, or was made to crash its reader",
        fix="save the model again",
        details=details,
    )
