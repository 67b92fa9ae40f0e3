"""The joint public key: the sum of what all holders publish, and how they agree on it.

A holder who waits for the others' shares could choose its own so that the sum is a key of its own. So all commit first:
every holder publishes the SHA-256 of its share, and opens it only when it has the commitments of all, which it signs
together with the share. Whoever uses the key checks all of that from the plan alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from casemate.controls.encrypted_aggregation import messages, residue_arrays
from casemate.controls.encrypted_aggregation.identity import Identity
from casemate.controls.encrypted_aggregation.messages import Kind
from casemate.controls.encrypted_aggregation.parameters import residue_bytes
from casemate.controls.encrypted_aggregation.plan import AggregationPlan
from casemate.controls.encrypted_aggregation.seal_objects import public_key_of
from casemate.controls.homomorphic.seeds import uniform
from casemate.core.errors import BadEnvelope, ShareMissing, WrongKey

COMMITMENT_BYTES = 32


@dataclass(frozen=True, eq=False)
class JointKey:
    """What clients encrypt under.

    Args:
        plan: whose key it is.
        data: the message that it comes in: the shares of all holders, in the plan's order.
        values: (2, all primes, degree) uint64, as values at roots of unity.
    """

    plan: AggregationPlan
    data: bytes
    values: np.ndarray

    @cached_property
    def fingerprint(self) -> bytes:
        """SHA-256 of the key with all that was signed, 32 bytes."""
        return hashlib.sha256(self.data).digest()

    @cached_property
    def seal(self) -> Any:
        """SEAL's public key."""
        return public_key_of(self.values, self.plan.context)


def common_polynomial(plan: AggregationPlan) -> np.ndarray:
    """Return the polynomial that all holders' shares have in common, (all primes, degree) uint64, as values (NTT).

    It is drawn from the plan's digest, so that nobody can have chosen it.
    """
    seed = hashlib.sha256(b"casemate common polynomial\0" + plan.digest).digest()
    return np.asarray(uniform(seed, plan.chain.primes, plan.degree)[0])


def packed_share(plan: AggregationPlan, values: np.ndarray) -> bytes:
    """Return the bytes of a holder's public polynomials, (1 or 2, all primes, degree) uint64."""
    return residue_arrays.packed(values, residue_bytes(plan.chain.primes))


def commitment(plan: AggregationPlan, holder: str, share: bytes) -> bytes:
    """Return what a holder publishes before it opens its share, 32 bytes."""
    told = b"casemate share\0" + plan.digest + messages.named(holder) + share
    return hashlib.sha256(told).digest()


def signed_share(plan: AggregationPlan, holder: Identity, commitments: Mapping[str, bytes], share: bytes) -> bytes:
    """Return the message with which a holder opens its share.

    Args:
        commitments: of all holders, by name.
        share: see `packed_share`.

    Raises:
        ShareMissing: a holder has not committed yet.
        BadEnvelope: a commitment is none.
    """
    missing = [name for name in plan.holders if name not in commitments]
    if missing:
        raise ShareMissing(
            f"{', '.join(missing)} has not committed to a share yet",
            why="whoever sees the others' shares first could choose a joint key that it alone can use",
            fix="open the share when the commitments of all holders are there",
        )
    if any(len(commitments[name]) != COMMITMENT_BYTES for name in plan.holders):
        raise BadEnvelope(f"a commitment has not {COMMITMENT_BYTES} bytes")
    body = b"".join(commitments[name] for name in plan.holders) + share
    return messages.signed(Kind.SHARE, plan.digest, messages.NO_KEY, holder, body)


def join(plan: AggregationPlan, shares: Iterable[bytes]) -> JointKey:
    """Return the joint key of the shares of all holders, in any order.

    Raises:
        ShareMissing: a holder's share is not there.
        WrongKey: a share is not the one that its holder had committed to.
        EncryptedError: a message that is none, or not from a holder; see `messages.read`.
    """
    found: dict[str, bytes] = {}
    for data in shares:
        message = _share(plan, data)
        if found.setdefault(message.sender, data) != data:
            raise WrongKey(f"{message.sender} has given two shares", fix="make a new plan, and new keys")
    missing = [name for name in plan.holders if name not in found]
    if missing:
        raise ShareMissing(f"the share of {', '.join(missing)} is not there", fix="wait for the shares of all holders")
    start = messages.head(Kind.KEY, plan.digest, messages.NO_KEY)
    return read_key(plan, start + b"".join(found[name] for name in plan.holders))


def read_key(plan: AggregationPlan, data: bytes) -> JointKey:
    """Return the joint key that a message holds, after checking every holder's share, commitment and signature.

    Raises:
        WrongKey: a share is not the one that its holder had committed to, or there is more or less than all shares.
        EncryptedError: see `messages.read`.
    """
    view = memoryview(data).toreadonly()
    sizes = [_share_size(plan, name) for name in plan.holders]
    if len(view) != messages.HEAD.size + sum(sizes):
        raise BadEnvelope(
            f"a joint key of {len(view):,} bytes, where {messages.HEAD.size + sum(sizes):,} are expected",
            why="it was cut off, or made for another plan",
        )
    messages.check_head(view, Kind.KEY, plan.digest, messages.NO_KEY)
    place, bodies = messages.HEAD.size, {}
    for name, size in zip(plan.holders, sizes, strict=True):
        message = _share(plan, view[place : place + size])
        if message.sender != name:
            raise BadEnvelope("the shares of a joint key are not in the plan's order")
        bodies[name] = message.body
        place += size
    return JointKey(plan, bytes(data), _joined(plan, bodies))


def _joined(plan: AggregationPlan, bodies: Mapping[str, memoryview]) -> np.ndarray:
    """The joint key of all holders' bodies, each of which holds everybody's commitments and its own share."""
    committed = COMMITMENT_BYTES * len(plan.holders)
    commitments = bytes(next(iter(bodies.values()))[:committed])
    chain, sole = plan.chain, len(plan.holders) == 1
    shape = (2 if sole else 1, len(chain.primes), chain.degree)
    total = residue_arrays.ResidueSum(shape, chain.primes)
    for place, (name, body) in enumerate(bodies.items()):
        share = body[committed:]
        own = commitments[place * COMMITMENT_BYTES : (place + 1) * COMMITMENT_BYTES]
        if body[:committed] != commitments or commitment(plan, name, bytes(share)) != own:
            raise WrongKey(
                f"the share of {name} is not the one that the holders had agreed on",
                why="a share that was chosen after the others' were known could make the key somebody's own",
                fix="make a new plan, and new keys",
            )
        total.add(residue_arrays.unpacked(share, shape, residue_bytes(chain.primes), chain.primes))
    values = total.total()
    return values if sole else np.concatenate([values, common_polynomial(plan)[None]])


def _share(plan: AggregationPlan, data: bytes | memoryview) -> messages.Message:
    return messages.read(data, Kind.SHARE, plan.digest, messages.NO_KEY, plan.holders, _share_body(plan))


def _share_body(plan: AggregationPlan) -> int:
    polynomials = 2 if len(plan.holders) == 1 else 1
    residues = polynomials * len(plan.chain.primes) * plan.degree
    return COMMITMENT_BYTES * len(plan.holders) + residues * residue_bytes(plan.chain.primes)


def _share_size(plan: AggregationPlan, holder: str) -> int:
    return messages.HEAD.size + len(messages.named(holder)) + _share_body(plan) + 64
