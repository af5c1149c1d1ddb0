"""Untrained found networks of every space, with statistics that are no round numbers."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from reinas import (
    Classification,
    ConvSpace,
    FoundNetwork,
    MlpSpace,
    NasBench201Space,
    Recipe,
    RecurrentSpace,
    Regression,
    StagesSpace,
    TabularSpace,
    ToySpace,
    build,
    conv_blocks,
)
from reinas.children.ensemble import combined
from reinas.export.saved import describe
from reinas.objectives.language import LanguageModelling
from reinas.spaces.lstm import LstmSpace
from reinas.tasks.scaling import Scaling


@dataclass
class Shapes:
    """As much of a task as a network needs."""

    inputs: tuple[int, ...]
    outputs: int
    objective: Any = field(default_factory=Classification)
    name: str = "shapes"
    flags: tuple[int, ...] = ()
    labels: dict[str, Any] = field(default_factory=dict)


def classes(count):
    return {"classes": [f"class {n}" for n in range(count)]}


IMAGES = Shapes((3, 12, 10), 4, labels=classes(4))
LARGE = Shapes((3, 28, 28), 4, labels=classes(4))
SERIES = Shapes((2, 30), 3, labels=classes(3))
TABLE = Shapes((7,), 1, Regression(), flags=(2, 5))
TEXT = Shapes((), 11, LanguageModelling(), labels=classes(11))

CASES = {
    "conv": (ConvSpace(depth=5, filters=(2, 3), strides=(1, 2)), IMAGES),
    "conv, all layers": (
        ConvSpace(depth=6, filters=(2, 3), layer_types=True),
        IMAGES,
    ),
    "conv, large": (ConvSpace(depth=4, filters=(4, 8)), LARGE),
    "conv, series": (ConvSpace(depth=4, filters=(2, 3), dimensions=1), SERIES),
    "conv-blocks": (conv_blocks(depth=2, filters=(2,)), IMAGES),
    "lstm": (LstmSpace(widths=(8,)), TEXT),
    "mlp": (MlpSpace(depth=3, widths=(4, 8)), TABLE),
    "nasbench201": (NasBench201Space(channels=4, cells=1), IMAGES),
    "recurrent": (RecurrentSpace(base=4, layers=2, budget=900), TEXT),
    "stages": (StagesSpace(stages=3, widths=(8,), depths=(1, 2)), IMAGES),
    "stages, large": (StagesSpace(stages=3, widths=(8,), depths=(1, 2)), LARGE),
    "stages, series": (StagesSpace(stages=2, widths=(8,), dimensions=1), SERIES),
    "tabular": (TabularSpace(widths=(8,), bins=(4,)), TABLE),
    "toy": (ToySpace(), Shapes((1,), 1, Regression())),
}
"""A space and a task each."""


def child_of(space, task, seed):
    """A random architecture's network; its running statistics are drawn, too."""
    torch.manual_seed(seed)
    answers = space.sample(1, seed)[0]
    child = build(space.decode(answers), task)
    for key, value in child.state_dict().items():
        if "running" in key or (key.endswith("weight") and value.ndim == 1):
            value.copy_(torch.rand(value.shape) + 0.5)
    return answers, child


def scalings(task, seed):
    rng = np.random.default_rng(seed)
    if task.objective.tokens:
        return Scaling.none(), Scaling.none()
    if len(task.inputs) == 1 and task.inputs[0] > 1:
        x = rng.standard_cauchy((200, *task.inputs)).astype(np.float32)
        for flag in task.flags:
            x[:, flag] = rng.integers(0, 2, 200)
        inputs = Scaling.quantile(x)
    else:
        shape = (task.inputs[0], *(1 for _ in task.inputs[1:]))
        mean, std = (rng.uniform(1, 2, shape).astype(np.float32) for _ in range(2))
        inputs = Scaling(mean, std)
    if isinstance(task.objective, Regression):
        return inputs, Scaling(np.full(1, 3.0, np.float32), np.full(1, 2.0, np.float32))
    return inputs, Scaling.none()


def found(case, seed=0):
    """A found network of a case: one network, in evaluation mode."""
    space, task = CASES[case]
    answers, child = child_of(space, task, seed)
    about = describe(space, answers, task, recipe=Recipe(epochs=3).settings)
    return FoundNetwork(child, *scalings(task, seed), about).eval()


def ensemble(case, count=3, *, mirror=False):
    """Several networks of a case as one."""
    space, task = CASES[case]
    pairs = [child_of(space, task, seed) for seed in range(count)]
    weights = [1.0 + n for n in range(count)]
    child = combined([c for _, c in pairs], weights, task.objective, mirror=mirror)
    members = [
        {
            "trial": n,
            "answers": list(answers),
            "summary": str(space.decode(answers)),
            "architecture": describe(space, answers, task)["architecture"],
            "weight": weight / sum(weights),
        }
        for n, ((answers, _), weight) in enumerate(zip(pairs, weights, strict=True))
    ]
    about = describe(
        space, pairs[0][0], task, recipe=Recipe().settings, members=members, mirror=mirror
    )
    return FoundNetwork(child, *scalings(task, 0), about).eval()


def raw_examples(network, count=6, seed=1):
    """Raw examples for a network, or a window of tokens [T, count]."""
    inputs = network.description["task"]["inputs"]
    generator = torch.Generator().manual_seed(seed)
    if network.objective.tokens:
        return torch.randint(len(network.classes), (9, count), generator=generator)
    return torch.randn(count, *inputs, generator=generator) * 2 + 1
