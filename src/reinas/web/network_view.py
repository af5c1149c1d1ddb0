"""One network: its drawing, its code as `export` writes it, its decisions, what was measured."""

from collections.abc import Mapping
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


def described(record: AbstractRecord, trial: int) -> dict[str, Any]:
    """What is shown of a trial's network.

    Args:
        record: The study.
        trial: The trial's number.

    Raises:
        TrialError: There is no such trial.
    """
    found, settings = record.trial(trial), record.settings
    space, text = space_of(settings), record.texts([trial])[trial]
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
            [key.removeprefix("decisions."), _plain(value)]
            for key, value in told.items()
            if key.startswith("decisions.")
        ],
        "metrics": {} if found.outcome is None else dict(found.outcome.metrics),
        "recipe": _plain(settings.get("evaluator", {}).get("recipe")),
        **_written(settings, space, found.answers),
    }


def _written(settings: Mapping[str, Any], space: Any, answers: Any) -> dict[str, str]:
    """Drawing, code and a cell's formulas; empty where the space or the data are not here."""
    shown = {"svg": "", "code": "", "formulas": ""}
    if space is None:
        return shown
    architecture = space.decode(answers)
    if isinstance(space, RecurrentSpace):
        shown["formulas"] = formulas(architecture.cell)
    try:
        task = task_of(settings)
        if task is None:
            return shown
        shown["svg"] = unstyled(draw(architecture, task))
        # a function of somebody's own, which built it, is not imported for a look
        if "build" not in settings["evaluator"]:
            recipe = adjust_recipe(architecture, Recipe(**settings["evaluator"]["recipe"]))
            about = About(tuple(task.inputs), task.outputs, tuple(task.flags), recipe)
            shown["code"] = class_file(architecture, about)
    except (ReinasError, KeyError, TypeError):
        # the task's data, on which sizes depend, are not here; or nothing writes such a network
        pass
    return shown


def _plain(value: Any) -> Any:
    """A value as JSON has it, tuples as lists and other things as text."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case Mapping():
            return {str(key): _plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
        case _:
            return str(value)
