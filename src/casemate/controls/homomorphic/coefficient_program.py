"""Coefficient packing, the server's part: a linear layer on one encrypted row, without rotations and evaluation keys.

A query's first half comes by coefficients, its second half by values at roots of unity, and so do replies. The second
half is multiplied with the weights' polynomials, and hidden by an encryption of zero. Of the first half only the
answers are computed, as scalar products; every other coefficient is 0. That tells the client no more than a random mask
would: the product at those coefficients never leaves the server.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from casemate.controls.homomorphic.circuits import Linear
from casemate.controls.homomorphic.coefficient_packing import CoefficientPacking, Geometry, Whole
from casemate.controls.homomorphic.errors_sampling import errors, flooding
from casemate.controls.homomorphic.exact_products import ExactRows, exact_bits
from casemate.controls.homomorphic.linear_scales import Ranges, Room, Rounded, rounded
from casemate.controls.homomorphic.modular_products import Factors, awaiting, residues
from casemate.controls.homomorphic.residues import Residues
from casemate.controls.homomorphic.seeds import Seeded, following, uniform
from casemate.controls.homomorphic.transforms import to_values
from casemate.controls.homomorphic.zeros import new_tails
from casemate.core.errors import LevelMismatch, NotCanonical

if TYPE_CHECKING:
    from casemate.controls.homomorphic.context import Context

_WEIGHT_BITS = 40
_LIMBS = 2
_HALF = 26


class CoefficientProgram:
    """A linear layer that answers for one row at a time.

    Args:
        linear: the layer.
        ranges: of the numbers that are encrypted.
        context: of a chain whose primes have at most 51 bits; it is not kept.
        drowned: by how many bits flooding noise exceeds the errors of encryption; 0 for none.
        layer: the layer as it was rounded before, for a program that is read from a file: another machine's float64
            may round it otherwise.

    Raises:
        OutOfRange: answers that do not fit the chain, or a chain with larger primes.
    """

    def __init__(
        self, linear: Linear, ranges: Ranges, context: Context, *, drowned: int = 0, layer: Rounded | None = None
    ) -> None:
        self.chain = context.chain
        self._primes = self.chain.levels
        self.drowned = drowned
        self.layout = layout = Geometry(self.chain.degree, linear.inputs, linear.outputs)
        self._shape = (layout.inputs, len(self._primes), layout.degree)
        squares = np.bincount(layout.group_of, (linear.weights**2).sum(axis=1))
        modulus = int(np.prod(np.array(self.chain.levels, object)))
        room = Room(modulus, layout.degree, drowned, self._fits)
        self.layer: Rounded = layer or rounded(linear, ranges, squares[layout.group_of], room)
        self._ranges = ranges
        whole = self._polynomials()
        by_prime = np.stack([residues(whole, prime) for prime in self.chain.levels], axis=-2)
        values = to_values(by_prime.reshape(-1, *by_prime.shape[-2:]), context).reshape(by_prime.shape)
        self._factors = [
            [Factors(np.ascontiguousarray(values[:, part, index]), prime) for part in range(layout.inputs)]
            for index, prime in enumerate(self.chain.levels)
        ]
        rows = self._rows(whole)
        used = np.flatnonzero(rows.any(axis=0))
        self._read = used if len(used) < rows.shape[1] // 2 else None
        place = layout.group_of * len(self._primes) * layout.degree + layout.coefficient_of
        self._places = [place + index * layout.degree for index in range(len(self._primes))]
        self._exact = [ExactRows(rows if self._read is None else rows[:, used], prime) for prime in self._primes]

    @cached_property
    def public(self) -> CoefficientPacking:
        """What clients get."""
        layer, ranges = self.layer, self._ranges
        return CoefficientPacking(
            Whole(self.chain, ranges.centre, ranges.half, layer.input_scale, layer.scale), self.layout.outputs
        )

    @property
    def error(self) -> np.ndarray:
        """What no answer errs by more than, but for a probability of 2^-64, (outputs,)."""
        return self.layer.error

    def evaluate(self, queries: Sequence[Seeded | Residues], randomness: Rerandomiser) -> list[Residues]:
        """Return encrypted answers, ``layout.groups`` ciphertexts for each query.

        Args:
            queries: as they came; seeds are expanded here.
            randomness: encryptions of zero under the public key of whoever asks.

        Raises:
            LevelMismatch: a query of another shape.
            NotCanonical: a residue that is not below its prime.
        """
        return [reply for query in queries for reply in self._replies(query, randomness)]

    def _replies(self, query: Seeded | Residues, randomness: Rerandomiser) -> list[Residues]:
        heads = self._heads(query)
        reply = randomness.take(query.seed if isinstance(query, Seeded) else None)
        if not reply.finished:
            self.multiply(self._tails(query), reply)
        for index, exact in enumerate(self._exact):
            read = heads[0, index] if len(heads) == 1 else heads[:, index].ravel()
            answers = exact.times(read if self._read is None else read[self._read], reply.heads[index])
            reply.values.put(self._places[index], answers)
        return reply.ciphertexts

    def multiply(self, tails: np.ndarray, reply: Reply) -> None:
        """Put second halves times the weights, and what hides them, into a reply.

        Args:
            tails: of a query, (inputs, primes, degree) uint64.
            reply: one that is not finished.
        """
        for index, parts in enumerate(self._factors):
            total = reply.values[1, :, index]
            parts[0].multiply(tails[0, index], total)
            for part, factors in enumerate(parts[1:], 1):
                total[:] = factors.times(tails[part, index], total)
        reply.finished = True

    def _heads(self, query: Seeded | Residues) -> np.ndarray:
        """First halves by coefficients, (inputs, primes, degree)."""
        heads = query.values[:1] if isinstance(query, Residues) else query.c0
        if heads.ndim == 2:
            heads = heads[None]
        if heads.shape != self._shape or query.transformed or heads.dtype != np.uint64:
            raise LevelMismatch(f"a query of shape {heads.shape}, where {self._shape} by coefficients is expected")
        return self._below(heads)

    def _tails(self, query: Seeded | Residues) -> np.ndarray:
        """Second halves by values at roots of unity, (inputs, primes, degree)."""
        if isinstance(query, Seeded):
            return uniform(query.seed, self._primes, self._shape[2], self._shape[0])
        if query.values.shape != (2, *self._shape[1:]):
            raise LevelMismatch(f"a query of shape {query.values.shape}")
        return self._below(query.values[1:])

    def _below(self, half: np.ndarray) -> np.ndarray:
        for index, prime in enumerate(self._primes):
            if np.maximum.reduce(half[:, index], axis=None) >= prime:
                raise NotCanonical("a residue is not below its prime")
        return half

    def _fits(self, weights: np.ndarray) -> bool:
        layout = self.layout
        if np.abs(weights).max(initial=0) >= 1 << _WEIGHT_BITS:
            return False
        sums = np.bincount(layout.group_of, np.abs(weights).sum(axis=1))
        limbs = _LIMBS * len(self._primes)  # several primes are for those who want answers precise, not soon
        return exact_bits(float(sums.max())) * limbs >= max(prime.bit_length() for prime in self._primes)

    def _polynomials(self) -> np.ndarray:
        """The weights' polynomials by coefficients, (groups, inputs, degree) int64."""
        layout = self.layout
        made = np.zeros((layout.groups, layout.inputs, layout.degree), np.int64)
        for output, row in enumerate(self.layer.weights):
            group, end = layout.group_of[output], int(layout.coefficient_of[output])
            for index in range(layout.inputs):
                part = row[index * layout.part : (index + 1) * layout.part]
                made[group, index, end + 1 - len(part) : end + 1] = part[::-1]
        return made

    def _rows(self, polynomials: np.ndarray) -> np.ndarray:
        """What each answer multiplies the first halves' coefficients with, (outputs, inputs x degree) int64."""
        degree = self.layout.degree
        made = np.empty((self.layout.outputs, self.layout.inputs, degree), np.int64)
        for output, (group, at) in enumerate(zip(self.layout.group_of, self.layout.coefficient_of, strict=True)):
            turned = polynomials[group][:, (at - np.arange(degree)) % degree]
            made[output] = np.where(np.arange(degree) <= at, turned, -turned)  # X^degree is -1
        return made.reshape(len(made), -1)


class Reply:
    """A reply that waits for its query: what hides it is there, first halves are 0.

    Args:
        values: (2, groups, primes, degree) uint64; second halves await the weights' products.
        scale: of the answers.
        heads: of each prime, what is added to each answer.
    """

    __slots__ = ("ciphertexts", "finished", "heads", "values")

    def __init__(self, values: np.ndarray, scale: float, heads: list[list[int]]) -> None:
        self.values = values
        self.heads = heads
        self.finished = False
        self.ciphertexts = [Residues(values[:, group], scale, transformed=False) for group in range(values.shape[1])]


class Rerandomiser:
    """Encryptions of zero under one client's public key for one program, prepared outside of requests.

    Args:
        program: what they are for.
        public: the client's public key: an encryption of zero by coefficients, see `CoefficientPacking.zero`.
        context: of the program's chain.

    Raises:
        ShapeMismatch, OutOfRange, LevelMismatch: not one ciphertext of the chain by coefficients.
    """

    def __init__(self, program: CoefficientProgram, public: Seeded, context: Context) -> None:
        public.checked(program.chain)
        shape = (len(program.chain.levels), program.chain.degree)
        if public.transformed or public.c0.size != shape[0] * shape[1]:
            raise LevelMismatch("a public key that is not one ciphertext by coefficients")
        self._program = program
        self._context = context
        self._p0, self._p1 = public.c0.reshape(shape), public.c1(program.chain).reshape(shape)
        self._ready: deque[Reply] = deque()
        self._foreseen: dict[bytes, Reply] = {}
        self._low, self._high = self._turned()

    def __len__(self) -> int:
        """How many requests are prepared."""
        return len(self._ready) + len(self._foreseen)

    def take(self, seed: bytes | None = None) -> Reply:
        """Return what hides one reply; it is never given twice.

        Args:
            seed: of the query.
        """
        if seed is not None and (found := self._foreseen.pop(seed, None)) is not None:
            return found
        try:
            return self._ready.popleft()
        except IndexError:
            return self._made(1)[0]

    def prepare(self, count: int, after: bytes | None = None) -> None:
        """Prepare so many requests.

        Args:
            count: how many.
            after: the seed of a query, where the next ones follow from it (see `SeedChain`); then the products with
                the weights are computed now, too. What was prepared so before is forgotten.
        """
        made = self._made(count)
        if after is None:
            self._ready.extend(made)
            return
        chain, foreseen = self._program.chain, {}
        for reply in made:
            after = following(after)
            self._program.multiply(uniform(after, chain.levels, chain.degree, self._program.layout.inputs), reply)
            foreseen[after] = reply
        self._foreseen = foreseen

    def _made(self, count: int) -> list[Reply]:
        program, layout = self._program, self._program.layout
        made = new_tails(self._p1, count * layout.groups, self._context)
        tails = made.tails.reshape(count, layout.groups, *made.tails.shape[1:])
        noise = errors(count, layout.outputs) + flooding(program.layer.flooding_bits, count, layout.outputs)
        u, place = made.ternary.astype(np.float64), np.arange(layout.outputs) % layout.together
        heads: list[list[list[int]]] = [[] for _ in range(count)]
        for low, high in zip(self._low, self._high, strict=True):
            products = (u @ low).astype(np.int64) + ((u @ high).astype(np.int64) << _HALF)
            chosen = products.reshape(count, layout.groups, -1)[:, layout.group_of, place].tolist()
            for head, found, added in zip(heads, chosen, noise.tolist(), strict=True):
                head.append([sum(each) for each in zip(found, added, program.layer.bias, strict=True)])
        made_ready = []
        for one, head in enumerate(heads):
            values = np.zeros((2, *tails.shape[1:]), np.uint64)
            for index, prime in enumerate(program.chain.levels):
                values[1, :, index] = awaiting(tails[one, :, index], prime)
            made_ready.append(Reply(values, program.layer.scale, head))
        return made_ready

    def _turned(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """What u is multiplied with to give the coefficients where answers lie, of each prime (degree, together).

        In two limbs, float64: their sums with numbers of at most 1 in size are exact.
        """
        layout, lows, highs = self._program.layout, [], []
        at, powers = layout.coefficient_of[: layout.together], np.arange(layout.degree)[:, None]
        for polynomial, prime in zip(self._p0, self._program.chain.levels, strict=True):
            turned = polynomial[(at - powers) % layout.degree]
            signed = np.where(powers <= at, turned, residues(-turned.astype(np.int64), prime))  # X^degree is -1
            lows.append((signed & np.uint64((1 << _HALF) - 1)).astype(np.float64))
            highs.append((signed >> np.uint64(_HALF)).astype(np.float64))
        return lows, highs
