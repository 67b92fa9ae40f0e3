"""Requests, predictions and the counters between them."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from casemate.core.errors import ShapeMismatch
from casemate.core.request import REFUSED, FreshMemory, Prediction, ProcessMemory, Request


def mask(*rows: int) -> np.ndarray:
    return np.array(rows, dtype=bool)


# Request.


def test_a_fresh_request_is_neither_refused_nor_alarmed() -> None:
    request = Request(np.zeros((3, 2)))
    assert len(request) == 3
    assert request.refused.tolist() == request.alarmed.tolist() == [False] * 3
    assert isinstance(request.memory, FreshMemory)


def test_refusals_add_up_and_name_who_and_why() -> None:
    first = Request(np.zeros((3, 2)))
    second = first.refuse(mask(1, 0, 0), "a", "x").refuse(mask(0, 1, 0), "b", "y").refuse(mask(0, 0, 0), "c", "z")
    assert second.refused.tolist() == [True, True, False]
    assert second.reasons == {"a": "x", "b": "y"}
    assert not first.refused.any()
    assert first.reasons == {}


def test_alarms_leave_rows_open() -> None:
    request = Request(np.zeros((2, 2))).alarm(mask(0, 1), "a", "odd").alarm(mask(1, 0), "b", "odd too")
    assert request.alarmed.all()
    assert not request.refused.any()
    assert set(request.reasons) == {"a", "b"}


def test_rewriting_keeps_what_was_decided() -> None:
    request = Request(np.zeros((2, 2)), client="c", time=5.0).refuse(mask(1, 0), "a", "x").rewrite(np.ones((2, 2)))
    assert request.X.sum() == 4
    assert request.refused.tolist() == [True, False]
    assert (request.client, request.time) == ("c", 5.0)


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_a_rewrite_cannot_lose_refusals_by_changing_the_number_of_rows(rows: int) -> None:
    request = Request(np.zeros((2, 2))).refuse(mask(1, 0), "a", "x")
    with pytest.raises(ShapeMismatch, match="2 marks"):
        request.rewrite(np.zeros((rows, 2)))


def test_a_request_of_no_rows() -> None:
    request = Request(np.zeros((0, 2)))
    assert len(request) == len(request.refuse(mask(), "a", "x").refused) == 0


# Prediction.

GIVEN = Prediction(np.array([1, 0, 1]), np.array([[0.2, 0.8], [0.9, 0.1], [0.4, 0.6]]), mask(0, 0, 0), mask(0, 1, 0))


def test_refusing_withholds_label_and_scores() -> None:
    answer = GIVEN.refuse(mask(1, 0, 0)).refuse(mask(0, 0, 1))
    assert answer.labels.tolist() == [REFUSED, 0, REFUSED]
    assert answer.scores is not None
    assert np.isnan(answer.scores[[0, 2]]).all()
    assert answer.scores[1].tolist() == [0.9, 0.1]
    assert answer.refused.tolist() == [True, False, True]
    assert GIVEN.labels.tolist() == [1, 0, 1]


def test_refusing_without_scores() -> None:
    answer = GIVEN.labels_only().refuse(mask(0, 1, 0))
    assert answer.scores is None
    assert answer.labels.tolist() == [1, REFUSED, 1]


def test_alarms_add_up() -> None:
    assert GIVEN.alarm(mask(1, 0, 0)).alarmed.tolist() == [True, True, False]


def test_rounding_leaves_the_exact_scores_alone() -> None:
    exact = np.array([[0.4951, 0.5049]])
    given_ = Prediction(np.array([1]), exact, mask(0), mask(0))
    answer = given_.rounded(1)
    assert answer.scores is not None
    assert answer.scores.argmax() == 1, "the label's own score wins the tie"
    assert exact.tolist() == [[0.4951, 0.5049]]
    assert given_.labels_only().rounded(1).scores is None


# Memory.


def test_tallies_run_on_by_key() -> None:
    memory = ProcessMemory()
    assert memory.tally("a", 3).tolist() == [1, 2, 3]
    assert memory.tally("b", 1).tolist() == [1]
    assert memory.tally("a", 2).tolist() == [4, 5]
    assert memory.tally("a", 0).tolist() == []


def test_a_later_window_starts_anew_and_an_earlier_one_does_not() -> None:
    memory = ProcessMemory()
    assert memory.tally("a", 2, window=7).tolist() == [1, 2]
    assert memory.tally("a", 1, window=8).tolist() == [1]
    assert memory.tally("a", 1, window=7).tolist() == [2], "a late request counts in the latest window"
    assert memory.totals == {"a": (8, 2)}


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 5)), max_size=30))
def test_within_the_latest_window_no_row_goes_uncounted(tallies: list[tuple[int, int]]) -> None:
    memory, latest, total = ProcessMemory(), None, 0
    for window, rows in tallies:
        if latest is None or window > latest:
            latest, total = window, 0
        assert memory.tally("key", rows, window).tolist() == list(range(total + 1, total + rows + 1))
        total += rows


def test_threads_lose_no_count() -> None:
    memory = ProcessMemory()
    with ThreadPoolExecutor(8) as pool:
        totals = list(pool.map(lambda _: memory.tally("a", 3), range(400)))
    assert sorted(np.concatenate(totals).tolist()) == list(range(1, 1201))


def test_memory_travels_between_processes() -> None:
    memory = ProcessMemory()
    memory.tally("a", 2)
    assert pickle.loads(pickle.dumps(memory)).tally("a", 1).tolist() == [3]


def test_fresh_memory_has_no_past() -> None:
    memory = FreshMemory()
    assert memory.tally("a", 3).tolist() == memory.tally("a", 3, window=2).tolist() == [1, 1, 1]


def test_copies_share_their_memory() -> None:
    memory = ProcessMemory()
    request = replace(Request(np.zeros((1, 2)), memory=memory), client="other")
    assert request.memory is memory


def test_one_mask_for_both_marks_is_not_read_as_no_marks() -> None:
    mask = np.array([True, False])
    request = Request(np.zeros((2, 2)), refused=mask, alarmed=mask)
    assert not request.unmarked
    assert Request(np.zeros((2, 2))).unmarked
    assert not Request(np.zeros((2, 2))).refuse(mask, "testing.x", "why").unmarked


def test_every_client_of_a_joint_batch_has_totals_of_its_own() -> None:
    memory = ProcessMemory()
    clients = np.array([7, 2, 7, 7, 2])
    request = Request(np.zeros((5, 1)), clients=clients, memory=memory)
    np.testing.assert_array_equal(request.tally("x"), [1, 1, 2, 3, 2])
    np.testing.assert_array_equal(request.tally("x"), [4, 3, 5, 6, 4])
    np.testing.assert_array_equal(request.tally("y"), [1, 1, 2, 3, 2])
    assert Request(np.zeros((0, 1)), clients=clients[:0], memory=memory).tally("x").tolist() == []
    np.testing.assert_array_equal(Request(np.zeros((2, 1)), "anonymous", memory=memory).tally("x"), [1, 2])
