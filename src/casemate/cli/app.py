"""The app: which verbs there are, in groups. A verb's module is imported when the verb is called, not before."""

from __future__ import annotations

from cyclopts import App, Group, Parameter

from casemate import __version__
from casemate.cli.help import PlainColumns

SUMMARY = """Test the security of a secured machine-learning system.

Every control is a claim. Every attack is its test."""

CLOSING = """Exit codes
  0 held    1 broken    2 usage error, or could not run    3 inconclusive

Every command takes --help, and --debug to show the traceback of an error."""

VERBS = {
    "Start": {
        "init": "Write a commented system file for your data and model.",
        "demo": "Assess the example systems, and write their reports.",
    },
    "Protect": {
        "profile": "Find what identifies people in a table; write a privacy policy.",
        "deidentify": "Make a table safe to release, attack it, and only then write it.",
        "reidentify": "Turn pseudonyms back, for whoever the policy allows.",
        "rekey": "Replace the pseudonyms of one key epoch by those of another.",
        "minimise": "Find which columns a model needs, and how much of their detail.",
        "aggregate": "Publish figures about groups within a privacy budget.",
        "keys": "Create, list, rotate and shred the keys of data sets.",
        "seal": "Encrypt a file under a key of the key store.",
        "unseal": "Decrypt a sealed file.",
    },
    "Compute": {
        "encrypt": "Predict on encrypted data: the server computes, and sees nothing.",
    },
    "Trace": {
        "lineage": "Show where data came from, what it touched, and who is in it.",
    },
    "Test": {
        "assess": "Attack a system with its controls off and on, and judge it.",
        "gate": "Judge a stored assessment again, for a pipeline to act on.",
        "diff": "Compare two assessments: what got better, what got worse.",
    },
    "Read": {
        "report": "Show a stored assessment, or write it as HTML, Markdown or JSON.",
        "explain": "Say what an attack, a control or a threat is, with sources.",
        "list": "List the attacks, the controls or the threats.",
        "schema": "Print the JSON Schema of the system file, for editors.",
    },
}
"""The verbs by group, each with the first line of its docstring, so that the root help need not import them."""

NESTED = ("encrypt", "lineage")
"""The verbs that have verbs of their own: their modules hold an ``app`` besides their ``command``."""


def home(verb: str) -> str:
    """Return the module of a verb. A module called ``list`` would hide Python's own in this package."""
    return f"casemate.cli.{'listing' if verb == 'list' else verb}"


def _make() -> App:
    made = App(
        name="casemate",
        help=SUMMARY,
        help_epilogue=CLOSING,
        help_format="plaintext",
        help_formatter=PlainColumns({verb: line for verbs in VERBS.values() for verb, line in verbs.items()}),
        version=f"casemate {__version__}",
        suppress_keyboard_interrupt=False,
        default_parameter=Parameter(negative=""),
        group_commands=Group("Options", sort_key=9),
        group_parameters=Group("Options", sort_key=9),
        group_arguments=Group("Arguments", sort_key=8),
    )
    for position, (title, verbs) in enumerate(VERBS.items()):
        group = Group(title, sort_key=position)
        for place, verb in enumerate(verbs):
            if verb in NESTED:
                made.command(f"{home(verb)}:app", name=verb, group=group, sort_key=place)
            else:
                made.command(f"{home(verb)}:command", name=verb, group=group, sort_key=place, help_epilogue="")
    return made


app = _make()
