"""Linear models that answer for thousands of rows at a time: asked through the wire, hidden, stored, and refused."""

import dataclasses
import threading
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from casemate.controls.encrypted_service.client import Client
from casemate.controls.encrypted_service.client_keys import new_client_keys
from casemate.controls.encrypted_service.column_sender import ColumnSender
from casemate.controls.encrypted_service.column_service import AHEAD, SEEDS, ColumnService, PublicColumns
from casemate.controls.encrypted_service.compile_model import Asked, Compilation, compile_model
from casemate.controls.encrypted_service.evaluation_keys import EvaluationKeys
from casemate.controls.encrypted_service.plain_scores import plain_scores
from casemate.controls.encrypted_service.program_files import public_program
from casemate.controls.encrypted_service.server import Server
from casemate.controls.encrypted_service.signing import new_identity, new_token
from casemate.controls.encrypted_service.verifying import verify_program
from casemate.controls.homomorphic.chain import ckks_chain
from casemate.controls.homomorphic.context import Context
from casemate.controls.homomorphic.residues import Residues
from casemate.core.errors import (
    BadEnvelope,
    ModelUnsupported,
    OutOfRange,
    ReplyImplausible,
    RequestRefused,
)
from controls.encrypted_service.stored import check_files


@dataclasses.dataclass(frozen=True)
class Case:
    """A model, compiled, with more rows than one block holds."""

    made: Compilation
    rows: np.ndarray

    @property
    def public(self) -> PublicColumns:
        assert isinstance(self.made.program.public, PublicColumns)
        return self.made.program.public

    def sender(self) -> ColumnSender:
        return ColumnSender(self.public, Context(self.public.chain))


@cache
def compiled(name: str) -> Case:
    if name == "binary":
        rows, labels = load_breast_cancer(return_X_y=True)
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, labels)
    else:
        rows, labels = load_digits(return_X_y=True)
        rows = rows / 16
        model = LogisticRegression(max_iter=200).fit(rows[:300], labels[:300])
    asked = Asked(
        name, batches=True, tolerance=2.2e-3 if name == "fine" else None, flood=0.02 if name == "fine" else 0.0
    )
    made = compile_model(model, rows, asked)
    return Case(made, np.random.default_rng(0).choice(rows, 2500))


@pytest.fixture(scope="module", params=["binary", "classes", "fine"])
def case(request: pytest.FixtureRequest) -> Case:
    return compiled(request.param)


@pytest.fixture(scope="module")
def binary() -> Case:
    return compiled("binary")


def connected(case: Case) -> tuple[Server, Client]:
    token = new_token()
    server = Server([case.made.program], new_identity(), {"clinic": token})
    public = public_program(case.public.to_bytes())
    client = Client(public, new_client_keys(public.terms.query.chain), server.card, "clinic", token)
    client.accept(server.register("clinic", client.registration()))
    return server, client


def test_many_rows_are_answered_through_the_wire(case: Case) -> None:
    server, client = connected(case)
    wanted = case.made.circuit.scores(case.rows)
    for rows in (case.rows, case.rows[:1], case.rows[:2048]):
        query = client.encrypt(rows)
        assert len(query) == case.public.terms.query_bytes(-(-len(rows) // 2048))
        answer = client.decrypt(server.answer("clinic", query))
        off = np.abs(answer.scores - wanted[: len(rows)]).max()
        assert off <= case.public.error <= case.public.description.tolerance
        near = np.abs(answer.scores - plain_scores(case.made.program, rows)).max()
        assert near <= case.public.error
        assert np.array_equal(answer.labels, case.made.circuit.decide(answer.scores))
    server.close()


def test_registering_sends_no_keys(binary: Case) -> None:
    terms = binary.public.terms
    assert terms.keys is None
    assert terms.upload_bytes < 300
    assert (terms.rows, terms.taken, terms.given) == (2048, 1, 2)


def test_queries_have_at_most_so_many_bytes() -> None:
    for name in ("binary", "classes"):
        terms = compiled(name).public.terms
        assert 1 <= terms.runs <= 64
        assert terms.query_bytes(terms.runs) < (1 << 26) + 10_000


def test_queries_of_a_client_share_a_seed_and_nothing_else(binary: Case) -> None:
    sender, rows = binary.sender(), binary.rows[:5]
    first, second = (sender.encrypt(rows).ciphertexts[0] for _ in range(2))
    assert first.seed == second.seed != binary.sender().encrypt(rows).ciphertexts[0].seed
    assert (first.c0 != second.c0).mean() > 0.99


def test_a_reply_opens_with_its_own_query_alone(binary: Case) -> None:
    sender, rows = binary.sender(), binary.rows[:5]
    session = binary.made.program.session(EvaluationKeys())
    asked, other = sender.encrypt(rows), sender.encrypt(rows)
    reply = session.run(asked.ciphertexts)
    assert np.abs(asked.opened(reply) - binary.made.circuit.scores(rows)).max() <= binary.public.error
    with pytest.raises(ReplyImplausible, match="contradict"):
        other.opened(reply)


def test_noise_is_not_taken_for_scores(case: Case) -> None:
    sender, rng = case.sender(), np.random.default_rng(0)
    asked = sender.encrypt(case.rows[:1])
    good = case.made.program.session(EvaluationKeys()).run(asked.ciphertexts)
    (prime,) = case.public.chain.primes
    for _ in range(20):
        noise = [Residues(rng.integers(0, prime, one.values.shape, np.uint64), one.scale, False) for one in good]
        with pytest.raises(ReplyImplausible):
            asked.opened(noise)


def test_what_hides_answers_is_made_ahead_and_used_once(binary: Case) -> None:
    assert isinstance(binary.made.program, ColumnService)
    sender, session = binary.sender(), binary.made.program.session(EvaluationKeys())
    seen = set()
    for _ in range(3 * AHEAD):
        asked = sender.encrypt(binary.rows[:3])
        reply = session.run(asked.ciphertexts)
        session.prepare()
        assert session._randomness.ready(asked.ciphertexts[0].seed) == AHEAD
        assert np.abs(asked.opened(reply) - binary.made.circuit.scores(binary.rows[:3])).max() <= binary.public.error
        seen.add(reply[0].values[1].tobytes())
    assert len(seen) == 3 * AHEAD


def test_it_tells_how_much_it_holds_when_many_clients_ask(binary: Case) -> None:
    session = binary.made.program.session(EvaluationKeys())
    for _ in range(SEEDS + 2):
        session.run(binary.sender().encrypt(binary.rows[:1]).ciphertexts)
        session.prepare()
    held = session._randomness
    assert len(held._products) == SEEDS
    products = sum(part.nbytes for made in held._products.values() for part in made)
    ready = [part for made in held._ready.values() for one in made for part in (one.values, one.ternary, one.added)]
    assert 0.5 <= session.size / (products + sum(part.nbytes for part in ready)) <= 2


def test_a_session_may_prepare_while_it_runs(binary: Case) -> None:
    session, failed = binary.made.program.session(EvaluationKeys()), []
    senders = [binary.sender() for _ in range(3)]

    def ask(sender: ColumnSender) -> None:
        try:
            for _ in range(5):
                asked = sender.encrypt(binary.rows[:3])
                found = asked.opened(session.run(asked.ciphertexts))
                session.prepare()
                assert np.abs(found - binary.made.circuit.scores(binary.rows[:3])).max() <= binary.public.error
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=ask, args=(sender,)) for sender in senders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def test_files_hold_all_of_it(case: Case) -> None:
    check_files(case.made.program)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('"error":', '"error":1e9,"terror":'),
        lambda text: text.replace('"outputs":2', '"outputs":1'),
        lambda text: text.replace('"kind":"columns"', '"kind":"coefficients"'),
        lambda text: text.replace('"degree":2048', '"degree":1024'),
        lambda text: text.replace('"primes":[', '"primes":["40961",'),
    ],
)
def test_public_programs_from_outside_are_checked(binary: Case, change: Callable[[str], str]) -> None:
    text = binary.public.to_bytes().decode()
    altered = change(text)
    assert altered != text
    with pytest.raises((BadEnvelope, OutOfRange)):
        PublicColumns.from_bytes(altered.encode())


def test_rows_outside_the_calibrated_ranges_are_refused_with_their_number(binary: Case) -> None:
    rows = binary.rows[:2100].copy()
    rows[2099, 3] = 1e9
    with pytest.raises(OutOfRange) as found:
        binary.sender().encrypt(rows)
    assert "2100" in f"{found.value.where}{found.value.what}"


def test_an_altered_block_is_refused(binary: Case) -> None:
    server, client = connected(binary)
    query = bytearray(client.encrypt(binary.rows[:1]))
    query[len(query) // 2] ^= 1
    with pytest.raises(RequestRefused):
        client.decrypt(server.answer("clinic", bytes(query)))
    server.close()


def test_other_models_are_not_compiled_for_batches() -> None:
    from sklearn.neural_network import MLPClassifier

    rows, labels = load_digits(return_X_y=True)
    model = MLPClassifier((8,), max_iter=20, random_state=0)
    with pytest.warns(match="converge"):
        model.fit(rows / 16, labels)
    with pytest.raises(ModelUnsupported, match="linear models alone"):
        compile_model(model, rows[:300] / 16, Asked("net", batches=True))


def test_a_tolerance_that_no_parameters_reach_is_refused() -> None:
    rows, labels = load_digits(return_X_y=True)
    model = LogisticRegression(max_iter=200).fit(rows[:300] / 16, labels[:300])
    with pytest.raises(ModelUnsupported, match="no parameters"):
        compile_model(model, rows[:300] / 16, Asked("fine", tolerance=1e-9, batches=True))


def test_coarser_parameters_are_taken_where_they_suffice() -> None:
    assert compiled("binary").public.chain == ckks_chain(2048, (36,))
    assert compiled("fine").public.chain == ckks_chain(2048, (51,))


def test_it_is_verified_with_full_blocks(binary: Case) -> None:
    record = verify_program(binary.made.program, binary.rows, source="drawn rows")
    assert record.verdict == "held", record
    assert (record.kind, record.sizes.rows, record.decisions.rows) == ("columns", 2048, 2500)
    assert record.headroom.mask_bits is None
