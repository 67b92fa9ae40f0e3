"""Linear layers on one encrypted row: right, as SEAL computes them, hidden, refused where they do not fit."""

from __future__ import annotations

import pickle
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from casemate.controls.homomorphic.chain import Chain, ckks_chain
from casemate.controls.homomorphic.circuits import Linear
from casemate.controls.homomorphic.coefficient_packing import CoefficientPacking, Geometry
from casemate.controls.homomorphic.coefficient_program import CoefficientProgram, Reply, Rerandomiser
from casemate.controls.homomorphic.context import Context
from casemate.controls.homomorphic.linear_scales import Ranges
from casemate.controls.homomorphic.residues import Residues, ciphertext_of, plaintext_of, residues_of
from casemate.controls.homomorphic.secret_keys import SecretKeys
from casemate.controls.homomorphic.seeds import SeedChain, Seeded, following
from casemate.controls.homomorphic.transforms import to_coefficients, to_values
from casemate.core.errors import LevelMismatch, NotCanonical, NotFinite, OutOfRange, ShapeMismatch

SINGLE = ckks_chain(2048, (51,))
DOUBLE = ckks_chain(4096, (45, 45, 16))


def layer(inputs: int, outputs: int, seed: int = 0) -> Linear:
    rng = np.random.default_rng(seed)
    return Linear(rng.normal(size=(outputs, inputs)) * 0.2, rng.normal(size=outputs))


@dataclass
class Case:
    """A program, a client's keys, and what hides its replies."""

    linear: Linear
    program: CoefficientProgram
    context: Context
    keys: SecretKeys
    randomness: Rerandomiser

    @classmethod
    def of(cls, inputs: int, outputs: int, chain: Chain = SINGLE, drowned: int = 0, seeds=None) -> Case:
        context, linear = Context(chain), layer(inputs, outputs)
        program = CoefficientProgram(linear, Ranges(np.zeros(inputs), np.ones(inputs)), context, drowned=drowned)
        keys = SecretKeys.generate(context, *([seeds.take] if seeds else []))
        public = SecretKeys(context, keys._key).encrypt_coefficients(program.public.zero())
        return cls(linear, program, context, keys, Rerandomiser(program, public, context))

    def rows(self, n: int = 3) -> np.ndarray:
        return np.random.default_rng(1).random((n, self.linear.inputs))

    def queries(self, rows: np.ndarray) -> list[Seeded]:
        return [self.keys.encrypt_coefficients(each) for each in self.program.public.pack(rows)]

    def scores(self, replies: list[Residues]) -> np.ndarray:
        packing = self.program.public
        return packing.unpack(self.keys.decrypt_coefficients(replies, packing.at))

    def asked(self, rows: np.ndarray) -> np.ndarray:
        return self.scores(self.program.evaluate(self.queries(rows), self.randomness))


@pytest.fixture(scope="module")
def small() -> Case:
    return Case.of(30, 3)


@pytest.mark.parametrize(
    ("inputs", "outputs", "chain"),
    [
        (30, 1, SINGLE),
        (784, 10, SINGLE),
        (1, 1, SINGLE),
        (7, 300, SINGLE),
        (2048, 2, SINGLE),
        (2049, 2, SINGLE),
        (5000, 3, SINGLE),
        (30, 1, DOUBLE),
        (784, 10, DOUBLE),
        (5000, 2, DOUBLE),
    ],
)
def test_scores_equal_the_layer_s(inputs, outputs, chain):
    case = Case.of(inputs, outputs, chain)
    rows = case.rows()
    errors = np.abs(case.asked(rows) - case.linear(rows))
    assert (errors <= case.program.error).all()
    assert errors.max() < (1e-6 if chain is DOUBLE else 1e-4) * max(1, np.abs(case.linear(rows)).max())


def test_the_ends_of_the_ranges_are_answered_within_the_bound():
    linear = layer(64, 4)
    low, high = np.linspace(-5, 0, 64), np.linspace(0, 9, 64)
    context = Context(SINGLE)
    program = CoefficientProgram(linear, Ranges(low, high), context)
    keys = SecretKeys.generate(context)
    randomness = Rerandomiser(program, keys.encrypt_coefficients(program.public.zero()), context)
    rows = np.concatenate([np.where(linear.weights > 0, high, low), np.where(linear.weights > 0, low, high)])
    queries = [keys.encrypt_coefficients(each) for each in program.public.pack(rows)]
    replies = keys.decrypt_coefficients(program.evaluate(queries, randomness), program.public.at)
    assert (np.abs(program.public.unpack(replies) - linear(rows)) <= program.error).all()


def test_scores_need_no_seeds():
    case = Case.of(30, 3)
    rows = case.rows()
    whole = [query.expand(SINGLE) for query in case.queries(rows)]
    assert (
        np.abs(case.scores(case.program.evaluate(whole, case.randomness)) - case.linear(rows)) <= case.program.error
    ).all()


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([16, 32, 64]), st.integers(1, 150), st.integers(1, 40), st.integers(0, 2**32))
def test_every_weight_meets_its_input_once_and_nothing_else(degree, width, outputs, seed):
    """In whole numbers, modulo X^degree + 1: at every answer's place lies the scalar product, whatever else does."""
    layout = Geometry(degree, width, outputs)
    places = set(zip(layout.group_of.tolist(), layout.coefficient_of.tolist(), strict=True))
    assert len(places) == outputs and layout.groups == max(layout.group_of) + 1
    assert layout.part * layout.inputs >= width and layout.coefficient_of.max() < degree
    rng = np.random.default_rng(seed)
    weights, row = rng.integers(-9, 9, (outputs, width)), rng.integers(-9, 9, width)
    totals = np.zeros((layout.groups, degree), int)
    for index in range(layout.inputs):
        x = np.zeros(degree, int)
        part = row[index * layout.part : (index + 1) * layout.part]
        x[: len(part)] = part
        for output, end in enumerate(layout.coefficient_of):
            w = weights[output, index * layout.part : (index + 1) * layout.part][::-1]
            poly = np.zeros(degree, int)
            poly[end + 1 - len(w) : end + 1] = w
            full = np.convolve(x, poly)
            full = np.pad(full, (0, 2 * degree - len(full)))
            totals[layout.group_of[output]] += full[:degree] - full[degree:]
    assert (totals[layout.group_of, layout.coefficient_of] == weights @ row).all()


def test_residues_are_those_of_seal_s_evaluator():
    """Without what hides them, second halves and answers are SEAL's multiply_plain, bit by bit."""
    case = Case.of(784, 10)
    program, context = case.program, case.context
    layout, (prime,) = program.layout, SINGLE.primes
    (query,) = case.queries(case.rows(1))
    waiting = np.zeros((2, layout.groups, 1, layout.degree), np.uint64)
    from casemate.controls.homomorphic.modular_products import awaiting

    waiting[1] = awaiting(waiting[1], prime)
    reply = Reply(waiting, 1.0, [[0] * 10])
    program.multiply(program._tails(query), reply)
    answers = program._exact[0].times(query.c0[0], [0] * 10)
    whole = np.stack([to_values(query.c0[None], context)[0], query.c1(SINGLE)])
    taken = ciphertext_of(Residues(whole, 1.0), context)
    for group in range(layout.groups):
        weights = plaintext_of(program._factors[0][0].values[group][None], 1.0, context)
        made = residues_of(context.evaluator.multiply_plain(taken, weights)).values
        assert (made[1] == reply.values[1, group]).all()
        heads = to_coefficients(made[:1], context)[0, 0]
        mine = np.flatnonzero(layout.group_of == group)
        assert heads[layout.coefficient_of[mine]].tolist() == [answers[output] for output in mine]


def test_nothing_but_answers_comes_back():
    case = Case.of(784, 9)
    replies = case.program.evaluate(case.queries(case.rows(1)), case.randomness)
    layout = case.program.layout
    answers = np.zeros((layout.groups, layout.degree), bool)
    answers[layout.group_of, layout.coefficient_of] = True
    for group, reply in enumerate(replies):
        assert not reply.values[0, 0][~answers[group]].any() and not reply.transformed


def test_second_halves_do_not_tell_the_weights(small):
    """One query twice: what was multiplied with the weights looks uniform, and has nothing in common."""
    (query,) = small.queries(small.rows(1))
    replies = [small.program.evaluate([query], small.randomness)[0].values[1, 0] for _ in range(40)]
    assert all((replies[0] != other).mean() > 0.99 for other in replies[1:])
    seen = np.concatenate(replies)
    high = np.bincount((seen.astype(np.float64) * 64 / SINGLE.primes[0]).astype(int), minlength=64)
    low = np.bincount((seen & np.uint64(63)).astype(int), minlength=64)
    assert stats.chisquare(high).pvalue > 1e-6 and stats.chisquare(low).pvalue > 1e-6


def test_encryptions_of_zero_serve_once(small):
    small.randomness.prepare(3)
    before = len(small.randomness)
    taken = [small.randomness.take() for _ in range(before + 2)]
    assert len({id(reply.values) for reply in taken}) == len(taken) and len(small.randomness) == 0


def test_flooding_spreads_answers_beyond_what_the_errors_do():
    quiet, loud = Case.of(30, 1), Case.of(30, 1, drowned=12)
    assert loud.program.layer.flooding_bits > 12
    row = quiet.rows(1)
    spread = []
    for case in (quiet, loud):
        (query,) = case.queries(row)
        found = np.array([case.scores(case.program.evaluate([query], case.randomness))[0, 0] for _ in range(60)])
        assert (np.abs(found - case.linear(row)[0, 0]) <= case.program.error[0]).all()
        spread.append(found.std() * case.program.layer.scale)
    assert spread[1] > 2 ** (loud.program.layer.flooding_bits - 2)
    assert spread[1] > 100 * spread[0]


def test_seeds_that_follow_are_prepared_for():
    case = Case.of(784, 10, seeds=SeedChain())
    rows = case.rows(6)
    queries = case.queries(rows)
    case.program.evaluate(queries[:1], case.randomness)
    case.randomness.prepare(4, after=queries[0].seed)
    assert len(case.randomness) == 4 and queries[1].seed == following(queries[0].seed)
    found = case.scores(case.program.evaluate(queries[1:], case.randomness))  # the last one was not foreseen
    assert len(case.randomness) == 0
    assert (np.abs(found - case.linear(rows[1:])) <= case.program.error).all()


def test_a_query_that_was_foreseen_is_hidden_anew_when_it_comes_twice():
    case = Case.of(30, 3, seeds=SeedChain())
    first, second = case.queries(case.rows(2))
    case.randomness.prepare(1, after=first.seed)
    replies = [case.program.evaluate([second], case.randomness)[0].values[1] for _ in range(2)]
    assert (replies[0] != replies[1]).mean() > 0.99


def test_programs_travel_to_workers(small):
    again = pickle.loads(pickle.dumps(small.program))
    rows = small.rows()
    randomness = Rerandomiser(again, small.keys.encrypt_coefficients(again.public.zero()), small.context)
    found = small.scores(again.evaluate(small.queries(rows), randomness))
    assert (np.abs(found - small.linear(rows)) <= small.program.error).all()


def test_packings_are_plain_data(small):
    import json

    packing = small.program.public
    again = CoefficientPacking.from_plain(json.loads(json.dumps(packing.to_plain())))
    rows = small.rows()
    assert [each.values.tolist() for each in again.pack(rows)] == [each.values.tolist() for each in packing.pack(rows)]
    assert again.to_plain() == packing.to_plain() and again.numbers.chain == SINGLE


@pytest.mark.parametrize(
    "altered",
    [
        {"degree": 1000},
        {"degree": "x"},
        {"primes": []},
        {"primes": ["1"]},
        {"primes": [str(2**60)]},
        {"primes": 5},
        {"centre": []},
        {"centre": [[1.0]]},
        {"half": [-1.0] * 30},
        {"half": [float("nan")] * 30},
        {"half": [1e300] * 30},
        {"input_scale": 0.5},
        {"scale": float("inf")},
        {"outputs": 0},
        {"outputs": 2**40},
        {"outputs": True},
        {"outputs": None},
    ],
)
def test_what_is_no_packing_is_refused(small, altered):
    with pytest.raises((OutOfRange, ShapeMismatch)):
        CoefficientPacking.from_plain({**small.program.public.to_plain(), **altered})


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        (np.full((2, 30), 0.5), None),
        (np.full((2, 29), 0.5), ShapeMismatch),
        (np.full(30, 0.5), ShapeMismatch),
        (np.full((1, 30), np.nan), NotFinite),
        (np.full((1, 30), np.inf), NotFinite),
        (np.full((1, 30), 1.1), OutOfRange),
        (np.full((1, 30), -0.1), OutOfRange),
    ],
)
def test_rows_that_the_program_was_not_made_for_are_refused(small, rows, error):
    if error is None:
        assert len(small.program.public.pack(rows)) == 2
        return
    with pytest.raises(error):
        small.program.public.pack(rows)


def test_the_row_that_is_out_of_range_is_named(small):
    rows = small.rows()
    rows[2, 7] = 3.0
    with pytest.raises(OutOfRange, match=r"number 7 is 3, outside 0 to 1\n  where: row 3"):
        small.program.public.pack(rows)


def altered(query: Seeded, **changes) -> Seeded:
    return Seeded(**{**vars(query), **changes})


def test_queries_of_another_shape_are_refused(small):
    (query,) = small.queries(small.rows(1))
    for wrong in (
        altered(query, c0=query.c0[:, :1024]),
        altered(query, c0=np.stack([query.c0, query.c0])),
        altered(query, c0=query.c0.astype(np.int64)),
        altered(query, transformed=True),
    ):
        with pytest.raises(LevelMismatch):
            small.program.evaluate([wrong], small.randomness)
    with pytest.raises(ShapeMismatch, match="seed"):
        small.program.evaluate([altered(query, seed=b"")], small.randomness)
    with pytest.raises(LevelMismatch):
        small.program.evaluate([Residues(np.zeros((3, 1, 2048), np.uint64), 1.0, False)], small.randomness)


def test_residues_above_their_prime_are_refused(small):
    (query,) = small.queries(small.rows(1))
    for half in (0, 1):
        whole = query.expand(SINGLE)
        values = whole.values.copy()
        values[half, 0, 3] = SINGLE.primes[0]
        with pytest.raises(NotCanonical):
            small.program.evaluate([Residues(values, whole.scale, False)], small.randomness)


def test_replies_of_another_number_are_refused(small):
    with pytest.raises(ShapeMismatch, match="make one"):
        Case.of(784, 10).program.public.unpack(np.zeros((3, 1, 2), np.uint64))


def test_what_is_no_public_key_is_refused(small):
    good = small.keys.encrypt_coefficients(small.program.public.zero())
    for wrong, error in (
        (altered(good, transformed=True), LevelMismatch),
        (altered(good, c0=np.stack([good.c0] * 2)), LevelMismatch),
        (altered(good, c0=good.c0[:, :8]), ShapeMismatch),
        (altered(good, c0=np.full_like(good.c0, SINGLE.primes[0])), OutOfRange),
    ):
        with pytest.raises(error):
            Rerandomiser(small.program, wrong, small.context)


def test_chains_with_larger_primes_are_refused():
    with pytest.raises(OutOfRange, match="53 bits"):
        Case.of(30, 1, ckks_chain(2048, (53,)))


def test_answers_that_no_chain_holds_are_refused():
    linear = Linear(np.full((1, 5), 1e12), np.zeros(1))
    with pytest.raises(OutOfRange, match="do not fit"):
        CoefficientProgram(linear, Ranges(np.zeros(5), np.full(5, 1e6)), Context(ckks_chain(2048, (30,))))


def test_another_key_reads_noise(small):
    rows = small.rows()
    replies = small.program.evaluate(small.queries(rows), small.randomness)
    other = SecretKeys.generate(small.context)
    found = small.program.public.unpack(other.decrypt_coefficients(replies, small.program.public.at))
    assert np.abs(found - small.linear(rows)).mean() > 1e2 * small.program.error.max()
