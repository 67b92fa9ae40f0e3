"""Six countries: how their people are called, written to and numbered. Nobody has the numbers."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Country:
    """How people of one country are called, written to and numbered."""

    code: str
    language: str
    women: tuple[str, ...]
    men: tuple[str, ...]
    families: tuple[str, ...]
    calling: str
    postcode: Callable[[np.random.Generator], str]
    number: Callable[[np.random.Generator, datetime.date, str], str]

    @property
    def domain(self) -> str:
        """A domain that is kept for examples (RFC 2606)."""
        return f"{self.code}.example.com"


def digits(rng: np.random.Generator, count: int, *, first: str = "123456789") -> str:
    """Return so many digits, the first of them from a given few."""
    return first[rng.integers(len(first))] + "".join(map(str, rng.integers(0, 10, count - 1)))


def luhn(body: str) -> str:
    """Return a number with its Luhn check digit (ISO/IEC 7812)."""
    total = sum(sum(divmod(int(d) * (2 - place % 2), 10)) for place, d in enumerate(reversed(body)))
    return body + str(-total % 10)


def steuer_id(rng: np.random.Generator, _born: datetime.date, _sex: str) -> str:
    """German tax number: one digit of the first ten comes twice, then ISO 7064 MOD 11,10."""
    order = [str(d) for d in rng.permutation(10)[:9]]
    while order[0] == "0":
        order = [str(d) for d in rng.permutation(10)[:9]]
    body = [*order, order[rng.integers(9)]]
    rest = rng.permutation(body[1:])
    product = 10
    for digit in (body[0], *rest):
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return "".join((body[0], *rest)) + str((11 - product) % 10)


def nir(rng: np.random.Generator, born: datetime.date, sex: str) -> str:
    """French social security number with its key, 97 minus the number modulo 97."""
    place = f"{rng.integers(1, 96):02d}{rng.integers(1, 990):03d}{rng.integers(1, 1000):03d}"
    body = f"{2 if sex == 'f' else 1}{born:%y%m}{place}"
    return body + f"{97 - int(body) % 97:02d}"


def dni(rng: np.random.Generator, _born: datetime.date, _sex: str) -> str:
    """Spanish identity number with its letter, the number modulo 23."""
    number = int(rng.integers(1_000_000, 99_999_999))
    return f"{number:08d}{'TRWAGMYFPDXBNJZSQVHLCKE'[number % 23]}"


def pesel(rng: np.random.Generator, born: datetime.date, sex: str) -> str:
    """Polish number: the date of birth, a serial that is odd for men, and a weighted check digit."""
    month = born.month + (20 if born.year >= 2000 else 0)
    serial = rng.integers(0, 1000)
    body = f"{born:%y}{month:02d}{born:%d}{serial:03d}{2 * rng.integers(0, 5) + (sex == 'm')}"
    total = sum(int(d) * w for d, w in zip(body, (1, 3, 7, 9) * 3, strict=False))
    return body + str(-total % 10)


def nino(rng: np.random.Generator, _born: datetime.date, _sex: str) -> str:
    """British national insurance number; it has no check digit."""
    first, second = "ABCEGHJKLMNOPRSTWXYZ", "ABCEGHJKLMNPRSTWXYZ"
    pair = "BG"
    while pair in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ"):
        pair = first[rng.integers(len(first))] + second[rng.integers(len(second))]
    return f"{pair}{digits(rng, 6, first='0123456789')}{'ABCD'[rng.integers(4)]}"


def ssn(rng: np.random.Generator, _born: datetime.date, _sex: str) -> str:
    """American social security number; it has no check digit."""
    area = 666
    while area == 666:
        area = int(rng.integers(1, 900))
    return f"{area:03d}-{rng.integers(1, 100):02d}-{rng.integers(1, 10_000):04d}"


def five(low: int, high: int) -> Callable[[np.random.Generator], str]:
    """Postcodes of five digits; some places have many more people than others."""
    return lambda rng: f"{low + int((high - low) * rng.beta(0.6, 1.4)):05d}"


COUNTRIES = (
    Country(
        "de", "German",
        ("Anna", "Lena", "Petra", "Sabine", "Julia", "Katrin", "Monika", "Heike"),
        ("Jan", "Lukas", "Stefan", "Uwe", "Jonas", "Matthias", "Klaus", "Tobias"),
        ("Müller", "Schmidt", "Weber", "Wagner", "Becker", "Hoffmann", "Schäfer", "Koch", "Richter", "Klein"),
        "+49", five(10115, 14199), steuer_id,
    ),
    Country(
        "fr", "French",
        ("Camille", "Chloé", "Manon", "Sylvie", "Nathalie", "Isabelle", "Élodie", "Inès"),
        ("Hugo", "Louis", "Thierry", "Pascal", "Julien", "Mathieu", "Rémi", "Gilles"),
        ("Martin", "Bernard", "Dubois", "Durand", "Lefèvre", "Moreau", "Simon", "Laurent", "Garnier", "Faure"),
        "+33", five(75001, 75120), nir,
    ),
    Country(
        "es", "Spanish",
        ("Lucía", "María", "Carmen", "Elena", "Marta", "Paula", "Rocío", "Pilar"),
        ("Alejandro", "Javier", "Pablo", "Diego", "Álvaro", "Sergio", "Rafael", "Iván"),
        ("García", "Fernández", "López", "Martínez", "Sánchez", "Gómez", "Ruiz", "Ortega", "Vega", "Castro"),
        "+34", five(28001, 28055), dni,
    ),
    Country(
        "pl", "Polish",
        ("Zofia", "Julia", "Agnieszka", "Katarzyna", "Ewa", "Małgorzata", "Hanna", "Joanna"),
        ("Jakub", "Piotr", "Tomasz", "Marcin", "Paweł", "Krzysztof", "Michał", "Adam"),
        ("Nowak", "Kowalska", "Wójcik", "Kamińska", "Lewandowski", "Zieliński", "Szymańska", "Dąbrowski", "Mazur"),
        "+48", lambda rng: f"{rng.integers(0, 5):02d}-{rng.integers(1, 1000):03d}", pesel,
    ),
    Country(
        "gb", "English",
        ("Olivia", "Emma", "Grace", "Sarah", "Alice", "Fiona", "Lucy", "Megan"),
        ("Jack", "Oliver", "James", "Ewan", "Rhys", "Callum", "Thomas", "Harry"),
        ("Smith", "Jones", "Taylor", "Brown", "Evans", "Thomas", "Roberts", "Walker", "Hughes", "Clarke"),
        "+44", lambda rng: f"SW{rng.integers(1, 20)} {rng.integers(1, 10)}AB", nino,
    ),
    Country(
        "us", "English",
        ("Ashley", "Emily", "Madison", "Hannah", "Jessica", "Nicole", "Amber", "Rachel"),
        ("Michael", "Ethan", "Tyler", "Brandon", "Kyle", "Jordan", "Justin", "Logan"),
        ("Johnson", "Williams", "Miller", "Davis", "Anderson", "Jackson", "Harris", "Lewis", "Young", "Allen"),
        "+1", five(10001, 10040), ssn,
    ),
)  # fmt: skip
SHARES = (0.26, 0.18, 0.16, 0.12, 0.16, 0.12)
