"""Nesting: verbs that have verbs of their own, one file per sub-verb, imported when it is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from cyclopts import App, Group, Parameter

from casemate.cli.help import PlainColumns
from casemate.core.errors import UnknownName, did_you_mean

Verbs = Mapping[str, Mapping[str, str]]
"""Sub-verbs by group, each with the first line of its docstring."""


def nested(name: str, verbs: Verbs, home: Callable[[str], str], command: Callable[..., int]) -> App:
    """Return the app of a verb with sub-verbs.

    Args:
        name: of the verb.
        verbs: its sub-verbs.
        home: where a sub-verb is, as ``module:name`` of its command, or of the app where it has sub-verbs itself.
        command: what is done without a sub-verb.
    """
    made = App(
        name=name,
        help_format="plaintext",
        help_formatter=PlainColumns({verb: line for some in verbs.values() for verb, line in some.items()}),
        default_parameter=Parameter(negative=""),
        group_commands=Group("Options", sort_key=9),
        group_parameters=Group("Options", sort_key=9),
        group_arguments=Group("Arguments", sort_key=8),
        version_flags=[],
        help_epilogue="",
    )
    for position, (title, some) in enumerate(verbs.items()):
        group = Group(title, sort_key=position)
        for place, verb in enumerate(some):
            at = home(verb)
            plain = {} if at.endswith(":app") else {"help_epilogue": ""}  # an app has one of its own
            made.command(at, name=verb, group=group, sort_key=place, **plain)
    made.default(command)
    return made


def no_such_verb(path: str, verbs: Verbs, words: Sequence[str]) -> UnknownName:
    """Return the error of what follows ``path``, such as ``casemate lineage``: no sub-verb, or nothing at all."""
    known = [verb for some in verbs.values() for verb in some]
    if not words:
        return UnknownName("what is to be done?", where=path, fix=f"use one of: {', '.join(known)}")
    return UnknownName(f"{path} has no sub-verb {words[0]!r}.{did_you_mean(words[0], known)}", fix=f"see {path} --help")
