"""Looking into a torch.export archive before torch does.

Loading a .pt2 file can run what is in it: torch unpickles some of its parts, looks operators up by any dotted name,
evaluates its size expressions and executes its guards. What is let through is what `torch.export.save` writes for a
plain network: ATen operators, sizes made of symbols and arithmetic, raw weights, and no compiled code.
"""

from __future__ import annotations

import ast
import io
import json
import re
import zipfile
from typing import Any

from casemate.core.errors import ModelUnreadable, PickleRefused
from casemate.systems.unpacking import check_archive

_PARTS = re.compile(
    r"[^/]+/(models/[^/]+\.json|data/weights/(weight_\d+|\w+_weights_config\.json)"
    r"|data/constants/(tensor_\d+|\w+_constants_config\.json)|data/sample_inputs/\w+\.pt"
    r"|archive_format|archive_version|byteorder|\.data/\w+|extra/[\w./]+)\Z"
)
_NAME = re.compile(r"[\w.]*\Z")
_OPERATOR = re.compile(
    r"(torch\.ops\.aten\.(?!from_file)\w+(\.\w+)?|math\.(ceil|floor|trunc|sqrt)|torch\.sym_\w+"
    r"|_operator\.(getitem|(i?(add|sub|mul|mod|pow|floordiv|truediv))|neg|pos|abs|lt|le|gt|ge|eq|ne|and_|or_|xor|not_))\Z"
)
_TEXT_KEYS = ("metadata", "as_string", "torch_version", "stack_trace")
"""Where any text may stand: torch keeps it or quotes it, and runs none of it."""

_SYMBOLS = re.compile(
    r"(Symbol|Integer|Float|Rational|Add|Mul|Pow|Min|Max|Mod|FloorDiv|CeilDiv|ModularIndexing|PythonMod"
    r"|Eq|Ne|Lt|Le|Gt|Ge|And|Or|Not|true|false|oo|int_oo|positive|integer|nonnegative|[su]\d+)\Z"
)
_ARITHMETIC = (
    ast.Expression,
    ast.Constant,
    ast.BinOp,
    ast.UnaryOp,
    ast.BoolOp,
    ast.Compare,
    ast.keyword,
    ast.Load,
    ast.operator,
    ast.unaryop,
    ast.boolop,
    ast.cmpop,
)


def check(content: bytes, where: str) -> None:
    """Look through the content of a .pt2 file.

    Raises:
        PickleRefused: it holds something that could run code; names it.
        ModelUnreadable: truncated or damaged.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        if min((entry.header_offset for entry in archive.infolist()), default=1) or archive.comment:
            raise zipfile.BadZipFile("an archive inside another, or text around one")
        check_archive(archive)
        names = archive.namelist()
        models = [name for name in names if "/models/" in name]
        _check_parts(names, models, where)
        _check_value(json.loads(archive.read(models[0])), "", where)
        for name in names:
            if name.endswith("_config.json"):
                _check_payload(json.loads(archive.read(name)), where)
            if "/sample_inputs/" in name:
                _check_samples(archive.read(name), where)
    except (zipfile.BadZipFile, ValueError, KeyError, EOFError, RecursionError, NotImplementedError) as error:
        raise ModelUnreadable(
            f"the torch.export archive is damaged or truncated: {error}", where=where, fix="export it again"
        ) from error


def _check_parts(names: list[str], models: list[str], where: str) -> None:
    strange = sorted(name for name in names if not _PARTS.match(name))
    if strange or len(set(names)) < len(names):
        raise _refusal(f"the part {strange[0]}" if strange else "two parts of one name", where)
    if len(models) != 1:
        raise ModelUnreadable(f"the archive holds {len(models)} programs, not one", where=where)


def _check_value(value: Any, key: str, where: str) -> None:
    """Walk through the program: every text in it must be a name, but for a few known places."""
    if key in _TEXT_KEYS:
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            if not _NAME.match(name):
                raise _refusal(f"the key {name!r}", where)
            _check_value(inner, name, where)
    elif isinstance(value, list):
        for inner in value:
            _check_value(inner, key, where)
    elif isinstance(value, str):
        _check_text(value, key, where)


def _check_text(text: str, key: str, where: str) -> None:
    if key in ("in_spec", "out_spec", "context"):
        _check_value(json.loads(text), "", where)
    elif key in ("expr_str", "guards_code"):
        if not _harmless(text, guard=key == "guards_code"):
            raise _refusal(f"the expression {text!r}", where)
    elif not (_OPERATOR if key == "target" else _NAME).match(text):
        raise _refusal(f"the {key or 'text'} {text!r}", where)


def _harmless(expression: str, *, guard: bool) -> bool:
    """Whether an expression only adds up symbols (and in a guard, compares sizes of the input)."""
    try:
        tree = ast.parse(expression, mode="eval")
    except SyntaxError:
        return False
    return all(_harmless_part(node, guard) for node in ast.walk(tree))


def _harmless_part(node: ast.AST, guard: bool) -> bool:
    match node:
        case ast.Name(id=name):
            return (guard and name == "L") or _SYMBOLS.match(name) is not None
        case ast.Call(func=ast.Name()):
            return True
        case ast.Call(func=ast.Attribute()) | ast.Subscript():
            return guard
        case ast.Attribute(attr=name):
            return guard and name in ("size", "stride", "storage_offset", "shape")
        case ast.Constant(value=str(text)):
            return _NAME.match(text) is not None
    return isinstance(node, _ARITHMETIC)


def _check_payload(config: Any, where: str) -> None:
    for name, payload in config["config"].items():
        if payload["use_pickle"] or not re.fullmatch(r"(weight|tensor)_\d+", payload["path_name"]):
            raise _refusal(f"the pickled tensor {name!r}", where)


def _check_samples(content: bytes, where: str) -> None:
    """Refuse samples that torch cannot unpickle with care: it would go on without."""
    import torch

    if not content:
        return
    try:
        torch.load(io.BytesIO(content), weights_only=True)
    except Exception as error:
        raise _refusal("sample inputs that are more than tensors", where) from error


def _refusal(what: str, where: str) -> PickleRefused:
    return PickleRefused(
        f"the torch.export archive holds {what}, which a plain network does not need",
        where=where,
        why="torch would run it while loading the file",
        fix="export the bare network again with torch.export, or save its weights as .safetensors with a factory",
    )
