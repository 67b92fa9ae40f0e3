"""A round: the folder in which everybody leaves what is public, each message in a file under its sender's name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from casemate.core.errors import BadEnvelope, CasemateError, DataMissing, KeyExists

if TYPE_CHECKING:
    from casemate.controls.encrypted_aggregation.identity import Identity
    from casemate.controls.encrypted_aggregation.joint_key import JointKey
    from casemate.controls.encrypted_aggregation.plan import AggregationPlan
    from casemate.controls.encrypted_aggregation.totals import Total

PLAN, KEY, TOTAL = "plan.json", "key", "total"
COMMITMENTS, SHARES, CONTRIBUTIONS, PARTS = "commitments", "shares", "contributions", "parts"
LARGEST = 1 << 31
"""Bytes of a message, at most."""


@dataclass(frozen=True)
class Round:
    """One aggregation.

    Args:
        folder: where its messages are.
    """

    folder: Path

    @cached_property
    def plan(self) -> AggregationPlan:
        """What is asked of whom.

        Raises:
            DataMissing: there is no plan.
            BadEnvelope, OutOfRange: it is none.
        """
        from casemate.controls.encrypted_aggregation.plan import read_plan

        return read_plan(self.read(PLAN, "casemate encrypt aggregate plan writes one"))

    @cached_property
    def key(self) -> JointKey:
        """What clients encrypt under.

        Raises:
            DataMissing: the holders have not made it yet.
            EncryptedError: it is none.
        """
        from casemate.controls.encrypted_aggregation.joint_key import read_key

        return read_key(self.plan, self.read(KEY, "each holder runs casemate encrypt aggregate key, twice"))

    @property
    def total(self) -> Total:
        """The sum, still encrypted.

        Raises:
            DataMissing: nobody has added up yet.
            EncryptedError: it is none.
        """
        from casemate.controls.encrypted_aggregation.totals import read_total

        return read_total(self.key, self.read(TOTAL, "casemate encrypt aggregate sum writes one"))

    def read(self, name: str, fix: str) -> bytes:
        """Return a message.

        Raises:
            DataMissing: there is none.
            BadEnvelope: it is larger than any.
        """
        path = self.folder / name
        if not path.is_file():
            raise DataMissing(f"there is no {name} in this round yet", where=str(self.folder), fix=fix)
        if path.stat().st_size > LARGEST:
            raise BadEnvelope(f"{name} is larger than any message", where=str(path))
        return path.read_bytes()

    def write(self, name: str, data: bytes) -> None:
        """Leave a message, whole or not at all.

        Raises:
            KeyExists: there is another one under its name.
            CasemateError: it cannot be written.
        """
        from casemate.core.files import write_whole

        path = self.folder / name
        if path.exists():
            if path.is_file() and path.read_bytes() == data:
                return
            raise KeyExists(f"there is another {name} in this round", where=str(path), fix="make a new plan")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, data)
        except OSError as error:
            raise CasemateError(f"the message cannot be written: {error.strerror}", where=str(path)) from error

    def senders(self, kind: str, names: Mapping[str, str]) -> list[str]:
        """Return who of those that the plan names has left a message of a kind."""
        return [name for name in names if (self.folder / kind / name).is_file()]

    def messages(self, kind: str, senders: list[str]) -> Iterator[bytes]:
        """Yield messages of a kind, one at a time."""
        for name in senders:
            yield self.read(f"{kind}/{name}", f"have {name} send it again")


def identity_of(path: Path) -> Identity:
    """Return who somebody is.

    Raises:
        SecretError: the file cannot be read, or holds no identity.
    """
    from casemate.controls.encrypted_aggregation.private_files import read_identity
    from casemate.core.errors import KeyMissing

    try:
        return read_identity(path)
    except KeyMissing as error:
        error.fix = "casemate encrypt aggregate identity NAME makes one"
        raise


def holder_path(identity: Path, plan: AggregationPlan) -> Path:
    """Return the file in which a holder remembers its part of the key of a plan: beside its identity."""
    return identity.with_name(f"{identity.stem}.{plan.nonce[:12]}.holder")
