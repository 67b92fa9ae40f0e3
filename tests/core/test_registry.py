from __future__ import annotations

import importlib.metadata
import subprocess
import sys

import pytest

import casemate
from casemate.attacks import attacks
from casemate.attacks import find as find_attack
from casemate.controls import controls
from casemate.controls import find as find_control
from casemate.core import registry
from casemate.core.errors import CasemateError, UnknownName


def test_everything_is_found_by_its_id_in_order():
    for found in (attacks(), controls()):
        assert list(found) == sorted(found)
        assert all(thing.id == id for id, thing in found.items())
    assert find_attack("evasion.pgd").threat == "evasion"
    assert find_control("hardening.label-only").id == "hardening.label-only"


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(UnknownName, match=r"Did you mean 'evasion.pgd'"):
        find_attack("evasion.pdg")
    with pytest.raises(UnknownName, match="there is no control"):
        find_control("zzz")


def test_two_modules_cannot_share_an_id():
    class One:
        module = "one"

    class Two:
        module = "two"

    registry.add("attack", "testing.clash", One)
    try:
        registry.add("attack", "testing.clash", One)  # the same module may be imported again
        with pytest.raises(CasemateError, match="call themselves") as caught:
            registry.add("attack", "testing.clash", Two)
        assert caught.value.where == "one and two"
    finally:
        registry._found["attack"].pop("testing.clash")


def test_a_plug_in_that_cannot_be_imported_is_named(monkeypatch: pytest.MonkeyPatch):
    entry = importlib.metadata.EntryPoint("bad", "no_such_module_anywhere", "casemate.attacks")
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry])
    with pytest.raises(CasemateError, match="plug-in 'bad'"):
        registry.load("attack", ())


@pytest.mark.parametrize("heavy", ["torch", "sklearn", "polars", "joblib", "ray", "httpx", "scipy"])
def test_listing_attacks_and_controls_loads_nothing_heavy(heavy: str):
    code = (
        "import sys; from casemate.attacks import attacks; from casemate.controls import controls; "
        f"attacks(); controls(); sys.exit({heavy!r} in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("word", casemate.__all__)
def test_every_word_is_there(word: str):
    assert getattr(casemate, word) is not None
    assert word in dir(casemate)


def test_no_other_word_is():
    with pytest.raises(AttributeError, match="nonsense"):
        casemate.nonsense  # noqa: B018
