"""What `fit` does with which data: the space, the recipe, and where the search begins."""

import copy
import math
from dataclasses import dataclass, replace
from typing import Any

from reinas.errors import SettingError
from reinas.spaces.base import AbstractSpace
from reinas.spaces.lstm import LstmSpace
from reinas.spaces.stages import RESIDUAL, Stage, StagesArchitecture, StagesSpace
from reinas.spaces.tabular import TabularSpace
from reinas.tasks.base import AbstractTask
from reinas.tasks.recipes import KEEP_BEST, TABULAR_RECIPE, TEXT_RECIPE, Recipe
from reinas.tasks.user_data import FileTask, cache_data

LEAST_SIDE = 4
"""Positions per side that the last stage keeps."""
EPOCHS, WARMUP = 12, 0.05
"""How long a search trains networks for images, and the share in which the learning rate rises."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How `fit` searches and trains.

    Args:
        space: What may be built.
        recipe: How candidates are trained: its epochs and schedule hold where they are trained
            whole, as in a search; otherwise the clock takes their place.
        starts: Architectures to try first, in ascending order of their costs.
        by_recipe: Whether every candidate is trained whole by the recipe's epochs. Otherwise all
            are trained for a short time, and the best go on.
        mirror: Whether the final network averages over each image and its mirror image.
        members: Networks in the ensemble at most.
        whitening: How inputs are standardised where the task leaves that at its default; see
            `AbstractTask.whitening`. None: as the task says.
        passes: Passes over the training part that a network should make, if a smaller one can.
    """

    space: AbstractSpace[Any]
    recipe: Recipe
    starts: tuple[Any, ...] = ()
    by_recipe: bool = False
    mirror: bool = False
    members: int = 4
    whitening: str | None = None
    passes: float = 25.0

    @property
    def notes(self) -> tuple[str, ...]:
        """What is going to be done, for people."""
        networks = "one network" if self.members == 1 else f"up to {self.members} networks as one"
        if self.by_recipe:
            how = f"each is trained whole, for at most {self.recipe.epochs} epochs"
        else:
            how = "each is trained for a moment, and the best go on to the end"
        return (
            f"plan: search the space {self.space.name} ({self.space.size:,} networks); {how}; keep"
            f" {networks}",
        )

    def prepared(self, task: AbstractTask) -> AbstractTask:
        """The task with the plan's standardisation, where the task records its own and has none."""
        usual = task.settings.get("whitening") == AbstractTask.whitening
        if self.whitening is None or not usual:
            return task
        changed = copy.copy(task)
        object.__setattr__(changed, "whitening", self.whitening)
        if isinstance(task, FileTask) and isinstance(changed, FileTask):
            cache_data(changed, task.data)
        return changed


def plan_for(task: AbstractTask) -> Plan:
    """The plan for a task, by the shape of its examples.

    Args:
        task: The data.

    Returns:
        The plan.

    Raises:
        SettingError: Nothing is known about such data.
    """
    match len(task.inputs):
        case 0:
            return _text()
        case 1:
            return _table(task)
        case 2 | 3:
            return _images(task)
        case _:
            raise SettingError(
                "fit takes tables, series (channels, time), images (channels, height, width) and"
                f" text, but task '{task.name}' gives examples of shape {task.inputs}"
            )


def _images(task: AbstractTask) -> Plan:
    """Images and series: stages whose number fits the resolution."""
    dimensions = len(task.inputs) - 1
    side = min(task.inputs[1:])
    stem = max(1, 2 ** round(math.log2(side / 48))) if side > 48 else 1
    stages = min(5, max(2, round(math.log2(side / stem / LEAST_SIDE))))
    space = StagesSpace(
        stages=stages,
        stems=(stem, 2 * stem),
        widths=(16, 24, 32, 48, 64, 96),
        dimensions=dimensions,
    )
    is_photo = dimensions == 2 and task.inputs[0] == 3
    recipe = Recipe(
        learning_rate=0.2,
        weight_decay=5e-4,
        batch_size=64,
        epochs=EPOCHS,
        schedule="trapezoid",
        warmup=WARMUP,
        pad=max(1, side // 8) if dimensions == 2 else 0,
        flip=is_photo,
        label_smoothing=0.1,
        average=0.05,
        patience=KEEP_BEST,
    )
    starts = tuple(_residual(space, 2 * stem, width) for width in space.widths)
    return Plan(space, recipe, starts, mirror=is_photo)


def _residual(space: StagesSpace, stem: int, width: int) -> StagesArchitecture:
    """A plain residual network whose width doubles from stage to stage."""
    stages = tuple(
        Stage(RESIDUAL, 1, width * 2**number, kernel=3) for number in range(space.stages)
    )
    return StagesArchitecture(stem, width, stages, dimensions=space.dimensions)


def _table(task: AbstractTask) -> Plan:
    """Tables: residual networks on embedded columns, each trained whole, many in an ensemble."""
    space = TabularSpace()
    count = len(task.parts().train)
    batch_size = min(256, max(32, 2 ** round(math.log2(count / 40))))
    recipe = replace(TABULAR_RECIPE, batch_size=batch_size)
    return Plan(space, recipe, space.starts(), by_recipe=True, members=10, whitening="quantile")


def _text() -> Plan:
    """Text: LSTM layers. In minutes many small steps count most, and few passes will do."""
    space = LstmSpace()
    return Plan(space, TEXT_RECIPE, space.starts(), passes=4.0)
