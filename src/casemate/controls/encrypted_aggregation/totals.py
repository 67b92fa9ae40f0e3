"""A total: the sum of contributions, still encrypted, and whose they are, as a message that holders can check.

After the head come a count, every contributor's name, the digest of its contribution and its signature, in the order of
names, and the residues of the sum. The server signs nothing: that every contributor is one whom the plan names, and
counts once, follows from the contributors' own signatures. That the residues are the sum of just these contributions
only the contributions themselves can show; see `check_sum`.
"""

from __future__ import annotations

import hashlib
import itertools
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from casemate.controls.encrypted_aggregation import messages, residue_arrays
from casemate.controls.encrypted_aggregation.identity import LONGEST_NAME, SIGNATURE_BYTES
from casemate.controls.encrypted_aggregation.joint_key import JointKey
from casemate.controls.encrypted_aggregation.messages import Kind, Message
from casemate.controls.encrypted_aggregation.plan import AggregationPlan
from casemate.core.errors import BadEnvelope, NotCanonical, PlanFull, TooFewContributions, WrongKey

_COUNT = struct.Struct("<I")
_DIGEST = 32


@dataclass(frozen=True)
class Receipt:
    """Whose contribution is in a total.

    Args:
        name: of the contributor.
        digest: SHA-256 of the body of its contribution.
        signature: the contributor's.
    """

    name: str
    digest: bytes
    signature: bytes


@dataclass(frozen=True, eq=False)
class Total:
    """The sum of contributions; see `read_total`.

    Args:
        key: the joint key that it is encrypted under.
        receipts: of all contributions, by name.
        values: (ciphertexts, 2, primes, degree) uint64.
    """

    key: JointKey
    receipts: tuple[Receipt, ...]
    values: np.ndarray

    @property
    def plan(self) -> AggregationPlan:
        """The plan that it was made for."""
        return self.key.plan

    @cached_property
    def data(self) -> bytes:
        """The total as a message."""
        entries = [messages.named(one.name) + one.digest + one.signature for one in self.receipts]
        start = messages.head(Kind.TOTAL, self.plan.digest, self.key.fingerprint) + _COUNT.pack(len(entries))
        return b"".join((start, *entries, residue_arrays.packed(self.values, self.plan.residue_bytes)))

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the message."""
        return hashlib.sha256(self.data).digest()


def read_contribution(key: JointKey, data: bytes) -> tuple[Receipt, np.ndarray]:
    """Return whose contribution a message is, and its residues, (ciphertexts, 2, primes, degree) uint64.

    Raises:
        EncryptedError: see `messages.read`; or a ciphertext that is not canonical.
    """
    plan = key.plan
    size = int(np.prod(plan.shape)) * plan.residue_bytes
    message: Message = messages.read(data, Kind.CONTRIBUTION, plan.digest, key.fingerprint, plan.contributors, size)
    return Receipt(message.sender, message.digest, message.signature), _residues(plan, message.body)


def read_total(key: JointKey, data: bytes) -> Total:
    """Return the total that a message holds, after checking that enough contributors signed what is in it.

    Raises:
        BadEnvelope: cut off, altered, or no total.
        NotCanonical: names out of order or twice, a residue that is not below its prime, or a ciphertext that hides
            nothing.
        WrongPlan, WrongKey, NotEnrolled: see `messages.read`.
        TooFewContributions, PlanFull: fewer or more contributions than the plan allows.
    """
    plan, view = key.plan, memoryview(data).toreadonly()
    residues = int(np.prod(plan.shape)) * plan.residue_bytes
    place = messages.HEAD.size + _COUNT.size
    longest = place + plan.clients * (1 + LONGEST_NAME + _DIGEST + SIGNATURE_BYTES) + residues
    if not place + residues <= len(view) <= longest:
        raise BadEnvelope(f"a total of {len(view):,} bytes, where at most {longest:,} are expected")
    messages.check_head(view, Kind.TOTAL, plan.digest, key.fingerprint)
    (count,) = _COUNT.unpack_from(view, messages.HEAD.size)
    check_count(plan, count)
    receipts, entries = [], view[place : len(view) - residues]
    start = messages.head(Kind.CONTRIBUTION, plan.digest, key.fingerprint)
    for _ in range(count):
        length = 1 + (entries[0] if entries else 0)
        rest = entries[length : length + _DIGEST + SIGNATURE_BYTES]
        if len(rest) < _DIGEST + SIGNATURE_BYTES:
            raise BadEnvelope("the list of contributors is cut off")
        name = messages.name_in(entries[1:length])
        receipt = Receipt(name, bytes(rest[:_DIGEST]), bytes(rest[_DIGEST:]))
        messages.check_signed(name, start + messages.named(name), receipt.digest, receipt.signature, plan.contributors)
        receipts.append(receipt)
        entries = entries[length + _DIGEST + SIGNATURE_BYTES :]
    if entries:
        raise BadEnvelope("there are more bytes than contributors")
    if any(first.name >= second.name for first, second in itertools.pairwise(receipts)):
        raise NotCanonical("the contributors are not in the order of their names, each once")
    return Total(key, tuple(receipts), _residues(plan, view[len(view) - residues :]))


def check_count(plan: AggregationPlan, count: int) -> None:
    """Raise where a total is of fewer or more clients than the plan allows."""
    if count < plan.min_clients:
        raise TooFewContributions(
            f"{count} clients have contributed, and the plan releases totals of at least {plan.min_clients}",
            why="a total of few tells of each of them",
            fix="wait for more contributions",
        )
    if count > plan.clients:
        raise PlanFull(
            f"{count} contributions, and the plan has room for {plan.clients}", why="the sum of more might wrap"
        )


def check_sum(total: Total, contributions: Iterable[bytes]) -> None:
    """Add the contributions up again, and raise where that is not the total.

    A server that is not trusted to add honestly could pass off one client's ciphertext as a total. Whoever holds a part
    of the key can find out with this, one contribution in memory at a time.

    Raises:
        WrongKey: the total is not the sum of exactly these contributions.
        EncryptedError: a contribution that is none.
    """
    plan = total.plan
    again = residue_arrays.ResidueSum(plan.shape, plan.chain.levels)
    awaited = {receipt.name: receipt for receipt in total.receipts}
    for data in contributions:
        receipt, values = read_contribution(total.key, data)
        if awaited.pop(receipt.name, None) != receipt:
            raise _no_sum(f"the contribution of {receipt.name} is not in it, or another one of that client")
        again.add(values)
    if awaited:
        raise _no_sum(f"the contribution of {next(iter(awaited))} was not shown")
    if not np.array_equal(again.total(), total.values):
        raise _no_sum("it has other residues")


def _no_sum(how: str) -> WrongKey:
    return WrongKey(
        f"the total is not the sum of these contributions: {how}",
        why="decrypting it could tell what a single client contributed",
        fix="decrypt nothing, and have the server add up all contributions again",
    )


def _residues(plan: AggregationPlan, body: memoryview) -> np.ndarray:
    values = residue_arrays.unpacked(body, plan.shape, plan.residue_bytes, plan.chain.levels)
    residue_arrays.check_hiding(values)
    return values
