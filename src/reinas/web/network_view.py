"""One network: its drawing, its code as `export` writes it, its decisions, what was measured."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from reinas.children import adjust_recipe
from reinas.errors import ReinasError
from reinas.export.source.code import About
from reinas.export.source.network_file import class_file
from reinas.report.drawing import draw, unstyled
from reinas.report.formulas import formulas
from reinas.report.report import space_of, task_of
from reinas.report.rows import trial_row
from reinas.spaces.recurrent import RecurrentSpace
from reinas.store import AbstractRecord
from reinas.tasks.recipes import Recipe


@dataclass(frozen=True)
class _Shape:
    """What drawings and code need of a task, without its data."""

    name: str
    inputs: tuple[int, ...]
    outputs: int
    flags: tuple[int, ...]


class Networks:
    """The networks of a store's studies; a study's space and task are made once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[Any, _Shape | None]] = {}

    def described(self, record: AbstractRecord, trial: int) -> dict[str, Any]:
        """What is shown of a trial's network.

        Args:
            record: The study.
            trial: The trial's number.

        Raises:
            TrialError: There is no such trial.
        """
        found, settings = record.trial(trial), record.settings
        space, shape = self._made(record)
        text = record.texts([trial])[trial]
        told = trial_row(space, found, text)
        return {
            "trial": trial,
            "batch": found.batch,
            "state": found.state,
            "repeat_of": found.repeat_of,
            "reward": told["reward"],
            "error": told["error"],
            "seconds": told["seconds"],
            "architecture": text,
            "decisions": [
                [key.removeprefix("decisions."), value]
                for key, value in told.items()
                if key.startswith("decisions.")
            ],
            "metrics": {} if found.outcome is None else dict(found.outcome.metrics),
            "recipe": settings.get("evaluator", {}).get("recipe"),
            **_written(settings.get("evaluator", {}), space, shape, found.answers),
        }

    def _made(self, record: AbstractRecord) -> tuple[Any, _Shape | None]:
        key = (record.name, record.created)
        if key not in self._known:
            self._known[key] = space_of(record.settings), _shape(record.settings)
        return self._known[key]


def _shape(settings: Mapping[str, Any]) -> _Shape | None:
    try:
        task = task_of(settings)
        if task is None:
            return None
        return _Shape(task.name, tuple(task.inputs), task.outputs, tuple(task.flags))
    except ReinasError:  # the task's data, on which sizes depend, are not here
        return None


def _written(
    evaluator: Mapping[str, Any], space: Any, shape: _Shape | None, answers: Any
) -> dict[str, str]:
    """Drawing, code and a cell's formulas; empty where the space or the data are not here."""
    shown = {"svg": "", "code": "", "formulas": ""}
    if space is None:
        return shown
    architecture = space.decode(answers)
    if isinstance(space, RecurrentSpace):
        shown["formulas"] = formulas(architecture.cell)
    if shape is None:
        return shown
    shown["svg"] = unstyled(draw(architecture, shape))
    # a function of somebody's own, which built it, is not imported for a look
    if "build" not in evaluator:
        # some networks cannot be written as code, and say why when they are exported
        with suppress(ReinasError, KeyError, TypeError):
            recipe = adjust_recipe(architecture, Recipe(**evaluator["recipe"]))
            about = About(shape.inputs, shape.outputs, shape.flags, recipe)
            shown["code"] = class_file(architecture, about)
    return shown
