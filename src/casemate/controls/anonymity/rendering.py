"""Rendering: groups of codes as the columns that are published, and what each published label may stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from casemate.controls.anonymity.coding import Coded
from casemate.controls.anonymity.domains import Domain
from casemate.controls.anonymity.grouping import Grouping
from casemate.controls.anonymity.hierarchies import WHOLE
from casemate.controls.anonymity.labels import join
from casemate.controls.anonymity.loose import loosened, round_ends
from casemate.controls.anonymity.range_labels import MOST_CELLS, meaning_of_spans, range_labels
from casemate.core.release import Meanings

if TYPE_CHECKING:
    import polars

MOST_IN_A_SET = 63  # values of an unordered column that are still listed; beyond, a range in their order is published


@dataclass(frozen=True, eq=False)
class Rendered:
    """What is published of the rows that have a group.

    Args:
        rows: their positions in the table, (m,) int64, ascending.
        columns: the published columns by name, (m,) text; null where a whole group's value is missing.
        meanings: what their labels stand for.
    """

    rows: np.ndarray
    columns: Mapping[str, polars.Series]
    meanings: Mapping[str, Meanings]


@dataclass(frozen=True, eq=False)
class Extent:
    """What the rows of every group hold in one column.

    Args:
        low, high: lowest and highest code of a value, (groups,); of a group of missing values, above 0 and -1.
        missing: whether a value is missing, (groups,) bool.
        members: bit i is set where code i occurs, (groups,) uint64; None in a column with more codes.
    """

    low: np.ndarray
    high: np.ndarray
    missing: np.ndarray
    members: np.ndarray | None


def render(grouping: Grouping, coded: Coded, *, loose: bool = False) -> Rendered:
    """Return what is published of coded rows in groups.

    Ordered columns show the range of a group's values, unordered ones the set of values (of at most 63 in all; beyond,
    the range in the column's order), columns that stay within a hierarchy the lowest common node. Suppressed rows are
    left out.

    Args:
        grouping: which rows form a group.
        coded: their codes.
        loose: publish ranges whose ends are no row's value but by chance; see `loose`.
    """
    rows = np.flatnonzero(grouping.ids >= 0)
    ids = grouping.ids if len(rows) == len(grouping.ids) else grouping.ids[rows]
    order = np.argsort(ids)
    starts = np.cumsum(grouping.sizes) - grouping.sizes
    codes = coded.codes[order if len(rows) == len(grouping.ids) else rows[order]]
    columns, meanings = {}, {}
    for j, domain in enumerate(coded.domains):
        label_of, meaning = label_groups(extent_of(codes[:, j], starts, domain), domain, loose=loose)
        columns[domain.name] = label_column(domain.name, label_of[ids], meaning.labels)
        meanings[domain.name] = meaning
    return Rendered(rows, columns, meanings)


def label_groups(extent: Extent, domain: Domain, *, loose: bool = False) -> tuple[np.ndarray, Meanings]:
    """Return which label each group gets in one column, (groups,), and what the labels mean."""
    if domain.within:
        return _nodes(extent, domain)
    if loose:
        rounded = round_ends(extent, domain)
        if rounded is not None:
            return rounded
        extent = loosened(extent, domain)
    if extent.members is not None:
        return _sets(extent.members, domain)
    return _ranges(extent, domain)


def extent_of(codes: np.ndarray, starts: np.ndarray, domain: Domain) -> Extent:
    """Return what every group holds; ``codes`` (n,) are sorted by group, ``starts`` (groups,) where each begins."""
    if not len(starts):
        empty = np.zeros(0, dtype=np.int64)
        return Extent(empty, empty, empty.astype(bool), None)
    if not domain.ordinal and not domain.within and domain.starts is None and domain.size <= MOST_IN_A_SET:
        members = np.bitwise_or.reduceat(np.uint64(1) << codes.astype(np.uint64), starts)
        return Extent(starts, starts, starts < 0, members)
    low = np.minimum.reduceat(codes, starts).astype(np.int64)
    high = np.maximum.reduceat(codes, starts).astype(np.int64)
    missing = np.zeros(len(starts), dtype=bool)
    if domain.missing:
        missing = high == domain.bins
        present = np.where(codes == domain.bins, np.int16(-1), codes)
        high = np.maximum.reduceat(present, starts).astype(np.int64)
    return Extent(low, high, missing, None)


def label_column(name: str, labels: np.ndarray, texts: tuple[str, ...]) -> polars.Series:
    """Return a column of text from positions (n,) among texts; null where a text is empty."""
    import polars as pl

    published = pl.Series(name, [text or None for text in texts], dtype=pl.String)
    return published.gather(labels).alias(name)


def _sets(members: np.ndarray, domain: Domain) -> tuple[np.ndarray, Meanings]:
    """Label groups of an unordered column by the values that occur."""
    distinct, label_of = np.unique(members, return_inverse=True)
    table = (distinct[:, None] >> np.arange(domain.size, dtype=np.uint64)) & np.uint64(1) > 0
    labels = _set_texts(table, domain)
    low = table.argmax(axis=1).astype(np.int32)
    high = (domain.size - 1 - table[:, ::-1].argmax(axis=1)).astype(np.int32)
    whole_range = bool((table.sum(axis=1) == high - low + 1).all())
    return label_of, Meanings(domain.raw, labels, low, high, None if whole_range else table)


def _set_texts(table: np.ndarray, domain: Domain) -> tuple[str, ...]:
    """Return the label of every set; ``table`` (m, size) bool says which codes are in it."""
    if domain.hierarchy is not None:
        return tuple(_covered(row, domain) for row in table)
    present = table[:, : domain.bins]
    texts = [domain.text(code) for code in np.nonzero(present)[1].tolist()]
    ends = np.cumsum(present.sum(axis=1)).tolist()
    missing = table[:, -1].tolist() if domain.missing else [False] * len(table)
    whole = [domain.size > 1 and bool(row.all()) for row in table]
    return tuple(
        WHOLE if everything else join(texts[start:end], missing=gone)
        for start, end, gone, everything in zip([0, *ends], ends, missing, whole, strict=False)
    )


def _covered(members: np.ndarray, domain: Domain) -> str:
    """Return the label of a set as the nodes of the hierarchy that cover it."""
    if members.all() and domain.size > 1:
        return WHOLE
    present, tree = members[: domain.bins], domain.hierarchy
    assert tree is not None
    names = map(domain.name_text, tree.cover(present)) if present.any() else []
    return join(names, missing=domain.missing and bool(members[-1]))


def _ranges(extent: Extent, domain: Domain) -> tuple[np.ndarray, Meanings]:
    """Label groups by their lowest and highest value."""
    keys = (extent.low * (domain.size + 1) + extent.high + 1) * 2 + extent.missing
    distinct, label_of = np.unique(keys, return_inverse=True)
    missing = distinct % 2 > 0
    low, high = (distinct // 2) // (domain.size + 1), (distinct // 2) % (domain.size + 1) - 1
    return label_of, _meaning_of_ranges(low, high, missing, domain)


def _meaning_of_ranges(low: np.ndarray, high: np.ndarray, missing: np.ndarray, domain: Domain) -> Meanings:
    empty = high < 0  # nothing but missing values
    first = np.where(empty, len(domain.values), domain.ends(np.where(empty, 0, low), last=False))
    last = np.where(empty, len(domain.values), domain.ends(np.where(empty, 0, high), last=True))
    gap = missing & ~empty & (last < len(domain.values) - 1)
    if gap.any() and len(low) * len(domain.raw) > MOST_CELLS:  # too many to list: they reach up to the missing value
        last, gap = np.where(gap, len(domain.values) - 1, last), np.zeros_like(gap)
    labels = range_labels(first, last, missing, domain)
    return meaning_of_spans(first, last, missing, labels, domain)


def _nodes(extent: Extent, domain: Domain) -> tuple[np.ndarray, Meanings]:
    """Label groups by the lowest node of the hierarchy that covers their values."""
    tree = domain.hierarchy
    assert tree is not None
    empty = extent.high < 0
    first = domain.ends(np.where(empty, 0, extent.low), last=False)
    last = domain.ends(np.where(empty, 0, extent.high), last=True)
    level = np.where(extent.missing & ~empty, tree.levels - 1, tree.common(first, last))
    node = tree.nodes[level, first]
    keys = ((level * len(tree.values) + node) * 2 + extent.missing) * 2 + empty
    distinct, label_of = np.unique(keys, return_inverse=True)
    missing, empty = distinct // 2 % 2 > 0, distinct % 2 > 0
    level, node = np.divmod(distinct // 4, len(tree.values))
    named = [tree.names[at][place] for at, place in zip(level, node, strict=True)]
    labels = tuple(
        "" if none else _node_text(name, gone, domain) for name, gone, none in zip(named, missing, empty, strict=True)
    )
    spans = np.array([tree.places[name] for name in named], dtype=np.int32).reshape(-1, 2)
    whole = np.array([label == WHOLE for label in labels], dtype=bool)
    low = np.where(empty, len(tree.values), spans[:, 0])
    high = np.where(empty | (missing | whole) & domain.missing, len(tree.values), spans[:, 1])
    return label_of, Meanings(domain.raw, labels, low.astype(np.int32), high.astype(np.int32))


def _node_text(name: str, missing: bool, domain: Domain) -> str:
    text = domain.name_text(name)
    return text if text == WHOLE else join([text], missing=missing)
