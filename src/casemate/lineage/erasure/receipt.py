"""Receipt: what an erasure did, signed by the installation that did it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import msgspec

from casemate.core.errors import ChainBroken, LineageError
from casemate.core.files import write_whole
from casemate.lineage.erasure.residue import Residue
from casemate.lineage.keys import Keys
from casemate.lineage.tokens import spoken
from casemate.store import Store, tables

FORMAT = "casemate erasure receipt 1"


@dataclass(frozen=True)
class Erased:
    """What became of one version.

    Args:
        name, digest, location: of the version.
        method: as of `casemate.lineage.erasure.plan.Method`.
        rows: rows of the person.
        new_digest: of the version that took its place.
        key: name of the key that was destroyed.
        note: what whoever reads this must know.
    """

    name: str
    digest: str
    location: str
    method: str
    rows: int
    new_digest: str = ""
    key: str = ""
    note: str = ""


@dataclass(frozen=True)
class Told:
    """What becomes of one model.

    Args:
        name, digest: of the version.
        choice, reason: as of `casemate.lineage.erasure.plan.Decision`.
        deployments, consumers: what uses it.
    """

    name: str
    digest: str
    choice: str
    reason: str
    deployments: tuple[str, ...] = ()
    consumers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Counted:
    """An aggregate that the person was counted in, or may have been.

    Args:
        name: of the version, with its digest.
        protected: whether noise hides every single person.
        note: what can be said of the person in it.
    """

    name: str
    protected: bool
    note: str


@dataclass(frozen=True)
class Receipt:
    """What an erasure did.

    Args:
        reference: stands for the person; only who has the installation's key and the id can tell that it is theirs.
        when: ISO 8601, UTC.
        actor: who ran it.
        reason: why.
        versions: what became of each version that held the person.
        models: what becomes of each model that was trained on them.
        unchecked: versions of which nobody can know whether they hold the person.
        residue: what a search found afterwards.
        emptied: texts of the lineage that named the person and were taken away.
        entry, hash: of the erasure in the chain.
        figures: aggregates, which hold nobody's row and are not rewritten.
        format: of this receipt.
    """

    reference: str
    when: str
    actor: str
    reason: str
    versions: tuple[Erased, ...]
    models: tuple[Told, ...]
    unchecked: tuple[str, ...]
    residue: Residue
    emptied: int
    entry: int
    hash: str
    figures: tuple[Counted, ...] = ()
    format: str = FORMAT

    @property
    def complete(self) -> bool:
        """Whether every version that holds the person was dealt with, and nothing was found afterwards."""
        return not self.residue.hits and all(version.method != "unreachable" for version in self.versions)


class Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A receipt with its signature (Ed25519, RFC 8032).

    Args:
        receipt: what was done.
        key: public key of the installation, in hexadecimal.
        signature: of the receipt's canonical JSON, in hexadecimal.
    """

    receipt: Receipt
    key: str
    signature: str


def reference(keys: Keys, subject: str) -> str:
    """Return what stands for a person in a receipt."""
    return blake2b(spoken(subject), digest_size=32, key=keys.derive("receipt reference")).hexdigest()


def sign(receipt: Receipt, keys: Keys) -> Signed:
    """Sign a receipt with the key of the installation."""
    return Signed(receipt, keys.public, keys.signing.sign(canonical(receipt)).hex())


def canonical(receipt: Receipt) -> bytes:
    """Return the bytes that are signed."""
    return msgspec.json.encode(receipt, order="sorted")


def write(signed: Signed, path: Path) -> None:
    """Write a signed receipt, whole or not at all.

    Raises:
        LineageError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(path, msgspec.json.format(msgspec.json.encode(signed), indent=2) + b"\n")
    except OSError as error:
        raise LineageError(f"the receipt cannot be written: {error.strerror}", where=str(path)) from None


def read(path: Path) -> Signed:
    """Return a signed receipt; its signature is not checked yet.

    Raises:
        LineageError: it cannot be read, or is none.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Signed)
    except OSError as error:
        raise LineageError(f"the receipt cannot be read: {error.strerror}", where=str(path)) from None
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise LineageError(f"this is no receipt of an erasure: {error}", where=str(path)) from None


def check(signed: Signed, store: Store | None = None, key: str = "") -> None:
    """Check a receipt's signature, and that the chain of a store holds what it tells of.

    Args:
        signed: the receipt.
        store: the store of the lineage that it came from; None checks the signature alone.
        key: the public key that it must be signed with; empty takes the store's, else the receipt's own, which proves
            only that nobody changed it since whoever signed it did.

    Raises:
        ChainBroken: the signature, the key or the entry in the chain is another.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    known = {key} if key else _known(store) if store else {signed.key}
    if signed.key not in known:
        raise ChainBroken(
            "the receipt was signed with another key than this installation's", why=f"its key is {signed.key[:16]}..."
        )
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signed.key))
        public.verify(bytes.fromhex(signed.signature), canonical(signed.receipt))
    except (InvalidSignature, ValueError):
        raise ChainBroken("the receipt was changed after it was signed", fix="ask for it again") from None
    if store is not None:
        _check_entry(signed.receipt, store)


def _known(store: Store) -> set[str]:
    from sqlalchemy import select

    with store.reading() as connection:
        return set(connection.execute(select(tables.installation.c.public_key)).scalars())


def _check_entry(receipt: Receipt, store: Store) -> None:
    from sqlalchemy import select

    query = select(tables.entry.c.hash).where(tables.entry.c.id == receipt.entry, tables.entry.c.kind == "erasure")
    with store.reading() as connection:
        found = connection.execute(query).scalar()
    if found != receipt.hash:
        raise ChainBroken(
            f"entry {receipt.entry} of this lineage is not the erasure that the receipt tells of",
            where=store.shown,
            why="the receipt is of another lineage, or the chain was made anew",
        )
