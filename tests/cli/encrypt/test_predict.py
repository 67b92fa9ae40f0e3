"""Rows asked of a program in this process, and over HTTP of an application that is mounted in this process."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from casemate.cli.encrypt.asking import TOKEN
from casemate.controls.encrypted_service.program_files import read_program
from casemate.controls.encrypted_service.server import Server
from casemate.controls.encrypted_service.signing import load_identity, new_identity
from casemate.controls.encrypted_service.tenants import read_tenants
from cli.conftest import Run
from cli.encrypt.served import Line, served_by

HERE = ("encrypt", "predict", "rows.csv", "--program", "people.program")


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    tenants = read_tenants(folder / "tenants.json")
    server = Server([read_program(folder / "people.program")], load_identity(folder / "server.identity"), tenants)
    yield server
    server.close()


@pytest.fixture
def line(server: Server, monkeypatch: pytest.MonkeyPatch) -> Line:
    return served_by(server, monkeypatch)


def remotely(*more: str) -> tuple[str, ...]:
    words = ("encrypt", "predict", "rows.csv", "--program", "people.public.json", "--url", "https://server")
    return (*words, "--tenant", "clinic", "--token", "clinic.token", *more)


def model_says(folder: Path) -> np.ndarray:
    """What the model says of the rows in the clear, (n, classes)."""
    from skops import io

    rows = pl.read_csv(folder / "rows.csv")
    X = np.column_stack([rows["age"], rows["income"], rows["city"] == "Ulm"]).astype(float)
    model = io.load(folder / "model.skops", trusted=io.get_untrusted_types(file=folder / "model.skops"))
    return np.asarray(model.predict_proba(X))


def test_a_trial_in_one_process_answers_as_the_model_does(run: Run, folder: Path) -> None:
    code, out, err = run(*HERE)
    assert code == 0
    assert "as a trial" in err
    found = pl.read_csv(out.encode())
    wanted = model_says(folder)
    np.testing.assert_allclose(found["p(yes)"], wanted[:, 1], atol=0.01)
    assert found["label"].to_list() == [["no", "yes"][label] for label in wanted.argmax(axis=1)]


def test_answers_of_a_server_are_written_for_their_owner_alone(
    run: Run, folder: Path, line: Line, server: Server
) -> None:
    words = remotely("--card", server.card.fingerprint, "--output", "answers.parquet", "--scores")
    assert run(*words) == (0, "", "5 rows answered by https://server\n")
    found = pl.read_parquet(folder / "answers.parquet")
    assert found.columns == ["label", "p(no)", "p(yes)", "score"]
    np.testing.assert_allclose(found["p(yes)"], model_says(folder)[:, 1], atol=0.01)
    assert stat.S_IMODE((folder / "answers.parquet").stat().st_mode) == 0o600
    assert [path.rpartition("/")[2] for path in line.paths[1:]] == ["keys", "predict"]
    assert run(*words, "--quiet") == (0, "", "")
    assert line.paths[-1].endswith("predict")
    assert sum(path.endswith("keys") for path in line.paths) == 1  # the receipt of the registration was kept


def test_a_card_that_nobody_compared_is_told(run: Run, folder: Path, line: Line, server: Server) -> None:
    code, _, err = run(*remotely())
    assert code == 0
    assert f"the server's card is {server.card.fingerprint}" in err


def test_columns_are_found_by_name_and_others_left_out(run: Run, folder: Path) -> None:
    first = run(*HERE)[1]
    rows = pl.read_csv(folder / "rows.csv")
    rows.select("city", pl.lit(7).alias("more"), "income", "age").write_csv(folder / "rows.csv")
    labels = [pl.read_csv(out.encode())["label"].to_list() for out in (first, run(*HERE)[1])]
    assert labels[0] == labels[1]


@pytest.mark.parametrize(
    ("column", "values", "told"),
    [
        ("income", [40.0, 1e6, 40.0, 40.0, 40.0], "'income' is 1e+06, outside"),
        ("income", [40.0, None, 40.0, 40.0, 40.0], "a value is missing"),
        ("income", ["40", "much", "1", "2", "3"], "'much' is no number"),
        ("city", ["Bonn", "Ulm", "Ulmm", "Bonn", "Ulm"], "Did you mean 'Ulm'"),
        ("age", [float("nan")] * 5, "not a finite number"),
    ],
)
def test_rows_that_the_program_was_not_made_for(
    run: Run, folder: Path, column: str, values: list[object], told: str
) -> None:
    pl.read_csv(folder / "rows.csv").with_columns(pl.Series(column, values)).write_csv(folder / "rows.csv")
    code, out, err = run(*HERE)
    assert (code, out) == (2, "")
    assert told in err
    assert "where:" in err


def test_a_column_that_is_not_there(run: Run, folder: Path) -> None:
    pl.read_csv(folder / "rows.csv").rename({"income": "incme"}).write_csv(folder / "rows.csv")
    code, _, err = run(*HERE)
    assert code == 2
    assert "Did you mean 'incme'" in err


def test_keys_for_other_parameters(run: Run, folder: Path, line: Line) -> None:
    from casemate.controls.encrypted_service.client_keys import new_client_keys, save_client_keys
    from casemate.controls.homomorphic.chain import ckks_chain

    save_client_keys(new_client_keys(ckks_chain(2048, (52,))), folder / "client.keys")
    for words in (HERE, remotely()):
        code, out, err = run(*words)
        assert (code, out) == (2, "")
        assert "other parameters" in err


def test_another_servers_card(run: Run, folder: Path, line: Line) -> None:
    code, _, err = run(*remotely("--card", new_identity().card.fingerprint))
    assert code == 2
    assert "the server shows the card" in err


def test_a_server_that_has_another_program(run: Run, folder: Path, line: Line) -> None:
    assert run("encrypt", "compile", ".", "--name", "other", "--quiet")[0] == 0
    words = [word.replace("people.public", "other.public") for word in remotely()]
    code, _, err = run(*words)
    assert code == 2
    assert "HTTP 404" in err


def test_a_wrong_token_is_refused_without_a_reason(run: Run, folder: Path, line: Line) -> None:
    (folder / "clinic.token").write_text("00" * 32)
    code, _, err = run(*remotely())
    assert code == 2
    assert "does not tell why" in err


def test_nobody_answers_where_nothing_is_served(run: Run, folder: Path) -> None:
    words = [word.replace("https://server", "http://127.0.0.1:9") for word in remotely()]
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert "no connection to the server" in err


def test_a_token_may_come_from_the_environment(
    run: Run, folder: Path, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [word for word in remotely("-q", "-o", "answers.csv") if "token" not in word]
    assert "there is none" in run(*words)[2]
    monkeypatch.setenv(TOKEN, "no token")
    assert "holds no token" in run(*words)[2]
    monkeypatch.setenv(TOKEN, (folder / "clinic.token").read_text().strip())
    assert run(*words) == (0, "", "")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["rows.csv", "--program", "people.public.json"], "it has no weights"),
        (["rows.csv", "--program", "none.program"], "there is no program"),
        (["rows.csv", "--program", "people.csv"], "not the description"),
        (["rows.csv", "--program", "people.public.json", "--url", "http://elsewhere", "--tenant", "clinic"], "https"),
        (["rows.csv", "--program", "people.public.json", "--url", "https://server"], "--tenant"),
        (["rwos.csv", "--program", "people.program"], "rows.csv"),
        (["rows.csv", "--program", "people.program", "--output", "no/folder/answers.csv"], "cannot be written"),
    ],
)
def test_what_cannot_be_asked_is_two_and_says_why(run: Run, folder: Path, words: list[str], told: str) -> None:
    code, out, err = run("encrypt", "predict", *words)
    assert (code, out) == (2, "")
    assert told in err
    assert "Traceback" not in err


def test_a_program_that_was_cut_off_or_altered(run: Run, folder: Path) -> None:
    whole = (folder / "people.program").read_bytes()
    for data in (whole[:-10], whole[:40], whole[:-1] + bytes([whole[-1] ^ 1])):
        (folder / "people.program").write_bytes(data)
        code, out, err = run(*HERE)
        assert (code, out) == (2, "")
        assert err.startswith("error: ")
        assert "Traceback" not in err
