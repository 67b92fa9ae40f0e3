"""What becomes of messages that were altered: envelopes of encrypted predictions, beside bare ciphertexts of SEAL.

    python bench/he_mutations.py --output bench/results/he_mutations.json

A server and its clients in one process. Queries, registrations and replies that are in order are altered at random: a
bit is flipped, bytes are cut, added, exchanged, zeroed or taken from another message; lengths and kinds are forged; a
message is sent a second time, late, by another tenant, under another key, to another program. Every tenth mutation is
sealed again by the attacker's own registration where it has one: what an authentic client may not send either. What the
other side does with each is counted; all have to be refused. Whatever was accepted is told with its seed.

Beside it, what SEAL itself does with its own ciphertexts under the same kinds of mutations, where there is no envelope:
how many it loads. (They decrypt to garbage.) CPU time by ``time.process_time``.
"""

from __future__ import annotations

import argparse
import json
import logging
import platform
import time
from collections import Counter
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from casemate.controls.encrypted_service.client import Client
from casemate.controls.encrypted_service.client_keys import new_client_keys
from casemate.controls.encrypted_service.compile_model import Asked, compile_model
from casemate.controls.encrypted_service.program_files import public_program
from casemate.controls.encrypted_service.replay import MemoryNonces
from casemate.controls.encrypted_service.server import Server
from casemate.controls.encrypted_service.signing import mac, new_identity, new_token
from casemate.controls.encrypted_service.wire import HEAD_BYTES, Kind, kind_of
from casemate.controls.homomorphic.context import Context
from casemate.controls.homomorphic.library import library
from casemate.controls.homomorphic.secret_keys import SecretKeys
from casemate.core.errors import EncryptedError

KINDS = ("bit", "byte", "cut", "grow", "zero", "swap", "splice", "length", "kind", "head")


class Clock:
    """A clock that goes on by a tenth of a second with every look, and further when it is told to."""

    def __init__(self) -> None:
        self.now = 1.8e9

    def __call__(self) -> float:
        return self.now


class House:
    """A server with two programs and two tenants, each with two clients of both programs."""

    def __init__(self) -> None:
        rows = load_digits().data / 16
        labels = load_digits().target
        models = {
            "linear": LogisticRegression(max_iter=500).fit(rows, labels),
            "network": MLPClassifier((16,), max_iter=300, random_state=0, tol=1e-2).fit(rows, labels),
        }
        self.rows = rows[400:]
        programs = {name: compile_model(model, rows[:300], Asked(name)).program for name, model in models.items()}
        self.clock, self.tokens = Clock(), {"ann": new_token(), "bob": new_token()}
        self.identity = new_identity()
        nonces = MemoryNonces(most=1 << 30, clock=self.clock)
        self.server = Server(programs.values(), self.identity, self.tokens, nonces=nonces, clock=self.clock)
        self.clients: dict[tuple[str, str, int], Client] = {}
        for name, program in programs.items():
            public = public_program(program.public.to_bytes())
            for tenant, token in self.tokens.items():
                for number in range(2):
                    keys = new_client_keys(public.terms.query.chain)
                    client = Client(public, keys, self.server.card, tenant, token, clock=self.clock)
                    client.accept(self.server.register(tenant, client.registration()))
                    self.clients[name, tenant, number] = client

    def query(self, of: tuple[str, str, int], at: int = 0) -> bytes:
        return self.clients[of].encrypt(self.rows[at : at + 1])


def mutated(data: bytes, other: bytes, kind: str, rng: np.random.Generator) -> bytes:
    """A message that differs from both."""
    made = bytearray(data)
    at = int(rng.integers(len(made)))
    some = bytes(rng.integers(0, 256, int(rng.integers(1, 64)), dtype=np.uint8))
    match kind:
        case "bit":
            made[at] ^= 1 << int(rng.integers(8))
        case "byte":
            made[at : at + len(some)] = some
        case "cut":
            del made[at : at + int(rng.integers(1, 1000))]
        case "grow":
            made[at:at] = some
        case "zero":
            made[at : at + 4096] = bytes(len(made[at : at + 4096]))
        case "swap":
            half = (len(made) - at) // 2
            made[at : at + half], made[at + half : at + 2 * half] = (
                made[at + half : at + 2 * half],
                made[at : at + half],
            )
        case "splice":
            made[at:] = other[at:]
        case "length":
            made[128:136] = int(rng.integers(1 << 62)).to_bytes(8, "little")
        case "kind":
            made[6] = int(rng.integers(256))
        case "head":
            at %= HEAD_BYTES
            made[at : at + 8] = bytes(rng.integers(0, 256, 8, dtype=np.uint8))
    return bytes(made) if bytes(made) not in (data, other) else mutated(data, other, "bit", rng)


def resealed(client: Client, data: bytes) -> bytes:
    """What was altered, sealed by the client's own key: it went wrong, or it attacks."""
    assert client._registered is not None
    return data[:-32] + mac(client._registered[0], data[:-32])


def queries(house: House, name: str, count: int, rng: np.random.Generator) -> tuple[Counter[str], list[str]]:
    """Altered queries: how many were refused, by kind, and what was accepted."""
    refused: Counter[str] = Counter()
    accepted = []
    me, twin, stranger = (name, "ann", 0), (name, "ann", 1), (name, "bob", 0)
    elsewhere = ("linear" if name == "network" else "network", "ann", 0)
    data, other = house.query(me), house.query(twin)
    for number in range(count):
        kind = str(rng.choice(KINDS))
        bad, tenant = mutated(data, other, kind, rng), "ann"
        if number % 10 == 0:
            fresh = house.query(me)  # what is authentic spends its nonce
            changed = mutated(fresh, other, kind, rng)
            free = slice(104, 128), slice(HEAD_BYTES + 20, -32)  # nonce, expiry, and what is encrypted are the client's
            if len(changed) == len(fresh) and all(changed[part] == fresh[part] for part in free):
                bad, kind = resealed(house.clients[me], changed), f"{kind}, sealed again"
                if bad == fresh:  # the seal alone was altered
                    continue
        if number % 50 == 1:
            kind = ("another tenant", "another key", "another program", "no tenant")[number // 50 % 4]
            bad, tenant = {
                "another tenant": (data, "bob"),
                "another key": (data[:72] + bytes.fromhex(house.clients[twin].fingerprint) + data[104:], "ann"),
                "another program": (data[:8] + house.query(elsewhere)[8:40] + data[40:], "ann"),
                "no tenant": (data, ""),
            }[kind]
        if kind_of(house.server.answer(tenant, bad)) == Kind.REFUSAL:
            refused[kind] += 1
        else:
            accepted.append(f"{name} query {number}: {kind}")
    if kind_of(house.server.answer("ann", data)) != Kind.REPLY:
        raise SystemExit("the query that was altered is not in order: nothing was measured")
    for _ in range(count // 100):
        refused["replay"] += kind_of(house.server.answer("ann", data)) == Kind.REFUSAL
    stale = house.query(stranger)
    house.clock.now += 301
    refused["stale"] += kind_of(house.server.answer("bob", stale)) == Kind.REFUSAL
    return refused, accepted


def uploads(house: House, name: str, count: int, rng: np.random.Generator) -> tuple[Counter[str], list[str]]:
    """Altered registrations."""
    refused: Counter[str] = Counter()
    accepted = []
    data, other = (house.clients[name, "ann", number].registration() for number in range(2))
    for number in range(count):
        kind = str(rng.choice(KINDS))
        tenant = "bob" if number % 20 == 0 else "ann"
        if kind_of(house.server.register(tenant, mutated(data, other, kind, rng))) == Kind.REFUSAL:
            refused[kind] += 1
        else:
            accepted.append(f"{name} registration {number}: {kind}")
    return refused, accepted


def replies(house: House, name: str, count: int, rng: np.random.Generator) -> tuple[Counter[str], list[str]]:
    """Altered replies, and replies for somebody else, as the client takes them."""
    refused: Counter[str] = Counter()
    accepted = []
    client, twin = house.clients[name, "ann", 0], house.clients[name, "ann", 1]
    data = house.server.answer("ann", client.encrypt(house.rows[:1]))
    other = house.server.answer("ann", twin.encrypt(house.rows[:1]))
    for number in range(count):
        kind = str(rng.choice(KINDS))
        bad = other if number % 50 == 1 else mutated(data, other, kind, rng)
        kind = "of another request" if number % 50 == 1 else kind
        try:
            client.decrypt(bad)
        except EncryptedError:
            refused[kind] += 1
        else:
            accepted.append(f"{name} reply {number}: {kind}")
    client.decrypt(data)  # it is in order, and waited all the time
    try:
        client.decrypt(data)
        accepted.append(f"{name} reply: opened twice")
    except EncryptedError:
        refused["opened twice"] += 1
    return refused, accepted


def bare(house: House, count: int, rng: np.random.Generator) -> dict[str, int]:
    """What SEAL loads of its own ciphertexts with one bit flipped."""
    chain = house.clients["network", "ann", 0].program.terms.query.chain
    context, seal = Context(chain), library()
    keys = SecretKeys.generate(context)
    held = keys.encrypt(context.encode(np.ones(8), 2.0**20)).expand(chain)
    from casemate.controls.homomorphic.residues import ciphertext_of

    data = ciphertext_of(held, context).to_string()
    loaded = 0
    for _ in range(count):
        bad = bytearray(data)
        bad[int(rng.integers(len(bad)))] ^= 1 << int(rng.integers(8))
        try:
            seal.Ciphertext().load_bytes(context.seal, bytes(bad))
            loaded += 1
        except (RuntimeError, ValueError):
            continue
    return {"mutated": count, "accepted": loaded}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--mutations", type=int, default=12_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    logging.getLogger("casemate.encrypted_service").setLevel(logging.CRITICAL)
    rng, house = np.random.default_rng(options.seed), House()
    each = options.mutations // 20
    work: dict[str, tuple[Callable[..., Any], str, int]] = {
        "queries, linear": (queries, "linear", 7 * each),
        "queries, network": (queries, "network", 3 * each),
        "registrations, linear": (uploads, "linear", 3 * each),
        "registrations, network": (uploads, "network", each // 10),
        "replies, linear": (replies, "linear", 4 * each),
        "replies, network": (replies, "network", 3 * each),
    }
    results: dict[str, Any] = {}
    total: Counter[str] = Counter()
    for name, (try_them, program, count) in work.items():
        start = time.process_time()
        refused, accepted = try_them(house, program, count, rng)
        total.update(mutated=sum(refused.values()) + len(accepted), accepted=len(accepted))
        results[name] = {
            "mutated": sum(refused.values()) + len(accepted),
            "accepted": len(accepted),
            "which": accepted[:20],
            "by kind": dict(sorted(refused.items())),
            "cpu s": round(time.process_time() - start, 2),
        }
        print(f"{name}: {results[name]['mutated']:,} altered, {len(accepted)} accepted")
    results["bare ciphertexts of SEAL, one bit flipped"] = bare(house, 1000, rng)
    house.server.close()
    told = {
        "what": __doc__.splitlines()[0],
        "all": dict(total),
        "results": results,
        "seed": options.seed,
        "machine": {
            "processor": platform.machine(),
            "python": platform.python_version(),
            "seal": version("seal-python"),
        },
    }
    print(f"in all: {total['mutated']:,} altered, {total['accepted']} accepted")
    if options.output:
        options.output.write_text(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main()
