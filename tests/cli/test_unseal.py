from pathlib import Path

import polars as pl
import pytest

from casemate.lineage import Lineage
from cli.conftest import Run
from controls.encryption.made import WORDS, cheap, names

TABLE = pl.DataFrame({"name": ["ann", "bob"], "age": [1, 2]})


@pytest.fixture
def vault(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a key store and sealed files, without the open ones."""
    cheap(monkeypatch)
    monkeypatch.setenv("CASEMATE_KEYS_PASSPHRASE", WORDS)
    monkeypatch.setenv("CASEMATE_LINEAGE", str(here / "lineage.db"))
    for key in ("pii", "rest"):
        run("keys", "create", key)
    TABLE.write_parquet(here / "people.parquet")
    (here / "notes.txt").write_bytes(b"ann is 1")
    assert run("seal", "people.parquet", "--key", "rest", "--group", "pii=name", "-q")[0] == 0
    assert run("seal", "notes.txt", "--key", "pii", "-q")[0] == 0
    (here / "people.parquet").unlink()
    (here / "notes.txt").unlink()
    return here


def test_a_file_comes_back_and_is_traced(run: Run, vault: Path) -> None:
    code, out, err = run("unseal", "notes.txt.sealed")
    assert (code, out) == (0, "") and "unsealed 8 bytes in notes.txt" in err
    assert (vault / "notes.txt").read_bytes() == b"ann is 1"
    with Lineage.open(vault / "lineage.db", create=False) as lineage:
        assert lineage.verify().entries > 0
    assert b"casemate unseal" in (vault / "lineage.db").read_bytes()


def test_a_table_comes_back(run: Run, vault: Path) -> None:
    code, _, err = run("unseal", "people.parquet.sealed")
    assert code == 0 and "unsealed 2 rows in people.parquet" in err
    assert pl.read_parquet(vault / "people.parquet").equals(TABLE)


def test_of_a_table_what_is_not_shredded(run: Run, vault: Path) -> None:
    run("keys", "shred", "pii", "--yes")
    code, _, err = run("unseal", "people.parquet.sealed")
    assert code == 2 and "column name" in err and "read the others: age" in err
    assert "people.parquet" not in names(vault)
    assert run("unseal", "people.parquet.sealed", "--column", "age", "-q") == (0, "", "")
    assert pl.read_parquet(vault / "people.parquet").equals(TABLE[["age"]])
    code, _, err = run("unseal", "notes.txt.sealed")
    assert code == 2 and "was shredded" in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("none.sealed",), "there is no file none.sealed"),
        (("keys.casemate",), "does not end in .sealed"),
        (("keys.casemate", "-o", "x"), "not a sealed file"),
        (("notes.txt.sealed", "--column", "age"), "it has no columns"),
        (("people.parquet.sealed", "--column", "ag"), "Did you mean 'age'?"),
        (("notes.txt.sealed", "-o", "keys.casemate"), "exists"),
    ],
)
def test_mistakes_leave_nothing(run: Run, vault: Path, words: tuple[str, ...], told: str) -> None:
    before = names(vault)
    code, _, err = run("unseal", *words)
    assert code == 2 and told in err
    assert names(vault) == before


def test_an_altered_file_leaves_nothing(run: Run, vault: Path) -> None:
    for name in ("notes.txt", "people.parquet"):
        path = vault / f"{name}.sealed"
        raw = bytearray(path.read_bytes())
        raw[-10] ^= 1
        path.write_bytes(raw)
        code, _, err = run("unseal", path)
        assert code == 2 and "does not open" in err
        assert name not in names(vault)


def test_whoever_is_found_in_a_sealed_table_is_found_in_its_open_copy(run: Run, vault: Path) -> None:
    pl.DataFrame({"id": ["a", "b"], "age": [1, 2]}).write_parquet(vault / "ids.parquet")
    assert run("lineage", "add", "dataset", "crm.people", "--file", "ids.parquet")[0] == 0
    assert run("lineage", "index", "crm.people", "--column", "id")[0] == 0
    assert run("seal", "ids.parquet", "--key", "rest", "--group", "pii=age", "-q")[0] == 0
    assert run("unseal", "ids.parquet.sealed", "-o", "open.parquet", "--dataset", "crm.open", "-q")[0] == 0
    _, out, _ = run("lineage", "subject", "b")
    assert [line.split("@")[0] for line in out.splitlines()] == ["crm.people", "ids/sealed", "crm.open"]
    assert not run("lineage", "subject", "c")[1]
