"""What a profile comes down to, in sentences, the worst first. They hold names of columns and figures, no values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from casemate.controls.profiling.profile import ColumnSet, Profile
from casemate.controls.profiling.risk import THRESHOLD, Risk

Weight = Literal["bad", "open", "good"]
_SHOWN = 5


@dataclass(frozen=True)
class Finding:
    """One thing that the owner of a table should know.

    Args:
        weight: ``bad`` exposes people, ``open`` needs a look, ``good`` is as it should be.
        text: what was found.
        fix: what to do; empty where nothing needs doing.
    """

    weight: Weight
    text: str
    fix: str = ""


def findings(profile: Profile) -> tuple[Finding, ...]:
    """Return what a profile comes down to, the worst first; at least one."""
    found = [*_identifiers(profile), *_singled_out(profile), *_small_sets(profile), *_texts(profile)]
    found += [*_features(profile), *_unsure(profile)]
    return tuple(sorted(found, key=lambda one: ("bad", "open", "good").index(one.weight)))


def listed(names: Sequence[str], most: int = _SHOWN) -> str:
    """Return names in a row: ``a, b and c``; what is too much is counted."""
    shown = [*names[:most], f"{len(names) - most} more"] if len(names) > most else list(names)
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def share(value: float) -> str:
    """Return a share as a percentage that is 0 or 100 only where it is exactly that."""
    text = f"{value:.1%}"
    if value > 0 and text == "0.0%":
        return "less than 0.1%"
    return "more than 99.9%" if value < 1 and text == "100.0%" else text


def _identifiers(profile: Profile) -> Iterator[Finding]:
    names = [column.name for column in profile.of("identifier") if column.guess.kind != "free-text"]
    if names:
        verb = "column identifies" if len(names) == 1 else "columns identify"
        text = f"{len(names)} {verb} people or rows directly: {listed(names)}"
        yield Finding("bad", text, "drop them, or cover them with keys")


def _singled_out(profile: Profile) -> Iterator[Finding]:
    names = [column.name for column in profile.of("quasi-identifier")]
    if profile.risk is None:
        text = "no column was recognised as one that others may know of a person"
        yield Finding("open", text, "look at the roles below: a table about people has quasi-identifiers")
        return
    risk = profile.risk
    who = f"the {len(names)} quasi-identifiers taken together" if len(names) > 1 else f"the quasi-identifier {names[0]}"
    if risk.unique:
        yield Finding("bad", f"{share(risk.unique)} of the rows are alone in {who}", "blur them: casemate deidentify")
    elif risk.smallest < 1 / THRESHOLD:
        text = f"no row is alone in {who}, but the smallest group has only {risk.smallest:,} rows"
        yield Finding("open", text, "blur them: casemate deidentify")
    else:
        yield Finding("good", f"no row is alone in {who}: the smallest group has {risk.smallest:,} rows")


def _small_sets(profile: Profile) -> Iterator[Finding]:
    telling = [one for one in profile.sets if 1 < len(one.columns) < len(profile.of("quasi-identifier"))]
    worst = max(telling, key=lambda one: one.risk.unique, default=None)
    if worst is not None and worst.risk.unique >= 0.01:
        text = f"it takes only {listed(worst.columns)} to single out {share(worst.risk.unique)} of the rows"
        yield Finding("bad", text, "blur or drop one of them first")


def _texts(profile: Profile) -> Iterator[Finding]:
    for text in profile.texts:
        held = [f"{kind.lower().replace('_', ' ')} in {part:.0%}" for kind, part in list(text.found.items())[:3]]
        what = f"it holds {listed(held)} of {text.scanned} texts" if held else text.note
        yield Finding("bad" if held else "open", f"free text in {text.column}: {what}", "drop it")


def _features(profile: Profile) -> Iterator[Finding]:
    for one in profile.near_keys:
        if not one.known and len(one.columns) == 1:
            name = one.columns[0]
            text = f"the column {name} alone tells rows apart: {share(one.risk.unique)} have a value of their own"
            yield Finding("open", text, "round it, or make it a quasi-identifier, if others may know it")


def _unsure(profile: Profile) -> Iterator[Finding]:
    doubtful = [c.name for c in profile.columns if c.guess.confidence < 0.6 and c.role != "ignored"]
    if doubtful:
        count = "1 role is" if len(doubtful) == 1 else f"{len(doubtful)} roles are"
        yield Finding("open", f"{count} little more than a guess: {listed(doubtful)}", "check them in the policy")
    if profile.left_out:
        text = f"{len(profile.left_out)} columns were too many to search for near-keys: {listed(profile.left_out)}"
        yield Finding("open", text)


def telling(sets: Sequence[ColumnSet]) -> tuple[ColumnSet, ...]:
    """Return sets of columns, those that single out most rows first."""
    return tuple(sorted(sets, key=lambda one: (-one.risk.unique, -one.risk.mean, len(one.columns), one.columns)))


def figures(risk: Risk) -> tuple[tuple[str, str, str], ...]:
    """Return the figures of a risk: what, how much, and what it means."""
    told = [
        ("alone in their class", share(risk.unique), "rows that no other row looks like"),
        ("smallest class", f"{risk.smallest:,}", "rows that look alike, at least: the k of the table as it stands"),
        ("prosecutor, highest", share(risk.highest), "chance to find a person known to be in the table, at worst"),
        ("prosecutor, mean", share(risk.mean), "the same, for a row taken at random; what a marketer finds"),
        ("exposed", share(risk.exposed), f"rows whose chance to be found is above {THRESHOLD:.0%}"),
    ]
    if risk.population is not None:
        held = risk.population
        said = f"estimated, the table being {share(held.fraction)} of the population"
        told += [
            ("journalist, highest", share(held.journalist_max), f"chance to find anybody of the population, {said}"),
            ("journalist, mean", share(held.journalist_mean), f"the same for a row taken at random, {said}"),
        ]
        if held.unique is None:
            told.append(
                ("unique in the population", "no estimate", "Pitman's model needs classes of one and of more rows")
            )
        else:
            told.append(("unique in the population", share(held.unique), "people, estimated by Pitman's model"))
            if held.sample_unique_also is not None:
                text = "of the rows that are alone here, estimated by the same model"
                told.append(("alone in the population too", share(held.sample_unique_also), text))
    return tuple(told)
