"""What each figure owes to which column."""

from __future__ import annotations

from collections.abc import Sequence

from casemate.controls.aggregation.question import Question
from casemate.core.provenance import ColumnEdge


def edges_of(
    questions: Sequence[Question], by: Sequence[str], columns: Sequence[str], why: str
) -> tuple[ColumnEdge, ...]:
    """Return the edges from a table's columns to those of its answer.

    A figure owes its values to the column asked about, and which group it is of to the columns that make groups; a
    count owes itself to every column, whose rows it counts.

    Args:
        by: columns that make groups.
        columns: all columns of the table.
        why: the reason, for every edge.
    """
    edges = [ColumnEdge(column, column, "group-by", why, masking=True) for column in by]
    for question in questions:
        told = f"aggregate:{question.kind}"
        for target in question.names:
            if question.column:
                edges.append(ColumnEdge(question.column, target, told, why, masking=True))
                edges += [ColumnEdge(column, target, "group-by", why, "indirect", masking=True) for column in by]
            else:
                edges += [ColumnEdge(column, target, told, why, "indirect", masking=True) for column in columns]
    return tuple(edges)
