"""Kinds: what the values of a column can be to a person, and what should become of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from casemate.core.schema import Role

Holds = Literal["text", "number", "date", "boolean"]

_ANY: tuple[Holds, ...] = ("text", "number", "date", "boolean")
_WORDS: tuple[Holds, ...] = ("text", "boolean")
_CODES: tuple[Holds, ...] = ("text", "number")


@dataclass(frozen=True)
class Kind:
    """What the values of a column can be.

    Args:
        title: what to call it, with its article where it has one.
        role: what such a column is to a person.
        holds: the types of values that it may have.
        by_form: whether its values have a form, so that a name alone proves nothing.
        reversible: whether whoever answers to the people needs the true value again, so that a reversible pseudonym
            is proposed and not to drop it.
    """

    title: str
    role: Role
    holds: tuple[Holds, ...] = _ANY
    by_form: bool = False
    reversible: bool = False


KINDS: dict[str, Kind] = {
    # Who it is, by itself.
    "email": Kind("an e-mail address", "identifier", ("text",), by_form=True),
    "phone": Kind("a telephone number", "identifier", _CODES, by_form=True),
    "card": Kind("a payment card number", "identifier", _CODES, by_form=True),
    "iban": Kind("a bank account number", "identifier", ("text",), by_form=True),
    "national-id": Kind("a national personal number", "identifier", _CODES),
    "passport": Kind("a passport or licence number", "identifier", _CODES),
    "ip": Kind("an IP address", "identifier", ("text",), by_form=True),
    "mac": Kind("a hardware address", "identifier", ("text",), by_form=True),
    "url": Kind("a web address", "identifier", ("text",), by_form=True),
    "uuid": Kind("a UUID", "identifier", ("text",), by_form=True, reversible=True),
    "vehicle": Kind("a vehicle's number", "identifier", _CODES),
    "device": Kind("a device's number", "identifier", _CODES),
    "given-name": Kind("a given name", "identifier", ("text",)),
    "family-name": Kind("a family name", "identifier", ("text",)),
    "full-name": Kind("a person's name", "identifier", ("text",)),
    "username": Kind("a user name", "identifier", ("text",)),
    "secret": Kind("a password or token", "identifier", _CODES),
    "address": Kind("a street address", "identifier", ("text",)),
    "person-key": Kind("a number for each person", "identifier", _CODES, reversible=True),
    "row-key": Kind("a number for each row", "identifier", _CODES, reversible=True),
    "free-text": Kind("free text", "identifier", ("text",)),
    # What others may know of a person, so that together it finds her.
    "birth-date": Kind("a date of birth", "quasi-identifier", ("date", "text")),
    "birth-year": Kind("a year of birth", "quasi-identifier", ("number",)),
    "age": Kind("an age", "quasi-identifier", ("number", "text")),
    "sex": Kind("a sex or gender", "quasi-identifier"),
    "postcode": Kind("a postcode", "quasi-identifier", _CODES),
    "city": Kind("a town", "quasi-identifier", ("text",)),
    "region": Kind("a region", "quasi-identifier", _CODES),
    "country": Kind("a country", "quasi-identifier", ("text",)),
    "nationality": Kind("a nationality", "quasi-identifier", _CODES),
    "coordinates": Kind("a place on the map", "quasi-identifier", _CODES),
    "marital-status": Kind("a marital status", "quasi-identifier"),
    "education": Kind("an education", "quasi-identifier", _CODES),
    "occupation": Kind("an occupation", "quasi-identifier", _CODES),
    "household": Kind("a household's size", "quasi-identifier"),
    "language": Kind("a language", "quasi-identifier", _CODES),
    "body": Kind("a body measure", "quasi-identifier", ("number",)),
    "date": Kind("a date", "quasi-identifier", ("date", "text")),
    # What must not be learnt about a person.
    "diagnosis": Kind("a diagnosis", "sensitive", _CODES),
    "health": Kind("about health", "sensitive"),
    "ethnicity": Kind("about ethnic origin", "sensitive"),
    "religion": Kind("about religion", "sensitive"),
    "politics": Kind("about political opinion or union membership", "sensitive"),
    "orientation": Kind("about sexual life", "sensitive"),
    "genetic": Kind("genetic or biometric", "sensitive"),
    "criminal": Kind("about offences", "sensitive"),
    "income": Kind("about income or wealth", "sensitive", _CODES),
    # The rest.
    "number": Kind("a number", "feature"),
    "category": Kind("a category", "feature"),
    "flag": Kind("yes or no", "feature"),
    "code": Kind("a code", "feature"),
    "text": Kind("words", "feature"),
    "constant": Kind("one value only", "ignored"),
    "empty": Kind("no value at all", "ignored"),
    "unreadable": Kind("lists, structures or bytes", "ignored"),
    "label": Kind("the label", "target"),
}
"""Every kind by its id."""
