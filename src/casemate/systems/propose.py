"""A first system file, written from a look at the data; every guess in it says that it is one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from casemate.core.control import Control
from casemate.core.schema import Column
from casemate.systems.data import columns as told
from casemate.systems.data.read import Source
from casemate.systems.data.table import Table
from casemate.systems.declaration import DataTable
from casemate.systems.guesses import Guess, guess_columns, target_of
from casemate.systems.lines import Lines, dotted, quoted

_MOST_TABLES = 60
_TEST_SHARE = 0.25
_WIDTH = 32


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
        target, why = target_of(table)
    guessed = guess_columns(tables, [name for name in table.names if name != target])
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
        if model is None or address or not _has_words(guessed):  # else _about_artefact has said it
            yield _noted(
                '# input = "frame"', "where the model it returns takes named columns and not an array of numbers"
            )
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
    if _has_words(guessed):
        yield _noted('input = "frame"', "guessed, for there are categories: it takes named columns with words")


def _has_words(guessed: Sequence[Guess]) -> bool:
    return any(guess.column is not None and guess.column.kind == "category" for guess in guessed)


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
