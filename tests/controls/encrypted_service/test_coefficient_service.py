"""A linear model as it is served: compiled, stored, asked through the wire, and answered with what the model says."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from casemate.controls.encrypted_service.client import Client
from casemate.controls.encrypted_service.client_keys import new_client_keys
from casemate.controls.encrypted_service.coefficient_service import (
    AHEAD,
    CoefficientService,
    CoefficientSession,
    PublicCoefficients,
)
from casemate.controls.encrypted_service.compile_model import Asked, Compilation, compile_model
from casemate.controls.encrypted_service.evaluation_keys import loaded_keys, packed_keys
from casemate.controls.encrypted_service.program_files import public_program
from casemate.controls.encrypted_service.server import Server
from casemate.controls.encrypted_service.signing import new_identity, new_token
from casemate.controls.homomorphic.context import Context
from casemate.controls.homomorphic.residues import Residues
from casemate.controls.homomorphic.secret_keys import SecretKeys
from casemate.controls.homomorphic.seeds import SeedChain
from casemate.core.errors import BadEnvelope, OutOfRange, ReplyImplausible
from controls.encrypted_service.stored import check_files


@dataclasses.dataclass(frozen=True)
class Case:
    """A model, compiled, with rows to ask."""

    made: Compilation
    rows: np.ndarray

    @property
    def public(self) -> PublicCoefficients:
        assert isinstance(self.made.program.public, PublicCoefficients)
        return self.made.program.public


def compiled(name: str) -> Case:
    if name == "binary":
        rows, labels = load_breast_cancer(return_X_y=True)
        model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, labels)
    else:
        rows, labels = load_digits(return_X_y=True)
        rows = rows / 16
        wide = np.hstack([rows] * 35)[:, :2100] if name == "wide" else rows
        rows = wide
        model = (LinearRegression() if name != "classes" else LogisticRegression(max_iter=200)).fit(
            rows[:300], labels[:300]
        )
    return Case(compile_model(model, rows[:300], Asked(name)), rows[300:])


@pytest.fixture(scope="module", params=["binary", "classes", "number", "wide"])
def case(request: pytest.FixtureRequest) -> Case:
    return compiled(request.param)


@pytest.fixture(scope="module")
def binary() -> Case:
    return compiled("binary")


@pytest.fixture(scope="module")
def secret(binary: Case) -> SecretKeys:
    return SecretKeys.generate(Context(binary.public.chain), SeedChain().take)


def session(case: Case, secret: SecretKeys) -> CoefficientSession:
    form = case.public.terms.keys
    assert form is not None
    assert isinstance(case.made.program, CoefficientService)
    data = packed_keys(case.public.public_keys(secret), form)
    return case.made.program.session(loaded_keys(memoryview(data), form, secret.context))


def within(case: Case) -> np.ndarray:
    """Rows that lie within the ranges of calibration."""
    inside = []
    for row in case.rows:
        try:
            case.public.preparation(row[None])
        except OutOfRange:
            continue
        inside.append(row)
    return np.array(inside[:3])


def test_answers_are_the_models_through_the_wire(case: Case) -> None:
    token, rows = new_token(), within(case)
    server = Server([case.made.program], new_identity(), {"clinic": token})
    public = public_program(case.public.to_bytes())
    client = Client(public, new_client_keys(public.terms.query.chain), server.card, "clinic", token)
    client.accept(server.register("clinic", client.registration()))
    wanted = case.made.circuit.scores(rows)
    for _ in range(3):
        answer = client.decrypt(server.answer("clinic", client.encrypt(rows)))
        assert np.abs(answer.scores - wanted).max() <= case.public.error <= case.public.description.tolerance
        if case.public.description.answer != "number":
            assert np.array_equal(answer.labels, case.made.circuit.decide(wanted))
    server.close()


def test_a_query_has_at_most_17_kilobytes_and_there_are_no_evaluation_keys(binary: Case) -> None:
    terms = binary.public.terms
    assert terms.query_bytes(1) == 14_556
    assert terms.keys is not None
    assert (terms.keys.rotations, terms.keys.relinearise) == ((), False)
    assert terms.upload_bytes < 15_000


def test_noise_is_not_taken_for_scores(case: Case) -> None:
    """Half of all noise lies within the scores' own range; that the scores agree with their mean is what tells."""
    secret = SecretKeys.generate(Context(case.public.chain))
    rows, rng = within(case)[:1], np.random.default_rng(0)
    query = case.public.encrypt(rows, secret)
    good = session(case, secret).run(query)
    assert case.public.decrypt(good, 1, secret).shape == (1, case.public.outputs)
    high = np.array(case.public.chain.levels, np.uint64)[:, None]
    for _ in range(20):
        noise = [
            Residues(rng.integers(0, high, one.values.shape, dtype=np.uint64), one.scale, transformed=False)
            for one in good
        ]
        with pytest.raises(ReplyImplausible, match="contradict"):
            case.public.decrypt(noise, 1, secret)
    with pytest.raises(ReplyImplausible, match="contradict"):
        case.public.decrypt(good, 1, SecretKeys.generate(secret.context))


def test_one_answer_that_was_computed_wrongly_is_not_believed(binary: Case, secret: SecretKeys) -> None:
    (good,) = session(binary, secret).run(binary.public.encrypt(within(binary)[:1], secret))
    at = int(binary.public.packing.at[0])
    for added in (1 << 44, 1 << 48):
        wrong = Residues(good.values.copy(), good.scale, transformed=False)
        wrong.values[0, 0, at] = (int(wrong.values[0, 0, at]) + added) % binary.public.chain.levels[0]
        with pytest.raises(ReplyImplausible):
            binary.public.decrypt([wrong], 1, secret)


@pytest.mark.parametrize("chained", [True, False])
def test_what_hides_answers_is_made_ahead_and_used_once(binary: Case, chained: bool) -> None:
    public, rows = binary.public, within(binary)[:1]
    context = Context(public.chain)
    secret = SecretKeys.generate(context, SeedChain().take) if chained else SecretKeys.generate(context)
    running, wanted = session(binary, secret), binary.made.circuit.scores(rows)
    seen = set()
    for _ in range(2 * AHEAD):
        (answer,) = running.run(public.encrypt(rows, secret))
        running.prepare()
        assert np.abs(public.decrypt([answer], 1, secret) - wanted).max() <= public.error
        seen.add(answer.values[1].tobytes())
    assert len(seen) == 2 * AHEAD
    assert bool(running._zeros._foreseen) == chained
    assert 0 < len(running._zeros) <= 2 * AHEAD


def test_it_tells_how_much_it_holds(case: Case) -> None:
    secret = SecretKeys.generate(Context(case.public.chain))
    running = session(case, secret)
    running.run(case.public.encrypt(within(case)[:1], secret))
    running.prepare()
    zeros = running._zeros
    ready = sum(one.values.nbytes for one in zeros._ready)
    turned = sum(part.nbytes for part in (*zeros._low, *zeros._high))
    assert ready + turned <= running.size <= 4 * (ready + turned)


def test_files_hold_all_of_it(case: Case) -> None:
    check_files(case.made.program)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('"error":', '"error":1e9,"terror":'),
        lambda text: text.replace('"outputs":2', '"outputs":1'),
        lambda text: text.replace('"outputs":2', '"outputs":2.5'),
        lambda text: text.replace('"kind":"coefficients"', '"kind":"slots"'),
        lambda text: text.replace('"degree":2048', '"degree":1024'),
        lambda text: text[:-1],
    ],
)
def test_public_programs_from_outside_are_checked(binary: Case, change: Callable[[str], str]) -> None:
    text = binary.public.to_bytes().decode()
    altered = change(text)
    assert altered != text
    with pytest.raises((BadEnvelope, OutOfRange)):
        PublicCoefficients.from_bytes(altered.encode())
