"""Content digests: the same content, the same digest, on every machine and in every process."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Set
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct, structs


def digest(*parts: Any) -> str:
    """Return the SHA-256 hex digest of nested text, numbers, bytes, arrays, paths (their content), Structs, containers.

    Raises:
        TypeError: a part of a type whose content is not well defined.
    """
    state = hashlib.sha256()
    for part in parts:
        _feed(state, part)
    return state.hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 hex digest of a file's bytes; of any size, read once.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _feed(state: Any, part: Any) -> None:
    # Every item is tagged with its type and length, so that ("ab", "c") and ("a", "bc") differ.
    match part:
        case None | bool() | int() | float() | str():
            text = repr(part).encode()
            state.update(f"{type(part).__name__}:{len(text)}:".encode() + text)
        case bytes():
            state.update(f"bytes:{len(part)}:".encode() + part)
        case np.ndarray():
            if part.dtype.hasobject:
                raise TypeError("cannot take the digest of an array of objects: it holds addresses")
            state.update(f"array:{part.dtype.str}:{part.shape}:".encode())
            state.update(np.ascontiguousarray(part).tobytes())
        case np.generic():
            _feed(state, part.item())
        case Path():
            _feed(state, part.read_bytes())
        case Struct():
            _feed(state, structs.asdict(part))
        case Mapping():
            state.update(f"dict:{len(part)}:".encode())
            for key in sorted(part, key=str):
                _feed(state, key)
                _feed(state, part[key])
        case Set():  # in an order of its own in every process
            _feed(state, ["set", *sorted(digest(item) for item in part)])
        case _ if isinstance(part, Iterable):
            items = list(part)
            state.update(f"list:{len(items)}:".encode())
            for item in items:
                _feed(state, item)
        case _:
            raise TypeError(f"cannot take the digest of a {type(part).__name__}")
