"""The query budget: counted by client and window, to the row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from casemate.controls.access.query_budget import QueryBudget
from casemate.core.request import FreshMemory, Memory, ProcessMemory, Request


def ask(control: QueryBudget, memory: Memory, rows: int, client: str = "a", time: float = 0.0) -> list[bool]:
    """Whether each row was answered."""
    request = control.on_request(Request(np.zeros((rows, 2)), client=client, time=time, memory=memory))
    return [not refused for refused in request.refused]


def test_a_batch_that_crosses_the_limit_is_answered_up_to_it() -> None:
    control, memory = QueryBudget(queries=5), ProcessMemory()
    assert ask(control, memory, 3) == [True] * 3
    assert ask(control, memory, 4) == [True, True, False, False]
    assert ask(control, memory, 1) == [False]


@given(st.lists(st.integers(0, 30), max_size=20), st.integers(0, 200))
def test_however_rows_are_cut_into_batches_the_first_ones_are_answered(batches: list[int], queries: int) -> None:
    control, memory = QueryBudget(queries=queries), ProcessMemory()
    answered = [one for rows in batches for one in ask(control, memory, rows)]
    assert answered == [index < queries for index in range(sum(batches))]


def test_clients_have_budgets_of_their_own() -> None:
    control, memory = QueryBudget(queries=2), ProcessMemory()
    assert ask(control, memory, 3, "a") == [True, True, False]
    assert ask(control, memory, 3, "b") == [True, True, False]


@pytest.mark.parametrize(("window", "seconds"), [("minute", 60), ("hour", 3600), ("day", 86400), (2.5, 2.5)])
def test_the_next_window_starts_anew(window: Any, seconds: float) -> None:
    control, memory = QueryBudget(queries=1, window=window), ProcessMemory()
    start = 1_700_000_000 // seconds * seconds
    assert ask(control, memory, 2, time=start) == [True, False]
    assert ask(control, memory, 1, time=start + 0.9 * seconds) == [False]
    assert ask(control, memory, 2, time=start + seconds) == [True, False]
    assert ask(control, memory, 2, time=start + 5.5 * seconds) == [True, False]


def test_a_clock_set_back_gives_no_second_budget() -> None:
    control, memory = QueryBudget(queries=2, window="minute"), ProcessMemory()
    assert ask(control, memory, 2, time=600) == [True, True]
    assert ask(control, memory, 1, time=0) == [False]
    assert ask(control, memory, 1, time=600) == [False]


def test_memory_holds_one_entry_per_client_however_many_windows_go_by() -> None:
    control, memory = QueryBudget(window=1.0), ProcessMemory()
    for second in range(500):
        ask(control, memory, 1, "ab"[second % 2], time=float(second))
    assert len(memory.totals) == 2


def test_no_budget_answers_nothing_and_honest_measurement_is_never_over() -> None:
    assert ask(QueryBudget(queries=0), ProcessMemory(), 2) == [False, False]
    assert ask(QueryBudget(queries=1), FreshMemory(), 500) == [True] * 500


def test_refused_rows_count_too() -> None:
    memory = ProcessMemory()
    request = Request(np.zeros((3, 2)), client="a", memory=memory).refuse(np.array([True, True, False]), "other", "why")
    after = QueryBudget(queries=2).on_request(request)
    assert after.refused.tolist() == [True, True, True]
    assert set(after.reasons) == {"other", "access.query-budget"}


@pytest.mark.parametrize(("window", "words"), [("hour", "one hour"), (90, "90 seconds")])
def test_the_reason_is_for_people(window: Any, words: str) -> None:
    request = Request(np.zeros((2, 2)), memory=ProcessMemory())
    after = QueryBudget(queries=1, window=window).on_request(request)
    assert after.reasons == {"access.query-budget": f"more than 1 rows within {words}"}
