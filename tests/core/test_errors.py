from __future__ import annotations

import pickle

import pytest

from casemate.core import errors
from casemate.core.errors import CasemateError, did_you_mean


def every_error(kind: type[CasemateError] = CasemateError) -> list[type[CasemateError]]:
    return [kind, *(e for sub in kind.__subclasses__() if sub.__module__ == errors.__name__ for e in every_error(sub))]


def test_says_what_where_why_and_what_to_do():
    error = CasemateError("a is wrong", where="f.toml, line 3", why="it matters", fix="mend it")
    assert str(error).splitlines() == [
        "a is wrong",
        "  where: f.toml, line 3",
        "  why: it matters",
        "  fix: mend it",
    ]


def test_leaves_out_what_is_not_known():
    assert str(CasemateError("a is wrong", fix="mend it")) == "a is wrong\n  fix: mend it"


@pytest.mark.parametrize("kind", every_error())
def test_every_error_survives_a_process_border(kind: type[CasemateError]):
    error = kind("what", where="where", why="why", fix="fix", details="trace")
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is kind
    assert vars(back) == vars(error)


@pytest.mark.parametrize("kind", every_error())
def test_every_error_is_drawn_in_the_tree(kind: type[CasemateError]):
    assert kind.__name__ in str(errors.__doc__)
    assert kind.__doc__


def test_suggests_near_names_only():
    assert did_you_mean("evasoin", ["evasion", "backdoor"]) == " Did you mean 'evasion'?"
    assert did_you_mean("zzz", ["evasion", "backdoor"]) == ""


@pytest.mark.parametrize("name", ["pgd", "hop-skip-jump", "hopskipjump"])
def test_an_id_without_its_family_is_found(name):
    known = ["evasion.pgd", "evasion.hop-skip-jump", "evasion", "backdoor.stamp"]
    assert did_you_mean(name, known) == f" Did you mean 'evasion.{'pgd' if name == 'pgd' else 'hop-skip-jump'}'?"
