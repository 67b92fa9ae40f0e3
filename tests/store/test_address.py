from pathlib import Path

import pytest

from casemate.core.errors import StoreUnreachable
from casemate.store.address import parse, shown


@pytest.mark.parametrize(
    ("address", "database"),
    [("a/b.db", "a/b.db"), (Path("x.db"), "x.db"), ("sqlite:///c.db", "c.db"), ("odd name.sqlite", "odd name.sqlite")],
)
def test_a_path_means_sqlite(address: str | Path, database: str) -> None:
    url = parse(address)
    assert (url.drivername, url.database) == ("sqlite", database)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_has_one_driver_and_its_password_is_never_shown(scheme: str) -> None:
    url = parse(f"{scheme}://anna:s3cret@host:5433/db?password=s3cret&options=-cx%3Ds3cret")
    assert url.drivername == "postgresql+psycopg"
    assert shown(url) == "postgresql://anna:***@host:5433/db"


@pytest.mark.parametrize(
    "address", ["mysql://u:s3cret@h/d", "sqlite://", "sqlite:///:memory:", "postgresql://u:s3cret@h:port/d"]
)
def test_what_cannot_be_a_store_is_refused_without_telling_secrets(address: str) -> None:
    with pytest.raises(StoreUnreachable) as caught:
        parse(address)
    assert "s3cret" not in str(caught.value)
    assert caught.value.fix
