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
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import casemate
from casemate.core.errors import RecipeCrashed, RecipeTimedOut
from casemate.systems.references import Reference
from casemate.systems.trainer import read_frame, write_frame

log = logging.getLogger("casemate.recipe")

_HOME = str(Path(casemate.__file__).parents[1])
_START = "import sys; sys.path.append(sys.argv[3]); from casemate.systems.trainer import main; main()"
_THREADS = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM", "BLIS", "RAYON")
_KEPT_LINES = 200
_LONGEST_LINE = 8192
"""Bytes of one line of output; the rest counts as further lines, so that a flood without line ends stays small."""
_KEPT_WORKERS = 4
"""Idle workers beyond these are closed, the one that was asked longest ago first: each holds a few hundred MB."""

_Key = tuple[str, Path]
_workers: dict[_Key, Worker] = {}
_inherited: list[Worker] = []
_lock = threading.Lock()


class Worker:
    """One running `trainer` process. It is lent out by `lent`, and closed only when nobody has it.

    Args:
        reference: the recipe that it runs.
        digest: the digest of the recipe's sources when it was started.
    """

    def __init__(self, reference: Reference, digest: str) -> None:
        self.reference, self.digest, self.owner = reference, digest, os.getpid()
        self.users = 0
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

    def ask(self, question: bytes, timeout: float) -> tuple[str, Any]:
        """Return the trainer's answer to one question; see `trainer.answer`.

        Raises:
            RecipeTimedOut: no answer within ``timeout`` seconds; the process was killed.
            RecipeCrashed: the process ended.
        """
        with self._turn:
            # A thread of its own: a trainer that stands still does not read either, and the limit must hold.
            threading.Thread(target=self._say, args=(question,), daemon=True).start()
            try:
                reply = self._answers.get(timeout=timeout)
            except queue.Empty:
                self.close()
                raise RecipeTimedOut(
                    f"the recipe {self.reference} did not finish within {timeout:g} seconds",
                    where=str(self.reference),
                    why="attacks on training train it many times over",
                    fix="train on fewer rows or for fewer rounds, or raise time-limit in [model]",
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
        # What left the process group may still hold the error stream open: its listener then stays behind, a daemon.
        for listener in self._listeners:
            listener.join(timeout=1)
        with contextlib.suppress(OSError):  # a question that it never read
            _stream(self._process.stdin).close()

    def _say(self, question: bytes) -> None:
        with contextlib.suppress(OSError, ValueError):  # an ended process shows in its missing answer
            write_frame(_stream(self._process.stdin), question)

    def _hear(self) -> None:
        with _stream(self._process.stdout) as stream:
            reply: bytes | None = b""
            while reply is not None:
                reply = read_frame(stream)
                self._answers.put(reply)

    def _overhear(self) -> None:
        with _stream(self._process.stderr) as stream:
            while line := stream.readline(_LONGEST_LINE):
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


@contextlib.contextmanager
def lent(reference: Reference) -> Iterator[Worker]:
    """Lend the running worker of a recipe, started where there is none or its sources have changed since.

    A worker that is lent is not closed for being surplus or out of date before all who have it have given it back.
    """
    key, now = (str(reference), reference.root), reference.digest
    with _lock:
        worker = _workers.pop(key, None)
        if worker is None or not worker.alive or worker.digest != now:
            if worker is not None and not worker.users:
                worker.close()
            worker = Worker(reference, now)
        worker.users += 1
        _workers[key] = worker  # the last in the table is the one that was asked last
        _close_surplus()
    try:
        yield worker
    finally:
        with _lock:
            worker.users -= 1
            if _workers.get(key) is not worker and not worker.users:
                worker.close()


def _close_surplus() -> None:
    idle = [key for key, worker in _workers.items() if not worker.users]
    for key in idle[: max(0, len(_workers) - _KEPT_WORKERS)]:
        _workers.pop(key).close()


def close_all() -> None:
    """Kill every worker of this process; they start anew when they are needed."""
    with _lock:
        while _workers:
            _workers.popitem()[1].close()


def _forget() -> None:
    """In a forked child: leave the parent's workers alone; another thread of the parent's may have held the lock."""
    global _lock  # noqa: PLW0603
    _lock = threading.Lock()
    _inherited.extend(_workers.values())  # kept, for a pipe that is cleaned up here would be written to once more
    _workers.clear()


atexit.register(close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


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


def _stream(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # all three were asked for
    return pipe
