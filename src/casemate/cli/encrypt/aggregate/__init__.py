"""casemate encrypt aggregate: sums over many clients, none of whom shows its numbers. One file per sub-verb."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Group, Parameter

from casemate.cli.help import PlainColumns
from casemate.core.errors import UnknownName, did_you_mean

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
    verbs = [verb for some in VERBS.values() for verb in some]
    if unknown:
        raise UnknownName(
            f"casemate encrypt aggregate has no sub-verb {unknown[0]!r}.{did_you_mean(unknown[0], verbs)}",
            fix="see casemate encrypt aggregate --help",
        )
    raise UnknownName("what is to be done?", where="casemate encrypt aggregate", fix=f"use one of: {', '.join(verbs)}")


def _make() -> App:
    made = App(
        name="aggregate",
        help_format="plaintext",
        help_formatter=PlainColumns({verb: line for verbs in VERBS.values() for verb, line in verbs.items()}),
        default_parameter=Parameter(negative=""),
        group_commands=Group("Options", sort_key=9),
        group_parameters=Group("Options", sort_key=9),
        group_arguments=Group("Arguments", sort_key=8),
        version_flags=[],
        help_epilogue="",
    )
    for position, (title, verbs) in enumerate(VERBS.items()):
        group = Group(title, sort_key=position)
        for place, verb in enumerate(verbs):
            home = f"casemate.cli.encrypt.aggregate.{HOMES.get(verb, verb)}:command"
            made.command(home, name=verb, group=group, sort_key=place, help_epilogue="")
    made.default(command)
    return made


app = _make()
