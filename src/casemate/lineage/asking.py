"""Asking: an open lineage, and all that can be asked of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from casemate.lineage.batch import Head, head_of
from casemate.lineage.keys import Keys, Provider, key_file
from casemate.lineage.verify import Verified, verify
from casemate.store import Store

if TYPE_CHECKING:
    from casemate.lineage.graph import Graph
    from casemate.lineage.names import Thing
    from casemate.lineage.subjects import Subjects
    from casemate.lineage.trace import Reach
    from casemate.lineage.web import ThingKind, Web


@dataclass(frozen=True)
class Whereabouts:
    """Where a person is.

    Args:
        versions: versions of data sets that hold them; those too that exist no more, for the models made of them.
        ended: numbers of the versions that exist no more.
        models: versions of models that were trained on these, or on what was made of these.
        deployments, consumers: what uses them.
    """

    versions: tuple[Thing, ...]
    ended: frozenset[int]
    models: tuple[Thing, ...]
    deployments: tuple[Thing, ...]
    consumers: tuple[Thing, ...]


class Asking:
    """What was recorded, to be asked.

    Args:
        store: an open store.
        files: folder of what lies beside it: tokens of people, receipts, the key. Default: beside the SQLite file,
            else ``.casemate/lineage.files``.
        key: returns the secret that tokens and receipts are made with. Default: from a file in that folder, made when
            it is needed first.
    """

    def __init__(self, store: Store, files: Path | None = None, key: Provider | None = None) -> None:
        self.store = store
        self.files = files or _files_of(store)
        self.keys = Keys(key or key_file(self.files))
        self._web: Web | None = None

    @classmethod
    def open(
        cls, address: str | Path, *, create: bool = True, files: Path | None = None, key: Provider | None = None
    ) -> Self:
        """Open the lineage kept in an SQLite file or a PostgreSQL database.

        Args:
            address: the path of the file, or a ``postgresql://`` URL.
            create: whether to make a file that does not exist yet.
            files, key: see the class.

        Raises:
            StoreError: see `casemate.store.Store.open`.
        """
        return cls(Store.open(address, create=create), files, key)

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def head(self) -> Head:
        """The end of the chain: to be kept elsewhere by whoever wants to know later that nothing was cut off."""
        with self.store.reading() as connection:
            return head_of(connection)

    def verify(self, expected: str = "") -> Verified:
        """Recompute the whole chain; see `casemate.lineage.verify.verify`."""
        return verify(self.store, expected)

    @cached_property
    def subjects(self) -> Subjects:
        """The people in the data."""
        from casemate.lineage.subjects import Subjects

        return Subjects(self.store, self.files, self.keys)

    @property
    def web(self) -> Web:
        """All edges, in memory; read again where the chain has grown."""
        from casemate.lineage.web import Web

        if self._web is None or self._web.head != self.head:
            self._web = Web.read(self.store)
        return self._web

    def find(self, name: str) -> list[Thing]:
        """Return what a name stands for; see `casemate.lineage.names.find`. Raises UnknownName."""
        from casemate.lineage.names import find

        return find(self.store, name)

    def blast_radius(self, *nodes: int) -> Reach:
        """Return all that nodes, given by their numbers, touched."""
        from casemate.lineage.trace import search

        return search(self.web, nodes, "downstream")

    def provenance(self, *nodes: int) -> Reach:
        """Return all that nodes, given by their numbers, came from."""
        from casemate.lineage.trace import search

        return search(self.web, nodes, "upstream")

    def things(self, numbers: Iterable[int], kind: ThingKind) -> list[Thing]:
        """Return nodes of one kind by their numbers, in their order."""
        from casemate.lineage.names import things

        return things(self.store, numbers, kind)

    def graph(self, *reached: Reach) -> Graph:
        """Return the lineage as a graph that can be drawn: all of it, or what searches reached."""
        from casemate.lineage.view import view

        within = None
        for one in reached:
            within = one.hops >= 0 if within is None else within | (one.hops >= 0)
        return view(self.store, self.web, within)

    def whereabouts(self, subject: str) -> Whereabouts:
        """Return which versions of data sets, models, deployments and consumers hold a person, by their id."""
        self.subjects.refresh()
        holders = self.subjects.holders(subject)
        reach = self.blast_radius(*holders)
        return Whereabouts(
            tuple(self.things(holders, "dataset")),
            frozenset(self.subjects.ended()),
            tuple(self.things(reach.of("model"), "model")),
            tuple(self.things(reach.of("deployment"), "deployment")),
            tuple(self.things(reach.of("consumer"), "consumer")),
        )


def _files_of(store: Store) -> Path:
    if store.path is None:
        return Path(".casemate") / "lineage.files"
    return store.path.with_name(f"{store.path.name}.files")
