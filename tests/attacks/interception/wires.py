"""Wires that are weak in one way each, and systems on them."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from casemate.attacks.interception.twin import clear_system
from casemate.core.control import Control
from casemate.core.system import System
from casemate.core.wire import Opened, Ring, Share, Wire


@dataclass(frozen=True, kw_only=True, eq=False)
class OnWire(Control):
    """Put another wire in place of the one in the clear."""

    id: ClassVar[str] = "testing.on-wire"
    module: ClassVar[str] = __name__
    hooks: ClassVar[tuple[str, ...]] = ("on_wire",)
    make: Callable[[Wire], Wire]

    def on_wire(self, wire: Wire) -> Wire:
        return self.make(wire)

    def digest(self) -> str:
        return repr(self.make)


def system(make: Callable[[Wire], Wire]) -> System:
    return clear_system().with_(OnWire(make=make))


class Around:
    """A wire around another one; what a client writes is changed on its way, and changed back."""

    encrypted = True
    key_bytes = 0
    share: Share = "never"
    ring: Ring | None = None

    def __init__(self, inner: Wire) -> None:
        self.inner = inner

    def ask(self, X: np.ndarray) -> list[bytes]:
        return [self.close(message) for message in self.inner.ask(X)]

    def answer(self, message: bytes) -> bytes | None:
        plain = self.open(message)
        reply = None if plain is None else self.inner.answer(plain)
        return None if reply is None else self.close(reply)

    def read(self, message: bytes, reply: bytes) -> Opened | None:
        plain = self.open(reply)
        return None if plain is None else self.inner.read(message, plain)

    def polynomials(self, reply: bytes) -> np.ndarray:
        raise NotImplementedError

    def stranger(self) -> Wire:
        return type(self)(self.inner)

    def close(self, plain: bytes) -> bytes:
        raise NotImplementedError

    def open(self, message: bytes) -> bytes | None:
        raise NotImplementedError


class Opaque(Around):
    """Random bytes in place of messages: nothing to learn."""

    def close(self, plain: bytes) -> bytes:
        return os.urandom(200)


class Repeating(Around):
    """The same bytes for the same row, whatever they are: encryption without randomness."""

    def close(self, plain: bytes) -> bytes:
        return hashlib.shake_128(plain).digest(200)


class OnePad(Around):
    """One pad for every message."""

    def close(self, plain: bytes) -> bytes:
        pad = hashlib.shake_128(b"pad").digest(len(plain))
        return bytes(a ^ b for a, b in zip(plain, pad, strict=True))


class Lengths(Around):
    """Random bytes, as many as the row's text takes."""

    def close(self, plain: bytes) -> bytes:
        low = np.frombuffer(plain)[0] < 0.5
        return os.urandom(200 if low else 201)


class Sealed(Around):
    """Messages under a seal; with ``once``, each is taken once."""

    once = False

    def __init__(self, inner: Wire) -> None:
        super().__init__(inner)
        self.key, self.seen, self.number = os.urandom(16), set[bytes](), 0

    def close(self, plain: bytes) -> bytes:
        self.number += 1
        covered = self.number.to_bytes(8, "little") + plain
        return covered + hmac.digest(self.key, covered, "sha256")

    def open(self, message: bytes) -> bytes | None:
        covered, seal = message[:-32], message[-32:]
        if not hmac.compare_digest(hmac.digest(self.key, covered, "sha256"), seal):
            return None
        if self.once and covered[:8] in self.seen:
            return None
        self.seen.add(covered[:8])
        return covered[8:]


class SealedOnce(Sealed):
    """Under a seal, and once."""

    once = True


def with_share(made: System, **changes: Any) -> System:
    """A twin with other options of its control."""
    return replace(made, controls=tuple(replace(control, **changes) for control in made.controls))
