"""Engine: runs programs with the evaluation keys that a query names, in this process or in workers of its own.

SEAL holds Python's lock while it computes, so that threads alone use one core; each worker is a process that holds all
programs and the keys that it used last.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol

from casemate.controls.encrypted_service.ciphertexts import Ciphertext
from casemate.controls.encrypted_service.evaluation_keys import EvaluationKeys, KeyForm, loaded_keys
from casemate.controls.encrypted_service.key_cache import keys_digest
from casemate.controls.encrypted_service.programs import Program, Session
from casemate.controls.homomorphic.context import Context
from casemate.controls.homomorphic.residues import Residues
from casemate.core.errors import EncryptedError, StoreDamaged

log = logging.getLogger("casemate.encrypted_service")

HELD_BYTES = 1 << 30
"""What a process holds ready for clients at a time, in bytes: evaluation keys, and what is made ahead."""

Source = bytes | Path
"""Evaluation keys: their bytes, or the file that holds them."""


class Engine(Protocol):
    """What runs programs."""

    def run(self, program: str, ciphertexts: Sequence[Ciphertext], keys: Source | None, digest: str) -> list[Residues]:
        """Return a program's answers.

        Args:
            program: its digest.
            ciphertexts: what came, for one run or several.
            keys: evaluation keys; None where the program needs none.
            digest: of the keys; see `keys_digest`.

        Raises:
            StoreDamaged: the keys are not what was registered.
            EncryptedError: the program could not run.
        """
        ...

    def close(self) -> None:
        """End what was started."""
        ...


class LocalEngine:
    """Runs programs in this process. What need not wait for a query is done by a thread of its own, between queries.

    Args:
        programs: by digest.
        held: bytes to hold ready for clients.
    """

    def __init__(self, programs: Mapping[str, Program], held: int = HELD_BYTES) -> None:
        self._programs = programs
        self._most = held
        self._held: OrderedDict[tuple[str, str], tuple[int, Session]] = OrderedDict()
        self._contexts: dict[str, Context] = {}
        self._lock = threading.Lock()
        self._ahead = ThreadPoolExecutor(1, "casemate-ahead")

    def run(self, program: str, ciphertexts: Sequence[Ciphertext], keys: Source | None, digest: str) -> list[Residues]:
        """Return a program's answers; see `Engine.run`."""
        taken = self._programs[program].public.terms.taken
        try:
            session = self._session(program, keys, digest)
            starts = range(0, len(ciphertexts), taken)
            answers = [answer for start in starts for answer in session.run(ciphertexts[start : start + taken])]
        except (ValueError, RuntimeError) as error:  # what SEAL raises
            raise EncryptedError(f"the program could not run on these ciphertexts: {error}") from error
        self._ahead.submit(_prepared, session)
        return answers

    def close(self) -> None:
        """Let go of the keys."""
        self._ahead.shutdown(cancel_futures=True)
        with self._lock:
            self._held.clear()

    def _session(self, program: str, keys: Source | None, digest: str) -> Session:
        """A program ready to run with these keys; those used longest ago make room."""
        with self._lock:
            if (program, digest) in self._held:
                self._held.move_to_end((program, digest))
                return self._held[program, digest][1]
            code = self._programs[program]
            data = b"" if keys is None else keys if isinstance(keys, bytes) else keys.read_bytes()
            made = code.session(self._loaded(data, code.public.terms.keys, digest))
            self._held[program, digest] = (made.size, made)
            while len(self._held) > 1 and sum(size for size, _ in self._held.values()) > self._most:
                self._held.popitem(last=False)
            return made

    def _loaded(self, data: bytes, form: KeyForm | None, digest: str) -> EvaluationKeys:
        if form is None:
            return EvaluationKeys()
        chain = form.chain
        if keys_digest(bytes.fromhex(chain.digest), data) != digest:
            raise StoreDamaged("evaluation keys are not what was registered", fix="have the client register again")
        if chain.digest not in self._contexts:
            self._contexts[chain.digest] = Context(chain)
        return loaded_keys(memoryview(data), form, self._contexts[chain.digest])


def _prepared(session: Session) -> None:
    try:
        session.prepare()
    except Exception:  # the next query will do it itself, and tell what is wrong
        log.exception("what a query needs could not be made ahead")


class WorkerEngine:
    """Runs programs in processes of its own; a process that dies is replaced.

    Args:
        programs: by digest; they travel to each worker once.
        workers: how many processes.
        held: bytes that each holds ready for clients.
    """

    def __init__(self, programs: Mapping[str, Program], workers: int, held: int = HELD_BYTES) -> None:
        self._start = (dict(programs), held)
        self._workers = workers
        self._lock = threading.Lock()
        self._pool = self._new()

    def run(self, program: str, ciphertexts: Sequence[Ciphertext], keys: Source | None, digest: str) -> list[Residues]:
        """Return a program's answers; see `Engine.run`."""
        pool = self._pool
        try:
            return pool.submit(_run, program, ciphertexts, keys, digest).result()
        except BrokenProcessPool as error:
            with self._lock:
                if self._pool is pool:
                    self._pool = self._new()
            raise EncryptedError("a worker died", why="it was killed, or ran out of memory") from error

    def close(self) -> None:
        """End the processes."""
        self._pool.shutdown(cancel_futures=True)

    def _new(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(self._workers, get_context("spawn"), _started, self._start)


_engine: LocalEngine | None = None


def _started(programs: Mapping[str, Program], held: int) -> None:
    global _engine  # noqa: PLW0603 - a worker is a process of its own, and this is all that it holds
    _engine = LocalEngine(programs, held)


def _run(program: str, ciphertexts: Sequence[Ciphertext], keys: Source | None, digest: str) -> list[Residues]:
    assert _engine is not None
    return _engine.run(program, ciphertexts, keys, digest)
