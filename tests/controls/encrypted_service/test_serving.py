import socket
import sys

import pytest

from casemate.controls.encrypted_service.app import App
from casemate.controls.encrypted_service.serving import serve
from casemate.core.errors import EndpointDown, ExtraMissing
from controls.encrypted_service.small import House


def test_an_address_that_is_taken_is_told(house: House) -> None:
    app = App(house.server)
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(EndpointDown, match="nothing can be served"):
        serve(app, port=taken.getsockname()[1])
    app.close()


def test_what_is_missing_is_named(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(ExtraMissing) as missing:
        serve(App(house.server))
    assert missing.value.fix == "pip install 'casemate[serve]'"
