from pathlib import Path

import polars as pl
import pytest

from casemate.controls.encryption import open_parquet, open_store
from casemate.lineage import Lineage
from cli.conftest import Run
from controls.encryption.made import WORDS, cheap, names

TABLE = pl.DataFrame({"name": ["ann", "bob"], "age": [1, 2]})


@pytest.fixture
def vault(run: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a key store, a table and a text."""
    cheap(monkeypatch)
    monkeypatch.setenv("CASEMATE_KEYS_PASSPHRASE", WORDS)
    monkeypatch.setenv("CASEMATE_LINEAGE", str(here / "lineage.db"))
    for key in ("pii", "rest"):
        run("keys", "create", key)
    TABLE.write_parquet(here / "people.parquet")
    (here / "notes.txt").write_bytes(b"ann is 1")
    return here


def test_any_file_is_sealed_as_a_whole_and_traced(run: Run, vault: Path) -> None:
    code, out, err = run("seal", "notes.txt", "--key", "pii")
    assert (code, out) == (0, "") and "sealed 8 bytes in notes.txt.sealed" in err
    assert b"ann" not in (vault / "notes.txt.sealed").read_bytes()
    assert (vault / "notes.txt").read_bytes() == b"ann is 1"
    with Lineage.open(vault / "lineage.db", create=False) as lineage:
        assert lineage.verify().entries > 0
    assert b"casemate seal" in (vault / "lineage.db").read_bytes()


def test_groups_of_columns_are_sealed_under_keys_of_their_own(run: Run, vault: Path) -> None:
    words = ("seal", "people.parquet", "--key", "rest", "--group", "pii=name", "-o", "p.parquet")
    code, _, err = run(*words)
    assert code == 0 and "sealed 2 rows" in err
    store = open_store("file:keys.casemate", root=vault)
    assert open_parquet(vault / "p.parquet", store).equals(TABLE)
    store.shred("pii")
    assert open_parquet(vault / "p.parquet", store, ["age"]).equals(TABLE[["age"]])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("none.txt", "--key", "pii"), "there is no file none.txt"),
        ((".", "--key", "pii"), "name a file"),
        (("notes.txt", "--key", "pij"), "Did you mean 'pii'?"),
        (("notes.txt", "--key", "pii", "-o", "people.parquet"), "people.parquet exists"),
        (("notes.txt", "--key", "pii", "-o", "notes.txt", "--force"), "the file itself"),
        (("notes.txt", "--key", "pii", "-o", "none/x"), "does not exist"),
        (("notes.txt", "--key", "rest", "--group", "pii=name"), "cannot be read as Parquet"),
        (("people.parquet", "--key", "rest", "--group", "pii=nam"), "Did you mean 'name'?"),
        (("people.parquet", "--key", "rest", "--group", "pii"), "is not KEY=COLUMN"),
        (("notes.txt",), "--key"),
    ],
)
def test_mistakes_leave_nothing(run: Run, vault: Path, words: tuple[str, ...], told: str) -> None:
    before = names(vault)
    code, _, err = run("seal", *words)
    assert code == 2 and told in err
    assert names(vault) == before


def test_an_output_is_overwritten_only_by_force(run: Run, vault: Path) -> None:
    assert run("seal", "notes.txt", "--key", "pii", "--quiet") == (0, "", "")
    assert run("seal", "notes.txt", "--key", "pii")[0] == 2
    assert run("seal", "notes.txt", "--key", "pii", "--force")[0] == 0
