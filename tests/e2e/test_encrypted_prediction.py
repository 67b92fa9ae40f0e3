"""Encrypted prediction as users run it: an owner, a server and a client, each in processes of their own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from casemate.cli import main
from casemate.cli.walk import walk

WORDS = "correct horse battery"
SCRIPT = Path(sys.executable).with_name("casemate")
EXAMPLE = Path(__file__).parents[2] / "examples" / "diagnosis"
PATIENCE = 60
SYSTEM = """
[system]
name = "flowers"

[data]
train = "sklearn:iris"
test-share = 0.3

[model]
recipe = "recipe:train"
"""
RECIPE = """
from sklearn.linear_model import LogisticRegression


def train(data, seed):
    return LogisticRegression(max_iter=2000).fit(data.X, data.y)
"""


def casemate(folder: Path, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own, with a passphrase that opens the client's keys."""
    done = subprocess.run(
        [SCRIPT, "encrypt", *words],
        cwd=folder,
        env={**os.environ, "CASEMATE_KEYS_PASSPHRASE": WORDS, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done


@contextmanager
def served(folder: Path, *words: str) -> Iterator[dict[str, str]]:
    """A server that runs, and what it says of itself."""
    command = [SCRIPT, "encrypt", "serve", "flowers.program", "--port", "0", *words]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    told: dict[str, str] = {}
    try:
        assert process.stdout is not None
        told |= dict(line.split()[:2] for line in (process.stdout.readline() for _ in range(3)))  # type: ignore[misc]
        yield told
    finally:
        process.send_signal(signal.SIGTERM)
        _, told["log"] = process.communicate(timeout=PATIENCE)
        told["code"] = str(process.returncode)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The server's folder and the client's, each with what belongs to it and nothing else."""
    server, client = tmp_path_factory.mktemp("server"), tmp_path_factory.mktemp("client")
    (server / "casemate.toml").write_text(SYSTEM)
    (server / "recipe.py").write_text(RECIPE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CASEMATE_KEYS_PASSPHRASE", WORDS)
        patch.chdir(server)
        for words in (["compile", "."], ["identity", "create"], ["tenants", "add", "florist"]):
            assert main(["encrypt", *words, "--quiet"]) == 0
        for name in ("flowers.public.json", "florist.token"):
            (server / name).rename(client / name)
        patch.chdir(client)
        assert main(["encrypt", "keys", "create", "--program", "flowers.public.json"]) == 0
    X = pl.DataFrame(_iris().data[::10], list(_iris().feature_names))
    X.write_csv(client / "rows.csv")
    return server, client


def _iris() -> object:
    from sklearn.datasets import load_iris

    return load_iris()


def ask(client: Path, told: dict[str, str], code: int = 0) -> subprocess.CompletedProcess[str]:
    words = ("--program", "flowers.public.json", "--url", told["serving"], "--card", told["card"])
    return casemate(client, "predict", "rows.csv", *words, "--tenant", "florist", "--token", "florist.token", code=code)


def test_a_server_remembers_clients_and_quotas_across_a_restart(folders: tuple[Path, Path]) -> None:
    server, client = folders
    with served(server, "--state", "state", "--rows-per-day", "20") as told:
        first = ask(client, told)
        refused = ask(client, told, code=2)
    assert told["code"] == "0"
    assert "registered 'florist'" in told["log"]
    assert "does not tell why" in refused.stderr
    assert "QuotaSpent" in told["log"]
    labels = pl.read_csv(first.stdout.encode())["label"].to_list()
    known = [str(_iris().target_names[label]) for label in _iris().target[::10]]  # type: ignore[attr-defined]
    assert np.mean([one == other for one, other in zip(labels, known, strict=True)]) > 0.9
    with served(server, "--state", "state", "--rows-per-day", "30", "--quiet") as again:
        second = ask(client, again)
    assert "INFO" not in again["log"]  # --quiet logs refusals alone
    assert pl.read_csv(second.stdout.encode())["label"].to_list() == labels


def test_what_only_the_client_knows_is_not_on_the_servers_disk(folders: tuple[Path, Path]) -> None:
    server, client = folders
    value = (client / "rows.csv").read_text().splitlines()[3]
    for path in server.rglob("*"):
        if path.is_file() and path.suffix not in (".pyc", ".toml", ".py"):
            assert value.encode() not in path.read_bytes()
    assert not list(server.rglob("client.keys*"))


def test_the_walk_of_the_example_with_a_model_that_is_quick_to_compile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "diagnosis"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".casemate", "__pycache__"))
    recipe = (folder / "diagnosis_recipe.py").read_text()
    quick = recipe.replace("n_estimators=60, max_depth=3", "n_estimators=4, max_depth=2")
    assert quick != recipe
    (folder / "diagnosis_recipe.py").write_text(quick)
    lines = (folder / "walk").read_text().splitlines()
    (folder / "walk").write_text("\n".join(line for line in lines if not line.startswith("casemate assess")))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert walk(folder), capfd.readouterr().err
    written = capfd.readouterr().out
    assert "of 12 biopsies were told right, by a server that saw none of them" in written
    assert written.count("HELD") == 2
    assert "What the server saw" in (folder / "encrypted.html").read_text()
