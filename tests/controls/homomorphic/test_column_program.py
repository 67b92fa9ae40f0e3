"""Linear layers on many encrypted rows: right on live ciphertexts, exact in every residue, hidden, and refused."""

from __future__ import annotations

import pickle
from dataclasses import dataclass

import numpy as np
import pytest
from scipy import stats

from casemate.controls.homomorphic import column_program
from casemate.controls.homomorphic.chain import ckks_chain
from casemate.controls.homomorphic.circuits import Linear
from casemate.controls.homomorphic.column_packing import ColumnPacking
from casemate.controls.homomorphic.column_program import PRIME_BITS, WEIGHT_BITS, ColumnProgram, ColumnRandomness
from casemate.controls.homomorphic.column_secrets import ColumnSecrets
from casemate.controls.homomorphic.context import Context
from casemate.controls.homomorphic.linear_scales import Ranges
from casemate.controls.homomorphic.seeds import Seeded, uniform
from casemate.controls.homomorphic.transforms import to_coefficients
from casemate.core.errors import LevelMismatch, NotCanonical, NotFinite, OutOfRange, ShapeMismatch


@dataclass
class Case:
    """A program, a client's secrets, and what hides replies."""

    linear: Linear
    program: ColumnProgram
    context: Context
    secrets: ColumnSecrets
    randomness: ColumnRandomness

    @classmethod
    def of(cls, inputs: int, outputs: int, limbs: int = 1, drowned: int = 0) -> Case:
        rng = np.random.default_rng(0)
        linear = Linear(rng.normal(size=(outputs, inputs)) * 0.2, rng.normal(size=outputs))
        context = Context(ckks_chain(2048, (PRIME_BITS[limbs],)))
        ranges = Ranges(np.zeros(inputs), np.ones(inputs))
        program = ColumnProgram(linear, ranges, context, drowned=drowned, limbs=limbs)
        secrets = ColumnSecrets(context, program.public.columns)
        return cls(linear, program, context, secrets, ColumnRandomness(program, context))

    def rows(self, n: int) -> np.ndarray:
        return np.random.default_rng(1).random((n, self.linear.inputs))

    def asked(self, rows: np.ndarray) -> np.ndarray:
        packing = self.program.public
        batch = self.secrets.encrypt(packing.pack(rows))
        return packing.unpack(batch.decrypt(self.program.evaluate(batch.queries, self.randomness)))[: len(rows)]


@pytest.fixture(scope="module")
def small() -> Case:
    return Case.of(30, 3)


@pytest.mark.parametrize(
    ("inputs", "outputs", "limbs", "drowned", "n", "most"),
    [
        (30, 1, 1, 0, 2048, 1e-4),
        (30, 3, 2, 0, 100, 1e-4),
        (784, 10, 1, 0, 300, 5e-4),
        (784, 10, 2, 6, 300, 2e-4),
        (1, 1, 1, 0, 1, 1e-4),
        (64, 5, 1, 0, 4500, 2e-4),
    ],
)
def test_scores_equal_the_layer_s(inputs, outputs, limbs, drowned, n, most):
    """Off by at most twice what is usual, relative to the largest score; the bound that is told holds."""
    case = Case.of(inputs, outputs, limbs, drowned)
    assert np.abs(case.program.layer.weights).max() < 1 << (WEIGHT_BITS - 1)
    assert case.program._matrix.limbs <= limbs
    rows = case.rows(n)
    errors = np.abs(case.asked(rows) - case.linear(rows))
    assert errors.shape == (n, outputs) and (errors <= case.program.error).all()
    assert errors.max() <= most * max(1, np.abs(case.linear(rows)).max())


def test_the_ends_of_the_ranges_are_answered_within_the_bound(small):
    rows = np.concatenate([small.linear.weights > 0, small.linear.weights < 0]).astype(float)
    assert (np.abs(small.asked(rows) - small.linear(rows)) <= small.program.error).all()


@pytest.mark.parametrize("limbs", [1, 2])
def test_every_residue_of_both_halves_is_the_product_of_whole_numbers(limbs):
    """Live ciphertexts of 784 columns, against Python's whole numbers, where places are drawn."""
    case = Case.of(784, 10, limbs)
    (query,) = case.secrets.encrypt(case.program.public.pack(case.rows(50))).queries
    weights, (prime,) = case.program.layer.weights, case.program.chain.primes
    tails = query.c1(case.program.chain)
    rng = np.random.default_rng(2)
    for halves in (query.c0, tails):
        found = case.program.product(halves)
        for output, at in zip(rng.integers(0, 10, 40), rng.integers(0, 2048, 40), strict=True):
            terms = zip(weights[output].tolist(), halves[:-1, 0, at].tolist(), strict=True)
            assert int(found[output, at]) == sum(w * x for w, x in terms) % prime
    assert (case.randomness._product(query.seed)[0] == case.program.product(tails)).all()


def test_replies_are_products_and_encryptions_of_zero(small):
    """What is left of a reply without the product is an encryption of the bias, by the block's own key."""
    batch = small.secrets.encrypt(small.program.public.pack(small.rows(5)))
    replies = small.program.evaluate(batch.queries, small.randomness)
    (query,), (key,) = batch.queries, batch.keys
    (prime,) = small.program.chain.primes
    products = [small.program.product(halves) for halves in (query.c0, query.c1(small.program.chain))]
    for output, reply in enumerate(replies):
        head = (reply.values[0, 0] + (np.uint64(prime) - products[0][output])) % np.uint64(prime)
        tail = (reply.values[1, 0] + (np.uint64(prime) - products[1][output])) % np.uint64(prime)
        product = key.times(tail[None, None])[0, 0]
        rest = ((head + product) % np.uint64(prime)).astype(np.int64)
        rest = np.where(rest > prime // 2, rest - prime, rest) - small.program.layer.bias[output]
        assert 20 < rest.std() < 400 and np.abs(rest).max() < 2000


def test_blocks_share_a_seed_and_never_a_secret(small):
    first = small.secrets.encrypt(small.program.public.pack(small.rows(3000)))
    second = small.secrets.encrypt(small.program.public.pack(small.rows(10)))
    assert {query.seed for query in (*first.queries, *second.queries)} == {small.secrets.seed}
    keys = [key.fingerprint for key in (*first.keys, *second.keys)]
    assert len(set(keys)) == len(keys) == 3
    assert Case.of(2, 1).secrets.seed != Case.of(2, 1).secrets.seed


def test_the_same_rows_twice_have_nothing_in_common(small):
    blocks = small.program.public.pack(small.rows(10))
    first, second = (small.secrets.encrypt(blocks).queries[0].c0 for _ in range(2))
    assert (first != second).mean() > 0.99
    seen = np.concatenate([first.ravel(), second.ravel()])
    prime = small.program.chain.primes[0]
    high = np.bincount((seen.astype(np.float64) * 64 / prime).astype(int), minlength=64)
    low = np.bincount((seen & np.uint64(63)).astype(int), minlength=64)
    assert stats.chisquare(high).pvalue > 1e-6 and stats.chisquare(low).pvalue > 1e-6


def test_second_halves_of_replies_look_uniform_and_differ(small):
    (query,) = small.secrets.encrypt(small.program.public.pack(small.rows(1))).queries
    replies = [small.program.evaluate([query], small.randomness)[0].values[1, 0] for _ in range(30)]
    assert all((replies[0] != other).mean() > 0.99 for other in replies[1:])
    prime = small.program.chain.primes[0]
    high = np.bincount((np.concatenate(replies).astype(np.float64) * 64 / prime).astype(int), minlength=64)
    assert stats.chisquare(high).pvalue > 1e-6


def test_weights_meet_the_second_halves_of_a_client_once(small, monkeypatch):
    asked = []
    monkeypatch.setattr(column_program, "uniform", lambda *args: asked.append(args) or uniform(*args))
    randomness = ColumnRandomness(small.program, small.context)
    queries = small.secrets.encrypt(small.program.public.pack(small.rows(5000))).queries
    randomness.prepare(2, queries[0].seed)
    assert len(small.program.evaluate(queries, randomness)) == 9
    assert len(asked) == 1


def test_clients_of_long_ago_are_forgotten(small):
    randomness = ColumnRandomness(small.program, small.context, seeds=2)
    for seed in (bytes(32), bytes([1] * 32), bytes([2] * 32)):
        randomness.prepare(1, seed)
    assert set(randomness._products) == {bytes([1] * 32), bytes([2] * 32)} == set(randomness._ready)


def test_what_hides_a_block_serves_once(small):
    randomness = ColumnRandomness(small.program, small.context)
    randomness.prepare(2, bytes(32))
    taken = [randomness.take(bytes(32)) for _ in range(3)]
    assert len({id(reply) for reply in taken}) == 3
    assert (taken[0].values[1] != taken[1].values[1]).mean() > 0.99


def test_flooding_spreads_answers():
    quiet, loud = Case.of(8, 1), Case.of(8, 1, drowned=8)
    rows = np.tile(quiet.rows(1), (2048, 1))
    spreads = []
    for case in (quiet, loud):
        found = case.asked(rows)
        assert (np.abs(found - case.linear(rows)) <= case.program.error).all()
        spreads.append(found.std() * case.program.layer.scale)
    assert spreads[1] == pytest.approx(2**loud.program.layer.flooding_bits / 3**0.5, rel=0.2)
    assert spreads[1] > 20 * spreads[0]


def test_programs_travel_to_workers(small):
    again = pickle.loads(pickle.dumps(small.program))
    rows = small.rows(4)
    batch = small.secrets.encrypt(again.public.pack(rows))
    replies = again.evaluate(batch.queries, ColumnRandomness(again, small.context))
    assert (np.abs(again.public.unpack(batch.decrypt(replies))[:4] - small.linear(rows)) <= again.error).all()


def test_secrets_do_not(small):
    with pytest.raises(TypeError):
        pickle.dumps(small.secrets)


def test_packings_are_plain_data(small):
    import json

    packing = small.program.public
    again = ColumnPacking.from_plain(json.loads(json.dumps(packing.to_plain())))
    rows = small.rows(70)
    assert (again.pack(rows)[0].values == packing.pack(rows)[0].values).all()
    with pytest.raises(OutOfRange):
        ColumnPacking.from_plain({**packing.to_plain(), "outputs": -1})


@pytest.mark.parametrize(
    ("rows", "error", "told"),
    [
        (np.full((2, 29), 0.5), ShapeMismatch, "29"),
        (np.full((1, 30), np.nan), NotFinite, "row 1"),
        (np.where(np.arange(100)[:, None] == 90, 2.0, np.full((100, 30), 0.5)), OutOfRange, "row 91"),
    ],
)
def test_rows_that_the_program_was_not_made_for_are_refused(small, rows, error, told):
    with pytest.raises(error, match=told):
        small.program.public.pack(rows)


def test_no_rows_take_no_block(small):
    assert small.program.public.pack(np.empty((0, 30))) == []


def altered(query: Seeded, **changes) -> Seeded:
    return Seeded(**{**vars(query), **changes})


def test_queries_of_another_shape_are_refused(small):
    (query,) = small.secrets.encrypt(small.program.public.pack(small.rows(1))).queries
    for wrong in (
        altered(query, c0=query.c0[:-1]),
        altered(query, c0=query.c0[:, 0]),
        altered(query, c0=query.c0[..., :1024]),
        altered(query, c0=query.c0.astype(np.int64)),
        altered(query, transformed=True),
        altered(query, seed=b"short"),
    ):
        with pytest.raises(LevelMismatch):
            small.program.evaluate([wrong], small.randomness)


@pytest.mark.parametrize("column", [0, 29, 30])
def test_residues_with_more_bits_than_their_prime_are_refused(small, column):
    (query,) = small.secrets.encrypt(small.program.public.pack(small.rows(1))).queries
    c0 = query.c0.copy()
    c0[column, 0, 7] = 1 << 40
    with pytest.raises(NotCanonical):
        small.program.evaluate([altered(query, c0=c0)], small.randomness)


def test_replies_of_another_number_are_refused(small):
    batch = small.secrets.encrypt(small.program.public.pack(small.rows(3000)))
    replies = small.program.evaluate(batch.queries, small.randomness)
    for wrong in (replies[:-1], []):
        with pytest.raises(LevelMismatch, match="2 blocks"):
            batch.decrypt(wrong)
    with pytest.raises(ShapeMismatch, match="make one"):
        small.program.public.unpack(batch.decrypt(replies[:4]))


def test_a_block_of_other_columns_is_refused(small):
    with pytest.raises(ShapeMismatch, match="31 columns"):
        small.secrets.encrypt(Case.of(4, 1).program.public.pack(np.full((1, 4), 0.5)))


def test_one_block_s_key_does_not_open_another(small):
    rows = small.rows(2)
    first, second = (small.secrets.encrypt(small.program.public.pack(rows)) for _ in range(2))
    found = small.program.public.unpack(second.decrypt(small.program.evaluate(first.queries, small.randomness)))
    assert np.abs(found[:2] - small.linear(rows)).mean() > 100 * small.program.error.max()


def test_chains_of_several_primes_are_refused():
    context = Context(ckks_chain(4096, (36, 36, 26)))
    with pytest.raises(OutOfRange, match="one prime"):
        ColumnProgram(Linear(np.ones((1, 2)), np.zeros(1)), Ranges(np.zeros(2), np.ones(2)), context)


def test_transforms_undo_each_other(small):
    from casemate.controls.homomorphic.transforms import to_values

    drawn = uniform(bytes(32), small.program.chain.levels, 2048, 11)
    drawn[3] = 0
    assert (to_coefficients(to_values(drawn, small.context), small.context) == drawn).all()
    assert not to_values(np.zeros((1, 1, 2048), np.uint64), small.context).any()
    constant = np.zeros((1, 1, 2048), np.uint64)
    constant[0, 0, 0] = 5
    assert (to_values(constant, small.context) == 5).all()
