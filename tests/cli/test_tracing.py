from pathlib import Path

import pytest

from casemate.cli.tracing import actor, store_of


def test_the_store_asked_for_comes_first_then_the_environments_then_the_nearest(here: Path, monkeypatch):
    assert store_of("a.db", {"CASEMATE_LINEAGE": "b.db"}) == "a.db"
    assert store_of(None, {"CASEMATE_LINEAGE": "postgresql://host/b"}) == "postgresql://host/b"
    inner = here / "one" / "two"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert store_of(None, {}) == str(inner / ".casemate" / "lineage.db")
    (here / ".casemate").mkdir()
    (here / ".casemate" / "lineage.db").touch()
    assert store_of(None, {}) == str(here / ".casemate" / "lineage.db")


def test_the_actor_is_who_the_environment_names_or_the_user(monkeypatch: pytest.MonkeyPatch):
    assert actor({"CASEMATE_ACTOR": "pipeline 7"}) == "pipeline 7"
    assert actor({})

    def nobody() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert actor({}).startswith("uid ")
