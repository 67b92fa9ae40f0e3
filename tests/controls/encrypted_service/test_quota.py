from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casemate.controls.encrypted_service.quota import Quota
from casemate.core.errors import QuotaSpent
from controls.encrypted_service.small import Clock

Make = Callable[[Clock], Quota]


@pytest.fixture(params=[False, True], ids=["memory", "file"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    path = tmp_path / "quota" if request.param else None
    return lambda clock: Quota(rows=10, span=100, path=path, clock=clock)


def test_rows_are_counted_all_or_none_for_each_tenant(make: Make) -> None:
    quota = make(Clock())
    quota.spend("ann", 6)
    with pytest.raises(QuotaSpent, match=r"5 rows, where 4 of 10 are left"):
        quota.spend("ann", 5)
    quota.spend("ann", 4)
    with pytest.raises(QuotaSpent):
        quota.spend("ann", 1)
    quota.spend("bob", 10)
    quota.close()


def test_there_is_a_new_quota_in_the_next_span(make: Make) -> None:
    clock = Clock()
    quota = make(clock)
    quota.spend("ann", 10)
    clock.now += 99
    with pytest.raises(QuotaSpent, match=r"10 rows") as refused:
        quota.spend("ann", 10)
    assert refused.value.fix == "ask again in 1 s"
    clock.now += 1
    quota.spend("ann", 10)
    quota.close()


def test_a_file_keeps_the_count_across_a_restart(tmp_path: Path) -> None:
    first = Quota(rows=10, span=100, path=tmp_path / "quota", clock=Clock())
    first.spend("ann", 9)
    first.close()
    again = Quota(rows=10, span=100, path=tmp_path / "quota", clock=Clock())
    with pytest.raises(QuotaSpent):
        again.spend("ann", 2)
    again.close()


@given(st.lists(st.integers(1, 6), max_size=20))
def test_never_more_than_the_quota_passes(asked: list[int]) -> None:
    quota, passed = Quota(rows=10, span=100, clock=Clock()), 0
    for rows in asked:
        try:
            quota.spend("ann", rows)
            passed += rows
        except QuotaSpent:
            assert passed + rows > 10
    assert passed <= 10
