"""casemate encrypt: predictions and sums on encrypted data. One file per sub-verb."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from casemate.cli.nesting import nested, no_such_verb

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
    raise no_such_verb("casemate encrypt", VERBS, unknown)


def _home(verb: str) -> str:
    module = f"casemate.cli.encrypt.{HOMES.get(verb, verb.replace('-', '_'))}"
    return f"{module}:{'app' if verb in NESTED else 'command'}"


app = nested("encrypt", VERBS, _home, command)
