"""Context: a chain made ready to compute with, on public data alone; nothing here can hold a secret key."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from casemate.controls.homomorphic.chain import Chain
from casemate.controls.homomorphic.library import library
from casemate.core.errors import OutOfRange


class Context:
    """SEAL's objects for a chain: what encodes values and computes on ciphertexts.

    Args:
        chain: degree and primes.
    """

    def __init__(self, chain: Chain) -> None:
        seal = library()
        self.chain = chain
        asked = seal.EncryptionParameters(seal.scheme_type.ckks if chain.scheme == "ckks" else seal.scheme_type.bfv)
        asked.set_poly_modulus_degree(chain.degree)
        asked.set_coeff_modulus([seal.Modulus(prime) for prime in chain.primes])
        if chain.plain:
            asked.set_plain_modulus(seal.Modulus(chain.plain))
        self.seal = seal.SEALContext(asked, True, seal.sec_level_type.tc128)
        if not self.seal.parameters_set():
            raise OutOfRange(f"SEAL refuses these parameters: {self.seal.parameter_error_message()}")
        self.evaluator = seal.Evaluator(self.seal)

    @cached_property
    def encoder(self) -> Any:
        """What puts real numbers into plaintexts (CKKS)."""
        return library().CKKSEncoder(self.seal)

    @cached_property
    def batcher(self) -> Any:
        """What puts whole numbers into plaintexts (BFV)."""
        return library().BatchEncoder(self.seal)

    @cached_property
    def _parms(self) -> dict[int, Sequence[int]]:
        found, data = {}, self.seal.first_context_data()
        while data is not None:
            # Not by its index in the chain: with BFV, levels end where the plaintext modulus no longer fits.
            found[len(data.parms().coeff_modulus())] = data.parms_id()
            data = data.next_context_data()
        return found

    def parms_id(self, primes: int) -> Sequence[int]:
        """Return SEAL's name of the level at which ciphertexts are modulo so many primes.

        Raises:
            OutOfRange: a level that the chain has not.
        """
        if primes not in self._parms:
            raise OutOfRange(f"the chain has no level with {primes} primes", fix=f"1 to {len(self.chain.levels)}")
        return self._parms[primes]

    def encode(self, values: np.ndarray, scale: float, primes: int | None = None) -> Any:
        """Return a CKKS plaintext that holds values in slots.

        Args:
            values: (n,) with n at most ``chain.slots``; the other slots are 0.
            scale: what they are multiplied with before they are rounded.
            primes: the level, as a number of primes; the top one by default.
        """
        plain = self.encoder.encode(np.ascontiguousarray(values, np.float64), scale)
        if primes is not None and primes != len(self.chain.levels):
            plain = self.evaluator.mod_switch_to(plain, self.parms_id(primes))
        return plain

    def encode_constant(self, value: float, scale: float, primes: int) -> Any:
        """Return a CKKS plaintext that holds one value in every slot; see `encode`."""
        plain = self.encoder.encode(value, scale)
        if primes != len(self.chain.levels):
            plain = self.evaluator.mod_switch_to(plain, self.parms_id(primes))
        return plain
