"""casemate lineage: where data came from, what it touched, and who is in it. One file per sub-verb."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from casemate.cli.nesting import nested, no_such_verb

Store = Annotated[str | None, Parameter(name="--store", metavar="URL")]
"""The lineage store that a sub-verb works on."""

VERBS = {
    "Ask": {
        "list": "List what was recorded, the newest last.",
        "show": "Show the way of data from sources to consumers, in text or as a page.",
        "downstream": "Show what a column, data set, model or deployment touched.",
        "upstream": "Show where a column, data set, model, deployment or consumer came from.",
        "subject": "Show which data sets, models and deployments hold a person.",
    },
    "Record": {
        "add": "Record a data set, a model, a deployment or a consumer by hand.",
        "index": "Index whom each row of a data set is about, so that people are found.",
        "import": "Take in OpenLineage events.",
        "export": "Write or send the lineage as OpenLineage events.",
    },
    "Erase and verify": {
        "erase": "Erase a person from every file that holds them, with a signed receipt.",
        "verify": "Recompute the chain, and name the first entry that was changed.",
        "verify-receipt": "Check the receipt of an erasure.",
    },
}
"""The sub-verbs by group, each with the first line of its docstring."""

HOMES = {"list": "listing", "import": "importing", "downstream": "reach", "upstream": "reach", "subject": "people"}
"""Modules that are not called as their sub-verb is."""

NAMES = {"downstream": "downstream", "upstream": "upstream"}
"""Functions that are not called ``command``."""


Dash = Parameter(allow_leading_hyphen=True)
"""For an argument that may be ``-``."""


def command(*unknown: Annotated[str, Parameter(show=False)], store: Store = None) -> int:
    """Show where data came from, what it touched, and who is in it.

    Without a sub-verb, says what the lineage holds and whether its chain does.

    Args:
        unknown: A sub-verb that there is not.
        store: The lineage store: a file or a postgresql:// URL. Default: that of CASEMATE_LINEAGE, else
            .casemate/lineage.db here or in a folder above.
    """
    from casemate.cli.lineage.overview import show

    if unknown:
        raise no_such_verb("casemate lineage", VERBS, unknown)
    return show(store)


def _home(verb: str) -> str:
    return f"casemate.cli.lineage.{HOMES.get(verb, verb.replace('-', '_'))}:{NAMES.get(verb, 'command')}"


app = nested("lineage", VERBS, _home, command)
