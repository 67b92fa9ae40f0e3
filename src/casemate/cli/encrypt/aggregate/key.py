"""casemate encrypt aggregate key: holders make a joint key, of which each knows a part only."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from casemate.cli.encrypt.aggregate.rounds import COMMITMENTS, KEY, SHARES, Round, holder_path, identity_of
from casemate.cli.screen import err

if TYPE_CHECKING:
    from casemate.controls.encrypted_aggregation.identity import Identity


def command(
    folder: Path, /, *, identity: Path, quiet: Annotated[bool, Parameter(name=["--quiet", "-q"])] = False
) -> int:
    """Take a holder's next step towards the joint key.

    Each holder runs it twice: first it makes its part and commits to its share of the key; when all have committed, it
    opens the share. The last one to do so leaves the joint key. With a single holder, once is enough. The part lies
    beside the identity, for its owner alone; it is gone once it has served.

    Args:
        folder: The round.
        identity: Who the holder is; see casemate encrypt aggregate identity.
        quiet: Print nothing.
    """
    held, who = Round(folder), identity_of(identity)
    told = _step(held, who, identity)
    if not quiet:
        err().print(told, soft_wrap=True)
    return 0


def _step(held: Round, who: Identity, identity: Path) -> str:
    """Do what can be done now; return what that was, and whom it waits for."""
    from casemate.controls.encrypted_aggregation.joint_key import join
    from casemate.controls.encrypted_aggregation.private_files import HolderFile

    plan = held.plan
    path = holder_path(identity, plan)
    holder = HolderFile.read(path, plan, who) if path.exists() else HolderFile.new(path, plan, who)
    held.write(f"{COMMITMENTS}/{who.name}", holder.holder.commitment)
    there = held.senders(COMMITMENTS, plan.holders)
    if len(there) < len(plan.holders):
        return f"{who.name} has committed; run this again when these have, too: {_others(plan.holders, there)}"
    commitments = dict(zip(there, held.messages(COMMITMENTS, there), strict=True))
    held.write(f"{SHARES}/{who.name}", holder.share(commitments))
    there = held.senders(SHARES, plan.holders)
    if len(there) < len(plan.holders):
        return f"{who.name} has opened its share; the key waits for: {_others(plan.holders, there)}"
    held.write(KEY, join(plan, held.messages(SHARES, there)).data)
    return f"the joint key is there: {held.key.fingerprint.hex()[:16]}"


def _others(all_: dict[str, str], there: list[str]) -> str:
    return ", ".join(name for name in all_ if name not in there)
