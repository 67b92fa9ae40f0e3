from hypothesis import given
from hypothesis import strategies as st

from casemate.controls.encrypted_service.pacing import pause


@given(st.floats(0, 10), st.floats(0.01, 1))
def test_refusals_leave_at_the_end_of_a_bucket(taken: float, bucket: float) -> None:
    wait = pause(taken, bucket)
    assert 0 <= wait <= bucket + 1e-9
    assert abs((taken + wait) / bucket - round((taken + wait) / bucket)) < 1e-6
    assert taken + wait >= bucket - 1e-9


def test_whatever_is_found_early_leaves_at_one_time() -> None:
    assert {round(taken + pause(taken, 0.25), 9) for taken in (0, 0.001, 0.1, 0.2499)} == {0.25}
