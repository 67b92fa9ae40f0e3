"""Pseudonyms: publish a keyed stand-in for every value of an identifier."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from msgspec import Meta

from casemate.controls.privacy.declaration import Alphabet, PseudonymKind
from casemate.core.control import Control, ReleaseFitting, control, learned
from casemate.core.errors import ControlFailed
from casemate.core.release import Release


@control(
    "privacy.pseudonyms",
    mitigates=("re-identification",),
    limit="whatever else is published of the same person (Narayanan & Shmatikov, IEEE S&P 2008), and values of which "
    "there are few: the most frequent stand-in is that of the most common value (Naveed, Kamara & Wright, CCS 2015)",
)
class Pseudonyms(Control):
    """Replace every value of the named ``columns`` (by default all identifiers) by a stand-in under a secret key.

    The same value gets the same stand-in, so that rows of one person can still be put together. ``kind`` is ``hmac``
    (nobody can turn it back), ``aes-siv`` (whoever holds the key can) or ``ff1`` (likewise; it keeps the format, within
    ``alphabet``). Every column has a key of its own. In an assessment the master key is drawn from the seed: attacks
    must not know it, whichever it is; what is really published takes it from a key store.

    Source: HMAC: RFC 2104; AES-SIV: RFC 5297; FF1: NIST SP 800-38G; keys: HKDF, RFC 5869.
    """

    kind: Annotated[PseudonymKind, Meta(description="hmac, aes-siv or ff1.")] = "hmac"
    alphabet: Annotated[Alphabet, Meta(description="Characters that ff1 works in.")] = "digits"
    columns: Annotated[tuple[str, ...], Meta(description="Columns; by default all identifiers.")] = ()
    master: bytes | None = learned()
    dataset: str = learned("assessment")
    purpose: str = learned("assessment")
    epoch: str = learned("1")

    def on_release(self, release: Release, fitting: ReleaseFitting) -> Release:
        """Return the release with stand-ins.

        Raises:
            ControlFailed: there is no identifier, or a column was blurred before.
            ShapeMismatch: a column that the release does not have.
            PseudonymRefused: values that the kind cannot stand in for.
        """
        from casemate.controls.privacy.pointwise import column_of
        from casemate.controls.pseudonyms.pseudonymiser import column_pseudonymiser

        master = self.master or fitting.rng.bytes(32)
        names = self.columns or release.columns("identifier")
        self._check(release, names)
        made, kinds = [], dict(release.pseudonyms)
        for name in names:
            column = column_of(release, name, self.id)
            stand_in = column_pseudonymiser(
                self.kind,
                master,
                dataset=self.dataset,
                column=name,
                purpose=self.purpose,
                epoch=self.epoch,
                alphabet=self.alphabet,
            )
            made.append(stand_in.apply(column).alias(name))
            kinds[name] = stand_in.name
        return replace(release, table=release.table.with_columns(made), pseudonyms=kinds)

    def _check(self, release: Release, names: tuple[str, ...]) -> None:
        blurred = [name for name in names if name in release.meanings]
        if blurred:
            raise ControlFailed(
                f"the column {blurred[0]!r} was blurred before",
                where=self.id,
                why="a stand-in for a range says nothing, and hides that the range is there",
                fix="name identifiers only, or set this control before",
            )
        if not names:
            raise ControlFailed(
                "the table has no identifier",
                where=self.id,
                fix='give a column the role "identifier", or name columns',
            )
