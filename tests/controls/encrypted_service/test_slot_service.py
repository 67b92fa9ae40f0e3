"""A network as it is served: compiled, stored, asked through the wire, and answered with what the model says."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

from casemate.controls.encrypted_service.client import Client
from casemate.controls.encrypted_service.client_keys import new_client_keys
from casemate.controls.encrypted_service.compile_model import Asked, Compilation, compile_model
from casemate.controls.encrypted_service.evaluation_keys import loaded_keys, packed_keys
from casemate.controls.encrypted_service.program_files import (
    program_bytes,
    program_from_bytes,
    read_program,
    read_public,
    write_program,
)
from casemate.controls.encrypted_service.programs import Program, Session
from casemate.controls.encrypted_service.server import Server
from casemate.controls.encrypted_service.signing import new_identity, new_token
from casemate.controls.encrypted_service.slot_service import PublicSlots, SlotService
from casemate.controls.homomorphic.context import Context
from casemate.controls.homomorphic.residues import Residues
from casemate.controls.homomorphic.secret_keys import SecretKeys
from casemate.core.errors import BadEnvelope, ModelMissing, ModelUnreadable, OutOfRange, ReplyImplausible


def session(program: Program, secret: SecretKeys) -> Session:
    public = program.public
    form = public.terms.keys
    assert form is not None
    assert isinstance(public, PublicSlots)
    keys = packed_keys(public.public_keys(secret), form)
    return program.session(loaded_keys(memoryview(keys), form, secret.context))


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    return np.asarray(load_digits().data / 16)


@pytest.fixture(scope="module")
def made(rows: np.ndarray) -> Compilation:
    model = MLPClassifier((16,), max_iter=300, random_state=0, tol=1e-2).fit(rows, load_digits().target)
    return compile_model(model, rows[:300], Asked("digits"))


@pytest.fixture(scope="module")
def secret(made: Compilation) -> SecretKeys:
    assert isinstance(made.program, SlotService)
    return SecretKeys.generate(Context(made.program.public.chain))


def test_scores_are_those_of_the_circuit(made: Compilation, rows: np.ndarray, secret: SecretKeys) -> None:
    public = made.program.public
    assert isinstance(public, PublicSlots)
    running, asked = session(made.program, secret), rows[400:406]
    running.prepare()
    answers = [running.run([query])[0] for query in public.encrypt(asked, secret)]
    scores, wanted = public.decrypt(answers, len(asked), secret), made.circuit.scores(asked)
    assert np.abs(scores - wanted).max() <= public.description.tolerance
    assert (public.decide(scores) == made.circuit.decide(wanted)).all()
    np.testing.assert_allclose(public.probabilities(scores), made.circuit.probabilities(wanted), atol=0.05)


def test_every_other_slot_is_covered(made: Compilation, rows: np.ndarray, secret: SecretKeys) -> None:
    program = made.program
    assert isinstance(program, SlotService)
    running = session(program, secret)
    query = program.public.encrypt(rows[:1], secret)
    one, other = (running.run(query)[0] for _ in range(2))
    assert (one.values[1] != other.values[1]).mean() > 0.99  # an encryption of zero made the second polynomial anew
    slots = [secret.context.encoder.decode(secret.decrypt(answer)) for answer in (one, other)]
    beside = np.delete(np.arange(len(slots[0])), program.public.packing.answers)
    bare = np.abs(program.program.reference(program.public.packing.pack(program.public.preparation(rows[:1])[0])))
    assert program.mask.spread > 200 * bare[program.public.packing.answers].max()
    covered = np.abs(slots[0][beside] - slots[1][beside])
    assert np.median(covered) > program.mask.spread / 4
    scores = [program.public.packing.unpack(one) for one in slots]
    np.testing.assert_allclose(*scores, atol=program.public.description.tolerance)


def test_through_the_wire(made: Compilation, rows: np.ndarray, secret: SecretKeys) -> None:
    token = new_token()
    identity = new_identity()
    server = Server([made.program], identity, {"clinic": token})
    public = made.program.public
    assert isinstance(public, PublicSlots)
    client = Client(public, new_client_keys(public.chain), identity.card, "clinic", token)
    client.accept(server.register("clinic", client.registration()))
    asked = rows[500:502]
    answer = client.decrypt(server.answer("clinic", client.encrypt(asked)))
    assert (answer.labels == made.circuit.decide(made.circuit.scores(asked))).all()
    with pytest.raises(OutOfRange, match="outside"):
        client.encrypt(asked + 100)


def test_an_implausible_reply_is_refused(made: Compilation, secret: SecretKeys, rows: np.ndarray) -> None:
    public = made.program.public
    assert isinstance(public, PublicSlots)
    stranger = SecretKeys.generate(Context(public.chain))
    reply = session(made.program, secret).run(public.encrypt(rows[:1], secret))
    with pytest.raises(ReplyImplausible, match="to noise"):
        public.decrypt(reply, 1, stranger)
    rng, high = np.random.default_rng(0), np.array(public.chain.levels[: reply[0].level], np.uint64)[:, None]
    noise = Residues(rng.integers(0, high, reply[0].values.shape, dtype=np.uint64), reply[0].scale)
    with pytest.raises(ReplyImplausible, match="to noise"):
        public.decrypt([noise], 1, secret)
    larger = Residues(reply[0].values, reply[0].scale / 1000)  # as if the server had multiplied by another number
    with pytest.raises(ReplyImplausible, match="a score of"):
        public.decrypt([larger], 1, secret)


def test_files_hold_all_of_it(made: Compilation, rows: np.ndarray, secret: SecretKeys, tmp_path: Path) -> None:
    public_path = write_program(made.program, tmp_path / "digits.program")
    again, public = read_program(tmp_path / "digits.program"), read_public(public_path)
    assert public.digest == again.public.digest == made.program.public.digest
    scores = public.decrypt(session(again, secret).run(public.encrypt(rows[:1], secret)), 1, secret)
    np.testing.assert_allclose(scores, made.circuit.scores(rows[:1]), atol=0.1)
    assert program_bytes(pickle.loads(pickle.dumps(again))) == program_bytes(made.program)


def test_altered_files_are_refused(made: Compilation, tmp_path: Path) -> None:
    data = program_bytes(made.program)
    for broken in (data[:100], data[:-1], data[:-9] + bytes(9), b"x" + data):
        with pytest.raises((ModelUnreadable, BadEnvelope)):
            program_from_bytes(broken)
    with pytest.raises(ModelMissing):
        read_program(tmp_path / "no.program")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('"casemate-program-1"', '"casemate-program-9"'),
        lambda text: text.replace('"slots"', '"other"'),
        lambda text: text.replace('"degree":', '"degree": '),
        lambda text: text.replace('"relinearise":true', '"relinearise":true,"more":1'),
        lambda text: text.replace('"answers":[0', '"answers":[-1'),
        lambda text: text.replace('"given":1', '"given":9'),
        lambda text: text[:-1],
        lambda text: "[" * 100_000,
    ],
)
def test_public_programs_from_outside_are_checked(made: Compilation, change: object) -> None:
    text = made.program.public.to_bytes().decode()
    altered = change(text)  # type: ignore[operator]
    assert altered != text
    with pytest.raises(BadEnvelope):
        PublicSlots.from_bytes(altered.encode())


def test_weak_parameters_are_refused(made: Compilation) -> None:
    text = made.program.public.to_bytes().decode()
    with pytest.raises(OutOfRange, match="too large"):
        PublicSlots.from_bytes(text.replace('"degree":8192', '"degree":4096').encode())
