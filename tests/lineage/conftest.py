from collections.abc import Iterator
from pathlib import Path

import pytest

from casemate.lineage import Lineage
from casemate.store import Store
from databases import ENGINES, fresh


@pytest.fixture(params=ENGINES)
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    yield from fresh(request.param, tmp_path)


@pytest.fixture
def store(address: str) -> Iterator[Store]:
    opened = Store.open(address)
    yield opened
    opened.close()


@pytest.fixture
def lineage(address: str, tmp_path: Path) -> Iterator[Lineage]:
    with Lineage.open(address, files=tmp_path / "files") as opened:
        yield opened


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Lineage]:
    """In SQLite alone, for what has nothing to do with the database."""
    with Lineage.open(tmp_path / "local.db") as opened:
        yield opened
