"""Mondrian, compiled: depth first over rows that are copied to and fro between two tables. Loaded where it is used.

Rows are padded to whole vectors; sensitive codes travel with their row, in lanes behind the quasi-identifiers. A node's
rows stay together, so that all but the first few cuts happen in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from casemate.controls.anonymity.closeness import least_entropy, limits
from casemate.controls.anonymity.compiling import compiled
from casemate.controls.anonymity.cuts_numba import DENSE, Plan, Scratch, find
from casemate.controls.anonymity.draws import high_key, low_key
from casemate.controls.anonymity.rows import Rows
from casemate.controls.anonymity.rows_numba import part_rows
from casemate.controls.anonymity.rules import Rules

_LANES = 8
_STEP = 1 << 20
"""Rows between two reports of progress."""


class Tables(NamedTuple):
    """The rows, twice: a node's rows lie in one table, its children's in the other."""

    here: Any
    there: Any
    old: Any
    new: Any
    ids: Any


class Stack(NamedTuple):
    """The nodes still to be cut, the next one last: rows, which table they lie in, key, minima and maxima."""

    start: Any
    stop: Any
    flipped: Any
    key: Any
    bounds: Any


def group(
    rows: Rows,
    rules: Rules,
    key: NDArray[np.uint64],
    progress: Callable[[int], None] | None,
) -> tuple[NDArray[np.int32], int]:
    """Return the group of each row, numbered depth first with the low side first, and how many there are."""
    n, d = rows.codes.shape
    tables, lanes = _tables(rows)
    plan, scratch = _plan(rules), _scratch(rows, rules)
    stack = _stack(64, tables.here.shape[1], tables.here.dtype)
    stack.stop[0], stack.key[0] = n, key[0]
    stack.bounds[0, :d], stack.bounds[1, :d] = rows.low, rows.high
    state = np.array([1, 0, 0], dtype=np.int64)
    while state[0]:
        if state[0] + 1 >= len(stack.start):
            stack = _longer(stack)
        _grow(plan, tables, stack, scratch, state, state[2] + _STEP, lanes)
        if progress is not None:
            progress(int(state[2]))
    return tables.ids, int(state[1])


def _tables(rows: Rows) -> tuple[Tables, tuple[int, ...]]:
    """Return the padded tables, and a tuple as long as a row is wide."""
    (n, d), s = rows.codes.shape, rows.sensitive.shape[1]
    most = max(int(rows.high.max()), int(rows.sensitive.max(initial=0)))
    kind = np.int16 if most <= np.iinfo(np.int16).max else np.int32
    width = -(d + s) % _LANES + d + s
    here = (np.empty if width == d + s else np.zeros)((n, width), kind)
    here[:, :d], here[:, d : d + s] = rows.codes, rows.sensitive
    old = np.arange(n, dtype=np.int32)
    return Tables(here, np.empty_like(here), old, np.empty_like(old), np.empty_like(old)), (0,) * width


def _stack(size: int, width: int, kind: Any) -> Stack:
    return Stack(
        np.zeros(size, np.int64),
        np.zeros(size, np.int64),
        np.zeros(size, np.bool_),
        np.zeros(size, np.uint64),
        np.zeros((2 * size, width), kind),
    )


def _longer(stack: Stack) -> Stack:
    return Stack(*(np.concatenate([part, np.zeros_like(part)]) for part in stack))


def _plan(rules: Rules) -> Plan:
    guarantee = rules.guarantee
    return Plan(
        k=guarantee.k,
        l=float(guarantee.l),
        scales=rules.scales,
        tree=rules.taxonomies.of,
        nodes=rules.taxonomies.nodes,
        leaves=rules.taxonomies.leaves,
        relaxed=rules.relaxed,
        noise=rules.noise,
        rows=rules.rows,
        counts=rules.counts,
        starts=rules.starts,
        ordinal=rules.ordinal,
        entropy=guarantee.entropy,
        close=guarantee.t is not None,
        entropies=rules.entropies,
        least_entropy=least_entropy(rules),
        most=limits(rules),
    )


def _scratch(rows: Rows, rules: Rules) -> Scratch:
    span = int((rows.high.astype(np.int64) - rows.low).max()) + 1
    return Scratch(
        histogram=np.zeros(min(span, DENSE * len(rows)), np.int32),
        values=np.empty(min(len(rows), span), np.int32),
        widths=np.empty(len(rows.low), np.float64),
        low=np.zeros(len(rules.counts), np.int64),
        high=np.zeros(len(rules.counts), np.int64),
    )


@compiled
def _grow(plan: Any, tables: Any, stack: Any, scratch: Any, state: Any, until: int, lanes: Any) -> None:
    """Cut nodes until the stack is empty or full, or so many rows have found their group."""
    top, groups, done = state[0], state[1], state[2]
    while 0 < top < len(stack.start) - 1 and done < until:
        i = top - 1
        start, stop, key = stack.start[i], stack.stop[i], stack.key[i]
        here, there, old, new = tables.here, tables.there, tables.old, tables.new
        if stack.flipped[i]:
            here, there, old, new = there, here, new, old
        code, column, ties, lows = find(
            plan, scratch, here[start:stop], stack.bounds[2 * i], stack.bounds[2 * i + 1], key
        )
        if code < 0:
            for row in range(start, stop):
                tables.ids[old[row]] = groups
            groups, done, top = groups + 1, done + stop - start, top - 1
            continue
        middle = start + lows
        part_rows(
            here, there, old, new, (start, stop, middle), (column, code, ties), stack.bounds[2 * i : 2 * i + 4], lanes
        )
        stack.start[i], stack.stop[i], stack.key[i] = middle, stop, high_key(key)
        stack.start[top], stack.stop[top], stack.key[top] = start, middle, low_key(key)
        stack.flipped[i] = stack.flipped[top] = not stack.flipped[i]
        top += 1
    state[0], state[1], state[2] = top, groups, done
