"""Recognise a file that a run reads by the name that the lineage knows its content by, whatever a caller calls it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from casemate.core.provenance import Run
from casemate.store import tables

if TYPE_CHECKING:
    from sqlalchemy import Connection


def recognised(run: Run, connection: Connection) -> Run:
    """Return the run with its inputs under known names, so that what it made hangs together with where that came from.

    An input whose content is known under another name alone gets that name; of several the newest.
    """
    known = _names(connection, [version.digest for version in run.inputs])
    renamed = {
        version.name: known[version.digest][-1]
        for version in run.inputs
        if version.digest in known and version.name not in known[version.digest]
    }
    return _renamed(run, renamed) if renamed else run


def _names(connection: Connection, digests: list[str]) -> dict[str, list[str]]:
    """The names that contents are known by, the newest last."""
    from sqlalchemy import select

    table, found = tables.dataset_version, dict[str, list[str]]()
    query = select(table.c.digest, table.c.name).where(table.c.digest.in_(digests)).order_by(table.c.id)
    for digest, name in connection.execute(query):
        found.setdefault(digest, []).append(name)
    return found


def _renamed(run: Run, names: Mapping[str, str]) -> Run:
    inputs = tuple(replace(version, name=names.get(version.name, version.name)) for version in run.inputs)
    edges = tuple(
        replace(edge, source_dataset=names.get(edge.source_dataset, edge.source_dataset)) for edge in run.edges
    )
    return replace(run, inputs=inputs, edges=edges)
