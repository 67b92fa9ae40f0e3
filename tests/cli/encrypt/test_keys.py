import stat
from pathlib import Path

import pytest

from casemate.controls.encrypted_service.signing import load_identity
from casemate.controls.encrypted_service.tenants import read_tenants, read_token
from cli.conftest import Run


def test_keys_are_made_for_a_program_and_shown_by_name(run: Run, folder: Path) -> None:
    code, out, err = run("encrypt", "keys", "create", "more.keys", "--program", "people.public.json")
    assert (code, out) == (0, "")
    assert "CKKS, degree 2,048" in err
    code, out, _ = run("encrypt", "keys", "show", "more.keys")
    assert code == 0
    assert out.split()[0][:16] in err
    assert stat.S_IMODE((folder / "more.keys").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["create", "more.keys"], "for which program"),
        (["create", "--program", "people.public.json"], "there are keys already"),
        (["create", "more.keys", "--program", "casemate.toml"], "not the description"),
        (["create", "more.keys", "--program", "none.json"], "there is no program"),
        (["show", "none.keys"], "cannot be read"),
        (["show", "people.csv"], "damaged"),
    ],
)
def test_keys_that_cannot_be_made_or_shown(run: Run, folder: Path, words: list[str], told: str) -> None:
    code, out, err = run("encrypt", "keys", *words)
    assert (code, out) == (2, "")
    assert told in err


def test_a_wrong_passphrase(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASEMATE_KEYS_PASSPHRASE", "wrong horse battery")
    code, _, err = run("encrypt", "keys", "show")
    assert code == 2
    assert "the passphrase is wrong" in err


def test_an_identity_is_made_once_and_told_by_its_fingerprint(run: Run, folder: Path) -> None:
    code, out, _ = run("encrypt", "identity", "create", "other.identity")
    assert (code, out.strip()) == (0, load_identity(folder / "other.identity").card.fingerprint)
    assert run("encrypt", "identity", "show", "other.identity") == (0, out, "")
    code, _, err = run("encrypt", "identity", "create", "other.identity")
    assert code == 2
    assert "there is an identity already" in err
    assert run("encrypt", "identity", "show", "people.csv")[0] == 2


def test_tenants_come_and_go(run: Run, folder: Path) -> None:
    assert run("encrypt", "tenants", "add", "lab", "--output", "token-of-lab")[0] == 0
    assert run("encrypt", "tenants", "list") == (0, "clinic\nlab\n", "")
    assert read_tenants(folder / "tenants.json")["lab"] == read_token(folder / "token-of-lab")
    assert run("encrypt", "tenants", "remove", "lab", "-q") == (0, "", "")
    assert set(read_tenants(folder / "tenants.json")) == {"clinic"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["add"], "which tenant"),
        (["add", "clinic"], "there is a tenant"),
        (["add", "a b"], "no name of a tenant"),
        (["add", "lab", "--output", "people.csv"], "there is a file"),
        (["remove", "clinik"], "Did you mean 'clinic'"),
        (["list", "clinic"], "takes no tenant"),
        (["list", "--tenants", "people.csv"], "not a file of tenants"),
        (["list", "--tenants", "none.json"], "tenants add"),
    ],
)
def test_tenants_that_cannot_be(run: Run, folder: Path, words: list[str], told: str) -> None:
    code, out, err = run("encrypt", "tenants", *words)
    assert (code, out) == (2, "")
    assert told in err
