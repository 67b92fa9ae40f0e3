import importlib
import inspect

import pytest

from casemate.cli.encrypt import HOMES, VERBS
from cli.conftest import Run

LINES = {verb: line for verbs in VERBS.values() for verb, line in verbs.items()}


@pytest.mark.parametrize("verb", LINES)
def test_every_sub_verb_says_of_itself_what_the_help_says(run: Run, verb: str) -> None:
    function = importlib.import_module(f"casemate.cli.encrypt.{HOMES.get(verb, verb.replace('-', '_'))}").command
    doc = inspect.getdoc(function)
    assert doc is not None
    assert doc.splitlines()[0] == LINES[verb]
    for name in inspect.signature(function).parameters:
        assert f"\n    {name}: " in doc
    code, out, _ = run("encrypt", verb, "--help")
    assert code == 0
    assert LINES[verb] in " ".join(out.split())
    assert f"\n  {verb} " in run("encrypt", "--help")[1]


@pytest.mark.parametrize(("words", "told"), [(["encrypt"], "what is to be done"), (["encrypt", "predic"], "predict")])
def test_other_words_are_two_and_say_what_there_is(run: Run, words: list[str], told: str) -> None:
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert told in err
    assert "Traceback" not in err
