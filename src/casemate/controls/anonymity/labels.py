r"""Labels: how a blurred value is written, and read again. Also reads how others write theirs.

A label is ``*`` (any value of the column), nothing at all (a missing value), or parts with ``|`` between them, each of
which is one value, a range ``low..high`` with both ends, or a name of a hierarchy; an empty part stands for a missing
value. ``20|30..39|`` is 20, or 30 to 39, or missing. In words, a backslash takes the meaning from the next character: a
backslash, a bar, a dot before a dot, and a first ``*``, ``[``, ``]``, ``(``, ``{``, ``<`` or ``>``.

On reading, these are understood too: ``[20, 30)``, ``[20, 30[``, ``]20, 30]``, ``{a, b}``, and for numbers ``20-29``,
``20 - 29``, ``<20``, ``<=20``, ``>60``, ``>=60``, ``60+``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from casemate.core.errors import DataUnreadable

Kind = Literal["number", "word"]
End = float | str

_NUMBER = r"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|inf)"
_DASHED = re.compile(rf"({_NUMBER})\s*[-–—]\s*({_NUMBER})")
_BRACKETS = re.compile(r"([\[\](])\s*(.*?)\s*[,;]\s*(.*?)\s*([\[\])])", re.DOTALL)
_COMPARED = re.compile(rf"(<=|>=|<|>|≤|≥)\s*({_NUMBER})")
_AND_MORE = re.compile(rf"({_NUMBER})\s*\+")
_SPECIAL = "*[](){}<>"
_PIECE = re.compile(r"\\.|\.\.|\||.", re.DOTALL)


@dataclass(frozen=True)
class Span:
    """All values from ``low`` to ``high``; one value where they are the same.

    Args:
        low, high: the ends: numbers, perhaps infinite; or words, in the order of their column.
        open_low, open_high: whether an end itself is left out.
    """

    low: End
    high: End
    open_low: bool = False
    open_high: bool = False


@dataclass(frozen=True)
class Label:
    """What a label says.

    Args:
        spans: the values that it may stand for.
        missing: whether it may stand for a missing value.
        whole: whether it may stand for every value; then there are no spans.
    """

    spans: tuple[Span, ...] = ()
    missing: bool = False
    whole: bool = False


def number_text(value: float) -> str:
    """Return a number as text: the shortest that reads back as the same, without ``.0``."""
    value = float(value)
    return str(int(value)) if value.is_integer() and abs(value) <= 2**53 else repr(value).removesuffix(".0")


def word_text(value: str) -> str:
    """Return a word with a backslash before whatever else would mean something in a label."""
    text = re.sub(r"[\\|]|\.(?=\.)", r"\\\g<0>", value)
    return "\\" + text if text[:1] and text[0] in _SPECIAL else text


def write_span(span: Span) -> str:
    """Return a span as text."""
    low, high = _text(span.low), _text(span.high)
    if span.open_low or span.open_high:
        return f"{'(' if span.open_low else '['}{low}, {high}{')' if span.open_high else ']'}"
    return low if span.low == span.high else range_text(low, high)


def range_text(low: str, high: str) -> str:
    """Return the range between two written ends."""
    return f"{low[:-1]}\\...{high}" if low.endswith(".") else f"{low}..{high}"


def write_label(label: Label) -> str:
    """Return a label as text; `parse_label` reads it again."""
    if label.whole:
        return "*"
    return join([write_span(span) for span in label.spans], missing=label.missing)


def join(parts: Iterable[str], *, missing: bool = False) -> str:
    """Return written parts as one label."""
    return "|".join([*parts, ""] if missing else parts)


def parse_label(text: str, kind: Kind) -> Label:
    """Return what a label says; a name of a hierarchy comes back as a span of that one word.

    Args:
        kind: whether its column holds numbers; dates and times count as words.

    Raises:
        DataUnreadable: a number is expected, and something else is found.
    """
    if text == "*":
        return Label(whole=True)
    if text[:1] == "{" and text[-1:] == "}" and len(text) > 1:
        parts = [[part.strip()] for part in re.split(r"[,;]", text[1:-1])]
        parts = [[part[0].strip("'\"")] for part in parts]
    else:
        parts = _split(text)
    spans = tuple(_span(part, kind) for part in parts if part != [""])
    return Label(spans, missing=[""] in parts)


def _text(value: End) -> str:
    return number_text(value) if isinstance(value, float) else word_text(value)


def _split(text: str) -> list[list[str]]:
    """Return the parts between bars, each as one piece or as the two ends around ``..``, still escaped at its start."""
    parts: list[list[str]] = [[""]]
    for piece in _PIECE.findall(text):
        if piece == "|":
            parts.append([""])
        elif piece == ".." and len(parts[-1]) == 1 and parts[-1][0]:
            parts[-1].append("")
        else:
            parts[-1][-1] += piece
    return parts


def _span(part: list[str], kind: Kind) -> Span:
    if len(part) == 2:
        return Span(_end(part[0], kind), _end(part[1], kind))
    (text,) = part
    brackets = _BRACKETS.fullmatch(text)
    if brackets:
        left, low, high, right = brackets.groups()
        return Span(_end(low, kind), _end(high, kind), left != "[", right != "]")
    return _number_span(text) if kind == "number" else Span(_plain(text), _plain(text))


def _number_span(text: str) -> Span:
    if dashed := _DASHED.fullmatch(text):
        return Span(float(dashed[1]), float(dashed[2]))
    if more := _AND_MORE.fullmatch(text):
        return Span(float(more[1]), math.inf)
    if compared := _COMPARED.fullmatch(text):
        sign, value = compared[1], float(compared[2])
        if sign in "<=≤":
            return Span(-math.inf, value, open_high=sign == "<")
        return Span(value, math.inf, open_low=sign == ">")
    exact = _end(text, "number")
    return Span(exact, exact)


def _end(text: str, kind: Kind) -> End:
    if kind == "word":
        return _plain(text)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isnan(value):
        raise DataUnreadable(
            f"{text!r} is no number and no range of numbers",
            fix="ranges are written 20..29, [20, 30) or 20-29; a column of words needs its kind said",
        )
    return value


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
