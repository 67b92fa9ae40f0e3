"""A first system file, written from a look at the data; every guess in it says that it is one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from casemate.core.control import Control
from casemate.core.errors import OutOfRange
from casemate.core.schema import Column, Role
from casemate.systems import guesses
from casemate.systems.data import columns as told
from casemate.systems.data.read import Source
from casemate.systems.data.table import Table
from casemate.systems.declaration import DataTable
from casemate.systems.lines import Lines, dotted, quoted

_MOST_TABLES = 60
_TEST_SHARE = 0.25
_WIDTH = 32
_MOST_WORDS = 20


@dataclass(frozen=True)
class Guess:
    """What is proposed for one column.

    Args:
        column: the model input; None where the column is none.
        name: its name.
        role: its role.
        notes: what its owner should look at.
    """

    column: Column | None
    name: str
    role: Role
    notes: tuple[str, ...] = ()


def propose(
    train: str,
    *,
    test: str | None = None,
    target: str | None = None,
    model: str | None = None,
    recipe: str | None = None,
    base: Path | None = None,
    controls: Sequence[type[Control]] = (),
) -> str:
    """Return the text of a commented system file.

    The text loads as it stands where ``model`` (no pickle, no bare weights) or ``recipe`` is given.

    Args:
        train, test: sources of rows, as in [data].
        target: the target column; None guesses.
        model: a model file, or the address of an endpoint, ``https://host/v2/models/<name>``.
        recipe: ``module:function``.
        base: the folder that paths start from; None is the current one.
        controls: what to show as examples.

    Raises:
        DataError: a source cannot be read, or no column looks like the target.
    """
    base = base or Path()
    table, inside = Source(train, base).read()
    other = Source(test, base).read()[0] if test else inside
    tables = (table,) if other is None else (table, other)
    why = ""
    if target is not None:
        target, why = told.target_of(table, DataTable(train=train, target=target), {}, Lines()), "as you said"
    elif table.labels is None:
        target, why = guesses.target_of(table)
    guessed = _with_groups(tables, [_guess(tables, name) for name in table.names if name != target])
    parts = (
        _system(train),
        _data(train, test, inside is not None, target, why, guessed, table),
        _columns(guessed),
        _model(model, recipe, guessed),
        _controls(controls),
        _access(),
        _policy(),
    )
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _guess(tables: Sequence[Table], name: str) -> Guess:
    role = guesses.role_of(name)
    series = [table.column(name) for table in tables if name in table.names]
    if role in ("identifier", "ignored"):
        return Guess(None, name, role, ("looks like an identifier by its name: no model input",))
    missing = sum(int(s.null_count() + (s.is_nan().sum() if s.dtype.is_float() else 0)) for s in series)
    if missing:
        note = f"missing values: {missing}. Fill them in, then make it a feature"
        return Guess(None, name, "ignored", (note,))
    try:
        column = _told(tables, name)
    except OutOfRange as error:
        return Guess(None, name, "ignored", (error.what,))
    if column.kind == "category" and len(column.categories) > max(_MOST_WORDS, len(tables[0]) // 2):
        return Guess(None, name, "ignored", ("nearly every row has words of its own: an identifier, or free text",))
    notes = [] if role == "feature" else ["role by its name"]
    if column.kind in ("number", "integer") and column.low == column.high:
        notes.append("holds one value only")
    fixed = guesses.immutable(name)
    if fixed:
        notes.append("immutable by its name: nobody can change it to cheat the model")
    column = Column(name, role, column.kind, column.low, column.high, fixed, None, column.categories)
    return Guess(column, name, role, tuple(notes))


def _told(tables: Sequence[Table], name: str) -> Column:
    """Return one column as its values in all tables tell it."""
    import polars as pl

    frames = [table.column(name).to_frame() for table in tables if name in table.names]
    try:
        joined = pl.concat(frames, how="vertical_relaxed")
    except pl.exceptions.PolarsError:
        what = "training and test rows hold different types: make them alike, then make it a feature"
        raise OutOfRange(what) from None
    values = joined.get_column(name)
    alone = Table(tables[0].source, joined, (name,))
    (column,) = told.inputs(alone, "", DataTable(train=alone.source), {}, Lines())
    if column.kind in ("number", "integer"):
        low, high = float(str(values.min())), float(str(values.max()))
        if not np.isfinite([low, high]).all():
            raise OutOfRange("some values are infinite: repair them, then make it a feature")
        return Column(name, "feature", column.kind, low, high)
    return column


def _with_groups(tables: Sequence[Table], guessed: list[Guess]) -> list[Guess]:
    binary = [g for g in guessed if g.column is not None and g.column.kind in ("boolean", "number", "integer")]
    binary = [g for g in binary if g.column is not None and (g.column.low, g.column.high) == (0.0, 1.0)]
    names = [guess.name for guess in binary]
    if not names:
        return guessed
    rows = [
        np.column_stack([t.column(name).to_numpy().astype(np.float64) for name in names])
        for t in tables
        if set(names) <= set(t.names)
    ]
    groups = guesses.one_hot_groups(names, np.concatenate(rows))
    return [
        replace(
            guess,
            column=replace(guess.column, kind="boolean", one_hot=groups[guess.name]),
            notes=(*guess.notes, "one of its group is 1 in every row"),
        )
        if guess.column is not None and guess.name in groups
        else guess
        for guess in guessed
    ]


def _noted(text: str, note: str) -> str:
    """Return a line with a note beside it."""
    return f"{text:<{_WIDTH}} # {note}"


def _system(train: str) -> Iterator[str]:
    name = Path(train.partition(":")[2] or train).name.partition(".")[0] or "system"
    yield "# A system under test, proposed by a look at its data. Read every line: a guess says that it is one."
    yield "# Editors check this file by the schema that `casemate schema` prints."
    yield ""
    yield "[system]"
    yield f"name = {quoted(name)}"
    yield '# description = "What it decides, and about whom."'
    yield _noted('# surface = "labels"', "what clients are given; scores where this is left out")


def _data(
    train: str, test: str | None, inside: bool, target: str | None, why: str, guessed: Sequence[Guess], table: Table
) -> Iterator[str]:
    yield "[data]"
    yield _noted(f"train = {quoted(train)}", f"{len(table)} rows, {len(table.names)} columns")
    if test:
        yield f"test = {quoted(test)}"
    elif not inside:
        yield _noted(f"test-share = {_TEST_SHARE}", "no test file was named: a share of every class")
    if target:
        yield _noted(f"target = {quoted(target)}", why)
    yield _noted(
        '# trusted = "checked.csv"', "rows that you vouch for; controls that clean the training data need some"
    )
    groups = [g.name for g in guessed if g.role in ("quasi-identifier", "sensitive") and _small(g.column)]
    if groups:
        listed = ", ".join(map(quoted, groups))
        yield _noted(f"# groups = [{listed}]", "compare accuracy between their groups")
    common = _common_range(guessed)
    if common is not None:
        low, high = common
        yield _noted(f"range = [{low!r}, {high!r}]", "of every number, as seen")


def _columns(guessed: Sequence[Guess]) -> Iterator[str]:
    yield "# What is known of each column. Ranges are those seen in the data: widen them to what the world allows, for"
    yield "# they bound what an attacker may write, and distances are measured by them."
    brief = len(guessed) > _MOST_TABLES
    alike = _common_range(guessed) is not None
    plain = [g for g in guessed if g.column is not None and g.role == "feature" and (alike or not g.notes)]
    if brief:
        yield f"# {len(plain)} plain columns are left out: their kinds and ranges are told from the training rows."
    for guess in guessed:
        if not (brief and guess in plain):
            yield ""
            yield f"[{dotted(('data', 'columns', guess.name))}]"
            yield from (f"# {note.replace(chr(10), ' ')}" for note in guess.notes)
            yield from _keys(guess)


def _keys(guess: Guess) -> Iterator[str]:
    yield f"role = {quoted(guess.role)}"
    column = guess.column
    if column is not None:
        yield f"kind = {quoted(column.kind)}"
        if column.kind in ("number", "integer"):
            ends = [int(end) if column.kind == "integer" else end for end in (column.low, column.high)]
            yield f"range = [{ends[0]!r}, {ends[1]!r}]"
        if column.categories:
            yield f"categories = [{', '.join(map(quoted, column.categories))}]"
        if column.immutable:
            yield "immutable = true"
        if column.one_hot:
            yield f"one-hot = {quoted(column.one_hot)}"


def _model(model: str | None, recipe: str | None, guessed: Sequence[Guess]) -> Iterator[str]:
    yield "[model]"
    address = model is not None and model.startswith(("http://", "https://"))
    if model is not None and not address:
        yield f"artefact = {quoted(model)}"
        yield from _about_artefact(model, guessed)
    if recipe is not None:
        yield f"recipe = {quoted(recipe)}"
        yield _noted('# input = "frame"', "where the model it returns takes named columns and not an array of numbers")
    else:
        yield _noted('# recipe = "train:fit"', "fit(data, seed) in train.py; attacks on training need it")
        if model is None:
            yield _noted('# artefact = "model.skops"', "one of recipe, artefact and [model.endpoint] must be given")
    if model is not None and address:
        url, _, name = model.partition("/v2/models/")
        yield ""
        yield "[model.endpoint]"
        yield f"url = {quoted(url)}"
        yield f"model = {quoted(name.strip('/').partition('/')[0] or 'model')}"


def _about_artefact(model: str, guessed: Sequence[Guess]) -> Iterator[str]:
    ending = Path(model).suffix.lower()
    if ending in (".pkl", ".pickle", ".joblib"):
        yield _noted("# allow-pickle = true", "a pickle is code: allow it only where you trust whoever wrote it")
    if ending == ".safetensors":
        yield _noted('# factory = "net:make"', "make() in net.py gives the network that the weights belong to")
    if any(guess.column is not None and guess.column.kind == "category" for guess in guessed):
        yield _noted('input = "frame"', "guessed, for there are categories: it takes named columns with words")


def _controls(controls: Sequence[type[Control]]) -> Iterator[str]:
    yield "# What protects it, in the order in which requests meet it. `casemate list controls` shows all."
    for control in controls:
        summary = (control.__doc__ or "").strip().splitlines()
        yield "#"
        yield _noted("# [[controls]]", summary[0] if summary else control.id)
        yield f"# use = {quoted(control.id)}"


def _access() -> Iterator[str]:
    yield "# What attackers are assumed to have. Without this table they have everything: the strongest attacker."
    yield "# [access]"
    yield '# knowledge = "black-box"'
    yield "# training-rows = false"
    yield "# queries = 10000"


def _policy() -> Iterator[str]:
    from casemate.threats import catalogue

    yield _noted(
        "# The largest effect that you accept. These are the catalogue's defaults; remove the", "to change one."
    )
    yield "# [policy.limits]"
    for threat in catalogue().threats.values():
        if threat.default_limit is not None:
            yield _noted(f"# {threat.id} = {threat.default_limit}", threat.effect)


def _small(column: Column | None) -> bool:
    return column is not None and (column.kind == "boolean" or 2 <= len(column.categories) <= 10)


def _common_range(guessed: Sequence[Guess]) -> tuple[float, float] | None:
    """Return one range for many plain numbers alike, such as pixels; None where they differ."""
    numbers = [g.column for g in guessed if g.column is not None and g.column.kind in ("number", "integer")]
    if len(guessed) <= _MOST_TABLES or len(numbers) < len(guessed):
        return None
    low, high = min(c.low for c in numbers), max(c.high for c in numbers)
    full = sum((column.low, column.high) == (low, high) for column in numbers)
    return (low, high) if full > len(numbers) / 4 else None
