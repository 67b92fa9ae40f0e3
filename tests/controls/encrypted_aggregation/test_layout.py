from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from casemate.controls.encrypted_aggregation.layout import Layout, Span, digits_within
from casemate.core.errors import OutOfRange, TotalImplausible

PLAIN = 16760833


@given(st.data())
def test_totals_survive_sharing_a_slot(data: st.DataObject) -> None:
    spans = [
        Span(count, base, shift)
        for count, base, shift in data.draw(
            st.lists(
                st.tuples(st.integers(1, 30), st.integers(2, PLAIN // 2), st.integers(0, 5)), min_size=1, max_size=4
            )
        )
    ]
    layout = Layout(spans, PLAIN)
    numbers = [
        np.array(
            data.draw(
                st.lists(st.integers(-span.shift, span.base - 1 - span.shift), min_size=span.count, max_size=span.count)
            )
        )
        for span in spans
    ]
    slots = layout.packed(numbers) % PLAIN
    assert slots.shape == (layout.slots,)
    found = layout.unpacked(np.concatenate([slots, np.zeros(3, np.int64)]).astype(np.uint64))
    assert all(np.array_equal(one, other) for one, other in zip(found, numbers, strict=True))


def test_sums_of_slots_are_slots_of_sums() -> None:
    layout = Layout([Span(10, 51)], PLAIN)
    rng = np.random.default_rng(0)
    parts = rng.integers(0, 6, (10, 10))
    slots = sum(layout.packed([part]) for part in parts)
    assert layout.slots < 10
    assert np.array_equal(layout.unpacked(np.asarray(slots, np.uint64))[0], parts.sum(axis=0))


@pytest.mark.parametrize(
    "slots",
    [
        [0, 1],  # a slot that nobody uses
        [PLAIN // 2 + 1, 0],  # beyond what the bases allow
        [PLAIN - 1, 0],
        [3**5, 0],  # the sixth digit of five
    ],
)
def test_slots_that_no_contributions_fill_are_found_out(slots: list[int]) -> None:
    layout = Layout([Span(5, 3)], PLAIN)
    with pytest.raises(TotalImplausible, match="none that contributions"):
        layout.unpacked(np.array(slots, np.uint64))


def test_a_random_total_is_never_taken_for_a_true_one() -> None:
    layout = Layout([Span(1000, 51)], PLAIN)
    for seed in range(50):
        with pytest.raises(TotalImplausible):
            layout.unpacked(np.random.default_rng(seed).integers(0, PLAIN, 4096, dtype=np.uint64))


def test_half_of_a_slot_stays_empty() -> None:
    assert digits_within(PLAIN // 2, PLAIN) == 1
    assert digits_within(PLAIN // 2 + 1, PLAIN) == 0
    with pytest.raises(OutOfRange, match="do not fit"):
        Layout([Span(1, PLAIN // 2 + 1)], PLAIN)
