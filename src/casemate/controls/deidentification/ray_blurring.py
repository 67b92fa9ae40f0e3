"""Blurring on Ray: domains and counts merged from all blocks, the first cuts from the counts, the rest part by part."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from casemate.controls.anonymity.census import Statistics, count
from casemate.controls.anonymity.gathering import make_rules
from casemate.controls.anonymity.grouping import Grouping, Guarantee
from casemate.controls.anonymity.parts import Part, place
from casemate.controls.anonymity.rules import Rules
from casemate.controls.anonymity.survey import domain_of
from casemate.controls.anonymity.topcuts import top_cuts
from casemate.controls.deidentification import scratch as scratches
from casemate.controls.deidentification.blurred import Blurred, domains_of
from casemate.controls.deidentification.cluster import mapped, tables, to_frame
from casemate.controls.deidentification.labels import label_rows
from casemate.controls.deidentification.meanings import composed
from casemate.controls.deidentification.work import Watch, Work, change, release_of
from casemate.controls.privacy.mondrian import Mondrian
from casemate.core.errors import ControlFailed
from casemate.core.seeds import derive

if TYPE_CHECKING:
    import polars

    from casemate.controls.anonymity.domains import Domain
    from casemate.controls.deidentification.source import Source

PART_ROWS = 1 << 20
"""Rows that one process groups at a time, at most, but for what cannot be cut before."""


_MOST_PARTITIONS = 64
"""Partitions of a shuffle; each costs a process of its own for a while."""


class Blocks(Protocol):
    """The rows of a table as blocks of Ray."""

    @property
    def source(self) -> Source:
        """The table."""

    def blocks(self, columns: Sequence[str]) -> Any:
        """Return blocks with these columns."""


def blurred_on_ray(rows: Blocks, work: Work, scratch: Path, watch: Watch) -> Blurred | None:
    """Return what is published of the groups of a table's rows; None where nothing is blurred.

    Raises:
        ControlFailed: a control other than Mondrian.
        DataError: fewer than k rows, or less diversity than asked for.
    """
    control = work.blur
    if control is None:
        return None
    if not isinstance(control, Mondrian):
        raise ControlFailed(f"{control.id} does not run on Ray", fix="--engine memory, or --engine disk")
    n, columns, secrets = rows.source.rows, work.quasi_identifiers(), work.of("sensitive")
    watch("looking", 0, n)
    seen = _Changed(work, rows.source.schema, (*columns, *secrets))
    raw, distinct = _distinct(rows, seen)
    domains = domains_of(control, distinct, columns)
    coding = _Coding(seen, tuple(domains), tuple(domain_of(distinct[name].alias(name)) for name in secrets))
    coded = mapped(rows.blocks(seen.needed), coding).materialize()
    watch("grouping", 0, n)
    grouping = _Grouper(coded, coding, control, n, work.seed).grouping()
    codes = scratches.array(scratch, (n, len(domains)), np.int16)
    for table in tables(coded):
        codes[_column(table, "place")] = np.stack([_column(table, f"c{j}") for j in range(len(domains))], axis=1)
    labels = label_rows(grouping, codes, domains, loose=control.ranges == "loose")
    told = composed(dict(zip(labels.names, labels.meanings, strict=True)), work, raw, distinct)
    return Blurred(grouping, replace(labels, meanings=tuple(told.values())))


@dataclass(frozen=True, eq=False)
class _Changed:
    """The columns that decide the groups, as the row steps leave them."""

    work: Work
    schema: Mapping[str, Any]
    columns: tuple[str, ...]

    @property
    def steps(self) -> tuple[Any, ...]:
        return tuple(step for step in self.work.rows if set(self.columns) & set(step.columns))

    @property
    def needed(self) -> tuple[str, ...]:
        more = [name for step in self.steps for name in (*step.needs, *step.columns)]
        return tuple(dict.fromkeys((*self.columns, *more)))

    def of(self, table: Any) -> tuple[polars.DataFrame, polars.DataFrame]:
        """Return a block as it was and as the steps leave it."""
        frame = to_frame(table, self.schema)
        raw = frame.select([name for name in self.work.read if name in self.needed])
        return frame, change(release_of(raw, self.work.roles), self.steps, self.work.seed).table


def _distinct(rows: Blocks, seen: _Changed) -> tuple[dict[str, polars.Series], dict[str, polars.Series]]:
    """Return the distinct values of the columns, before and after the row steps."""

    def look(table: Any) -> Any:
        raw, after = seen.of(table)
        return _parcel([{n: raw[n].unique() for n in seen.columns}, {n: after[n].unique() for n in seen.columns}])

    found: list[dict[str, polars.Series]] = [{}, {}]
    for parcel in _parcels(mapped(rows.blocks(seen.needed), look)):
        for merged, part in zip(found, parcel, strict=True):
            for name, values in part.items():
                merged[name] = merged[name].append(values).unique() if name in merged else values
    return found[0], found[1]


@dataclass(frozen=True, eq=False)
class _Coding:
    """Turns a block into codes: places, ``c0`` ... of the quasi-identifiers, ``s0`` ... of the sensitive columns."""

    seen: _Changed
    domains: tuple[Domain, ...]
    secrets: tuple[Domain, ...]

    def __call__(self, table: Any) -> Any:
        import pyarrow as pa

        from casemate.controls.anonymity.coding import encode
        from casemate.controls.deidentification.on_ray import PLACE

        frame, after = self.seen.of(table)
        made = {"place": frame[PLACE].to_numpy()}
        made |= {f"c{j}": encode(after[domain.name], domain) for j, domain in enumerate(self.domains)}
        made |= {f"s{j}": encode(after[domain.name], domain, exact=True) for j, domain in enumerate(self.secrets)}
        return pa.table(made)

    def arrays(self, table: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return the codes of a block, (n, d) int16 and (n, s) int32."""
        n = table.num_rows
        codes = [_column(table, f"c{j}") for j in range(len(self.domains))]
        secret = [_column(table, f"s{j}") for j in range(len(self.secrets))]
        return np.stack(codes, axis=1), np.stack(secret, axis=1) if secret else np.zeros((n, 0), np.int32)


@dataclass(frozen=True, eq=False)
class _Grouper:
    """Groups coded rows as `casemate.controls.anonymity.mondrian.mondrian` groups them at once."""

    coded: Any
    coding: _Coding
    control: Mondrian
    rows: int
    seed: int

    @property
    def sizes(self) -> list[int]:
        return [domain.size for domain in self.coding.domains]

    @property
    def values(self) -> list[int]:
        return [len(domain.raw) for domain in self.coding.secrets] if self._asked.sensitive else []

    @property
    def _asked(self) -> Guarantee:
        control = self.control
        return Guarantee(control.k, control.l, control.l_kind == "entropy", control.t)

    def grouping(self) -> Grouping:
        """Return the group of every row."""
        rules, parts = self._parts()
        ids = np.full(self.rows, -1, dtype=np.int32)
        part_of = np.zeros(self.rows, dtype=np.int32)
        counts = np.zeros(len(parts), dtype=np.int64)
        leaf = _Leaf(self.coding, rules, parts)
        placed = mapped(self.coded, _Assign(self.coding, parts))
        apart = placed.groupby("part", num_partitions=max(1, min(len(parts), _MOST_PARTITIONS)))
        for table in tables(apart.map_groups(leaf.grouped, batch_format="pyarrow")):
            places, part, group = (_column(table, name) for name in ("place", "part", "group"))
            ids[places], part_of[places] = group, part
            np.maximum.at(counts, part, group.astype(np.int64) + 1)
        first = np.cumsum(counts) - counts
        return Grouping((ids + first[part_of]).astype(np.int32), int(counts.sum()))

    def _parts(self) -> tuple[Rules, list[Part]]:
        """Return the rules of the whole table, and the parts that are grouped each on its own, depth first."""
        box = np.zeros(len(self.sizes), np.int64), np.array(self.sizes, dtype=np.int64) - 1
        whole = self._ask([Part(np.zeros(1, np.uint64), *box, 0)])[0]
        held = [np.flatnonzero(whole.histogram(j)) for j in range(len(self.sizes))]
        control, domains, secrets = self.control, self.coding.domains, self.coding.secrets
        rules = make_rules(
            self._asked,
            rows=whole.rows,
            low=np.array([codes[0] for codes in held]),
            high=np.array([codes[-1] for codes in held]),
            weights=[domain.weight for domain in domains],
            trees=[domain.tree for domain in domains],
            sensitive_counts=whole.secrets(),
            ordinal_sensitive=[domain.ordinal for domain in secrets] if self.values else False,
            relaxed=control.relaxed,
            noise=control.noise,
            seed=derive(self.seed, "control", control.id),
        )
        # Where rows of one value may be parted, counts do not decide a cut: one process groups all rows.
        most = max(self.rows, 1) if control.relaxed else PART_ROWS
        return rules, top_cuts(self._ask, Part(rules.root, *box, whole.rows), rules, rows_at_most=most)

    def _ask(self, parts: Sequence[Part]) -> list[Statistics]:
        """Count the rows of parts, block by block, and add the counts up."""
        coding, sizes, values = self.coding, self.sizes, self.values

        def look(table: Any) -> Any:
            codes, secret = coding.arrays(table)
            within = place(parts, codes)
            return _parcel(count(codes, secret if values else None, sizes, values, parts=within, of=len(parts)))

        total: list[Statistics] | None = None
        for found in _parcels(mapped(self.coded, look)):
            total = found if total is None else [a + b for a, b in zip(total, found, strict=True)]
        assert total is not None  # a table has rows, so it has blocks
        return total


@dataclass(frozen=True, eq=False)
class _Assign:
    """Adds to a block of codes the part that each row lies in."""

    coding: _Coding
    parts: Sequence[Part]

    def __call__(self, table: Any) -> Any:
        import pyarrow as pa

        codes, _ = self.coding.arrays(table)
        return table.append_column("part", pa.array(place(self.parts, codes)))


@dataclass(frozen=True, eq=False)
class _Leaf:
    """What a worker needs to group the rows of one part."""

    coding: _Coding
    rules: Rules
    parts: Sequence[Part]

    def grouped(self, table: Any) -> Any:
        """Return the group of each row."""
        import pyarrow as pa

        from casemate.controls.anonymity.mondrian import mondrian_within

        table = table.sort_by("place")
        codes, secret = self.coding.arrays(table)
        part = int(_column(table, "part")[0])
        found = mondrian_within(codes, secret, self.rules, self.parts[part].key)
        return pa.table({"place": table["place"], "part": table["part"], "group": found.ids})


def _column(table: Any, name: str) -> np.ndarray:
    return np.asarray(table[name].to_numpy())


def _parcel(things: object) -> Any:
    """Pack things that a worker of ours sends to us."""
    import pyarrow as pa

    return pa.table({"parcel": pa.array([pickle.dumps(things)], pa.large_binary())})


def _parcels(dataset: Any) -> Any:
    for table in tables(dataset):
        for parcel in table["parcel"]:
            yield pickle.loads(parcel.as_py())  # noqa: S301 - made by _parcel in our own worker
