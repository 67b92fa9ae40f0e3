"""Trial: a program on encrypted rows under a throw-away key, where its owner compiles it; never part of a server."""

from __future__ import annotations

import numpy as np

from casemate.controls.homomorphic.library import library
from casemate.controls.homomorphic.slot_program import SlotProgram


class Trial:
    """A key pair of its own, and what it decrypts.

    Args:
        program: what is tried.
    """

    def __init__(self, program: SlotProgram) -> None:
        seal, context = library(), program.context
        generator = seal.KeyGenerator(context.seal)
        secret = generator.secret_key()
        self.program, self.packing = program, program.packing()
        self._encryptor = seal.Encryptor(context.seal, generator.create_public_key(), secret)
        self._decryptor = seal.Decryptor(context.seal, secret)
        self.galois = seal.GaloisKeys() if self.packing.rotations else None
        if self.galois is not None:
            generator.create_galois_keys(list(self.packing.rotations), self.galois)
        self.relinearise = generator.create_relin_keys() if self.packing.relinearise else None

    def encrypted(self, values: np.ndarray) -> object:
        """Return SEAL's ciphertext of numbers (width,)."""
        context = self.program.context
        return self._encryptor.encrypt_symmetric(context.encode(self.packing.pack(values), 2.0**self.packing.bits))

    def decrypted(self, ciphertext: object) -> np.ndarray:
        """Return all slots, (slots,)."""
        return np.asarray(self.program.context.encoder.decode(self._decryptor.decrypt(ciphertext)))

    def scores(self, values: np.ndarray) -> np.ndarray:
        """Return the scores (outputs,) of numbers (width,), computed on a ciphertext."""
        answer = self.program.run(self.encrypted(values), self.galois, self.relinearise)
        return self.packing.unpack(self.decrypted(answer))
