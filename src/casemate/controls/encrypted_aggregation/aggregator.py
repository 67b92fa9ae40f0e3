"""The server's side: it adds contributions, and has nothing that could decrypt them."""

from __future__ import annotations

from casemate.controls.encrypted_aggregation.joint_key import JointKey
from casemate.controls.encrypted_aggregation.residue_arrays import ResidueSum
from casemate.controls.encrypted_aggregation.totals import Receipt, Total, check_count, read_contribution
from casemate.core.errors import PlanFull, Replayed


class Aggregator:
    """Adds up contributions as they come.

    Args:
        key: the joint key that they are encrypted under, with its plan.
    """

    def __init__(self, key: JointKey) -> None:
        self.plan, self._key = key.plan, key
        self._sum = ResidueSum(self.plan.shape, self.plan.chain.levels)
        self._receipts: dict[str, Receipt] = {}

    def add(self, contribution: bytes) -> str:
        """Add a contribution, and return whose it is; one that is refused changes nothing.

        Raises:
            BadEnvelope, NotCanonical: cut off, altered, not signed by whom it names, or no proper ciphertext.
            WrongPlan, WrongKey: made for another plan or key.
            NotEnrolled: from somebody whom the plan does not name.
            Replayed: this client has contributed already.
            PlanFull: so many clients as the plan has room for have contributed.
        """
        receipt, values = read_contribution(self._key, contribution)
        if receipt.name in self._receipts:
            raise Replayed(
                f"{receipt.name} has contributed already",
                why="each client counts once, with its first contribution",
                fix="make a new plan if it has to be replaced",
            )
        if len(self._receipts) >= self.plan.clients:
            raise PlanFull(
                f"{self.plan.clients} clients have contributed, and the plan has room for no more",
                why="the sum of more might wrap",
                fix="make a plan for more clients",
            )
        self._sum.add(values)
        self._receipts[receipt.name] = receipt
        return receipt.name

    def __len__(self) -> int:
        return len(self._receipts)

    @property
    def contributors(self) -> tuple[str, ...]:
        """Who has contributed, by name."""
        return tuple(sorted(self._receipts))

    def total(self) -> Total:
        """Return the sum, to be handed to those who hold the key.

        Raises:
            TooFewContributions: fewer clients than the plan asks for have contributed.
        """
        check_count(self.plan, len(self))
        return Total(self._key, tuple(self._receipts[name] for name in self.contributors), self._sum.total())
