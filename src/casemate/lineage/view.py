"""View: the lineage, or the part of it that a search reached, as a graph that can be drawn or sent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from casemate.core.provenance import Summary
from casemate.lineage.graph import Edge, FlowKind, Graph, Node
from casemate.lineage.versions import chunks, later_roles, sightings
from casemate.lineage.web import KINDS, Web
from casemate.store import Store, tables

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

FLOWS: dict[str, FlowKind] = {"deployment": "deploys", "consumer": "serves", "model": "reads", "dataset": "writes"}


def view(store: Store, web: Web, within: np.ndarray | None = None) -> Graph:
    """Return the graph of a lineage.

    Args:
        store: an open store.
        web: its edges, read from it.
        within: whether each number belongs to it, (n,) bool; None for everything. The data set of a column that
            belongs to it does so too, and so does a run that leads from one node of it to another.
    """
    with store.reading() as connection:
        return _View(connection, web, within).graph()


@dataclass
class _View:
    connection: Connection
    web: Web
    within: np.ndarray | None
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    texts: dict[int, str] = field(default_factory=dict)

    def graph(self) -> Graph:
        chosen = self._chosen()
        picked = np.flatnonzero(self._has(self.web.sources, chosen) & self._has(self.web.targets, chosen, nowhere=True))
        self._datasets(chosen)
        self._things(chosen)
        runs = self._runs(chosen, picked)
        self._column_edges(picked, runs)
        return Graph(tuple(self.nodes.values()), tuple(self.edges))

    def _chosen(self) -> np.ndarray:
        """Which numbers are nodes of the graph, (n,) bool."""
        web = self.web
        chosen = web.kinds < len(KINDS) if self.within is None else self.within & (web.kinds < len(KINDS))
        chosen = chosen.copy()
        chosen[web.owners[chosen & (web.owners > 0)]] = True
        return chosen

    @staticmethod
    def _has(numbers: np.ndarray, chosen: np.ndarray, *, nowhere: bool = False) -> np.ndarray:
        found: np.ndarray = chosen[numbers] | (numbers == 0) if nowhere else chosen[numbers]
        return found

    def _of(self, kind: str, chosen: np.ndarray) -> list[int]:
        found = chosen & (self.web.kinds == KINDS.index(kind))
        return [int(number) for number in np.flatnonzero(found)]

    def _datasets(self, chosen: np.ndarray) -> None:
        numbers = self._of("dataset", chosen)
        columns = self._of("column", chosen)
        places: dict[int, tuple[str, int]] = {}
        for some in chunks(numbers):
            for id, location, rows in sightings(self.connection, some):
                old = places.get(id, ("", -1))
                places[id] = (location or old[0], max(rows, old[1]))
        for row in self._rows(tables.dataset_version, numbers):
            location, rows = places[row["id"]]
            known = {"version": row["digest"], "rows": f"{rows:,}" if rows >= 0 else "", "location": location}
            self._add(row["id"], "dataset", row["name"], known)
        roles = dict(later_roles(self.connection, columns))
        for row in self._rows(tables.dataset_column, columns):
            role = roles.get(row["id"], row["role"])
            owner = f"dataset:{row['dataset']}"
            self._add(row["id"], "column", row["name"], {"role": role}, parent=owner)

    def _things(self, chosen: np.ndarray) -> None:
        models = self._rows(tables.model_version, self._of("model", chosen))
        self._need(row[name] for row in models for name in ("facts", "location"))
        for row in models:
            facts = msgspec.json.decode(self._text(row["facts"]) or "{}")
            known = {"version": row["digest"], "location": self._text(row["location"]), **facts}
            self._add(row["id"], "model", row["name"], known)
        for row in self._rows(tables.deployment, self._of("deployment", chosen)):
            self._add(row["id"], "deployment", row["name"], {"location": self._text(row["location"])})
        for row in self._rows(tables.consumer, self._of("consumer", chosen)):
            self._add(row["id"], "consumer", row["name"], {"about": self._text(row["about"])})

    def _runs(self, chosen: np.ndarray, picked: np.ndarray) -> dict[int, Edge]:
        """Add the runs that lead from node to node; return what edges of each entry have in common."""
        ends = [self._ends(table, chosen) for table in (tables.run_input, tables.run_output)]
        entries = {int(entry) for entry in np.unique(self.web.entry_of(picked))}
        wanted = sorted((set(ends[0]) & set(ends[1])) | entries | (set(ends[1]) if self.within is None else set()))
        whole = self._rows(tables.run, wanted, key="entry")
        jobs = self._named(tables.job)
        purposes = self._named(tables.purpose)
        heads = {row["id"]: row for row in self._rows(tables.entry, wanted)}
        common: dict[int, Edge] = {id: Edge("", "", actor=head["actor"], at=head["at"]) for id, head in heads.items()}
        self._need(row["facts"] for row in whole)
        for row in whole:
            entry, head = row["entry"], heads[row["entry"]]
            facts = self._facts(row, head["actor"], purposes)
            id = self._add(entry, "run", jobs[row["job"]], facts)
            common[entry] = Edge("", "", actor=head["actor"], at=head["at"], policy_digest=row["policy_digest"], run=id)
            self._flows(entry, id, ends, common[entry])
            if purpose := purposes.get(row["purpose"]):
                end = self._add(row["purpose"], "purpose", purpose, {})
                self._flow(common[entry], id, end, "concerns")
        return common

    def _facts(self, row: Any, actor: str, purposes: dict[int, str]) -> dict[str, str]:
        return {
            "status": row["status"],
            "actor": actor,
            "started": row["started"],
            "finished": row["finished"],
            "purpose": purposes.get(row["purpose"], ""),
            "policy": row["policy_digest"],
            "key epoch": row["key_epoch"],
            **msgspec.json.decode(self._text(row["facts"]) or "{}"),
        }

    def _flows(self, entry: int, run: str, ends: list[dict[int, list[int]]], common: Edge) -> None:
        for number in ends[0].get(entry, ()):
            self._flow(common, f"dataset:{number}", run, "reads")
        for number in ends[1].get(entry, ()):
            self._flow(common, run, f"dataset:{number}", "writes")

    def _ends(self, table: Table, chosen: np.ndarray) -> dict[int, list[int]]:
        """The chosen data sets at one end of every run."""
        from sqlalchemy import select

        found: dict[int, list[int]] = defaultdict(list)
        for entry, _, dataset in self.connection.execute(select(table).order_by(table.c.entry, table.c.place)):
            if chosen[dataset]:
                found[entry].append(dataset)
        return found

    def _column_edges(self, picked: np.ndarray, common: dict[int, Edge]) -> None:
        web = self.web
        numbers = sorted({int(detail) for detail in web.details[picked]})
        details = {row["id"]: row for row in self._rows(tables.edge_detail, numbers)}
        self._need(row["why"] for row in details.values())
        summaries = self._summaries(picked + 1)
        self._model_flows(picked, common)
        for place, entry in zip(picked.tolist(), web.entry_of(picked).tolist(), strict=True):
            detail, shared = details[int(web.details[place])], common[entry]
            source, target = self._id(int(web.sources[place])), self._id(int(web.targets[place]))
            before, after = summaries.get(place + 1, (None, None))
            self.edges.append(
                Edge(
                    source or shared.run,
                    target or shared.run,
                    self._kind(detail, int(web.targets[place])),
                    detail["transformation"],
                    self._text(detail["why"]),
                    shared.actor,
                    shared.at,
                    shared.policy_digest,
                    bool(detail["masking"]),
                    before,
                    after,
                    shared.run,
                )
            )

    def _model_flows(self, picked: np.ndarray, common: dict[int, Edge]) -> None:
        """Add which runs made models and which asked them."""
        model = KINDS.index("model")
        entries = self.web.entry_of(picked)
        for ends, made in ((self.web.targets[picked], True), (self.web.sources[picked], False)):
            here = self.web.kinds[ends] == model
            for entry, number in np.unique(np.stack([entries[here], ends[here]], axis=1), axis=0).tolist():
                run = common[entry].run
                if run and made:
                    self._flow(common[entry], run, self._id(number), "writes")
                elif run:
                    self._flow(common[entry], self._id(number), run, "reads")

    def _kind(self, detail: Any, target: int) -> FlowKind:
        kind = KINDS[self.web.kinds[target]] if target else "column"
        if detail["kind"] == "direct" and kind in ("deployment", "consumer"):
            return FLOWS[kind]
        found: FlowKind = detail["kind"]
        return found

    def _summaries(self, edges: np.ndarray) -> dict[int, tuple[Summary | None, Summary | None]]:
        rows = self._rows(tables.edge_summary, edges.tolist(), key="edge")
        decoder = msgspec.json.Decoder(Summary)
        self._need(number for row in rows for number in (row["before"], row["after"]))

        def told(text: int) -> Summary | None:
            body = self._text(text)
            return decoder.decode(body) if body else None

        return {row["edge"]: (told(row["before"]), told(row["after"])) for row in rows}

    def _id(self, number: int) -> str:
        return f"{KINDS[self.web.kinds[number]]}:{number}" if number else ""

    def _add(self, number: int, kind: Any, name: str, facts: dict[str, str], parent: str = "") -> str:
        id = f"{kind}:{number}"
        told = {key: value for key, value in facts.items() if value}
        self.nodes.setdefault(id, Node(id, kind, name, parent, told))
        return id

    def _flow(self, common: Edge, source: str, target: str, kind: FlowKind) -> None:
        self.edges.append(Edge(source, target, kind, "", "", common.actor, common.at, common.policy_digest))

    def _named(self, table: Table) -> dict[int, str]:
        from sqlalchemy import select

        return {row.id: row.name for row in self.connection.execute(select(table.c.id, table.c.name))}

    def _rows(self, table: Table, numbers: Sequence[int], key: str = "id") -> list[Any]:
        return list(self._mappings(table, numbers, key))

    def _mappings(self, table: Table, numbers: Sequence[int], key: str) -> Iterator[Any]:
        from sqlalchemy import select

        for some in chunks(numbers):
            query = select(table).where(table.c[key].in_(some)).order_by(table.c[key])
            yield from self.connection.execute(query).mappings()

    def _text(self, number: int) -> str:
        if number not in self.texts:
            self._need([number])
        return self.texts.get(number, "")

    def _need(self, numbers: Iterable[int]) -> None:
        """Read texts ahead, many at a time."""
        wanted = sorted({number for number in numbers if number} - self.texts.keys())
        self.texts.update({row["id"]: row["body"] or "" for row in self._rows(tables.text, wanted)})
