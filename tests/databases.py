"""Databases for tests: a fresh SQLite file, or a fresh schema of the PostgreSQL that CASEMATE_TEST_POSTGRES names."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

ENGINES = ("sqlite", "postgresql")
VARIABLE = "CASEMATE_TEST_POSTGRES"
REQUIRED = "CASEMATE_REQUIRE_POSTGRES"


def fresh(engine: str, folder: Path) -> Iterator[str]:
    """Yield the address of an empty database; a test that needs a server that there is not is skipped."""
    if engine == "sqlite":
        yield str(folder / "lineage.db")
        return
    url = os.environ.get(VARIABLE)
    if not url:
        reason = f"{VARIABLE} names no PostgreSQL server"
        assert not os.environ.get(REQUIRED), reason
        pytest.skip(reason)
    import psycopg

    schema = f"casemate_{secrets.token_hex(6)}"
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as server:
        server.execute(f"CREATE SCHEMA {schema}")
        try:
            yield f"{url}?options=-csearch_path%3D{schema}"
        finally:
            server.execute(f"DROP SCHEMA {schema} CASCADE")
