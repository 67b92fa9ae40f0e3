"""Cache: evidence kept by what it depends on, so that a second run only runs what changed."""

from __future__ import annotations

import ast
import importlib.util
import logging
import platform
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from casemate.assess.environment import versions
from casemate.core.digests import digest
from casemate.core.files import write_whole
from casemate.core.record import restore_hook, store_hook

log = logging.getLogger("casemate.assess")
T = TypeVar("T")

HOUSE = ("core", "systems", "assess")
"""The rooms whose code every record depends on."""


class Cache:
    """A folder of records, one file each, named by the digest of everything that the record depends on."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._told = False

    def get(self, key: str, kind: type[T]) -> T | None:
        """Return what is kept under ``key``; None where nothing is, or where it is damaged (and then removed)."""
        if self.folder is None:
            return None
        path = self._path(key)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        try:
            return msgspec.msgpack.decode(data, type=kind, dec_hook=restore_hook)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            log.warning("removed the damaged cache entry %s: %s", path, error)
            path.unlink(missing_ok=True)
            return None

    def put(self, key: str, record: Any) -> None:
        """Keep a record; a full disk costs the cache entry, never the run."""
        if self.folder is None:
            return
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, msgspec.msgpack.encode(record, enc_hook=store_hook))
        except OSError as error:
            if not self._told:  # once, and not for every entry
                log.warning("the cache at %s cannot be written: %s", self.folder, error.strerror or error)
            self._told = True

    def _path(self, key: str) -> Path:
        assert self.folder is not None
        return self.folder / key[:2] / f"{key}.msgpack"


def key_of(kind: str, modules: Iterable[str], *parts: Any) -> str:
    """Return a cache key: the digest of ``parts``, of the code that ran, and of the versions of what it ran on."""
    sources = [source_digest(module) for module in modules]
    return digest(kind, house_digest(), sources, versions(), platform.python_version(), platform.machine(), *parts)


@cache
def house_digest() -> str:
    """Digest of the sources that every record depends on: core, systems and the harness."""
    root = Path(__file__).parent.parent
    return digest([path for room in HOUSE for path in sorted((root / room).rglob("*.py"))])


@cache
def source_digest(module: str) -> str:
    """Digest of a module's package folder (its family, twins included), and of all of its own package that it imports.

    Whatever those files import, now or when they run, and so on; but not the rooms of `house_digest`. A module that has
    no file has the digest of its name.
    """
    origin = _file_of(module)
    if origin is None:
        return digest(module)
    found, waiting = set[Path](), sorted(origin.parent.glob("*.py"))
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _imported(path, module.partition(".")[0])
    return digest(sorted(found))


@cache
def _imported(path: Path, package: str) -> tuple[Path, ...]:
    """The files of a package that one of its files imports, wherever in it, but for those of `house_digest`."""
    house = tuple(f"casemate.{room}" for room in HOUSE)
    names = set[str]()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.update((node.module, *(f"{node.module}.{alias.name}" for alias in node.names)))
    ours = sorted(name for name in names if name.startswith(f"{package}.") and not name.startswith(house))
    return tuple(file for name in ours if (file := _source(name)) is not None)


def _source(name: str) -> Path | None:
    """The file of a module of a package that is loaded, found without loading the module; None where there is none."""
    package, *parts = name.split(".")
    root = _file_of(package)
    if root is None:
        return None
    path = root.parent.joinpath(*parts)
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


@cache
def _file_of(module: str) -> Path | None:
    """The file of a module; None where it has none."""
    spec = importlib.util.find_spec(module) if module != "__main__" else None
    return Path(spec.origin) if spec is not None and spec.has_location and spec.origin is not None else None
