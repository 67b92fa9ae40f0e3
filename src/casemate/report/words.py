"""Words: numbers, ids and grants as a reader says them. Pure functions from values to short texts."""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import datetime

from casemate.core.access import Access, Budget
from casemate.core.evidence import Spent
from casemate.core.finding import Effect

NOTHING = "–"
TOOK_OFF = "Took off: points that all controls together took off, over the samples attacked with and without."
_KEPT = {"\n", "\t"}
_REORDERING = {*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A)), "\u200e", "\u200f", "\u061c"}


def percent(value: float | None, digits: int = 1) -> str:
    """Return a fraction as a percentage: ``0.62`` is ``62.0%``; a dash for None."""
    return NOTHING if value is None else f"{_number(value * 100, digits)}%"


def points(value: float | None, digits: int = 1) -> str:
    """Return a difference of fractions as signed percentage points: ``0.41`` is ``+41.0``; a dash for None."""
    if value is None:
        return NOTHING
    text = _number(value * 100, digits)
    return text if text.startswith("−") or float(text) == 0 else f"+{text}"


def interval(effect: Effect | None, digits: int = 1) -> str:
    """Return an effect's interval in percent, without its sign: ``52.0–71.2``; ``−3.0 to 4.1`` below 0."""
    if effect is None:
        return NOTHING
    low, high = _number(effect.low * 100, digits), _number(effect.high * 100, digits)
    return f"{low} to {high}" if "−" in low + high else f"{low}–{high}"


def measured(effect: Effect | None) -> str:
    """Return an effect with its interval: ``62.0% (52.0–71.2)``."""
    return NOTHING if effect is None else f"{percent(effect.value)} ({interval(effect)})"


def gained(delta: Effect | None) -> str:
    """Return what controls took off an effect, with its interval, in points: ``+41.0 (30.2–50.9)``."""
    return NOTHING if delta is None else f"{points(delta.value)} ({interval(delta)})"


def paired(delta: Effect | None, effect: Effect | None) -> str:
    """Return over which samples two arms were compared; empty where they are all samples of the effect."""
    if delta is None or effect is None or delta.n == effect.n:
        return ""
    return f"compared over the {count(delta.n, 'sample')} attacked on both arms"


def figure(value: float) -> str:
    """Return a number to four significant digits, with thousands set apart; a dash where it is not finite."""
    if not math.isfinite(value):
        return NOTHING
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.4g}"


def milliseconds(value: float | None) -> str:
    """Return milliseconds to two significant digits or whole; a dash for None."""
    if value is None:
        return NOTHING
    return f"{value:,.0f} ms" if value >= 10 else f"{value:.2g} ms"


def size(n: int) -> str:
    """Return a number of bytes as a person says it: ``950 B``, ``14.6 kB``, ``28.0 MB``."""
    for unit, most in (("B", 1e3), ("kB", 1e6), ("MB", 1e9)):
        if n < most:
            return f"{n:,} B" if unit == "B" else f"{n / most * 1e3:.1f} {unit}"
    return f"{n / 1e9:,.1f} GB"


def seconds(value: float) -> str:
    """Return seconds as a person says them."""
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s"


def count(n: int, one: str, many: str = "") -> str:
    """Return a number with its noun: ``1 attack``, ``2 attacks``."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def spent(used: Spent) -> str:
    """Return what an attack used up, leaving out what it did not use."""
    parts = [
        count(used.queries, "query", "queries") if used.queries else "",
        count(used.passes, "pass through the network", "passes through the network") if used.passes else "",
        count(used.rows, "training row") + " changed" if used.rows else "",
        count(used.trainings, "model") + " trained" if used.trainings else "",
        f"{used.refusals:,} refused" if used.refusals else "",
        count(used.alarms, "alarm") if used.alarms else "",
        seconds(used.seconds),
    ]
    return ", ".join(part for part in parts if part)


def granted(access: Access) -> str:
    """Return what an attacker was granted."""
    held = [
        (access.scores, "confidence scores"),
        (access.training_rows, "training rows"),
        (access.training_labels and not access.training_rows, "training labels"),
        (access.recipe, "the training recipe"),
        (access.population, "rows of the same population"),
        (access.teacher, "the teacher model"),
        (access.server, "sight of what the server holds"),
        (access.messages, "a hand on messages"),
    ]
    return ", ".join([access.knowledge.replace("-", " "), *(text for has, text in held if has)])


def budget(allowed: Budget) -> str:
    """Return what an attacker was allowed to spend; empty where nothing limits it."""
    parts = [
        count(allowed.queries, "query", "queries") if allowed.queries is not None else "",
        f"{allowed.queries_per_row:,} queries a row" if allowed.queries_per_row is not None else "",
        f"{percent(allowed.share)} of the training rows" if allowed.share is not None else "",
        f"radius {allowed.radius:g} in {allowed.norm or 'linf'}" if allowed.radius is not None else "",
        count(allowed.references, "reference model") if allowed.references is not None else "",
        count(allowed.clients, "account") if allowed.clients is not None else "",
        seconds(allowed.seconds) if allowed.seconds is not None else "",
    ]
    return ", ".join(part for part in parts if part)


def arm(id: str) -> str:
    """Return an arm's id in words."""
    kind, _, control = id.partition(":")
    names = {"bare": "no controls", "full": "all controls", "only": f"only {control}", "without": f"without {control}"}
    return names.get(kind, id)


def technique(attack: str) -> str:
    """Return the technique in an attack's id as words: ``poisoning.label-flip`` is ``Label flip``."""
    name = re.sub(r"[-_]+", " ", attack.partition(".")[2] or attack).strip()
    return name[:1].upper() + name[1:]


def when(created: str) -> str:
    """Return an ISO 8601 time to the minute, as it stands where it is none."""
    try:
        time = datetime.fromisoformat(created)
    except ValueError:
        return created
    zone = time.strftime("%Z") or "UTC"
    return f"{time:%Y-%m-%d %H:%M} {'UTC' if zone in ('UTC', 'UTC+00:00') else zone}"


def sentence(text: str) -> str:
    """Return text with a capital at its start and a full stop at its end."""
    return text[:1].upper() + ended(text)[1:]


def ended(text: str) -> str:
    """Return text with a full stop at its end, unless it has one or says nothing."""
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."


def printable(text: str) -> str:
    """Return text without control characters and without marks that reorder it, so that it shows what it says."""
    return "".join("\ufffd" if _hidden(char) else char for char in text)


def clip(text: str, most: int) -> str:
    """Return at most so many characters, and say how many were left out."""
    return text if len(text) <= most else f"{text[:most]} [{len(text) - most:,} characters left out]"


def _hidden(char: str) -> bool:
    return char in _REORDERING or (unicodedata.category(char) in ("Cc", "Cs") and char not in _KEPT)


def _number(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text.replace("-", "−")
