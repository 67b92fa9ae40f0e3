import io
import json
import sys
from pathlib import Path

import pytest

from casemate.cli import keystore
from casemate.controls.encryption import open_store
from casemate.core.errors import KeyShredded
from casemate.lineage import Lineage
from cli.conftest import Run
from controls.encryption.made import WORDS, cheap, names

LINEAGE = ("--lineage", "lineage.db")


@pytest.fixture(autouse=True)
def _words(monkeypatch: pytest.MonkeyPatch, here: Path) -> None:
    cheap(monkeypatch)
    monkeypatch.setenv("CASEMATE_KEYS_PASSPHRASE", WORDS)


def terminal(monkeypatch: pytest.MonkeyPatch, *typed: str) -> None:
    """A terminal on which somebody types."""
    lines = iter(typed)
    stdin = io.StringIO("\n".join(typed) + "\n")
    stdin.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stdin", stdin)
    monkeypatch.setattr("getpass.getpass", lambda _: next(lines))


def test_keys_are_created_listed_and_rotated(run: Run, here: Path) -> None:
    assert run("keys", "create", "people.pii")[0] == 0
    assert run("keys", "create", "people.rest")[0] == 0
    code, _, err = run("keys", "rotate", "people.pii", *LINEAGE)
    assert code == 0 and "version 2 seals from now on" in err
    code, out, err = run("keys", "list")
    assert (code, err) == (0, "")
    assert [line.split("\t")[:3] for line in out.splitlines()] == [
        ["people.pii", "2", "in use"],
        ["people.rest", "1", "in use"],
    ]
    assert "keys.casemate" in names(here)


def test_a_shredded_key_is_listed_with_the_reason_and_traced(run: Run, here: Path) -> None:
    run("keys", "create", "people.pii")
    code, _, err = run("keys", "shred", "people.pii", "--yes", "--reason", "erasure 7", *LINEAGE)
    assert code == 0 and "nobody can read what it sealed" in err
    told = json.loads(run("keys", "list", "--json")[1])
    assert told["keys"] == []
    assert told["shredded"][0]["name"] == "people.pii" and told["shredded"][0]["reason"] == "erasure 7"
    assert run("keys", "list")[1].split("\t")[2::3] == ["shredded", "erasure 7\n"]
    with Lineage.open(here / "lineage.db", create=False) as lineage:
        assert lineage.verify().entries > 0
    assert b"casemate keys shred" in (here / "lineage.db").read_bytes()
    with pytest.raises(KeyShredded):
        open_store("file:keys.casemate", root=here).get("people.pii")


def test_nobody_is_asked_in_a_pipeline_and_nothing_is_shredded(run: Run, here: Path) -> None:
    run("keys", "create", "pii")
    code, _, err = run("keys", "shred", "pii")
    assert code == 2 and "--yes" in err
    assert open_store("file:keys.casemate", root=here).get("pii")


@pytest.mark.parametrize(("typed", "code"), [("pii", 0), ("pij", 2), ("", 2), ("y", 2)])
def test_on_a_terminal_its_name_must_be_typed(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch, typed: str, code: int
) -> None:
    run("keys", "create", "pii")
    terminal(monkeypatch, typed)
    found, _, err = run("keys", "shred", "pii", *LINEAGE)
    assert found == code and "will be lost for good" in err
    assert bool(open_store("file:keys.casemate", root=here).list()) == (code == 2)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("create",), "casemate keys create NAME"),
        (("list", "pii"), "list takes no key"),
        (("rotate", "pij"), "Did you mean 'pii'?"),
        (("shred", "pij", "--yes"), "Did you mean 'pii'?"),
        (("create", "pii"), "there is a key 'pii' already"),
        (("create", "a b"), "no name of a key"),
        (("shrd", "pii"), 'Did you mean "shred"?'),
        (("list", "--store", "fil:x"), "Did you mean 'file'?"),
        (("list", "--store", "file:none"), "no key store yet"),
    ],
)
def test_mistakes(run: Run, words: tuple[str, ...], told: str) -> None:
    run("keys", "create", "pii")
    code, out, err = run("keys", *words)
    assert (code, out) == (2, "") and told in err


def test_a_wrong_or_missing_passphrase(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("keys", "create", "pii")
    monkeypatch.setenv("CASEMATE_KEYS_PASSPHRASE", "incorrect horse")
    code, _, err = run("keys", "list")
    assert code == 2 and "the passphrase is wrong" in err and "incorrect" not in err
    monkeypatch.delenv("CASEMATE_KEYS_PASSPHRASE")
    code, _, err = run("keys", "list")
    assert code == 2 and "export CASEMATE_KEYS_PASSPHRASE" in err


def test_a_terminal_is_asked_twice_for_a_new_store(here: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.delenv("CASEMATE_KEYS_PASSPHRASE")
    terminal(monkeypatch, WORDS, "another horse")
    code, _, err = run("keys", "create", "pii")
    assert code == 2 and "the two passphrases differ" in err
    assert "keys.casemate" not in names(here)
    terminal(monkeypatch, WORDS, WORDS)
    assert run("keys", "create", "pii")[0] == 0
    terminal(monkeypatch, WORDS)
    assert run("keys", "list")[0] == 0
    terminal(monkeypatch, WORDS)
    assert keystore.opened(keystore.DEFAULT, may_be_new=True).get("pii")
