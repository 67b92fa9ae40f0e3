"""Evidence is kept by what it depends on; what cannot be kept or read costs a run, never the assessment."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from casemate.assess.cache import Cache, _imported, source_digest
from casemate.controls.encryption import homomorphic
from casemate.core.assessment import Cell

CELL = Cell("evasion.pgd", "evasion", "full", "not-applicable", reason="made for tests")


def test_what_is_put_is_got_back(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    assert cache.get("ab12", Cell) is None
    cache.put("ab12", CELL)
    back = cache.get("ab12", Cell)
    assert (repr(back), back is CELL) == (repr(CELL), False)
    assert [path.name for path in (tmp_path / "ab").iterdir()] == ["ab12.msgpack"]


@pytest.mark.parametrize("damage", [b"", b"\x00", b"\xc1" * 40, b"\x91" * 100_000], ids=["empty", "0", "bad", "deep"])
def test_a_damaged_entry_is_removed_and_told(tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture) -> None:
    cache = Cache(tmp_path)
    cache.put("ab12", CELL)
    path = next(tmp_path.rglob("*.msgpack"))
    path.write_bytes(damage)
    assert cache.get("ab12", Cell) is None
    assert not path.exists()
    assert "damaged cache entry" in caplog.text


def test_a_cache_that_cannot_be_written_to_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("no folder")
    cache = Cache(tmp_path / "file")
    with caplog.at_level(logging.WARNING):
        for key in ("ab12", "cd34", "ef56"):
            cache.put(key, CELL)
    assert [record.getMessage() for record in caplog.records] == [
        f"the cache at {tmp_path / 'file'} cannot be written: Not a directory"
    ]
    assert cache.get("ab12", Cell) is None


def test_a_digest_of_code_covers_what_it_imports_even_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    sources = {
        "own_controls/__init__.py": "",
        "own_controls/filters/__init__.py": "",
        "own_controls/filters/filter.py": "def work():\n    from own_controls.tools import (\n        first,\n    )\n",
        "own_controls/tools/__init__.py": "",
        "own_controls/tools/first.py": "import own_controls.deep\nfrom own_controls.filters.filter import work\n",
        "own_controls/deep.py": "NUMBER = 1\n",
        "own_controls/apart.py": "NUMBER = 1\n",
    }
    for name, text in sources.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    def digest_now() -> str:
        source_digest.cache_clear()
        _imported.cache_clear()
        return source_digest("own_controls.filters.filter")

    first = digest_now()
    assert digest_now() == first
    for name, text in sources.items():
        (tmp_path / name).write_text(text + "# changed\n")
        covered = name not in ("own_controls/apart.py", "own_controls/__init__.py")
        assert (digest_now() != first) == covered, name
        (tmp_path / name).write_text(text)
    assert digest_now() == first


def test_a_digest_of_code_covers_the_rooms_that_a_control_calls() -> None:
    found = {path.parent.name for path in _imported(Path(homomorphic.__file__), "casemate")}
    assert "encrypted_service" in found
    assert not {"core", "systems", "assess"} & found
