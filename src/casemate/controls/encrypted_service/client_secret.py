"""Client secret: a secret key as the client's part of a program uses it; no server imports this file."""

from __future__ import annotations

from dataclasses import dataclass

from casemate.controls.encrypted_service.evaluation_keys import EvaluationKeys, KeyForm
from casemate.controls.homomorphic.chain import Chain
from casemate.controls.homomorphic.context import Context
from casemate.controls.homomorphic.secret_keys import SecretKeys


@dataclass(frozen=True, eq=False)
class ClientSecret:
    """A secret key.

    Args:
        keys: what encrypts and decrypts.
    """

    keys: SecretKeys

    @classmethod
    def new(cls, chain: Chain) -> ClientSecret:
        """Return a new key."""
        return cls(SecretKeys.generate(Context(chain)))

    @classmethod
    def from_bytes(cls, chain: Chain, data: bytes) -> ClientSecret:
        """Return the key that `to_bytes` told.

        Raises:
            KeyStoreUnreadable: it is none of this chain.
        """
        return cls(SecretKeys.from_bytes(Context(chain), data))

    @property
    def chain(self) -> Chain:
        """The parameters that it is for."""
        return self.keys.chain

    def to_bytes(self) -> bytes:
        """Return the secret key; to be sealed before it is stored."""
        return self.keys.to_bytes()

    def evaluation_keys(self, form: KeyForm) -> EvaluationKeys:
        """Return what a server needs, made anew each time."""
        context = self.keys.context.seal
        made = self.keys.evaluation_keys(form.rotations, relinearise=form.relinearise, public=form.encrypt)
        return EvaluationKeys(
            public=context.from_public_str(made["public"]) if "public" in made else None,
            relinearisation=context.from_relin_str(made["relinearisation"]) if "relinearisation" in made else None,
            rotation=context.from_galois_str(made["rotation"]) if "rotation" in made else None,
        )

    def __repr__(self) -> str:
        return f"ClientSecret({self.keys!r})"
