"""Your own data: a task has a training, a validation and a test part, as arrays.

Data that are files need no class: see `images:`, `arrays:`, `table:` and `text:` in the README.
`reinas.testing.TaskContract` proves a task. Run it: `python examples/own_data.py`.
"""

from dataclasses import dataclass

import numpy as np

import reinas
from reinas.tasks.base import Part, Parts


@dataclass(frozen=True)
class Waves(reinas.AbstractTask):
    """Predict sin(3 x + z) from x and z."""

    reward: str = "auto"
    name, objective, inputs, outputs = "waves", reinas.Regression(), (2,), 1
    recipe = reinas.Recipe(epochs=10)

    def parts(self) -> Parts:
        """400 examples to train on, 200 to validate on."""
        return Parts(_draw(400, 0), _draw(200, 1))

    def test(self) -> Part:
        """200 others, which only `reinas.finish` reads."""
        return _draw(200, 2)


def _draw(count: int, seed: int) -> Part:
    x = np.random.default_rng(seed).uniform(-1, 1, (count, 2)).astype(np.float32)
    return Part(x, np.sin(3 * x[:, :1] + x[:, 1:]))


space = reinas.MlpSpace(depth=2)
evaluator = reinas.TrainedEvaluator(Waves())
study = reinas.search(space, reinas.RandomSearch(space), evaluator, budget=reinas.Budget(trials=8))
print(f"best: {study.best_architecture}, reward {study.best_trial.reward:.3f}")
