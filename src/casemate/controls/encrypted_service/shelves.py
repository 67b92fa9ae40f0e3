"""Shelves: where a server keeps what each tenant registered, in memory or in a folder."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import RLock
from typing import Protocol

from casemate.controls.encryption.whole import unwritable, written_whole
from casemate.core.errors import StoreBusy, StoreUnreachable
from casemate.core.locking import locked


class Shelf(Protocol):
    """Bytes by tenant and name; a tenant's names begin with nothing that means anything to a file system."""

    lasting: bool
    """Whether what it holds is there after a restart."""

    def alone(self, tenant: str) -> AbstractContextManager[None]:
        """Keep everybody else from changing what a tenant has."""
        ...

    def names(self, tenant: str) -> list[str]:
        """Return the names of what a tenant has."""
        ...

    def read(self, tenant: str, name: str) -> bytes | None:
        """Return what is there; None where nothing is."""
        ...

    def write(self, tenant: str, name: str, data: bytes) -> None:
        """Keep bytes, all of them or none."""
        ...

    def delete(self, tenant: str, name: str) -> None:
        """Forget what is there, if anything is."""
        ...

    def path(self, tenant: str, name: str) -> Path | None:
        """Return the file that holds it; None where no file does."""
        ...


class MemoryShelf:
    """Bytes in memory."""

    lasting = False

    def __init__(self) -> None:
        self._held: defaultdict[str, dict[str, bytes]] = defaultdict(dict)
        self._lock = RLock()

    @contextmanager
    def alone(self, tenant: str) -> Iterator[None]:
        """Keep other threads from changing what a tenant has."""
        with self._lock:
            yield

    def names(self, tenant: str) -> list[str]:
        """Return the names of what a tenant has."""
        return sorted(self._held[tenant]) if tenant in self._held else []

    def read(self, tenant: str, name: str) -> bytes | None:
        """Return what is there; None where nothing is."""
        return self._held[tenant].get(name) if tenant in self._held else None

    def write(self, tenant: str, name: str, data: bytes) -> None:
        """Keep bytes."""
        self._held[tenant][name] = data

    def delete(self, tenant: str, name: str) -> None:
        """Forget what is there, if anything is."""
        self._held[tenant].pop(name, None)

    def path(self, tenant: str, name: str) -> Path | None:
        """Return None: no file holds it."""
        return None


class FolderShelf:
    """Files in a folder, one subfolder for each tenant, for their owner's eyes only.

    Args:
        folder: made where there is none.

    Raises:
        StoreUnreachable: it cannot be made.
    """

    lasting = True

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreUnreachable(f"no folder for keys: {error.strerror}", where=str(folder)) from error
        self._folder = folder

    @contextmanager
    def alone(self, tenant: str) -> Iterator[None]:
        """Keep other threads and processes from changing what a tenant has."""
        place = self._place(tenant)
        busy = StoreBusy("another process has been changing a tenant's keys all the time", where=str(place))
        try:
            place.mkdir(mode=0o700, exist_ok=True)
            with locked(place / "change", busy):
                yield
        except OSError as error:
            raise unwritable(error, place) from error

    def names(self, tenant: str) -> list[str]:
        """Return the names of what a tenant has."""
        place = self._place(tenant)
        return sorted(file.name for file in place.glob("[!.]*")) if place.is_dir() else []

    def read(self, tenant: str, name: str) -> bytes | None:
        """Return what is there; None where nothing is."""
        try:
            return (self._place(tenant) / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, tenant: str, name: str, data: bytes) -> None:
        """Keep bytes, all of them or none."""
        with written_whole(self._place(tenant) / name, private=True) as file:
            file.write(data)

    def delete(self, tenant: str, name: str) -> None:
        """Forget what is there, if anything is."""
        (self._place(tenant) / name).unlink(missing_ok=True)

    def path(self, tenant: str, name: str) -> Path | None:
        """Return the file that holds it."""
        return self._place(tenant) / name

    def _place(self, tenant: str) -> Path:
        return self._folder / hashlib.sha256(tenant.encode()).hexdigest()[:32]
