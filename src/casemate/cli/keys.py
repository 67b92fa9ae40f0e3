"""casemate keys: create, list, rotate and shred the keys of data sets."""

from __future__ import annotations

import datetime
import sys
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from casemate.cli import keystore
from casemate.cli.screen import err
from casemate.cli.table import show_table
from casemate.core.errors import CasemateError

if TYPE_CHECKING:
    from casemate.controls.encryption import KeyStore

Action = Literal["create", "list", "rotate", "shred"]


def command(
    action: Action,
    name: str | None = None,
    /,
    *,
    store: Annotated[str, Parameter(metavar="URI")] = keystore.DEFAULT,
    reason: str = "",
    yes: Annotated[bool, Parameter(name=["--yes", "-y"])] = False,
    json: bool = False,
    lineage: Annotated[str | None, Parameter(metavar="URL")] = None,
) -> int:
    """Create, list, rotate and shred the keys of data sets.

    A rotated key has a new version, which seals from then on; what older ones sealed still opens. Pseudonyms are not
    renewed by it, but by a new key epoch of their purpose: see casemate rekey. A shredded key is gone with all its
    versions, and with it whatever it sealed: for good, except where somebody kept a copy of the key store. The
    passphrase of a key store in a file is that of CASEMATE_KEYS_PASSPHRASE, or asked for on a terminal.

    Args:
        action: What to do.
        name: The key. Not for list.
        store: Where the keys are: file:PATH, vault:https://HOST/ENGINE or kms:aws:KEY#PATH.
        reason: Why it is shredded; kept with the record.
        yes: Shred without asking.
        json: With list: print JSON instead of a table.
        lineage: The lineage store, where rotating and shredding are recorded.
    """
    opened = keystore.opened(store, may_be_new=action == "create")
    if action == "list":
        return _list(opened, name, json)
    if not name:
        raise CasemateError("which key?", where=f"casemate keys {action}", fix=f"casemate keys {action} NAME")
    if action == "create":
        made = opened.create(name)
        err().print(f"created {made.name}, version {made.version}, in {opened.uri}", soft_wrap=True)
        return 0
    return _rotate(opened, name, lineage) if action == "rotate" else _shred(opened, name, reason, yes, lineage)


def _list(store: KeyStore, name: str | None, json: bool) -> int:
    import msgspec

    if name:
        raise CasemateError("list takes no key", where=f"casemate keys list {name}", fix="casemate keys list")
    live, gone = store.list(), store.shreddings()
    if json:
        told = {"store": store.uri, "keys": live, "shredded": gone}
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n")
        return 0
    rows = [[key.name, str(key.version), "in use", key.created, key.rotated, ""] for key in live]
    rows += [[one.name, str(one.versions), "shredded", "", one.when, one.reason] for one in gone]
    show_table(["name", "version", "state", "created", "since", "reason"], rows)
    return 0


def _rotate(store: KeyStore, name: str, lineage: str | None) -> int:
    started = _now()
    made = store.rotate(name)
    err().print(f"rotated {made.name}: version {made.version} seals from now on", soft_wrap=True)
    _trace("rotate", started, {"key": name, "version": str(made.version), "store": store.uri}, lineage)
    return 0


def _shred(store: KeyStore, name: str, reason: str, yes: bool, lineage: str | None) -> int:
    started = _now()
    if not yes:
        _confirm(name)
    record = store.shred(name, reason)
    err().print(
        f"shredded {name}, {record.versions} version{'s' if record.versions > 1 else ''}: "
        "nobody can read what it sealed; copies of the key store, if there are any, still hold it",
        soft_wrap=True,
    )
    facts = {"key": name, "versions": str(record.versions), "reason": reason, "store": store.uri}
    _trace("shred", started, facts, lineage)
    return 0


def _confirm(name: str) -> None:
    if not sys.stdin.isatty():
        raise CasemateError(
            f"the key {name!r} is not shredded without a word",
            why="all that it sealed would be lost for good, and nobody is here to be asked",
            fix=f"casemate keys shred {name} --yes",
        )
    err().print(f"All that {name} sealed will be lost for good. Type its name to shred it: ", end="", soft_wrap=True)
    if sys.stdin.readline().strip() != name:
        raise CasemateError("that is not its name; nothing was shredded", fix=f"casemate keys shred {name}")


def _trace(action: str, started: datetime.datetime, facts: dict[str, str], lineage: str | None) -> None:
    from casemate.cli.tracing import actor, trace
    from casemate.core.provenance import Run

    told = {name: value for name, value in facts.items() if value}
    trace(Run(f"casemate keys {action}", actor(), started, _now(), facts=told), lineage)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
