import socket
from pathlib import Path

import pytest

from cli.conftest import Run


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "no program to serve"),
        (["none.program"], "there is no program"),
        (["people.public.json"], "not a program"),
        (["people.program", "--identity", "none"], "identity cannot be read"),
        (["people.program", "--tenants", "none"], "tenants add"),
        (["people.program", "--certificate", "cert.pem"], "needed twice"),
        (["people.program", "--host", "203.0.113.7"], "nothing can be served at 203.0.113.7"),
        (["people.program", "--port", "-1"], "port"),
        (["people.program", "--state", "people.csv"], "no folder for keys"),
    ],
)
def test_what_cannot_be_served_is_two_and_says_why(run: Run, folder: Path, words: list[str], told: str) -> None:
    code, out, err = run("encrypt", "serve", *words)
    assert (code, out) == (2, "")
    assert told in err
    assert "Traceback" not in err


def test_a_port_that_is_taken(run: Run, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, err = run("encrypt", "serve", "people.program", "--port", port)
    assert code == 2
    assert f"nothing can be served at 127.0.0.1:{port}" in err
    assert "--port 0" in err
