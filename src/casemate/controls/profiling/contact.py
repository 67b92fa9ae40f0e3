"""Forms of what reaches a person or a machine: e-mail, telephones, networks, accounts, places; and dates."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from casemate.controls.profiling.characters import VALUES, matrix
from casemate.controls.profiling.checksums import dates, luhn, mod_97
from casemate.controls.profiling.detector import Detector

if TYPE_CHECKING:
    import polars

_IBANS = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18 "
    "FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 "
    "LU20 LV21 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 "
    "SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20"
)
_IBAN_LENGTHS = np.zeros(1 << 16, dtype=np.uint8)
"""How many characters an IBAN has, by the two bytes that name its country; 0 for no country (ISO 13616 registry)."""
for _first, _second, _length in re.findall("([A-Z])([A-Z])([0-9]{2})", _IBANS):
    _IBAN_LENGTHS[ord(_first) << 8 | ord(_second)] = int(_length)

_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_VIN_LETTERS = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", (*range(1, 9), *range(1, 6), 7, 9, *range(2, 10)), strict=True))


def card(values: polars.Series) -> np.ndarray:
    """Payment cards: Luhn, whatever the length."""
    digits = matrix(values, "digits")
    passed = np.zeros(len(digits), dtype=bool)
    lengths = (digits.T != 0).sum(axis=0)
    for length in np.unique(lengths):
        alike = lengths == length
        these = digits[alike, :length] - np.uint8(ord("0"))
        passed[alike] = luhn(these) & (these[:, 0] != these.T).any(axis=0)
    return passed


def iban(values: polars.Series) -> np.ndarray:
    """IBAN: MOD 97-10, and the length that its country uses (ISO 13616 registry)."""
    characters = matrix(values, "alnum")
    if characters.shape[1] < 4:
        return np.zeros(len(characters), dtype=bool)
    upper = characters[:, :2].astype(np.uint16) & 0xDF  # in either case
    wanted = _IBAN_LENGTHS[upper[:, 0] << 8 | upper[:, 1]]
    long = (characters.T != 0).sum(axis=0) == wanted
    return np.asarray(long & (mod_97(characters) == 1))


def imei(values: polars.Series) -> np.ndarray:
    """IMEI of a telephone: Luhn."""
    return card(values)


def vin(values: polars.Series) -> np.ndarray:
    """Vehicle identification number: the ninth place is a check digit (49 CFR 565, ISO 3779)."""
    table = np.zeros(256, dtype=np.int64)
    table[ord("0") : ord("9") + 1] = range(10)
    for letter, value in _VIN_LETTERS.items():
        table[ord(letter)] = value
    c = matrix(values.str.to_uppercase(), "alnum")
    rest = table[c] @ np.array(_VIN_WEIGHTS) % 11
    return np.asarray(np.where(rest == 10, ord("X"), rest + ord("0")) == c[:, 8])


def ipv4(values: polars.Series) -> np.ndarray:
    """IPv4: four numbers up to 255; a version such as 1.2.3.4 has small ones only, and does not count."""
    import polars as pl

    parts = values.str.split_exact(".", 3).struct.unnest().cast(pl.Int64).to_numpy()
    return np.asarray((parts <= 255).all(axis=1) & (parts.max(axis=1) > 31))


def ipv6(values: polars.Series) -> np.ndarray:
    """IPv6: one ``::`` at most, and eight groups without it."""
    groups = values.str.count_matches(":", literal=True).to_numpy() + 1
    short = values.str.count_matches("::", literal=True).to_numpy()
    return np.asarray((short == 1) & (groups <= 8) | (short == 0) & (groups == 8))


def place(values: polars.Series) -> np.ndarray:
    """A pair of latitude and longitude."""
    import polars as pl

    parts = values.str.strip_chars("() ").str.replace_all(r"[,;\s]+", " ").str.split_exact(" ", 1).struct.unnest()
    pair = parts.cast(pl.Float64, strict=False).fill_null(999.0).to_numpy()
    return np.asarray((np.abs(pair[:, 0]) <= 90) & (np.abs(pair[:, 1]) <= 180))


def day(values: polars.Series) -> np.ndarray:
    """A day of the calendar, written year first, or day or month first."""
    c = matrix(values, "digits")[:, :8]
    d = VALUES[c]
    first = values.str.contains(r"^[0-9]{4}").to_numpy()

    def number(start: int, length: int) -> np.ndarray:
        return np.asarray(d[:, start : start + length] @ 10 ** np.arange(length - 1, -1, -1))

    year = np.where(first, number(0, 4), number(4, 4))
    one, two = np.where(first, number(4, 2), number(0, 2)), np.where(first, number(6, 2), number(2, 2))
    known = (year >= 1850) & (year <= 2100)
    return np.asarray(known & (dates(year, one, two) | (~first & dates(year, two, one))))


_CARD = (
    r"(?:4[0-9]{12}(?:[0-9]{3}){0,2}|(?:5[1-5][0-9]{2}|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12}"
    r"|3[47][0-9]{13}|3(?:0[0-5]|[689][0-9])[0-9]{11}|6(?:011|5[0-9]{2}|4[4-9][0-9])[0-9]{12}"
    r"|35(?:2[89]|[3-8][0-9])[0-9]{12}"
    r"|(?:4[0-9]{3}|5[1-5][0-9]{2}|2[2-7][0-9]{2}|6(?:011|5[0-9]{2}))(?:[ -][0-9]{4}){3}"
    r"|3[47][0-9]{2}[ -][0-9]{6}[ -][0-9]{5})"
)
_PHONE_MARKS = " ().-/+"

DETECTORS = (
    Detector(
        "email",
        r"(?i)[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}",
        of="e-mail address",
        digits=(0, 60),
        letters=(4, 250),
        marks=".!#$%&'*+/=?^_`{|}~-@",
    ),
    Detector("card", _CARD, card, 0.1, "payment card number", digits=(13, 19), marks=" -"),
    Detector(
        "iban",
        r"(?i)[A-Z]{2}[0-9]{2} ?[A-Z0-9]{4}(?: ?[A-Z0-9]{1,4}){1,7}",
        iban,
        0.01,
        "IBAN",
        digits=(10, 32),
        letters=(2, 24),
        marks=" ",
    ),
    Detector(
        "phone",
        r"\+[1-9](?:[ ().-]{0,2}[0-9]){6,14}",
        None,
        0.02,
        "telephone number, E.164",
        digits=(7, 15),
        marks=_PHONE_MARKS,
    ),
    Detector(
        "phone",
        r"\(?0[0-9]{1,4}\)?[ /.-]{1,3}[0-9]{2,8}(?:[ .-][0-9]{2,4}){0,4}",
        None,
        0.1,
        "telephone number",
        digits=(8, 13),
        marks=_PHONE_MARKS,
    ),
    Detector(
        "phone",
        r"(?:1[-. ])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[-. ])[2-9][0-9]{2}[-. ][0-9]{4}",
        None,
        0.1,
        "telephone number, North America",
        digits=(10, 11),
        marks=_PHONE_MARKS,
    ),
    Detector(
        "phone",
        r"\(?[0-9](?:[ ()./-]{0,2}[0-9]){6,13}",
        None,
        0.9,
        "telephone number",
        digits=(7, 14),
        marks=_PHONE_MARKS,
        told=True,
    ),
    Detector("ip", r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}", ipv4, 0.2, "IPv4 address", digits=(4, 12), marks="."),
    Detector(
        "ip",
        r"(?i)(?:[0-9a-f]{0,4}:){2,7}(?:[0-9a-f]{0,4}|[0-9]{1,3}(?:\.[0-9]{1,3}){3})",
        ipv6,
        0.02,
        "IPv6 address",
        digits=(0, 32),
        letters=(0, 32),
        marks=":.",
    ),
    Detector(
        "mac",
        r"(?i)[0-9a-f]{2}(?:(?::[0-9a-f]{2}){5}|(?:-[0-9a-f]{2}){5})|[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}",
        None,
        0.0,
        "MAC address",
        digits=(0, 12),
        letters=(0, 12),
        marks=":-.",
    ),
    Detector(
        "url",
        r"(?i)(?:https?|ftp)://[^\s/$.?#][^\s]*|www\.[a-z0-9-]+\.[a-z]{2,24}(?:/[^\s]*)?",
        of="web address",
        digits=(0, 500),
        letters=(3, 2000),
        marks=":/.?#[]@!$&'()*+,;=-_~%",
    ),
    Detector(
        "uuid",
        r"(?i)\{?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\}?",
        of="UUID",
        digits=(0, 32),
        letters=(0, 32),
        marks="-{}",
    ),
    Detector(
        "coordinates",
        r"\(?-?[0-9]{1,2}\.[0-9]{3,}[,; ]\s*-?[0-9]{1,3}\.[0-9]{3,}\)?",
        place,
        0.05,
        "latitude and longitude",
        digits=(8, 40),
        marks="().,;- ",
    ),
    Detector(
        "vehicle",
        r"(?i)[A-HJ-NPR-Z0-9]{17}",
        vin,
        1 / 11,
        "vehicle identification number",
        digits=(2, 16),
        letters=(1, 15),
    ),
    Detector("device", r"[0-9]{15}|[0-9]{2}-[0-9]{6}-[0-9]{6}-[0-9]", imei, 0.1, "IMEI", digits=(15, 15), marks="-"),
    Detector(
        "date",
        r"[0-9]{4}[-/.][0-9]{2}[-/.][0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}.*)?|[0-9]{2}[-/.][0-9]{2}[-/.][0-9]{4}",
        day,
        0.05,
        "date",
        digits=(8, 20),
        letters=(0, 2),
        marks="-/.: +",
    ),
    Detector(
        "diagnosis",
        r"(?i)[A-TV-Z][0-9][0-9A-B](?:\.[0-9A-Z]{1,4})",
        None,
        0.1,
        "ICD-10 code",
        digits=(2, 7),
        letters=(1, 5),
        marks=".",
    ),
    Detector(
        "diagnosis", r"(?i)[A-TV-Z][0-9][0-9]", None, 0.5, "ICD-10 code", digits=(2, 2), letters=(1, 1), told=True
    ),
)
