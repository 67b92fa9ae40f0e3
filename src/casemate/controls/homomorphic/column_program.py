"""Column packing, the server's part: a linear layer on many encrypted rows, as a product of matrices of residues.

Both halves of the answers are the weights, whole numbers, times both halves of a block's ciphertexts. A block's second
halves follow from its seed. Clients keep a seed and draw a secret key for each block (see
`casemate.controls.homomorphic.column_secrets`), so that the weights meet second halves once for each client, and first
halves alone for each block.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from casemate.controls.homomorphic.circuits import Linear
from casemate.controls.homomorphic.coefficient_packing import Whole
from casemate.controls.homomorphic.column_packing import ColumnPacking
from casemate.controls.homomorphic.errors_sampling import errors, flooding
from casemate.controls.homomorphic.exact_products import ExactMatrix, limb_bits
from casemate.controls.homomorphic.linear_scales import Ranges, Room, Rounded, rounded
from casemate.controls.homomorphic.modular_products import Factors, added, residues
from casemate.controls.homomorphic.residues import Residues
from casemate.controls.homomorphic.seeds import SEED_BYTES, Seeded, uniform
from casemate.controls.homomorphic.transforms import to_coefficients, to_values
from casemate.controls.homomorphic.zeros import new_tails
from casemate.core.errors import LevelMismatch, NotCanonical, OutOfRange

if TYPE_CHECKING:
    from casemate.controls.homomorphic.context import Context

WEIGHT_BITS = 14
"""Bits of whole weights, with their sign."""

PRIME_BITS = {1: 36, 2: 51}
"""Bits of a prime that make answers most precise, by the number of limbs, for some hundred inputs."""


class ColumnProgram:
    """A linear layer that answers for as many rows at a time as polynomials have coefficients.

    Args:
        linear: the layer.
        ranges: of the numbers that are encrypted.
        context: of a chain with one prime, of at most 51 bits; it is not kept.
        drowned: by how many bits flooding noise exceeds the errors of encryption; 0 for none.
        limbs: in how many pieces residues may be cut; see `PRIME_BITS`. With 1, weights are as coarse as that takes;
            with 2, they have `WEIGHT_BITS`, there is room for flooding, and products take twice as long.
        layer: the layer as it was rounded before, for a program that is read from a file: another machine's float64
            may round it otherwise.

    Raises:
        OutOfRange: answers that do not fit the chain, or a chain with several or larger primes.
    """

    def __init__(
        self,
        linear: Linear,
        ranges: Ranges,
        context: Context,
        *,
        drowned: int = 0,
        limbs: int = 1,
        layer: Rounded | None = None,
    ) -> None:
        self.chain = context.chain
        self.drowned = drowned
        if len(self.chain.levels) != 1:
            raise OutOfRange(f"a chain with {len(self.chain.levels)} primes", fix="columns take a chain with one prime")
        (self.prime,) = self.chain.levels

        def fits(weights: np.ndarray) -> bool:
            small = np.abs(weights).max(initial=0) < 1 << (WEIGHT_BITS - 1)
            return bool(small) and limb_bits(weights) * limbs >= self.prime.bit_length()

        room = Room(self.prime, self.chain.degree, drowned, fits)
        self.layer: Rounded = layer or rounded(linear, ranges, (linear.weights**2).sum(axis=1), room)
        self._ranges = ranges
        self._matrix = ExactMatrix(self.layer.weights, self.prime)

    @cached_property
    def public(self) -> ColumnPacking:
        """What clients get."""
        layer, ranges = self.layer, self._ranges
        numbers = Whole(self.chain, ranges.centre, ranges.half, layer.input_scale, layer.scale)
        return ColumnPacking(numbers, len(layer.bias))

    @property
    def error(self) -> np.ndarray:
        """What no answer errs by more than, but for a probability of 2^-64, (outputs,)."""
        return self.layer.error

    def evaluate(self, queries: Sequence[Seeded], randomness: ColumnRandomness) -> list[Residues]:
        """Return encrypted answers, one ciphertext for each output of each block.

        Args:
            queries: blocks, as they came.
            randomness: what hides the weights.

        Raises:
            LevelMismatch: a query of another shape.
            NotCanonical: a residue that is not below its prime.
        """
        return [answer for query in queries for answer in self._answers(query, randomness)]

    def product(self, halves: np.ndarray) -> np.ndarray:
        """Return the weights times one half of a block's ciphertexts, (outputs, degree) uint64.

        Args:
            halves: (width + 1, 1, degree) uint64; the last one is for the encryptions of zero.

        Raises:
            NotCanonical: a residue that has more bits than its prime.
        """
        try:
            return self._matrix.times(halves[:-1, 0])
        except OutOfRange as error:
            raise NotCanonical(error.what) from error

    def _answers(self, query: Seeded, randomness: ColumnRandomness) -> list[Residues]:
        shape = (self.public.columns, 1, self.chain.degree)
        if query.c0.shape != shape or query.c0.dtype != np.uint64 or query.transformed or len(query.seed) != SEED_BYTES:
            raise LevelMismatch(f"a query of shape {query.c0.shape}, where {shape} by coefficients is expected")
        if np.maximum.reduce(query.c0[-1], None) >= self.prime:
            raise NotCanonical("a residue is not below its prime")
        heads, reply = self.product(query.c0), randomness.take(query.seed)
        values = reply.values
        values[0, :, 0] = added(
            added(heads, randomness.zeros(query.c0[-1], reply), self.prime), reply.added, self.prime
        )
        return [Residues(values[:, output], self.layer.scale, transformed=False) for output in range(len(heads))]


@dataclass(frozen=True, eq=False)
class ColumnReply:
    """A reply that waits for its block.

    Args:
        values: (2, outputs, 1, degree) uint64; second halves are in place.
        ternary: what the first halves of the encryptions of zero are made with, by values, (outputs, degree) uint64.
        added: to first halves: bias, errors and flooding noise, (outputs, degree) uint64.
    """

    values: np.ndarray
    ternary: np.ndarray
    added: np.ndarray


class ColumnRandomness:
    """What hides a program's weights, and second halves that its weights were multiplied with, by seed.

    One thread may prepare while another one takes.

    Args:
        program: what it is for.
        context: of the program's chain.
        seeds: for how many seeds second halves stay multiplied, with what is prepared for them.
    """

    def __init__(self, program: ColumnProgram, context: Context, seeds: int = 32) -> None:
        self._program = program
        self._seeds = seeds
        self._context = context
        self._lock = threading.Lock()
        self._products: OrderedDict[bytes, tuple[np.ndarray, np.ndarray]] = OrderedDict()
        self._ready: dict[bytes, deque[ColumnReply]] = {}

    def ready(self, seed: bytes) -> int:
        """Return how many blocks that come with this seed are prepared."""
        return len(self._ready.get(seed, ()))

    def prepare(self, count: int, seed: bytes) -> None:
        """Prepare so many blocks that come with this seed."""
        made = [self._made(seed) for _ in range(count)]
        with self._lock:
            if seed in self._products:
                self._ready.setdefault(seed, deque()).extend(made)

    def take(self, seed: bytes) -> ColumnReply:
        """Return what hides one block; it is never given twice."""
        try:
            return self._ready[seed].popleft()
        except (KeyError, IndexError):
            return self._made(seed)

    def zeros(self, p0: np.ndarray, reply: ColumnReply) -> np.ndarray:
        """Return the first halves of encryptions of zero, but for their errors, (outputs, degree) uint64.

        Args:
            p0: first half of the public key that came with the block, by coefficients, (1, degree) uint64.
            reply: what the second halves are in.
        """
        values = to_values(p0[None], self._context)[0, 0]
        products = Factors(values, self._program.prime).times(reply.ternary)
        return to_coefficients(products[:, None], self._context)[:, 0]

    def _product(self, seed: bytes) -> tuple[np.ndarray, np.ndarray]:
        """Weights times the second halves that a seed tells, and the last of those halves."""
        with self._lock:
            if seed in self._products:
                self._products.move_to_end(seed)
                return self._products[seed]
        program = self._program
        halves = uniform(seed, program.chain.levels, program.chain.degree, program.public.columns)
        made = program.product(halves), halves[-1].copy()
        with self._lock:
            self._products[seed] = made
            while len(self._products) > self._seeds:
                gone, _ = self._products.popitem(last=False)
                self._ready.pop(gone, None)
        return made

    def _made(self, seed: bytes) -> ColumnReply:
        program, layer = self._program, self._program.layer
        products, p1 = self._product(seed)
        tails = new_tails(p1, len(products), self._context)
        values = np.empty((2, *tails.tails.shape), np.uint64)
        values[1, :, 0] = added(products, tails.tails[:, 0], program.prime)
        noise = errors(*products.shape) + flooding(layer.flooding_bits, *products.shape)
        bias = np.array([value % program.prime for value in layer.bias], np.uint64)[:, None]
        return ColumnReply(values, tails.values[:, 0], added(residues(noise, program.prime), bias, program.prime))
