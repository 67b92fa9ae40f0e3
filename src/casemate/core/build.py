"""Building an arm: training data through the controls, the recipe, the model, the Guard around it, and the wire."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any

from casemate.core.control import TRAINING_HOOKS, Control, Fitting, ReleaseFitting, TrainFunction
from casemate.core.dataset import Dataset
from casemate.core.digests import digest
from casemate.core.errors import CasemateError, ControlFailed, RecipeMissing, ReleaseMissing, ShapeMismatch
from casemate.core.guard import Guard
from casemate.core.model import Model
from casemate.core.release import Release
from casemate.core.seeds import derive, generator
from casemate.core.system import System
from casemate.core.wire import ClearWire, Wire

_KEPT = 64
_KEPT_BYTES = 1 << 29
_KEPT_ROWS = 4
_trained: OrderedDict[str, tuple[Model, int]] = OrderedDict()
_filtered: OrderedDict[tuple[type[Control], str], Dataset] = OrderedDict()
_released: OrderedDict[tuple[str, int], Release] = OrderedDict()


@dataclass(frozen=True, eq=False)
class Built:
    """A system made ready to answer.

    Args:
        guard: the model behind its calibrated controls.
        data: the training rows as the controls left them.
        trained: how many models were trained for it (0 where the shipped artefact served).
        wire: how rows travel to the machine that the model runs on.
    """

    guard: Guard
    data: Dataset
    trained: int
    wire: Wire


def trains(system: System) -> bool:
    """Whether building the system's model needs its recipe."""
    return system.model is None or any(hook in c.hooks for c in system.controls for hook in TRAINING_HOOKS)


def build(system: System, seed: int, data: Dataset | None = None, *, retrain: bool = False) -> Built:
    """Build a system: data controls, training, model controls, calibration, Guard.

    Args:
        seed: seed of the training and, with the controls' ids, of the controls; the same in every arm.
        data: training rows to use instead of the system's own, for example poisoned ones.
        retrain: train by the recipe even where a shipped artefact would serve.

    Raises:
        RecipeMissing: training is needed and the system has no recipe.
        RecipeError: the recipe failed.
        ControlFailed: a control raised.
    """
    needs_training = retrain or data is not None or trains(system)
    train = _train_function(system)
    if needs_training and train is None:
        raise RecipeMissing(
            f"the system {system.name!r} must be trained for this, and it has no recipe",
            where="[model] recipe",
            fix='add recipe = "module:function" to the system file',
        )
    fitting = Fitting(data if data is not None else system.train, system.trusted, train, generator(seed), seed)
    for control in system.controls:
        if "on_data" in control.hooks:
            rows = _rows_kept(control, fitting, system) if data is None else _filter(control, fitting)
            fitting = replace(fitting, data=rows)
    for control in system.controls:
        if train is not None and "on_fit" in control.hooks:
            train = _call(control, "on_fit", train, _own(control, fitting))
            fitting = replace(fitting, train=train)
    model = train(fitting.data, derive(seed, "train")) if needs_training and train else _artefact(system)
    check_fits(model, system)
    for control in system.controls:
        model = _call(control, "on_model", model, _own(control, fitting))
    calibrated = tuple(_call(control, "calibrate", model, _own(control, fitting)) for control in system.controls)
    guard = Guard(model, calibrated, system.surface)
    return Built(guard, fitting.data, int(needs_training), _wire(guard))


def release_of(system: System, seed: int) -> Release:
    """Return the table that a system gives away: the raw one, as its controls make it ready, in their order.

    Args:
        seed: with the controls' ids, the seed of the controls; the same in every arm.

    Raises:
        ControlFailed: a control raised.
        ReleaseMissing: the system gives no table away.
    """
    raw = system.release
    if raw is None:
        raise ReleaseMissing(f"the system {system.name!r} gives no table away", fix="add a table [release]")
    key = system.digest, seed
    if key not in _released:
        release = raw
        for control in system.controls:
            if "on_release" in control.hooks:
                mine = derive(seed, "control", control.id)
                release = _call(control, "on_release", release, ReleaseFitting(raw, generator(mine), mine))
        _released[key] = release
        while len(_released) > _KEPT_ROWS:
            _released.popitem(last=False)
    _released.move_to_end(key)
    return _released[key]


def check_fits(model: Model, system: System) -> None:
    """Raise ShapeMismatch where the model's inputs or classes disagree with the data's."""
    have, want = (model.features, model.classes), (system.train.schema.features, system.train.classes)
    if have != want:
        raise ShapeMismatch(
            f"the model takes {have[0]} inputs and tells {have[1]} classes apart; "
            f"the data has {want[0]} input columns and {want[1]} classes",
            where=f"{model.kind}, [model] and [data] of {system.name!r}",
            why="predictions would be nonsense or fail",
            fix="check the columns' roles and order in [data], or the model file",
        )


def _wire(guard: Guard) -> Wire:
    wire: Wire = ClearWire(guard.ask, guard.model.features, guard.model.classes)
    for control in guard.controls:
        if "on_wire" in control.hooks:
            wire = _call(control, "on_wire", wire)
    return wire


def _artefact(system: System) -> Model:
    assert system.model is not None  # needs_training is true where there is no artefact
    return _own_copy(system.model, system)


def _own_copy(model: Model, system: System) -> Model:
    """Return the model, or a copy where a control is handed it to change: other arms share the original."""
    changed = any(hook in control.hooks for control in system.controls for hook in ("on_fit", "on_model"))
    return copy.deepcopy(model) if changed else model


def _filter(control: Control, fitting: Fitting) -> Dataset:
    rows: Dataset = _call(control, "on_data", _own(control, fitting))
    return rows


def _rows_kept(control: Control, fitting: Fitting, system: System) -> Dataset:
    """What a control leaves of the owner's own rows; arms and attacks share it, since filters may be slow."""
    trusted = fitting.trusted.digest if fitting.trusted else None
    recipe = system.recipe.digest if system.recipe else None
    key = type(control), digest(control.digest(), fitting.data.digest, trusted, recipe, fitting.seed)
    if key not in _filtered:
        _filtered[key] = _filter(control, fitting)
        while len(_filtered) > _KEPT_ROWS:
            _filtered.popitem(last=False)
    _filtered.move_to_end(key)
    return _filtered[key]


def _own(control: Control, fitting: Fitting) -> Fitting:
    mine = derive(fitting.seed, "control", control.id)
    return replace(fitting, seed=mine, rng=generator(mine))


def _call(control: Control, hook: str, *arguments: Any) -> Any:
    try:
        made = getattr(control, hook)(*arguments)
        if made is None:
            raise TypeError("it returned nothing")
        return made
    except CasemateError:
        raise
    except Exception as error:
        raise ControlFailed(
            f"the control {control.id} failed in {hook}: {error}",
            where=control.module,
            why="an arm with a control that cannot be built says nothing about it",
            fix="check the control's options and the data it was given",
        ) from error


def _train_function(system: System) -> TrainFunction | None:
    recipe = system.recipe
    if recipe is None:
        return None

    def train(data: Dataset, seed: int) -> Model:
        # The same recipe, rows and seed give the same model: arms that share them share one training.
        key = digest(recipe.digest, data.digest, seed)
        if key not in _trained:
            model = recipe.train(data, seed)
            _trained[key] = model, _weight(model)
            while len(_trained) > 1 and (len(_trained) > _KEPT or sum(w for _, w in _trained.values()) > _KEPT_BYTES):
                _trained.popitem(last=False)
        _trained.move_to_end(key)
        return _own_copy(_trained[key][0], system)

    return train


class _Scale:
    """A file that weighs what is written to it, and keeps nothing."""

    weight = 0

    def write(self, data: Any) -> None:
        self.weight += memoryview(data).nbytes


def _weight(model: Model) -> int:
    """About how many bytes a model holds; half of all that may be kept where it cannot be told."""
    scale = _Scale()
    try:
        pickle.Pickler(scale, protocol=5).dump(model)
    except Exception:
        return _KEPT_BYTES // 2
    return scale.weight
