"""Somebody who holds a part of the key, or all of it: commit, open the share, and later help to decrypt one total.

A key serves one total. Of two totals under one key, the difference would tell what the clients contributed that are in
one of them only; and whoever saw a total decrypted twice with other noise could average it away. So once a holder has
told its part of a decryption, its secret is gone, and only that part can be had from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec
import numpy as np

from casemate.controls.encrypted_aggregation import joint_key, messages, residue_arrays
from casemate.controls.encrypted_aggregation.identity import Identity
from casemate.controls.encrypted_aggregation.messages import Kind
from casemate.controls.encrypted_aggregation.plan import AggregationPlan
from casemate.controls.encrypted_aggregation.secret_parts import SecretPart, SharedSecret, SoleSecret
from casemate.controls.encrypted_aggregation.totals import Total, check_sum
from casemate.core.errors import (
    CasemateError,
    KeyServed,
    KeyStoreUnreadable,
    NotEnrolled,
    WrongKey,
    WrongPlan,
    did_you_mean,
)

_DIGEST = 32


class _State(msgspec.Struct, forbid_unknown_fields=True):
    """All that a holder has to remember; ``secret`` is what nobody else may read."""

    plan: bytes
    holder: str
    share: bytes
    secret: bytes | None = None
    commitments: dict[str, bytes] | None = None
    total: bytes | None = None
    part: bytes | None = None


class KeyHolder:
    """A holder; made with `new` or `restored`.

    Args:
        plan, identity: whose key it is a part of, and who holds it.
        state: what it remembers.
        secret: its part of the key; None once it has served.
    """

    def __init__(self, plan: AggregationPlan, identity: Identity, state: _State, secret: SecretPart | None) -> None:
        self.plan, self._identity, self._state, self._secret = plan, identity, state, secret

    @classmethod
    def new(cls, plan: AggregationPlan, identity: Identity) -> KeyHolder:
        """Return a holder with a new part of the key.

        Raises:
            NotEnrolled: the plan does not name it, or with another public key.
        """
        _check_named(plan, identity)
        secret = _kind(plan)(plan.context)
        share = joint_key.packed_share(plan, secret.key(joint_key.common_polynomial(plan)))
        return cls(plan, identity, _State(plan.digest, identity.name, share, secret.data()), secret)

    @classmethod
    def restored(cls, plan: AggregationPlan, identity: Identity, data: bytes) -> KeyHolder:
        """Return the holder that `data` was got from.

        Raises:
            KeyStoreUnreadable: these bytes are not what a holder of this plan stores.
            WrongPlan: they are a holder's of another plan.
            NotEnrolled: see `new`.
        """
        _check_named(plan, identity)
        try:
            state = msgspec.msgpack.decode(data, type=_State)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise KeyStoreUnreadable("the stored part of a key is damaged", fix="restore it from a copy") from None
        if (state.secret is None) != (state.part is not None and state.total is not None):
            raise KeyStoreUnreadable("the stored part of a key has no secret", fix="restore it from a copy")
        if (state.plan, state.holder) != (plan.digest, identity.name):
            raise WrongPlan(
                "this part of a key is another holder's, or of another aggregation", fix="take that of this round"
            )
        return cls(plan, identity, state, _kind(plan)(plan.context, state.secret) if state.secret else None)

    @property
    def data(self) -> bytes:
        """All that the holder has to remember, its secret included: to be stored where nobody else can read it.

        Store it anew after `share` and after `part`, before anybody is told what they return: a holder that forgot what
        it had told would tell more than it may.
        """
        return msgspec.msgpack.encode(self._state)

    @property
    def commitment(self) -> bytes:
        """What the holder publishes first, 32 bytes."""
        return joint_key.commitment(self.plan, self._identity.name, self._state.share)

    def share(self, commitments: Mapping[str, bytes]) -> bytes:
        """Return the message that opens the holder's share of the joint key.

        Args:
            commitments: of all holders, by name.

        Raises:
            ShareMissing: not all holders have committed.
            WrongKey: its own commitment among them is not what it committed to.
            KeyServed: it was opened before, with other commitments.
        """
        held = {name: bytes(commitments[name]) for name in self.plan.holders if name in commitments}
        if self._state.commitments not in (None, held):
            raise KeyServed(
                "this share was opened before, with other commitments",
                why="whoever knows it could commit anew, to a share that makes the joint key its own",
                fix="make a new plan, and new keys",
            )
        if held.get(self._identity.name, self.commitment) != self.commitment:
            raise WrongKey("the commitment of this holder was replaced", fix="make a new plan, and new keys")
        opened = joint_key.signed_share(self.plan, self._identity, held, self._state.share)
        self._state.commitments = held
        return opened

    def part(
        self, total: Total, *, contributions: Iterable[bytes] | None, pay: Callable[[], object] | None = None
    ) -> bytes:
        """Return the holder's part of the decryption of a total, a message for whoever combines the parts.

        Args:
            total: as `read_total` gave it.
            contributions: all that are in the total, in any order, to be added up again; None trusts the server with
                the sum, which could be one client's ciphertext.
            pay: called before anything is told, where the plan has noise; what it raises stops the decryption.

        Raises:
            WrongPlan: a total of another plan.
            WrongKey: the total is not encrypted under a key that this holder shares in, or no sum of the contributions.
            KeyServed: the key has served another total.
            CasemateError: nothing to pay with.
            ExtraMissing: OpenDP is not installed, and the plan has noise.
        """
        self._check_ours(total)
        if self._state.part is not None:
            if self._state.total == total.digest:
                return self._state.part
            raise KeyServed(
                "this key has served its one total",
                why="two totals under one key tell the difference between them",
                fix="make a new plan, and new keys",
            )
        if contributions is not None:
            check_sum(total, contributions)
        noise = self._noise(pay)
        assert self._secret is not None
        opened = self._secret.opened(total.values, self.plan.errors, noise)
        body = total.digest + residue_arrays.packed(opened, part_width(self.plan))
        key = total.key.fingerprint
        self._state.part = messages.signed(Kind.PART, self.plan.digest, key, self._identity, body)
        self._state.total, self._state.secret, self._secret = total.digest, None, None
        return self._state.part

    def _check_ours(self, total: Total) -> None:
        if total.plan.digest != self.plan.digest:
            raise WrongPlan("a total of another aggregation", fix="take that of this round")
        held = self._state.commitments
        if not held or joint_key.signed_share(self.plan, self._identity, held, self._state.share) not in total.key.data:
            raise WrongKey("the total is encrypted under a key that this holder has no part in")

    def _noise(self, pay: Callable[[], object] | None) -> np.ndarray | None:
        """The holder's noise in slots, (ciphertexts x degree,) int64; paid for."""
        if not self.plan.noises:
            return None
        if pay is None:
            raise CasemateError(
                "the plan has noise, and its release is charged to nothing",
                why="without a ledger, the same clients can be asked until the noise averages out",
                fix="give what charges an epsilon ledger; see private_noise.charge",
            )
        drawn = [noise.drawn() for noise in self.plan.noises]
        pay()
        slots = np.zeros(self.plan.ciphertexts * self.plan.degree, np.int64)
        slots[: self.plan.layout.slots] = self.plan.layout.packed(drawn)
        return slots


def part_width(plan: AggregationPlan) -> int:
    """Return the bytes of each number in a holder's part: residues, or slots where there is one holder."""
    return plan.residue_bytes if len(plan.holders) > 1 else -(-plan.plain.bit_length() // 8)


def _kind(plan: AggregationPlan) -> type[SharedSecret] | type[SoleSecret]:
    return SharedSecret if len(plan.holders) > 1 else SoleSecret


def _check_named(plan: AggregationPlan, identity: Identity) -> None:
    if plan.holders.get(identity.name) != identity.public:
        raise NotEnrolled(
            f"the plan does not name {identity.name} with this identity as a holder."
            f"{did_you_mean(identity.name, plan.holders)}",
            fix="have the holder's public key put into the plan",
        )
