"""The system file: `load` reads casemate.toml and everything that it names."""

from __future__ import annotations

import datetime
import re
import tomllib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from casemate.core.access import Access
from casemate.core.control import Control
from casemate.core.errors import SystemFileError
from casemate.core.policy import Policy
from casemate.core.system import System
from casemate.systems.answering import answering, check_model, check_recipe
from casemate.systems.data import load_data
from casemate.systems.declaration import Declaration
from casemate.systems.lines import Lines, locate
from casemate.systems.protection import controls_of
from casemate.systems.rules import Settings, access_of, expired, policy_of, settings_of
from casemate.systems.strict import convert

NAME = "casemate.toml"
_LARGEST = 4 << 20


@dataclass(frozen=True, eq=False)
class Declared:
    """A system file and what it declares.

    Args:
        path: the file.
        system: the system that it describes.
        access: what attackers are assumed to have.
        policy: what the owner accepts.
        settings: how to assess.
        declaration: the file's tables.
        lines: where each key stands.
        warnings: what the owner should know although nothing is wrong, such as a waiver that has expired.
    """

    path: Path
    system: System
    access: Access
    policy: Policy
    settings: Settings
    declaration: Declaration
    lines: Lines
    warnings: tuple[str, ...] = ()


def load(
    path: Path,
    *,
    find_control: Callable[[str], type[Control]],
    attacks: Collection[str] | None = None,
    today: datetime.date | None = None,
) -> Declared:
    """Return the system that a file declares, its data and model loaded.

    Args:
        path: the file, or the folder that holds a casemate.toml. Paths inside it start from its folder.
        find_control: returns a control by its id, and raises UnknownName.
        attacks: the ids that the file may name; None leaves the names of attacks unchecked.
        today: the day to hold waivers against; None is this day.

    Raises:
        SystemFileError: a mistake in the file, with its line and key.
        DataError, ModelError, EndpointError, RecipeError: what the file names cannot be used.
    """
    path = Path(path)
    path = path / NAME if path.is_dir() else path
    declaration, lines = parse(_text(path), str(path))
    # What costs nothing to check comes before what has to be read.
    access, settings = access_of(declaration), settings_of(declaration, attacks, lines)
    policy = policy_of(declaration, attacks, lines)
    controls = controls_of(declaration.controls, find_control, lines)
    check_model(declaration.model, lines)
    check_recipe(declaration.model, path.parent)
    data = load_data(declaration.data, path.parent, lines)
    shipped = answering(declaration.model, data.train.schema, path.parent, lines)
    system = System(
        name=declaration.system.name,
        train=data.train,
        test=data.test,
        trusted=data.trusted,
        recipe=shipped.recipe,
        model=shipped.model,
        model_digest=shipped.digest,
        teacher=shipped.teacher,
        surface=declaration.system.surface,
        controls=controls,
    )
    warnings = expired(policy, today or datetime.date.today(), lines)
    return Declared(path, system, access, policy, settings, declaration, lines, warnings)


def parse(text: str, file: str = NAME) -> tuple[Declaration, Lines]:
    """Return the tables of a system file's text, and the lines of its keys; nothing that they name is looked at.

    Raises:
        SystemFileError: no valid TOML, an unknown or missing key, a value of the wrong type or out of its range.
    """
    try:
        raw = tomllib.loads(text)
        lines = locate(text.replace("\r\n", "\n"), file)
    except tomllib.TOMLDecodeError as error:
        raise _syntax(str(error), text, file) from None
    except RecursionError:
        raise SystemFileError("the file nests arrays or tables too deeply", where=file) from None
    return convert(raw, Declaration, lines), lines


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except FileNotFoundError:
        fix = "give its path, or write one: casemate init <data>"
        raise SystemFileError(f"there is no system file {path}", where=str(path), fix=fix) from None
    except OSError as error:
        fix = "check its permissions"
        raise SystemFileError(f"{path} cannot be read: {error.strerror}", where=str(path), fix=fix) from error
    if len(content) > _LARGEST:
        what = f"{path.name} has more than {_LARGEST >> 20} MiB, which no description of a system needs"
        raise SystemFileError(what, where=str(path), fix="give the path of a system file")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        what = f"{path.name} is not UTF-8: byte 0x{content[error.start]:02x}"
        raise SystemFileError(what, where=f"{path}:{line}", fix="save it as UTF-8") from None


def _syntax(message: str, text: str, file: str) -> SystemFileError:
    place = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", message)
    what = message[: place.start()] if place else message
    line, column = (place[1], place[2]) if place else (None, None)
    where = f"{file}:{line}:{column}" if line else f"{file}:{text.count(chr(10)) + 1}"
    fix = "see https://toml.io; text stands in quotes, and each key stands once"
    return SystemFileError(f"the file is not valid TOML: {what[:1].lower()}{what[1:]}", where=where, fix=fix)
