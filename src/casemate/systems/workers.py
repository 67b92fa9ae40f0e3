"""Worker processes for recipes: one per recipe and calling process, kept between trainings, killed at a time limit."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path
from typing import Any

import casemate
from casemate.core.errors import RecipeCrashed, RecipeTimedOut
from casemate.systems.references import Reference
from casemate.systems.trainer import read_frame, write_frame

log = logging.getLogger("casemate.recipe")

_HOME = str(Path(casemate.__file__).parents[1])
_START = "import sys; sys.path.append(sys.argv[3]); from casemate.systems.trainer import main; main()"
_THREADS = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM", "BLIS", "RAYON")
_KEPT_LINES = 200
_KEPT_WORKERS = 4
"""Idle workers beyond these are closed, the one that was asked longest ago first: each holds a few hundred MB."""

_workers: dict[tuple[str, Path], Worker] = {}
_lock = threading.Lock()


class Worker:
    """One running `trainer` process.

    Args:
        reference: the recipe that it runs.
        digest: the digest of the recipe's sources when it was started.
    """

    def __init__(self, reference: Reference, digest: str) -> None:
        self.reference, self.digest, self.owner = reference, digest, os.getpid()
        self._turn = threading.Lock()
        self._said: deque[str] = deque(maxlen=_KEPT_LINES)
        self._answers: queue.Queue[bytes | None] = queue.Queue()
        # -P: a file in the current folder must not pass for a library.
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-P", "-c", _START, str(reference), str(reference.root), _HOME],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=quiet_environment(),
            start_new_session=True,
        )
        self._listeners = [threading.Thread(target=job, daemon=True) for job in (self._hear, self._overhear)]
        for listener in self._listeners:
            listener.start()

    @property
    def alive(self) -> bool:
        """Whether it belongs to this process and still runs."""
        return self.owner == os.getpid() and self._process.poll() is None

    @property
    def busy(self) -> bool:
        """Whether it is being asked at this moment."""
        return self._turn.locked()

    def ask(self, question: bytes, timeout: float) -> tuple[str, Any]:
        """Return the trainer's answer to one question; see `trainer.answer`.

        Raises:
            RecipeTimedOut: no answer within ``timeout`` seconds; the process was killed.
            RecipeCrashed: the process ended.
        """
        with self._turn:
            assert self._process.stdin is not None
            with contextlib.suppress(OSError):  # an ended process shows in its missing answer
                write_frame(self._process.stdin, question)  # type: ignore[arg-type]
            try:
                reply = self._answers.get(timeout=timeout)
            except queue.Empty:
                self.close()
                raise RecipeTimedOut(
                    f"the recipe {self.reference} did not finish within {timeout:g} seconds",
                    where=str(self.reference),
                    why="attacks on training train it many times over",
                    fix="train on fewer rows or for fewer rounds, or raise the limit on the recipe's seconds",
                    details=self._last_words(),
                ) from None
            if reply is None:
                raise self._crash()
        return pickle.loads(reply)  # type: ignore[no-any-return]  # noqa: S301  # from our own trainer

    def close(self) -> None:
        """Kill the process and what it started; safe to call twice."""
        if self.owner != os.getpid():
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        for listener in self._listeners:
            listener.join(timeout=5)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            with contextlib.suppress(OSError):  # a question that it never read
                if stream is not None:
                    stream.close()

    def _hear(self) -> None:
        assert self._process.stdout is not None
        reply: bytes | None = b""
        while reply is not None:
            reply = read_frame(self._process.stdout)  # type: ignore[arg-type]
            self._answers.put(reply)

    def _overhear(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            text = line.decode(errors="replace").rstrip()
            self._said.append(text)
            log.info("%s: %s", self.reference, text)

    def _last_words(self) -> str | None:
        return "\n".join(self._said) or None

    def _crash(self) -> RecipeCrashed:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        code = self._process.poll()
        self.close()
        return RecipeCrashed(
            f"the recipe {self.reference} took its process down ({ending(code)})",
            where=str(self.reference),
            why="without a model there is nothing to assess",
            fix="run the function by itself; a killed process often ran out of memory",
            details=self._last_words(),
        )


def worker_for(reference: Reference) -> Worker:
    """Return the running worker of a recipe, started where there is none or its sources have changed since."""
    key, now = (str(reference), reference.root), reference.digest
    with _lock:
        worker = _workers.get(key)
        if worker is None or not worker.alive or worker.digest != now:
            if worker is not None:
                worker.close()
            worker = Worker(reference, now)
        _workers.pop(key, None)
        _workers[key] = worker  # the last in the table is the one that was asked last
        idle = [other for name, other in _workers.items() if name != key and not other.busy]
        for surplus in idle[: max(0, len(_workers) - _KEPT_WORKERS)]:
            surplus.close()
            del _workers[str(surplus.reference), surplus.reference.root]
        return worker


def close_all() -> None:
    """Kill every worker of this process; they start anew when they are needed."""
    with _lock:
        while _workers:
            _workers.popitem()[1].close()


atexit.register(close_all)


def quiet_environment() -> dict[str, str]:
    """Return this process's environment with one thread per library and fixed hashes.

    The same seed must give the same model.
    """
    threads = {f"{name}_NUM_THREADS": "1" for name in _THREADS}
    return {**os.environ, **threads, "PYTHONHASHSEED": "0", "PYTHONUNBUFFERED": "1"}


def ending(code: int | None) -> str:
    """Return in words how a process ended, from its exit code; None where it has not."""
    if code is None:
        return "it closed its output"
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
