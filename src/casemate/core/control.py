"""Control: something that protects a system; a claim with a stated limit, and one or more hooks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, cast, dataclass_transform

import numpy as np

from casemate.core import registry
from casemate.core.dataset import Dataset
from casemate.core.digests import digest
from casemate.core.errors import SystemFileError, did_you_mean
from casemate.core.model import Model
from casemate.core.release import Release
from casemate.core.request import Prediction, Request

if TYPE_CHECKING:
    from casemate.core.wire import Wire

OnError = Literal["closed", "open"]
HOOKS = ("on_data", "on_fit", "on_model", "calibrate", "on_request", "on_response", "on_wire", "on_release")
TRAINING_HOOKS = ("on_data", "on_fit")

TrainFunction = Callable[[Dataset, int], Model]


@dataclass(frozen=True, eq=False)
class Fitting:
    """What a control may look at while the system is being built.

    Args:
        data: the training rows, as earlier controls left them. An attacker may have touched them.
        trusted: a small set that the owner vouches for, or None.
        train: the recipe, as earlier controls left it; None where the system has none.
        rng: randomness for this control, the same in every arm.
        seed: a seed for this control, the same in every arm.
    """

    data: Dataset
    trusted: Dataset | None
    train: TrainFunction | None
    rng: np.random.Generator
    seed: int


@dataclass(frozen=True, eq=False)
class ReleaseFitting:
    """What a control may look at while a table is made ready to be given away.

    Args:
        raw: the table as the owner holds it, with its roles, before any control.
        rng: randomness for this control, the same in every arm.
        seed: a seed for this control, the same in every arm.
    """

    raw: Release
    rng: np.random.Generator
    seed: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Control:
    """The base of all controls; every hook is optional and defaults to doing nothing.

    Args:
        on_error: what becomes of a row when the control itself fails at run time: refused, or let through.
    """

    id: ClassVar[str]
    mitigates: ClassVar[tuple[str, ...]]
    limit: ClassVar[str]
    module: ClassVar[str]
    hooks: ClassVar[tuple[str, ...]]

    on_error: OnError = "closed"

    def beside(self, folder: Path) -> Control:
        """Return this control with the files that its options name read; their paths start from ``folder``.

        Called once, when a system or a policy is loaded, so that the control's digest covers what the files hold.
        """
        return self

    def on_data(self, fitting: Fitting) -> Dataset:
        """Return the training rows to keep."""
        return fitting.data

    def on_fit(self, train: TrainFunction, fitting: Fitting) -> TrainFunction:
        """Return a training function that replaces the recipe."""
        return train

    def on_model(self, model: Model, fitting: Fitting) -> Model:
        """Return a model that replaces the trained one."""
        return model

    def calibrate(self, model: Model, fitting: Fitting) -> Control:
        """Return this control with whatever it had to learn from the data and the final model."""
        return self

    def on_request(self, request: Request) -> Request:
        """Look at rows before the model sees them: pass, rewrite, refuse or raise an alarm."""
        return request

    def on_response(self, request: Request, prediction: Prediction) -> Prediction:
        """Look at answers before the client sees them."""
        return prediction

    def on_wire(self, wire: Wire) -> Wire:
        """Return how rows travel to the server and answers back, in place of ``wire``, which earlier controls left."""
        return wire

    def on_release(self, release: Release, fitting: ReleaseFitting) -> Release:
        """Return the table to give away in place of ``release``, which earlier controls left."""
        return release

    def digest(self) -> str:
        """Content digest of the id and the options."""
        return digest(self.id, options_of(self))


C = TypeVar("C")


def learned(default: Any = None) -> Any:
    """Declare a field that `calibrate` fills; no option of the system file."""
    return field(default=default, kw_only=True, repr=False, metadata={"learned": True})


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field, learned))
def control(id: str, *, mitigates: tuple[str, ...], limit: str) -> Callable[[type[C]], type[C]]:
    """Declare a class as a control and register it.

    `Control` is added to the class's bases where it is not among them; a type checker only sees it there when it is
    written. Hooks may be inherited. The class's annotated fields become its options in the system file, in kebab case;
    every control also takes ``on-error = "closed" | "open"``.

    Args:
        id: ``family.technique``, the technique being the file's name in kebab case.
        mitigates: ids of the threats in the catalogue that it claims to mitigate.
        limit: what it does not stop, with its source.
    """

    def wrap(cls: type[C]) -> type[C]:
        made: Any = _frozen(cls)
        if not issubclass(cls, Control):
            named = {name: getattr(cls, name) for name in ("__module__", "__qualname__", "__doc__")}
            made = _frozen(type(cls.__name__, (made, Control), named))
        made.id, made.mitigates, made.limit = id, mitigates, limit
        made.module = cls.__module__
        made.hooks = tuple(hook for hook in HOOKS if getattr(made, hook) is not getattr(Control, hook))
        registry.add("control", id, made)
        return cast(type[C], made)

    return wrap


_frozen = dataclass(frozen=True, kw_only=True, eq=False)


def option_fields(kind: type[Control]) -> dict[str, dataclasses.Field[Any]]:
    """Return what a system file may set of a control, by name in kebab case: its own options, then ``on-error``."""
    declared = [spec for spec in dataclasses.fields(kind) if not spec.metadata.get("learned")]
    declared.sort(key=lambda spec: spec.name == "on_error")
    return {spec.name.replace("_", "-"): spec for spec in declared}


def default_of(option: dataclasses.Field[Any]) -> Any:
    """Return what an option is where nobody sets it; `dataclasses.MISSING` where it must be set."""
    return option.default if option.default_factory is dataclasses.MISSING else option.default_factory()


def options_of(control: Control) -> dict[str, Any]:
    """Return a control's options by name in kebab case; learned fields left out."""
    return {key: getattr(control, spec.name) for key, spec in option_fields(type(control)).items()}


def configure(kind: type[Control], options: Mapping[str, Any]) -> Control:
    """Build a control from the options of a system file.

    Raises:
        SystemFileError: an unknown option, or a value of the wrong type or out of its range.
    """
    import typing

    import msgspec

    types = typing.get_type_hints(kind, include_extras=True)
    specs = option_fields(kind)
    values: dict[str, Any] = {}
    for key, value in options.items():
        if key not in specs:
            known = ", ".join(specs)
            raise SystemFileError(
                f"{kind.id} has no option {key!r}.{did_you_mean(key, specs)}",
                where=key,
                fix=f"its options are: {known}",
            )
        name = specs[key].name
        try:
            values[name] = msgspec.convert(value, types[name], strict=True)
        except msgspec.ValidationError as error:
            said = f"{str(error)[:1].lower()}{str(error)[1:]}"
            raise SystemFileError(
                f"{kind.id}: option {key!r}: {said}; it says {value!r}",
                where=key,
                fix=f"casemate explain {kind.id}",
            ) from None
    unset = {key: spec for key, spec in specs.items() if spec.name not in values}
    missing = [key for key, spec in unset.items() if default_of(spec) is dataclasses.MISSING]
    if missing:
        raise SystemFileError(
            f"{kind.id} needs the option {missing[0]!r}", where=missing[0], fix=f"casemate explain {kind.id}"
        )
    return kind(**values)
