"""The system file: `load` reads casemate.toml and everything that it names."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from casemate.core.access import Access
from casemate.core.control import Control
from casemate.core.dataset import nothing
from casemate.core.policy import Policy
from casemate.core.system import System
from casemate.systems.answering import Answering, answering, check_model, check_recipe
from casemate.systems.data import load_data
from casemate.systems.declaration import Declaration
from casemate.systems.lines import Lines
from casemate.systems.protection import controls_of
from casemate.systems.release import ReadLabels, check_parts, load_release, versions_of
from casemate.systems.rules import Settings, access_of, expired, policy_of, settings_of
from casemate.systems.strict import convert
from casemate.systems.text import parse_text, read_text

NAME = "casemate.toml"


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
    read_labels: ReadLabels | None = None,
) -> Declared:
    """Return the system that a file declares, its data and model loaded.

    Args:
        path: the file, or the folder that holds a casemate.toml. Paths inside it start from its folder.
        find_control: returns a control by its id, and raises UnknownName.
        attacks: the ids that the file may name; None leaves the names of attacks unchecked.
        today: the day to hold waivers against; None is this day.
        read_labels: reads a table that another program has made ready; without it a system file that names one is
            refused.

    Raises:
        SystemFileError: a mistake in the file, with its line and key.
        DataError, ModelError, EndpointError, RecipeError: what the file names cannot be used.
    """
    path = Path(path)
    path = path / NAME if path.is_dir() else path
    text = read_text(path, "system file", "give its path, or write one: casemate init <data>")
    declaration, lines = parse(text, str(path))
    # What costs nothing to check comes before what has to be read.
    access, settings = access_of(declaration), settings_of(declaration, attacks, lines)
    policy = policy_of(declaration, attacks, lines)
    controls = controls_of(declaration.controls, find_control, lines, path.parent)
    check_parts(declaration, lines)
    shipped, data, release = Answering(), None, None
    if declaration.data is not None:
        check_model(declaration.model, lines)
        check_recipe(declaration.model, path.parent)
        data = load_data(declaration.data, path.parent, lines)
        shipped = answering(declaration.model, data.train.schema, path.parent, lines)
    if declaration.release is not None:
        release = load_release(declaration, path.parent, lines, read_labels)
    system = System(
        name=declaration.system.name,
        train=data.train if data else nothing(),
        test=data.test if data else nothing(),
        trusted=data.trusted if data else None,
        recipe=shipped.recipe,
        model=shipped.model,
        model_digest=shipped.digest,
        teacher=shipped.teacher,
        surface=declaration.system.surface,
        controls=(*controls, *(release.controls if release else ())),
        release=release.raw if release else None,
        known=release.known if release else (),
        versions=versions_of(declaration, path.parent),
    )
    warnings = expired(policy, today or datetime.date.today(), lines)
    return Declared(path, system, access, policy, settings, declaration, lines, warnings)


def parse(text: str, file: str = NAME) -> tuple[Declaration, Lines]:
    """Return the tables of a system file's text, and the lines of its keys; nothing that they name is looked at.

    Raises:
        SystemFileError: no valid TOML, an unknown or missing key, a value of the wrong type or out of its range.
    """
    raw, lines = parse_text(text, file)
    return convert(raw, Declaration, lines), lines
