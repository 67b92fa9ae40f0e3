"""Signed verification: a record of a verification, with the signature of whoever made it (Ed25519, RFC 8032)."""

from __future__ import annotations

from pathlib import Path

import msgspec

from casemate.controls.encrypted_service.signing import Card, Identity, card_of
from casemate.controls.encrypted_service.verification import Verification
from casemate.core.errors import BadEnvelope, ModelMissing

LARGEST = 1 << 24
"""Bytes of a file, at most."""

_LABEL = b"casemate verification 1\0"


class SignedVerification(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A record with its signature.

    Args:
        verification: what was measured.
        card: public keys of whoever signed, in hexadecimal; see `signing.Card`.
        signature: of the record's canonical JSON, in hexadecimal.
    """

    verification: Verification
    card: str
    signature: str

    @property
    def signer(self) -> Card:
        """Who signed, or claims to.

        Raises:
            BadEnvelope: the card is none.
        """
        try:
            return card_of(bytes.fromhex(self.card))
        except ValueError:
            raise BadEnvelope("a verification whose signer has no card") from None

    def check(self, fingerprint: str | None = None) -> None:
        """Check that the record is what was signed.

        Args:
            fingerprint: of the card that it must be signed by; without it, the record proves only that nobody changed
                it since whoever signed it did.

        Raises:
            BadEnvelope: it was changed, or somebody else signed it.
        """
        signer = self.signer
        if fingerprint is not None and signer.fingerprint != fingerprint:
            raise BadEnvelope(
                f"the verification was signed by {signer.fingerprint[:16]}, where {fingerprint[:16]} is expected",
                fix="ask the operator for the fingerprint: casemate encrypt identity show",
            )
        try:
            signature = bytes.fromhex(self.signature)
        except ValueError:
            signature = b""
        try:
            signer.check(_covered(self.verification), signature)
        except BadEnvelope:
            raise BadEnvelope(
                "the verification was changed after it was signed", fix="ask for it again, or verify the program"
            ) from None

    def to_bytes(self) -> bytes:
        """Return it as a file holds it."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def signed(verification: Verification, identity: Identity) -> SignedVerification:
    """Return a record signed by an identity."""
    return SignedVerification(verification, identity.card.raw.hex(), identity.sign(_covered(verification)).hex())


def read_signed(path: Path) -> SignedVerification:
    """Return the signed record in a file; its signature is not checked yet.

    Raises:
        ModelMissing: there is no such file.
        BadEnvelope: it holds none.
    """
    if not path.is_file():
        raise ModelMissing(f"there is no verification {path}", fix="casemate encrypt verify writes one")
    if path.stat().st_size > LARGEST:
        raise BadEnvelope(f"{path} is larger than any verification")
    try:
        return msgspec.json.decode(path.read_bytes(), type=SignedVerification)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise BadEnvelope(f"not a signed verification: {error}", where=str(path)) from error


def _covered(verification: Verification) -> bytes:
    return _LABEL + msgspec.json.encode(verification, order="sorted")
