from collections.abc import Iterator

import pytest

from controls.encrypted_service.small import House


@pytest.fixture
def house() -> Iterator[House]:
    """A server with one small linear program, on a clock of its own."""
    house = House()
    yield house
    house.server.close()
