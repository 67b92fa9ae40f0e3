"""casemate encrypt: predictions and sums on encrypted data. One file per sub-verb."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Group, Parameter

from casemate.cli.help import PlainColumns
from casemate.core.errors import UnknownName, did_you_mean

VERBS = {
    "Owner of the model": {
        "compile": "Turn a trained model into a program that runs on encrypted rows.",
        "verify": "Try a program on rows, tamper with its messages, sign what was found.",
        "verify-report": "Check the signature of a verification, and show it.",
    },
    "Server": {
        "identity": "Make the keys that a server signs with, or show their fingerprint.",
        "tenants": "Say who may ask a server, and hand out their tokens.",
        "serve": "Answer encrypted queries over HTTP.",
    },
    "Client": {
        "keys": "Make the keys that rows are encrypted with, or show their name.",
        "predict": "Encrypt rows, ask a server, and decrypt the answers.",
    },
    "Many clients": {
        "aggregate": "Add up numbers of many clients, without seeing any of them.",
    },
}
"""The sub-verbs by group, each with the first line of its docstring."""

HOMES = {"compile": "compiling", "serve": "serving"}
"""Modules that are not called as their sub-verb is."""

NESTED = ("aggregate",)
"""The sub-verbs that have verbs of their own."""


def command(*unknown: Annotated[str, Parameter(show=False)]) -> int:
    """Predict on encrypted data: the server computes, and sees nothing.

    Args:
        unknown: A sub-verb that there is not.
    """
    verbs = [verb for some in VERBS.values() for verb in some]
    if unknown:
        raise UnknownName(
            f"casemate encrypt has no sub-verb {unknown[0]!r}.{did_you_mean(unknown[0], verbs)}",
            fix="see casemate encrypt --help",
        )
    raise UnknownName("what is to be done?", where="casemate encrypt", fix=f"use one of: {', '.join(verbs)}")


def _make() -> App:
    made = App(
        name="encrypt",
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
            home = f"casemate.cli.encrypt.{HOMES.get(verb, verb.replace('-', '_'))}"
            if verb in NESTED:
                made.command(f"{home}:app", name=verb, group=group, sort_key=place)
            else:
                made.command(f"{home}:command", name=verb, group=group, sort_key=place, help_epilogue="")
    made.default(command)
    return made


app = _make()
