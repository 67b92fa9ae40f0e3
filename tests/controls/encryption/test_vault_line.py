import ssl
import time
from collections.abc import Iterator

import pytest

from casemate.controls.encryption import vault_line
from casemate.controls.encryption.vault_line import NotFound, Refused, VaultLine
from casemate.core.errors import KeyRefused, KeyStoreDown, KeyStoreUnreadable, SecretError
from controls.encryption.transit import TOKEN, Transit, serving


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Transit]:
    monkeypatch.setenv("VAULT_TOKEN", TOKEN)
    with serving("kept/here") as state:
        yield state


@pytest.fixture
def line(server: Transit, monkeypatch: pytest.MonkeyPatch) -> Iterator[VaultLine]:
    made = VaultLine(server.address, timeout=5)
    monkeypatch.setattr(made, "_pause", lambda _: None)
    yield made
    made.close()


def test_the_token_goes_in_a_header_and_nowhere_else(line: VaultLine, server: Transit, monkeypatch) -> None:
    monkeypatch.setenv("VAULT_NAMESPACE", "team")
    line.send("POST", "keys/a", {"type": "aes256-gcm96"})
    assert server.headers["X-Vault-Token"] == TOKEN
    assert server.headers["X-Vault-Namespace"] == "team"
    assert TOKEN not in repr(vars(line)) and TOKEN not in repr(server.seen)


def test_what_the_statuses_mean(line: VaultLine, server: Transit) -> None:
    cases = [
        (404, b"{}", NotFound, "^$"),
        (400, b'{"errors": ["one", "two"]}', Refused, "one; two"),
        (403, b"{}", KeyRefused, "refused the token"),
        (401, b"{}", KeyRefused, "refused the token"),
        (500, b"{}", KeyStoreDown, "status 500"),
        (302, b"{}", KeyStoreDown, "status 302"),
        (200, b"<html>", KeyStoreUnreadable, "not JSON"),
        (200, b"[]", KeyStoreUnreadable, "no JSON object"),
        (200, b"[" * 100_000, KeyStoreUnreadable, "not JSON"),
    ]
    for status, raw, kind, told in cases:
        server.faults = [(status, raw)]
        with pytest.raises(kind, match=told):
            line.send("GET", "keys/a")


def test_a_busy_server_is_asked_again(line: VaultLine, server: Transit) -> None:
    server.faults = [(503, b""), (429, b"")]
    assert line.send("POST", "keys/a", {"type": "aes256-gcm96"})["latest_version"] == 1
    server.faults = [(503, b"")] * 3
    with pytest.raises(KeyStoreDown, match="sealed"):
        line.send("GET", "keys/a")
    assert not server.faults


def test_a_long_answer_is_not_read(line: VaultLine, server: Transit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault_line, "LARGEST", 100)
    server.faults = [(200, b" " * 200_000)]
    with pytest.raises(KeyStoreUnreadable, match="longer than any key"):
        line.send("GET", "keys/a")


def test_a_slow_server_is_not_waited_for(server: Transit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault_line, "RETRIES", 0)
    line = VaultLine(server.address, timeout=0.05)
    server.delay = 0.5
    start = time.monotonic()
    with pytest.raises(KeyStoreDown, match="no answer"):
        line.send("GET", "keys/a")
    assert time.monotonic() - start < 5
    line.close()


def test_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", TOKEN)
    line = VaultLine("http://127.0.0.1:9")
    monkeypatch.setattr(line, "_pause", lambda _: None)
    with pytest.raises(KeyStoreDown, match="no connection"):
        line.send("GET", "keys/a")
    line.close()


@pytest.mark.parametrize("token", ["", "  ", "a\nb", "é"])
def test_no_token(line: VaultLine, server: Transit, monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setenv("VAULT_TOKEN", token)
    with pytest.raises(KeyRefused, match="needs a token"):
        line.send("GET", "keys/a")
    assert server.seen == []


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("", "no address"),
        ("vault.example.org", "no address"),
        ("ftp://vault.example.org", "no address"),
        ("http://vault.example.org/transit", "without encryption"),
        ("https://me:secret@vault.example.org", "a user, a password"),
        ("https://vault.example.org/transit?token=secret", "a query"),
        ("https://[::1", "no address"),
    ],
)
def test_addresses_that_are_refused_and_not_repeated(address: str, told: str) -> None:
    with pytest.raises(SecretError, match=told) as caught:
        VaultLine(address)
    assert "secret" not in str(caught.value.where)


def test_the_engine_is_transit_where_none_is_named() -> None:
    assert VaultLine("https://vault.example.org:8200/").address == "https://vault.example.org:8200/transit"
    assert VaultLine("https://vault.example.org/a/b/").address == "https://vault.example.org/a/b"


def test_certificates_are_checked(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    made: list[object] = []
    monkeypatch.setattr("httpx.Client", lambda **options: made.append(options) or None)
    VaultLine("https://vault.example.org")._line()
    assert made[0]["verify"] is True and made[0]["follow_redirects"] is False  # type: ignore[index]
    monkeypatch.setenv("VAULT_CACERT", ssl.get_default_verify_paths().cafile or str(tmp_path))
    monkeypatch.setattr(ssl, "create_default_context", lambda cafile: ("context", cafile))
    VaultLine("https://vault.example.org")._line()
    assert made[1]["verify"][0] == "context"  # type: ignore[index]
