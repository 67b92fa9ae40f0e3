"""casemate encrypt aggregate: sums over many clients, none of whom shows its numbers. One file per sub-verb."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from casemate.cli.nesting import nested, no_such_verb

VERBS = {
    "Before": {
        "identity": "Make the key that a client or a holder signs with.",
        "plan": "Write down what is asked of whom, and who holds the key.",
        "key": "Take a holder's next step towards the joint key.",
    },
    "The round": {
        "contribute": "Encrypt a client's numbers for the sum.",
        "sum": "Add up all contributions, without reading them.",
        "open": "Help to decrypt the sum, and show the figures when all have helped.",
    },
}
"""The sub-verbs by group, each with the first line of its docstring."""

HOMES = {"sum": "summing", "open": "opening"}
"""Modules that are not called as their sub-verb is."""


def command(*unknown: Annotated[str, Parameter(show=False)]) -> int:
    """Add up numbers of many clients, without seeing any of them.

    Everybody works on one folder, the round, which holds what is public: it may be shared, sent or copied about.

    Args:
        unknown: A sub-verb that there is not.
    """
    raise no_such_verb("casemate encrypt aggregate", VERBS, unknown)


def _home(verb: str) -> str:
    return f"casemate.cli.encrypt.aggregate.{HOMES.get(verb, verb)}:command"


app = nested("aggregate", VERBS, _home, command)
