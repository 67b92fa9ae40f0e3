"""casemate list: the attacks, the controls or the threats that are installed."""

from __future__ import annotations

import sys
from typing import Literal

import msgspec

from casemate.cli.docs import summary
from casemate.cli.table import show_table

What = Literal["attacks", "controls", "threats"]


def command(what: What = "attacks", /, *, json: bool = False) -> int:
    """List the attacks, the controls or the threats.

    In a pipe the columns are separated by tabs and have no heading.

    Args:
        what: What to list.
        json: Print JSON instead of a table.
    """
    rows = {"attacks": _attacks, "controls": _controls, "threats": _threats}[what]()
    if json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode() + "\n")
    else:
        show_table([name.replace("_", " ") for name in rows[0]], [[_cell(v) for v in row.values()] for row in rows])
    return 0


def _attacks() -> list[dict[str, object]]:
    from casemate.attacks import attacks

    return [
        {
            "id": attack.id,
            "threat": attack.threat,
            "knowledge": attack.needs.knowledge,
            "requires": attack.requires,
            "what": summary(attack.module),
        }
        for attack in attacks().values()
    ]


def _controls() -> list[dict[str, object]]:
    from casemate.controls import controls

    return [
        {"id": control.id, "mitigates": control.mitigates, "what": summary(control.module), "limit": control.limit}
        for control in controls().values()
    ]


def _threats() -> list[dict[str, object]]:
    from casemate.threats import catalogue

    return [
        {"id": threat.id, "title": threat.title, "default_limit": threat.default_limit, "limit_bounds": threat.effect}
        for threat in catalogue().threats.values()
    ]


def _cell(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "-"
    return "-" if value is None or value == "" else str(value)
