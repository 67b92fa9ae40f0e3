"""Check digits and forms: published examples pass, and every one digit changed is found where the rule promises it."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.profiling import contact, national
from casemate.controls.profiling.characters import matrix, numbers
from casemate.controls.profiling.checksums import luhn, mod_97
from casemate.controls.profiling.forms import DETECTORS

RIGHT = [
    ("card", "4111 1111 1111 1111"),
    ("card", "378282246310005"),
    ("card", "6011111111111117"),
    ("card", "30569309025904"),
    ("iban", "DE89 3704 0044 0532 0130 00"),
    ("iban", "GB29NWBK60161331926819"),
    ("iban", "FR1420041010050500013M02606"),
    ("iban", "NO9386011117947"),
    ("email", "first.last+tag@sub.example.co.uk"),
    ("phone", "+44 20 7946 0958"),
    ("phone", "(212) 555-0142"),
    ("phone", "030/1234567"),
    ("ip", "192.168.100.7"),
    ("ip", "2001:db8::ff00:42:8329"),
    ("ip", "::ffff:192.0.2.128"),
    ("mac", "00:1B:44:11:3A:B7"),
    ("mac", "001b.4411.3ab7"),
    ("url", "https://example.org/a?b=c#d"),
    ("uuid", "123e4567-e89b-12d3-a456-426614174000"),
    ("coordinates", "52.520008, 13.404954"),
    ("vehicle", "1M8GDM9AXKP042788"),
    ("device", "490154203237518"),
    ("date", "2020-02-29"),
    ("date", "31.12.1999"),
    ("diagnosis", "E11.9"),
    ("national-id", "078-05-1120"),
    ("national-id", "QQ 12 34 56 C".replace("QQ", "AB")),
    ("national-id", "943 476 5919"),
    ("national-id", "86095742719"),
    ("national-id", "2 55 08 14 168 025 38"),
    ("national-id", "12345678Z"),
    ("national-id", "X1234567L"),
    ("national-id", "RSSMRA85T10A562S"),
    ("national-id", "111222333"),
    ("national-id", "44051401359"),
    ("national-id", "811228-9874"),
    ("national-id", "19811228-9874"),
    ("national-id", "756.9217.0769.85"),
    ("national-id", "123456789"),
    ("national-id", "85.07.30-033.28"),
    ("national-id", "131052-308T"),
    ("national-id", "111.444.777-35"),
    ("national-id", "15076500565"),
    ("national-id", "070761-4285"),
]
WRONG = [
    ("card", "4111 1111 1111 1112"),
    ("card", "0000000000000000"),
    ("iban", "DE89 3704 0044 0532 0130 01"),
    ("iban", "DE8937040044053201300"),
    ("email", "no at.example.org"),
    ("email", "a@b..org"),
    ("ip", "1.2.3.4"),
    ("ip", "256.1.1.1"),
    ("ip", "12:30:45"),
    ("ip", "1::2::3"),
    ("date", "2021-02-29"),
    ("date", "99.99.9999"),
    ("coordinates", "152.520008, 13.404954"),
    ("vehicle", "1M8GDM9A1KP042788"),
    ("device", "490154203237519"),
    ("national-id", "000-12-3456"),
    ("national-id", "666-12-3456"),
    ("national-id", "GB 12 34 56 C"),
    ("national-id", "943 476 5910"),
    ("national-id", "12345678A"),
    ("national-id", "RSSMRA85T10A562T"),
    ("national-id", "811328-9874"),
    ("national-id", "756.9217.0769.86"),
    ("national-id", "111.111.111-11"),
    ("national-id", "44051401358"),
]


def found(kind: str, value: str) -> bool:
    return any(bool(one.passing(pl.Series([value]))[0]) for one in DETECTORS if one.kind == kind and not one.told)


@pytest.mark.parametrize(("kind", "value"), RIGHT)
def test_published_examples_are_found(kind: str, value: str) -> None:
    assert found(kind, value)


@pytest.mark.parametrize(("kind", "value"), WRONG)
def test_what_breaks_the_rules_is_not(kind: str, value: str) -> None:
    assert not found(kind, value)


@pytest.mark.parametrize(("kind", "value"), RIGHT)
def test_the_shape_never_rules_out_what_fits(kind: str, value: str) -> None:
    digits = sum(char in "0123456789" for char in value)
    letters = sum(map(str.isalpha, value))
    others = frozenset(char for char in value if char not in "0123456789" and not char.isalpha())
    for one in DETECTORS:
        if one.compiled.match(value):
            assert one.may_be(digits, letters, others), one


@given(st.lists(st.integers(0, 9), min_size=11, max_size=18), st.data())
@settings(max_examples=60, deadline=None)
def test_luhn_finds_every_single_wrong_digit(body: list[int], data: st.DataObject) -> None:
    rows = np.array([[*body, check] for check in range(10)])
    assert luhn(rows).sum() == 1
    right = rows[luhn(rows)][0]
    place = data.draw(st.integers(0, len(right) - 1))
    wrong = right.copy()
    wrong[place] = (wrong[place] + data.draw(st.integers(1, 9))) % 10
    assert not luhn(wrong[None])[0]


@given(st.lists(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=5, max_size=34), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_mod_97_is_what_whole_numbers_say(texts: list[str]) -> None:
    told = mod_97(matrix(pl.Series(texts), "alnum"))
    spelled = ["".join(str(int(char, 36)) for char in text[4:] + text[:4]) for text in texts]
    assert told.tolist() == [int(number) % 97 for number in spelled]


@given(st.lists(st.text(max_size=12), max_size=8))
@settings(max_examples=80, deadline=None)
def test_characters_are_kept_in_order_whatever_stands_between(texts: list[str]) -> None:
    digits = matrix(pl.Series(texts, dtype=pl.String), "digits")
    kept = ["".join(char for char in text if char in "0123456789") for text in texts]
    assert [bytes(row[row > 0]).decode() for row in digits] == kept


@given(st.text(max_size=40))
@settings(max_examples=150, deadline=None)
def test_no_detector_stumbles_over_any_text(text: str) -> None:
    values = pl.Series([text, text + "1", "4111111111111111"])
    for one in DETECTORS:
        assert one.passing(values).shape == (3,)


@given(st.integers(0, 10**11 - 1))
@settings(max_examples=100, deadline=None)
def test_a_pesel_has_one_check_digit_and_a_day_of_the_calendar(number: int) -> None:
    body = f"{number:011d}"[:10]
    passing = national.pl_pesel(pl.Series([f"{body}{digit}" for digit in range(10)]))
    month, day = int(body[2:4]) % 20, int(body[4:6])
    assert passing.sum() == (1 <= month <= 12 and 1 <= day <= 31 and _exists(int(body[:2]), month, day))


def test_digits_of_another_number_are_refused() -> None:
    with pytest.raises(ValueError, match="not 9 digits"):
        numbers(pl.Series(["123456789", "12345678"]), 9)


def test_cards_of_different_lengths_stand_in_one_column() -> None:
    assert contact.card(
        pl.Series(["4111111111111111", "378282246310005", "4222222222222", "4222222222223"])
    ).tolist() == [
        True,
        True,
        True,
        False,
    ]


def _exists(year: int, month: int, day: int) -> bool:
    longest = (31, 29 if year % 4 == 0 else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    return day <= longest[month - 1]
