import json
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import select

from casemate.controls.encryption import open_store
from casemate.lineage import Lineage
from cli.conftest import Run
from cli.released import PASSPHRASE, lay_out, population

BACK = ("reidentify", "out.parquet", "--column", "person", "--why", "complaint 17")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a released table."""
    from casemate.cli import main

    folder = tmp_path_factory.mktemp("released")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("CASEMATE_KEYS_PASSPHRASE", PASSPHRASE)
        patch.delenv("CASEMATE_LINEAGE", raising=False)
        lay_out(folder, rows=300)
        open_store("file:keys.casemate", root=folder).create("crm.people")
        words = ["deidentify", "people.csv", "--purpose", "train", "--output", "out.parquet"]
        assert main([*words, "--allow-broken", "test", "--quiet"]) == 0
    return folder


@pytest.fixture
def town(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import shutil

    shutil.copytree(made, tmp_path / "town")
    monkeypatch.chdir(tmp_path / "town")
    monkeypatch.setenv("CASEMATE_KEYS_PASSPHRASE", PASSPHRASE)
    monkeypatch.delenv("CASEMATE_LINEAGE", raising=False)
    return tmp_path / "town"


def statuses(town: Path) -> list[str]:
    from casemate.store.tables import metadata

    with Lineage.open(town / ".casemate" / "lineage.db") as lineage, lineage.store.reading() as connection:
        return list(connection.execute(select(metadata.tables["run"].c.status)).scalars())


def test_who_is_allowed_gets_the_values_back(run: Run, town: Path) -> None:
    code, out, err = run(*BACK, "--as", "dpo")
    assert code == 0, err
    pairs = dict(line.split("\t") for line in out.splitlines())
    assert set(pairs.values()) == set(population(300)["person"])
    assert set(pairs) == set(pl.read_parquet(town / "out.parquet")["person"])
    assert statuses(town) == ["complete", "complete"]


def test_a_rotated_key_still_turns_back_what_it_made(run: Run, town: Path) -> None:
    assert run("keys", "rotate", "crm.people")[0] == 0
    code, out, err = run(*BACK, "--as", "dpo")
    assert code == 0, err
    assert {line.split("\t")[1] for line in out.splitlines()} == set(population(300)["person"])


def test_pseudonyms_in_a_text_file_keep_the_zeros_that_they_start_with(run: Run, town: Path) -> None:
    cards = [str(4_000_000_000 + number) for number in range(100)]
    pl.DataFrame({"card": cards, "x": range(100)}).write_csv(town / "cards.csv")
    (town / "cards.toml").write_text(
        'dataset = "crm.people"\n[columns.card]\nrole = "identifier"\n'
        'pseudonym = { kind = "ff1", reversible-by = ["dpo"] }\n[columns.x]\nrole = "feature"\n[purposes.train]\n'
    )
    words = ("--policy", "cards.toml", "--purpose", "train")
    assert run("deidentify", "cards.csv", *words, "--output", "told.csv", "--allow-broken", "test", "--quiet")[0] == 0
    assert any(line.startswith("0") for line in (town / "told.csv").read_text().splitlines())
    code, out, _ = run("reidentify", "told.csv", *words, "--column", "card", "--as", "dpo", "--why", "a test")
    assert code == 0
    assert {line.split("\t")[1] for line in out.splitlines()} == set(cards)


def test_single_values(run: Run, town: Path) -> None:
    one = pl.read_parquet(town / "out.parquet")["person"][0]
    code, out, _ = run(*BACK, "--as", "dpo", "--values", one)
    assert code == 0
    assert len(out.splitlines()) == 1
    code, _, err = run(*BACK, "--as", "dpo", "--values", "0" * 48)
    assert code == 2
    assert "holds no pseudonym" in err


def test_others_are_refused_and_the_attempt_is_recorded(run: Run, town: Path) -> None:
    code, out, err = run(*BACK, "--as", "marketing")
    assert (code, out) == (2, "")
    assert "may not turn back 'person'; the policy allows: dpo" in err
    assert statuses(town) == ["complete", "failed"]


def test_a_file_is_for_its_reader_only(run: Run, town: Path) -> None:
    code, out, _ = run(*BACK, "--as", "dpo", "--output", "back.csv")
    assert (code, out) == (0, "")
    assert (town / "back.csv").stat().st_mode & 0o077 == 0
    assert pl.read_csv(town / "back.csv").columns == ["pseudonym", "person"]


def test_values_never_reach_the_lineage(run: Run, town: Path) -> None:
    assert run(*BACK, "--as", "dpo")[0] == 0
    content = (town / ".casemate" / "lineage.db").read_bytes()
    assert b"p00017" not in content
    assert pl.read_parquet(town / "out.parquet")["person"][0].encode() not in content
    assert b"complaint 17" in content


def test_another_epoch_does_not_open_them(run: Run, town: Path) -> None:
    code, out, _ = run(*BACK, "--as", "dpo", "--epoch", "e2")
    assert (code, out) == (2, "")
    assert statuses(town)[-1] == "failed"


def test_the_record_beside_says_purpose_and_epoch(run: Run, town: Path) -> None:
    text = (town / "privacy.toml").read_text().replace('key-epoch = "e1"', 'key-epoch = "e2"')
    (town / "privacy.toml").write_text(text)  # rotated since
    assert run(*BACK, "--as", "dpo")[0] == 0
    (town / "out.parquet.release.json").unlink()
    code, _, err = run(*BACK, "--as", "dpo")
    assert code == 2
    assert "nobody says which purpose" in err
    assert run(*BACK, "--as", "dpo", "--purpose", "train", "--epoch", "e1")[0] == 0


def test_a_damaged_record(run: Run, town: Path) -> None:
    (town / "out.parquet.release.json").write_text(json.dumps({"plan": []}))
    code, _, err = run(*BACK, "--as", "dpo")
    assert code == 2
    assert "no record of a release" in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--column", "persn"), "Did you mean 'person'"),
        (("--column", "age"), "gives no pseudonyms"),
        (("--why", " "), "--why needs a reason"),
        (("--purpose", "trian"), "Did you mean 'train'"),
    ],
)
def test_mistakes(words: tuple[str, str], told: str, run: Run, town: Path) -> None:
    given = {"--column": "person", "--why": "complaint 17", "--as": "dpo"} | {words[0]: words[1]}
    code, out, err = run("reidentify", "out.parquet", *(part for pair in given.items() for part in pair))
    assert (code, out) == (2, "")
    assert told in err


def test_lineage_comes_first(run: Run, town: Path) -> None:
    (town / "broken.db").write_text("this is no database, and long enough to be looked at as one" * 40)
    code, out, _ = run(*BACK, "--as", "dpo", "--lineage", "broken.db")
    assert (code, out) == (2, "")
