"""Policies read from a file: the [policy] tables of a system file, or of a file that holds nothing else."""

from __future__ import annotations

import tomllib
from pathlib import Path

from casemate.attacks import attacks
from casemate.core.errors import SystemFileError
from casemate.core.policy import Policy
from casemate.systems.declaration import DataTable, Declaration, PolicyTable, SystemTable, Table
from casemate.systems.lines import locate
from casemate.systems.rules import policy_of
from casemate.systems.strict import convert


class PolicyFile(Table, frozen=True):
    """What is read of the file."""

    policy: PolicyTable


def read(path: Path) -> Policy:
    """Return the policy that a file declares; nothing else in the file is looked at.

    Raises:
        SystemFileError: no such file, no valid TOML, no [policy] table, or a mistake in it, with its line and key.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        raw = tomllib.loads(text)
    except OSError as error:
        raise SystemFileError(
            f"the policy cannot be read: {error.strerror}",
            where=str(path),
            fix="name a system file, or a file with the same [policy] tables",
        ) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise SystemFileError(f"the policy is not valid TOML: {error}", where=str(path)) from None
    if "policy" not in raw:
        raise SystemFileError(
            "the file has no [policy] table", where=str(path), fix="write limits under [policy.limits]"
        )
    lines = locate(text.replace("\r\n", "\n"), str(path))
    table = convert({"policy": raw["policy"]}, PolicyFile, lines).policy
    # The rules of a system file apply, whatever system it is.
    alone = Declaration(system=SystemTable(name="any"), data=DataTable(train="any"), policy=table)
    return policy_of(alone, attacks(), lines)
