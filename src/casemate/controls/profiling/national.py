"""Personal numbers of several countries: their forms, and the rules that a made-up one breaks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from casemate.controls.profiling.characters import VALUES, matrix, numbers
from casemate.controls.profiling.checksums import dates, ean, luhn, mod_11_10, number, two, weighted
from casemate.controls.profiling.detector import Detector

if TYPE_CHECKING:
    import polars

_DNI_LETTERS = np.frombuffer(b"TRWAGMYFPDXBNJZSQVHLCKE", dtype=np.uint8)
_HETU_LETTERS = np.frombuffer(b"0123456789ABCDEFHJKLMNPRSTUVWXY", dtype=np.uint8)
_NINO_UNUSED = ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")
_FISCAL_MONTHS = b"ABCDEHLMPRST"
# Italian letters that stand for digits where two people would have the same number.
_OMOCODIA = bytes.maketrans(b"LMNPQRSTUV", b"0123456789")
_ODD = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21]
_ODD_LETTERS = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23]


def us_ssn(values: polars.Series) -> np.ndarray:
    """United States: no area 000, 666 or 9xx, no group 00, no serial 0000 (20 CFR 422.103); there is no check digit."""
    d = numbers(values, 9)
    area = number(d[:, :3])
    return np.asarray((area != 0) & (area != 666) & (area < 900) & (two(d, 3) != 0) & (number(d[:, 5:]) != 0))


def uk_nino(values: polars.Series) -> np.ndarray:
    """United Kingdom, National Insurance: prefixes that are never given."""
    return ~values.str.slice(0, 2).str.to_uppercase().is_in(_NINO_UNUSED).to_numpy()


def uk_nhs(values: polars.Series) -> np.ndarray:
    """England and Wales, NHS number: weights 10 to 2, modulo 11."""
    d = numbers(values, 10)
    check = (11 - weighted(d, range(10, 1, -1), 11)) % 11
    return np.asarray(check == d[:, 9])


def de_tax(values: polars.Series) -> np.ndarray:
    """Germany, Steuer-ID: MOD 11,10; of the first ten digits exactly one occurs twice or three times."""
    d = numbers(values, 11)
    often = (d[:, :10, None] == np.arange(10)).sum(axis=1)
    repeated = ((often > 1).sum(axis=1) == 1) & (often.max(axis=1) <= 3)
    return np.asarray(mod_11_10(d) & repeated & (d[:, 0] != 0))


def fr_nir(values: polars.Series) -> np.ndarray:
    """France, NIR: 97 less the number modulo 97; Corsica's 2A and 2B count as 19 and 18."""
    c = matrix(values, "alnum")
    letter = c[:, 6] | 0x20
    d = VALUES[c]
    d[:, 6] = np.select([letter == ord("a"), letter == ord("b")], [9, 8], d[:, 6])
    d[:, 5] = np.where(np.isin(letter, (ord("a"), ord("b"))), 1, d[:, 5])
    month = two(d, 3)
    known = ((month >= 1) & (month <= 12)) | ((month >= 20) & (month <= 42)) | (month >= 50)
    return np.asarray((97 - number(d[:, :13]) % 97 == two(d, 13)) & known)


def es_dni(values: polars.Series) -> np.ndarray:
    """Spain, DNI and NIE: the number modulo 23 gives the letter; X, Y, Z count as 0, 1, 2."""
    c = matrix(values.str.to_uppercase(), "alnum")
    d = VALUES[c[:, :8]]
    d[:, 0] = np.where(d[:, 0] > 9, d[:, 0] - VALUES[ord("X")], d[:, 0])
    return np.asarray(_DNI_LETTERS[number(d) % 23] == c[:, 8])


def it_fiscal(values: polars.Series) -> np.ndarray:
    """Italy, codice fiscale: its own tables for odd and even places, modulo 26; the day is 1-31 or 41-71."""
    c = matrix(values.str.to_uppercase(), "alnum")
    odd = np.array(_ODD + _ODD_LETTERS)
    even = np.concatenate([np.arange(10), np.arange(26)])
    v = VALUES[c]
    total = odd[v[:, 0:15:2]].sum(axis=1) + even[v[:, 1:15:2]].sum(axis=1)
    plain = np.frombuffer(c.tobytes().translate(_OMOCODIA), dtype=np.uint8).reshape(c.shape)
    day = two(VALUES[plain], 9)
    month = np.isin(c[:, 8], np.frombuffer(_FISCAL_MONTHS, dtype=np.uint8))
    return np.asarray((total % 26 + ord("A") == c[:, 15]) & month & (day % 40 >= 1) & (day % 40 <= 31) & (day < 72))


def nl_bsn(values: polars.Series) -> np.ndarray:
    """Netherlands, BSN: weights 9 to 2 and -1, modulo 11."""
    d = numbers(values, 9)
    return np.asarray((weighted(d, [9, 8, 7, 6, 5, 4, 3, 2, -1], 11) == 0) & d.any(axis=1))


def pl_pesel(values: polars.Series) -> np.ndarray:
    """Poland, PESEL: weights 1 3 7 9, modulo 10; the century is hidden in the month."""
    d = numbers(values, 11)
    right = weighted(d, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1], 10) == 0
    return np.asarray(right & dates(two(d, 0), two(d, 2) % 20, two(d, 4)))


def se_personal(values: polars.Series) -> np.ndarray:
    """Sweden, personnummer: Luhn over the last ten digits; 60 is added to the day of a coordination number."""
    d = matrix(values, "digits")[:, -10:].astype(np.int64) - ord("0")
    day = two(d, 4)
    return np.asarray(luhn(d) & dates(two(d, 0), two(d, 2), np.where(day > 60, day - 60, day)))


def ch_ahv(values: polars.Series) -> np.ndarray:
    """Switzerland, AHV number: EAN-13 beginning with 756."""
    return ean(numbers(values, 13))


def pt_nif(values: polars.Series) -> np.ndarray:
    """Portugal, NIF of a person: weights 9 to 2, modulo 11."""
    d = numbers(values, 9)
    rest = weighted(d, range(9, 1, -1), 11)
    return np.asarray(np.where(rest < 2, 0, 11 - rest) == d[:, 8])


def be_national(values: polars.Series) -> np.ndarray:
    """Belgium, national number: 97 less the first nine digits modulo 97; a 2 before them for births from 2000 on."""
    d = numbers(values, 11)
    first, check = number(d[:, :9]), two(d, 9)
    right = (97 - first % 97 == check) | (97 - (2_000_000_000 + first) % 97 == check)
    month, day = two(d, 2) % 20, two(d, 4)
    return np.asarray(right & (month <= 12) & (day <= 31))


def no_birth(values: polars.Series) -> np.ndarray:
    """Norway, fødselsnummer: two check digits modulo 11; 40 is added to the day of a D-number."""
    d = numbers(values, 11)
    first = weighted(d, [3, 7, 6, 1, 8, 9, 4, 5, 2, 1], 11) == 0
    second = weighted(d, [5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1], 11) == 0
    return np.asarray(first & second & dates(two(d, 4), two(d, 2), two(d, 0) % 40))


def dk_cpr(values: polars.Series) -> np.ndarray:
    """Denmark, CPR number: begins with a date; newer ones have no check digit."""
    d = numbers(values, 10)
    return dates(two(d, 4), two(d, 2), two(d, 0))


def fi_hetu(values: polars.Series) -> np.ndarray:
    """Finland, henkilötunnus: the digits modulo 31 give the last character."""
    upper = values.str.to_uppercase()
    d = numbers(upper.str.slice(0, 6) + upper.str.slice(7, 3), 9)
    last = matrix(upper.str.slice(10, 1), "alnum")[:, 0]
    return np.asarray((_HETU_LETTERS[number(d) % 31] == last) & dates(two(d, 4), two(d, 2), two(d, 0)))


def br_cpf(values: polars.Series) -> np.ndarray:
    """Brazil, CPF: two check digits modulo 11; eleven times the same digit is none."""
    d = numbers(values, 11)
    first = weighted(d, range(10, 1, -1), 11)
    second = weighted(d, range(11, 1, -1), 11)
    right = (np.where(first < 2, 0, 11 - first) == d[:, 9]) & (np.where(second < 2, 0, 11 - second) == d[:, 10])
    return np.asarray(right & (d != d[:, :1]).any(axis=1))


def _number(pattern: str, check: Callable[[polars.Series], np.ndarray], of: str, luck: float, **form: Any) -> Detector:
    return Detector("national-id", pattern, check, luck, of, **form)


DETECTORS = (
    _number(r"[0-9]{3}-[0-9]{2}-[0-9]{4}", us_ssn, "US SSN", 0.3, digits=(9, 9), marks="-"),
    _number(r"[0-9]{9}", us_ssn, "US SSN", 0.9, digits=(9, 9), told=True),
    _number(
        r"(?i)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]",
        uk_nino,
        "UK National Insurance number",
        0.1,
        digits=(6, 6),
        letters=(3, 3),
        marks=" ",
    ),
    _number(r"[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}", uk_nhs, "NHS number", 1 / 11, digits=(10, 10), marks=" -"),
    _number(r"[1-9][0-9] ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}", de_tax, "German Steuer-ID", 0.03, digits=(11, 11), marks=" "),
    _number(
        r"(?i)[1-478] ?[0-9]{2} ?[0-9]{2} ?(?:[0-9]{2}|2[AB]) ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}",
        fr_nir,
        "French NIR",
        0.01,
        digits=(14, 15),
        letters=(0, 1),
        marks=" ",
    ),
    _number(
        r"(?i)(?:[0-9]{8}|[XYZ]-?[0-9]{7})[ -]?[A-Z]",
        es_dni,
        "Spanish DNI or NIE",
        1 / 23,
        digits=(7, 8),
        letters=(1, 2),
        marks=" -",
    ),
    _number(
        r"(?i)[A-Z]{6}[0-9L-NP-V]{2}[A-EHLMPRST][0-9L-NP-V]{2}[A-Z][0-9L-NP-V]{3}[A-Z]",
        it_fiscal,
        "Italian codice fiscale",
        1 / 26,
        digits=(0, 7),
        letters=(9, 16),
    ),
    _number(r"[0-9]{9}|[0-9]{4}\.[0-9]{2}\.[0-9]{3}", nl_bsn, "Dutch BSN", 1 / 11, digits=(9, 9), marks="."),
    _number(r"[0-9]{11}", pl_pesel, "Polish PESEL", 0.04, digits=(11, 11)),
    _number(
        r"(?:19|20)[0-9]{6}-?[0-9]{4}|[0-9]{6}[-+]?[0-9]{4}",
        se_personal,
        "Swedish personnummer",
        0.04,
        digits=(10, 12),
        marks="-+",
    ),
    _number(r"756\.?[0-9]{4}\.?[0-9]{4}\.?[0-9]{2}", ch_ahv, "Swiss AHV number", 0.01, digits=(13, 13), marks="."),
    _number(r"[1235689][0-9]{2} ?[0-9]{3} ?[0-9]{3}", pt_nif, "Portuguese NIF", 1 / 11, digits=(9, 9), marks=" "),
    _number(
        r"[0-9]{2}\.?[0-9]{2}\.?[0-9]{2}-?[0-9]{3}[.-]?[0-9]{2}",
        be_national,
        "Belgian national number",
        0.02,
        digits=(11, 11),
        marks=".-",
    ),
    _number(r"[0-9]{6} ?[0-9]{5}", no_birth, "Norwegian fødselsnummer", 0.01, digits=(11, 11), marks=" "),
    _number(r"[0-9]{6}-[0-9]{4}", dk_cpr, "Danish CPR number", 0.04, digits=(10, 10), marks="-"),
    _number(
        r"(?i)[0-9]{6}[-+A][0-9]{3}[0-9A-Y]",
        fi_hetu,
        "Finnish henkilötunnus",
        0.02,
        digits=(9, 10),
        letters=(0, 2),
        marks="-+",
    ),
    _number(r"[0-9]{3}\.?[0-9]{3}\.?[0-9]{3}-?[0-9]{2}", br_cpf, "Brazilian CPF", 0.01, digits=(11, 11), marks=".-"),
)
