"""Verifying: a program is asked about rows, through real messages, tampered with, and measured while that is done."""

from __future__ import annotations

import datetime
import hashlib
import math
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import TypeVar

import numpy as np

from casemate.controls.encrypted_service.client import Answer, Client
from casemate.controls.encrypted_service.client_keys import new_client_keys
from casemate.controls.encrypted_service.descriptions import Description, read
from casemate.controls.encrypted_service.linear_service import LinearService
from casemate.controls.encrypted_service.mutations import tampered
from casemate.controls.encrypted_service.plain_scores import plain_scores, plain_slots
from casemate.controls.encrypted_service.program_files import program_bytes
from casemate.controls.encrypted_service.programs import Program
from casemate.controls.encrypted_service.sight import seen_by_server
from casemate.controls.encrypted_service.slot_service import SlotService
from casemate.controls.encrypted_service.trial_house import TrialHouse
from casemate.controls.encrypted_service.verification import (
    Decisions,
    Errors,
    Headroom,
    Security,
    Sizes,
    Time,
    Verification,
)
from casemate.core.errors import EmptyData

LIBRARIES = ("casemate", "seal-python", "numpy", "cryptography")
ALONE = "the program in the clear"

Watch = Callable[[str], object]
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Plain:
    """The model that decisions are compared with.

    Args:
        told: what it is, for people.
        probabilities: (n, classes) of the same rows.
    """

    told: str
    probabilities: np.ndarray


def verify_program(
    program: Program,
    rows: np.ndarray,
    *,
    source: str,
    refused: int = 0,
    plain: Plain | None = None,
    needed: float = 0.95,
    seed: int = 0,
    watch: Watch | None = None,
) -> Verification:
    """Return what was measured of a program.

    Args:
        program: with its weights.
        rows: that it is asked about, (n, features); best those that the model was not trained on.
        source: where they come from.
        refused: how many others there were, outside the ranges that the program answers for.
        plain: the model's answers to the rows; without, decisions are compared with those of the program in the clear.
        needed: the share of decisions that must be the same.
        seed: of which bits of messages are altered.
        watch: called with each thing that is begun.

    Raises:
        EmptyData: no rows.
        DataError: rows that the program was not made for.
        EncryptedError: an unaltered message was refused.
    """
    if not len(rows):
        raise EmptyData("no rows to verify the program on", fix="give some hundred rows like those that will be asked")
    say = watch or (lambda _: None)
    say("computing in the clear")
    clear, description = plain_scores(program, rows), read(program.public.to_bytes())
    say("making keys")
    keys, making = _timed(partial(new_client_keys, program.public.terms.query.chain))
    house = TrialHouse(program, keys)
    try:
        client = house.client()
        registering = _registered(house, client)
        answer, times = _asked(house, client, rows, say)
        say("tampering with messages")
        with house.silence():
            mutations = tampered(house, client, rows[:1], seed)
    finally:
        house.close()
    terms, chain = program.public.terms, program.public.terms.query.chain
    return Verification(
        when=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        name=description.name,
        program=program.public.digest,
        file=hashlib.sha256(program_bytes(program)).hexdigest(),
        kind=str(description.packing["kind"]),
        semantics=description.semantics,
        rows=source,
        refused=refused,
        errors=_errors(answer, clear, description, plain),
        decisions=_decisions(answer, clear, description, plain, needed, _bound(program, description)),
        headroom=_headroom(program, rows, clear, description),
        security=Security(chain.scheme, chain.degree, tuple(p.bit_length() for p in chain.primes), chain.bits),
        sizes=Sizes(
            terms.query_bytes(1), terms.reply_bytes(1), terms.upload_bytes, len(program.public.to_bytes()), terms.rows
        ),
        times=(_time("client makes its secret key, once", [making]), *registering, *times),
        mutations=mutations,
        seen=seen_by_server(house.public, description, keys, rows),
        environment=_environment(),
    )


_Taken = tuple[float, float]


def _registered(house: TrialHouse, client: Client) -> tuple[Time, ...]:
    """Register a client, and return what each step took."""
    upload, making = _timed(client.registration)
    receipt, taking = _timed(partial(house.told, upload))
    client.accept(receipt)
    steps = {"client makes keys for the server, once": making, "server takes them, once": taking}
    return tuple(_time(name, [taken]) for name, taken in steps.items())


def _asked(house: TrialHouse, client: Client, rows: np.ndarray, say: Watch) -> tuple[Answer, tuple[Time, ...]]:
    """The answers to rows, as many with a query as one run takes, and what each step took.

    The first query, which warms up, is not counted.
    """
    at_once = client.program.terms.rows
    client.decrypt(house.asked(client.encrypt(rows[:at_once])))
    steps: dict[str, list[_Taken]] = {"client encrypts": [], "server answers": [], "client decrypts": []}
    answers = []
    for start in range(0, len(rows), at_once):
        say(f"row {start + 1} of {len(rows)}")
        query, encrypting = _timed(partial(client.encrypt, rows[start : start + at_once]))
        reply, answering = _timed(partial(house.asked, query))
        answer, decrypting = _timed(partial(client.decrypt, reply))
        answers.append(answer)
        for taken, step in zip((encrypting, answering, decrypting), steps.values(), strict=True):
            step.append(taken)
    together = Answer(*(np.concatenate([getattr(one, name) for one in answers]) for name in Answer.__annotations__))
    return together, tuple(_time(name, taken) for name, taken in steps.items())


def _timed(work: Callable[[], T]) -> tuple[T, _Taken]:
    """What work returns, and the milliseconds it took, of this thread's processor time and of wall clock."""
    cpu, wall = time.thread_time(), time.perf_counter()
    made = work()
    return made, ((time.thread_time() - cpu) * 1e3, (time.perf_counter() - wall) * 1e3)


def _time(step: str, taken: list[_Taken]) -> Time:
    cpu, wall = np.array(taken).T
    return Time(step, float(np.median(cpu)), float(np.median(wall)), float(wall.max()))


def _errors(answer: Answer, clear: np.ndarray, description: Description, plain: Plain | None) -> Errors:
    off = np.abs(answer.scores - clear)
    probability = None
    if plain is not None and description.answer in ("binary", "multiclass", "shares"):
        probability = float(np.abs(answer.probabilities - plain.probabilities).max())
    return Errors(float(off.max()), float(off.mean()), description.tolerance, probability)


def _bound(program: Program, description: Description) -> float:
    """What no score errs by more than: proved for a linear layer, promised for everything else."""
    return program.public.error if isinstance(program, LinearService) else description.tolerance


def _decisions(
    answer: Answer, clear: np.ndarray, description: Description, plain: Plain | None, needed: float, bound: float
) -> Decisions | None:
    if description.answer == "number":
        return None
    wanted = description.decide(clear) if plain is None else plain.probabilities.argmax(axis=1)
    if clear.shape[1] == 1:
        half = np.abs(clear[:, 0])
    else:
        second, first = np.sort(clear, axis=1)[:, -2:].T
        half = (first - second) / 2
    certified = int((half > bound).sum())
    same = int((answer.labels == wanted).sum())
    return Decisions(len(clear), same, ALONE if plain is None else plain.told, certified, needed)


def _headroom(program: Program, rows: np.ndarray, clear: np.ndarray, description: Description) -> Headroom:
    form = program.public.terms.reply
    largest = max(float(np.abs(clear).max()), description.tolerance)
    mask, flood = None, 0.0
    if isinstance(program, SlotService):
        slots = plain_slots(program, rows)
        answers = program.public.packing.answers
        hidden = slots if answers.shape[1] > 1 else np.delete(slots, answers.ravel(), axis=1)
        beside = np.abs(hidden).max(initial=0.0)
        mask = math.log2(program.mask.spread / max(float(beside), largest))
        flood = program.mask.flood
    elif isinstance(program, LinearService):
        layer = program.program.layer
        flood = 2.0**layer.flooding_bits / math.sqrt(3) / layer.scale if layer.flooding_bits else 0.0
    bits = math.log2(math.prod(form.primes))
    return Headroom(math.log2(largest * form.scale), bits, mask, flood)


def _environment() -> dict[str, str]:
    found = {"python": platform.python_version(), "machine": f"{platform.system()} {platform.machine()}"}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found
