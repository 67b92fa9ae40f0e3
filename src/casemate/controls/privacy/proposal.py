"""A first privacy policy, written from a profile; every guess in it says why, and it loads as it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from casemate.controls.privacy.declaration import ValueType
from casemate.controls.profiling.facts import ColumnFacts
from casemate.controls.profiling.profile import Profile
from casemate.systems.lines import dotted, quoted

FEW = 1_000
"""Different values below which pseudonyms give away which is which, by how often each occurs."""

_WIDTH = 34
_TYPES: tuple[ValueType, ...] = ("text", "integer", "number", "boolean", "date", "time")
_HEADS = {
    "identifier": "Direct identifiers: each finds a person by itself. They are dropped, or covered with keys.",
    "quasi-identifier": "Quasi-identifiers: what others may know of a person, and which together find her. Blurred.",
    "sensitive": "Sensitive: what must not be learnt about a person. Kept as it is, and protected by l and t.",
    "target": "What a model shall tell.",
    "feature": "Features: kept as they are. Make quasi-identifiers of those that others may know of a person.",
    "ignored": "Nothing to see here: left out.",
}


def write_policy(profile: Profile, dataset: str = "") -> str:
    """Return the text of a commented privacy policy that `parse_policy` reads.

    Args:
        profile: what was found in the table.
        dataset: the data set's name; empty takes the file's.
    """
    parts = [list(_head(profile, dataset or _name(profile.source)))]
    parts += [list(_group(profile, role)) for role in _HEADS]
    parts += [list(_privacy(profile)), list(_gate()), list(_purposes(profile)), list(_encryption(profile))]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _head(profile: Profile, dataset: str) -> Iterator[str]:
    yield "# A privacy policy, proposed by a look at the data. Read every line: a guess says why it was made."
    yield "# Editors check this file by the schema that `casemate schema --of policy` prints."
    yield ""
    yield "version = 1"
    yield _noted(f"dataset = {quoted(dataset)}", f"{profile.rows:,} rows, {len(profile.columns):,} columns")
    if profile.subject is not None:
        why = "as you said" if profile.subject_told else "a guess: it tells people, or rows, apart"
        yield _noted(f"subject-key = {quoted(profile.subject)}", why)
    else:
        yield _noted('# subject-key = "person_id"', "the column that says which person a row is about")
    yield _noted('unknown-column = "quarantine"', "or refuse, or drop")


def _group(profile: Profile, role: str) -> Iterator[str]:
    columns = [column for column in profile.columns if column.role == role]
    if columns:
        yield f"# {_HEADS[role]}"
    for column in columns:
        yield ""
        yield f"[{dotted(('columns', column.name))}]"
        yield from (f"# {_line(reason)}" for reason in column.guess.reasons)
        yield _noted(f"role = {quoted(role)}", f"confidence {column.guess.confidence:.2f}: {column.guess.of.title}")
        if column.type in _TYPES:
            yield f"type = {quoted(column.type)}"
        yield from _treatment(column, profile)


def _treatment(column: ColumnFacts, profile: Profile) -> Iterator[str]:
    subject = column.name == profile.subject
    match column.role:
        case "identifier" if subject or column.guess.of.reversible:
            yield 'pseudonym = { kind = "hmac" }'
            yield '# pseudonym = { kind = "aes-siv", reversible-by = ["dpo"] }   # where it must be turned back'
            if column.different < FEW:
                yield f"# Only {column.different:,} values: how often each occurs may give away which is which."
        case "identifier":
            yield "drop = true"
            if column.guess.kind in ("card", "national-id", "phone"):
                yield '# pseudonym = { kind = "ff1" }   # instead of drop: keeps the format'
        case "quasi-identifier" if column.type in ("date", "time"):
            yield "# shift-days = 30   # instead of blurring: keeps the time between a person's dates"
        case "quasi-identifier" if column.type in ("integer", "number"):
            yield "# clip = [lowest, highest]   # everything beyond becomes the end"
        case "quasi-identifier":
            yield f"# generalise = {{ hierarchy = {quoted(_file(column.name))} }}   # without: halves of its values"
        case "ignored":
            yield "drop = true"


def _privacy(profile: Profile) -> Iterator[str]:
    sensitive = profile.of("sensitive")
    yield "# What every release must guarantee. k-anonymity alone is never enough: the gate below attacks the result."
    yield "[privacy]"
    k = 5 if profile.rows >= 50 else 2
    now = (
        f"the smallest group has {profile.risk.smallest:,} now" if profile.risk is not None else "of quasi-identifiers"
    )
    yield _noted(f"k = {k}", f"rows that look alike, at least; {now}")
    if sensitive:
        fewest = min(column.different for column in sensitive)
        yield _noted("l = 2" if fewest >= 2 else "# l = 2", "sensitive values in every such group, at least")
        yield _noted("# t = 0.2", "how far a group's sensitive values may lie from all rows'")
    yield _noted("max-suppression = 0.02", "share of the rows that may be left out")


def _gate() -> Iterator[str]:
    yield "# Attacks that a release must withstand before it is given away; limits default to their threats'."
    yield "[gate]"
    yield _noted("samples = 400", "people attacked by each attack")
    yield '# limits = { "reidentification.linkage" = 0.05 }'


def _purposes(profile: Profile) -> Iterator[str]:
    target = profile.of("target")
    yield "# What the data may be used for, for how long, and under which keys."
    yield "[purposes.training]"
    if target:
        yield _noted('columns = "minimal"', "only what the model really needs: casemate minimise")
    else:
        yield _noted('columns = "all"', '"minimal" once a column has the role target')
    yield _noted("# retention-days = 400", "after which its data must be deleted")
    yield _noted('key-epoch = "1"', "a new epoch is a rotation of the keys")


def _encryption(profile: Profile) -> Iterator[str]:
    yield "# How what is stored is sealed. Each group has a key of its own, and can be shredded alone."
    yield "# [encryption]"
    yield '# at-rest = "parquet"'
    groups = {"quasi": profile.of("quasi-identifier"), "sensitive": profile.of("sensitive")}
    for name, columns in groups.items():
        if columns:
            yield f"# groups.{name} = [{', '.join(quoted(column.name) for column in columns)}]"
    yield '# keys = "file:keys.casemate"'


def _noted(text: str, note: str) -> str:
    return f"{text:<{_WIDTH}} # {_line(note)}"


def _line(text: str) -> str:
    """Keep a comment on its line: a control character in it would end it, or is not allowed in TOML."""
    return "".join(char if char.isprintable() else "?" for char in text)


def _name(source: str) -> str:
    return Path(source.partition(":")[2] or source).name.partition(".")[0] or "data"


def _file(column: str) -> str:
    return f"{'_'.join(re.findall(r'[A-Za-z0-9]+', column)).lower() or 'column'}.csv"
