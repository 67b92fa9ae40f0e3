"""Ready-made hierarchies: bands of numbers, steps of dates, leading characters."""

import numpy as np
import pytest

from casemate.controls.anonymity.bands import date_bands, number_bands, prefix_bands
from casemate.core.errors import OutOfRange


def test_bands_of_whole_numbers_name_their_last_number() -> None:
    tree = number_bands(np.array([3.0, 9.0, 10.0, 25.0]), (5, 10))
    assert tree.names == (
        ("3", "9", "10", "25"),
        ("0..4", "5..9", "10..14", "25..29"),
        ("0..9", "10..19", "20..29"),
        ("*",),
    )


def test_bands_of_fractions_leave_their_upper_end_out() -> None:
    assert number_bands(np.array([-0.5, 0.25, 1.0]), (1.0,)).names[1] == ("[-1, 0)", "[0, 1)", "[1, 2)")
    assert number_bands(np.array([1.0, 2.0]), (0.5, 1.0)).names[1] == ("[1, 1.5)", "[2, 2.5)")


def test_bands_may_begin_elsewhere() -> None:
    assert number_bands(np.array([17.0, 18.0]), (10,), origin=8).names[1] == ("8..17", "18..27")


@pytest.mark.parametrize("widths", [(5, 12), (10, 5), (10, 10)])
def test_widths_that_do_not_fit_into_each_other(widths: tuple[float, ...]) -> None:
    with pytest.raises(OutOfRange, match="no whole number of bands"):
        number_bands(np.array([1.0]), widths)


def test_infinite_values_lie_in_no_band() -> None:
    with pytest.raises(OutOfRange, match="infinite"):
        number_bands(np.array([1.0, np.inf]), (5,))


def test_dates_become_months_quarters_years_and_decades() -> None:
    tree = date_bands(["1999-12-31", "2000-01-01", "2000-02-29 12:00:00"], ("month", "quarter", "year", "decade"))
    assert list(tree.names[1:]) == [
        ("1999-12", "2000-01", "2000-02"),
        ("1999-Q4", "2000-Q1"),
        ("1999", "2000"),
        ("1990s", "2000s"),
        ("*",),
    ]


def test_dates_must_be_dates_and_steps_widen() -> None:
    with pytest.raises(OutOfRange, match="'soon' is no date"):
        date_bands(["soon"], ("year",))
    with pytest.raises(OutOfRange, match="do not get wider"):
        date_bands(["2000-01-01"], ("year", "month"))


def test_leading_characters_stay() -> None:
    tree = prefix_bands(["E1", "E1 4AB", "E1 4XY", "N7 2BC"], (4, 1))
    assert tree.names[1:] == (("E1", "E1 4*", "N7 2*"), ("E*", "N*"), ("*",))


@pytest.mark.parametrize("keep", [(1, 4), (2, 2), (2, 0)])
def test_prefixes_get_shorter(keep: tuple[int, ...]) -> None:
    with pytest.raises(OutOfRange, match="do not get shorter"):
        prefix_bands(["abc"], keep)
