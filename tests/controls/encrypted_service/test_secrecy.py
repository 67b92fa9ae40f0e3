"""A client and a server in processes of their own: what is secret is looked for, byte by byte, wherever it could be."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression

from casemate.controls.encrypted_service.client_keys import load_client_keys
from casemate.controls.encrypted_service.signing import new_identity, new_token
from casemate.controls.homomorphic.chain import Chain
from casemate.controls.homomorphic.transforms import to_coefficients
from controls.encrypted_service.client_process import WORDS, linear_rows
from controls.encrypted_service.small import context, small_program, some_rows

TESTS = Path(__file__).parents[2]
PROGRAM = small_program(squared=True)
PIECE = 128
"""Bytes of a needle: of a ternary vector at one byte each, 128 bytes hold 200 bits that nobody guesses."""


@dataclass(frozen=True)
class Processes:
    """A server and a client that are running, and their folders."""

    server: int
    client: int
    served: Path
    kept: Path
    small: np.ndarray
    linear: np.ndarray


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    served, kept = tmp_path_factory.mktemp("server"), tmp_path_factory.mktemp("client")
    identity, token = new_identity(), new_token()
    identity.save(served / "identity")
    for folder in (served, kept):
        (folder / "token").write_bytes(token)
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}

    def start(name: str, *arguments: str) -> subprocess.Popen[str]:
        words = [sys.executable, "-m", f"controls.encrypted_service.{name}", *arguments]
        return subprocess.Popen(words, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    with start("server_process", str(served)) as server:
        try:
            with start("client_process", *read(server).split(), identity.card.fingerprint, str(kept)) as client:
                try:
                    small, linear = (np.array(scores) for scores in json.loads(read(client)))
                    yield Processes(server.pid, client.pid, served, kept, small, linear)
                finally:
                    assert client.stdin is not None
                    client.stdin.close()
        finally:
            server.terminate()


def read(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def needles(folder: Path) -> dict[str, list[bytes]]:
    """What must not be found: pieces of secret keys in every form that is used, the clients' other keys, the rows."""
    forms = {"rows": some_rows(3).tobytes(), "rows of the linear program": linear_rows().tobytes()}
    for path in sorted(folder.glob("*.keys")):
        forms |= {f"{name}, {path.name}": data for name, data in forms_of(path).items()}
    return {name: pieces(data) for name, data in forms.items()}


def forms_of(path: Path) -> dict[str, bytes]:
    """The secrets in a file of keys, in every form."""
    keys = load_client_keys(path, passphrase=lambda: WORDS)
    chain = keys.chain
    values = np.frombuffer(keys.secret.to_bytes()[-8 * len(chain.primes) * chain.degree :], "<u8")
    values = values.reshape(len(chain.primes), chain.degree)
    ternary = coefficients(values[: len(chain.levels)], chain)
    forms = {
        "serialised, by values at roots of unity": keys.secret.to_bytes(),
        "coefficients, int8": ternary.astype(np.int8).tobytes(),
        "coefficients, int64": ternary.astype(np.int64).tobytes(),
        "coefficients, float64": ternary.astype(np.float64).tobytes(),
        "the key to agree by": keys.agreement,
    }
    for index, prime in enumerate(chain.primes):
        width = -(-prime.bit_length() // 8)
        forms[f"coefficients modulo prime {index}"] = (ternary % prime).astype(np.uint64).tobytes()
        forms[f"residues modulo prime {index}, packed"] = (
            values[index].view(np.uint8).reshape(-1, 8)[:, :width].tobytes()
        )
    return forms


def pieces(data: bytes) -> list[bytes]:
    """Two pieces of data from its midst, at multiples of 8 bytes."""
    starts = [len(data) * part // 3 // 8 * 8 for part in (1, 2)] if len(data) > 5 * PIECE else [0]
    return [data[start : start + PIECE] for start in starts]


def coefficients(values: np.ndarray, chain: Chain) -> np.ndarray:
    """The ternary coefficients of a secret key, (degree,) int64."""
    first = to_coefficients(values[None], context(chain))[0, 0].astype(np.int64)
    ternary = np.where(first > chain.primes[0] // 2, first - chain.primes[0], first)
    assert set(np.unique(ternary)) == {-1, 0, 1}
    return np.asarray(ternary)


def memory(process: int) -> Iterator[bytes]:
    """All memory that a process can write, region by region: what it computes with lies nowhere else."""
    with Path(f"/proc/{process}/maps").open() as maps, Path(f"/proc/{process}/mem").open("rb", 0) as held:
        for line in maps:
            place, rights, _, _, _, *name = line.split()
            if not rights.startswith("rw") or name[:1] == ["[vvar]"]:
                continue
            start, end = (int(part, 16) for part in place.split("-"))
            held.seek(start)
            try:
                pages = np.frombuffer(held.read(end - start), np.uint8).reshape(-1, 4096)
            except OSError:  # a region that went away, or a device
                continue
            yield pages[pages.any(axis=1)].tobytes()  # searching zeros takes longest


def files(folder: Path) -> Iterator[bytes]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path.read_bytes()


def found(wanted: dict[str, list[bytes]], haystack: Iterator[bytes]) -> set[str]:
    """The names of what is in a haystack."""
    seen: set[str] = set()
    for data in haystack:
        seen |= {name for name, those in wanted.items() if any(piece in data for piece in those)}
    return seen


def test_the_client_process_gets_what_the_model_says(processes: Processes) -> None:
    assert np.abs(processes.small - PROGRAM.clear(some_rows(3))).max() < 0.01
    rows, labels = load_breast_cancer(return_X_y=True)
    wanted = LogisticRegression().fit(rows / rows.max(axis=0), labels).decision_function(linear_rows())
    assert np.abs(processes.linear[:, 0] - wanted).max() < 0.1


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="the memory of a process is read as Linux shows it")
def test_nothing_secret_is_in_the_servers_memory_though_the_search_finds_it_in_the_clients(
    processes: Processes,
) -> None:
    wanted = needles(processes.kept)
    held = found(wanted, memory(processes.client))
    for name in ("serialised, by values at roots of unity", "the key to agree by"):
        assert {f"{name}, 0.keys", f"{name}, 1.keys"} <= held
    assert {"rows", "rows of the linear program"} <= held
    assert found(wanted, memory(processes.server)) == set()
    known = {"the digest of the program": [bytes.fromhex(PROGRAM.public.digest)]}
    assert found(known, memory(processes.server)) == set(known)  # so the server's memory was really read


def test_nothing_secret_is_on_the_wire_on_the_disk_or_in_the_logs(processes: Processes) -> None:
    wanted = needles(processes.kept)
    names = {path.name for path in processes.served.rglob("*")}
    assert {"wire", "log", "nonces", "quota", "identity", "keys"} <= names
    assert any(name.endswith(".keys") for name in names)
    assert found(wanted, files(processes.served)) == set()
    assert found(wanted, files(processes.kept)) == set()  # the file of keys is sealed
    wire, log = (processes.served / "wire").read_bytes(), (processes.served / "log").read_text()
    assert wire.count(b"CMHE") >= 18
    assert "answered 'ann'" in log
    assert str(some_rows(3)[0, 0])[:8] not in log


def test_what_the_search_looks_for_would_be_found(tmp_path: Path, processes: Processes) -> None:
    """Each needle, in the form that a careless server would leave it in."""
    wanted = needles(processes.kept)
    assert len(wanted) == 2 + 5 + 2 * len(PROGRAM.public.chain.primes) + 5 + 2
    for name, those in wanted.items():
        for piece in those:
            (tmp_path / "leak").write_bytes(os.urandom(1000) + piece + os.urandom(1000))
            assert name in found(wanted, files(tmp_path))


def test_a_server_never_imports_what_can_hold_a_secret_key() -> None:
    script = (
        "import sys\n"
        "import casemate.controls.encrypted_service.app\n"
        "ours = [name.rpartition('.')[2] for name in sys.modules if name.startswith('casemate.')]\n"
        "hidden = {'secret_keys', 'client', 'client_keys'}.intersection(ours)\n"
        "assert not hidden, hidden\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
