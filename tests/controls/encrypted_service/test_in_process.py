"""Both sides of the wire in one process, as an assessment has them."""

import logging
import pickle

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from casemate.attacks.interception.decryption_replay import numbers
from casemate.controls.encrypted_service import client as client_module
from casemate.controls.encrypted_service.compile_model import Asked, Compilation, compile_model
from casemate.controls.encrypted_service.in_process import InProcess
from casemate.core.errors import EncryptedError


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    return np.asarray(load_iris().data)


@pytest.fixture(scope="module")
def made(rows: np.ndarray) -> Compilation:
    return compile_model(LogisticRegression(max_iter=500).fit(rows, load_iris().target), rows, Asked("iris"))


@pytest.fixture(scope="module")
def wire(made: Compilation) -> InProcess:
    return InProcess(made.program)


def test_answers_are_those_of_the_circuit(made: Compilation, wire: InProcess, rows: np.ndarray) -> None:
    wanted = made.circuit.scores(rows[::30])
    for message, scores in zip(wire.ask(rows[::30]), wanted, strict=True):
        reply = wire.answer(message)
        assert reply is not None
        opened = wire.read(message, reply)
        assert opened is not None
        np.testing.assert_allclose(opened.numbers, scores, atol=made.program.public.description.tolerance)  # type: ignore[attr-defined]
        np.testing.assert_allclose(opened.scores, made.circuit.probabilities(scores[None])[0], atol=0.05)
        assert opened.told is None
        assert wire.read(message, reply) is None  # once


def test_rows_out_of_range_are_not_sent(wire: InProcess, rows: np.ndarray) -> None:
    assert wire.ask(np.stack([rows[0], rows[0] + 100]))[1] == b""
    assert wire.answer(b"") is None


def test_refusals_that_were_provoked_are_not_logged(
    wire: InProcess, rows: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    (message,) = wire.ask(rows[:1])
    with caplog.at_level(logging.INFO, logger="casemate.encrypted_service"):
        assert wire.answer(message[:-1]) is None
        assert wire.answer(wire.stranger().ask(rows[:1])[0]) is None
    assert not [record for record in caplog.records if "refused" in record.message]


def test_thousands_of_messages_need_no_answer(
    made: Compilation, rows: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "OPEN", 3)
    wire = InProcess(made.program)
    messages = wire.ask(rows[:8])
    assert len({*messages}) == 8
    assert wire.answer(messages[0]) is None  # of a registration that was renewed
    reply = wire.answer(messages[-1])
    assert reply is not None and wire.read(messages[-1], reply) is not None


@pytest.mark.parametrize("share", ["labels", "scores"])
def test_clients_tell_what_the_policy_says(made: Compilation, rows: np.ndarray, share: str) -> None:
    wire = InProcess(made.program, share)  # type: ignore[arg-type]
    (message,) = wire.ask(rows[:1])
    reply = wire.answer(message)
    assert reply is not None
    opened = wire.read(message, reply)
    assert opened is not None and opened.told is not None
    wanted = [float(opened.numbers.argmax())] if share == "labels" else opened.numbers.tolist()
    assert opened.told.tolist() == wanted


def test_noise_is_added_to_what_is_told_and_to_nothing_else(made: Compilation, rows: np.ndarray) -> None:
    wire, off = InProcess(made.program, "scores", 0.5), []
    for message in wire.ask(rows[:60]):
        reply = wire.answer(message)
        assert reply is not None
        opened = wire.read(message, reply)
        assert opened is not None and opened.told is not None
        off += (opened.told - opened.numbers).tolist()
    assert 0.4 < np.std(off) < 0.6


def test_the_ring_tells_how_whoever_knows_the_key_reads(wire: InProcess, rows: np.ndarray) -> None:
    ring = wire.ring
    assert ring is not None
    secret = wire._house._keys_of("first").secret
    key = secret.times(np.ones((1, 1, ring.degree), np.uint64))[0, 0].astype(np.int64)
    key = np.where(key > ring.prime // 2, key - ring.prime, key)
    assert set(key.tolist()) == {-1, 0, 1}
    (message,) = wire.ask(rows[:1])
    reply = wire.answer(message)
    assert reply is not None
    pairs = wire.polynomials(reply)
    opened = wire.read(message, reply)
    assert opened is not None
    np.testing.assert_allclose(numbers(pairs, key, ring), opened.numbers, rtol=1e-12)


def test_there_is_no_ring_modulo_several_primes() -> None:
    fine = compile_model(
        LogisticRegression(max_iter=500).fit(*load_iris(return_X_y=True)), load_iris().data, Asked("fine", 5e-11)
    )
    wire = InProcess(fine.program)
    assert len(fine.program.public.terms.query.chain.levels) > 1
    assert wire.ring is None
    with pytest.raises(EncryptedError, match="no polynomials"):
        wire.polynomials(b"")


def test_it_travels_without_its_keys(wire: InProcess, rows: np.ndarray) -> None:
    again = pickle.loads(pickle.dumps(wire))
    (message,) = wire.ask(rows[:1])
    assert again.answer(message) is None
    (own,) = again.ask(rows[:1])
    assert again.answer(own) is not None
    assert again.key_bytes == wire.key_bytes > 14_000
